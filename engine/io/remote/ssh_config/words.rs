//! One line of a configuration: its keyword, and its arguments as OpenSSH splits them.

/// A keyword, its arguments, and all that stands behind it.
type ConfigWords<'a> = (&'a str, Vec<String>, &'a str);

/// The keyword as it is written, its arguments without quotes, and all that stands behind it. `Key value`, `Key=value`,
/// `"in quotes"`, `'in these'`, `# comment`.
///
/// # Errors
/// When unclosed quote.
pub(super) fn split(line: &str) -> Result<Option<ConfigWords<'_>>, &'static str> {
    let line = line.trim_matches(|c: char| c.is_ascii_whitespace() || c == '\u{c}');
    if line.is_empty() || line.starts_with('#') {
        return Ok(None);
    }
    let end = line.find(|c: char| c.is_ascii_whitespace() || c == '=').unwrap_or(line.len());
    let (keyword, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest).trim_start();
    Ok(Some((keyword.trim_matches('"'), arguments(rest)?, rest)))
}

/// The arguments of a line, up to a comment.
///
/// # Errors
/// When unclosed quote.
pub(super) fn arguments(text: &str) -> Result<Vec<String>, &'static str> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match (c, quote) {
            ('\\', _) => {
                let escapes = |next: &char| {
                    matches!(next, '"' | '\'' | '\\') || (*next == ' ' && quote.is_none())
                };
                let next = characters.next_if(escapes);
                word.get_or_insert_default().push(next.unwrap_or('\\'));
            }
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('#', None) if word.is_none() => break,
            (c, None) if c.is_ascii_whitespace() => words.extend(word.take()),
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("unclosed quote");
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_split_as_openssh_does() {
        let words = |line| split(line).unwrap().map(|(keyword, values, _)| (keyword, values));
        let cases = [
            ("  Port = 22  # a comment", "Port", &["22"][..]),
            ("Host\tweb-* \"two words\" !x", "Host", &["web-*", "two words", "!x"]),
            ("IdentityFile='it is' a\\ b", "IdentityFile", &["it is", "a b"]),
            ("User \"a\\\"b\" c\\d", "User", &["a\"b", "c\\d"]),
            ("User #", "User", &[]),
            ("User a#b", "User", &["a#b"]),
        ];
        for (line, keyword, values) in cases {
            let values = values.iter().map(|&value| value.to_owned()).collect();
            assert_eq!(words(line), Some((keyword, values)), "{line}");
        }
        assert_eq!((words("  "), words(" # Port 1")), (None, None));
        assert!(split("User \"ann").is_err());
        assert_eq!(
            split("ProxyCommand = nc %h \"a b\" # c ").unwrap().unwrap().2,
            "nc %h \"a b\" # c"
        );
    }
}
