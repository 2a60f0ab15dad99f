# `folder PATH MODE OWNER GROUP` makes a directory that nobody can enter before it has its mode. `top` does the same for
# the directory itself, and follows a link to one: what it leads to gets owner and mode.
folder() {
  if [ ! -d "$1" ] || [ -L "$1" ]; then
    if [ -e "$1" ] || [ -L "$1" ]; then die "$1 is there and is not a directory" || return; fi
    [ -d "${1%/*}/" ] || mkdir -p "${1%/*}/" || return
    mkdir -m "${2:-0755}" "$1" || return
  fi
  attributes "$@"
}
top() {
  if [ ! -L "$1" ] || [ ! -d "$1" ]; then folder "$@"; return; fi
  real=$(readlink -f "$1") && attributes "$real" "$2" "$3" "$4"
}
