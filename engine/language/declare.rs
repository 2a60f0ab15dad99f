//! Every kind as a function that roles call, and the handles that the calls give.

use indexmap::IndexMap;
use rhai::{Array, Dynamic, Engine, EvalAltResult, Map, NativeCallContext};

use super::{
    convert::{kind_of, to_value},
    error::raise,
    files::RoleFiles,
    hosts::no_host,
    state::State,
};
use crate::{
    catalog::{Declared, NodeId},
    diagnostic::{Diagnostic, Place, did_you_mean},
    resource::{ArgumentError, Kind, Reaction},
    resources::KINDS,
    value::Value,
};

/// What a declaration gives: a resource that others can come after, or react to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Handle(pub(super) NodeId);

type Outcome<T> = Result<T, Box<EvalAltResult>>;

pub(super) fn register(engine: &mut Engine, state: &State) {
    for kind in KINDS.iter().copied() {
        let call = Call { kind, state: state.clone() };
        register_kind(engine, kind.name(), call.clone());
        if kind.name() == "package" {
            register_kind(engine, "pkg", call);
        }
    }
    engine.register_type_with_name::<Handle>("Resource");
    engine.register_fn("to_string", |_: &mut Handle| "(a resource)".to_owned());
    engine.register_fn("to_debug", |_: &mut Handle| "(a resource)".to_owned());
    for (name, comes_after) in [("after", true), ("before", false)] {
        let state = state.clone();
        let order = move |context: NativeCallContext, handle: Handle, others: Dynamic| {
            order(&state, &context, handle, &others, comes_after)
        };
        engine.register_fn(name, order);
    }
}

fn register_kind(engine: &mut Engine, name: &str, call: Call) {
    let its = call.clone();
    engine.register_fn(name, move |context: NativeCallContext, first: Dynamic| {
        its.each(&context, &first, &Map::new())
    });
    let its = call.clone();
    engine.register_fn(name, move |context: NativeCallContext, first: Dynamic, rest: Map| {
        its.each(&context, &first, &rest)
    });
    // custom(kind, key, #{ .. }): a kind that is written in the role.
    engine.register_fn(
        name,
        move |context: NativeCallContext, first: &str, key: &str, mut rest: Map| {
            rest.insert("key".into(), key.into());
            call.declare(&context, first.into(), &rest)
        },
    );
}

/// `handle.after(others)` and `handle.before(others)`.
fn order(
    state: &State,
    context: &NativeCallContext,
    handle: Handle,
    others: &Dynamic,
    comes_after: bool,
) -> Outcome<Handle> {
    let name = if comes_after { "after" } else { "before" };
    let others = handles(others).map_err(|got| raise(state, context, not_resources(name, got)))?;
    let catalog = &mut state.gathered().catalog;
    for other in others {
        if comes_after { catalog.order(handle.0, other) } else { catalog.order(other, handle.0) }
    }
    Ok(handle)
}

/// The resources in a value that a script gave: one, or a list of lists.
///
/// # Errors
/// The value that is no resource.
fn handles(value: &Dynamic) -> Result<Vec<NodeId>, &'static str> {
    if let Some(handle) = value.read_lock::<Handle>() {
        return Ok(vec![handle.0]);
    }
    let Some(items) = value.read_lock::<Array>() else { return Err(kind_of(value)) };
    let mut all = Vec::new();
    for item in items.iter() {
        all.extend(handles(item)?);
    }
    Ok(all)
}

fn not_resources(name: &str, got: &str) -> Diagnostic {
    let message = format!("{name} takes resources, not {got}");
    Diagnostic::new("language::not-a-resource", message)
        .hint("keep what a declaration gives: let site = file(..); then name `site` here")
}

/// A kind's function.
#[derive(Clone)]
struct Call {
    kind: &'static dyn Kind,
    state: State,
}

impl Call {
    /// Declares one resource, or one for each name of a list.
    fn each(&self, context: &NativeCallContext, first: &Dynamic, rest: &Map) -> Outcome<Dynamic> {
        let Some(names) = first.read_lock::<Array>() else {
            return self.declare(context, first.clone(), rest).map(Dynamic::from);
        };
        let declare = |name: &Dynamic| self.declare(context, name.clone(), rest).map(Dynamic::from);
        names.iter().map(declare).collect::<Outcome<Array>>().map(Dynamic::from)
    }

    fn declare(&self, context: &NativeCallContext, first: Dynamic, rest: &Map) -> Outcome<Handle> {
        let file = context.call_source().unwrap_or_default();
        let place = self.state.place(file, context.call_position());
        self.try_declare(first, rest, &place).map_err(|error| raise(&self.state, context, *error))
    }

    fn try_declare(
        &self,
        first: Dynamic,
        rest: &Map,
        place: &Place,
    ) -> Result<Handle, Box<Diagnostic>> {
        let scene = self.state.gathered().context.clone();
        let Some(host) = scene.host.clone() else {
            return Err(Box::new(no_host(self.kind.name())));
        };
        let (arguments, reactions) =
            self.arguments(first, rest).map_err(|error| self.mistake(error, place))?;
        let files = RoleFiles::new(&self.state, &place.file, &scene);
        let resource =
            self.kind.declare(arguments, &files).map_err(|error| self.mistake(error, place))?;
        let declared = Declared { place: place.clone(), chain: scene.frames.clone() };
        let mut gathered = self.state.gathered();
        let catalog = &mut gathered.catalog;
        match catalog.declare(&host.name, self.kind, resource, declared, scene.block) {
            Ok(node) => {
                for (cause, reaction) in reactions {
                    catalog.react(node, cause, reaction);
                }
                Ok(Handle(node))
            }
            Err(conflict) => {
                let first = catalog.node(conflict.first);
                let (name, place) = (first.name.node.clone(), first.declared.place.clone());
                drop(gathered);
                Err(Box::new(self.conflict(&name, &place)))
            }
        }
    }

    /// Takes the reactions out of a call's arguments; the rest is the kind's own.
    fn arguments(
        &self,
        first: Dynamic,
        rest: &Map,
    ) -> Result<(Value, Vec<(NodeId, Reaction)>), ArgumentError> {
        let mut arguments = IndexMap::new();
        let mut reactions = Vec::new();
        let name = self.kind.first();
        arguments.insert(
            name.to_owned(),
            to_value(&first).map_err(|message| ArgumentError::new(name, message))?,
        );
        for (name, value) in rest {
            let reaction = self.kind.reacts().iter().find(|it| it.argument() == name.as_str());
            if let Some(&reaction) = reaction {
                let causes = handles(value).map_err(|got| {
                    ArgumentError::new(
                        name.to_string(),
                        format!("{name} takes resources, not {got}"),
                    )
                    .hint(
                        "keep what a declaration gives: let site = file(..); then name `site` here",
                    )
                })?;
                reactions.extend(causes.into_iter().map(|cause| (cause, reaction)));
            } else {
                self.check_name(name)?;
                arguments.insert(name.to_string(), {
                    let wrong = |message| ArgumentError::new(name.to_string(), message);
                    to_value(value).map_err(wrong)?
                });
            }
        }
        Ok((Value::Map(arguments), reactions))
    }

    fn check_name(&self, name: &str) -> Result<(), ArgumentError> {
        let known = argument_names(self.kind);
        if known.iter().any(|known| known == name) {
            return Ok(());
        }
        let message = format!("{}() has no argument `{name}`", self.kind.name());
        let error = ArgumentError::new(name.to_owned(), message);
        let hint = did_you_mean(name, known.iter().map(String::as_str));
        Err(error.hint(hint.unwrap_or_else(|| format!("it takes {}", known.join(", ")))))
    }

    /// A mistake in an argument, at the argument's own place where the call has a literal map.
    fn mistake(&self, error: ArgumentError, call: &Place) -> Box<Diagnostic> {
        if let Some(inside) = error.inside {
            let call_here = Diagnostic::new("", format!("for this {}", self.kind.name()));
            let related = self.state.locate(call_here, call);
            return Box::new(inside.related(related));
        }
        let key = error.argument.split(['.', '[']).next().unwrap_or_default();
        let place = self.key_place(key, call);
        let message = match (error.message.strip_prefix("invalid type: "), key) {
            (Some(types), key) if !key.is_empty() => {
                format!("`{key}` is an {types}").replacen("an string", "a string", 1)
            }
            _ => error.message.clone(),
        };
        let message = message
            .replace(" is an integer `", " is the integer `")
            .replace(", expected ", ", not ");
        let mut diagnostic = Diagnostic::new("language::argument", message);
        if let Some(hint) = error.hint {
            diagnostic = diagnostic.hint(hint);
        } else if key == "mode" {
            diagnostic = diagnostic.hint("a mode is a string, such as \"0644\"");
        }
        Box::new(self.state.locate(diagnostic, &place))
    }

    fn key_place(&self, key: &str, call: &Place) -> Place {
        let gathered = self.state.gathered();
        let keys = gathered.keys.get(&(call.file.clone(), call.line, call.column));
        let position = keys.into_iter().flatten().find(|(name, _)| name == key);
        position
            .map_or_else(|| call.clone(), |(_, position)| self.state.place(&call.file, *position))
    }

    fn conflict(&self, first: &str, place: &Place) -> Diagnostic {
        let earlier = Diagnostic::new("", format!("{first} was declared here"));
        Diagnostic::new("catalog::conflict", format!("{first} is declared twice, differently"))
            .hint("one of the two must go, or both must say the same")
            .related(self.state.locate(earlier, place))
    }
}

/// What a kind's function takes, in the order of the manual.
pub(super) fn argument_names(kind: &dyn Kind) -> Vec<String> {
    let schema = kind.schema();
    let properties = schema.get("properties").and_then(|it| it.as_object());
    let own = properties.into_iter().flat_map(|it| it.keys().cloned());
    own.chain(kind.reacts().iter().map(|it| it.argument().to_owned())).collect()
}
