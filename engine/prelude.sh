# What every script that converge runs on a host can rely on: POSIX sh, nothing else.

# Markers of reactions that are owed live here, so that a cut-off run cannot lose one.
if [ -w /var/lib ]; then STATE=/var/lib/converge; else STATE=${HOME:-/tmp}/.local/state/converge; fi

say() { printf '%s\n' "$*"; }
die() { say "$*" >&2; return 1; }
has() { command -v "$1" >/dev/null 2>&1; }

# attributes PATH MODE OWNER GROUP: gives a path its owner, then its mode; an empty word leaves that one alone.
# The owner comes first, since chown clears the setuid bit. A link itself is never followed.
attributes() {
  if [ -n "$3$4" ]; then chown -h "$3${4:+:$4}" "$1" || return 1; fi
  if [ -n "$2" ] && [ ! -L "$1" ]; then chmod "$2" "$1" || return 1; fi
}

# put CONTENT PATH MODE OWNER GROUP VALIDATE: makes PATH a file that holds what CONTENT holds.
# The new file is made beside the target, for nobody else to read, and gets its owner and mode before it is renamed:
# nobody sees half a file, or a secret in a file of the wrong mode. A VALIDATE with %s checks the new file first;
# one without checks the whole afterwards, and a failure puts the old file back.
put() {
  put_new=${2%/*}/.${2##*/}.converge.$$
  if [ -d "$2" ] && [ ! -L "$2" ]; then die "$2 is a directory"; return 1; fi
  put_mode=${3:-0644} put_owner=$4 put_group=$5
  if [ -f "$2" ] && [ ! -L "$2" ] && [ -z "$3" -o -z "$4" -o -z "$5" ]; then
    put_old=$(stat -c '%a %u %g' "$2") || return 1
    put_rest=${put_old#* }
    put_mode=${3:-${put_old%% *}} put_owner=${4:-${put_rest% *}} put_group=${5:-${put_rest#* }}
  fi
  rm -f "$put_new" || return 1
  (umask 077 && set -C && cat "$1" >"$put_new") || return 1
  if ! attributes "$put_new" "$put_mode" "$put_owner" "$put_group"; then rm -f "$put_new"; return 1; fi
  case $6 in
    '') mv -fT "$put_new" "$2" ;;
    *%s*)
      if (set -- "$put_new" "$6"; eval "${2%%\%s*}\$1${2#*\%s}"); then mv -fT "$put_new" "$2"
      else rm -f "$put_new"; die "validate: $6 refused the new $2, which was left as it was"; return 1; fi ;;
    *)
      put_kept=
      if [ -e "$2" ]; then put_kept=${2%/*}/.${2##*/}.converge-old.$$; cp -pPT "$2" "$put_kept" || return 1; fi
      mv -fT "$put_new" "$2" || return 1
      if (eval "$6"); then rm -f "$put_kept"
      else
        if [ -n "$put_kept" ]; then mv -fT "$put_kept" "$2"; else rm -f "$2"; fi
        die "validate: $6 failed with the new $2; the old one is back"; return 1
      fi ;;
  esac
}

# mark NAME TEXT / unmark NAME: writes down that a reaction is owed, and that it was paid.
mark() { mkdir -p "$STATE/pending" && printf '%s\n' "$2" >"$STATE/pending/$1"; }
unmark() { rm -f "$STATE/pending/$1"; }
