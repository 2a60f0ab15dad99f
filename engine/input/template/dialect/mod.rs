//! What Jinja understands and its engine here does not, said in words that both know.
//!
//! - `a.b.c | default(..)` and `a.b.c is defined` hold where `a.b` is missing: `dig(a, "b", "c") | default(..)`.
//! - `'%s' % x` is `printf('%s', x)`.
//! - `a < b` is an error where one has no order with the other: `compare(a, "<", b)`.
//! - `+1` is `1`.
//! - A list or a map that a template writes can be changed by it: `[1]` is `list_of([1])`, where it changes one at all.
//! - A loop over a text knows its end: `for c in each(text)`, where a template asks for that.
//! - A macro that reads `varargs` or `kwargs` has these parameters, and `open(macro)` fills them.
//! - Ends of lines are all alike.
//!
//! All of that stays on its line, and every place is known in the text as it was written.

mod expression;
mod rewrite;
mod statement;

use self::statement::Macro;
use super::{
    edit::{TemplateEdit, Translated},
    header::HeaderSettings,
    lexer::{Token, tokens},
};

/// The names of the functions that stand in a translated text; nobody can write them by chance.
pub(super) const DIG: &str = "__dig";
pub(super) const PRINTF: &str = "__printf";
pub(super) const COMPARE: &str = "__compare";
pub(super) const LIST: &str = "__list";
pub(super) const MAP: &str = "__map";
pub(super) const EACH: &str = "__each";
pub(super) const OPEN: &str = "__open";

/// The parameters of a macro that takes any arguments.
pub(super) const ANY: [&str; 2] = ["varargs", "kwargs"];

/// Methods that change a list or a map.
const CHANGES: [&str; 11] = [
    "append",
    "clear",
    "extend",
    "insert",
    "pop",
    "popitem",
    "remove",
    "reverse",
    "setdefault",
    "sort",
    "update",
];

/// What a template may ask of a loop that has to know its end for that.
const ENDS: [&str; 3] = ["last", "length", "revindex"];

/// Translates what a template says, but for its first line, if that is a header: it ends at `begin`.
pub(super) fn translate(written: &str, begin: usize, settings: &HeaderSettings) -> Translated {
    let any = |words: &[&str]| words.iter().any(|word| written.contains(word));
    let mut translation = Translation {
        text: written,
        settings,
        changes: CHANGES.iter().any(|name| {
            written.match_indices(name).any(|(at, _)| {
                written[..at].ends_with('.')
                    && written[at + name.len()..].trim_start().starts_with('(')
            })
        }),
        asks_for_ends: written.contains("loop") && any(&ENDS),
        edits: Vec::new(),
        depth: 0,
        macros: Vec::new(),
    };
    if translation.changes
        || translation.asks_for_ends
        || any(&["default", "| d", "|d", "defined", "% ", "%(", "<", ">", "+"])
        || any(&ANY)
    {
        translation.regions(begin);
    }
    translation.newlines(begin);
    let mut edits = translation.edits;
    if begin > 0 {
        edits.push(TemplateEdit { at: 0, removed: begin, inserted: String::new(), opens: false });
    }
    Translated::new(written, edits)
}

struct Translation<'a> {
    text: &'a str,
    settings: &'a HeaderSettings,
    /// Whether the template changes lists or maps.
    changes: bool,
    /// Whether it asks loops for their ends.
    asks_for_ends: bool,
    edits: Vec<TemplateEdit>,
    /// How many brackets are open.
    depth: usize,
    /// The macros that are open, from the outermost.
    macros: Vec<Macro<'a>>,
}

impl<'a> Translation<'a> {
    /// Finds all expressions and statements.
    pub(super) fn regions(&mut self, begin: usize) {
        let mut at = begin;
        let settings = self.settings;
        let starts = [&settings.variable, &settings.block, &settings.comment];
        // Where each stands next: whoever is far away is not looked for again.
        let mut next = [Some(at); 3];
        loop {
            for (pair, next) in starts.iter().zip(&mut next) {
                if next.is_some_and(|next| next <= at) {
                    *next = self.text[at..].find(&*pair[0]).map(|start| at + start);
                }
            }
            // Of two that start at one place the longer one is meant.
            let found = starts.iter().zip(next).filter_map(|(pair, next)| Some((next?, *pair)));
            let first = found.min_by_key(|(start, pair)| (*start, usize::MAX - pair[0].len()));
            let Some((start, pair)) = first else { return };
            let inner = start + pair[0].len();
            if std::ptr::eq(pair, &settings.comment) {
                let Some(end) = self.text[inner..].find(&*pair[1]) else { return };
                at = inner + end + pair[1].len();
                continue;
            }
            let (tokens, end) = tokens(self.text, inner, &pair[1]);
            let is_statement = std::ptr::eq(pair, &settings.block);
            let first = usize::from(matches!(self.word(&tokens, 0), "-" | "+"));
            if is_statement && self.word(&tokens, first) == "raw" {
                let Some(raw) = self.text[end..].find("endraw") else { return };
                at = end + raw;
                continue;
            }
            self.expressions(&tokens, 0);
            self.reads(&tokens);
            if is_statement {
                self.statement(&tokens, first, end);
            }
            at = end;
        }
    }

    fn word(&self, tokens: &[Token], at: usize) -> &'a str {
        tokens.get(at).map_or("", |token| &self.text[token.at.clone()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(text: &str) -> String {
        translate(text, 0, &HeaderSettings::default()).text
    }

    #[test]
    fn a_path_that_may_be_missing_is_looked_up_in_one_go() {
        assert_eq!(
            translated("{{ a.b.c | default('x') }}"),
            "{{ __dig(a, \"b\", \"c\") | default('x') }}"
        );
        assert_eq!(
            translated("{{ a['b'][0].c is defined }}"),
            "{{ __dig(a, 'b', 0, \"c\") is defined }}"
        );
        assert_eq!(translated("{{ a.b is not defined }}"), "{{ __dig(a, \"b\") is not defined }}");
        assert_eq!(
            translated("{{ a.f(x.y | d).z | d(1) }}"),
            "{{ __dig(a.f(__dig(x, \"y\") | d), \"z\") | d(1) }}"
        );
        assert_eq!(
            translated("{{ a[b.c | d].e | d }}"),
            "{{ __dig(a, __dig(b, \"c\") | d, \"e\") | d }}"
        );
        assert_eq!(
            translated("{% if not a.b is defined and (c.d | d({})).e %}"),
            "{% if not __dig(a, \"b\") is defined and (__dig(c, \"d\") | d({})).e %}"
        );
        for unchanged in
            ["{{ a.b | upper }}", "{{ a | default(1) }} a.b | default", "{# a.b | default #}"]
        {
            assert_eq!(translated(unchanged), unchanged);
        }
        let raw = "{% raw %}{{ a.b | default }}{% endraw %}{{ x }}";
        assert_eq!(translated(raw), raw);
    }

    #[test]
    fn a_text_with_gaps_is_filled() {
        assert_eq!(translated("{{ '%s' % (a, b) ~ 'c' }}"), "{{ __printf('%s' , (a, b)) ~ 'c' }}");
        assert_eq!(translated("{{ '%s' % a.b | upper }}"), "{{ __printf('%s' , a.b | upper) }}");
        assert_eq!(translated("{{ a % b }}{% if x %}"), "{{ a % b }}{% if x %}");
    }

    #[test]
    fn what_has_no_order_is_found() {
        assert_eq!(
            translated("{% if a.b + 1 < c | int and not d >= 2 -%}"),
            "{% if __compare(a.b + 1 , \"<\",  c | int) and not __compare(d , \">=\",  2) -%}"
        );
        assert_eq!(
            translated("{{ 1 < 2 < 3 }} {{ f(a > b) }} {{ +a }}"),
            "{{ 1 < 2 < 3 }} {{ f(__compare(a , \">\",  b)) }} {{ a }}"
        );
        assert_eq!(
            translated("{{- a -}} {% for x in y if x > 1 %}"),
            "{{- a -}} {% for x in y if __compare(x , \">\",  1) %}"
        );
    }

    #[test]
    fn what_is_changed_can_be() {
        assert_eq!(
            translated("{% set l = [1, {}] %}{% set _ = l.append(2) %}{{ l[0] }}"),
            "{% set l = __list([1, __map({})]) %}{% set _ = l.append(2) %}{{ l[0] }}"
        );
        assert_eq!(translated("{{ [1] }}"), "{{ [1] }}");
    }

    #[test]
    fn a_loop_over_a_text_knows_its_end() {
        assert_eq!(
            translated("{% for a in b[c] | d(1) if a -%}{{ loop.last }}"),
            "{% for a in __each(__dig(b, c) | d(1)) if a -%}{{ loop.last }}"
        );
        assert_eq!(
            translated("{% for a in b %}{{ loop.index }}"),
            "{% for a in b %}{{ loop.index }}"
        );
    }

    #[test]
    fn a_macro_takes_any_arguments() {
        assert_eq!(
            translated("{% macro m(a, b=(1)) %}{{ varargs }}{%- endmacro -%} {{ m() }}"),
            "{% macro m(a, b=(1), varargs=[], kwargs={}) %}{{ varargs }}{%- endmacro -%}\
             {% set m = __open(m) -%} {{ m() }}"
        );
        assert_eq!(
            translated("{% macro m() %}{% endmacro %}{{ kwargs }}"),
            "{% macro m() %}{% endmacro %}{{ kwargs }}"
        );
    }

    #[test]
    fn every_place_is_known() {
        let written = "a\r\n{{ b.c | d }} {{ nope }}";
        let translated = translate(written, 0, &HeaderSettings::default());
        let at = translated.text.find("nope").unwrap();
        assert_eq!(&written[translated.written(at..at + 4)], "nope");
        assert_eq!(translated.text.lines().count(), 2);
    }
}
