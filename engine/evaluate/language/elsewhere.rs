//! What people bring from other languages, and what to write for it here.

use rhai::ParseErrorType;

/// What other languages call what Rhai can do.
const FUNCTIONS: [(&[&str], &str); 18] = [
    (&["upper", "toUpperCase", "uppercase"], "text.to_upper()"),
    (&["lower", "toLowerCase", "lowercase", "downcase"], "text.to_lower()"),
    (&["strip", "lstrip", "rstrip"], "text.trim() removes white space in place"),
    (&["startswith", "startsWith"], "text.starts_with(\"..\")"),
    (&["endswith", "endsWith"], "text.ends_with(\"..\")"),
    (
        &["includes", "has_key", "hasOwnProperty", "has", "contains_key"],
        "contains(..), or `value in list`",
    ),
    (&["length", "size", "count"], "len()"),
    (&["add", "push_back"], "list.push(value)"),
    (&["int", "parseInt", "to_i", "Number"], "parse_int(text)"),
    (&["float", "parseFloat", "to_f"], "parse_float(text)"),
    (&["str", "String", "repr", "to_s"], "value.to_string(), or `${value}` in backticks"),
    (&["println", "echo", "puts", "log", "printf"], "print(\"..\")"),
    (&["format", "sprintf"], "a text in backticks: `port ${port}`"),
    (&["items", "entries"], "for key in map.keys() { .. map[key] .. }"),
    (&["forEach", "each"], "for item in list { .. }"),
    (&["substr", "substring", "slice"], "text.sub_string(start, length)"),
    (&["isinstance", "typeof", "type"], "type_of(value)"),
    (&["semver", "version_compare", "version_at_least"], "version(\"12.1\") >= \"11\""),
];

/// What to call for a function that other languages have.
pub(super) fn function(name: &str) -> Option<&'static str> {
    FUNCTIONS.iter().find(|(names, _)| names.contains(&name)).map(|(_, instead)| *instead)
}

/// What to write for a word that other languages have.
pub(super) fn word(word: &str) -> Option<String> {
    let hint = match word {
        "null" | "nil" | "None" | "undefined" | "NULL" => "write `()` for no value",
        "True" | "TRUE" | "yes" | "on_" => "write true",
        "False" | "FALSE" | "no" | "off" => "write false",
        "and" => "write `&&`",
        "or" => "write `||`",
        "not" => "write `!`",
        "elif" | "elsif" | "elseif" => "write `else if`",
        "def" | "func" | "function" | "sub" => "a function is written as `fn name(a, b) { .. }`",
        "lambda" | "=>" | "->" => "a function without a name is written as `|a, b| a + b`",
        "var" | "local" => "a variable is declared by `let name = value;`",
        "===" | "is" => "write `==`",
        "!==" => "write `!=`",
        ":=" => "write `let name = value;`",
        "then" | "end" | "endif" | "fi" | "do" | "done" | "begin" => {
            "put blocks in braces: `if condition { .. }`"
        }
        "foreach" => "a loop is written as `for item in list { .. }`",
        "unless" => "write `if !condition { .. }`",
        "self" => "a block is given its host by name: |host| { .. }",
        "f" | "r" => "put a string with values in it in backticks: `port ${port}`",
        "++" => "write `n += 1`",
        "--" => "write `n -= 1`",
        "'" => "put strings in double quotes",
        _ => return None,
    };
    Some(hint.to_owned())
}

/// What is found on a line that cannot be read, by the text from its error on and before it.
pub(super) fn line(error: &ParseErrorType, text: &str) -> Option<String> {
    if matches!(error, ParseErrorType::BadInput(rhai::LexError::MalformedChar(_))) {
        return word("'");
    }
    if text.contains("\\`") {
        return Some(
            "a backtick in a text in backticks is written twice; a backslash means nothing there"
                .to_owned(),
        );
    }
    let symbols = ["===", "!==", ") =>", ":=", "++", "--"];
    let symbol = symbols.into_iter().find(|symbol| text.contains(symbol));
    let block = || text.trim_end().ends_with(':') || text.contains("]:") || text.contains("):");
    symbol
        .and_then(|symbol| word(symbol.trim_start_matches([')', ' '])))
        .or_else(|| block().then(|| word("then")).flatten())
}
