//! Values as Python writes them, which Ansible's INI files hold: `1`, `'text'`, `[1, 2]`, `{'a': True}`. What is none of
//! these is a text.

use std::ops::Range;

use crate::base::document::{DocumentEntry, DocumentNode, Item, Table};

/// The value that a text is; itself, if it is no literal.
pub(super) fn value(text: &str, span: Range<usize>) -> DocumentNode {
    let mut reader = Literal { rest: text.trim_start_matches([' ', '\t']), depth: 0, span: &span };
    let read = reader.value().filter(|_| {
        reader.skip();
        reader.rest.is_empty() || reader.rest.starts_with('#')
    });
    let item = read.unwrap_or_else(|| Item::Text(text.to_owned()));
    DocumentNode { span, item }
}

struct Literal<'a> {
    rest: &'a str,
    depth: usize,
    /// All parts of a value stand where it stands.
    span: &'a Range<usize>,
}

/// How deep lists may lie in each other.
const DEEPEST: usize = 32;

impl Literal<'_> {
    fn value(&mut self) -> Option<Item> {
        self.skip();
        self.depth += 1;
        if self.depth > DEEPEST {
            return None;
        }
        let item = match self.rest.chars().next()? {
            '[' => self.list('[', ']'),
            '(' => self.list('(', ')'),
            '{' => self.table(),
            '"' | '\'' => self.texts(),
            _ => self.word(),
        };
        self.depth -= 1;
        item
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn take(&mut self, c: char) -> bool {
        self.skip();
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn list(&mut self, open: char, close: char) -> Option<Item> {
        self.take(open);
        let (mut nodes, mut commas) = (Vec::new(), 0);
        while !self.take(close) {
            nodes.push(self.node()?);
            if self.take(',') {
                commas += 1;
            } else if !self.take(close) {
                return None;
            } else {
                break;
            }
        }
        // One value in parentheses is itself.
        if open == '(' && commas == 0 && nodes.len() == 1 {
            return nodes.pop().map(|node| node.item);
        }
        Some(Item::List(nodes))
    }

    fn node(&mut self) -> Option<DocumentNode> {
        Some(DocumentNode { span: self.span.clone(), item: self.value()? })
    }

    fn table(&mut self) -> Option<Item> {
        self.take('{');
        let mut table = Table::new();
        while !self.take('}') {
            let key = match self.value()? {
                Item::Text(key) => key,
                Item::Int(key) => key.to_string(),
                Item::Bool(true) => "True".to_owned(),
                Item::Bool(false) => "False".to_owned(),
                _ => return None,
            };
            if !self.take(':') {
                return None;
            }
            table.insert(key, DocumentEntry { key: self.span.clone(), node: self.node()? });
            if !self.take(',') {
                return self.take('}').then_some(Item::Table(table));
            }
        }
        Some(Item::Table(table))
    }

    /// Texts side by side are one.
    fn texts(&mut self) -> Option<Item> {
        let mut text = String::new();
        loop {
            self.skip();
            let Some(quote @ ('"' | '\'')) = self.rest.chars().next() else { break };
            self.rest = &self.rest[1..];
            let mut characters = self.rest.chars();
            loop {
                match characters.next()? {
                    c if c == quote => break,
                    '\n' => return None,
                    '\\' => match characters.next()? {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        'r' => text.push('\r'),
                        '\n' => {}
                        c @ ('\\' | '\'' | '"') => text.push(c),
                        kind @ ('x' | 'u' | 'U') => {
                            let length = match kind {
                                'x' => 2,
                                'u' => 4,
                                _ => 8,
                            };
                            let digits: String = characters.by_ref().take(length).collect();
                            let valid = digits.len() == length;
                            let code = u32::from_str_radix(&digits, 16).ok().filter(|_| valid)?;
                            text.push(char::from_u32(code)?);
                        }
                        c @ '0'..='7' => text.push(char::from_u32(c.to_digit(8)?)?),
                        other => {
                            text.push('\\');
                            text.push(other);
                        }
                    },
                    c => text.push(c),
                }
            }
            self.rest = characters.as_str();
        }
        Some(Item::Text(text))
    }

    fn word(&mut self) -> Option<Item> {
        let ends = |c: char| c.is_whitespace() || matches!(c, ',' | ']' | '}' | ')' | ':' | '#');
        let end = self.rest.find(ends).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        let item = match word {
            "True" => Item::Bool(true),
            "False" => Item::Bool(false),
            "None" => Item::Null,
            number => numeral(number)?,
        };
        self.rest = rest;
        Some(item)
    }
}

/// A number as Python writes it.
fn numeral(text: &str) -> Option<Item> {
    let (sign, digits) = match text.strip_prefix(['-', '+']) {
        Some(digits) => (if text.starts_with('-') { -1 } else { 1 }, digits),
        None => (1, text),
    };
    if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        || digits.ends_with('_')
        || digits.contains("__")
    {
        return None;
    }
    let plain = digits.replace('_', "").to_lowercase();
    let radix = |prefix: &str, radix| {
        plain.strip_prefix(prefix).map(|digits| i64::from_str_radix(digits, radix).ok())
    };
    if let Some(number) = radix("0x", 16).or(radix("0o", 8)).or(radix("0b", 2)) {
        return number.map(|number| Item::Int(sign * number));
    }
    if plain.bytes().all(|byte| byte.is_ascii_digit()) {
        // `007` is no number of Python; `00` is.
        let good = !plain.starts_with('0') || plain.bytes().all(|byte| byte == b'0');
        return plain.parse::<i64>().ok().filter(|_| good).map(|number| Item::Int(sign * number));
    }
    let is_float =
        plain.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'-' | b'+'));
    let number = plain.parse::<f64>().ok().filter(|_| is_float)?;
    Some(Item::Float(f64::from(i32::try_from(sign).ok()?) * number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::value::Value;

    fn read(text: &str) -> Value {
        Value::from(&value(text, 0..text.len()))
    }

    #[test]
    fn a_value_is_what_python_makes_of_it() {
        let same = [
            "007", "yes", "true", "1.2.3", "[1", "a b", "", "1-2", "0x", "'open", "{'a'}", "1__0",
            "foo()",
        ];
        for text in same {
            assert_eq!(read(text), text.into(), "{text}");
        }
        assert_eq!(
            (read("1"), read("-0x1f"), read("1_000")),
            (Value::Int(1), Value::Int(-31), Value::Int(1000))
        );
        assert_eq!((read("1.10"), read("1e3")), (Value::Float(1.1), Value::Float(1000.0)));
        assert_eq!((read("True"), read("None")), (Value::Bool(true), Value::Null));
        assert_eq!((read("'1'"), read("\"a\\n\" 'b'")), ("1".into(), "a\nb".into()));
        assert_eq!((read("5 # a comment"), read("a # none")), (Value::Int(5), "a # none".into()));
        let list = Value::List(vec![Value::Int(1), "x".into(), Value::List(vec![])]);
        assert_eq!((read("[1, 'x', [],]"), read("(1, 'x', ())")), (list.clone(), list));
        assert_eq!(read("(1)"), Value::Int(1));
        let Value::Map(map) = read("{'a': {'b': 1}, 2: None}") else { panic!() };
        assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "2"]);
    }
}
