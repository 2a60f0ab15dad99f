#!/bin/sh
# A stand-in for docker, for curl and for sleep, by the name that it is called by. Containers are folders beside it;
# what one does follows from the tag of its image: `once` starts once, `dies` ends at once, `loops` does so
# again and again, `refused` never starts. A file `down` beside it says that no daemon answers.
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

label() { label=$(get "$1" "$2"); echo "${label:--}"; }

inspect() {
    there "$2" || { echo "Error: No such container: $2" >&2; return 1; }
    case $1 in
        '') ;;
        '{"id"'*)
            labels=
            [ -z "$(get "$2" hash)" ] || labels="\"converge.hash\":\"$(get "$2" hash)\",\"converge.config\":\"$(get "$2" config | escaped)\",\"converge.replaces\":\"$(get "$2" replaces)\""
            printf '{"id":"%s","name":"/%s","status":"%s","image":"sha256:%s","reference":"%s","env":[%s],"command":null,"entrypoint":null,"user":"","labels":{%s},"volumes":null,"stop_timeout":null,"binds":null,"tmpfs":null,"network":"default","extra_hosts":null,"restart":{"Name":"%s","MaximumRetryCount":0},"memory":%s,"nano_cpus":0,"read_only":false,"cap_add":null,"cap_drop":null,"security_opt":null,"log":{"Type":"json-file","Config":{}},"ports":{}}\n' \
                "$(get "$2" id)" "$2" "$(get "$2" state)" "$(get "$2" image)" "$(get "$2" image)" "$(get "$2" env)" "$labels" "$(get "$2" restart)" "$(get "$2" memory)" ;;
        '{{.State.Status}} {{.Id}}'*) echo "$(get "$2" state) $(get "$2" id) sha256:$(get "$2" image) $(label "$2" hash) $(label "$2" replaces)" ;;
        '{{.State.Status}}') get "$2" state ;;
        *State.Status*) echo "$(get "$2" state) $(again "$2") $(get "$2" code) healthy" ;;
        *RestartCount*) echo 0 ;;
    esac
}

# keep FILE TEXT: writes down something of the container $name.
keep() { printf '%s\n' "$2" >"$containers/$name/$1"; }

create() {
    name=$2 hash='' config='' replaces='' restart=no env=''
    mkdir "$containers/$name" || return 1
    while [ "$1" != -- ]; do
        case $1 in
            --label=converge.hash=*) hash=${1#*.hash=} ;;
            --label=converge.config=*) config=${1#*.config=} ;;
            converge.replaces=*) replaces=${1#*=} ;;
            --restart=*) restart=${1#*=} ;;
            --env-file) env=$(escaped <"$2" | sed 's/.*/"&"/' | paste -sd, -) ;;
            --env=*) env=${env:+$env,}$(printenv "${1#*=}" | escaped | awk -v name="${1#*=}" -v RS='\0' '{ sub(/\n$/, ""); gsub(/\n/, "\\n"); gsub(/\r/, "\\r"); printf "\"%s=%s\"", name, $0 }') ;;
        esac
        shift
    done
    keep hash "$hash"
    keep config "$config"
    keep replaces "$replaces"
    keep restart "$restart"
    keep memory 0
    keep env "$env"
    echo "$2" >"$containers/$name/image"
    echo created >"$containers/$name/state"
    echo 0 >"$containers/$name/code"
    # No two are the same, whatever their names.
    ids=$(cat "$containers/../ids" 2>/dev/null || echo 0)
    echo $((ids + 1)) >"$containers/../ids"
    echo "id-$ids" >"$containers/$name/id"
}

start() {
    case $(get "$1" image) in
        *:refused) echo 'Error response from daemon: port is already allocated' >&2; return 1 ;;
        *:once) mkdir "$containers/$1/started" 2>/dev/null || { echo 'Error response from daemon: no such device' >&2; return 1; } ;;
        *:dies) echo exited >"$containers/$1/state"; echo 7 >"$containers/$1/code"; return ;;
    esac
    if [ "$(get "$1" state)" = paused ]; then
        echo 'Error response from daemon: cannot start a paused container, try unpause instead' >&2
        return 1
    fi
    echo running >"$containers/$1/state"
}

case ${0##*/} in
    # The API in the container says which version it is.
    curl) printf '{"version":"%s"}\n200' "$(get api image | sed 's/.*://')"; exit ;;
    # What watches a shell is none of this.
    sleep) [ "$1" != 15 ] || exec /bin/sleep "$1"; exit ;;
esac

if [ -e "$containers/../down" ]; then
    echo 'Cannot connect to the Docker daemon at unix:///var/run/docker.sock. Is the docker daemon running?' >&2
    exit 1
fi

case $1 in
    container | image)
        format='' failed=0
        [ "$3" != -f ] || format=$4
        for name in $(after_dashes "$@"); do
            if [ "$1" = container ]; then inspect "$format" "$name" || failed=1
            elif [ "$format" = '{{.Id}}' ]; then echo "sha256:$name"
            else printf 'sha256:%s %s\t{"env":[],"command":null,"entrypoint":null,"user":"","labels":null,"volumes":null}\n' "$name" "$name"; fi
        done
        exit $failed ;;
    create) shift; create "$@" ;;
    start) start "$3" && echo "$3" ;;
    unpause) echo running >"$containers/$2/state" ;;
    stop) echo exited >"$containers/$3/state" ;;
    rename)
        if there "$3"; then echo "Error response from daemon: Conflict. The container name \"/$3\" is already in use" >&2; exit 1; fi
        if [ "$(get "$2" state)" = restarting ]; then echo 'Error response from daemon: sandbox not found' >&2; exit 1; fi
        mv "$containers/$2" "$containers/$3" ;;
    rm)
        name=$(after_dashes "$@")
        there "$name" || { echo "Error: No such container: $name" >&2; exit 1; }
        rm -r "${containers:?}/$name" ;;
    events) printf '1\n7\n' ;;
    logs) echo "it was made of $(get "$5" image)" ;;
    *) echo "docker $*?" >&2; exit 1 ;;
esac
