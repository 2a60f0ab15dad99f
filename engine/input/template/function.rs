//! Functions of templates.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use minijinja::{
    Environment, Error, ErrorKind, State,
    value::{Kwargs, Object, ObjectRepr, Rest, Value},
};

use super::{
    arguments::Arguments, container, dialect, filter, order::compare, python, word::Word, wrong,
};
use crate::input::template::parts;

pub(super) const FUNCTIONS: &[Word] = &[
    Word::engine(&["range"], "numbers from one to another"),
    Word::new(&["dict"], "a map of named arguments, or of pairs", |_, _, mut args| {
        let mut made =
            args.optional("mapping").map(|it| parts::pairs(&it)).transpose()?.unwrap_or_default();
        made.extend(args.rest_named().into_iter().map(|(name, value)| (Value::from(name), value)));
        args.end()?;
        Ok(container::map(made))
    }),
    Word::engine(&["namespace"], "an object whose attributes a loop can set"),
    Word::new(
        &["cycler"],
        "gives its arguments in turn: `.next()`, `.current`, `.reset()`",
        |_, _, mut args| {
            let items = args.rest();
            args.end()?;
            match items.is_empty() {
                true => Err(wrong("`cycler` needs arguments")),
                false => Ok(Value::from_object(Cycler { items, at: Mutex::new(0) })),
            }
        },
    ),
    Word::new(
        &["joiner"],
        "nothing the first time that it is called, then its separator",
        |_, _, mut args| {
            let separator = args.text_or("sep", ", ")?;
            args.end()?;
            Ok(Value::from_object(Joiner { separator, used: Mutex::new(false) }))
        },
    ),
    Word::new(&["undef"], "an undefined value with a message", |_, _, mut args| {
        let hint = args.maybe_text("hint");
        args.end()?;
        Err(Error::new(
            ErrorKind::UndefinedError,
            hint.unwrap_or_else(|| "this value must be given".to_owned()),
        ))
    }),
    Word::new(
        &["lookup"],
        "`lookup('vars', 'NAME', default='..')`: the value of a name; any other is refused, see the hint of each",
        |state, _, args| {
            let mut found = lookup(state, args)?;
            if found.len() == 1 { Ok(found.remove(0)) } else { Ok(container::list(found)) }
        },
    ),
    Word::new(&["query", "q"], "the same as a list", |state, _, args| {
        lookup(state, args).map(container::list)
    }),
    Word::new(&["now"], "refused: the current time differs in each run", |_, _, _| {
        Err(wrong("the current time differs in each run, so the file would never be converged"))
    }),
    Word::new(&["lipsum"], "refused: a random text differs in each run", |_, _, _| {
        Err(wrong("a random text differs in each run, so the file would never be converged"))
    }),
];

/// The values of names; of any other lookup of Ansible's, what stands in for it.
fn lookup(state: &State<'_, '_>, mut args: Arguments) -> Result<Vec<Value>, Error> {
    let name = args.text("name")?;
    if name.trim_start_matches("ansible.builtin.") == "vars" {
        let default = args.named("default");
        let names = args.rest();
        args.end()?;
        let value = |name: &Value| {
            let name = python::text(name);
            let found = state.lookup(&name).filter(|it| !it.is_undefined());
            found.or_else(|| default.clone()).ok_or_else(|| {
                Error::new(ErrorKind::UndefinedError, format!("`{name}` is undefined"))
            })
        };
        return names.iter().map(value).collect();
    }
    let instead = match name.trim_start_matches("ansible.builtin.") {
        "env" => "give the value to the role as a parameter, or with -e",
        "file" | "unvault" => "a file of the role is `source` or {% include %}",
        "template" => "another template is {% include %}",
        "password" | "hashi_vault" | "community.general.passwordstore" => {
            "a secret comes from secret(\"NAME\")"
        }
        "varnames" => "a variable has its name, or is in host.vars",
        "items" | "list" | "dict" | "sequence" | "flattened" | "together" => {
            "loop over lists and maps directly"
        }
        "first_found" => "give the name to the role as a parameter",
        "pipe" | "lines" | "url" | "dig" => "ask the host in the role, with probe(\"..\")",
        _ => "give the value to the role as a parameter",
    };
    Err(wrong(format!("a template cannot look up `{name}` on this machine: {instead}")))
}

/// What only a translated template calls, and names that are no functions.
pub(super) fn furnish(environment: &mut Environment<'static>) {
    environment.remove_global("debug");
    environment.add_global("omit", Value::from(()));
    environment.add_function(
        dialect::DIG,
        |base: Value, steps: Rest<Value>| -> Result<Value, Error> {
            steps.iter().try_fold(base, |value, step| {
                match value.is_undefined() || value.is_none() {
                    true => Ok(Value::UNDEFINED),
                    false => Ok(value.get_item(step).unwrap_or_default()),
                }
            })
        },
    );
    environment.add_function(dialect::PRINTF, |pattern: Value, filling: Value| {
        filter::printf::fill(&python::text(&pattern), &filling).map(Value::from)
    });
    environment.add_function(
        dialect::COMPARE,
        |one: Value, operator: &str, other: Value| -> Result<Value, Error> {
            // Whoever asks whether it is true is told what is undefined.
            if let Some(missing) = [&one, &other].into_iter().find(|it| it.is_undefined()) {
                return Ok(missing.clone());
            }
            let order = compare(&one, &other)?;
            Ok(Value::from(match operator {
                "<" => order.is_lt(),
                "<=" => order.is_le(),
                ">" => order.is_gt(),
                _ => order.is_ge(),
            }))
        },
    );
    environment
        .add_function(dialect::LIST, |value: Value| parts::items(&value).map(container::list));
    // Only of a text the engine does not know how long it is.
    environment.add_function(dialect::EACH, |value: Value| match value.as_str() {
        Some(text) => Value::from_iter(text.chars().map(String::from).map(Value::from)),
        None => value,
    });
    environment.add_function(dialect::OPEN, |inner: Value| Value::from_object(Open { inner }));
    environment.add_function(dialect::MAP, |value: Value| parts::pairs(&value).map(container::map));
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A macro that takes any arguments: those that it has no parameters for are in `varargs` and `kwargs`.
#[derive(Debug)]
struct Open {
    inner: Value,
}

impl Object for Open {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        self.inner.get_item(key).ok().filter(|it| !it.is_undefined())
    }

    fn call(self: &Arc<Self>, state: &mut State<'_, '_>, args: &[Value]) -> Result<Value, Error> {
        let parameters = parts::items(&self.inner.get_attr("arguments")?)?;
        let is_own =
            |name: &str| name == "caller" || parameters.iter().any(|it| it.as_str() == Some(name));
        let mut given = Arguments::new("macro", args)?;
        let (own, any): (Vec<_>, Vec<_>) =
            given.rest_named().into_iter().partition(|(name, _)| is_own(name));
        let mut placed = given.rest();
        let count = parameters.len() - dialect::ANY.len();
        let more = placed.split_off(count.min(placed.len()));
        let any = any.into_iter().map(|(name, value)| (Value::from(name), value));
        let [varargs, kwargs] = dialect::ANY.map(str::to_owned);
        let filled = [(varargs, container::tuple(more)), (kwargs, container::map(any.collect()))];
        placed.push(own.into_iter().chain(filled).collect::<Kwargs>().into());
        self.inner.call(state, &placed)
    }
}

#[derive(Debug)]
struct Cycler {
    items: Vec<Value>,
    at: Mutex<usize>,
}

impl Object for Cycler {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn get_value(self: &Arc<Self>, key: &Value) -> Option<Value> {
        (key.as_str() == Some("current")).then(|| self.items[*lock(&self.at)].clone())
    }

    fn call_method(
        self: &Arc<Self>,
        _: &mut State<'_, '_>,
        method: &str,
        _: &[Value],
    ) -> Result<Value, Error> {
        let mut at = lock(&self.at);
        match method {
            "next" => {
                let item = self.items[*at].clone();
                *at = (*at + 1) % self.items.len();
                Ok(item)
            }
            "reset" => {
                *at = 0;
                Ok(Value::from(()))
            }
            _ => Err(Error::from(ErrorKind::UnknownMethod)),
        }
    }
}

#[derive(Debug)]
struct Joiner {
    separator: String,
    used: Mutex<bool>,
}

impl Object for Joiner {
    fn repr(self: &Arc<Self>) -> ObjectRepr {
        ObjectRepr::Plain
    }

    fn call(self: &Arc<Self>, _: &mut State<'_, '_>, _: &[Value]) -> Result<Value, Error> {
        let mut used = lock(&self.used);
        let was = std::mem::replace(&mut *used, true);
        Ok(Value::from(if was { self.separator.as_str() } else { "" }))
    }
}
