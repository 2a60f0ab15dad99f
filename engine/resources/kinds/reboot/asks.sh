# asks: leaves in $asked whether the host asks for a restart, and why: `reboot-required` is a file of Debian and Ubuntu,
# `needs-restarting` a program of Red Hat's systems. A kernel counts where the one that runs lies in /boot too.
asks() {
  asked=fine
  for asked_at in /run/reboot-required /var/run/reboot-required; do
    if [ -e "$asked_at" ]; then
      asked_for=
      { read -r asked_for <"$asked_at.pkgs"; } 2>/dev/null || :
      asked="asks $asked_at is there${asked_for:+, for $asked_for}"
      return
    fi
  done
  if has needs-restarting; then
    asked_at=0
    asked_for=$(needs-restarting -r 2>&1 </dev/null) || asked_at=$?
    case $asked_at in
      0) ;;
      1) asked='asks needs-restarting says so'; return ;;
      *) asked="unknown needs-restarting: ${asked_for##*"$nl"}"; return ;;
    esac
  fi
  asked_for=$(uname -r) || { asked='unknown uname says nothing'; return; }
  [ -e "/boot/vmlinuz-$asked_for" ] || return 0
  asked_at=$(for asked_at in /boot/vmlinuz-[1-9]*; do say "${asked_at#/boot/vmlinuz-}"; done | sort -V | tail -n 1)
  case $asked_at in
    "$asked_for") ;;
    '') asked='unknown nothing says which kernel is the newest' ;;
    *) asked="asks the kernel $asked_at is installed, and $asked_for runs" ;;
  esac
}
