# A probe is made of sections. What one printed, and how it ended, stands between lines that nobody can guess: $frame_mark begins them.
# Each line is a packet of its own to the connection, so one ends a section and begins the next.
frame_was=$PWD

# frame NUMBER STATUS: what a section said on its standard error counts where it failed, so only then it is framed too.
frame() {
  printf '\n%s %s\n' "$frame_mark" "$*"
  [ "$2" = 0 ] || printf '\n%s %s\n' "$frame_mark" "$*" >&2
}

# lists: from here on, a list is cut into words by line.
lists() { set -f; IFS=$nl; }

# begins / ended NUMBER: what a section begins and ends with. It is a function, and no subshell, which would be a process. What it set
# for the shell is put back.
begins() { set +f; unset IFS; }
# It went from there.
# shellcheck disable=SC2164
ended() { set -- "$1" $?; begins; cd "$frame_was"; frame "$@"; }
