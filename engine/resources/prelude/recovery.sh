# What shells left that did not come to their end. The lock is ours: whoever wrote this down is gone.

# recover: puts old files back in the place of new ones that were not proved, removes the folders of `beside`, and leaves in
# $recovered whether a file was put back.
recover() {
  recovered=
  # The run that armed it may still confirm it.
  if [ -z "${again-}" ] && is_armed; then fired && recovered=yes; fi
  # The run that began it may still read it.
  if [ -z "${again-}" ] && ! runs "$STATE/segment/pid"; then emptied "$STATE/segment/log"; fi
  for left in "$STATE"/segment.*; do
    if [ -d "$left" ] && ! runs "$left/pid"; then rm -rf -- "$left"; fi
  done
  for left in "$STATE"/segment/stage/*; do
    if [ -e "$left" ]; then rm -rf -- "$STATE"/segment/stage/*; fi
    break
  done
  for list in "$STATE"/beside/*; do
    [ -f "$list" ] || continue
    while IFS= read -r folder; do
      (take_back "$folder")
      case $? in
        0) recovered=yes ;;
        2) continue 2 ;;
      esac
      rm -rf -- "$folder"
    done <"$list"
    rm -f -- "$list"
  done
}

# outlived: forgets what is kept of all runs but the last ten, once there are twenty: so most runs take no process for that.
outlived() {
  lists=0
  for list in "$STATE"/kept/*.list; do lists=$((lists + 1)); done
  [ "$lists" -ge 20 ] || return 0
  for list in "$STATE"/kept/*.list; do
    [ "$lists" -gt 10 ] || break
    rm -f -- "${list%list}"*
    lists=$((lists - 1))
  done
}

# is_armed: whether something is put back unless it is confirmed.
is_armed() { [ -e "$STATE/guard/armed" ] || [ -e "$STATE/guard/fired" ]; }

# fired: puts back what nobody confirmed.
fired() {
  mv -f "$STATE/guard/armed" "$STATE/guard/fired" 2>/dev/null || [ -e "$STATE/guard/fired" ] || return
  fired=0
  (exec sh "$STATE/guard/script" </dev/null >"$STATE/guard/log" 2>&1 8>&- 9>&-) || fired=$?
  say "$fired" >"$STATE/guard/done"
  rm -f "$STATE/guard/fired" "$STATE/guard/script"
}

# take_back FOLDER: does that for one folder; 1 means that there was nothing to do, 2 that it could not be done.
take_back() {
  [ -d "$1" ] && [ ! -L "$1" ] || return 1
  enter "${1%/*}" 2>/dev/null && down "${1##*/}" && [ -O . ] || return 2
  took=1
  for doubt in doubt-*; do
    [ -s "$doubt" ] || continue
    name=${doubt#doubt-}
    is_as_doubted "$name" <"$doubt" || continue
    if [ -e "old-$name" ] || [ -L "old-$name" ]; then mv -fT "./old-$name" "../$name"; else rm -f -- "../$name"; fi || return 2
    : >"$doubt"
    took=0
  done
  return "$took"
}

# is_as_doubted NAME <DOUBT: whether NAME is still what was put there and not proved. Whoever mended it by hand keeps it. It is
# read by a second name, which nobody can exchange for a pipe.
is_as_doubted() {
  read -r doubted _ && there=./now-$1 || return
  ln -fT "../$1" "$there" 2>/dev/null || { (cd .. && closed) && there=../$1; } || return
  [ -f "$there" ] && [ ! -L "$there" ] && now=$(sha256sum <"$there") && [ "${now%% *}" = "$doubted" ]
}
