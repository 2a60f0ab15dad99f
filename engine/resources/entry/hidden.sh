# hidden PATH: whether nobody can say what is at PATH, where nothing is seen: the way to it cannot be gone.
hidden() {
  up=$1
  while up=${up%/*}; [ ! -d "${up:=/}" ]; do [ ! -L "$up" ] || return 0; done
  [ ! -x "$up" ]
}
