//! How things look: colours, symbols, durations.

use std::time::Duration;

use console::Style;

/// How much is shown, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    /// Whether there are colours.
    pub color: bool,
    /// Columns of the terminal.
    pub width: usize,
    /// Whether texts of several lines are drawn as a diff.
    pub diff: bool,
    /// Whether what is unchanged, places and all output are shown too.
    pub verbose: bool,
}

/// What a piece of text means; its colour follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Added,
    Changed,
    Removed,
    Runs,
    Unsure,
    Bad,
    Good,
    Strong,
    Dim,
}

impl Look {
    /// The text in its colour.
    pub(super) fn paint(self, tone: Tone, text: impl AsRef<str>) -> String {
        let style = match tone {
            Tone::Added | Tone::Good => Style::new().green(),
            Tone::Changed => Style::new().yellow(),
            Tone::Removed => Style::new().red(),
            Tone::Runs => Style::new().cyan(),
            Tone::Unsure => Style::new().magenta(),
            Tone::Bad => Style::new().red().bold(),
            Tone::Strong => Style::new().bold(),
            Tone::Dim => Style::new().dim(),
        };
        style.force_styling(self.color).apply_to(text.as_ref()).to_string()
    }

    /// Dim text, for what is read only when it is looked for.
    pub(super) fn dim(self, text: impl AsRef<str>) -> String {
        self.paint(Tone::Dim, text)
    }

    /// The symbol in its colour.
    pub(super) fn mark(self, mark: Symbol) -> String {
        let (symbol, tone) = match mark {
            Symbol::Create => ("+", Tone::Added),
            Symbol::Update => ("~", Tone::Changed),
            Symbol::Remove => ("-", Tone::Removed),
            Symbol::Run => ("!", Tone::Runs),
            Symbol::May => ("?", Tone::Unsure),
            Symbol::Bad => ("✗", Tone::Bad),
            Symbol::Back => ("↺", Tone::Bad),
            Symbol::Same => ("=", Tone::Dim),
        };
        self.paint(tone, symbol)
    }
}

/// The symbol before a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Symbol {
    Create,
    Update,
    Remove,
    Run,
    May,
    Bad,
    Back,
    Same,
}

/// `40ms`, `1.2s`, `2m04s`, `1h02m`.
pub(super) fn duration(of: Duration) -> String {
    let seconds = of.as_secs();
    match of.as_millis() {
        ms @ 0..100 => format!("{ms}ms"),
        100..60_000 => format!("{:.1}s", of.as_secs_f64()),
        60_000..3_600_000 => format!("{}m{:02}s", seconds / 60, seconds % 60),
        _ => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
    }
}

/// `1 host`, `2 hosts`.
pub(super) fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let of = |ms| duration(Duration::from_millis(ms));
        assert_eq!([of(40), of(1234), of(124_000)], ["40ms", "1.2s", "2m04s"]);
        assert_eq!(of(3_725_000), "1h02m");
    }
}
