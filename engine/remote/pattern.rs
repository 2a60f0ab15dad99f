//! Lists of host patterns as `known_hosts` and `ssh_config` write them.

use crate::wildcard::matches;

/// Whether `name` matches a list: one pattern has to, and none after `!` may.
pub(super) fn list_matches<'a>(patterns: impl IntoIterator<Item = &'a str>, name: &str) -> bool {
    let name = name.to_lowercase();
    let mut matched = false;
    for pattern in patterns {
        match pattern.strip_prefix('!') {
            Some(denied) if matches(&denied.to_lowercase(), &name) => return false,
            Some(_) => {}
            None => matched |= matches(&pattern.to_lowercase(), &name),
        }
    }
    matched
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_and_exceptions() {
        let cases = [
            (&["web-1"][..], "WEB-1", true),
            (&["web-?"], "web-12", false),
            (&["*.example.org", "!db.*"], "web.example.org", true),
            (&["*.example.org", "!db.*"], "db.example.org", false),
            (&["!db.*"], "web.example.org", false),
            (&["10.0.*.1"], "10.0.200.1", true),
            (&["**"], "", true),
        ];
        for (patterns, name, expected) in cases {
            let got = list_matches(patterns.iter().copied(), name);
            assert_eq!(got, expected, "{patterns:?} {name}");
        }
    }
}
