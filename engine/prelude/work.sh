# Work goes on without the connection that began it. Of each there are in $STATE/work: ID.log, all that it printed; ID.stop, if it is
# to end before its next part; and ID.pid, ID.tee, ID.cat, which name processes of it, and the start of the host. Each process holds
# the file open that names it: so a number that is another one's by now means nobody.

# named FILE: makes this process the one that FILE names. Where there is no room for a file, nobody is named.
named() {
  if { true >"$1"; } 2>/dev/null; then
    exec 8>"$1"
    { read -r named _ </proc/self/stat; read -r started </proc/sys/kernel/random/boot_id; } 2>/dev/null
    say "$named $started" >&8
  fi
}

# runs FILE: whether the process runs that FILE names, which is in $pid then.
runs() {
  { read -r pid _ <"$1"; } 2>/dev/null && [ "/proc/$pid/fd/8" -ef "$1" ]
}
