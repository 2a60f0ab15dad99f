# How a container is replaced. $name is the container, $previous the name that the old one has meanwhile;
# $hash and $image are what the container must have been made of, $made_of_else says that Docker knows better: it is made of
# something else, whatever its labels say. $reverted is the exit status when the old one is back; the functions `create` and
# `healthy` are the caller's.

# look NAME: leaves in $status, $id, $of, $made and $replaces what Docker says of a container; $status is empty where there is
# none. That Docker cannot be asked is a failure.
look() {
  status= id= of= made= replaces=
  docker_said=$(docker container inspect -f '{{.State.Status}} {{.Id}} {{.Image}} {{with .Config.Labels}}{{with index . "converge.hash"}}{{.}}{{else}}-{{end}} {{with index . "converge.replaces"}}{{.}}{{else}}-{{end}}{{else}}- -{{end}}' -- "$1" 2>&1) ||
    case $docker_said in *'o such container'*) return 0 ;; *) die "$docker_said" || return 1 ;; esac
  set -- $docker_said
  status=$1 id=$2 of=$3 made=$4 replaces=$5
}

# look_back: leaves in $left whether there is an old container that a run put aside: converge made it, or the new one says
# that it took its place. Any other one is a stranger's.
look_back() {
  left=
  look "$previous" || return 1
  if [ -z "$status" ]; then return 0; fi
  if [ "$made" = - ]; then
    look_id=$id
    look "$name" || return 1
    if [ "$replaces" != "$look_id" ]; then return 0; fi
  fi
  left=yes
}

# forget_previous: removes the old container that a run put aside, if there is one.
forget_previous() {
  look_back || return 1
  if [ -n "$left" ]; then docker rm -f -- "$previous" >/dev/null; fi
}

# settle: ends what nothing can be done with: waits for what Docker removes, and removes what it could not.
settle() {
  look "$name" || return 1
  for settle_look in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    if [ "$status" != removing ]; then break; fi
    sleep 1
    look "$name" || return 1
  done
  case $status in
    removing) die "Docker does not come to an end of removing $name" || return 1 ;;
    dead) docker rm -f -- "$name" >/dev/null && status= ;;
  esac
}

# is_wanted: whether the container that was looked at is the wanted one.
is_wanted() {
  [ -n "$status" ] && [ "$made $of" = "$hash $image" ] && { [ -n "$created" ] || [ -z "$made_of_else" ]; }
}

restarts() { docker container inspect -f '{{.RestartCount}}' -- "$name"; }

# last_exit: how the container ended before Docker started it again, which forgets it then.
last_exit() {
  docker events --since 10m --until 0s --filter "container=$name" --filter event=die --format '{{.Actor.Attributes.exitCode}}' | tail -n 1
}

# state: prints nothing while the container runs, was not started again by Docker, and is well as far as Docker knows.
state() {
  state_now=$(docker container inspect -f '{{.State.Status}} {{.RestartCount}} {{.State.ExitCode}} {{if .State.Health}}{{.State.Health.Status}}{{else}}healthy{{end}}' -- "$name") ||
    { misses state 'not known to Docker' || return 2; }
  set -- $state_now
  case "$1 $2 $4" in
    "running $restarts healthy") ;;
    "running $restarts starting") misses health 'not known yet' ;;
    "running $restarts "*) misses health "$4" || return 2 ;;
    running*) misses state "running again after exit status $(last_exit)" || return 2 ;;
    *) misses state "$1 with exit status $3" || return 2 ;;
  esac
}

# still_runs SECONDS: waits for the health check of the image, and gives a container without one a second to die in.
still_runs() {
  check() { state; }
  for still_look in 1 2 3 4 5; do
    until_holds "$1" 1 state 'running all along' health healthy || return 1
    sleep 0.2
  done
}

# begin: lets the container run that was looked at. What Docker starts again and again gets its next try now.
begin() {
  case $status in
    paused) docker unpause "$name" ;;
    restarting) docker restart -- "$name" ;;
    *) docker start -- "$name" ;;
  esac
}

# runs HEALTHY...: lets the container run, and asks HEALTHY whether it is well; else leaves in $why what is wrong.
runs() {
  why=$(begin 2>&1) && restarts=$(restarts) || { why=${why%%"$check_nl"*}; return 1; }
  "$@" || { why=$check_said; return 1; }
}

# put_back: the old container, if there is one, takes the place of the one that failed. One that was there before
# this step stays. It tells nothing before all is done: whoever hears it may be gone.
put_back() {
  failed="$name did not get healthy: $why"
  logs=$(docker logs --tail 30 -- "$name" 2>&1) || :
  if [ -z "$created$left" ]; then told || return 1; fi
  docker rm -f -- "$name" >/dev/null
  if [ -z "$left" ]; then told '; it was removed, and there was no old one' || return 1; fi
  docker rename "$previous" "$name"
  look "$name"
  if ! runs still_runs 60; then told "; the old one is back, but not well: $why" || return 1; fi
  told '; the old one is back' || return "$reverted"
}

# told WHAT: says what the failed container said last, and what became of it.
told() {
  say "the last lines of the log of $name:" >&2
  say "$logs" >&2
  die "$failed${1-}"
}

replace() {
  created=
  look_back || return 1
  settle || return 1
  # What a run that was cut off left: a new container that never proved to be well gives way, unless it is the one wanted.
  if [ -n "$left" ] && ! is_wanted; then
    if [ -n "$status" ]; then docker rm -f -- "$name" >/dev/null; fi
    docker rename "$previous" "$name"
    left=
    look "$name" || return 1
  fi
  if ! is_wanted; then
    old=$id
    if [ -n "$status" ]; then put_aside || return 1; fi
    if ! create --label "converge.replaces=$old" >/dev/null; then
      if [ -n "$left" ]; then docker rename "$previous" "$name"; fi
      if [ "$status" = restarting ]; then docker start -- "$name" >/dev/null; fi
      return 1
    fi
    created=yes status=created
  fi
  if [ -n "$left" ]; then stop_previous || return 1; fi
  if runs healthy; then
    if [ -n "$left" ]; then docker rm -- "$previous" >/dev/null; fi
  else
    put_back
  fi
}

# put_aside: gives the container that was looked at the name of an old one. Docker cannot do that with one that it is about
# to start again.
put_aside() {
  if [ "$status" = restarting ]; then docker stop -- "$name" >/dev/null || return 1; fi
  if ! docker_said=$(docker rename "$name" "$previous" 2>&1); then
    case $docker_said in
      *'already in use'*) die "$previous is the name of a container that is not converge's: give it another one" ;;
      *) die "$docker_said" ;;
    esac
    return 1
  fi
  left=yes
}

# stop_previous: stops the old container; a paused one could not hear of it.
stop_previous() {
  if [ "$(docker container inspect -f '{{.State.Status}}' -- "$previous")" = paused ]; then docker unpause "$previous" >/dev/null; fi
  docker stop -- "$previous" >/dev/null
}
