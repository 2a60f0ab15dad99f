# installed NAME...: leaves in $installed a line for each that dpkg knows: NAME VERSION STATUS, and missing NAME for the others; what dpkg
# says of a trouble stands behind a question mark. A name without an architecture is that of the host's own, which is that
# of dpkg; a list without dpkg is not a whole one.
# Where not all are installed under these names, all packages are listed: only so is it seen who provides a name.
# A version begins with a digit (deb-version(7)), so a letter behind a tab is a status.
installed() {
  installed=$(dpkg-query -W -f '${Package}\t${Version}\t${db:Status-Abbrev}\n${Package}:${Architecture}\t${Version}\t${db:Status-Abbrev}\n' -- "$@" dpkg 2>/dev/null) &&
    case $installed in
      *"	"[a-z][!i]* | *"	"[a-z]iR*) ;;
      *) return ;;
    esac
  installed=$({ dpkg-query -W -f '${Package}\t${Architecture}\t${Version}\t${db:Status-Abbrev}\t${Provides}\n' 2>&1 || say "dpkg-query ended with exit status $?"; } |
    awk -F '\t' '
      BEGIN { for (i = 1; i < ARGC; i++) wanted[ARGV[i]]; ARGC = 1 }
      function line(name, arch, state) {
        if (!(name in wanted)) return
        count++; names[count] = name; arches[count] = arch; lines[count] = $3 "\t" state
      }
      NF != 5 { print "?\t" $0; failed = failed || /ended with exit status/; next }
      $1 == "dpkg" { native = $2 }
      { line($1, $2, $4); line($1 ":" $2, "all", $4) }
      $2 == "all" { for (name in wanted) if (index(name, $1 ":") == 1 && name != $1 ":all") line(name, substr(name, length($1) + 2), $4) }
      $4 ~ /^.i/ {
        n = split($5, provides, /, */)
        for (i = 1; i <= n; i++) { sub(/ .*/, "", provides[i]); line(provides[i], $2, "provided") }
      }
      END {
        for (i = 1; i <= count; i++) {
          if (native != "" && arches[i] != "all" && arches[i] != native) continue
          print names[i] "\t" lines[i]
          if (lines[i] ~ /\t.i[^R]*$/ || lines[i] ~ /\tprovided$/) have[names[i]]
        }
        if (!failed && native != "") for (name in wanted) if (!(name in have)) print "missing\t" name
      }' "$@")
}
