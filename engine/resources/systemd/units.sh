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
  units_pause=0 units_young=
  units_each units_wait_for "$@"
  [ -n "$units_young" ] || return 0
  units_pause=$((units_pause / 10 + 1))
  sleep $((units_pause / 10)).$((units_pause % 10))
  units_show "$@" || return 1
  units_each units_tell_left "$@"
}

# units_each FUNCTION UNIT...: calls it with each of the names, while what the paragraph says is in variables. It goes line by
# line: to cut a long text at a pattern, a shell tries all of its beginnings.
units_each() {
  units_function=$1; shift
  units_forget
  while IFS= read -r units_line; do
    units_value=${units_line#*=}
    case $units_line in
      Type=*) units_type=$units_value ;;
      PIDFile=*) units_pid_file=$units_value ;;
      SubState=*) units_sub=$units_value ;;
      SourcePath=*) units_source=$units_value ;;
      NRestarts=[0-9]*) units_restarts=$units_value ;;
      StateChangeTimestampMonotonic=[0-9]*) units_changed=$units_value ;;
      ActiveEnterTimestampMonotonic=[0-9]*) units_entered=$units_value ;;
      InactiveEnterTimestampMonotonic=[0-9]*) units_ended=$units_value ;;
      InactiveExitTimestampMonotonic=[0-9]*) units_began=$units_value ;;
      '')
        if [ $# -gt 0 ]; then "$units_function" "$1"; shift; fi
        units_forget ;;
    esac
  done <<END
$units
END
}
units_forget() {
  units_type= units_pid_file= units_sub= units_source= units_restarts=0 units_changed=0 units_entered=0 units_ended=0 units_began=0
}

# units_wait_for UNIT: adds it to $units_young if it has to stay active for longer, and makes the pause long enough, which is
# in hundredths of a second.
units_wait_for() {
  [ "$units_sub" = running ] || return 0
  if units_is_proved; then units_stay "$1" 1; else units_stay "$1" 0; fi
  units_pause_of=$((units_changed / 10000 + units_stays * 100 - ${units_now%.*}${units_now#*.}))
  [ $units_stays -gt 0 ] && [ $units_pause_of -gt 0 ] || return 0
  units_young="$units_young $units_entered=$1"
  [ $units_pause_of -lt $units_pause ] || units_pause=$units_pause_of
}

# units_tell_left UNIT: whether it is one of $units_young, and did not stay. Of a script for init it matters as well whether a
# process is left.
units_tell_left() {
  case "$units_young " in *"=$1 "*) ;; *) return 0 ;; esac
  case $units_sub/$units_source in
    exited//etc/init.d/*) ;;
    *) case "$units_young " in *" $units_entered=$1 "*) return 0 ;; esac ;;
  esac
  say "+left $1"
}

# units_is_proved: whether the unit ran before, was restarted or reloaded, and tells systemd itself when it is ready: by a
# message, by its name on the bus, or by the process id that it writes.
units_is_proved() {
  case $units_type/$units_pid_file in notify* | dbus/* | */?*) ;; *) return 1 ;; esac
  [ "$units_changed" = "$units_entered" ] || return 0
  [ "$units_restarts" = 0 ] && [ "$units_ended" != 0 ] && [ $((units_began - units_ended)) -lt 1000000 ]
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
