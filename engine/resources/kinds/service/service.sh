# What the steps of a service have in common. $unit is its name.
has systemctl || { die 'this host has no systemctl: its services cannot be managed'; exit 1; }
nl='
'

# look: asks about $unit, once for all properties. They are lines `NAME=VALUE`.
look() {
  seen=$(systemctl show -p Id,Names,Type,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath,DropInPaths,SourcePath,Result,NRestarts,ConditionResult,TriggeredBy,ControlGroup,InvocationID -- "$unit")
}

# property NAME: puts in $value what the last look saw of it. Line by line: to cut a long text at a pattern, a shell tries all
# of its beginnings.
property() {
  value=
  set -f
  IFS=$nl
  for line in $seen; do
    case $line in "$1="*) value=${line#*=}; break ;; esac
  done
  unset IFS
  set +f
}

# is NAME VALUE: whether the last look saw that.
is() { property "$1"; [ "$value" = "$2" ]; }

# is_outdated: whether the disk holds for $unit what systemd has not read. What it says of that itself leaves out what lies
# where it never looked: a first drop-in, or a file that takes the place of another. Reading once too often does no harm.
is_outdated() {
  if is NeedDaemonReload yes; then return 0; fi
  property LoadState
  case $value in loaded) ;; masked) return 1 ;; *) return 0 ;; esac
  property FragmentPath
  for dir in /etc/systemd/system /run/systemd/system; do
    file=$dir/${value##*/}
    if [ "$file" = "$value" ]; then break; fi
    if [ -n "$value" ] && [ -s "$file" ] && [ -f "$file" ] && ! [ -L "$file" ]; then return 0; fi
  done
  property Names
  case $value in *\"*) return 0 ;; esac
  for name in $value; do
    stem=${name%.*} type=${name##*.} owners="$name ${name##*.}"
    case $stem in *@*) owners="$owners ${stem%%@*}@.$type" ;; esac
    while case $stem in *-*) ;; *) false ;; esac; do stem=${stem%-*}; owners="$owners $stem-.$type"; done
    for owner in $owners; do
      for file in /etc/systemd/system/"$owner".d/*.conf /run/systemd/system/"$owner".d/*.conf \
        /usr/local/lib/systemd/system/"$owner".d/*.conf /usr/lib/systemd/system/"$owner".d/*.conf /lib/systemd/system/"$owner".d/*.conf; do
        [ -s "$file" ] || continue
        case $file in /etc/*/"$name".d/*) known=$file ;; *) known=/${file##*/} ;; esac
        case $seen in *"$known"*) ;; *) return 0 ;; esac
      done
    done
  done
  return 1
}

# refresh_unit: makes systemd know what lies on the disk, and $unit the name that is no alias.
refresh_unit() {
  look
  if is_outdated; then systemctl daemon-reload; look; fi
  property Id
  unit=$value
}

# make_startable: a unit must exist, must not be masked, and must be one that systemd can read.
make_startable() {
  property UnitFileState
  case $value in masked*) value=masked ;; *) property LoadState ;; esac
  case $value in
    masked)
      systemctl unmask -q -- "$unit"
      systemctl unmask -q --runtime -- "$unit"
      refresh_unit ;;
    not-found) die "there is no unit $unit: what brings it, such as a package, must stand before it"; return 1 ;;
    bad-setting | error) tell_why; die "systemd cannot read the unit $unit ($value)"; return 1 ;;
  esac
}

# enable VERB ASKED: enables or disables, where that means something. What cannot be is a failure if the role ASKED for it.
enable() {
  property SourcePath; source=$value
  property UnitFileState
  case $1/$value/$source in
    enable/enabled/* | disable/disabled/* | disable/linked*) return 0 ;;
    */generated/"/etc/init.d/${unit%.service}") ;;
    */generated/*) cannot "$2" "$1" "systemd makes it of ${source:-something else}"; return ;;
    enable/static/*) cannot "$2" "$1" 'its file has no [Install] section, so only what wants it starts it'; return ;;
    enable/indirect/*) cannot "$2" "$1" 'its file only says which others are enabled by it: declare those'; return ;;
    enable/alias/*) cannot "$2" "$1" 'it is another name of a unit: declare that'; return ;;
    enable/transient/*) cannot "$2" "$1" 'it is gone after the next boot'; return ;;
    enable//*) cannot "$2" "$1" 'there is no file of it'; return ;;
    disable//*)
      # A link to nothing would start it as soon as it is back.
      systemctl disable -q -- "$unit" 2>/dev/null || :
      return 0 ;;
    disable/static/* | disable/indirect/* | disable/alias/* | disable/transient/* | disable/masked*/*) return 0 ;;
  esac
  systemctl "$1" -q -- "$unit"
  case $1/$value in disable/*-runtime) systemctl disable -q --runtime -- "$unit" ;; esac
  look
  case $1/$value in
    enable/generated) ;;
    enable/*) is UnitFileState enabled || { die "$unit is $value after it was enabled: has its file an [Install] section?"; return 1; } ;;
  esac
}

# cannot ASKED VERB WHY: a unit that is no matter of enabling.
cannot() { [ -z "$1" ] || { die "systemd cannot $2 $unit: $3"; return 1; }; }

# bring_up: starts it where it does not run. $brought says that this step started it: then it has read all that lies there.
# One that systemd is about to start again would be waited for, however long that takes, so that is begun anew.
bring_up() {
  property ActiveState
  case $value in
    active | reloading | refreshing)
      is_empty || return 0
      bring restart ;;
    *) if is SubState auto-restart; then bring restart; else bring start; fi ;;
  esac
  brought=yes
}

# is_empty: whether a script for init is called active though no process is left of the daemon that it started.
is_empty() {
  is SubState exited || return 1
  property SourcePath
  case $value in /etc/init.d/*) grep -qiE "$daemon_words" "$value" ;; *) return 1 ;; esac
}

# bring_down: nothing of it runs afterwards.
bring_down() {
  property ActiveState
  case $value in inactive | failed) return 0 ;; esac
  systemctl stop -- "$unit"
  look
  property ActiveState
  case $value in inactive | failed) return 0 ;; esac
  state=$value
  property TriggeredBy
  die "$unit is $state after stop${value:+: it may have been started by $value, which has to be stopped as well}"
}

# try VERB: does it, and once more where systemd refused because the unit was started too often of late.
try() {
  if systemctl "$1" -- "$unit"; then return 0; fi
  look
  property Result
  case $value in *-limit-hit) systemctl reset-failed -- "$unit" && systemctl "$1" -- "$unit" ;; *) return 1 ;; esac
}

# restart_outstanding: restarts it, unless that was begun by a run whose connection the restart itself cut: then it runs anew by now.
restart_outstanding() {
  property InvocationID
  if was_begun && [ "$begun" != "$value" ] && is ActiveState active; then return 0; fi
  begun "$value"
  bring restart
}

# has_begun: whether the unit is of those that say when they are ready, or whose start a fork ends, and has processes. Then
# its start went well, and systemd need not be asked once more: that takes as long as all of a probe. Its control group
# lies where the version of control groups wants it; where none is found, systemd is asked.
has_begun() {
  property Type
  case $value in forking | notify | notify-reload | dbus) property ControlGroup ;; *) return 1 ;; esac
  [ -n "$value" ] || return 1
  for group in "${groups_at:=/sys/fs/cgroup}$value" "$groups_at/systemd$value"; do
    if { read -r process <"$group/cgroup.procs"; } 2>/dev/null && [ "${process:-0}" != 0 ]; then return 0; fi
  done
  return 1
}

# bring VERB: does it, then looks whether the unit stays active. One that has not begun for sure gets a second to die in, if
# its start may end before it does. The look at the end of the run takes longer.
bring() {
  if try "$1"; then
    if has_begun; then return 0; fi
    property Type
    case $value in simple | exec | idle) bring_looks=5 ;; *) bring_looks=0 ;; esac
    look
    property NRestarts; bring_restarts=$value
    while is ActiveState active && is NRestarts "$bring_restarts" && [ $bring_looks -gt 0 ]; do
      bring_looks=$((bring_looks - 1))
      sleep 0.2
      look
    done
    if is NRestarts "$bring_restarts"; then property ActiveState; else value='started again by systemd'; fi
    state=$value
    if is_empty; then state='without a process'; fi
    case $state in active | reloading | refreshing) return 0 ;; esac
    if is Type oneshot && is Result success && is ConditionResult yes; then
      die "$unit ran and ended, as a oneshot unit does: declare it with \`running: ()\`, or let it have RemainAfterExit"
      return 1
    fi
    if is ConditionResult no; then
      tell_why
      die "$unit was not started: one of the conditions in its file does not hold"
      return 1
    fi
    tell_why
    die "$unit is $state after $1"
    return 1
  fi
  tell_why
  return 1
}

# tell_why: what systemd knows of the unit's end. The lines of `status` are those of the last attempt, which leave out what
# a process said that died at once.
tell_why() {
  systemctl status --no-pager --full --lines=0 -- "$unit" >&2 || :
  journalctl --no-pager --quiet --lines=20 --unit="$unit" >&2 || :
}

# did_not_stay SECONDS: says why a unit that this run started does not run any more. It is not started once more.
did_not_stay() {
  tell_why
  property ActiveState
  case $value in
    active | reloading | refreshing)
      if is SubState exited; then value='has no process left'; else value='was started again by systemd'; fi ;;
    *) value="is $value" ;;
  esac
  die "$unit was started in this run, and did not stay active for $1 seconds: it $value"
}
