//! What one evaluation has gathered so far, shared by the functions that scripts call.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use rhai::{AST, Map, NativeCallContext, Position};

use super::{
    Asked, Begins, Evaluation, Input, Note, Question,
    host_ref::HostRef,
    names::{ShownHost, Wants},
    orders::Orders,
    parameters::Parameters,
    scene::Scene,
    unread,
    written::{Argument, ArgumentPlaces},
};
use crate::{
    base::{
        diagnostic::{Diagnostic, Place, Result, Source},
        pattern::{Pattern, Refused},
    },
    evaluate::catalog::{BlockId, Catalog, Contradiction, Declaration, Frame, NodeId, Order},
    input::template::{Templates, Values},
};

/// The state of one evaluation. Clones share it.
#[derive(Clone)]
pub(super) struct Evaluating(Arc<SharedEvaluation>);

struct SharedEvaluation {
    input: Input,
    begins: Arc<Begins>,
    gathered: Mutex<Gathered>,
}

/// What grows while scripts run.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) catalog: Catalog,
    /// The declarations that said the same as an earlier one, which they are.
    pub(super) met: Vec<NodeId>,
    /// Those that something is declared on.
    hosts: HashSet<Arc<str>>,
    pub(super) notes: Vec<Note>,
    pub(super) questions: BTreeSet<Question>,
    /// What was read of hosts, and where first.
    pub(super) asked: BTreeMap<Asked, Place>,
    pub(super) context: ScriptContext,
    pub(super) texts: BTreeMap<Arc<str>, Source>,
    pub(super) arguments: HashMap<Arc<str>, ArgumentPlaces>,
    pub(super) orders: Orders,
    /// Whether one of the scripts reads something that it keeps for good.
    pub(super) reads_global: bool,
    pub(super) roles: HashMap<String, Arc<Role>>,
    /// The variables that parameters of roles got their values from.
    pub(super) bound: BTreeSet<String>,
    /// By the folder that they lie in.
    folders: HashMap<String, Arc<Templates>>,
    /// By their paths.
    pub(super) templates: HashMap<String, Template>,
    /// The host as the last template saw it.
    pub(super) host_in_templates: Option<ShownHost>,
    /// What is the same for all hosts, as templates see it, by how much of the inventory that is.
    pub(super) fleet_in_templates: [Option<Arc<Values>>; 3],
    /// By their text.
    pub(super) patterns: HashMap<String, Arc<Pattern>>,
    /// The first error that Rhai did not let end the script.
    pub(super) error: Option<Diagnostic>,
}

/// A role's parts, read and compiled once per evaluation.
pub(super) struct Role {
    pub(super) parameters: Parameters,
    pub(super) main: AST,
    /// Whether it ends with a value that it means to give.
    pub(super) gives_value: bool,
}

/// A template, with all that it can include.
#[derive(Clone)]
pub(super) struct Template {
    pub(super) all: Arc<Templates>,
    pub(super) wants: Arc<Wants>,
}

/// Where the script is.
#[derive(Clone, Default)]
pub(super) struct ScriptContext {
    pub(super) host: Option<HostRef>,
    pub(super) scene: Scene,
}

impl Evaluating {
    pub(super) fn new(input: Input, begins: Arc<Begins>) -> Self {
        let gathered = Gathered { catalog: Catalog::new(), ..Gathered::default() };
        Self(Arc::new(SharedEvaluation { input, begins, gathered: Mutex::new(gathered) }))
    }

    pub(super) fn input(&self) -> &Input {
        &self.0.input
    }

    /// What was gathered so far. Never held while a script runs.
    pub(super) fn gathered(&self) -> MutexGuard<'_, Gathered> {
        self.0.gathered.lock().expect("no function panics while it holds the state")
    }

    /// Runs `inner` in a context that `change` makes of this one, and comes back to this one.
    pub(super) fn within<T>(
        &self,
        change: impl FnOnce(&mut ScriptContext),
        inner: impl FnOnce() -> T,
    ) -> T {
        let outer = self.gathered().context.clone();
        change(&mut self.gathered().context);
        let result = inner();
        self.gathered().context = outer;
        result
    }

    /// Something is declared on a host.
    pub(super) fn declares_on(&self, host: &Arc<str>) {
        let first = self.gathered().hosts.insert(host.clone());
        if first {
            (self.0.begins)(host);
        }
    }

    /// Opens a block inside the one where the script is.
    pub(super) fn open_block(&self, order: Order) -> BlockId {
        let mut gathered = self.gathered();
        let parent = gathered.context.scene.block;
        gathered.catalog.open_block(parent, order)
    }

    /// The bytes of a file, which stays in the folder that it is of: a role's; or a playbook's, for what lies beside one.
    pub(super) fn read(&self, path: &str) -> Result<Vec<u8>, super::SourceError> {
        self.input().sources.read(path, self.home(path))
    }

    fn home<'a>(&self, path: &'a str) -> Option<&'a str> {
        let role = |roles: &String| {
            let name = path.strip_prefix(roles.as_str())?.strip_prefix('/')?.split('/').next()?;
            Some(&path[..roles.len() + 1 + name.len()])
        };
        let beside = |playbook: &String| {
            let folder = folder_of(playbook);
            let below = path.strip_prefix(folder)?.strip_prefix('/')?;
            let is_its = below.starts_with("files/") || below.starts_with("templates/");
            is_its.then(|| &path[..folder.len()])
        };
        let input = self.input();
        let of_role = input.roles.iter().filter_map(role).max_by_key(|folder| folder.len());
        of_role.or_else(|| input.playbooks.iter().find_map(beside))
    }

    /// The text of a file, read once.
    pub(super) fn text(&self, path: &str) -> Result<Source, super::SourceError> {
        if let Some(source) = self.gathered().texts.get(path) {
            return Ok(source.clone());
        }
        let bytes = self.read(path)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| super::SourceError::Unreadable("it is not UTF-8 text".into()))?;
        let source = Source::new(path, text);
        self.gathered().texts.insert(path.into(), source.clone());
        Ok(source)
    }

    /// The templates of a folder, which stay compiled until the evaluation ends.
    pub(super) fn templates(&self, folder: &str) -> Arc<Templates> {
        if let Some(templates) = self.gathered().folders.get(folder) {
            return templates.clone();
        }
        // The state keeps them: if they kept the state as well, neither would ever go.
        let (state, below) = (Arc::downgrade(&self.0), folder.to_owned());
        let templates = Arc::new(Templates::new(Arc::new(move |name: &str| {
            let inside = !name.starts_with('/') && name.split('/').all(|part| part != "..");
            let state = inside.then(|| state.upgrade().map(Self)).flatten();
            let path = format!("{below}/{name}");
            match state.map(|state| state.text(&path)) {
                None | Some(Err(super::SourceError::NotFound)) => Ok(None),
                Some(Ok(source)) => Ok(Some(source)),
                Some(Err(error)) => {
                    let hint = error.hint().map_or(String::new(), |hint| format!(" ({hint})"));
                    Err(format!("cannot read {path}: {error}{hint}"))
                }
            }
        })));
        self.gathered().folders.insert(folder.to_owned(), templates.clone());
        templates
    }

    /// A place in a file that was read before.
    pub(super) fn place(&self, file: &str, position: Position) -> Place {
        let known = self.gathered().texts.get_key_value(file).map(|(name, _)| name.clone());
        Place {
            file: known.unwrap_or_else(|| file.into()),
            line: position.line().unwrap_or(1),
            column: position.position().unwrap_or(1),
        }
    }

    /// The place of the call that is running.
    pub(super) fn call(&self, context: &NativeCallContext) -> Place {
        self.place(context.call_source().unwrap_or_default(), context.call_position())
    }

    /// The place of a property, whose access Rhai places at the dot.
    pub(super) fn after_dot(&self, dot: Place, name: &str) -> Place {
        let Ok(source) = self.text(&dot.file) else { return dot };
        let word = |column: usize| &source.text[source.word_at(dot.line, column)];
        let column = (dot.column..dot.column + 3).find(|column| word(*column) == name);
        Place { column: column.unwrap_or(dot.column), ..dot }
    }

    /// A call that led to an error, as a note that explains it.
    pub(super) fn call_of(&self, frame: &Frame) -> Diagnostic {
        let note = Diagnostic::new("", format!("in this call of {}", frame.what));
        self.locate(note, &frame.place)
    }

    /// Says where an error is: at the word that starts at `place`.
    pub(super) fn locate(&self, diagnostic: Diagnostic, place: &Place) -> Diagnostic {
        match self.text(&place.file) {
            Ok(source) => {
                let span = source.word_at(place.line, place.column);
                diagnostic.at(&source, span)
            }
            Err(_) => diagnostic,
        }
    }

    /// The keys of a map that is used in a call, in their order.
    pub(super) fn keys_of<'m>(&self, tag: i32, map: &'m Map, call: &Place) -> Vec<&'m str> {
        let gathered = self.gathered();
        gathered.orders.of(tag, map, call, &gathered.arguments)
    }

    /// Where the argument `path` of a call stands, or the part of it that is written there; else the call itself.
    pub(super) fn argument(
        &self,
        call: &Place,
        path: &str,
        part: impl Fn(&Argument) -> Position,
    ) -> Place {
        let gathered = self.gathered();
        let of_call = gathered
            .arguments
            .get(&call.file)
            .and_then(|arguments| arguments.get(&(call.line, call.column)));
        let found = of_call.and_then(|arguments| {
            std::iter::successors(Some(path), |path| Some(&path[..path.rfind(['.', '['])?]))
                .find_map(|path| arguments.get(path))
        });
        let position = found.map(part);
        drop(gathered);
        position.map_or_else(|| call.clone(), |position| self.place(&call.file, position))
    }

    /// What came of it.
    ///
    /// # Errors
    /// The error of the script, unless it only made one because something is not known yet.
    pub(super) fn finish(self, ended: Result<()>) -> Result<Evaluation> {
        let mut gathered = self.gathered();
        let questions = std::mem::take(&mut gathered.questions);
        if questions.is_empty() {
            ended?;
            if let Some(error) = gathered.error.take() {
                return Err(error);
            }
        }
        let mut catalog = Box::new(std::mem::take(&mut gathered.catalog));
        drop(gathered);
        // What was declared by now is declared whatever is answered.
        let settled = catalog.settle(&|text| self.pattern(text));
        settled.map_err(|contradiction| self.contradiction(&catalog, &contradiction))?;
        if !questions.is_empty() {
            return Ok(Evaluation::Asks(questions));
        }
        let mut gathered = self.gathered();
        catalog.gather_reactions();
        catalog.oblige();
        let texts = std::mem::take(&mut gathered.texts);
        let assigned = self.input().inventory.assigned.keys();
        let roles = gathered.roles.iter().map(|(name, role)| (name.as_str(), &role.parameters));
        let roles: BTreeMap<_, _> = roles.collect();
        let unread = unread::notes(assigned.map(String::as_str), &texts, &gathered.bound, &roles);
        gathered.notes.extend(unread);
        catalog.keep_texts(texts);
        let (notes, asked) =
            (std::mem::take(&mut gathered.notes), std::mem::take(&mut gathered.asked));
        Ok(Evaluation::Complete { catalog, notes, asked })
    }

    /// A pattern, made once in an evaluation.
    pub(super) fn pattern(&self, text: &str) -> Result<Arc<Pattern>, Refused> {
        if let Some(pattern) = self.gathered().patterns.get(text) {
            return Ok(pattern.clone());
        }
        let pattern = Arc::new(Pattern::new(text)?);
        self.gathered().patterns.insert(text.to_owned(), pattern.clone());
        Ok(pattern)
    }

    /// Two declarations that undo each other, at the place of the later one.
    fn contradiction(&self, catalog: &Catalog, found: &Contradiction) -> Diagnostic {
        let [first, second] = [found.first, found.second].map(|id| catalog.node(id));
        let (one, other) = (&second.name, &first.name.node);
        let message = format!("{} and {other} contradict each other: {}", one.node, found.why);
        let here = |declared: &Declaration, what: String| {
            self.locate(Diagnostic::new("", what), &declared.place)
        };
        let earlier = here(&first.declared, format!("{other} is declared here"));
        let calls = |declared: &Declaration| -> Vec<Diagnostic> {
            declared.chain.iter().map(|frame| self.call_of(frame)).collect()
        };
        let error = Diagnostic::new("catalog::contradiction", message)
            .hint("remove one of the two, or make them agree");
        let error = self.locate(error, &second.declared.place);
        let error = calls(&second.declared).into_iter().fold(error, Diagnostic::related);
        calls(&first.declared).into_iter().fold(error.related(earlier), Diagnostic::related)
    }
}

/// The folder that a script is in.
pub(super) fn folder_of(script: &str) -> &str {
    script.rsplit_once('/').map_or(".", |(folder, _)| folder)
}
