# What checks have in common. A check is a chain of the functions below, each of which prints nothing if it holds,
# or ARGUMENT, a tab, and what was found instead.
check_tab=$(printf '\t') check_nl='
'

# misses ARGUMENT FOUND: says in one short line what was found instead, whatever a server sent. What is cut ends with a mark.
misses() {
  printf '%s\t' "$1"
  printf '%s\n' "$2" | tr '\n\t\r' '   ' | tr -d '\001-\037\177' | sed 's/ $//; s/^\(.\{200\}\)..*/\1…/'
  return 1
}

# until_holds SECONDS PAUSE [ARGUMENT WANTED]...: calls `check` until it holds; else fails, and leaves in $check_said
# what was found in the end, and what was wanted. Where $check_retries is set, not time ends it, but so many more tries.
# A check that returns 2 has given up hope.
until_holds() {
  check_seconds=$1 check_pause=$2 check_tries=0; shift 2
  check_end=$(($(date +%s) + check_seconds))
  while :; do
    check_code=0; check_said=$(check) || check_code=$?
    check_tries=$((check_tries + 1))
    if [ $check_code = 0 ]; then return 0; fi
    if [ $check_code = 2 ]; then break; fi
    if [ -n "${check_retries-}" ]; then
      if [ "$check_tries" -gt "$check_retries" ]; then break; fi
    elif [ "$(date +%s)" -ge "$check_end" ]; then break; fi
    sleep "$check_pause"
  done
  check_argument=${check_said%%"$check_tab"*} check_found=${check_said#*"$check_tab"} check_wanted=
  while [ $# -gt 1 ]; do
    if [ "$1" = "$check_argument" ]; then check_wanted=$(printf %s "$2" | tr '\n' ' '); fi
    shift 2
  done
  check_said=$(check_words "$check_argument" "$check_found" "$check_wanted")
  if [ $check_code != 2 ]; then
    if [ -n "${check_retries-}" ]; then check_said="in $check_tries tries $check_said"; else check_said="after $check_seconds seconds $check_said"; fi
  fi
  die "$check_said"
}

# check_words ARGUMENT FOUND WANTED: says what does not hold.
check_words() { say "$1 is $2${3:+, not $3}"; }

# http_get METHOD SECONDS INSECURE URL [HEADER...]: sets $http_code and $http_body.
http_get() {
  http_method=$1 http_seconds=$2 http_insecure=$3 http_url=$4; shift 4
  if has curl; then http_curl "$@"
  elif has wget; then http_wget "$@"
  else misses status 'not known: this host has neither curl nor wget'; fi
}

http_curl() {
  for http_header do shift; set -- "$@" -H "$http_header"; done
  [ "$http_method" = GET ] || set -- "$@" -I
  [ "$http_insecure" = false ] || set -- "$@" -k
  if http_said=$(curl -sS -g -m "$http_seconds" -w '\n%{http_code}' "$@" "$http_url" 2>&1); then
    http_code=${http_said##*"$check_nl"} http_body=${http_said%"$check_nl"*}
  else
    http_said="curl: ${http_said#*curl: }"
    misses status "no answer (${http_said%%"$check_nl"*})"
  fi
}

# The answer's body is told from what wget says by a B before each line.
http_wget() {
  for http_header do shift; set -- "$@" --header "$http_header"; done
  [ "$http_method" = GET ] || set -- "$@" --spider
  [ "$http_insecure" = false ] || set -- "$@" --no-check-certificate
  if wget --version >/dev/null 2>&1; then set -- "$@" --tries=1 --max-redirect=0 --content-on-error; fi
  http_said=$({ timeout "$http_seconds" wget -q -S -O - "$@" "$http_url" 2>&4 </dev/null | sed 's/^/B/'; } 4>&1)
  http_code=$(say "$http_said" | sed -n 's|^[^B].*HTTP/[0-9.]* \([0-9][0-9][0-9]\).*|\1|p' | tail -n 1)
  http_body=$(say "$http_said" | sed -n 's/^B//p')
  [ -n "$http_code" ] || misses status "no answer (${http_said:-wget got none within $http_seconds seconds})"
}

# http_status CODES: whether the status is among the codes.
http_status() { case " $1 " in *" $http_code "*) ;; *) misses status "$http_code" ;; esac; }

# http_contains TEXT: whether the text is in the body.
http_contains() { case $http_body in *"$1"*) ;; *) misses contains "${http_body:-nothing}" ;; esac; }

# http_json PATH VALUE...: whether each path of the body, such as `build.version` or `nodes.0`, has that value.
http_json() {
  printf '%s\n' "$http_body" | timeout "$http_seconds" awk '
    function bad() { print "json\tnot JSON"; failed = 1; exit 1 }
    function take(c) {
      sub(/^[ \t\r\n]+/, "", text)
      if (substr(text, 1, 1) != c) return 0
      text = substr(text, 2)
      return 1
    }
    function string(    inner, plain, at, c) {
      sub(/^[ \t\r\n]+/, "", text)
      if (!match(text, /^"([^"\\]|\\.)*"/)) bad()
      inner = substr(text, 2, RLENGTH - 2)
      text = substr(text, RLENGTH + 1)
      while ((at = index(inner, "\\")) > 0) {
        c = substr(inner, at + 1, 1)
        plain = plain substr(inner, 1, at - 1) (c == "n" ? "\n" : c == "t" ? "\t" : c)
        inner = substr(inner, at + 2)
      }
      return plain inner
    }
    function value(path,    prefix, key, i) {
      prefix = path == "" ? "" : path "."
      if (take("{")) {
        if (take("}")) return
        do { key = string(); if (!take(":")) bad(); value(prefix key) } while (take(","))
        if (!take("}")) bad()
      } else if (take("[")) {
        if (take("]")) return
        do value(prefix i++ + 0); while (take(","))
        if (!take("]")) bad()
      } else if (substr(text, 1, 1) == "\"") found[path] = string()
      else {
        if (!match(text, /^[-+.a-zA-Z0-9]+/)) bad()
        found[path] = substr(text, 1, RLENGTH)
        text = substr(text, RLENGTH + 1)
      }
    }
    BEGIN { count = ARGC; for (i = 1; i < count; i++) wanted[i] = ARGV[i]; ARGC = 1 }
    { text = text $0 "\n" }
    END {
      value("")
      for (i = 1; i < count && !failed; i += 2) {
        path = wanted[i]
        if (found[path] "" == wanted[i + 1] "") continue
        told = path in found && found[path] != "" ? found[path] : "missing"
        gsub(/[\001-\037\177]/, " ", told)
        print "json." path "\t" (length(told) > 200 ? substr(told, 1, 200) "…" : told)
        exit 1
      }
    }' "$@"
}

# command_succeeds SECONDS COMMAND...: whether the command ends well in time; else how it ended, and its last line.
command_succeeds() {
  command_seconds=$1 command_code=0; shift
  command_said=$(timeout -k 5 "$command_seconds" "$@" 2>&1 </dev/null) || command_code=$?
  command_said=${command_said##*"$check_nl"}
  case $command_code in
    0) return 0 ;;
    124 | 137 | 143) command_said="stopped after $command_seconds seconds${command_said:+: $command_said}" ;;
  esac
  misses 'exit status' "$command_code${command_said:+ ($command_said)}"
}

# port_listens PORT: whether something on this host listens at the port for 127.0.0.1 or ::1, or for all addresses;
# read from the kernel, so that nobody is called. A table that is not read to its end says nothing.
port_listens() {
  port_six=; [ ! -e /proc/net/tcp6 ] || port_six=/proc/net/tcp6
  awk -v port="$(printf ':%04X' "$1")" -v six="$port_six" '
    function look(table,    read, address) {
      while ((read = (getline < table)) > 0) {
        address = $2; sub(/:[^:]*$/, "", address)
        if ($4 == "0A" && $2 == address port && address ~ /^0*(FFFF0000)?(0100007F|7F000001|01000000|00000001)?$/) found = 1
      }
      return read == 0
    }
    BEGIN {
      if (look("/proc/net/tcp") && (six == "" || look(six))) print found ? "open" : "closed"
      else print "the table of ports cannot be read"
    }'
}

# port_answers HOST PORT SECONDS: whether a connection can be made; else the words of what could not try.
port_answers() {
  if has bash; then port_try "$3" bash -c 'exec 3<>"/dev/tcp/$1/$2"' bash "$1" "$2"
  elif has nc; then
    # That of busybox knows neither -v nor -z; it runs a program when it is connected.
    port_try "$3" nc -v -z "$1" "$2" || port_try "$3" nc "$1" "$2" -e true
  else port_said='this host has neither bash nor nc'
  fi
  say "$port_said"
}

# port_try SECONDS COMMAND...: runs what ends well if it gets a connection. What is refused, or not answered, is closed;
# whatever else goes wrong says nothing of the port.
port_try() {
  port_code=0; port_said=$(timeout "$@" 2>&1 </dev/null) || port_code=$?
  case $port_code/$port_said in
    0/*) port_said=open ;;
    124/* | 143/* | *refused* | *'timed out'* | *'No route to host'* | *unreachable*) port_said=closed ;;
    *) return 1 ;;
  esac
}

# port_is WANTED KNOWN...: whether the port is open, as the rest of the words find out, exactly when that is WANTED.
port_is() {
  port_wanted=$1; shift
  port_found=$("$@" 2>&1)
  case $port_found in
    open) port_found=true ;;
    closed) port_found=false ;;
    *) port_found=${port_found%%"$check_nl"*}; misses open "not known: ${port_found:-what looks at it was stopped}"; return ;;
  esac
  [ $port_found = "$port_wanted" ] || misses open $port_found
}
