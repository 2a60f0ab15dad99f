//! Every kind as a function that roles call, and the handles that the calls give.

use std::sync::Arc;

use indexmap::IndexMap;
use rhai::{Array, Dynamic, Engine, FuncRegistration, Map, NativeCallContext};

use super::{
    convert::{kind_of, to_value},
    error::{ScriptResult, raise},
    files::RoleFiles,
    handle::{Handle, Handles},
    host_ref::Templated,
    known::no_host,
    scene::Scene,
    state::{Evaluating, Gathered},
    written::{Argument, FIRST},
};
use crate::{
    base::{
        diagnostic::{Diagnostic, Place, did_you_mean},
        value::Value,
    },
    evaluate::catalog::{Catalog, Declaration, NodeId, NodeName},
    resources::{
        kind::{DesiredResource, Kind, confirm, timeout},
        kinds::KINDS,
        resource::{ArgumentError, Reaction},
    },
};

/// A point in what was declared so far.
pub(super) struct Start {
    nodes: u32,
    met: usize,
}

impl Handles {
    /// Before what is declared from now on.
    pub(super) fn start(state: &Evaluating) -> Start {
        let gathered = state.gathered();
        Start { nodes: length(&gathered.catalog), met: gathered.met.len() }
    }

    /// All that was declared since then.
    pub(super) fn since(state: &Evaluating, start: &Start) -> Self {
        let gathered = state.gathered();
        let met = gathered.met[start.met..].iter().copied().filter(|id| id.0 < start.nodes);
        Self { new: start.nodes..length(&gathered.catalog), met: met.collect() }
    }
}

fn length(catalog: &Catalog) -> u32 {
    u32::try_from(catalog.len()).expect("limits keep a catalog below 2^32 nodes")
}

pub(super) fn register(engine: &mut Engine, state: &Evaluating) {
    for kind in KINDS.iter().copied() {
        let call = KindCall { kind, state: state.clone() };
        register_kind(engine, kind.name(), &call);
        if kind.name() == "package" {
            // For those whose editor marks the word, which Rhai keeps for itself, as an error.
            register_kind(engine, "pkg", &call);
        }
    }
    engine.register_type_with_name::<Handle>("Resource");
    engine.register_fn("to_string", |_: &mut Handle| "(a resource)".to_owned());
    engine.register_fn("to_debug", |_: &mut Handle| "(a resource)".to_owned());
    engine.register_type_with_name::<Handles>("Resources");
    engine.register_fn("to_string", |_: &mut Handles| "(resources)".to_owned());
    engine.register_fn("to_debug", |_: &mut Handles| "(resources)".to_owned());
    engine
        .register_fn("len", |it: &mut Handles| i64::try_from(it.ids().count()).unwrap_or(i64::MAX));
    for (name, comes_after) in [("after", true), ("before", false)] {
        let state = state.clone();
        let order = move |context: NativeCallContext, these: Dynamic, others: Dynamic| {
            order(&state, &context, these, &others, comes_after)
        };
        let about = if comes_after { AFTER } else { BEFORE };
        let function = FuncRegistration::new(name)
            .with_params_info(["resource", "resources"])
            .with_comments([about]);
        function.register_into_engine(engine, order);
    }
}

const AFTER: &str = "`a.after(b)`: a is applied after b. b may be on another host, a list, or the result of `on`, `role`, \
                     `sequence`, `around` or `rolling`. Returns a.";
const BEFORE: &str = "`a.before(b)`: a is applied before b; otherwise like `after`.";

fn register_kind(engine: &mut Engine, name: &str, call: &KindCall) {
    let first = call.kind.first();
    let its = call.clone();
    let function = FuncRegistration::new(name).with_params_info([first]);
    function.register_into_engine(engine, move |context: NativeCallContext, first: Dynamic| {
        its.each(&context, &first, &Map::new())
    });
    let its = call.clone();
    let function = FuncRegistration::new(name).with_params_info([first, "#{ .. }"]);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, first: Dynamic, rest: Map| {
            its.each(&context, &first, &rest)
        },
    );
    let Some(second) = call.kind.second() else { return };
    let its = call.clone();
    let function = FuncRegistration::new(name).with_params_info([first, second, "#{ .. }"]);
    function.register_into_engine(
        engine,
        move |context: NativeCallContext, first: Dynamic, key: &str, mut rest: Map| {
            rest.insert(second.into(), key.into());
            its.declare(&context, &first, &rest)
        },
    );
}

/// `handle.after(others)` and `handle.before(others)`.
fn order(
    state: &Evaluating,
    context: &NativeCallContext,
    these: Dynamic,
    others: &Dynamic,
    comes_after: bool,
) -> ScriptResult<Dynamic> {
    let name = if comes_after { "after" } else { "before" };
    let resources = |value| {
        handles(value).map_err(|given| {
            let message = format!("{name}() takes resources, not {given}");
            raise(state, context, Diagnostic::new("language::not-a-resource", message).hint(KEEP))
        })
    };
    let (left, right) = (resources(&these)?, resources(others)?);
    let (first, then) = if comes_after { (right, left) } else { (left, right) };
    let catalog = &mut state.gathered().catalog;
    let (first, then) = (ends(catalog, first, true), ends(catalog, then, false));
    for &node in &then {
        first.iter().for_each(|&other| catalog.order(node, other));
    }
    Ok(these)
}

/// Of many resources those that order all: on a host one comes after the other as they are written, so its last one, or its
/// first one, stands for all of them.
fn ends(catalog: &Catalog, nodes: Vec<NodeId>, last: bool) -> Vec<NodeId> {
    if nodes.len() <= MANY {
        return nodes;
    }
    let of_host =
        |ids: Vec<NodeId>| if last { ids.into_iter().max() } else { ids.into_iter().min() };
    catalog.by_host(nodes).into_values().filter_map(of_host).collect()
}

/// As many resources as anybody would name by hand.
const MANY: usize = 16;

/// What to do where a resource is wanted.
const KEEP: &str = "keep the result of a declaration: let site = file(..); then use `site` here; on(..), role(..), \
                    sequence(..), around(..) and rolling(..) return everything declared in them";

/// The resources in a value that a script gave: one, all of a block, or a list of lists.
///
/// # Errors
/// What was given that is no resource.
pub(super) fn handles(value: &Dynamic) -> Result<Vec<NodeId>, &'static str> {
    if let Some(handle) = value.read_lock::<Handle>() {
        return Ok(vec![handle.0]);
    }
    if let Some(handles) = value.read_lock::<Handles>() {
        return Ok(handles.ids().collect());
    }
    let Some(items) = value.read_lock::<Array>() else { return Err(kind_of(value)) };
    let mut all = Vec::new();
    for item in items.iter() {
        all.extend(handles(item)?);
    }
    Ok(all)
}

/// A kind's function.
#[derive(Clone)]
struct KindCall {
    kind: &'static dyn Kind,
    state: Evaluating,
}

/// What a call says besides what the resource is.
struct Reacts {
    /// Whether it says nothing of it but its name.
    only_named: bool,
    reactions: Vec<(NodeId, Reaction)>,
}

/// The arguments of a call: those of the kind, and what the resource reacts to.
type Split = (Value, Vec<(NodeId, Reaction)>);

impl KindCall {
    /// Declares one resource, or one for each name of a list.
    fn each(
        &self,
        context: &NativeCallContext,
        first: &Dynamic,
        rest: &Map,
    ) -> ScriptResult<Dynamic> {
        let Some(names) = first.read_lock::<Array>() else {
            return self.declare(context, first, rest);
        };
        let all = names.iter().map(|name| self.declare(context, name, rest));
        all.collect::<ScriptResult<Array>>().map(Dynamic::from)
    }

    fn declare(
        &self,
        context: &NativeCallContext,
        first: &Dynamic,
        rest: &Map,
    ) -> ScriptResult<Dynamic> {
        let place = self.state.call(context);
        let here = self.state.gathered().context.clone();
        let fail = |diagnostic| raise(&self.state, context, diagnostic);
        let Some(host) = &here.host else { return Err(fail(no_host(self.kind.name()))) };
        let refused = |error| fail(refusal(&self.state, self.kind, error, &place));
        let (arguments, reactions) = self.split(first, rest, &place).map_err(refused)?;
        let files = RoleFiles::new(&self.state, &place.file, &here);
        let again = host.seen().map(|_| arguments.clone());
        let only_named = matches!(&arguments, Value::Map(map) if map.len() == 1);
        let resource = match self.kind.declare(arguments, &files) {
            Ok(resource) => resource,
            Err(error) => {
                // A template may be an error for this host only, and the script may catch that.
                host.see_all();
                return Err(files.interruption().unwrap_or_else(|| refused(error)));
            }
        };
        let sees_host = files.sees_host();
        let reacts = Reacts { only_named, reactions };
        let node = self.add(resource, reacts, &place, &here.scene, &host.host().name);
        let node = node.map_err(fail)?;
        if let (true, Some(arguments), Some(seen)) = (sees_host, again, host.seen()) {
            let (kind, scene) = (self.kind, here.scene);
            seen.keep(Templated { node, kind, arguments, place, scene });
        }
        Ok(Dynamic::from(Handle(node)))
    }

    /// Adds a resource to the catalog.
    fn add(
        &self,
        resource: DesiredResource,
        Reacts { only_named, reactions }: Reacts,
        place: &Place,
        scene: &Scene,
        host: &Arc<str>,
    ) -> Result<NodeId, Diagnostic> {
        self.state.declares_on(host);
        let declared = || Declaration { place: place.clone(), chain: scene.frames.clone() };
        let mut gathered = self.state.gathered();
        let Gathered { catalog, met, .. } = &mut *gathered;
        let before = length(catalog);
        let only_reacts = only_named && !reactions.is_empty();
        let named = only_reacts.then(|| catalog.named(host, self.kind, &resource.owns)).flatten();
        let first = match named {
            Some(first) => Ok(first),
            None => catalog.declare(host, self.kind, resource, declared(), scene.block),
        };
        let first = match first {
            Ok(first) => first,
            Err(conflict) => {
                let earlier = catalog.node(conflict.first);
                let (name, declared) = (earlier.name.clone(), earlier.declared.clone());
                drop(gathered);
                return Err(self.conflict(&name, &declared));
            }
        };
        if first.0 < before {
            met.push(first);
        }
        if reactions.is_empty() {
            return Ok(first);
        }
        Ok(catalog.react_in_order(first, reactions, &declared(), scene.block))
    }

    /// Takes the reactions out of a call's arguments; the rest is the kind's own.
    fn split(&self, first: &Dynamic, rest: &Map, place: &Place) -> Result<Split, ArgumentError> {
        let value = |name: &str, value| {
            to_value(value, Some((&self.state, place))).map_err(|got| {
                ArgumentError::new(name.to_owned(), format!("`{name}` does not take {got}"))
            })
        };
        let name = self.kind.first();
        let mut arguments = IndexMap::with_capacity(1 + rest.len());
        arguments.insert(name.to_owned(), value(name, first)?);
        let mut reactions = Vec::new();
        for (name, given) in rest {
            match self.kind.reacts().iter().find(|it| it.argument() == Some(name.as_str())) {
                Some(&reaction) => {
                    let causes = handles(given).map_err(|got| {
                        let message = format!("`{name}` takes resources, not {got}");
                        ArgumentError::new(name.to_string(), message).hint(KEEP)
                    })?;
                    reactions.extend(causes.into_iter().map(|cause| (cause, reaction)));
                }
                None => drop(arguments.insert(name.as_str().to_owned(), value(name, given)?)),
            }
        }
        Ok((Value::Map(arguments), reactions))
    }

    fn conflict(&self, earlier: &NodeName, declared: &Declaration) -> Diagnostic {
        let (node, kind) = (&earlier.node, self.kind.name());
        let message = if earlier.kind == kind {
            format!("{node} is declared twice, differently")
        } else {
            format!("this {kind} and {node} manage the same thing")
        };
        let first = Diagnostic::new("", format!("{node} was declared here"));
        let first = self.state.locate(first, &declared.place);
        let calls = declared.chain.iter().map(|frame| self.state.call_of(frame));
        Diagnostic::new("catalog::conflict", message)
            .hint("remove one of the two, or make them equal")
            .related(calls.fold(first, Diagnostic::related))
    }
}

/// An error in an argument, at the argument's own place where the call has a literal map.
pub(super) fn refusal(
    state: &Evaluating,
    kind: &dyn Kind,
    error: ArgumentError,
    call: &Place,
) -> Diagnostic {
    if let Some(inside) = error.inside {
        let here = Diagnostic::new("", format!("for this {}", kind.name()));
        return inside.related(state.locate(here, call));
    }
    let path = if error.argument == kind.first() { FIRST } else { &error.argument };
    if error.unknown {
        return state.locate(
            unknown_argument(kind, &error),
            &state.argument(call, path, |argument| argument.name),
        );
    }
    let diagnostic = Diagnostic::new("language::argument", error.message);
    let diagnostic = error.hint.into_iter().fold(diagnostic, Diagnostic::hint);
    let whole_call = error.argument.is_empty();
    let value = |argument: &Argument| argument.value;
    let place = if whole_call { call.clone() } else { state.argument(call, path, value) };
    state.locate(diagnostic, &place)
}

/// A name that is no argument. What a resource reacts to is unknown to the kind, but not to who looks for a hint.
fn unknown_argument(kind: &dyn Kind, error: &ArgumentError) -> Diagnostic {
    let diagnostic = Diagnostic::new("language::argument", &*error.message);
    let known = argument_names(kind);
    let hint = match &*error.argument {
        nested if nested.contains(['.', '[']) => error.hint.clone(),
        name => did_you_mean(name, known.iter().map(String::as_str)),
    };
    diagnostic.hint(hint.unwrap_or_else(|| format!("it takes {}", known.join(", "))))
}

/// What a kind's function takes, in the order of the manual.
pub(super) fn argument_names(kind: &dyn Kind) -> Vec<String> {
    let schema = kind.schema();
    let properties = schema.get("properties").and_then(|it| it.as_object());
    let own = properties.into_iter().flat_map(|it| it.keys().cloned());
    let reactions = kind.reacts().iter().filter_map(|it| it.argument().map(str::to_owned));
    let mut names: Vec<String> = own.chain(reactions).collect();
    for name in [timeout::NAME, confirm::NAME] {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
