//! What is tried of the report with any texts.

use super::{
    Cow, Event, Human, Look,
    sanitize::{Shape, sanitize, sanitize_painted},
    texts::Texts,
};

/// The text as it is shown in each way, and what it may have beside what is plain.
pub(crate) fn sanitized(text: &str) -> [(String, &'static [char]); 4] {
    let shown = |shape| sanitize(text, shape).into_owned();
    [
        (shown(Shape::Line), &[]),
        (shown(Shape::Block), &['\n', '\t']),
        (shown(Shape::Printed), &['\n', '\t']),
        (console::strip_ansi_codes(&sanitize_painted(text)).into_owned(), &['\n', '\t']),
    ]
}

/// What people read of events, without colours.
pub(crate) fn shown(events: Vec<Event>) -> String {
    let look = Look { color: false, width: 80, diff: true, verbose: true };
    let mut human = Human::new(look, look, false);
    super::junit::render(&events);
    let mut shown = String::new();
    for mut event in events {
        Texts(&|text, shape| Cow::Owned(sanitize(text, shape).into_owned())).event(&mut event);
        let drawn = human.take(&event);
        shown += &drawn.result;
        shown += &drawn.progress;
    }
    shown
}
