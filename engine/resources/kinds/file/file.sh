# files WANTED ASKED PATH...: prints the digests of files, or `all as wanted` where they are those that stand in WANTED, in lines of
# sha256sum; and what those hold that differ. It prints line by line, each at a price: of many it is asked first whether all are so.
files() {
  wanted=$1 asked=$2; shift 2
  if [ $# -gt 50 ] && [ -n "$wanted" ] && all_ours "$@" && sha256sum --status -c 2>/dev/null <<END
${wanted%?}
END
  then say 'all as wanted'; return; fi
  digests "$@" || return
  if [ -n "$wanted" ] && [ "$sums$nl" = "$wanted" ]; then say 'all as wanted'; return; fi
  say "$sums"
  set -f; IFS=$nl; set -- $sums
  for line in $wanted; do
    path=${line#*  }
    case $line in \\*) path=$(printf %b "$path") ;; esac
    if [ "$line" != "${1-}" ]; then
      [ -f "$path" ] && [ ! -L "$path" ] && [ -r "$path" ] || continue
      case $nl$guarded_sums in *"$nl$line$nl"*) continue ;; *"  $path$nl"*) shown "$path"; continue ;; esac
      while [ $# -gt 0 ] && [ "${1#*  }" != "$path" ]; do shift; done
    fi
    if [ "$line" = "${1-}" ]; then shift; continue; fi
    shown "$path"
  done
  unset IFS; set +f
}

# shown PATH: prints what a file holds now, up to $shown_max bytes; or that not everyone on the host may read it, but for those of
# $asked, of which the text is asked for nevertheless.
shown() {
  case $asked in *"$nl$1$nl"*) ;; *) passable "${1%/*}" || { say "closed $1"; return; } ;; esac
  printf 'text %s\n' "$1"
  if [ -f "$1" ] && [ ! -L "$1" ] && ours "${1%/*}"; then head -c "$shown_max" "$1"; else peek "$1" | head -c "$shown_max"; fi | base64
  say .
}

# files_not_shown PATH...: prints the digests of files of which nothing is shown.
files_not_shown() {
  say 'not shown'
  digests "$@" || return
  say "$sums"
}
