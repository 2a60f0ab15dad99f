//! Ansible's INI: `[group]` with a host on each line, `[group:vars]`, `[group:children]`.

use std::ops::Range;

use super::{super::KINDS, UNGROUPED, literal};
use crate::base::{
    diagnostic::{Diagnostic, Result, Source},
    document::{Document, DocumentEntry, DocumentNode, Item, Table},
};

/// Reads the text into the tree that Ansible's YAML is.
pub(super) fn document(source: &Source) -> Result<Document> {
    let mut ini = Ini { source, groups: Table::new(), declared: Vec::new() };
    ini.read()?;
    let root = DocumentNode { span: 0..source.text.len(), item: Item::Table(ini.groups) };
    Ok(Document::new(source, root, KINDS))
}

struct Ini<'a> {
    source: &'a Source,
    groups: Table,
    /// The groups that have a section of hosts, or are children.
    declared: Vec<String>,
}

/// What the lines of a section are.
#[derive(Clone, Copy, PartialEq)]
enum Section {
    Hosts,
    Vars,
    Children,
}

impl Ini<'_> {
    fn read(&mut self) -> Result<()> {
        let (mut group, mut section) = (UNGROUPED.to_owned(), Section::Hosts);
        let mut headers: Vec<(String, Range<usize>)> = Vec::new();
        let mut start = 0;
        let text = self.source.text.clone();
        for line in text.split_inclusive('\n') {
            let trimmed = line.trim();
            let at = start + line.find(trimmed).unwrap_or(0);
            let span = at..at + trimmed.len();
            start += line.len();
            if trimmed.is_empty() || trimmed.starts_with(['#', ';']) {
                continue;
            }
            if let Some(header) = header(trimmed) {
                (group, section) = header.map_err(|why| self.wrong(&why, &span))?;
                match section {
                    Section::Vars => headers.push((group.clone(), span.clone())),
                    Section::Hosts | Section::Children => self.declared.push(group.clone()),
                }
                if !self.groups.contains_key(&group) && section != Section::Vars {
                    let node = DocumentNode { span: span.clone(), item: Item::Table(Table::new()) };
                    self.groups.insert(group.clone(), DocumentEntry { key: span, node });
                }
                continue;
            }
            match section {
                Section::Hosts => self.host(&group, trimmed, at)?,
                Section::Vars => self.var(&group, trimmed, at)?,
                Section::Children => {
                    let name = trimmed.split(['#', ' ', '\t']).next().unwrap_or_default();
                    self.declared.push(name.to_owned());
                    let span = at..at + name.len();
                    self.part(&group, "children", name, DocumentNode { span, item: Item::Null });
                    // A child needs no section of its own.
                    let span = at..at + name.len();
                    let node = DocumentNode { span: span.clone(), item: Item::Null };
                    self.groups.entry(name.to_owned()).or_insert(DocumentEntry { key: span, node });
                }
            }
        }
        let known = |name: &str| {
            matches!(name, "all" | UNGROUPED) || self.declared.iter().any(|it| it == name)
        };
        match headers.iter().find(|(name, _)| !known(name)) {
            Some((name, span)) => Err(self
                .wrong(&format!("variables for the group `{name}`, which is not declared"), span)),
            None => Ok(()),
        }
    }

    /// A host and its variables, or several by a range.
    fn host(&mut self, group: &str, line: &str, at: usize) -> Result<()> {
        let words = words(line).map_err(|why| self.wrong(why, &(at..at + line.len())))?;
        let Some((name, rest)) = words.split_first() else { return Ok(()) };
        let mut vars = Table::new();
        for (word, span) in rest {
            let span = at + span.start..at + span.end;
            let Some((name, text)) = word.split_once('=') else {
                let why = format!("`{}` is not an assignment", word.escape_debug());
                return Err(self
                    .wrong(&why, &span)
                    .hint("write it as NAME=VALUE, without spaces around the ="));
            };
            let node = literal::value(text, span.clone());
            vars.insert(name.to_owned(), DocumentEntry { key: span, node });
        }
        let span = at + name.1.start..at + name.1.end;
        let node = DocumentNode { span: span.clone(), item: Item::Table(vars) };
        // The same host on a second line adds to it.
        self.add_host(group, &name.0, node);
        Ok(())
    }

    fn add_host(&mut self, group: &str, name: &str, node: DocumentNode) {
        let hosts = self.table(group, "hosts", &node.span);
        let entry = DocumentEntry { key: node.span.clone(), node };
        match hosts.get_mut(name) {
            Some(DocumentEntry { node: DocumentNode { item: Item::Table(known), .. }, .. }) => {
                if let Item::Table(more) = entry.node.item {
                    known.extend(more);
                }
            }
            _ => {
                hosts.insert(name.to_owned(), entry);
            }
        }
    }

    fn var(&mut self, group: &str, line: &str, at: usize) -> Result<()> {
        let Some((name, text)) = line.split_once('=') else {
            let why = format!("`{}` is not an assignment", line.escape_debug());
            return Err(self.wrong(&why, &(at..at + line.len())).hint("write it as NAME=VALUE"));
        };
        let text = text.trim();
        let start = at + line.len() - line.split_once('=').map_or(0, |(_, t)| t.trim_start().len());
        let node = literal::value(text, start..start + text.len());
        self.part(group, "vars", name.trim(), node);
        Ok(())
    }

    fn part(&mut self, group: &str, part: &str, name: &str, node: DocumentNode) {
        let entry = DocumentEntry { key: node.span.clone(), node };
        self.table(group, part, &entry.key.clone()).insert(name.to_owned(), entry);
    }

    /// The table of a group that is called `hosts`, `children` or `vars`.
    fn table(&mut self, group: &str, part: &str, span: &Range<usize>) -> &mut Table {
        let empty = || DocumentEntry {
            key: span.clone(),
            node: DocumentNode { span: span.clone(), item: Item::Table(Table::new()) },
        };
        let group = self.groups.entry(group.to_owned()).or_insert_with(empty);
        if group.node.item == Item::Null {
            group.node.item = Item::Table(Table::new());
        }
        let parts = table_of(&mut group.node.item);
        table_of(&mut parts.entry(part.to_owned()).or_insert_with(empty).node.item)
    }

    fn wrong(&self, why: &str, span: &Range<usize>) -> Diagnostic {
        Diagnostic::new(KINDS.syntax, why).at(self.source, span.clone())
    }
}

fn table_of(item: &mut Item) -> &mut Table {
    match item {
        Item::Table(table) => table,
        other => {
            *other = Item::Table(Table::new());
            table_of(other)
        }
    }
}

/// A line such as `[web:vars]`, with a comment behind it.
fn header(line: &str) -> Option<Result<(String, Section), String>> {
    let (inside, after) = line.strip_prefix('[')?.split_once(']')?;
    let after = after.trim();
    if !after.is_empty() && !after.starts_with(['#', ';']) {
        // A range at the beginning of a name.
        return None;
    }
    let (name, kind) = inside.rsplit_once(':').unwrap_or((inside, ""));
    let (name, section) = match kind.trim() {
        "vars" => (name, Section::Vars),
        "children" => (name, Section::Children),
        "hosts" | "" => (name, Section::Hosts),
        // It may be a range or an address of which nothing stands behind, or a group with a colon in its name.
        _ if inside.parse::<core::net::Ipv6Addr>().is_ok() => return None,
        other => {
            let why = format!("`{}` is not a type of section", other.escape_debug());
            return Some(Err(format!("{why}: write [GROUP], [GROUP:vars] or [GROUP:children]")));
        }
    };
    Some(Ok((name.trim().to_owned(), section)))
}

/// The words of a line of hosts as Python's shlex splits them, each with its bytes; a comment ends them.
pub(super) fn words(line: &str) -> Result<Vec<(String, Range<usize>)>, &'static str> {
    let (mut words, mut word, mut quote, mut start) = (Vec::new(), None::<String>, None, 0);
    let mut characters = line.char_indices().peekable();
    while let Some((at, c)) = characters.next() {
        if word.is_none() {
            start = at;
        }
        match (c, quote) {
            ('\\', None) => word.get_or_insert_default().extend(characters.next().map(|(_, c)| c)),
            ('\\', Some('"')) => {
                let next = characters.next_if(|(_, c)| matches!(c, '"' | '\\'));
                word.get_or_insert_default().push(next.map_or('\\', |(_, c)| c));
            }
            ('"' | '\'', None) => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (c, Some(open)) if c == open => quote = None,
            ('#', None) => {
                // In the middle of a word too, as shlex has it.
                words.extend(word.take().map(|word| (word, start..at)));
                return Ok(words);
            }
            (c, None) if c.is_whitespace() => {
                words.extend(word.take().map(|word| (word, start..at)));
            }
            (c, _) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("unclosed quote");
    }
    words.extend(word.map(|word| (word, start..line.len())));
    Ok(words)
}
