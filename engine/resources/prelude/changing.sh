# What a script that makes changes can rely on besides.

# note_in FILE TEXT / add_to FILE TEXT: makes FILE hold TEXT, or adds it as a line; or says which file could not be written, and why,
# which no shell says itself.
note_in() { { printf %s "$2" >"$1"; } 2>/dev/null || unwritten "$1"; }
add_to() { { printf '%s\n' "$2" >>"$1"; } 2>/dev/null || unwritten "$1"; }
unwritten() {
  why=$({ dd if=/dev/zero bs=8192 count=1 >"$1.room"; } 2>&1)
  rm -f -- "$1.room"
  why=${why%%"$nl"*} why=${why##*: }
  die "cannot write $1${why:+: $why}"
}

# attributes PATH MODE OWNER GROUP: gives a path its owner, then its mode; an empty word leaves that one alone. Nobody else can
# exchange what lies there: it is in a folder of `beside`, or the directory itself, as a dot.
# The owner comes first, since chown clears the setuid bit. A link itself is never followed.
# The zeros before the mode make GNU chmod clear a directory's setgid bit, which it keeps otherwise.
attributes() {
  if [ -n "$3$4" ] && ! has_root "$1" "$3:$4"; then chown -h -- "$3${4:+:$4}" "$1" || return 1; fi
  if [ -n "$2" ] && [ ! -L "$1" ]; then chmod "00$2" "$1" || return 1; fi
}

# own PATH MODE OWNER GROUP: does that with a file that is there. One that has other names may be anybody's, if others could
# give it this one: the kernel keeps them from that only where fs.protected_hardlinks is set.
own() (
  name=${1##*/} keep=
  [ -f "$1" ] && [ ! -L "$1" ] || die "there is no file $1: give its content to make it" || exit
  beside "$1" && hold "$name" || exit
  [ -f "$held" ] && [ ! -L "$held" ] || die "$1 was exchanged" || exit
  [ "$(stat -c %h "$held")" -le 2 ] || (cd .. && closed) ||
    die "$1 has other names, and others may have given it this one: it may be another file" || exit
  attributes "$held" "$2" "$3" "$4"
)

# has_root PATH OWNER:GROUP: whether PATH is wanted to be root's, and is: a shell tells that without a process.
has_root() {
  case $2 in root:root | 0:0) ;; *) return 1 ;; esac
  [ -O / ] && [ -G / ] && [ ! -L "$1" ] && [ -O "$1" ] && [ -G "$1" ]
}

# beside PATH: enters a folder beside PATH that nobody else can look into. What is made in it is on the same file system,
# so that a rename moves it to `../NAME` in one go. Nobody can guess its name; and whoever may write to the directory and puts
# another one in its place is told by where we are. The folder serves all of a script, and `sweep` removes it at the end.
beside() {
  [ -d "${1%/*}/" ] || die "there is no directory ${1%/*}: declare it before $1" || return
  enter "${1%/*}" && made_here || return
  down "$made" && [ -O . ] || die "$here/$made is not the folder that was made there"
}

# made_here: leaves in $made which folder of this directory `beside` made, and makes one if there is none. A script without a
# stage makes one for each step, which removes it. $token is a word that nobody can guess.
made_here() {
  if [ -f "${STAGE-}/beside.$$" ]; then
    while IFS= read -r made; do
      if [ "${made%/*}" = "${PWD%/}" ] && [ -d "$made" ]; then made=${made##*/}; return; fi
    done <"$STAGE/beside.$$"
  fi
  # A run that comes after this one finds it there, should this one be cut off: so it is written down before it is made.
  [ -d "$STATE/beside" ] || mkdir -p "$STATE/beside" || return
  made=.converge.${token-}
  if [ -z "${token-}" ] || ! say "${PWD%/}/$made" 2>/dev/null >>"$STATE/beside/$$" || ! mkdir -m 700 -- "./$made" 2>/dev/null; then
    made=$(mktemp -d ./.converge.XXXXXXXXXX) && made=${made#./} && add_to "$STATE/beside/$$" "${PWD%/}/$made" || return
  fi
  if [ -n "${STAGE-}" ]; then add_to "$STAGE/beside.$$" "${PWD%/}/$made"; return; fi
  private=${PWD%/}/$made
  trap 'rm -rf -- "$private" "$STATE/beside/$$"' EXIT
  trap 'exit 1' HUP INT PIPE TERM
}

# hold NAME: gives what lies at `../NAME` a second name in the folder of `beside`, where nobody can exchange it, and leaves that
# in $held. Where a file system takes none, or something is mounted there, its own name has to do, if only root can write there.
hold() {
  held=./old-$1
  if [ -f "$held" ] && [ ! -L "../$1" ] && [ "$held" -ef "../$1" ]; then return; fi
  # A link that leads nowhere is the same as nothing.
  if [ -z "${keep-}" ] || [ "../$1" -ef "$keep_of" ]; then :
  elif [ "${keep_of##*/}" != "$1" ] || ! [ "${keep_of%/*}/" -ef .. ]; then keep=; fi
  if [ -n "${keep-}" ] && ln -fT -- "../$1" "$keep" 2>/dev/null; then held=$keep; return; fi
  ln -fT -- "../$1" "$held" 2>/dev/null || {
    held=../$1
    (cd .. && closed) || die "$1 cannot be held: others may write to its directory, and its file system has no hard links"
  } || return
  [ -z "${keep-}" ] || cp -aT -- "$held" "$keep"
}

# keep NUMBER PATH RECORD [NOW]: lets what lies at PATH be kept as $STATE/kept/NUMBER: by `hold`, when something takes its place, or
# now, where what changes it does not hold it. RECORD says what it is, for whoever undoes it: two lines of the list of the run, which is $run.
keep() {
  keep=$STATE/kept/$1 keep_of=$2
  { [ -d "$STATE/kept" ] || mkdir -p -m 700 "$STATE/kept"; } || return
  kept=there
  if [ -L "$2" ]; then kept=behind; elif [ ! -e "$2" ]; then kept=nothing; fi
  [ "$kept" = there ] || : >"$keep.$kept"
  [ -z "$3" ] || add_to "$STATE/kept/$run.list" "$kept ${1##*.} $2$nl$3" || return
  if [ -n "${4-}" ] && [ "$kept" != nothing ]; then
    (enter "${2%/*}" && { ln -fT -- "./${2##*/}" "$keep" 2>/dev/null || cp -aT -- "./${2##*/}" "$keep"; })
  fi
}

# noted RECORD: says of what there is nothing to keep how it was.
noted() { { [ -d "$STATE/kept" ] || mkdir -p -m 700 "$STATE/kept"; } && add_to "$STATE/kept/$run.list" "noted - -$nl$1"; }

# unkept NUMBER PATH: forgets what was kept of PATH if it is there still, since nothing took its place.
unkept() { if [ "$STATE/kept/$1" -ef "$2" ]; then rm -f -- "$STATE/kept/$1"; fi; }

# put_back NUMBER PATH: makes PATH what was kept of it, if anything took its place. Where PATH was a link, and a file was kept, that is what
# the link leads to.
put_back() (
  back=$STATE/kept/$1 name=${2##*/}
  if [ -e "$back" ] || [ -L "$back" ]; then
    path=$2
    if [ -e "$back.behind" ] && [ ! -L "$back" ]; then ends "$path" && path=${PWD%/}/$name || exit; fi
    keep=
    beside "$path" && cp -aT -- "$back" "./$name" && mv -fT -- "./$name" "../$name"
  elif [ -e "$back.nothing" ] && [ -d "${2%/*}/" ]; then
    enter "${2%/*}" && rm -f -- "./$name"
  fi
)

# rid NAME: removes what lies at `./NAME` with all that is in it, from inside. GNU's `rm` follows no link on its way down; that of
# busybox goes by whole paths. What is mounted below is not a part of it, and keeps it from being removed.
rid() {
  if [ ! -d "./$1" ] || [ -L "./$1" ]; then rm -f -- "./$1"; return; fi
  case $(rm --version 2>/dev/null) in
    *GNU*) rm -rf --one-file-system -- "./$1" ;;
    *) (device=$(stat -c %d .) && down "$1" && empty) && rmdir -- "./$1" ;;
  esac
}

# empty: removes all that is in this directory.
empty() {
  [ "$(stat -c %d .)" = "$device" ] || die "$PWD is mounted: unmount it first" || return
  for entry in * .[!.]* ..?*; do
    if [ -d "./$entry" ] && [ ! -L "./$entry" ]; then (down "$entry" && empty) && rmdir -- "./$entry" || return
    elif [ -e "./$entry" ] || [ -L "./$entry" ]; then rm -f -- "./$entry" || return; fi
  done
}

# stage: makes a place for content. It belongs to whoever has the lock, who also removes what a script left there that was killed.
stage() {
  STAGE=$STATE/segment/stage
  [ -d "$STAGE" ] || mkdir -p -m 700 "$STAGE" || return
  trap 'sweep "$STAGE"/*' EXIT
}

# stage_secretly: does the same for secrets. They do not reach a disk, where the host has a place for that which nobody else may write to.
stage_secretly() {
  for at in "${XDG_RUNTIME_DIR:-/nonexistent}" /run "${TMPDIR:-/tmp}"; do
    if [ -O "$at" ] && [ -w "$at" ]; then break; fi
  done
  STAGE=$(mktemp -d "$at/converge.XXXXXXXXXX") || return
  trap 'sweep "$STAGE"' EXIT
  : >"$STAGE/held.$$"
}

# sweep [PATH]...: removes the folders that `beside` made, the markers that `unmark` emptied and that are so still, and what it is told.
sweep() {
  if [ -f "$STAGE/beside.$$" ]; then
    while IFS= read -r beside; do
      if [ ! -f "$beside" ] || [ ! -s "$beside" ]; then set -- "$@" "$beside"; fi
    done <"$STAGE/beside.$$"
    set -- "$@" "$STATE/beside/$$"
  fi
  [ $# = 0 ] || rm -rf -- "$@"
}

# fill NAME CONTENT MODE OWNER GROUP: makes the file NAME, which nobody else can read before it has its owner and mode.
fill() {
  if has install; then
    install -m "$3" ${4:+-o "$4"} ${5:+-g "$5"} -- "$2" "$1"
  else
    (umask 077 && cat "$2" >"$1") && attributes "$1" "$3" "$4" "$5"
  fi
}

# like OLD NEW CONTENT MODE OWNER GROUP: does as `fill`, and gives the file the ACL and the extended attributes of another,
# SELinux's context among them. GNU's `cp` knows them all. That of busybox knows none: there it takes the programs that
# whoever made an ACL needed as well. The mask of an ACL is what MODE says. A write takes the capabilities of a program from
# the file: they were those of another one.
like() {
  if cp --attributes-only --preserve=mode,xattr -- "$1" "$2" 2>/dev/null; then
    cat "$3" >"$2" && attributes "$2" "$4" "$5" "$6"
  elif cp --version >/dev/null 2>&1; then
    cp --attributes-only --preserve=mode,xattr -- "$1" "$2" || :
    die "the ACL or other attributes of the old file cannot be kept"
  else
    fill "$2" "$3" "$4" "$5" "$6" || return 1
    has getfacl || return 0
    like_acl=$(getfacl -cps -- "$1") || return 1
    [ -z "$like_acl" ] || { say "$like_acl" | setfacl -M - -- "$2" && chmod "00$4" "$2"; } ||
      die "the ACL of the old file cannot be kept"
  fi
}

# put CONTENT PATH MODE OWNER GROUP VALIDATE: makes PATH a file that holds what CONTENT holds.
# The new file is made in a private folder beside the target, and gets its owner and mode before it is renamed:
# nobody sees half a file, or a secret in a file of the wrong mode, and nobody who may write to the directory can
# exchange the file under way. A VALIDATE with %s checks the new file first, which has the name of the old one, or a copy of it
# where others could exchange it; one without checks the whole afterwards, and a failure puts the old file back: so does the next
# run, as long as the file `doubt-NAME` says the digest of what is there. Either runs in the root directory.
# The ACL, the security context and the other attributes of the old file are kept, by `like`.
put() (
  path=$2 name=${2##*/} mode=${3:-0644} owner=$4 group=$5 validate=$6 held=
  beside "$path" || exit
  if [ -d "../$name" ] && [ ! -L "../$name" ]; then die "$path is a directory, and is not replaced by a file" || exit; fi
  if [ -e "../$name" ] || [ -L "../$name" ]; then hold "$name" || exit; fi
  if [ -n "$held" ] && [ ! -L "$held" ]; then
    [ -f "$held" ] || die "$path is not a file, and is not replaced by one" || exit
    if [ -z "$3" ] || [ -z "$4" ] || [ -z "$5" ]; then
      access=$(stat -c '%a %u %g' "$held") || exit
      owners=${access#* }
      mode=${3:-${access%% *}} owner=${4:-${owners% *}} group=${5:-${owners#* }}
    fi
    like "$held" "./$name" "$1" "$mode" "$owner" "$group" || exit
  else
    fill "./$name" "$1" "$mode" "$owner" "$group" || exit
  fi
  case $validate in
    '') mv -fT "./$name" "../$name" || die "$path is mounted, or its directory takes no new files: \`command\` can write into it" ;;
    *%s*)
      new=$PWD/$name
      (cd .. && closed) || { new=$STAGE/new.$$/$name && mkdir -p "${new%/*}" && cp -p "./$name" "$new"; } || exit
      (cd / && eval "${validate%%\%s*}\"\$new\"${validate#*\%s}") ||
        die "validate: $validate refused the new $path, which was left as it was" || exit
      mv -fT "./$name" "../$name" ;;
    *)
      undo='rm -f "../$name"'
      [ -z "$held" ] || undo='mv -fT "$held" "../$name"'
      undo="$undo && : >\"./doubt-\$name\""
      case $held in
        "../$name") cp -aT "$held" "./old-$name" && held=./old-$name || exit ;;
        "${keep:-?}") ln -fT -- "$held" "./old-$name" && held=./old-$name || exit ;;
      esac
      trap 'eval "$undo"' EXIT
      trap 'exit 1' HUP INT PIPE TERM
      sha256sum <"./$name" >"./doubt-$name" && durable . "./doubt-$name" "$STATE/beside" "$STATE/beside/$$" || exit
      mv -fT "./$name" "../$name" || exit
      (cd / && eval "$validate") || die "validate: $validate failed with the new $path; the old one is back" || exit
      : >"./doubt-$name"
      undo=: ;;
  esac
)

# warn TEXT: says in one line what does not keep the step from going on. A run makes a warning of it.
warn() { say "warning: $*" >&2; }

# durable PATH...: waits until it lies on the disk, and is there also after a loss of power.
durable() { sync -- "$@" 2>/dev/null || sync; }

# mark NAME TEXT / unmark NAME...: writes down that a reaction is outstanding, and that it was paid. In between, `begun` adds to those that
# a step pays, which are in $outstanding, what the host was like when it began; `was_begun` puts that in $begun, if it is there.
# An empty marker says nothing. So what is paid is emptied, which takes no process, and left to `sweep`, if there is one.
mark() { { [ -d "$STATE/pending" ] || mkdir -p "$STATE/pending"; } && note_in "$STATE/pending/$1" "$2$nl"; }
unmark() {
  for marker do
    if [ ! -e "$STATE/pending/$marker" ]; then :
    elif [ -z "${STAGE-}" ]; then rm -f "$STATE/pending/$marker" || return
    else : >"$STATE/pending/$marker" && say "$STATE/pending/$marker" >>"$STAGE/beside.$$" || return; fi
  done
}
begun() {
  for marker in ${outstanding-}; do
    if [ -s "$STATE/pending/$marker" ]; then add_to "$STATE/pending/$marker" "$1"; fi
  done
}
was_begun() {
  for marker in ${outstanding-}; do
    if { read -r begun && read -r begun; } 2>/dev/null <"$STATE/pending/$marker"; then return 0; fi
  done
  return 1
}
