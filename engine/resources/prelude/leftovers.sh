# Content lies in folders `converge.XXXXXXXXXX` that only their owner can look into. Each holds a file `held.PID` of the shell
# that removes it; a shell that was killed did not. These lines are also put into one, between single quotes, that any login
# shell reads: so they end as they would within one, and have no other quote than the double one, no backslash, no exclamation.

# leftover FOLDER: whether it is ours, and nobody is there any more who removes it: its shell is gone, or it is an hour old and
# no shell ever took it.
leftover() {
  if [ -d "$1" ] && [ -O "$1" ]; then test -L "$1" && return 1; else return 1; fi;
  for held in "$1"/held.*; do
    [ -e "$held" ] || continue;
    case $(kill -0 "${held##*.}" 2>&1) in *"o such process"*) return 0 ;; *) return 1 ;; esac;
  done;
  test -n "$(find "$1" -prune -mmin +60 2>/dev/null)";
};
# leftovers: removes what is left over.
leftovers() {
  for left in "${XDG_RUNTIME_DIR:-/run}"/converge.?????????? /run/converge.?????????? "${TMPDIR:-/tmp}"/converge.??????????; do
    if leftover "$left"; then rm -rf -- "$left"; fi;
  done;
}
