# keep_watch LOCK: ends the shell that it is a part of, once nobody uses it any more. Whoever reads along, and whoever only has the
# output of something that is over, ends at once; the shell when nothing works below it any more. It heeds nothing but KILL while it
# reads: so what it would have done at its end is done here.
keep_watch() {
  cd "$STATE" || return
  trap 'kill "$nap" 2>/dev/null; wait "$nap"; exit' TERM
  heard= missed=0
  { read -r heard <heard; } 2>/dev/null
  while nap && [ "/proc/$$/fd/9" -ef "$1" ]; do
    last=$heard
    { read -r heard <heard; } 2>/dev/null
    if [ "$heard" != "$last" ]; then missed=0; continue; fi
    missed=$((missed + 1))
    [ "$missed" -ge 3 ] || continue
    if runs segment/cat; then kill -KILL "$pid"; fi
    if runs segment/pid; then kill "$$"; continue; fi
    if runs segment/tee; then kill -KILL "$pid"; fi
    kill -KILL "$$"
    tries=0
    while kill -0 "$$" 2>/dev/null && [ "$tries" -lt 100000 ]; do tries=$((tries + 1)); done
    leftovers
    { read -r pid _ <lock.held/by; } 2>/dev/null
    if [ "${pid-}" = "$$" ]; then rm -rf lock.held; fi
    if ! runs segment/pid; then emptied segment/log; fi
  done
}

# nap: waits for a while, such that it can be ended meanwhile.
nap() { sleep 15 & nap=$!; wait "$nap"; }
