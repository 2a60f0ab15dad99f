# kept_of RUN MAX ROOM: prints what a host keeps of a run: two lines for each thing, as they were noted, and what is kept of it. The text
# of a file of up to MAX bytes comes, as long as ROOM bytes in all are not used up, and only where everyone on the host may read it.
kept_of() {
  run=$1 max=$2 room=$3 list=$STATE/kept/$1.list
  while read -r how number path && IFS= read -r record; do
    kept=$STATE/kept/$run.$number
    say "$how $path"
    say "$record"
    if [ "$how" != there ] && [ "$how" != behind ]; then :
    elif [ -L "$kept" ]; then say "link $(readlink -- "$kept")"
    elif [ -f "$kept" ]; then
      if [ "$how" = behind ]; then path=$(readlink -f -- "$path"); fi
      say "file $kept $path"
      access=$(stat -c '%a %s %U %G' -- "$kept")
      say "$access"
      size=${access#* }
      case ${access%% *} in
        *[4567])
          size=${size%% *}
          if [ "$size" -le "$max" ] && [ "$size" -le "$room" ] && passable "${path%/*}"; then
            room=$((room - size))
            base64 <"$kept"
          fi ;;
      esac
      say .
    else say lost; fi
  done <"$list"
}
