//! The ways in which a text is read when secrets are looked for in it: what is written otherwise is read as what it means.

/// What an escape looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Each byte is itself.
    None,
    /// As JSON, C and shells write: `\"`, `\n`, `\x41`, `\u00e9`, `\101`.
    Backslash,
    /// As shells write a quote within quotes, where nothing else is an escape: `'\''`, `'"'"'`.
    Quotes,
    /// As a URL writes: `%2F`.
    Percent,
    /// The same, with `+` for a space.
    Form,
}

/// What becomes of what stands between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gaps {
    /// It counts.
    Kept,
    /// Zeros do not: UTF-16 has one beside each letter.
    Zeros,
    /// White space and control characters do not: an encoding is wrapped.
    Skipped,
    /// Nor do capitals, `0x`, and what stands between digits in a dump.
    OfDumps,
}

/// A way to read a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct SecretReading(pub(super) Escapes, pub(super) Gaps);

impl SecretReading {
    /// The ways that make a difference to this text.
    pub(super) fn all_of(text: &str) -> impl Iterator<Item = Self> {
        let has = |byte| text.as_bytes().contains(&byte);
        let backslash = has(b'\\');
        let quotes = QUOTES.iter().any(|quote| text.contains(quote));
        let (percent, form) = (has(b'%'), has(b'+'));
        let ways = [
            (true, Escapes::None, Gaps::Kept),
            (has(0), Escapes::None, Gaps::Zeros),
            (true, Escapes::None, Gaps::Skipped),
            (true, Escapes::None, Gaps::OfDumps),
            (backslash, Escapes::Backslash, Gaps::Kept),
            (backslash, Escapes::Backslash, Gaps::Skipped),
            (backslash, Escapes::Backslash, Gaps::OfDumps),
            (quotes, Escapes::Quotes, Gaps::Kept),
            (quotes, Escapes::Quotes, Gaps::Skipped),
            (percent, Escapes::Percent, Gaps::Kept),
            (percent, Escapes::Percent, Gaps::Skipped),
            (form, Escapes::Form, Gaps::Kept),
            (form, Escapes::Form, Gaps::Skipped),
        ];
        ways.into_iter().filter(|(there, ..)| *there).map(|(_, escapes, gaps)| Self(escapes, gaps))
    }

    /// Reads the text: `see` gets each byte, and where what it is written as begins and ends.
    pub(super) fn read(self, text: &[u8], mut see: impl FnMut(u8, usize, usize)) {
        let Self(escapes, gaps) = self;
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            if gaps == Gaps::OfDumps
                && byte == b'0'
                && matches!(text.get(at + 1), Some(b'x' | b'X'))
            {
                at += 2;
                continue;
            }
            let (meant, length) = match escapes {
                Escapes::None => (Meant::byte(byte), 1),
                _ => escaped(&text[at..], escapes).unwrap_or((Meant::byte(byte), 1)),
            };
            for &byte in meant.bytes() {
                match gaps {
                    Gaps::Zeros if byte == 0 => {}
                    Gaps::Kept | Gaps::Zeros => see(byte, at, at + length),
                    Gaps::Skipped if is_space(byte) => {}
                    Gaps::Skipped => see(byte, at, at + length),
                    Gaps::OfDumps if is_space(byte) || b":,-_|".contains(&byte) => {}
                    Gaps::OfDumps => see(byte.to_ascii_lowercase(), at, at + length),
                }
            }
            at += length;
        }
    }
}

/// A quote within quotes.
const QUOTES: [&str; 2] = ["'\\''", "'\"'\"'"];

pub(super) fn is_space(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f
}

/// The bytes of one character.
struct Meant([u8; 4], usize);

impl Meant {
    fn byte(byte: u8) -> Self {
        Self([byte, 0, 0, 0], 1)
    }

    fn character(c: char) -> Self {
        let mut bytes = [0; 4];
        let length = c.encode_utf8(&mut bytes).len();
        Self(bytes, length)
    }

    fn bytes(&self) -> &[u8] {
        &self.0[..self.1]
    }
}

/// What the escape that the text begins with means, and how long it is; none if it begins with no escape.
fn escaped(text: &[u8], escapes: Escapes) -> Option<(Meant, usize)> {
    match (escapes, text) {
        (Escapes::Percent | Escapes::Form, [b'%', ..]) => {
            Some((Meant::byte(u8::try_from(number(text, 1, 2, 16)?).ok()?), 3))
        }
        (Escapes::Form, [b'+', ..]) => Some((Meant::byte(b' '), 1)),
        (Escapes::Quotes, [b'\'', ..]) => {
            let quote = QUOTES.iter().find(|quote| text.starts_with(quote.as_bytes()))?;
            Some((Meant::byte(b'\''), quote.len()))
        }
        (Escapes::Backslash, [b'\\', letter, ..]) => Some(match letter {
            b'n' => (Meant::byte(b'\n'), 2),
            b'r' => (Meant::byte(b'\r'), 2),
            b't' => (Meant::byte(b'\t'), 2),
            b'x' => match number(text, 2, 2, 16) {
                Some(number) => (Meant::byte(u8::try_from(number).ok()?), 4),
                None => (Meant::byte(b'x'), 2),
            },
            b'u' => utf16(text).unwrap_or((Meant::byte(b'u'), 2)),
            b'0'..=b'3' => match number(text, 1, 3, 8) {
                Some(number) => (Meant::byte(u8::try_from(number).ok()?), 4),
                None => (Meant::byte(*letter), 2),
            },
            other => (Meant::byte(*other), 2),
        }),
        _ => None,
    }
}

/// `\u00e9`, or two of these for a character that takes two.
fn utf16(text: &[u8]) -> Option<(Meant, usize)> {
    let first = number(text, 2, 4, 16)?;
    if let Some(c) = char::from_u32(first) {
        return Some((Meant::character(c), 6));
    }
    let second = text.get(6..).filter(|rest| rest.starts_with(b"\\u"))?;
    let units = [first, number(second, 2, 4, 16)?].map(|unit| u16::try_from(unit).unwrap_or(0));
    let c = char::decode_utf16(units).next()?.ok()?;
    Some((Meant::character(c), 12))
}

/// The number of so many digits that stands at a place.
fn number(text: &[u8], at: usize, digits: usize, radix: u32) -> Option<u32> {
    let digits = text.get(at..at + digits)?;
    let value =
        |number: u32, digit: &u8| Some(number * radix + char::from(*digit).to_digit(radix)?);
    digits.iter().try_fold(0, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, escapes: Escapes, gaps: Gaps) -> String {
        let mut bytes = Vec::new();
        SecretReading(escapes, gaps).read(text.as_bytes(), |byte, start, end| {
            assert!(start < end && end <= text.len());
            bytes.push(byte);
        });
        String::from_utf8_lossy(&bytes).into_owned()
    }

    #[test]
    fn what_is_escaped_is_read_as_what_it_means() {
        let backslash = |text| read(text, Escapes::Backslash, Gaps::Kept);
        assert_eq!(backslash(r#"a\"b\\c\/\n\x41\u00e9\ud83d\ude00\101"#), "a\"b\\c/\nAé😀A");
        assert_eq!(backslash(r"\ \$"), " $");
        assert_eq!(read(r#"it'\''s it'"'"'s \x"#, Escapes::Quotes, Gaps::Kept), r"it's it's \x");
        assert_eq!(backslash(r"\"), r"\");
        assert_eq!(backslash(r"\ud83d \xg \u12 \9"), "ud83d xg u12 9");
        assert_eq!(read("a%2Fb%2fc%zz%", Escapes::Percent, Gaps::Kept), "a/b/c%zz%");
        assert_eq!(read("a+b%2B", Escapes::Form, Gaps::Kept), "a b+");
        assert_eq!(read("a+b", Escapes::Percent, Gaps::Kept), "a+b");
    }

    #[test]
    fn gaps_are_passed_over() {
        assert_eq!(read("a \r\nb\tc\0", Escapes::None, Gaps::Skipped), "abc");
        assert_eq!(read("a\0 \0b\0", Escapes::None, Gaps::Zeros), "a b");
        assert_eq!(read("0x4A, 0x4b 4C:4d-4e", Escapes::None, Gaps::OfDumps), "4a4b4c4d4e");
        assert_eq!(read(r"a\nb", Escapes::Backslash, Gaps::Skipped), "ab");
    }
}
