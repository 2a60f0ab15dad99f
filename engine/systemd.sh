# What a probe asks of units. The functions below are called with the names of the units, and leave in $units a paragraph
# for each, every line of which has its end.
units_nl='
'
units_properties=Names,LoadState,ActiveState,SubState,UnitFileState,NeedDaemonReload,FragmentPath,DropInPaths,SourcePath
units_properties=$units_properties,Result,ExecMainStatus,NRestarts,Type,PIDFile,StateChangeTimestampMonotonic
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

# units_settle UNIT...: a service that was started, or read its settings again, moments ago is not known to be well yet. All
# such are waited for at once; a line tells of each that did not stay. Mostly there is none, and one look for their times
# shows that.
units_settle() {
  [ -r /proc/uptime ] && read -r units_now units_rest </proc/uptime || return 0
  case $units_now in [1-9]*.[0-9][0-9]) ;; *) return 0 ;; esac
  units_second=$((${units_now%.*} - units_longest))
  while :; do
    case $units_second in 0 | -*) ;; *)
      case $units in *"StateChangeTimestampMonotonic=$units_second"[0-9][0-9][0-9][0-9][0-9][0-9]"$units_nl"*) break ;; esac ;;
    esac
    [ "$units_second" != "${units_now%.*}" ] || return 0
    units_second=$((units_second + 1))
  done
  units_pause=0 units_young= units_rest=$units
  for unit do
    units_one=$units_nl${units_rest%%"$units_nl$units_nl"*}$units_nl units_rest=${units_rest#*"$units_nl$units_nl"}
    case $units_one in *"${units_nl}SubState=running$units_nl"*) ;; *) continue ;; esac
    if units_is_proved; then units_stay "$unit" 1; else units_stay "$unit" 0; fi
    units_number ActiveEnterTimestampMonotonic; units_entered=$units_value
    units_number StateChangeTimestampMonotonic
    # Hundredths of a second.
    units_pause_of=$((units_value / 10000 + units_stays * 100 - ${units_now%.*}${units_now#*.}))
    [ $units_stays -gt 0 ] && [ $units_pause_of -gt 0 ] || continue
    units_young="$units_young $units_entered=$unit"
    [ $units_pause_of -lt $units_pause ] || units_pause=$units_pause_of
  done
  [ -n "$units_young" ] || return 0
  units_pause=$((units_pause / 10 + 1))
  sleep $((units_pause / 10)).$((units_pause % 10))
  units_show "$@" || return 1
  units_rest=$units
  for unit do
    units_one=$units_nl${units_rest%%"$units_nl$units_nl"*}$units_nl units_rest=${units_rest#*"$units_nl$units_nl"}
    case "$units_young " in *"=$unit "*) ;; *) continue ;; esac
    units_number ActiveEnterTimestampMonotonic
    case "$units_young $units_one" in
      *" $units_value=$unit "*"SourcePath=/etc/init.d/"*"SubState=exited"* | *" $units_value=$unit "*"SubState=exited"*"SourcePath=/etc/init.d/"*) ;;
      *" $units_value=$unit "*) continue ;;
    esac
    say "+left $unit"
  done
}

# units_is_proved: whether the paragraph in $units_one is of a unit that ran before, was restarted or reloaded, and tells systemd
# itself when it is ready: by a message, by its name on the bus, or by the process id that it writes.
units_is_proved() {
  case $units_one in
    *"${units_nl}Type=notify"* | *"${units_nl}Type=dbus$units_nl"* | *"${units_nl}PIDFile=/"*) ;;
    *) return 1 ;;
  esac
  units_number ActiveEnterTimestampMonotonic; units_entered=$units_value
  units_number StateChangeTimestampMonotonic
  [ "$units_value" = "$units_entered" ] || return 0
  units_number NRestarts; units_restarts=$units_value
  units_number InactiveEnterTimestampMonotonic; units_ended=$units_value
  units_number InactiveExitTimestampMonotonic
  [ "$units_restarts" = 0 ] && [ "$units_ended" != 0 ] && [ $((units_value - units_ended)) -lt 1000000 ]
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

# units_lost UNIT...: tells of units that are not there but for a link that enabled them.
units_lost() {
  case $units in *"${units_nl}LoadState=not-found$units_nl"*) ;; *) return 0 ;; esac
  for unit do
    for units_file in /etc/systemd/system/*.wants/"$unit" /etc/systemd/system/*.requires/"$unit"; do
      if [ -L "$units_file" ] && ! [ -e "$units_file" ]; then say "+lost $unit"; fi
    done
  done
}

# units_probe LONGEST UNIT...: all that is asked. A script for init is started at boot by a link, which systemd does not
# tell of; and it calls one active whose daemon is gone.
units_probe() {
  has systemctl || { die 'this host has no systemctl, so nothing is known of its units'; return 1; }
  units_longest=$1; shift
  units_show "$@" || return 1
  units_settle "$@" || return 1
  say "$units"
  units_unread "$@"
  units_lost "$@"
  case $units in *"SourcePath=/etc/init.d/"*) ;; *) return 0 ;; esac
  say "+links" /etc/rc[S5].d/S??*
  case $units in *"${units_nl}SubState=exited$units_nl"*) ;; *) return 0 ;; esac
  units_daemons=$(grep -liE "$daemon_words" /etc/init.d/*) || [ $? = 1 ] || return 1
  say "+daemons" $units_daemons
}
