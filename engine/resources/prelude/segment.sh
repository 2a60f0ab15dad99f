# A segment goes on without the connection that began it: one at a time, as whoever has the lock. In $STATE/segment are `log`, all that
# it printed; `stop`, which one is to end before its next part; and `pid`, `tee`, `cat`, each a process of it and which segment that is;
# `pid` also in which start of the host it was begun.
# Each process holds the file open that names it: so a number that is another one's by now means nobody. No name of a file says
# which segment it is: whoever knows that could print what it prints.

# named FILE "SEGMENT [START]": makes this process the one that FILE names. Where there is no room for a file, nobody is named.
named() {
  if { true >"$1"; } 2>/dev/null; then
    exec 8>"$1"
    # A shell reads a file byte by byte, and /proc/self/stat is long.
    for named in /proc/self/task/*; do say "${named##*/} $2" >&8; break; done
  fi
}

# runs FILE [SEGMENT]: whether the process runs that FILE names, of this segment if it matters; it is in $pid then.
runs() {
  { read -r pid whose _ <"$1"; } 2>/dev/null && [ "${2-$whose}" = "$whose" ] && [ "/proc/$pid/fd/8" -ef "$1" ]
}

# booted: leaves in $start which start of the host this is, or of the container that it is: those have the boot id of the machine that
# they are on, so when the first process began counts too.
booted() {
  start= init=
  { read -r start </proc/sys/kernel/random/boot_id && read -r init </proc/1/stat; } 2>/dev/null
  set -- ${init##*) }
  start=$start:${20-}
}

# is_void ID: whether its run has given up this segment, and may have begun it anew.
is_void() {
  while read -r void; do [ "$void" != "$1" ] || return 0; done 2>/dev/null <"$STATE/void"
  return 1
}

# emptied FILE: leaves nothing in it, if it is there.
emptied() { [ ! -s "$1" ] || { true >"$1"; } 2>/dev/null; }
