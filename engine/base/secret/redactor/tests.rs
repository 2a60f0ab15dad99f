//! What is taken out of texts, and what stays.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
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

const TOKEN: &str = "tok_8Enfu6Pvf/3xQ+Lr9Zk0\"Wb'7 yHs%2Dc$MJ4gTaNqE1oU5iVdXpRm&BzGhKl=end";

/// How a secret is written out, each way as a program of that name does it.
fn written(secret: &str) -> Vec<(&'static str, String)> {
    let bytes = secret.as_bytes();
    let hex: Vec<String> = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let swapped = |bytes: &[u8]| -> String {
        let word = |pair: &[u8]| match pair {
            [one, two] => format!("{two:02x}{one:02x} "),
            _ => format!("00{:02x} ", pair[0]),
        };
        bytes.chunks(2).map(word).collect()
    };
    let percent = |byte: &u8| match byte.is_ascii_alphanumeric() {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02x}"),
    };
    let utf16 = |c: char| c.to_string() + "\0";
    let json = serde_json::Value::from(secret).to_string();
    // The characters at both ends are of the neighbours too.
    let behind = |before: &str, encoded: String| {
        let bits = |bytes: usize| bytes * 8;
        encoded[bits(before.len()).div_ceil(6)..bits(before.len() + bytes.len()) / 6].to_owned()
    };
    vec![
        ("cat", secret.to_owned()),
        ("base64", STANDARD.encode(secret)),
        ("base64 behind one", behind("x", STANDARD.encode(format!("x{secret}y")))),
        ("base64 behind two", behind("xy", STANDARD.encode(format!("xy{secret}z")))),
        ("base64url", behind("x", URL_SAFE.encode(format!("x{secret}y")))),
        ("xxd -p", hex.concat()),
        ("xxd -p -u", hex.concat().to_uppercase()),
        ("openssl, as of fingerprints", hex.join(":")),
        ("od -tx1", hex.join(" ")),
        ("hexdump", swapped(bytes)),
        // The first word is of the neighbour too.
        ("hexdump behind one", swapped(&[b"x", bytes].concat())[5..].to_owned()),
        ("xxd", hex.chunks(2).map(|pair| pair.concat() + " ").collect()),
        ("an array of C", hex.iter().map(|byte| format!("0x{byte}, ")).collect()),
        ("printf", hex.iter().map(|byte| format!("\\x{byte}")).collect()),
        ("a URL", bytes.iter().map(percent).collect()),
        ("JSON", json[1..json.len() - 1].to_owned()),
        ("sh", secret.replace('\'', "'\\''")),
        ("Python's shlex", secret.replace('\'', "'\"'\"'")),
        ("UTF-16", secret.chars().map(utf16).collect()),
    ]
}

/// What is put into a line by the program that wraps it, or not.
fn wrapped(text: &str, width: usize, end: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    let lines: Vec<String> = characters.chunks(width).map(|line| line.iter().collect()).collect();
    lines.join(end)
}

/// A run of 16 bytes that is in both; of dumps 16 digits, and of escapes 16 bytes of what they mean.
fn left(name: &str, shown: &str, form: &str) -> Option<String> {
    let bare = |text: &str| match name {
        "a URL" => unescaped(text, "%"),
        "printf" => unescaped(text, "\\x"),
        "Python's shlex" => text.replace("'\"'\"'", "'"),
        "UTF-16" => text.replace('\0', ""),
        "cat" | "JSON" | "sh" => text.to_owned(),
        name if name.starts_with("base64") => text.to_owned(),
        _ => text.to_lowercase().replace("0x", "").replace([' ', ':', ','], ""),
    };
    let (shown, form) = (bare(shown), bare(form));
    let pieces: std::collections::HashSet<&[u8]> = form.as_bytes().windows(PIECE).collect();
    let left = shown.as_bytes().windows(PIECE).find(|piece| pieces.contains(piece))?;
    Some(String::from_utf8_lossy(left).into_owned())
}

/// What escapes mean. Half of one, where the text was cut, is nothing of a secret.
fn unescaped(text: &str, mark: &str) -> String {
    let half = |text: &str| text.replace(&mark[..1], "\0");
    let mut parts = text.split(mark);
    let mut bytes = half(parts.next().unwrap_or_default()).into_bytes();
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(half(&part[2..]).as_bytes());
            }
            None => {
                bytes.push(0);
                bytes.extend_from_slice(half(part).as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn no_piece_of_a_long_secret_is_left_in_any_form() {
    for (name, form) in written(TOKEN) {
        let shown = redacted(TOKEN, &format!("before {form} after"));
        assert_eq!(left(name, &shown, &form), None, "{name}: {shown}");
        assert!(shown.starts_with("before ") && shown.ends_with(" after"), "{name}: {shown}");
        for end in ["\n", "\r\n", "\\n"] {
            for width in [10, 64, 76] {
                let shown = redacted(TOKEN, &wrapped(&form, width, end));
                assert!(width < 64 || shown.contains("(secret db)"), "{name} at {width}: {shown}");
                assert_eq!(left(name, &shown, &form), None, "{name} at {width}: {shown}");
            }
        }
    }
}

#[test]
fn an_encoding_that_is_wrapped_goes_as_a_whole() {
    for width in [10, 64, 76] {
        let text = wrapped(&STANDARD.encode(TOKEN), width, "\n");
        assert_eq!(redacted(TOKEN, &text), "(secret db)", "{width}");
    }
}

/// Without its spaces a piece is shorter than one.
#[test]
fn a_piece_with_spaces_is_found_in_utf_16_too() {
    let wide: String = "three are in two".chars().flat_map(|c| [c, '\0']).collect();
    assert_eq!(redacted("all three are in two words", &format!("[{wide}]")), "[(secret db)\0]");
}

#[test]
fn what_is_left_of_a_short_secret_where_a_text_was_cut_is_replaced() {
    assert_eq!(redacted("hunter22", "it is hunte…"), "it is (secret db)…");
    assert_eq!(redacted("hunter22", "…nter22 it is"), "…(secret db) it is");
    assert_eq!(redacted("hunter22", "it is hun…"), "it is hun…");
}

#[test]
fn a_rule_of_one_character_is_no_piece() {
    let rule = "-".repeat(20);
    assert_eq!(redacted(&format!("a\n{rule}\nb"), &format!("{rule}-")), format!("{rule}-"));
    assert_eq!(redacted(&rule, &format!("a{rule}b")), "a(secret db)b");
}

#[test]
fn a_large_secret_takes_memory_in_proportion() {
    let secret: String = (0..64 * 1024_u32)
        .map(|n| char::from(b'a' + u8::try_from(n.wrapping_mul(n ^ 0x9e37) % 26).unwrap()))
        .collect();
    let redactor = Redactor::new(&[Secret::new("db", secret.as_str())]);
    assert!(redactor.pieces.len() < 20 * secret.len(), "{}", redactor.pieces.len());
    assert_eq!(redactor.redact(&secret[1000..60_000]), "(secret db)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_cut_and_no_wrap_leaves_a_piece(
        secret in "[ -~]{16,90}|\\PC{16,40}", cuts in any::<[prop::sample::Index; 2]>(), width in 1_usize..100,
    ) {
        prop_assume!(left("cat", "(secret db)", &secret).is_none() && !is_one_character(&secret));
        // Half a character reads as this one: what is left of another may look like it.
        prop_assume!(!secret.contains(char::REPLACEMENT_CHARACTER));
        let redactor = Redactor::new(&[Secret::new("db", secret.as_str())]);
        for (name, form) in written(&secret) {
            let characters: Vec<char> = form.chars().collect();
            let [one, two] = cuts.map(|cut| cut.index(characters.len() + 1));
            let cut: String = characters[one.min(two)..one.max(two)].iter().collect();
            let text = format!("|{cut}|");
            let shown = redactor.redact(&text);
            prop_assert_eq!(left(name, &shown, &form), None, "{} of {:?}: {}", name, secret, shown);
            // Line by line, as output comes.
            for line in wrapped(&cut, width, "\n").lines() {
                let shown = redactor.redact(line);
                prop_assert_eq!(left(name, &shown, &form), None, "{} of {:?}: {}", name, secret, shown);
            }
        }
    }
}

fn is_one_character(text: &str) -> bool {
    text.chars().all(|c| text.starts_with(c))
}
