# all_outstanding: prints all markers, one line each.
all_outstanding() {
  for m in "$STATE"/pending/*; do
    if [ -f "$m" ]; then read -r line <"$m" && say "$line"; fi
  done
}

# left_over: prints `left` where something works in this moment, so that nothing of what was seen is certain; or where a run left
# something that was killed. Of a folder for content, who is to remove it is gone.
# shellcheck disable=SC2165,SC2167 # the loop within it is its last turn
left_over() {
  for m in "$STATE"/beside/* "$STATE"/segment/stage/* "$STATE/segment/log" "$STATE/guard/armed" "$STATE/guard/fired" \
    "${XDG_RUNTIME_DIR:-/run}"/converge.??????????/held.* "${TMPDIR:-/tmp}"/converge.??????????/held.*; do
    case $m in
      */held.*) [ -O "$m" ] && ! kill -0 "${m##*/held.}" 2>/dev/null || continue ;;
      *) [ -s "$m" ] || continue ;;
    esac
    for m in pid guard; do
      pid=x; { read -r pid line <"$STATE/segment/$m"; } 2>/dev/null
      if [ "/proc/$pid/fd/8" -ef "$STATE/segment/$m" ]; then say left; return; fi
    done
    pid=x; { read -r pid line <"$STATE/holder"; } 2>/dev/null
    m=/proc/$pid/fd/9
    [ "$m" -ef "$STATE/lock" ] || [ "$m" -ef "$STATE/lock.held/by" ] || say left
    return
  done
}
