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

# all_ours PATH...: whether all are files, in directories where only root can put something.
all_ours() {
  in=.
  for p do
    [ -f "$p" ] && [ ! -L "$p" ] || return
    if [ "$in" != "${p%/*}" ]; then in=${p%/*}; ours "$in" || return; fi
  done
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
  if [ -z "$copies" ]; then
    copies=$(mktemp -d "${TMPDIR:-/tmp}/converge.XXXXXXXXXX") && : >"$copies/held.$$" || { why='it cannot be copied'; return 1; }
  fi
  seen=$copies/$((copied+=1))
  why=$(peek "$1" 2>&1 >"$seen") && return
  why=${why##*"$nl"} why=${why:-it cannot be read}
  return 1
}

# entries PATH...: prints what lies at each: one `stat` for all, one line for each path that has anything. Where it missed one, all is
# said `again`, with why: something may have come meanwhile. A name of an account may hold spaces, so only colons, which none can hold,
# stand between the parts; the path is ours. Then it tells of each directory above, where the way to it is not as it is written, whether
# the links there count.
entries() {
  stat -c '%f:%a:%u:%g:%s:%U:%G:%n' -- "$@" 2>/dev/null || { say again; found_and_missed "$@"; }
  ways "$@"
}

# few_entries PATH...: does the same where mostly nothing is.
few_entries() {
  found_and_missed "$@"
  ways "$@"
}

# found_and_missed PATH...: one `stat` says both; what it missed stands after `missed`, up to a dot. A shell that reads what a process
# says copies itself for that.
found_and_missed() {
  { missed=$(stat -c '%f:%a:%u:%g:%s:%U:%G:%n' -- "$@" 2>&1 >&3) || printf 'missed\n%s\n.\n' "$missed"; } 3>&1
}

# ways PATH...: prints the directories above to which no way counts, each with why in another line.
ways() {
  up=.
  for p do
    [ "$up" != "${p%/*}" ] || continue
    up=${p%/*}
    { cd -P -- "$up/" && [ "$PWD" != "${up:-/}" ]; } 2>/dev/null || continue
    why=$(way "$up" 2>&1) || printf 'barred %s\n%s\n' "$up" "${why##*"$nl"}"
  done
}

# behind PATH...: prints what lies behind those that are links to directories, after a line of its own: one more `stat`, if there are
# any that count.
behind() {
  for p do
    shift
    if [ -L "$p" ] && [ -d "$p" ] && (enter "$p") 2>/dev/null; then set -- "$@" "$p"; fi
  done
  [ $# = 0 ] || { say; say behind; stat -Lc '%f:%a:%u:%g:%s:%U:%G:%n' -- "$@" 2>/dev/null || :; }
}

# digests PATH...: leaves in $sums the digests of those that are files: one `sha256sum` for all. Nothing else is opened: to read a pipe
# would wait for ever. Files of directories where others may put something in their place are read one by one, with more care: their
# digests are printed, and left in $guarded_sums. Each `set` copies the whole list: so it is made anew only where something else stands
# on it, and in one go.
digests() {
  others= files= guarded_sums= i=0
  for p do
    i=$((i+1))
    if [ ! -f "$p" ] || [ -L "$p" ]; then others=yes
    elif ours "${p%/*}"; then files="$files \"\${$i}\""
    else others=yes; summed "$p" || return; fi
  done
  [ -z "$others" ] || eval "set --$files"
  sums=; [ $# = 0 ] || sums=$(sha256sum -- "$@" 2>/dev/null) || {
    [ $? -lt 126 ] || die 'sha256sum cannot be started, or was killed' || return
    for p do [ -r "$p" ] || say "unreadable $p"; done
  }
}
