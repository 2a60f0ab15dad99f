# What a probe asks of units. The functions below are called with the names of the units, and leave in $units a paragraph
# for each, every line of which has its end.
units_nl='
'
units_properties=Names,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath,DropInPaths,SourcePath
units_properties=$units_properties,Result,ExecMainStatus,NRestarts
units_properties=$units_properties,ActiveEnterTimestampMonotonic,InactiveEnterTimestampMonotonic,InactiveExitTimestampMonotonic

# units_show UNIT...: asks systemd. A unit that it refuses takes nothing from the others: then each is asked for alone.
units_show() {
  if units=$(systemctl show -p "$units_properties" -- "$@" 2>/dev/null) && [ -n "$units" ]; then
    units=$units$units_nl
    return 0
  fi
  systemctl show -p Version >/dev/null || return 1
  units=
  for unit do
    units_said=$(systemctl show -p "$units_properties" -- "$unit" 2>&1) ||
      units_said=Names=$unit${units_nl}Refused=${units_said%%"$units_nl"*}
    units=$units$units_said$units_nl$units_nl
  done
}

# units_settle UNIT...: a service that was started moments ago is not known to be well yet. All such are waited for at once;
# a line tells of each that was started anew meanwhile. Mostly there is none, and one look for their times shows that.
units_settle() {
  [ -r /proc/uptime ] && read -r units_now units_rest </proc/uptime || return 0
  case $units_now in [1-9]*.[0-9][0-9]) ;; *) return 0 ;; esac
  units_second=$((${units_now%.*} - units_longest))
  while :; do
    case $units_second in 0 | -*) ;; *)
      case $units in *"ActiveEnterTimestampMonotonic=$units_second"[0-9][0-9][0-9][0-9][0-9][0-9]"$units_nl"*) break ;; esac ;;
    esac
    [ "$units_second" != "${units_now%.*}" ] || return 0
    units_second=$((units_second + 1))
  done
  units_pause=0 units_young= units_rest=$units
  for unit do
    units_one=$units_nl${units_rest%%"$units_nl$units_nl"*}$units_nl units_rest=${units_rest#*"$units_nl$units_nl"}
    case $units_one in *"${units_nl}SubState=running$units_nl"*) ;; *) continue ;; esac
    units_number ActiveEnterTimestampMonotonic; units_entered=$units_value
    units_number NRestarts; units_restarts=$units_value
    units_number InactiveEnterTimestampMonotonic; units_ended=$units_value
    units_number InactiveExitTimestampMonotonic
    units_stay "$unit" $((units_restarts == 0 && units_ended > 0 && units_value - units_ended < 1000000))
    # Hundredths of a second.
    units_pause_of=$((units_entered / 10000 + units_stays * 100 - ${units_now%.*}${units_now#*.}))
    [ $units_stays -gt 0 ] && [ $units_pause_of -gt 0 ] || continue
    units_young="$units_young $units_entered=$unit"
    [ $units_pause_of -lt $units_pause ] || units_pause=$units_pause_of
  done
  [ -n "$units_young" ] || return 0
  units_pause=$((units_pause / 10 + 1))
  sleep $((units_pause / 10)).$((units_pause % 10))
  units_show "$@" || return 1
  for unit in $units_young; do
    case $units in *"ActiveEnterTimestampMonotonic=${unit%%=*}$units_nl"*) ;; *) say "+left ${unit#*=}" ;; esac
  done
}

# units_number PROPERTY: puts in $units_value what the paragraph in $units_one says.
units_number() {
  units_value=0
  case $units_one in *"$units_nl$1="[0-9]*) units_value=${units_one#*"$units_nl$1="} units_value=${units_value%%"$units_nl"*} ;; esac
}

# units_unread UNIT...: tells of files that lie on the disk and are none of what systemd says that it read. It tells of some
# itself, but not of what lies where it never looked: a first drop-in, or a file that takes the place of another.
units_unread() {
  for units_dir in /etc/systemd/system /run/systemd/system; do
    for unit in "$units_dir"/*.d/*.conf; do
      case $units in *"$unit"*) ;; *) if [ -s "$unit" ]; then say "+unread $unit"; fi ;; esac
    done
    for unit do
      units_file=$units_dir/$unit
      case $unit in *@*) if ! [ -s "$units_file" ]; then units_file=${units_file%%@*}@.${unit##*.}; fi ;; esac
      if [ -s "$units_file" ] && [ -f "$units_file" ] && ! [ -L "$units_file" ]; then
        case $units in *"FragmentPath=$units_file$units_nl"*) ;; *) say "+unread $units_file" ;; esac
      fi
    done
  done
}

# units_probe LONGEST UNIT...: all that is asked. A script for init is started at boot by a link, which systemd does not
# tell of.
units_probe() {
  has systemctl || { die 'this host has no systemctl, so nothing is known of its units'; return 1; }
  units_longest=$1; shift
  units_show "$@" || return 1
  units_settle "$@" || return 1
  say "$units"
  units_unread "$@"
  case $units in *"SourcePath=/etc/init.d/"*) say "+links" /etc/rc[S5].d/S??* ;; esac
}
