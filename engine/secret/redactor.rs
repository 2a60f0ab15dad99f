//! Takes the text of secrets out of whatever is shown.

use std::{borrow::Cow, fmt, sync::Arc};

use aho_corasick::{AhoCorasick, Input, MatchKind};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};

use super::Secret;
use crate::script::Quoted;

/// What is shorter is common in any text: the secret `no` would wreck every second line. It is replaced only
/// where it stands as a word of its own, and its encodings, which say little, are not looked for.
const SHORT: usize = 4;

/// Replaces secrets by `(secret name)`: their text, and base64, hexadecimal, URL, shell and JSON forms of it.
#[derive(Default)]
pub struct Redactor {
    /// Finds all forms at once; `None` when there is nothing to find.
    finder: Option<AhoCorasick>,
    /// What each form is replaced by.
    labels: Vec<Arc<str>>,
}

impl Redactor {
    /// A redactor for these secrets.
    pub fn new(secrets: &[Secret]) -> Self {
        let mut forms = Vec::new();
        let mut labels = Vec::new();
        for secret in secrets {
            let label: Arc<str> = secret.to_string().into();
            let before = forms.len();
            forms.extend(forms_of(secret.expose()));
            labels.extend((before..forms.len()).map(|_| label.clone()));
        }
        let finder = AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(&forms);
        let finder = finder.expect("the forms of all secrets fit in memory");
        Self { finder: (!forms.is_empty()).then_some(finder), labels }
    }

    /// Whether there is nothing to find.
    pub fn is_idle(&self) -> bool {
        self.finder.is_none()
    }

    /// The text without secrets.
    pub fn redact<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let Some(finder) = &self.finder else { return Cow::Borrowed(text) };
        let (mut redacted, mut copied, mut at) = (String::new(), 0, 0);
        while let Some(found) = finder.find(Input::new(text).range(at..)) {
            if found.len() < SHORT && !stands_alone(text, found.start(), found.end()) {
                at = text.ceil_char_boundary(found.start() + 1);
                continue;
            }
            redacted.push_str(&text[copied..found.start()]);
            redacted.push_str(&self.labels[found.pattern()]);
            (copied, at) = (found.end(), found.end());
        }
        if copied == 0 {
            return Cow::Borrowed(text);
        }
        redacted.push_str(&text[copied..]);
        Cow::Owned(redacted)
    }
}

/// The automaton would print the secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Redactor({} forms)", self.labels.len())
    }
}

fn stands_alone(text: &str, start: usize, end: usize) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    !text[..start].ends_with(in_word) && !text[end..].starts_with(in_word)
}

/// Every way in which a secret usually appears. Output comes line by line, so each long line counts too.
fn forms_of(secret: &str) -> Vec<String> {
    let text = secret.trim_end_matches(['\r', '\n']);
    let mut forms = encodings(text);
    if text.contains('\n') {
        let lines = text.lines().map(str::trim).filter(|line| line.len() >= 2 * SHORT);
        forms.extend(lines.flat_map(encodings));
    }
    if text.len() < secret.len() {
        forms.extend(encodings(secret));
    }
    forms.sort_unstable();
    forms.dedup();
    forms
}

fn encodings(text: &str) -> Vec<String> {
    if text.is_empty() {
        return Vec::new();
    }
    let hex = |upper| hex(text.as_bytes(), upper);
    let quoted = Quoted(text).to_string();
    let json = serde_json::Value::from(text).to_string();
    let url = |upper| percent_encoded(text, upper);
    let inside = |quoted: &str| quoted[1..quoted.len() - 1].to_owned();
    let mut forms =
        vec![url(true), url(false), inside(&quoted), inside(&json), hex(true), hex(false)];
    forms.extend(base64_forms(text.as_bytes()));
    forms.retain(|form| form.len() >= SHORT && text.len() >= SHORT);
    forms.push(text.to_owned());
    forms
}

/// Base64 of the text alone, with its padding and without, and what it looks like inside of something longer:
/// three ways, by the place of its first byte in a group of three. There, the characters at both ends mix in
/// bits of the neighbours, and are left out.
fn base64_forms(bytes: &[u8]) -> Vec<String> {
    let mut forms = Vec::new();
    for engine in [&STANDARD, &URL_SAFE] {
        let padded = engine.encode(bytes);
        forms.push(padded.trim_end_matches('=').to_owned());
        forms.push(padded);
        for before in 0..3 {
            let shifted = engine.encode([&b"\0\0"[..before], bytes].concat());
            let first = (before * 8).div_ceil(6);
            let end = (before + bytes.len()) * 8 / 6;
            forms.extend(shifted.get(first..end).map(str::to_owned));
        }
    }
    forms
}

fn percent_encoded(text: &str, upper: bool) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let encode = |byte: u8| match plain(byte) {
        true => char::from(byte).to_string(),
        false => ["%", &hex(&[byte], upper)].concat(),
    };
    text.bytes().map(encode).collect()
}

fn hex(bytes: &[u8], upper: bool) -> String {
    match upper {
        true => base16ct::upper::encode_string(bytes),
        false => base16ct::lower::encode_string(bytes),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn redacted(secret: &str, text: &str) -> String {
        Redactor::new(&[Secret::new("db", secret)]).redact(text).into_owned()
    }

    #[test]
    fn the_text_and_its_usual_forms_are_replaced() {
        let secret = "it's \"a\"/pass?";
        for form in [
            secret.to_owned(),
            STANDARD.encode(secret),
            STANDARD.encode(secret).replace('=', ""),
            "it%27s%20%22a%22%2Fpass%3F".to_owned(),
            "it%27s%20%22a%22%2fpass%3f".to_owned(),
            "it'\\''s \"a\"/pass?".to_owned(),
            "it's \\\"a\\\"/pass?".to_owned(),
            "6974277320226122 2f706173733f".replace(' ', ""),
        ] {
            assert_eq!(redacted(secret, &format!("x={form}!")), "x=(secret db)!", "{form}");
        }
    }

    #[test]
    fn a_short_secret_is_replaced_where_it_is_a_word() {
        assert_eq!(
            redacted("no", "no node: no=no, nono"),
            "(secret db) node: (secret db)=(secret db), nono"
        );
        assert_eq!(redacted("é", "é été"), "(secret db) été");
        assert_eq!(redacted("", "abc"), "abc");
    }

    #[test]
    fn each_line_of_a_long_secret_is_replaced() {
        let key = "-----BEGIN KEY-----\nabcdefghijkl\nxy\n-----END KEY-----\n";
        assert_eq!(redacted(key, "read abcdefghijkl."), "read (secret db).");
        assert_eq!(redacted(key, &format!("[{key}]")), "[(secret db)]");
    }

    #[test]
    fn the_longer_of_two_secrets_wins_and_each_keeps_its_name() {
        let secrets = [Secret::new("a", "hunter"), Secret::new("b", "hunter22")];
        let redactor = Redactor::new(&secrets);
        assert_eq!(redactor.redact("hunter22 hunter2"), "(secret b) (secret a)2");
        assert!(!format!("{redactor:?}").contains("hunter"));
        assert!(matches!(redactor.redact("nothing"), Cow::Borrowed("nothing")));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]
        #[test]
        fn a_secret_inside_of_base64_is_found(
            before in "[a-z]{0,8}", secret in "[A-Za-z0-9!]{8,20}", after in "[a-z]{0,8}",
        ) {
            let text = STANDARD.encode(format!("{before}{secret}{after}"));
            let shown = redacted(&secret, &text);
            prop_assert!(shown.contains("(secret db)"), "{} in {}", secret, text);
        }

        #[test]
        fn no_secret_is_left(secret in "\\PC{4,12}", around in "\\PC{0,12}") {
            prop_assume!(!"(secret db)".contains(&secret) && !around.contains(&secret));
            let shown = redacted(&secret, &format!("{around}\n{secret}\n{around}"));
            prop_assert!(!shown.contains(&secret));
        }
    }
}
