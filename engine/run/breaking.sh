# break_lock FREE HELD BROKEN STUCK: breaks the lock of a run of which nothing was heard for a minute. Says one of these words and who had
# the lock. `held` says whether $shell has it, and `ended` ends the segment $id of the folder $segment.
break_lock() {
  said_free=$1 said_held=$2 said_broken=$3 said_stuck=$4
  if unlocked; then say "$said_free"; return; fi
  pid= holder=; { read -r pid holder <"$STATE/holder"; } 2>/dev/null
  shell=${pid:-x}
  set -- "$STATE/holder"
  [ ! -e "$STATE/heard" ] || set -- "$@" "$STATE/heard"
  # Who cannot be asked when somebody was heard may have been just now.
  lately=$(find "$@" -prune -mmin -1) || lately=unknown
  if [ -n "$lately" ]; then say "$said_held $holder"; return; fi
  segment=$STATE/segment id=; { read -r _ id _ <"$segment/pid"; } 2>/dev/null
  ended
  if held; then kill -KILL "$shell"; fi
  pid=; { read -r pid _ <"$STATE/lock.held/by"; } 2>/dev/null
  if [ "$pid" = "$shell" ]; then rm -rf "$STATE/lock.held"; fi
  for try in 1 2 3; do
    now=; { read -r _ now <"$STATE/holder"; } 2>/dev/null
    if [ "$now" != "$holder" ]; then say "$said_broken $holder"; return; fi
    if unlocked; then emptied "$STATE/segment/log"; say "$said_broken $holder"; return; fi
    sleep 1
  done
  say "$said_stuck $holder"
}

# unlocked: whether nobody has the lock.
unlocked() {
  if has flock && [ -e "$STATE/lock" ]; then (exec 9<"$STATE/lock" && flock -n 9) || return; fi
  [ ! -d "$STATE/lock.held" ]
}
