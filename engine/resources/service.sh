# What the steps of a service have in common. $unit is its name.
has systemctl && [ -d /run/systemd/system ] || { die 'this host is not run by systemd: its services cannot be managed'; exit 1; }

# look: asks about $unit, once for all properties. They are lines `NAME=VALUE`, each behind a line break.
look() {
  seen="
$(systemctl show -p Id,Type,LoadState,ActiveState,UnitFileState,NeedDaemonReload,Result -- "$unit")"
}

# property NAME: puts in $value what the last look saw of it.
property() {
  case $seen in
    *"
$1="*) value=${seen#*"
$1="} value=${value%%"
"*} ;;
    *) value= ;;
  esac
}

# is NAME VALUE: whether the last look saw that.
is() { property "$1"; [ "$value" = "$2" ]; }

# refresh_unit: makes systemd know what lies on the disk, and $unit the name that is no alias.
refresh_unit() {
  look
  if is NeedDaemonReload yes; then systemctl daemon-reload; look; fi
  property Id
  unit=$value
}

# make_startable: a unit must exist, and must not be masked.
make_startable() {
  property LoadState
  case $value in
    masked) systemctl unmask -q -- "$unit"; refresh_unit ;;
    not-found) die "there is no unit $unit: what brings it, such as a package, must stand before it"; return 1 ;;
  esac
}

# enable VERB: enables or disables, where that means something.
enable() {
  property UnitFileState
  case $1/$value in
    enable/enabled | disable/disabled | */static | */generated | */transient | */indirect | */alias) ;;
    disable/) ;;
    *) systemctl "$1" -q -- "$unit" ;;
  esac
}

# bring_up: starts it where it does not run. $brought says that this step started it: then it has read all that lies there.
bring_up() {
  if is ActiveState active; then return 0; fi
  bring start
  brought=yes
}

# try VERB: does it, and once more where systemd refused because the unit was started too often of late.
try() {
  if systemctl "$1" -- "$unit"; then return 0; fi
  look
  is Result start-limit-hit && systemctl reset-failed -- "$unit" && systemctl "$1" -- "$unit"
}

# bring VERB: does it, then looks whether the unit stays active. A service that says when it is ready,
# or that a fork ends the start of, is known to be well; any other gets a second to die in.
bring() {
  if try "$1"; then
    property Type
    case $value in forking | notify | notify-reload | dbus) return 0 ;; esac
    look
    bring_looks=0
    case $value in simple | exec | idle) bring_looks=5 ;; esac
    while is ActiveState active && [ $bring_looks -gt 0 ]; do
      bring_looks=$((bring_looks - 1))
      sleep 0.2
      look
    done
    state=$value
    case $state in active | reloading | refreshing) return 0 ;; esac
    if is Type oneshot && is Result success; then
      die "$unit ran and ended, as a oneshot unit does: declare it with \`running: ()\`, or let it have RemainAfterExit"
      return 1
    fi
    say "$unit is $state after $1" >&2
  fi
  # The lines of `status` are those of the last attempt, which leave out what a process said that died at once.
  systemctl status --no-pager --full --lines=0 -- "$unit" >&2 || :
  journalctl --no-pager --quiet --lines=20 --unit="$unit" >&2 || :
  return 1
}
