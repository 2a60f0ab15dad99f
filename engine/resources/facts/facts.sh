# What a host says of itself: two processes, and what lies in files.

uname -s -r -m -n
# The lines of a file, each behind a word that says what it is.
each_line() { if [ -r "$2" ]; then while IFS= read -r line || [ -n "$line" ]; do say "$1$line"; done <"$2"; fi; }
first_line() { if [ -r "$2" ] && IFS= read -r line <"$2" && [ -n "$line" ]; then say "$1=$line"; fi; } 2>/dev/null
if [ -r /proc/meminfo ]; then
    while read -r key kb _; do
        case $key in MemTotal:) say "memory_kb=$kb" ;; SwapTotal:) say "swap_kb=$kb" ;; esac
    done </proc/meminfo
fi
cpus=0 sockets=' '
while read -r key rest; do
    case $key in
        processor) cpus=$((cpus + 1)) ;;
        physical) case $sockets in *" ${rest##* } "*) ;; *) sockets="$sockets${rest##* } " ;; esac ;;
        cpu) case $rest in cores*) cores=${rest##* } ;; esac ;;
        siblings) siblings=${rest##* } ;;
    esac
done </proc/cpuinfo
say "cpus=$cpus"
say "sockets=$sockets"
say "cores=${cores:-}"
say "siblings=${siblings:-}"
for tool in systemctl apt-get apk dnf yum zypper pacman docker; do if has $tool; then say "tool=$tool"; fi; done
each_line os: /etc/os-release
first_line debian /etc/debian_version
first_line machine_id /etc/machine-id
first_line vendor /sys/class/dmi/id/sys_vendor
first_line product /sys/class/dmi/id/product_name
first_line container /run/systemd/container
if [ -e /.dockerenv ]; then say container=; elif [ -e /run/.containerenv ]; then say container=podman; fi
first_line selinux /sys/fs/selinux/enforce
each_line hosts: /etc/hosts
each_line resolv: /etc/resolv.conf
if [ -r /proc/mounts ]; then
    while read -r device rest; do
        case $device in /* | *:/*) say "mount=$device $rest" ;; esac
    done </proc/mounts
fi
# Only what leads everywhere: a router has hundreds of thousands of others.
if [ -r /proc/net/route ]; then
    while read -r interface to via _ _ _ metric mask _; do
        case $to$mask in 0000000000000000) say "route4=$interface $via $metric" ;; esac
    done </proc/net/route
fi
if [ -r /proc/net/ipv6_route ]; then
    while read -r to length _ _ via metric _ _ _ interface; do
        case $to$length in *[!0]*) ;; *) say "route6=$interface $via $metric" ;; esac
    done </proc/net/ipv6_route
fi
for link in /sys/class/net/*; do
    [ -e "$link" ] || continue
    type='' mac='' mtu=''
    { read -r type <"$link/type"; read -r mac <"$link/address"; read -r mtu <"$link/mtu"; } 2>/dev/null || :
    say "link=${link##*/} ${type:--} ${mac:--} ${mtu:--}"
done
while read -r key uid _; do case $key in Uid:) break ;; esac; done </proc/self/status
say "home=${HOME:-}"
if [ -r /etc/passwd ]; then
    while IFS=: read -r name _ id rest; do
        case $id in "$uid") say "user=$name:$id:$rest"; break ;; esac
    done </etc/passwd
fi
if has ip; then ip -o addr show; fi
