# What the kinds that use apt have in common.
DEBIAN_FRONTEND=noninteractive APT_LISTCHANGES_FRONTEND=none NEEDRESTART_SUSPEND=1
export DEBIAN_FRONTEND APT_LISTCHANGES_FRONTEND NEEDRESTART_SUSPEND
apt_lists=/var/lib/apt/lists apt_tab=$(printf '\t')

has apt-get && has dpkg-query || { die 'this host has no apt'; exit 1; }
[ -w /var/lib/dpkg ] || { die 'packages are changed by root alone: `become` in the inventory makes converge root'; exit 1; }

# apt_fresh: whether the package index is there and younger than an hour. Its age is that of the folder,
# since apt gives each file the date it has on the server.
apt_fresh() {
  set -- "$apt_lists"/*Release
  [ -e "$1" ] && [ -n "$(find "$apt_lists" -maxdepth 0 -mmin -60)" ]
}

# apt_stale: makes the next transaction refresh the index.
apt_stale() { touch -d @0 "$apt_lists"; }

# apt_update OPTION...: refreshes the index, and waits while another program does. It leaves in $apt_said what apt said.
apt_update() {
  for apt_pause in 1 2 4 8 15 30 ''; do
    if apt_said=$(apt-get -q -o APT::Update::Error-Mode=any "$@" update 2>&1); then return 0; fi
    case $apt_said in
      *'ermission denied'* | *'are you root'*) break ;;
      *"$apt_lists/lock"*) [ -z "$apt_pause" ] || sleep "$apt_pause" ;;
      *) break ;;
    esac
  done
  return 1
}

# apt_refresh: refreshes the whole index, once in a step.
apt_refresh() {
  apt_refreshed=yes
  if apt_update; then touch "$apt_lists"; else return 1; fi
}

# apt_errors: what went wrong by what apt said, in one line.
apt_errors() {
  say "$apt_said" | awk '/^[EW]: / && !seen[$0]++ { printf "%s%s", sep, $0; sep = "; " } END { if (sep == "") print "for no reason that apt says"; else print "" }'
}

# apt_try_refresh: refreshes the index. One that cannot be refreshed may still do, but somebody should know.
apt_try_refresh() { apt_refresh || warn "the package index could not be refreshed: $(apt_errors)"; }

# apt_must_refresh: refreshes the index if it is not fresh, without which it is not known what is the newest.
apt_must_refresh() {
  apt_fresh || apt_refresh || die "what is newest is not known: the package index could not be refreshed: $(apt_errors)"
}

# apt_sources: whether apt can read its sources, all of them together; asks no server.
apt_sources() {
  apt_said=$(apt-get indextargets 2>&1 >/dev/null) || die "apt cannot read its sources any more: $(apt_errors)"
}

# apt_fetch SOURCE: refreshes the part of the index that SOURCE names, and nothing else, once apt takes all sources together.
apt_fetch() {
  apt_sources || return 1
  apt_update -o "Dir::Etc::SourceList=$1" -o Dir::Etc::SourceParts=- -o APT::Get::List-Cleanup=0 || { die "$(apt_errors)"; return 1; }
  case $apt_said in
    *"doesn't have the component"*) die "$(apt_errors)" ;;
  esac
}

# apt_get WORD...: apt-get that asks nothing, keeps changed configuration files, and waits for the lock.
apt_get() {
  apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# apt_mend: ends an installation that was cut off. Another program that is at work leaves the same traces, so it is waited
# for first. What cannot be ended so is left to apt, which brings what is missing, or to the removal that is wanted.
apt_mend() {
  apt_is_cut_off || return 0
  apt_said=$(apt-get -q -o DPkg::Lock::Timeout=300 check 2>&1) ||
    case $apt_said in *'Could not get lock'*) die "$(apt_errors)" || return 1 ;; esac
  if apt_is_cut_off; then dpkg --force-confdef --force-confold --configure -a || apt_fix=yes; fi
}
apt_is_cut_off() { case $(dpkg-query -W -f '${db:Status-Abbrev}') in *[UFHWt]*) ;; *) return 1 ;; esac; }

# apt_drop NAME: adds to $words the removal of NAME, if $have says that anything of it is there. What apt itself could only
# reinstall is dpkg's to remove.
apt_drop() {
  while IFS=$apt_tab read -r apt_name apt_version apt_state; do
    case $apt_name:$apt_state in
      "$1":??R*) dpkg --force-remove-reinstreq --remove "$1" || return 1; continue ;;
      "$1":provided | "$1":?n*) ;;
      "$1":*) words="$words $1-"; return 0 ;;
    esac
  done <<END
$have
END
}

# apt_want NAME WORD VERSION: adds WORD to $words, unless $have says that NAME is installed in a version like VERSION.
# shellcheck disable=SC2254 # a version is a pattern
apt_want() {
  while IFS=$apt_tab read -r apt_name apt_version apt_state; do
    case $apt_name:$apt_state in
      "$1":??R* | "$1":?H*) reinstall=--reinstall ;;
      "$1":?i* | "$1":provided) case $apt_version in $3) return 0 ;; esac ;;
    esac
  done <<END
$have
END
  words="$words $2"
}

# apt_transaction REMOVABLE WORD...: refuses to remove what is not among the words REMOVABLE. What went wrong is said once.
apt_transaction() {
  apt_removable=" $1 " apt_tried=; shift
  # Where nothing may go, apt itself sees to that before it begins; its plan is looked at only to say what it refused.
  if [ "$apt_removable" = '  ' ]; then
    if apt_get --no-remove "$@"; then return 0; fi
    # Beside what is cut off for want of something else, apt installs nothing.
    if [ -n "${apt_fix-}" ] && apt_get --no-remove --fix-broken install && apt_get --no-remove "$@"; then return 0; fi
    apt_tried=yes
  fi
  if ! apt_plan=$(apt_get -s "$@" 2>&1); then
    # What apt does not know may be in an index that is newer.
    if [ -z "${apt_refreshed-}" ]; then apt_try_refresh; fi
    if ! apt_plan=$(apt_get -s "$@" 2>&1); then
      [ -n "$apt_tried" ] || say "$apt_plan" >&2
      return 1
    fi
    apt_tried=
  fi
  apt_more=
  for apt_name in $(say "$apt_plan" | sed -n 's/^\(Remv\|Purg\) \([^ ]*\).*/\2/p'); do
    apt_may_go "$apt_name" || apt_more="$apt_more $apt_name"
  done
  if [ -n "$apt_more" ]; then
    die "apt would also remove$apt_more: declare these absent if that is meant"; return 1
  fi
  # It was not the plan that failed: once more would change nothing.
  [ -z "$apt_tried" ] && apt_get "$@"
}

# apt_held: where a transaction failed, names what apt was told to leave alone; it fails in any case.
apt_held() {
  apt_holds=$(apt-mark showhold | tr '\n' ' ')
  [ -z "$apt_holds" ] || die "apt was told to hold ${apt_holds% }: where that is in the way, \`apt-mark unhold\` ends it"
  return 1
}

# apt_may_go NAME: whether it may be removed. apt leaves the host's own architecture out, which a role may have written.
apt_may_go() {
  case $apt_removable in
    *" $1 "* | *" $1:all "*) ;;
    *" $1:"*)
      case $apt_removable in *" $1:$(dpkg --print-architecture) "*) ;; *) return 1 ;; esac ;;
    *) return 1 ;;
  esac
}
