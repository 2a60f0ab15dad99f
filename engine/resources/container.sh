# How a container is replaced. $name is the container, $previous the name that the old one has meanwhile;
# $hash and $image are what the container must have been made of; the functions `create` and `healthy` are the caller's.
previous=$name-previous

exists() { docker container inspect -- "$1" >/dev/null 2>&1; }
is_wanted() {
  [ "$(docker container inspect -f '{{index .Config.Labels "converge.hash"}} {{.Image}}' -- "$1" 2>/dev/null)" = "$hash $image" ]
}

restarts() { docker container inspect -f '{{.RestartCount}}' -- "$name"; }

# state: prints nothing while the container runs, was not started again by Docker, and is well as far as Docker knows.
state() {
  state_now=$(docker container inspect -f '{{.State.Status}} {{.RestartCount}} {{if .State.Health}}{{.State.Health.Status}}{{end}}' -- "$name") || return 2
  case $state_now in
    "running $restarts " | "running $restarts healthy") ;;
    "running $restarts starting") misses health 'not known yet' ;;
    *) misses state "$state_now" || return 2 ;;
  esac
}

# still_runs SECONDS: waits for the health check of the image, and gives a container without one a second to die in.
still_runs() {
  check() { state; }
  for still_look in 1 2 3 4 5; do
    until_holds "$1" 1 || return 1
    sleep 0.2
  done
}

# put_back: the old container, if there is one, takes the place of the one that failed. One that was there before
# this step stays.
put_back() {
  say "the last lines of the log of $name:" >&2
  docker logs --tail 50 -- "$name" >&2 || :
  if [ -z "$created" ] && ! exists "$previous"; then die "$name did not get healthy"; return 1; fi
  docker rm -f -- "$name" >/dev/null
  if ! exists "$previous"; then die "$name did not get healthy, and was removed"; return 1; fi
  docker rename "$previous" "$name"
  docker start -- "$name" >/dev/null
  die "$name did not get healthy; the old container is back"
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
  if docker start -- "$name" >/dev/null && restarts=$(restarts) && healthy; then
    if exists "$previous"; then docker rm -- "$previous" >/dev/null; fi
  else
    put_back
  fi
}
