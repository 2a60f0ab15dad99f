//! Lists of host patterns as `known_hosts` and `ssh_config` write them.

use crate::base::wildcard;

/// Whether `name` matches a list, in which one pattern has to and none after `!` may, in letters of either case.
pub(super) fn list_matches<'a>(patterns: impl IntoIterator<Item = &'a str>, name: &str) -> bool {
    let patterns: Vec<String> = patterns.into_iter().map(str::to_lowercase).collect();
    wildcard::list_matches(patterns.iter().map(String::as_str), &name.to_lowercase())
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
