# go_down WHY: restarts the host, unless that was done since the step was begun first: what it pays keeps which start that was.
go_down() {
  booted
  if was_begun && [ "$begun" != "$start" ]; then say 'the host was restarted'; return 0; fi
  if [ "${start%:*}" = '' ]; then die 'nothing on the host says which start of it this is'; return; fi
  begun "$start"
  # shellcheck disable=SC2046 # a marker has no space
  durable "$STATE/pending" $(for marker in ${outstanding-}; do say "$STATE/pending/$marker"; done)
  say "the host goes down: $1"
  if has systemctl; then systemctl reboot; elif has shutdown; then shutdown -r now "$1"; else reboot; fi
  exit 75
}
