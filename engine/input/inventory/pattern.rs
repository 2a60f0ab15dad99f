//! Patterns: which hosts `api & !web-1` means.

use std::sync::Arc;

use super::{Host, Inventory};
use crate::base::{
    diagnostic::{Diagnostic, Result, did_you_mean},
    wildcard,
};

/// The hosts of a pattern, in the order of the inventory.
pub(super) fn select<'a>(inventory: &'a Inventory, text: &str) -> Result<Vec<&'a Arc<Host>>> {
    let whole = text.trim();
    // A name may be odd; alone, it means itself.
    if inventory.hosts.contains_key(whole) || inventory.groups.contains_key(whole) {
        let named = HostPattern::Name(whole.to_owned());
        return Ok(inventory.hosts.values().filter(|host| named.matches(host)).collect());
    }
    let pattern = Parser { text, rest: text, depth: 0 }.parse()?;
    pattern.check(inventory)?;
    let hosts: Vec<_> = inventory.hosts.values().filter(|host| pattern.matches(host)).collect();
    if hosts.is_empty() {
        let message = format!("the pattern `{}` matches no host", text.escape_debug());
        return Err(Diagnostic::new("inventory::no-host", message)
            .hint("`converge hosts` shows all hosts and their groups"));
    }
    Ok(hosts)
}

/// What a pattern says.
#[derive(Debug)]
enum HostPattern {
    /// A group or a host.
    Name(String),
    /// Hosts whose name looks so: `*` is any text, `?` any character.
    Glob(String),
    All(Vec<HostPattern>),
    Any(Vec<HostPattern>),
    Not(Box<HostPattern>),
}

impl HostPattern {
    fn matches(&self, host: &Host) -> bool {
        match self {
            HostPattern::Name(name) => {
                *host.name == **name || host.groups.iter().any(|group| **group == **name)
            }
            HostPattern::Glob(glob) => wildcard::matches(glob, &host.name),
            HostPattern::All(all) => all.iter().all(|a| a.matches(host)),
            HostPattern::Any(any) => any.iter().any(|a| a.matches(host)),
            HostPattern::Not(a) => !a.matches(host),
        }
    }

    /// Every word must mean something, so that a slip of the keyboard is not taken for an empty group.
    fn check(&self, inventory: &Inventory) -> Result<()> {
        match self {
            HostPattern::Name(name)
                if !inventory.hosts.contains_key(&**name)
                    && !inventory.groups.contains_key(&**name) =>
            {
                let known = inventory.groups.keys().chain(inventory.hosts.keys());
                let near = did_you_mean(name, known.map(|known| &**known));
                let message = format!("no host or group is called `{name}`");
                let all = "`converge hosts` shows all hosts and their groups".to_owned();
                Err(Diagnostic::new("inventory::unknown-name", message).hint(near.unwrap_or(all)))
            }
            HostPattern::Glob(glob) if !inventory.hosts.values().any(|host| self.matches(host)) => {
                let message = format!("no host matches `{glob}`");
                Err(Diagnostic::new("inventory::unknown-name", message)
                    .hint("a glob matches names of hosts, not of groups"))
            }
            HostPattern::Name(_) | HostPattern::Glob(_) => Ok(()),
            HostPattern::All(all) | HostPattern::Any(all) => {
                all.iter().try_for_each(|a| a.check(inventory))
            }
            HostPattern::Not(a) => a.check(inventory),
        }
    }
}

/// How deep parentheses and `!` may lie in each other: far more than anyone writes, far less than the stack.
const DEEPEST: usize = 64;

/// Reads by precedence: `|` and `,` bind least, then `&`, then `!`.
struct Parser<'a> {
    text: &'a str,
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn parse(mut self) -> Result<HostPattern> {
        let pattern = self.any()?;
        match self.peek() {
            None => Ok(pattern),
            Some(c) => Err(self.unexpected(c)),
        }
    }

    fn any(&mut self) -> Result<HostPattern> {
        let mut any = vec![self.all()?];
        while self.take('|') || self.take(',') {
            any.push(self.all()?);
        }
        Ok(HostPattern::Any(any))
    }

    fn all(&mut self) -> Result<HostPattern> {
        let mut all = vec![self.one()?];
        while self.take('&') {
            all.push(self.one()?);
        }
        Ok(HostPattern::All(all))
    }

    fn one(&mut self) -> Result<HostPattern> {
        self.depth += 1;
        if self.depth > DEEPEST {
            return Err(self.error("it is nested too deeply"));
        }
        let pattern = if self.take('!') {
            HostPattern::Not(Box::new(self.one()?))
        } else if self.take('(') {
            let pattern = self.any()?;
            if !self.take(')') {
                return Err(self.error("a `(` is not closed"));
            }
            pattern
        } else {
            self.word()?
        };
        self.depth -= 1;
        Ok(pattern)
    }

    fn word(&mut self) -> Result<HostPattern> {
        let start = self.peek();
        if let Some(quote @ ('"' | '\'')) = start {
            let Some((name, rest)) = self.rest[1..].split_once(quote) else {
                return Err(self.error("unclosed quote"));
            };
            self.rest = rest;
            return Ok(HostPattern::Name(name.to_owned()));
        }
        let in_word = |c: char| c.is_alphanumeric() || matches!(c, '.' | '_' | '-' | '*' | '?');
        let length = self.rest.find(|c| !in_word(c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(length);
        self.rest = rest;
        match start {
            Some(c) if word.is_empty() => Err(self.unexpected(c)),
            None => Err(self.error("a name is missing at its end")),
            Some(_) if word.contains(['*', '?']) => Ok(HostPattern::Glob(word.to_owned())),
            Some(_) => Ok(HostPattern::Name(word.to_owned())),
        }
    }

    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    fn take(&mut self, c: char) -> bool {
        let found = self.peek() == Some(c);
        if found {
            self.rest = &self.rest[c.len_utf8()..];
        }
        found
    }

    fn unexpected(&self, c: char) -> Diagnostic {
        self.error(&format!("unexpected `{}`", c.escape_debug()))
    }

    fn error(&self, what: &str) -> Diagnostic {
        let message = format!("the pattern `{}`: {what}", self.text.escape_debug());
        Diagnostic::new("inventory::pattern", message)
            .hint("write names and globs joined by `a & b`, `a | b`, `!a` and parentheses")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{
        base::diagnostic::Source,
        input::inventory::{Given, InventoryFormat},
    };

    fn inventory() -> Inventory {
        let text = r#"
            [hosts]
            web-1 = {}
            web-2 = {}
            api-1 = {}
            "db-1.example" = {}
            [groups]
            web = { hosts = ["web-2", "web-1"] }
            front = { hosts = ["api-1"], children = ["web"] }
            empty = {}
        "#;
        let source = Source::new("lab.toml", text);
        let given =
            Given { source, format: InventoryFormat::Toml, folder: "/".into(), home: "/".into() };
        Inventory::parse(&[given], &[]).unwrap()
    }

    fn names(inventory: &Inventory, pattern: &str) -> Result<Vec<String>> {
        let hosts = select(inventory, pattern)?;
        Ok(hosts.iter().map(|host| host.name.to_string()).collect())
    }

    #[test]
    fn a_pattern_means_hosts_in_the_order_of_the_inventory() {
        let inventory = inventory();
        let of = |pattern| names(&inventory, pattern).unwrap().join(" ");
        assert_eq!(of("web"), "web-1 web-2");
        assert_eq!(of("all"), "web-1 web-2 api-1 db-1.example");
        assert_eq!(of("front & !web"), "api-1");
        assert_eq!(of("*-1"), "web-1 api-1");
        assert_eq!(of("*1*"), "web-1 api-1 db-1.example");
        assert_eq!(of("web-?"), "web-1 web-2");
        assert_eq!(of("db-1.example,web-1"), "web-1 db-1.example");
        assert_eq!(of("api-1 | web & web-2"), "web-2 api-1");
        assert_eq!(of("(api-1 | web) & !web-2"), "web-1 api-1");
        assert_eq!(of("empty | web-1"), "web-1");
        assert_eq!(of("empty"), "");
        assert_eq!(of("'web' & \"web-1\""), "web-1");
    }

    #[test]
    fn a_pattern_that_means_nothing_is_an_error() {
        let inventory = inventory();
        let kind = |pattern| names(&inventory, pattern).unwrap_err().kind();
        assert_eq!(kind("wbe"), "inventory::unknown-name");
        assert_eq!(kind("web | nope"), "inventory::unknown-name");
        assert_eq!(kind("!nope"), "inventory::unknown-name");
        assert_eq!(kind("x-*"), "inventory::unknown-name");
        assert_eq!(kind("empty & web"), "inventory::no-host");
        assert_eq!(kind("'wbe'"), "inventory::unknown-name");
        assert_eq!(kind("web & api-1"), "inventory::no-host");
        for pattern in
            ["", " ", "web &", "| web", "(web", "web)", "web api-1", "web:api-1", "!", "we\u{1b}b"]
        {
            assert_eq!(kind(pattern), "inventory::pattern", "{pattern:?}");
        }
        assert_eq!(kind(&"(".repeat(100_000)), "inventory::pattern");
        assert_eq!(names(&inventory, "wbe").unwrap_err().hint_text(), Some("did you mean `web`?"));
    }

    fn pattern() -> impl Strategy<Value = String> {
        let word = prop::sample::select(vec!["all", "web", "front", "api-1", "*-1", "w*", "empty"]);
        word.prop_map(str::to_owned).prop_recursive(4, 16, 2, |inner| {
            prop_oneof![
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} & {b})")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} | {b})")),
                inner.prop_map(|a| format!("!{a}")),
            ]
        })
    }

    /// The hosts of a pattern; none is no error here.
    fn set(pattern: &str) -> Vec<String> {
        names(&inventory(), pattern)
            .or_else(|error| match error.kind() {
                "inventory::no-host" => Ok(Vec::new()),
                _ => Err(error),
            })
            .unwrap()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn patterns_keep_the_laws_of_sets(a in pattern(), b in pattern(), c in pattern()) {
            prop_assert_eq!(set(&format!("{a} & {b}")), set(&format!("{b} & {a}")));
            prop_assert_eq!(set(&format!("{a} | {b}")), set(&format!("{b}, {a}")));
            prop_assert_eq!(set(&format!("!({a} | {b})")), set(&format!("!{a} & !{b}")));
            prop_assert_eq!(set(&format!("!!{a}")), set(&a));
            prop_assert_eq!(set(&format!("{a} & {b} | {a} & {c}")), set(&format!("{a} & ({b} | {c})")));
            prop_assert_eq!(set(&format!("{a} | !{a}")), set("all"));
            prop_assert_eq!(set(&format!("{a} & !{a}")), Vec::<String>::new());
        }

        #[test]
        fn no_text_breaks_the_reader(text in "[a-z!&|,()* \\PC]{0,30}") {
            let _ = select(&inventory(), &text);
        }
    }
}
