# How the guards of commands are asked.

# answered: reads how a question ended into $asked: 0 well, 1 not, 2 that it could not be asked, and $asked_why. A user or a program
# that is not there may be made by what stands before: that is 3.
answered() {
  asked_why=${asked##*"$nl"}
  case $asked_why in
    'ended 0') asked=0 ;;
    'ended '[1-9] | 'ended '[1-9][0-9] | 'ended 1'[01][0-9] | 'ended 12'[0-7]) asked=1 ;;
    'lacks '*) asked=3 asked_why=${asked_why#lacks } ;;
    su:*'does not exist'* | su:*'unknown user'*) asked=3 ;;
    '') asked=2 asked_why='its script was stopped' ;;
    *) asked=2 ;;
  esac
}

# is_there PATH: whether something is there, in $asked.
is_there() {
  asked=1
  if [ -e "$1" ] || [ -L "$1" ]; then asked=0
  elif hidden "$1"; then asked=2 asked_why="cannot look at $1: Permission denied"; fi
}

# cannot_say GUARD: says that it could not be asked.
cannot_say() { say "unknown $1: $asked_why"; }
