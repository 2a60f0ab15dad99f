#!/bin/sh
# A stand-in for docker, for curl and for sleep, by the name that it is called by. Containers are folders beside it;
# what one does follows from the tag of its image: `once` starts once, `dies` ends at once, `loops` does so
# again and again, `refused` never starts.
set -eu
containers=${0%/*}/containers

# get CONTAINER FILE
get() { cat "$containers/$1/$2"; }
there() { [ -d "$containers/$1" ]; }
escaped() { sed 's/[\\"]/\\&/g'; }

# again CONTAINER: how often Docker started it again, told as if that happened after it was asked for the first time.
again() {
    case $(get "$1" image) in *:loops) echo 1 ;; *) echo 0 ;; esac
}

# after_dashes WORD...: what follows `--`.
after_dashes() {
    while [ "$1" != -- ]; do shift; done
    shift
    echo "$@"
}

inspect() {
    there "$2" || return 1
    case $1 in
        '') ;;
        *'.Config.Labels "converge.hash"'*) echo "$(get "$2" hash) sha256:$(get "$2" image)" ;;
        '{"name"'*)
            printf '{"name":"/%s","status":"%s","image":"sha256:%s","config":"%s"}\n' \
                "$2" "$(get "$2" state)" "$(get "$2" image)" "$(get "$2" config | escaped)" ;;
        *State.Status*) echo "$(get "$2" state) $(again "$2") $(get "$2" code) healthy" ;;
        *RestartCount*) echo 0 ;;
    esac
}

create() {
    for word; do
        case $word in
            --label=converge.hash=*) hash=${word#*.hash=} ;;
            --label=converge.config=*) config=${word#*.config=} ;;
        esac
    done
    mkdir -p "$containers/$2"
    echo "$hash" >"$containers/$2/hash"
    echo "$config" >"$containers/$2/config"
    after_dashes "$@" >"$containers/$2/image"
    echo created >"$containers/$2/state"
    echo 0 >"$containers/$2/code"
}

start() {
    case $(get "$1" image) in
        *:refused) echo 'Error response from daemon: port is already allocated' >&2; return 1 ;;
        *:once) mkdir "$containers/$1/started" 2>/dev/null || { echo 'Error response from daemon: no such device' >&2; return 1; } ;;
        *:dies) echo exited >"$containers/$1/state"; echo 7 >"$containers/$1/code"; return ;;
    esac
    echo running >"$containers/$1/state"
}

case ${0##*/} in
    # The API in the container says which version it is.
    curl) printf '{"version":"%s"}\n200' "$(get api image | sed 's/.*://')"; exit ;;
    sleep) exit ;;
esac

case $1 in
    container | image)
        format=
        [ "$3" != -f ] || format=$4
        for name in $(after_dashes "$@"); do
            if [ "$1" = container ]; then inspect "$format" "$name"
            elif [ "$format" = '{{.Id}}' ]; then echo "sha256:$name"
            else echo "sha256:$name $name"; fi
        done ;;
    create) shift; create "$@" ;;
    start) start "$3" && echo "$3" ;;
    stop) echo exited >"$containers/$3/state" ;;
    rename) mv "$containers/$2" "$containers/$3" ;;
    rm) rm -r "${containers:?}/$(after_dashes "$@")" ;;
    events) printf '1\n7\n' ;;
    logs) echo "it was made of $(get "$5" image)" ;;
    *) echo "docker $*?" >&2; exit 1 ;;
esac
