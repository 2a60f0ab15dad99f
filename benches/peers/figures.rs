//! What was measured: every run, kept as JSON, and the medians.

use std::{collections::BTreeMap, fs, path::Path};

use serde::{Deserialize, Serialize};

use crate::{measure::Cost, tools::Tool, works::Cell};

/// Every run of every tool, by what it did.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Figures {
    /// When the newest of them were measured.
    pub(crate) date: String,
    /// The versions of what took part.
    pub(crate) versions: BTreeMap<String, String>,
    runs: Vec<Runs>,
}

/// The runs of one tool at one work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Runs {
    pub(crate) tool: Tool,
    pub(crate) cell: Cell,
    pub(crate) costs: Vec<Cost>,
}

impl Figures {
    /// Those of earlier runs; none, if there were none.
    pub(crate) fn read(path: &Path) -> Self {
        fs::read(path).map(|text| serde_json::from_slice(&text).unwrap()).unwrap_or_default()
    }

    pub(crate) fn write(&self, path: &Path) {
        fs::write(path, serde_json::to_string_pretty(self).unwrap() + "\n").unwrap();
    }

    /// Puts runs in the place of older ones of the same tool at the same work.
    pub(crate) fn put(&mut self, runs: Runs) {
        self.runs.retain(|old| (old.tool, old.cell) != (runs.tool, runs.cell));
        self.runs.push(runs);
        self.runs.sort_by_key(|runs| (runs.cell, runs.tool));
    }

    /// The median of what the runs of a tool at a work cost.
    pub(crate) fn median(&self, tool: Tool, cell: Cell, of: impl Fn(&Cost) -> f64) -> Option<f64> {
        let runs = self.runs.iter().find(|runs| (runs.tool, runs.cell) == (tool, cell))?;
        median(runs.costs.iter().map(of).collect())
    }

    /// How many runs there were.
    pub(crate) fn rounds(&self, tool: Tool, cell: Cell) -> usize {
        let runs = self.runs.iter().find(|runs| (runs.tool, runs.cell) == (tool, cell));
        runs.map_or(0, |runs| runs.costs.len())
    }
}

/// The middle one, or between the two in the middle.
fn median(mut numbers: Vec<f64>) -> Option<f64> {
    numbers.sort_by(f64::total_cmp);
    let middle = numbers.len() / 2;
    match numbers.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(numbers[middle]),
        _ => Some(f64::midpoint(numbers[middle - 1], numbers[middle])),
    }
}
