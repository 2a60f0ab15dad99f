//! Paths as texts. Nothing is looked up on this machine.

use minijinja::{
    Error, State,
    value::{Value, ValueKind},
};

use super::{
    super::{arguments::Arguments, container::list, parts::items, python::text, word::Word, wrong},
    value::plain,
};

pub(super) const FILTERS: &[Word] = &[
    Word::new(&["basename"], "the part behind the last `/`", |_, value, args| {
        plain(value, args, |path| split(path).1.to_owned())
    }),
    Word::new(&["dirname"], "the part before the last `/`", |_, value, args| {
        plain(value, args, |path| split(path).0.to_owned())
    }),
    Word::new(&["splitext"], "the path, and the ending of its name", |_, value, args| {
        args.end()?;
        let path = text(value);
        let name = path.rfind('/').map_or(0, |it| it + 1);
        let dots = path[name..].len() - path[name..].trim_start_matches('.').len();
        let dot = path[name + dots..].rfind('.').map_or(path.len(), |it| it + name + dots);
        Ok(Value::from(minijinja::value::Tuple::from(vec![
            Value::from(&path[..dot]),
            Value::from(&path[dot..]),
        ])))
    }),
    Word::new(&["normpath"], "without `.`, `..` and double slashes", |_, value, args| {
        plain(value, args, normal)
    }),
    Word::new(&["path_join"], "the parts of a list as one path", |_, value, args| {
        args.end()?;
        let parts = match value.kind() {
            ValueKind::String => vec![value.clone()],
            _ => items(value)?,
        };
        let join = |joined: String, part: &Value| {
            let part = text(part);
            if part.starts_with('/') || joined.is_empty() {
                part.into_owned()
            } else if joined.ends_with('/') {
                joined + &part
            } else {
                joined + "/" + &part
            }
        };
        Ok(Value::from(parts.iter().fold(String::new(), join)))
    }),
    Word::new(&["relpath"], "the way to it from another path; both absolute", relative),
    Word::new(&["commonpath"], "the path that those of a list have in common", common),
    Word::new(
        &["expanduser"],
        "unchanged; refused where it begins with `~`, which would be a home on the controller",
        |_, value, args| unexpanded(value, args, text(value).starts_with('~')),
    ),
    Word::new(
        &["expandvars"],
        "unchanged; refused where it has a `$`, which would be a variable of the controller",
        |_, value, args| unexpanded(value, args, text(value).contains('$')),
    ),
    Word::new(&["realpath"], "refused: it would read from the controller", |_, value, args| {
        unexpanded(value, args, true)
    }),
    Word::new(&["win_basename"], "the part behind the last backslash", |_, value, args| {
        plain(value, args, |path| path[path.rfind(['\\', '/']).map_or(0, |it| it + 1)..].to_owned())
    }),
    Word::new(&["win_dirname"], "the part before the last backslash", |_, value, args| {
        plain(value, args, |path| path[..path.rfind(['\\', '/']).unwrap_or(0)].to_owned())
    }),
    Word::new(&["win_splitdrive"], "the drive, and the rest", |_, value, args| {
        args.end()?;
        let path = text(value);
        let drive = if path.as_bytes().get(1) == Some(&b':') { 2 } else { 0 };
        Ok(list(vec![Value::from(&path[..drive]), Value::from(&path[drive..])]))
    }),
];

fn unexpanded(value: &Value, args: Arguments, asks: bool) -> Result<Value, Error> {
    args.end()?;
    match asks {
        true => Err(wrong(
            "this would read from the controller, not from the host: write the path, or use a fact",
        )),
        false => Ok(value.clone()),
    }
}

/// A path's folder and the name in it, cut at the last `/`.
fn split(path: &str) -> (&str, &str) {
    let Some(at) = path.rfind('/') else { return ("", path) };
    let folder = path[..at].trim_end_matches('/');
    (if folder.is_empty() { &path[..=at] } else { folder }, &path[at + 1..])
}

fn normal(path: &str) -> String {
    if path.is_empty() {
        return ".".to_owned();
    }
    // Exactly two slashes at the beginning have a meaning of their own.
    let root = match path.len() - path.trim_start_matches('/').len() {
        0 => "",
        2 => "//",
        _ => "/",
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if !root.is_empty() && parts.is_empty() => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    let made = format!("{root}{}", parts.join("/"));
    if made.is_empty() { ".".to_owned() } else { made }
}

fn relative(_: &mut State<'_, '_>, value: &Value, mut args: Arguments) -> Result<Value, Error> {
    let start = normal(&args.text("start")?);
    args.end()?;
    let path = normal(&text(value));
    if !path.starts_with('/') || !start.starts_with('/') {
        return Err(wrong("`relpath` needs two absolute paths"));
    }
    let parts = |path: &str| {
        path.split('/').filter(|it| !it.is_empty()).map(str::to_owned).collect::<Vec<_>>()
    };
    let (path, start) = (parts(&path), parts(&start));
    let same = path.iter().zip(&start).take_while(|(one, other)| one == other).count();
    let up = start[same..].iter().map(|_| "..".to_owned());
    let way: Vec<String> = up.chain(path[same..].iter().cloned()).collect();
    Ok(Value::from(if way.is_empty() { ".".to_owned() } else { way.join("/") }))
}

fn common(_: &mut State<'_, '_>, value: &Value, args: Arguments) -> Result<Value, Error> {
    args.end()?;
    if value.kind() == ValueKind::String {
        return Err(wrong("`commonpath` takes a list of paths"));
    }
    let paths: Vec<String> = items(value)?.iter().map(|path| text(path).into_owned()).collect();
    let absolute = paths.iter().filter(|path| path.starts_with('/')).count();
    if paths.is_empty() || (absolute != 0 && absolute != paths.len()) {
        return Err(wrong("`commonpath` takes paths that are all absolute, or all not"));
    }
    let parts = |path: &str| -> Vec<String> {
        path.split('/').filter(|it| !it.is_empty() && *it != ".").map(str::to_owned).collect()
    };
    let mut same = parts(&paths[0]);
    for path in &paths[1..] {
        let count = same.iter().zip(parts(path)).take_while(|(one, other)| **one == *other).count();
        same.truncate(count);
    }
    let root = if absolute > 0 { "/" } else { "" };
    Ok(Value::from(format!("{root}{}", same.join("/"))))
}
