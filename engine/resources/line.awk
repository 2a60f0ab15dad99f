# Decides what is to happen to lines of files, as engine/resources/line.rs does.
# Arguments: probe, then seven for each question: id, path, line, match, after, before, absent. Prints `ID same|differs`.
# Or: edit|edit-open, then the same seven for one question, then where the new text goes. Prints its size.
# `edit-open` says that the last line of the text has no line break. Numbers are compared as text, hence the `""`.

function bare(s) { sub(/\r$/, "", s); return s }
function same(s) { return (bare(s) "") == line }

function decide(   i, read, s) {
  n = turned = added = dropped = 0; place = 0; seen = 0
  split("", text); split("", gone)
  while ((read = (getline s < path)) > 0) {
    text[i = ++n] = s
    if (absent != "") {
      if ((match_ != "" && bare(s) ~ match_) || (match_ == "" && same(s))) { gone[i] = 1; dropped++ }
      continue
    }
    if (match_ != "" && bare(s) ~ match_) turned = i
    if (same(s)) seen = 1
    if (after != "" && bare(s) ~ after) place = i + 1
    if (before != "" && bare(s) ~ before) place = i
  }
  close(path)
  if (read < 0) { failed = 1; return }
  if (absent != "") return
  if (turned) { if (same(text[turned])) turned = 0 }
  else if (!seen) added = (place ? place : n + 1)
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
  mode = ARGV[1]; to = ARGV[9]; failed = 0
  if (mode != "probe") printf "" >to
  for (a = 2; a + 6 < ARGC; a += 7) {
    id = ARGV[a]; path = ARGV[a + 1]; line = ARGV[a + 2]; match_ = ARGV[a + 3]
    after = ARGV[a + 4]; before = ARGV[a + 5]; absent = ARGV[a + 6]
    decide()
    if (failed) exit 2
    if (mode != "probe") { edit(mode == "edit-open"); exit 0 }
    verdict = (turned || added || dropped) ? "differs" : "same"
    print id, verdict
  }
  exit 0
}
