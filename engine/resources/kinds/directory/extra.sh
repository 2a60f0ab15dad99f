# `extra DO FOLDER NAME...` does something with each entry of a folder that is none of the names: `told` prints what is
# extra, `rid` removes it. The names stand in the order of the shell's own lists, so that both are gone through once; a
# name that comes next and is not there is passed over. Nothing is ever made of a name but a word. The links that enable
# units of systemd are no extras: a unit makes them, be it one of another folder.
extra() {
  do=$1 folder=$2; shift 2
  [ -d "$folder" ] || return 0
  if [ ! -r "$folder" ] || [ ! -x "$folder" ]; then say "unread $folder"; return 0; fi
  enter "$folder" || return
  for p in * .[!.]* ..?*; do
    [ -e "./$p" ] || [ -L "./$p" ] || continue
    while [ $# -gt 0 ] && [ "$1" != "$p" ] && [ ! -e "./$1" ] && [ ! -L "./$1" ]; do shift; done
    if [ "${1-}" = "$p" ]; then shift; continue; fi
    for wanted do [ "$wanted" != "$p" ] || continue 2; done
    case $folder/$p in
      /etc/systemd/system/*.wants* | /etc/systemd/system/*.requires* | /etc/systemd/system/*.upholds*) continue ;;
      /etc/systemd/system/*) if [ -L "./$p" ] && [ -e "./$p" ]; then case $(readlink "./$p") in /lib/systemd/* | /usr/lib/systemd/* | /etc/systemd/system/*) continue ;; esac; fi ;;
    esac
    $do "$p" || return
  done
}

# How `extra` tells what it finds: a line for each, in which a line break of a name shows as a question mark.
told() {
  name=$folder/$1 name=${name#"$top"/}
  # It becomes a pattern.
  # shellcheck disable=SC2125
  while case $name in *"$nl"*) ;; *) false ;; esac; do name=${name%%"$nl"*}?${name#*"$nl"}; done
  if [ $((count+=1)) -le 1000 ]; then say "extra $name"; fi
}
