# Paths of which others may write a part. Whoever may write to a directory may at any moment put a link in the place of what
# lies there. So nothing is done by a whole path: a script enters the directory, looks where it is, and stays inside.

# enter DIRECTORY: goes there, by no link that somebody else could have laid. From then on `./NAME` means what lies in that very
# directory, wherever it is moved. Those of which `followed` has a line are entered by any link.
enter() { { cd -P -- "$1/" && [ "$PWD" = "${1:-/}" ]; } 2>/dev/null || way "$1"; }

# way DIRECTORY: goes there name by name, along the links that count.
way() {
  way=${1#/}/ laid= links=0
  free "$1"
  cd /
  while [ -n "$way" ]; do
    part=${way%%/*} way=${way#*/}
    if [ -z "$part" ] || [ "$part" = . ]; then continue; fi
    if [ -L "./$part" ]; then
      leads "$part" || return
      case $target in /*) cd / ;; esac
      way=$target/$way
    else
      down "$part" || die "there is no directory $1" || return
    fi
  done
  theirs
}

# down NAME: enters a directory of this one, and no link.
down() {
  here=${PWD%/}
  # Its status is that of the function.
  # shellcheck disable=SC2164
  if [ "$1" = .. ]; then cd -P ..; else { cd -P "./$1" && [ "$PWD" = "$here/$1" ]; } 2>/dev/null; fi
}

# leads NAME: leaves in $target where the link NAME of this directory leads, if it counts. One that root laid where nobody else
# can counts. One in a directory of a user, who may exchange it and is left in $laid, counts if it ends in a directory of that
# user's own: so it opens to him nothing that he could not open before. In a directory with the sticky bit only root's own
# counts. The kernel does not follow that of a user there either.
leads() {
  way_link=${PWD%/}/$1
  [ $((links+=1)) -le 40 ] || die "$way_link leads in a circle" || return
  target=$(stat -c %u:%a . "./$1" && readlink "./$1") || die "it is not known where $way_link leads" || return
  way_dir=${target%%"$nl"*} target=${target#*"$nl"}
  way_owner=${target%%:*} target=${target#*"$nl"}
  [ -z "$free" ] || return 0
  case $way_dir in
    0:[1357]??[2367] | 0:[1357]?[2367]?) if [ "$way_owner" = 0 ]; then return 0; else strayed; return; fi ;;
    0:*[2367]? | *[2367]) strayed; return ;;
    0:*) return 0 ;;
    *) if [ -O . ]; then return 0; fi ;;
  esac
  [ "${laid:-${way_dir%%:*}}" = "${way_dir%%:*}" ] || strayed || return
  laid=${way_dir%%:*}
}

# theirs: whether this directory belongs to the user who laid the links to it, if one did.
theirs() { [ -z "$laid" ] || [ "$(stat -c %u .)" = "$laid" ] || strayed; }
strayed() { die "$way_link is a link that others may exchange, and may lead anywhere: name where it leads, or say \`follow: true\`"; }

# free DIRECTORY: leaves in $free whether any link leads there, by the wish of who declared something in it.
free() { case $nl${followed-}$nl in *"$nl$1$nl"*) free=yes ;; *) free=${free_end-} ;; esac; }

# ends PATH: enters the directory in which the links that begin at PATH end, and leaves in $name what it is called there.
ends() {
  end=$1 by= hops=0
  free "${1%/*}"; free_end=$free
  while enter "${end%/*}" || return; name=${end##*/}; [ -L "./$name" ]; do
    [ $((hops+=1)) -le 40 ] || die "$1 leads in a circle" || return
    laid=$by links=0 free=$free_end
    leads "$name" || return
    by=$laid
    case $target in /*) end=$target ;; *) end=${PWD%/}/$target ;; esac
  done
  laid=$by free_end=
  theirs
}

# closed: whether nobody but us and root can write to this directory.
closed() { [ -O . ] && case $(stat -c %a .) in *[2367] | *[2367]?) false ;; esac; }
