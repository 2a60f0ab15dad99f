# What telling systemd about a unit file needs.

# told WORD...: tells systemd something; where it does not run there is nothing to tell.
told() {
  has systemctl || return 0
  systemctl "$@" && return 0
  told=$?
  [ "$(systemctl is-system-running 2>/dev/null)" = offline ] || return $told
}

# installs PATH: prints what enabling the unit at PATH does.
installs() { if [ -f "$1" ]; then sed -n '/^\[Install\]/,/^\[[^I]/p' "$1"; fi; }

# enable_anew PATH NAME: makes the links of an enabled unit as they are to be now, if what enabling it does is not $installed any more.
enable_anew() {
  [ "$installed" != "$(installs "$1")" ] && has systemctl || return 0
  case $(systemctl is-enabled -- "$2" 2>/dev/null) in enabled) told reenable -q -- "$2" ;; esac
}
