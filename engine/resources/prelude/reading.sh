# What every script that converge runs on a host can rely on: POSIX sh, nothing else.

# Markers of reactions that are outstanding live here, so that a cut-off run cannot lose one.
# Without a home there is no place that is safe from others, and marking fails.
if [ -n "${CONVERGE_STATE:-}" ]; then STATE=$CONVERGE_STATE
elif [ -w /var/lib ]; then STATE=/var/lib/converge; else STATE=${HOME:-/nonexistent}/.local/state/converge; fi

# A line break.
nl='
'

say() { printf '%s\n' "$*"; }
die() { say "$*" >&2; return 1; }
has() { command -v "$1" >/dev/null 2>&1; }
