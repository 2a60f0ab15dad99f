# foreign PATH MODE OWNER GROUP: says so when something below PATH belongs to others; to a name that the host does not know yet, nothing
# belongs.
foreign() {
  [ -d "$1" ] || return 0
  p=$1
  if [ -z "$4" ]; then set -- "$p" ! -user "$3"
  elif [ -z "$3" ]; then set -- "$p" ! -group "$4"
  else set -- "$p" '(' ! -user "$3" -o ! -group "$4" ')'; fi
  found=$(find -H "$@" -print -quit 2>&1) && [ -z "$found" ] || case $nl$found in
    *"$nl$p"* | *"not the name of"* | *unknown*) say "foreign $p" ;;
    *) say "unread $p" ;;
  esac
}
