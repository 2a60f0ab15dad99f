# Decides what is to happen to lines of files, as engine/resources/kinds/line/mod.rs does.
# Arguments: probe, then seven for each question: id, path, line, match, after, before, absent; those of a path stand
# together, so that it is read once. Prints `ID same|differs|unread`.
# Or: edit|edit-open, then the same seven for one question, then where the new text goes. Prints its size.
# It stands between single quotes in a library of sh, and so has none.
# `edit-open` says that the last line of the text has no line break. Numbers are compared as text, hence the `""`.

function bare(s) { sub(/\r$/, "", s); return s }

function load(   read, s) {
  if (path == loaded) return
  loaded = path; n = failed = 0
  split("", text); split("", plain); split("", seen)
  while ((read = (getline s < path)) > 0) {
    text[++n] = s
    plain[n] = bare(s) ""
    seen[plain[n]] = n
  }
  close(path)
  if (read < 0) failed = 1
}

function last(pattern,   i) {
  if (pattern == "") return 0
  for (i = n; i > 0; i--) if (plain[i] ~ pattern) return i
  return 0
}

function drop(   i) {
  split("", gone)
  for (i = 1; i <= n; i++) if (match_ != "" ? plain[i] ~ match_ : plain[i] == line) gone[i] = 1
}

# decide: gives the verdict, and for an edit what to do: which line turns into the new one, or where it is added.
function decide() {
  turned = added = 0
  if (absent != "") {
    if (mode != "probe") drop()
    return match_ != "" ? last(match_) : line in seen
  }
  if ((turned = last(match_))) {
    if (plain[turned] != line) return 1
    turned = 0
    return 0
  }
  if (line in seen) return 0
  if (mode == "probe") return 1
  added = n + 1
  if (after != "" && (i = last(after))) added = i + 1
  if (before != "" && (i = last(before))) added = i
  return 1
}

function out(s) { printf "%s", s >to; size += length(s) }

function edit(open,   i, cr, s) {
  cr = (text[1] ~ /\r$/) ? "\r" : ""
  for (i = 1; i <= n + 1; i++) {
    if (added == i) out(line cr "\n")
    if (i > n || i in gone) continue
    s = text[i]
    if (turned == i) s = line ((s ~ /\r$/) ? "\r" : "")
    if (open && i == n) {
      if (added == n + 1) s = bare(s) cr "\n"
    } else s = s "\n"
    out(s)
  }
  close(to)
  print size + 0
}

BEGIN {
  mode = ARGV[1]; to = ARGV[9]; split("", gone)
  if (mode != "probe") printf "" >to
  for (a = 2; a + 6 < ARGC; a += 7) {
    id = ARGV[a]; path = ARGV[a + 1]; line = ARGV[a + 2] ""; match_ = ARGV[a + 3]
    after = ARGV[a + 4]; before = ARGV[a + 5]; absent = ARGV[a + 6]
    load()
    verdict = failed ? "unread" : decide() ? "differs" : "same"
    if (mode == "probe") { print id, verdict; continue }
    if (failed) exit 2
    edit(mode == "edit-open")
    exit 0
  }
  exit 0
}
