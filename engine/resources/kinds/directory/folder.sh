# `folder PATH MODE OWNER GROUP` makes a directory that nobody can enter before it has its mode, and enters it. `top` does the
# same for the directory itself, and follows a link to one: what it leads to gets owner and mode. `above` enters the directory
# that one lies in, and makes those that are missing. `given OWNER` gives this directory to him, with all that is in it: GNU's
# `chown` follows no link on its way down, that of busybox goes by whole paths.
folder() {
  above "${1%/*}" || return
  if [ ! -d "./${1##*/}" ] || [ -L "./${1##*/}" ]; then
    if [ -e "./${1##*/}" ] || [ -L "./${1##*/}" ]; then die "$1 is there and is not a directory" || return; fi
    mkdir -m "${2:-0755}" "./${1##*/}" || return
  fi
  down "${1##*/}" || die "$1 was exchanged" || return
  attributes . "$2" "$3" "$4"
}
above() {
  if [ -d "$1/" ]; then enter "$1"; return; fi
  above "${1%/*}" && mkdir "./${1##*/}" && down "${1##*/}"
}
top() {
  if [ ! -L "$1" ] || [ ! -d "$1" ]; then folder "$@"; else enter "$1" && attributes . "$2" "$3" "$4"; fi
}
given() {
  case $(chown --version 2>/dev/null) in *GNU*) chown -hR -- "$1" .; return ;; esac
  for entry in * .[!.]* ..?*; do
    if [ -d "./$entry" ] && [ ! -L "./$entry" ]; then (down "$entry" && given "$1") || return
    elif [ -e "./$entry" ] || [ -L "./$entry" ]; then chown -h -- "$1" "./$entry" || return; fi
  done
  chown -h -- "$1" .
}
