# guards SEGMENT SECONDS: waits until the segment is over, however long that takes within reason, and then SECONDS more; or until it is
# confirmed, which ends the shell. Then it fires.
guards() {
  trap '' HUP PIPE
  named "$STATE/segment/guard" "$1"
  left=$(($2 * 5))
  while runs "$STATE/segment/pid" "$1" && [ "$left" -gt 0 ]; do waits "$1"; left=$((left - 1)); done
  left=$2
  while [ "$left" -gt 0 ]; do waits "$1"; left=$((left - 1)); done
  fired
}

# waits SEGMENT: waits a second, unless the segment is confirmed.
waits() {
  armed=; { read -r armed <"$STATE/guard/armed"; } 2>/dev/null
  [ "$armed" = "$1" ] || exit 0
  sleep 1
}
