//! What was measured, as text and as a drawing.

use std::{fs, path::Path};

use minijinja::{Value, context, value::Serde};
use serde::Serialize;

use crate::{
    figures::Figures,
    measure::Cost,
    promises::promises,
    render::render,
    road::DELAY,
    tools::Tool,
    works::{Cell, cells},
};

/// A line of a table: one work, and a value for each tool.
#[derive(Serialize)]
struct Row {
    work: String,
    values: Vec<String>,
}

/// Writes the report's part of a document, between its marks, and the drawing beside it.
pub(crate) fn write(figures: &Figures, document: &Path) {
    let ratio = |tool, cell| {
        let wall = |tool| figures.median(tool, cell, |cost| cost.wall);
        Some(wall(tool)? / wall(Tool::F1)?)
    };
    let text = render(
        include_str!("report.md.j2"),
        context! {
            date => figures.date.clone(),
            versions => figures.versions.clone(),
            tools => Tool::all().iter().map(|tool| tool.label()).collect::<Vec<_>>(),
            wall => table(|tool, cell| measured(figures, tool, cell, |cost| cost.wall, 1.0)),
            ratio => table(|tool, cell| ratio(tool, cell).map(number)),
            cpu => table(|tool, cell| measured(figures, tool, cell, |cost| cost.cpu, 1.0)),
            targets => table(|tool, cell| measured(figures, tool, cell, |cost| cost.targets_cpu, 1.0)),
            memory => table(|tool, cell| measured(figures, tool, cell, |cost| cost.memory, 1048576.0)),
            bytes => table(|tool, cell| measured(figures, tool, cell, |cost| cost.bytes, 1024.0)),
            trips => table(|tool, cell| trips(figures, tool, cell).map(|trips| format!("{trips:.1}"))),
            runs => table(|tool, cell| runs(figures, tool, cell)),
            promises => Value::from(Serde(promises(figures))),
        },
    );
    let old = fs::read_to_string(document).unwrap_or_else(|_| "# Performance\n".to_owned());
    fs::write(document, with_part(&old, "peers", &text)).unwrap();
    fs::write(document.with_extension("svg"), drawing(figures, ratio)).unwrap();
}

/// A row for each work that any tool has a value for.
fn table(value: impl Fn(Tool, Cell) -> Option<String>) -> Value {
    let rows = cells().into_iter().filter_map(|cell| {
        let values: Vec<_> = Tool::all().iter().map(|tool| value(*tool, cell)).collect();
        values.iter().any(Option::is_some).then(|| Row {
            work: cell.to_string(),
            values: values
                .into_iter()
                .map(|value| value.unwrap_or_else(|| "-".to_owned()))
                .collect(),
        })
    });
    Value::from(Serde(rows.collect::<Vec<_>>()))
}

fn measured(
    figures: &Figures,
    tool: Tool,
    cell: Cell,
    of: fn(&Cost) -> f64,
    unit: f64,
) -> Option<String> {
    figures.median(tool, cell, of).map(|median| number(median / unit))
}

fn runs(figures: &Figures, tool: Tool, cell: Cell) -> Option<String> {
    let runs = figures.rounds(tool, cell);
    (runs > 0).then(|| runs.to_string())
}

/// Three digits that count.
fn number(value: f64) -> String {
    let decimals = match value.abs() {
        10.0.. => usize::from(value < 100.0),
        1.0.. => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

/// How often a tool waited for an answer from the hosts: what a long way makes it slower by.
pub(crate) fn trips(figures: &Figures, tool: Tool, cell: Cell) -> Option<f64> {
    let wall = |slow| figures.median(tool, Cell { slow, ..cell }, |cost| cost.wall);
    let longer = if cell.slow { wall(true)? - wall(false)? } else { return None };
    Some(longer / (2.0 * DELAY.as_secs_f64()))
}

/// A document with this text between the marks of a part; at the end, if it has none.
fn with_part(document: &str, part: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {part}: begin -->\n"), format!("<!-- {part}: end -->\n"));
    match (document.find(&begin), document.find(&end)) {
        (Some(from), Some(to)) => {
            format!("{}{text}{}", &document[..from + begin.len()], &document[to..])
        }
        _ => format!("{document}\n{begin}{text}{end}"),
    }
}

/// A bar of the drawing; all lengths in pixels.
#[derive(Serialize)]
struct Bar {
    tool: &'static str,
    ours: bool,
    ratio: String,
    y: f64,
    width: f64,
}

#[derive(Serialize)]
struct Group {
    work: String,
    y: f64,
    bars: Vec<Bar>,
}

const BAR: f64 = 13.0;
const HEAD: f64 = 26.0;
/// Where the ratio 1 is, and how much ten times as much adds.
const ONE: f64 = 205.0;
const DECADE: f64 = 180.0;

/// A bar for each tool at each work, as long as the logarithm of the time that it takes.
fn drawing(figures: &Figures, ratio: impl Fn(Tool, Cell) -> Option<f64>) -> String {
    let mut y = 40.0;
    let mut groups = Vec::new();
    for cell in cells().into_iter().filter(|cell| !cell.slow) {
        let others = Tool::all().iter().filter(|tool| **tool != Tool::F1);
        let ratios: Vec<_> = others.filter_map(|tool| Some((*tool, ratio(*tool, cell)?))).collect();
        if ratios.is_empty() {
            continue;
        }
        let top = y;
        y += HEAD;
        let bars = ratios.into_iter().map(|(tool, ratio)| {
            let bar = Bar {
                tool: tool.label(),
                ours: tool == Tool::Converge,
                ratio: number(ratio),
                y,
                width: ratio.log10() * DECADE,
            };
            y += BAR;
            bar
        });
        groups.push(Group { work: cell.to_string(), y: top, bars: bars.collect() });
        y += 6.0;
    }
    render(
        include_str!("report.svg.j2"),
        context! {
            groups => Value::from(Serde(&groups)), height => y + 10.0, one => ONE, decade => DECADE,
            bar => BAR, date => figures.date.clone(),
        },
    )
}
