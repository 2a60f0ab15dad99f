# Each folder that was asked about, in a line, and whether it is passable: + or -.
passed=

# passable FOLDER: whether everyone on the host may go through all of the way to FOLDER; each is asked about once.
passable() {
  case $nl$passed in
    *"$nl+$1$nl"*) return 0 ;;
    *"$nl-$1$nl"*) return 1 ;;
  esac
  folder=$1 may=+ way=$(cd -P -- "$1/" 2>/dev/null && pwd -P) || return 1
  set --
  while set -- "$@" "${way:-/}"; [ -n "${way#/}" ]; do way=${way%/*}; done
  for mode in $(stat -Lc %a -- "$@" || say 0); do case $mode in *[1357]) ;; *) may=- ;; esac; done
  passed=$passed$may$folder$nl
  [ $may = + ]
}

# readable PATH: whether everyone may read the file that PATH leads to.
readable() {
  set -- "$1" "$1"
  [ ! -L "$1" ] || set -- "$1" "$(cd "${1%/*}/" && readlink -f "$1")"
  case $(stat -Lc %a -- "$1") in *[4567]) passable "${2%/*}" ;; *) return 1 ;; esac
}
