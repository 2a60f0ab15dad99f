//! One change of one resource, drawn.

use std::{fmt::Write as _, sync::Arc};

use super::{
    diff, ending,
    look::{Look, Symbol, Tone},
};
use crate::{
    plan::event::{Cause, Planned},
    resources::{
        change::{Change, Effect, Field, Shown},
        resource::{Reaction, Unknown},
    },
};

/// The symbol of what is planned.
pub(super) fn mark(plan: &Planned) -> Symbol {
    match plan {
        Planned::Unchanged => Symbol::Same,
        Planned::MayChange { .. } | Planned::Unknown(_) => Symbol::May,
        Planned::React { .. } => Symbol::Run,
        Planned::Change { change, .. } => match change.action {
            Effect::Create => Symbol::Create,
            Effect::Update => Symbol::Update,
            Effect::Remove => Symbol::Remove,
            Effect::Run | Effect::Refresh | Effect::Wait => Symbol::Run,
        },
    }
}

/// What a resource does because others change, in a word: `reload`.
pub(super) fn verb(plan: &Planned) -> Option<&'static str> {
    let (Planned::React { reactions } | Planned::Change { reactions, .. }) = plan else {
        return None;
    };
    reactions.iter().map(|cause| cause.reaction).max().map(|reaction| reaction.verb())
}

/// The change, its fields and its reasons; `beside` is written next to the name.
pub(super) fn draw(name: &str, plan: &Planned, beside: &str, look: Look) -> String {
    let symbol = look.mark(mark(plan));
    let reason = match plan {
        Planned::Unknown(unknown) => format!("  unknown: {unknown}"),
        Planned::React { reactions } => format!("  {}", causes(reactions)),
        Planned::Change { change, .. } if change.action == Effect::Wait => {
            "  does not hold yet: waits for it".to_owned()
        }
        Planned::Change { change, .. } if change.action == Effect::Refresh => {
            "  may change: checked again".to_owned()
        }
        _ => String::new(),
    };
    let mut drawn = format!("  {symbol} {name}{reason}{beside}\n");
    if let Planned::Unknown(Unknown { hint: Some(hint), .. }) = plan {
        drawn += &ending::hint(Some(hint), look);
    }
    if let Planned::Change { change, reactions } = plan {
        draw_fields(&mut drawn, change, look);
        if !reactions.is_empty() {
            drawn += &format!("      {} {}\n", look.mark(Symbol::Run), causes(reactions));
        }
    }
    drawn
}

fn draw_fields(drawn: &mut String, change: &Change, look: Look) {
    for field in &change.fields {
        let name = &field.name;
        let lines = match texts(field) {
            Some((before, after)) if look.diff => diff::unified(before, after, look),
            Some((before, after)) => vec![diff::size(before, after, look)],
            None => vec![],
        };
        match lines.as_slice() {
            [] => {
                let (change, lacks) = (short(change.action, field, look), lacks(field, look));
                let _ = writeln!(drawn, "      {name}: {change}{lacks}");
            }
            [line] if !look.diff => {
                let _ = writeln!(drawn, "      {name}: {line}");
            }
            lines => {
                let _ = writeln!(drawn, "      {name}:");
                for line in lines {
                    let _ = writeln!(drawn, "        {line}");
                }
            }
        }
    }
}

/// Both sides, when they are texts and one has several lines.
fn texts(field: &Field) -> Option<(&str, &str)> {
    let text = |side| match side {
        &Shown::Nothing => Some(""),
        Shown::Text(text) => Some(text.as_str()),
        Shown::Hidden(_) => None,
    };
    let (before, after) = (text(&field.before)?, text(&field.after)?);
    (before.contains('\n') || after.contains('\n')).then_some((before, after))
}

/// A field on one line: `0600 -> 0644`.
fn short(action: Effect, field: &Field, look: Look) -> String {
    let before = look.paint(Tone::Removed, side(&field.before));
    let after = look.paint(Tone::Added, side(&field.after));
    match (&field.before, &field.after) {
        (Shown::Nothing, _) if matches!(action, Effect::Create | Effect::Run) => after,
        (_, Shown::Nothing) if matches!(action, Effect::Remove | Effect::Run) => before,
        (Shown::Hidden(one), Shown::Hidden(other)) if one == other => {
            format!("{} {}", look.paint(Tone::Changed, "changes"), look.dim(side(&field.after)))
        }
        _ => format!("{before} -> {after}"),
    }
}

/// What a text of one line lacks: a diff of several lines says so by itself.
fn lacks(field: &Field, look: Look) -> String {
    match &field.after {
        Shown::Text(text)
            if field.name == "content" && !text.is_empty() && !text.contains('\n') =>
        {
            look.dim(" (no newline at the end)")
        }
        _ => String::new(),
    }
}

fn side(shown: &Shown) -> String {
    match shown {
        Shown::Nothing => "(none)".to_owned(),
        Shown::Text(text) if text.is_empty() || text.trim() != text => format!("\"{text}\""),
        Shown::Text(text) => text.clone(),
        Shown::Hidden(reason) => format!("(hidden: {reason})"),
    }
}

/// `reload because of file:/etc/nginx/nginx.conf`: what is done once, and all that it is done for.
fn causes(causes: &[Cause]) -> String {
    let verb = causes.iter().map(|cause| cause.reaction).max().map_or("", Reaction::verb);
    let list = |causes: Vec<String>| causes.join(", ");
    let change = causes.iter().filter(|cause| cause.left_by.is_none());
    let outstanding = causes
        .iter()
        .filter_map(|cause| Some(format!("{} since run {}", cause.node, cause.left_by.as_ref()?)));
    let change = list(change.map(|cause| cause.node.to_string()).collect());
    let outstanding = list(outstanding.collect());
    match (change.is_empty(), outstanding.is_empty()) {
        (false, true) => format!("{verb} because of {change}"),
        (true, _) => format!("{verb}, outstanding from {outstanding}"),
        (false, false) => format!("{verb} because of {change}; outstanding from {outstanding}"),
    }
}

/// The plan as the host itself would tell it: without its own name, so that hosts can be compared.
pub(super) fn seen_from(host: &str, plan: Planned) -> Planned {
    let own = |node: Arc<str>| {
        let local = node.strip_prefix(host).and_then(|rest| rest.strip_prefix('/'));
        local.map(Arc::from).unwrap_or(node)
    };
    let causes = |causes: Vec<Cause>| {
        causes.into_iter().map(|cause| Cause { node: own(cause.node), ..cause }).collect()
    };
    match plan {
        Planned::Change { change, reactions } => {
            Planned::Change { change, reactions: causes(reactions) }
        }
        Planned::React { reactions } => Planned::React { reactions: causes(reactions) },
        Planned::MayChange { because } => Planned::MayChange { because: own(because) },
        other @ (Planned::Unchanged | Planned::Unknown(_)) => other,
    }
}
