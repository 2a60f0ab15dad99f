# What probes read lines of files with. The program $line_awk decides. $copies is a folder for copies of files that others might
# exchange, if there are any.
copies= copied=0

# lines_at PATH ID...: leaves in $seen by which path the file can be read, of which questions are asked that have these numbers; or prints
# for each why it cannot.
lines_at() {
  p=$1; shift
  if [ -f "$p" ] && [ -r "$p" ]; then
    if seen "$p"; then return; fi
    state="barred $why"
  elif [ -f "$p" ]; then state=unread
  elif [ -e "$p" ]; then state=special
  elif [ -L "$p" ] && ! why=$(ends "$p" 2>&1); then state="barred ${why##*"$nl"}"
  elif hidden "$p"; then state=unread
  else state=missing; fi
  for id do say "$id $state"; done
  return 1
}

# verdicts WORD...: asks all questions; a word is `probe`, and seven for each.
verdicts() {
  verdicts=; [ $# = 1 ] || verdicts=$(awk -- "$line_awk" "$@") || return
  say "$verdicts"
}

# text SEEN PATH HIDE ID...: prints what a file holds that differs, by the answers to the questions with these numbers.
text() {
  [ -n "$1" ] || return 0
  path=$1 at=$2 hide=$3 differ=; shift 3
  for id do case $nl$verdicts$nl in *"$nl$id differs$nl"*) differ="$differ $id" ;; esac; done
  [ -n "$differ" ] || return 0
  if ! tr -d '\000' <"$path" | cmp -s - "$path"; then say "binary$differ"; return; fi
  sum=$(sha256sum <"$path") || return
  what=text; [ "$hide" = yes ] || readable "$at" || what=closed
  say "$what ${sum%% *}$differ"
  case $hide/$what in yes/* | closed/closed) ;; *) head -c "$shown_max" "$path" | base64 ;; esac
  say .
}
