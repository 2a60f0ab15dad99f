IFS=,
for other in $group $groups; do
  case $other in *[!0-9]*) ;; *) continue ;; esac
  if has getent; then getent group "$other" >/dev/null; else grep -q "^$other:" /etc/group; fi ||
    die "there is no group $other: what makes it must stand before the user $name"
done
unset IFS
if [ -z "$found" ] && has useradd; then
  own=-U
  if [ -z "$group" ] && [ -n "$own_group" ]; then group=$name; fi
  if [ -n "$group" ]; then own=; fi
  if [ -n "$create_home" ]; then create=-m; else create=-M; fi
  useradd ${uid:+-u "$uid"} $own ${group:+-g "$group"} ${home:+-d "$home"} "$create" \
    ${shell:+-s "$shell"} ${comment:+-c "$comment"} ${system:+-r} -- "$name"
elif [ -z "$found" ]; then
  if [ -n "$create_home" ]; then create=; else create=-H; fi
  adduser -D ${uid:+-u "$uid"} ${group:+-G "$group"} ${home:+-h "$home"} $create \
    ${shell:+-s "$shell"} ${comment:+-g "$comment"} ${system:+-S} "$name"
fi
if has usermod; then
  if [ -n "$found" ]; then
    [ -z "$uid$group$home$shell$set_comment" ] || usermod ${uid:+-u "$uid"} ${group:+-g "$group"} \
      ${home:+-d "$home"} ${move_home:+-m} ${shell:+-s "$shell"} ${set_comment:+-c "$comment"} -- "$name"
  fi
  if [ -n "$set_groups" ]; then usermod ${append:+-a} -G "$groups" -- "$name"; fi
else
  if [ -n "$found" ]; then
    IFS=: read -r _ _ is_uid is_gid is_comment is_home is_shell <<END
$found
END
    is_group=$(awk -F: -v gid="$is_gid" '$3 == gid { print $1; exit }' /etc/group)
    for pair in "$uid:$is_uid" "$group:$is_group" "$home:$is_home" "$shell:$is_shell" "$comment:$is_comment"; do
      [ -z "${pair%%:*}" ] || [ "${pair%%:*}" = "${pair#*:}" ] ||
        die "user $name has ${pair#*:}, not ${pair%%:*}, and there is no usermod to change it"
    done
  fi
  if [ -n "$set_groups" ] && [ -z "$append" ]; then
    for has_group in $(id -Gn "$name"); do
      case ",$groups,$(id -gn "$name")," in *",$has_group,"*) ;; *) delgroup "$name" "$has_group" ;; esac
    done
  fi
  IFS=,
  for other in $groups; do addgroup "$name" "$other"; done
  unset IFS
fi
