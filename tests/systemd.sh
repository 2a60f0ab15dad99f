#!/bin/sh
# A stand-in for systemctl. A unit is a file in the folder `units` beside it, of lines PROPERTY=VALUE; besides those of systemd
# it may have WhenStarted (what ActiveState it gets then), Refused (what systemctl says of it), and Limited (how often a
# start is refused for coming too soon). Every call that changes something is a line in `calls`.
set -u
here=${0%/*}
# Where a test has put something else in its place, it lies in a folder of its own.
here=${here%/real}
units=$here/units
[ ! -e "$here/down" ] || { echo 'Failed to connect to bus: No such file or directory' >&2; exit 1; }

# get UNIT PROPERTY
get() { sed -n "s/^$2=//p" "$units/$1" 2>/dev/null; }
# put UNIT PROPERTY VALUE
put() {
    { grep -v "^$2=" "$units/$1"; echo "$2=$3"; } >"$units/$1.new"
    mv "$units/$1.new" "$units/$1"
}

show() {
    properties=$1 first=yes
    shift 2
    for unit; do
        refused=$(get "$unit" Refused)
        [ -z "$refused" ] || { echo "Failed to get properties: $refused" >&2; exit 1; }
        [ -n "$first" ] || echo
        first=
        for property in $(echo "$properties" | tr , ' '); do
            value=$(get "$unit" "$property")
            case $property/$value in
                Names/ | Id/) value=$unit ;;
                NeedDaemonReload/) value=no ;;
                ConditionResult/) value=yes ;;
                NRestarts/) value=0 ;;
            esac
            if [ ! -e "$units/$unit" ]; then
                case $property in LoadState) value=not-found ;; ActiveState) value=inactive ;; esac
            fi
            echo "$property=$value"
        done
    done
}

start() {
    limited=$(get "$1" Limited)
    if [ -n "$limited" ]; then
        put "$1" Result start-limit-hit
        echo "Failed to start $1: it was started too often" >&2
        exit 1
    fi
    when=$(get "$1" WhenStarted)
    put "$1" ActiveState "${when:-active}"
    put "$1" SubState running
}

verb=$1
shift
if [ "$verb" = show ]; then
    shift
    [ "$1" != Version ] || { echo Version=252; exit; }
    show "$@"
    exit
fi
echo "$verb $*" >>"$here/calls"
for unit; do :; done
case $verb in
    start | restart | reload-or-restart) start "$unit" ;;
    stop) put "$unit" ActiveState inactive ;;
    enable) case $(get "$unit" UnitFileState) in disabled | enabled-runtime | linked) put "$unit" UnitFileState enabled ;; esac ;;
    disable) case $(get "$unit" UnitFileState) in enabled) put "$unit" UnitFileState disabled ;; enabled-runtime) case $* in *--runtime*) put "$unit" UnitFileState disabled ;; esac ;; esac ;;
    unmask)
        case $(get "$unit" UnitFileState)/$* in
            masked/*--runtime* | masked-runtime/-q\ --\ *) ;;
            masked*) put "$unit" UnitFileState disabled; put "$unit" LoadState loaded ;;
        esac ;;
    mask) put "$unit" UnitFileState masked; put "$unit" LoadState masked ;;
    daemon-reload) for unit in "$units"/*; do put "${unit##*/}" NeedDaemonReload no; done ;;
    reset-failed) put "$unit" Limited '' ;;
esac
