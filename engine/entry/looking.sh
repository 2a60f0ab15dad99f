# What probes read files with.

# ours DIRECTORY: whether only root can put something at a path in it. A shell tells that of all directories but those of which
# an administrator left the mode open to everybody.
ours=
ours() {
  case $ours in *":$1:"*) return 0 ;; esac
  up=$1
  while :; do
    { cd -P -- "$up/" && [ "$PWD" = "${up:-/}" ] && [ -O . ] && [ -G . ] && [ ! -k . ]; } 2>/dev/null || return
    [ -n "$up" ] || break
    up=${up%/*}
  done
  ours=$ours:$1:
}

# peek PATH: prints what a file holds. Nothing but a file is opened: a pipe would be waited for.
peek() (
  ends "$1" && [ -f "./$name" ] || exit
  if dd if=/dev/null iflag=nofollow 2>/dev/null; then dd if="./$name" iflag=nofollow,nonblock bs=128k status=none
  else
    exec 3<"./$name" && [ ! -L "./$name" ] && [ "./$name" -ef /proc/self/fd/3 ] && cat <&3
  fi
)

# summed PATH: prints the digest of a file that others might exchange, and keeps it in $guarded_sums. Without one it was not read.
summed() {
  sum=$({ { peek "$1" && say read >&3; } | sha256sum; } 3>&1) || return
  case $sum in read"$nl"*) ;; *) [ -r "$1" ] || say "unreadable $1"; return 0 ;; esac
  sum=${sum#*"$nl"}
  sum="${sum%% *}  $1"
  say "guarded $sum"
  guarded_sums=$guarded_sums$sum$nl
}

# seen PATH: leaves in $seen by which path the file at PATH can be read without care: its own, or that of a copy in $copies; or
# in $why what is against it.
seen() {
  seen=$1
  if [ ! -L "$1" ] && ours "${1%/*}"; then return; fi
  [ -n "$copies" ] || copies=$(mktemp -d "${TMPDIR:-/tmp}/converge.XXXXXXXXXX") || { why='it cannot be copied'; return 1; }
  seen=$copies/$((copied+=1))
  why=$(peek "$1" 2>&1 >"$seen") && return
  why=${why##*"$nl"} why=${why:-it cannot be read}
  return 1
}
