# group_there NAME GID SYSTEM FOUND: makes a group, or gives it its number. FOUND is its entry; an empty GID leaves the number alone.
group_there() {
  gid=$2 found=$4
  if [ -z "$found" ]; then
    if has groupadd; then groupadd ${gid:+-g "$gid"} ${3:+-r} -- "$1"
    else addgroup ${gid:+-g "$gid"} ${3:+-S} "$1"; fi
  elif [ -n "$gid" ]; then
    found=${found#*:*:}
    if [ "${found%%:*}" != "$gid" ]; then
      has groupmod || die "group $1 has the number ${found%%:*}, and there is no groupmod to change it" || return
      groupmod -g "$gid" -- "$1"
    fi
  fi
}

# group_gone NAME FOUND: removes a group that is there.
group_gone() {
  if [ -z "$2" ]; then return; fi
  if has groupdel; then groupdel "$1"; else delgroup "$1"; fi
}
