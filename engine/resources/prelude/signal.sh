# signal_below PROCESS SIGNAL: signals all that descends from a process, wherever it went, and all of its group, whatever it descends
# from: but neither the process nor what it descends from. Who a process is says the kernel; its name, in which anything may stand, is
# not read. What watches the shell is left alone.
signal_below() {
  if [ -r /proc/self/stat ]; then processes; else ps -A -o pid= -o ppid= -o pgid=; fi |
    awk -v root="$1" -v own=$$ '
      { parent[$1] = $2; group[$1] = $3 }
      function below(p, top,    n) {
        while (n++ < 10000 && p in parent) { if (p == top) return 1; p = parent[p] }
      }
      END {
        if (!(root in parent)) exit
        for (p in parent)
          if (p > 1 && p != root && !below(root, p) && !below(p, own) &&
              (below(p, root) || group[p] == group[root] && group[own] != group[root]))
            print p
      }' |
    while read -r one; do
      [ "/proc/$one/fd/8" -ef "$STATE/heard" ] || kill "-$2" "$one" 2>/dev/null
    done
  :
}

# processes: each process with its parent and its group.
processes() {
  for stat in /proc/[0-9]*/stat; do
    stat=${stat%/stat}
    if { read -r line <"$stat/stat"; } 2>/dev/null; then
      case $line in *') '*) ;; *) continue ;; esac
      set -- ${line##*) }
      printf '%s %s %s\n' "${stat#/proc/}" "$2" "$3"
    fi
  done
}
