# How one file of a host becomes a copy of another.

# copied FROM PATH MODE OWNER GROUP VALIDATE: does as `put` with what FROM holds. Where somebody else could exchange FROM, it is read
# once, by `peek`, into a private file that has no name any more when it is put.
copied() (
  from=$1
  shift
  [ -f "$from" ] || die "there is no file $from" || exit
  if ! (all_ours "$from"); then
    beside "$1" && (umask 077 && peek "$from" >./.from) && exec 7<./.from && rm -f ./.from || die "cannot read $from" || exit
    from=/proc/self/fd/7
  fi
  put "$from" "$@"
)

# sum_of PATH: leaves the digest of a file in $sum.
sum_of() {
  sum=$({ { peek "$1" && say read >&3; } | sha256sum; } 3>&1 2>/dev/null)
  case $sum in read"$nl"*) sum=${sum#*"$nl"} ;; *) return 1 ;; esac
}

# compared FROM PATH: says whether both hold the same: `same`, `differs`, or `unknown` and why.
compared() {
  if [ ! -f "$1" ]; then say "unknown there is no file $1"
  elif ! sum_of "$1"; then say "unknown cannot read $1"
  elif [ ! -f "$2" ] || [ -L "$2" ]; then say differs
  else
    wanted=$sum
    if ! sum_of "$2"; then say "unknown cannot read $2"
    elif [ "$sum" = "$wanted" ]; then say same
    else say differs; fi
  fi
}
