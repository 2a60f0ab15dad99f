# private_lock: makes the folder and the lock such that nobody else can open them. One that others could open is made anew: who has
# opened the old one holds nothing then. Unless a run of this account holds it, which is waited for as any other. It is asked for where
# nothing ran yet, and where the lock is not free: what others could open does no harm as long as they hold nothing.
private_lock() {
  case $(stat -c %a "$STATE" "$STATE/lock" 2>/dev/null) in
    "700${nl}600") return ;;
    *"${nl}600") ;;
    *"$nl"*)
      for at in /proc/[0-9]*/fd/9; do
        if [ "$at" -ef "$STATE/lock" ] && [ -O "${at%/fd/9}" ]; then chmod 600 "$STATE/lock"; return; fi
      done
      rm -f "$STATE/lock" ;;
  esac
  chmod 700 "$STATE"
  (umask 077; : >>"$STATE/lock")
}

# was_ours: whether this run had the lock before.
was_ours() { was=; { read -r _ was <"$STATE/holder"; } 2>/dev/null; [ "$was" = "$who" ]; }

# guarded: whether something of another run waits there to be confirmed.
guarded() { ! was_ours && is_armed && runs "$STATE/segment/guard"; }

# take_lock: takes the lock that has the name by then, not one that was made anew meanwhile.
take_lock() {
  if guarded; then return 1; fi
  [ -e "$STATE/lock" ] || (umask 077; : >>"$STATE/lock") 2>/dev/null
  [ -r "$STATE/lock" ] || return
  while exec 9<"$STATE/lock" && flock -n 9; do
    if [ ! -e "/proc/$$/fd/9" ] || [ "/proc/$$/fd/9" -ef "$STATE/lock" ]; then locked=yes; return; fi
  done
  return 1
}

# lock_folder: makes the folder that is the lock where there is no `flock`. One whose shell is gone, or that is older than the last
# start of the host, is made anew: of several that see so, the one that moves it away.
lock_folder() {
  if guarded; then return 1; fi
  booted
  # Whoever had it may have given it back in between.
  if mkdir "$STATE/lock.held" 2>/dev/null || { [ ! -e "$STATE/lock.held" ] && mkdir "$STATE/lock.held" 2>/dev/null; }; then return; fi
  pid= by=
  { read -r pid by <"$STATE/lock.held/by"; } 2>/dev/null ||
    [ -n "$(find "$STATE/lock.held" -prune -mmin +1 2>/dev/null)" ] || return
  if [ -n "$pid" ] && [ "$by" = "$start" ] && [ "/proc/$pid/fd/9" -ef "$STATE/lock.held/by" ]; then return 1; fi
  if runs "$STATE/segment/pid"; then return 1; fi
  { read -r pid by <"$STATE/lock.held/by"; } 2>/dev/null
  mv "$STATE/lock.held" "$STATE/lock.dead.$$" 2>/dev/null || return
  now=; { read -r now <"$STATE/lock.dead.$$/by"; } 2>/dev/null
  if [ "$now" != "$pid${pid:+ $by}" ]; then mv "$STATE/lock.dead.$$" "$STATE/lock.held"; return 1; fi
  rm -rf "$STATE/lock.dead.$$" && mkdir "$STATE/lock.held" 2>/dev/null
}

# holder: leaves in $holder who holds the lock, not who did before.
holder() {
  pid=; { read -r pid holder <"$STATE/holder"; } 2>/dev/null
  case $(kill -0 "${pid:-x}" 2>&1) in
    '') ;;
    *ermitted*) ;;
    *)
      if ! runs "$STATE/segment/pid" && ! runs "$STATE/segment/guard"; then holder='it has not said who it is'; fi ;;
  esac
}
