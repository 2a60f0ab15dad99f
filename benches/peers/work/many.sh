# 100 small files with owner and mode, as an expert would write it: every file is made aside without a process for
# each, all are compared in one go, and only what differs is touched.
set -eu
LC_ALL=C
export LC_ALL
read -r host </proc/sys/kernel/hostname
folder=/etc/bench-many
changed=0

new=$(mktemp -d)
trap 'rm -r "$new"' 0
umask 022
number=0 paths='' same=''
while [ "$number" -lt 100 ]; do
    number=$((number + 1))
    printf '%s\n' "# Managed. Changes here are lost." \
        "host = $host" \
        "number = $number" \
        "listen = 127.0.0.1:$((8000 + number))" \
        "workers = 4" \
        "log = /var/log/bench/$number.log" >"$new/file-$number.conf"
    paths="$paths $folder/file-$number.conf"
    same="$same
regular file 640 www-data adm"
done

[ -d "$folder" ] || { mkdir "$folder"; changed=$((changed + 1)); }
if ! diff -rq "$new" "$folder" >/dev/null; then
    for file in "$new"/*; do
        cmp -s "$file" "$folder/${file##*/}" || {
            install -o www-data -g adm -m 640 "$file" "$folder/${file##*/}"
            changed=$((changed + 1))
        }
    done
fi
# shellcheck disable=SC2086 # no path has a blank in it
if [ "$(stat -c '%F %a %U %G' $paths)" != "${same#?}" ]; then
    chown www-data:adm $paths
    chmod 640 $paths
    changed=$((changed + 1))
fi
echo "changed $changed"
