# A whole site, as an expert would write it: a few questions that each cover all things of a kind, and only what
# differs is touched. $1: seconds that nginx keeps a connection.
# shellcheck disable=SC2086 # lists of words, none of which has a blank in it
set -eu
LC_ALL=C
export LC_ALL
umask 022
read -r host </proc/sys/kernel/hostname
changed=0
change() { changed=$((changed + 1)); }

packages='cron nginx memcached jq less tree rsync socat unzip htop'
if [ "$(dpkg-query -W -f '${db:Status-Abbrev}' $packages 2>/dev/null)" != 'ii ii ii ii ii ii ii ii ii ii ' ]; then
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -qq -y $packages >/dev/null
    change
fi

want='deploy:x:2001:2001::/home/deploy:/bin/bash
worker:x:2002:2002::/home/worker:/bin/bash'
if [ "$(getent passwd deploy worker)" != "$want" ]; then
    getent passwd deploy >/dev/null || useradd -u 2001 -m -s /bin/bash deploy
    getent passwd worker >/dev/null || useradd -u 2002 -m -s /bin/bash worker
    usermod -u 2001 -s /bin/bash deploy 2>/dev/null
    usermod -u 2002 -s /bin/bash worker 2>/dev/null
    change
fi

# What ought to be there, made aside without a process for each file.
new=$(mktemp -d)
trap 'rm -r "$new"' 0
mkdir "$new/bench" "$new/conf.d" "$new/www" "$new/cron.d"
parts='' number=0
while [ "$number" -lt 18 ]; do
    number=$((number + 1))
    printf '%s\n' "# Managed. Changes here are lost." \
        "host = $host" \
        "part = $number" \
        "listen = 127.0.0.1:$((9000 + number))" \
        "data = /srv/bench/data/$number" >"$new/bench/part-$number.conf"
    parts="$parts /etc/bench/part-$number.conf"
done
printf '%s\n' "server {" \
    "    listen 8080;" \
    "    server_name $host;" \
    "    keepalive_timeout ${1}s;" \
    "    root /srv/bench/www;" \
    "}" >"$new/conf.d/bench.conf"
printf '%s\n' "<!doctype html>" "<title>$host</title>" "<p>This is $host.</p>" >"$new/www/index.html"
printf '%s\n' "17 3 * * * deploy find /srv/bench/data -type f -mtime +30 -delete" >"$new/cron.d/bench"

folders='/etc/bench /srv/bench /srv/bench/www /srv/bench/data /srv/bench/log'
other='/etc/nginx/conf.d/bench.conf /srv/bench/www/index.html /etc/cron.d/bench'
same="755 root root
755 root root
755 root root
750 deploy deploy
750 worker adm
644 root root
644 root root
644 root root"
for part in $parts; do same="$same
640 root deploy"; done
state=$(stat -c '%a %U %G' $folders $other $parts 2>/dev/null || :)
if [ "$state" != "$same" ]; then
    install -d -m 755 /etc/bench /srv/bench /srv/bench/www
    install -d -m 750 -o deploy -g deploy /srv/bench/data
    install -d -m 750 -o worker -g adm /srv/bench/log
    touch $parts $other
    chown root:root $other
    chmod 644 $other
    chown root:deploy $parts
    chmod 640 $parts
    change
fi

# put FROM TO: the new text in the old file, which has its owner and mode by now.
put() { cmp -s "$1" "$2" || { cat "$1" >"$2" && change; }; }
restart=
diff -rq "$new/bench" /etc/bench >/dev/null || for part in "$new"/bench/*; do put "$part" "/etc/bench/${part##*/}"; done
cmp -s "$new/conf.d/bench.conf" /etc/nginx/conf.d/bench.conf || {
    put "$new/conf.d/bench.conf" /etc/nginx/conf.d/bench.conf
    restart=nginx
}
put "$new/www/index.html" /srv/bench/www/index.html
put "$new/cron.d/bench" /etc/cron.d/bench

# Five lines of files that belong to others, in the order in which they stand there.
lines='UMASK 027
PASS_MAX_DAYS 365
SystemMaxUse=200M
-m 96
EXTRA_OPTS="-L 4"'
files='/etc/login.defs /etc/systemd/journald.conf /etc/memcached.conf /etc/default/cron'
if [ "$(grep -hxF -e "$lines" $files)" != "$lines" ]; then
    sed -i -E -e 's/^PASS_MAX_DAYS\s.*/PASS_MAX_DAYS 365/' -e 's/^UMASK\s.*/UMASK 027/' /etc/login.defs
    sed -i -E 's/^#?SystemMaxUse=.*/SystemMaxUse=200M/' /etc/systemd/journald.conf
    sed -i -E 's/^-m .*/-m 96/' /etc/memcached.conf
    sed -i -E 's/^#?EXTRA_OPTS=.*/EXTRA_OPTS="-L 4"/' /etc/default/cron
    change
fi

services='cron nginx memcached'
if [ "$(systemctl show --value -p ActiveState -p UnitFileState $services)" != 'active
enabled

active
enabled

active
enabled' ]; then
    systemctl enable --now $services 2>/dev/null
    change
fi
[ -z "$restart" ] || systemctl restart "$restart"
echo "changed $changed"
