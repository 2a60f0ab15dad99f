//! The rollings of a plan, drawn: turn by turn in the order in which it goes, hosts among each other.

use std::sync::Arc;

use indexmap::IndexMap;

use super::{change, hosts, look::Look};
use crate::plan::event::{Planned, Turn};

/// What was told of turns so far, in order.
#[derive(Debug, Default)]
pub(super) struct Turns {
    turns: IndexMap<Turn, Vec<TurnStep>>,
}

/// What is planned for one resource in a turn.
#[derive(Debug)]
struct TurnStep {
    host: Arc<str>,
    name: String,
    plan: Planned,
    beside: String,
}

impl Turns {
    pub(super) fn add(
        &mut self,
        turn: &Turn,
        host: &Arc<str>,
        name: String,
        plan: Planned,
        beside: String,
    ) {
        let step = TurnStep { host: host.clone(), name, plan, beside };
        self.turns.entry(turn.clone()).or_default().push(step);
    }

    /// All of them. Turns that differ in nothing but the host are drawn once.
    pub(super) fn draw(&self, look: Look) -> String {
        let mut alike: IndexMap<String, Vec<&Turn>> = IndexMap::new();
        let mut drawn: IndexMap<String, String> = IndexMap::new();
        for (turn, steps) in &self.turns {
            let text: String = steps.iter().map(|step| step.draw(steps, look)).collect();
            let key = format!("{} {}", turn.rolling, text.replace(&*turn.host, "\0"));
            drawn.entry(key.clone()).or_insert(text);
            alike.entry(key).or_default().push(turn);
        }
        let section = |(key, turns): (String, Vec<&Turn>)| {
            let text = drawn.get(&key).map_or("", String::as_str);
            format!("{}{text}\n", title(&turns, look))
        };
        alike.into_iter().map(section).collect()
    }
}

impl TurnStep {
    fn draw(&self, among: &[TurnStep], look: Look) -> String {
        let widths = among.iter().map(|step| console::measure_text_width(&step.host));
        let widest = widths.max().unwrap_or(0);
        let host = console::pad_str(&self.host, widest, console::Alignment::Left, None);
        change::draw(&format!("{host}  {}", self.name), &self.plan, &self.beside, look)
    }
}

/// `rolling, 1 of 3: api-1`, and who has the same turn after it.
fn title(turns: &[&Turn], look: Look) -> String {
    let Some((first, later)) = turns.split_first() else { return String::new() };
    let Turn { batch, batches, host, .. } = first;
    let title = look.paint(super::look::Tone::Strong, host);
    let batch = look.dim(format!("in its turn, batch {batch} of {batches}"));
    if later.is_empty() {
        return format!("{title}  {batch}\n");
    }
    let names: Vec<Arc<str>> = later.iter().map(|turn| turn.host.clone()).collect();
    let same = look.dim(format!("then the same for {}", hosts::compact(&names)));
    format!("{title}  {batch}; {same}\n")
}
