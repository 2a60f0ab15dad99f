//! The texts of the program: all that people can be shown, read from the code.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::LitStr;

use super::modules::Modules;

/// Calls and macros whose texts no user reads: scripts for hosts, and what a panic says.
const NOT_SHOWN: [&str; 6] = ["sh", "expect", "debug_assert", "unreachable", "regex", "trusted"];

/// Every text of a module, and every error code, in the order of the code.
#[derive(Default)]
struct Texts {
    codes: BTreeSet<String>,
    messages: Vec<String>,
}

impl Texts {
    fn of(code: &str) -> Self {
        let mut texts = Self::default();
        texts.read(code.parse().expect("tokens are tokens"));
        texts
    }

    fn read(&mut self, tokens: TokenStream) {
        let mut before: Option<TokenTree> = None;
        let mut hidden = false;
        for token in tokens {
            match &token {
                TokenTree::Group(group) => {
                    let is_attribute = group.delimiter() == Delimiter::Bracket
                        && matches!(&before, Some(TokenTree::Punct(it)) if it.as_char() == '#');
                    if !hidden && !is_attribute {
                        self.read(group.stream());
                    }
                    hidden = false;
                }
                TokenTree::Ident(ident) => hidden = NOT_SHOWN.contains(&ident.to_string().as_str()),
                TokenTree::Literal(literal) => {
                    if let Ok(text) = syn::parse_str::<LitStr>(&literal.to_string()) {
                        self.take(text.value());
                    }
                }
                TokenTree::Punct(punct) => hidden &= punct.as_char() == '!',
            }
            before = Some(token);
        }
    }

    fn take(&mut self, text: String) {
        if is_code(&text) {
            self.codes.insert(text);
        } else if text.trim().contains(' ') {
            self.messages.push(text);
        }
    }
}

/// Every error code but those of the list itself.
pub(crate) fn codes(modules: &Modules) -> BTreeSet<String> {
    let of_errors = |name: &[String]| name.last().is_some_and(|name| name == "error_code");
    let used = modules.all.iter().filter(|(name, _)| !of_errors(name));
    used.flat_map(|(_, module)| Texts::of(&module.code).codes).collect()
}

/// The page of all texts.
pub(crate) fn page(modules: &Modules) -> String {
    let line = |text: String| format!("- {}\n", text.trim().replace('\n', "⏎"));
    let section = |(name, code): (String, &str)| {
        let messages = Texts::of(code).messages;
        let lines: String = messages.into_iter().map(line).collect();
        (!lines.is_empty()).then(|| format!("\n## {name}\n\n{lines}"))
    };
    let all = modules.all.iter().map(|(name, module)| (name.join("::"), module.code.as_str()));
    HEAD.to_owned() + &all.filter_map(section).collect::<String>()
}

const HEAD: &str = "\
# Messages

Every text that converge can show, read from the code by a test, by the module that has it. `{..}` stands for a value. Error codes are
in [errors.md](errors.md).
";

/// `stage::what`.
fn is_code(text: &str) -> bool {
    let word = |word: &str| {
        !word.is_empty() && word.bytes().all(|it| it.is_ascii_lowercase() || it == b'-')
    };
    text.split_once("::").is_some_and(|(stage, what)| word(stage) && word(what))
}
