# installed NAME... prints a line for each that dpkg knows: NAME VERSION STATUS, and missing NAME for the others.
# Where not all are installed under these names, all packages are listed: only so is it seen who provides a name.
# A version begins with a digit (deb-version(7)), so a letter behind a tab is a status.
installed() {
  known=$(dpkg-query -W -f '${Package}\t${Version}\t${db:Status-Abbrev}\n${Package}:${Architecture}\t${Version}\t${db:Status-Abbrev}\n' -- "$@" 2>/dev/null) &&
    case $known in
      *"	"[a-z][!i]*) ;;
      *) say "$known"; return ;;
    esac
  dpkg-query -W -f '${Package}\t${Architecture}\t${Version}\t${db:Status-Abbrev}\t${Provides}\n' 2>/dev/null |
    awk -F '\t' '
      BEGIN { for (i = 1; i < ARGC; i++) wanted[ARGV[i]]; ARGC = 1 }
      function line(name, state) {
        if (!(name in wanted)) return
        printf "%s\t%s\t%s\n", name, $3, state
        if ($4 ~ /^.i/) have[name]
      }
      { line($1, $4); line($1 ":" $2, $4) }
      $4 ~ /^.i/ {
        n = split($5, names, /, */)
        for (i = 1; i <= n; i++) { sub(/ .*/, "", names[i]); line(names[i], "provided") }
      }
      END { for (name in wanted) if (!(name in have)) print "missing\t" name }' "$@"
}
