# What the kinds that use apt have in common.
DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1
export DEBIAN_FRONTEND APT_LISTCHANGES_FRONTEND NEEDRESTART_SUSPEND
apt_lists=/var/lib/apt/lists

has apt-get && has dpkg-query || { die 'this host has no package manager that converge knows (apt)'; exit 1; }

# apt_fresh: whether the package index is there and younger than an hour. Its age is that of the folder,
# since apt gives each file the date it has on the server.
apt_fresh() {
  set -- "$apt_lists"/*Release
  [ -e "$1" ] && [ -n "$(find "$apt_lists" -maxdepth 0 -mmin -60)" ]
}

# apt_stale: makes the next transaction refresh the index.
apt_stale() { touch -d @0 "$apt_lists"; }

# apt_update OPTION...: refreshes the index, and waits while another program does.
apt_update() {
  for apt_pause in 1 2 4 8 15 30 ''; do
    if apt_said=$(apt-get -q -o APT::Update::Error-Mode=any "$@" update 2>&1); then return 0; fi
    case $apt_said in
      *"$apt_lists/lock"*) [ -z "$apt_pause" ] || sleep "$apt_pause" ;;
      *) break ;;
    esac
  done
  die "$apt_said"
}

# apt_refresh: refreshes the whole index, once in a step. An index that cannot be refreshed may still do.
apt_refresh() {
  apt_refreshed=yes
  if apt_update; then touch "$apt_lists"; else say 'the package index could not be refreshed' >&2; fi
}

# apt_get WORD...: apt-get that asks nothing, keeps changed configuration files, and waits for the lock.
apt_get() {
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# apt_mend: ends an installation that was cut off.
apt_mend() {
  case $(dpkg-query -W -f '${db:Status-Abbrev}') in
    *[UFHWt]*) dpkg --force-confdef --force-confold --configure -a ;;
  esac
}

# apt_drop NAME: adds to $words the removal of NAME, if $have says that anything of it is there.
apt_drop() {
  while IFS='	' read -r apt_name apt_rest; do
    if [ "$apt_name" = "$1" ]; then words="$words $1-"; return 0; fi
  done <<END
$have
END
}

# apt_want NAME WORD VERSION: adds WORD to $words, unless $have says that NAME is installed in a version like VERSION.
apt_want() {
  while IFS='	' read -r apt_name apt_version apt_state; do
    case $apt_name:$apt_state in
      "$1:"?i* | "$1:provided") case $apt_version in $3) return 0 ;; esac ;;
    esac
  done <<END
$have
END
  words="$words $2"
}

# apt_transaction REMOVABLE WORD...: refuses to remove what is not among the words REMOVABLE.
apt_transaction() {
  apt_removable=" $1 " apt_failed=; shift
  # Where nothing may go, apt itself sees to that before it begins; its plan is looked at only to say what it refused.
  if [ "$apt_removable" = '  ' ]; then
    if apt_get --no-remove "$@"; then return 0; fi
    apt_failed=yes
  fi
  if ! apt_plan=$(apt_get -s "$@" 2>&1); then
    # What apt does not know may be in an index that is newer.
    if [ -z "${apt_refreshed-}" ]; then apt_refresh; fi
    apt_plan=$(apt_get -s "$@" 2>&1) || { die "$apt_plan"; return 1; }
    apt_failed=
  fi
  apt_more=
  for apt_name in $(say "$apt_plan" | sed -n 's/^\(Remv\|Purg\) \([^ ]*\).*/\2/p'); do
    case $apt_removable in
      *" $apt_name "*) ;;
      *) apt_more="$apt_more $apt_name" ;;
    esac
  done
  if [ -n "$apt_more" ]; then
    die "apt would also remove$apt_more: declare these absent if that is meant"; return 1
  fi
  # It was not the plan that failed: once more would change nothing.
  [ -z "$apt_failed" ] && apt_get "$@"
}
