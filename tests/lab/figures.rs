//! What a load came to, and the table of `docs/availability.md` that keeps it.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fmt, fs,
    time::Duration,
};

use crate::{load::Asked, world::project};

/// The rule of the service: a request that takes longer has failed, whatever its answer.
const SLOW: Duration = Duration::from_secs(2);

/// How many failures are shown.
const SHOWN: usize = 10;

/// What a load came to.
pub(crate) struct Figures {
    pub(crate) duration: Duration,
    pub(crate) asked: Vec<Asked>,
}

impl Figures {
    /// Not one request failed, not one was slow, and each answer is unlike any other.
    pub(crate) fn assert_clean(&self) {
        assert_eq!(self.failures().count(), 0, "failed: {self}");
        assert_eq!(self.slow(), 0, "slow: {self}");
        let ids = self.asked.iter().filter_map(|asked| Some(&asked.answer.as_ref().ok()?.id));
        assert_eq!(ids.collect::<BTreeSet<_>>().len(), self.asked.len(), "alike: {self}");
    }

    /// How many answers came from each node and version.
    pub(crate) fn answers(&self) -> BTreeMap<(&str, &str), usize> {
        let mut answers = BTreeMap::new();
        for answer in self.asked.iter().filter_map(|asked| asked.answer.as_ref().ok()) {
            *answers.entry((answer.node.as_str(), answer.version.as_str())).or_default() += 1;
        }
        answers
    }

    /// Writes them down under this name, if the environment asks for it.
    pub(crate) fn keep(&self, name: &str) {
        if env::var_os("UPDATE_FIGURES").is_none() {
            return;
        }
        let path = project().join("docs/availability.md");
        let row = format!(
            "{} | {} | {} | {} | {} | {} | {:.0} s",
            self.asked.len(),
            self.failures().count(),
            self.slow(),
            milliseconds(self.within(0.5)),
            milliseconds(self.within(0.99)),
            milliseconds(self.within(1.0)),
            self.duration.as_secs_f64(),
        );
        let document = fs::read_to_string(&path).unwrap();
        fs::write(&path, with_row(&document, name, &row)).unwrap();
    }

    fn failures(&self) -> impl Iterator<Item = (&Asked, &str)> {
        self.asked.iter().filter_map(|asked| Some((asked, asked.answer.as_ref().err()?.as_str())))
    }

    fn slow(&self) -> usize {
        self.asked.iter().filter(|asked| asked.is_slow()).count()
    }

    /// The time within which this part of the requests ended; 1.0: all of them.
    fn within(&self, part: f64) -> Duration {
        let mut times: Vec<Duration> = self.asked.iter().map(|asked| asked.took).collect();
        times.sort();
        let rank = (part * times.len() as f64).ceil() as usize;
        times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{} requests in {:.0?}: {} failed, {} over {SLOW:?}, median {:.1?}, 99 % {:.1?}, slowest {:.1?}",
            self.asked.len(),
            self.duration,
            self.failures().count(),
            self.slow(),
            self.within(0.5),
            self.within(0.99),
            self.within(1.0),
        )?;
        for ((node, version), count) in self.answers() {
            writeln!(f, "  {node} {version}: {count} answers")?;
        }
        for (Asked { at, took, way, .. }, why) in self.failures().take(SHOWN) {
            writeln!(f, "  {at:.3?} {way}: {why} (after {took:.1?})")?;
        }
        for Asked { at, took, way, .. } in self.asked.iter().filter(|it| it.is_slow()).take(SHOWN) {
            writeln!(f, "  {at:.3?} {way}: took {took:.3?}")?;
        }
        Ok(())
    }
}

impl Asked {
    fn is_slow(&self) -> bool {
        self.took > SLOW
    }
}

fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}

/// A document whose only table has this row: in place of the one of that name, or as its last.
fn with_row(document: &str, name: &str, row: &str) -> String {
    let row = format!("| {name} | {row} |");
    let begin = format!("| {name} |");
    let mut lines: Vec<&str> = document.lines().collect();
    match lines.iter().position(|line| line.starts_with(&begin)) {
        Some(place) => lines[place] = &row,
        None => {
            let last = lines.iter().rposition(|line| line.starts_with('|')).unwrap();
            lines.insert(last + 1, &row);
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn a_row_takes_the_place_of_the_older_one() {
    let table = "# Figures\n\n| a | n |\n|---|---|\n";
    let one = with_row(&with_row(table, "one", "1"), "two", "2");
    assert_eq!(one, format!("{table}| one | 1 |\n| two | 2 |\n"));
    assert_eq!(with_row(&one, "one", "3"), format!("{table}| one | 3 |\n| two | 2 |\n"));
}
