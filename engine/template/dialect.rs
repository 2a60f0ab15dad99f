//! What Jinja understands and its engine here does not, said in words that both know.
//!
//! - `a.b.c | default(..)` and `a.b.c is defined` hold where `a.b` is missing: `dig(a, "b", "c") | default(..)`.
//! - `'%s' % x` is `printf('%s', x)`.
//! - `a < b` is an error where one has no order with the other: `compare(a, "<", b)`.
//! - `+1` is `1`.
//! - A list or a map that a template writes can be changed by it: `[1]` is `list_of([1])`, where it changes one at all.
//! - Ends of lines are all alike.
//!
//! All of that stays on its line, and every place is known in the text as it was written.

use std::ops::Range;

use super::{
    edit::{Edit, Translated},
    header::Settings,
    lexer::{Kind, Token, is_keyword, tokens},
};

/// The names of the functions that stand in a translated text; nobody can write them by chance.
pub(super) const DIG: &str = "__dig";
pub(super) const PRINTF: &str = "__printf";
pub(super) const COMPARE: &str = "__compare";
pub(super) const LIST: &str = "__list";
pub(super) const MAP: &str = "__map";

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

/// Translates what a template says, but for its first line, if that is a header: it ends at `begin`.
pub(super) fn translate(written: &str, begin: usize, settings: &Settings) -> Translated {
    let mut translation = Translation {
        text: written,
        settings,
        changes: CHANGES.iter().any(|name| {
            written.match_indices(name).any(|(at, _)| {
                written[..at].ends_with('.')
                    && written[at + name.len()..].trim_start().starts_with('(')
            })
        }),
        edits: Vec::new(),
        depth: 0,
    };
    let chains = ["default", "| d", "|d", "defined"].iter().any(|word| written.contains(word));
    if chains
        || translation.changes
        || written.contains("% ")
        || written.contains("%(")
        || written.contains(['<', '>', '+'])
    {
        translation.regions(begin);
    }
    translation.newlines(begin);
    let mut edits = translation.edits;
    if begin > 0 {
        edits.push(Edit { at: 0, removed: begin, inserted: String::new(), opens: false });
    }
    Translated::new(written, edits)
}

struct Translation<'a> {
    text: &'a str,
    settings: &'a Settings,
    /// Whether the template changes lists or maps.
    changes: bool,
    edits: Vec<Edit>,
    /// How many brackets are open.
    depth: usize,
}

/// Brackets in brackets that are looked into; what is deeper is left as it is.
const DEPTH: usize = 100;

impl Translation<'_> {
    fn newlines(&mut self, begin: usize) {
        let newline = &self.settings.newline;
        if newline == "\n" && !self.text.contains('\r') {
            return;
        }
        let bytes = self.text.as_bytes();
        let mut at = begin;
        while at < bytes.len() {
            let length = match bytes[at] {
                b'\r' if bytes.get(at + 1) == Some(&b'\n') => 2,
                b'\r' | b'\n' => 1,
                _ => 0,
            };
            if length > 0 && self.text[at..at + length] != **newline {
                let inserted = newline.clone();
                self.edits.push(Edit { at, removed: length, inserted, opens: false });
            }
            at += length.max(1);
        }
    }

    /// Finds all expressions and statements.
    fn regions(&mut self, begin: usize) {
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
            if self.word(&tokens, 0) == "raw"
                || (self.word(&tokens, 0) == "-" && self.word(&tokens, 1) == "raw")
            {
                let Some(raw) = self.text[end..].find("endraw") else { return };
                at = end + raw;
                continue;
            }
            self.expressions(&tokens, 0);
            at = end;
        }
    }

    fn word(&self, tokens: &[Token], at: usize) -> &str {
        tokens.get(at).map_or("", |token| &self.text[token.at.clone()])
    }

    /// Reads expressions up to the bracket that closes them, and gives the place of that.
    fn expressions(&mut self, tokens: &[Token], at: usize) -> usize {
        if self.depth > DEPTH {
            return tokens.len();
        }
        self.depth += 1;
        let end = self.values(tokens, at);
        self.depth -= 1;
        end
    }

    fn values(&mut self, tokens: &[Token], mut at: usize) -> usize {
        // Where the sum or product before the next operator begins, and a comparison that waits for its other side.
        let (mut begin, mut open): (Option<usize>, Option<(usize, usize)>) = (None, None);
        while at < tokens.len() {
            let word = self.word(tokens, at);
            let is_value = tokens[at].kind != Kind::Sign && !is_keyword(word)
                || matches!(word, "(" | "[" | "{");
            let is_between = matches!(word, "+" | "-" | "*" | "/" | "//" | "**" | "%" | "~");
            if word == "+" && begin.is_none_or(|it| it == at) {
                self.replace(&tokens[at].at.clone(), "");
                at += 1;
                continue;
            }
            if is_value || is_between {
                begin = begin.or(Some(at));
                at = if is_value { self.operand(tokens, at) } else { at + 1 };
                continue;
            }
            let is_order = matches!(word, "<" | ">" | "<=" | ">=");
            let ends = matches!(word, ")" | "]" | "}");
            match (open.take(), begin.take()) {
                // One that has a third side is left as it is.
                (Some(_), Some(_)) if is_order => {}
                (Some((left, sign)), Some(right)) => self.compare(tokens, left, sign, right, at),
                (None, Some(left)) if is_order => open = Some((left, at)),
                _ => {}
            }
            if ends {
                return at;
            }
            at += 1;
        }
        if let (Some((left, sign)), Some(right)) = (open, begin) {
            self.compare(tokens, left, sign, right, at);
        }
        at
    }

    /// `a < b` becomes `compare(a, "<", b)`.
    fn compare(&mut self, tokens: &[Token], left: usize, sign: usize, right: usize, end: usize) {
        // A mark for spaces before the end of a tag is no part of it.
        let end =
            if end == tokens.len() && self.word(tokens, end - 1) == "-" { end - 1 } else { end };
        if right >= end || right != sign + 1 {
            return;
        }
        let operator = format!(", \"{}\", ", self.word(tokens, sign));
        self.replace(&tokens[sign].at.clone(), &operator);
        self.wrap(tokens[left].at.start, tokens[end.min(tokens.len()) - 1].at.end, COMPARE);
    }

    /// Reads a value with all that hangs on it, and gives the place behind.
    fn operand(&mut self, tokens: &[Token], start: usize) -> usize {
        let mut at = self.primary(tokens, start);
        let begin = tokens[start].at.start;
        // The steps of a path since its last call: where each begins, and ends.
        let mut steps: Vec<Range<usize>> = Vec::new();
        let is_value = tokens[start].kind != Kind::Name || !is_keyword(self.word(tokens, start));
        while is_value && at < tokens.len() {
            match self.word(tokens, at) {
                "." if at + 1 < tokens.len() => {
                    steps.push(at..at + 1);
                    at += 2;
                }
                "[" => {
                    let slice = self.has_colon(tokens, at);
                    let close = self.expressions(tokens, at + 1);
                    if slice {
                        steps.clear();
                    } else {
                        steps.push(at..close);
                    }
                    at = close + 1;
                }
                "(" => {
                    at = self.expressions(tokens, at + 1) + 1;
                    steps.clear();
                }
                "|" if at + 1 < tokens.len() => {
                    let (last, behind) = self.dotted(tokens, at + 1);
                    if matches!(last, "default" | "d") {
                        self.dig(tokens, begin, &steps);
                    }
                    steps.clear();
                    at = behind;
                }
                "is" => {
                    let not = usize::from(self.word(tokens, at + 1) == "not");
                    let (last, behind) = self.dotted(tokens, at + 1 + not);
                    if matches!(last, "defined" | "undefined") {
                        self.dig(tokens, begin, &steps);
                    }
                    steps.clear();
                    at = behind;
                }
                "%" if at == start + 1 && tokens[start].kind == Kind::Text => {
                    return self.printf(tokens, start, at);
                }
                _ => break,
            }
        }
        at
    }

    /// A name with dots, as filters and tests have: its last word, and the place behind it.
    fn dotted(&self, tokens: &[Token], mut at: usize) -> (&str, usize) {
        while self.word(tokens, at + 1) == "." {
            at += 2;
        }
        (self.word(tokens, at), at + 1)
    }

    fn has_colon(&self, tokens: &[Token], open: usize) -> bool {
        let mut depth = 0;
        for token in &tokens[open..] {
            match &self.text[token.at.clone()] {
                "(" | "[" | "{" => depth += 1,
                ")" | "]" | "}" if depth == 1 => return false,
                ")" | "]" | "}" => depth -= 1,
                ":" if depth == 1 => return true,
                _ => {}
            }
        }
        false
    }

    fn primary(&mut self, tokens: &[Token], at: usize) -> usize {
        let open = self.word(tokens, at);
        let of = match open {
            "(" => None,
            "[" => Some(LIST),
            "{" => Some(MAP),
            _ => return at + 1,
        };
        let close = self.expressions(tokens, at + 1);
        if let (Some(of), true, Some(last)) = (of, self.changes, tokens.get(close)) {
            self.wrap(tokens[at].at.start, last.at.end, of);
        }
        close + 1
    }

    fn wrap(&mut self, start: usize, end: usize, function: &str) {
        self.edits.push(Edit {
            at: start,
            removed: 0,
            inserted: format!("{function}("),
            opens: true,
        });
        self.edits.push(Edit { at: end, removed: 0, inserted: ")".to_owned(), opens: false });
    }

    fn replace(&mut self, at: &Range<usize>, inserted: &str) {
        let (at, removed) = (at.start, at.len());
        self.edits.push(Edit { at, removed, inserted: inserted.to_owned(), opens: false });
    }

    /// `a.b['c']` becomes `dig(a, "b", 'c')`.
    fn dig(&mut self, tokens: &[Token], begin: usize, steps: &[Range<usize>]) {
        let Some(end) =
            steps.last().and_then(|step| tokens.get(step.end)).map(|token| token.at.end)
        else {
            return;
        };
        for step in steps {
            let (open, close) = (tokens[step.start].at.clone(), tokens[step.end].at.clone());
            match (&self.text[open.clone()], tokens[step.end].kind) {
                (".", Kind::Number) => self.replace(&open, ", "),
                (".", _) => {
                    self.replace(&open, ", \"");
                    self.edits.push(Edit {
                        at: close.end,
                        removed: 0,
                        inserted: "\"".to_owned(),
                        opens: false,
                    });
                }
                _ => {
                    self.replace(&open, ", ");
                    self.replace(&close, "");
                }
            }
        }
        self.wrap(begin, end, DIG);
    }

    /// `'%s' % x` becomes `printf('%s' , x)`.
    fn printf(&mut self, tokens: &[Token], text: usize, sign: usize) -> usize {
        let mut value = sign + 1;
        while matches!(self.word(tokens, value), "-" | "+") {
            value += 1;
        }
        if value >= tokens.len() {
            return value;
        }
        let behind = self.operand(tokens, value);
        self.replace(&tokens[sign].at.clone(), ",");
        self.wrap(tokens[text].at.start, tokens[behind.min(tokens.len()) - 1].at.end, PRINTF);
        behind
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn translated(text: &str) -> String {
        translate(text, 0, &Settings::default()).text
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
    fn every_place_is_known() {
        let written = "a\r\n{{ b.c | d }} {{ nope }}";
        let translated = translate(written, 0, &Settings::default());
        let at = translated.text.find("nope").unwrap();
        assert_eq!(&written[translated.written(at..at + 4)], "nope");
        assert_eq!(translated.text.lines().count(), 2);
    }
}
