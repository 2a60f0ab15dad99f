# How a container is replaced. $name is the container, $previous the name that the old one has meanwhile;
# $hash and $image are what the container must have been made of, $reverted is the exit status when the old one is back;
# the functions `create` and `healthy` are the caller's.
previous=$name-previous

exists() { docker container inspect -- "$1" >/dev/null 2>&1; }
is_wanted() {
  [ "$(docker container inspect -f '{{index .Config.Labels "converge.hash"}} {{.Image}}' -- "$1" 2>/dev/null)" = "$hash $image" ]
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

# runs HEALTHY...: starts the container, and asks HEALTHY whether it is well; else leaves in $why what is wrong.
runs() {
  why=$(docker start -- "$name" 2>&1) && restarts=$(restarts) || { why=${why%%"$check_nl"*}; return 1; }
  "$@" || { why=$check_said; return 1; }
}

# put_back: the old container, if there is one, takes the place of the one that failed. One that was there before
# this step stays.
put_back() {
  failed="$name did not get healthy: $why"
  say "the last lines of the log of $name:" >&2
  docker logs --tail 30 -- "$name" >&2 || :
  if [ -z "$created" ] && ! exists "$previous"; then die "$failed"; return 1; fi
  docker rm -f -- "$name" >/dev/null
  if ! exists "$previous"; then die "$failed; it was removed, and there was no old one"; return 1; fi
  docker rename "$previous" "$name"
  if ! runs still_runs 60; then die "$failed; the old one is back, but not well: $why"; return 1; fi
  die "$failed; the old one is back" || return "$reverted"
}

replace() {
  created=
  # What a run that was cut off left: a new container that never proved to be well gives way, unless it is the one wanted.
  if exists "$previous" && ! is_wanted "$name"; then
    if exists "$name"; then docker rm -f -- "$name" >/dev/null; fi
    docker rename "$previous" "$name"
  fi
  if ! is_wanted "$name"; then
    if exists "$name"; then docker rename "$name" "$previous"; fi
    if ! create >/dev/null; then
      if exists "$previous"; then docker rename "$previous" "$name"; fi
      return 1
    fi
    created=yes
  fi
  if exists "$previous"; then docker stop -- "$previous" >/dev/null; fi
  if runs healthy; then
    if exists "$previous"; then docker rm -- "$previous" >/dev/null; fi
  else
    put_back
  fi
}
