"""A whole site."""

from pyinfra import host
from pyinfra.operations import apt, files, server, systemd

apt.packages(
    packages=["cron", "nginx", "memcached", "jq", "less", "tree", "rsync", "socat", "unzip", "htop"],
    update=True,
    cache_time=86400,
)

server.user(user="deploy", uid=2001, shell="/bin/bash", create_home=True)
server.user(user="worker", uid=2002, shell="/bin/bash", create_home=True)

for path in ["/etc/bench", "/srv/bench", "/srv/bench/www"]:
    files.directory(path=path, mode="755", user="root", group="root")
files.directory(path="/srv/bench/data", mode="750", user="deploy", group="deploy")
files.directory(path="/srv/bench/log", mode="750", user="worker", group="adm")

for number in range(1, 19):
    files.template(
        src="templates/part.conf.j2",
        dest=f"/etc/bench/part-{number}.conf",
        user="root",
        group="deploy",
        mode="640",
        machine=host.data.machine,
        number=number,
    )
site = files.template(
    src="templates/nginx.conf.j2",
    dest="/etc/nginx/conf.d/bench.conf",
    user="root",
    group="root",
    mode="644",
    machine=host.data.machine,
    keepalive=host.data.keepalive,
)
files.template(
    src="templates/index.html.j2",
    dest="/srv/bench/www/index.html",
    user="root",
    group="root",
    mode="644",
    machine=host.data.machine,
)
files.put(src="templates/cron.j2", dest="/etc/cron.d/bench", user="root", group="root", mode="644")

for path, pattern, line in [
    ("/etc/login.defs", r"^PASS_MAX_DAYS\s.*$", "PASS_MAX_DAYS 365"),
    ("/etc/login.defs", r"^UMASK\s.*$", "UMASK 027"),
    ("/etc/systemd/journald.conf", r"^#\?SystemMaxUse=.*$", "SystemMaxUse=200M"),
    ("/etc/memcached.conf", r"^-m .*$", "-m 96"),
    ("/etc/default/cron", r"^#\?EXTRA_OPTS=.*$", 'EXTRA_OPTS="-L 4"'),
]:
    files.line(path=path, line=pattern, replace=line)

for service in ["cron", "nginx", "memcached"]:
    systemd.service(service=service, running=True, enabled=True)
systemd.service(service="nginx", restarted=True, _if=site.did_change)
