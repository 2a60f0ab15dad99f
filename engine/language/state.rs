//! What one evaluation has gathered so far, shared by the functions that scripts call.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use indexmap::IndexMap;
use rhai::{AST, Position};

use super::{Evaluation, Input, Note, Question, parameters::Parameters};
use crate::{
    catalog::{BlockId, Catalog, Frame},
    diagnostic::{Diagnostic, Place, Result, Source},
    inventory::Host,
    value::Value,
};

/// The state of one evaluation. Clones share it.
#[derive(Clone)]
pub(super) struct State(Arc<Shared>);

struct Shared {
    input: Input,
    gathered: Mutex<Gathered>,
}

/// What grows while scripts run.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) catalog: Catalog,
    pub(super) notes: Vec<Note>,
    pub(super) questions: BTreeSet<Question>,
    pub(super) context: Context,
    pub(super) texts: BTreeMap<Arc<str>, Source>,
    pub(super) keys: KeyPositions,
    pub(super) roles: HashMap<String, Arc<Role>>,
}

/// Where each key of a literal map stands, by the file and position of the call that the map is given to.
pub(super) type KeyPositions = HashMap<(Arc<str>, usize, usize), Vec<(String, Position)>>;

/// A role's parts, read and compiled once per evaluation.
pub(super) struct Role {
    pub(super) parameters: Parameters,
    pub(super) main: AST,
}

/// Where the script is: whose declarations they are, and how it got there.
#[derive(Clone, Default)]
pub(super) struct Context {
    pub(super) host: Option<Arc<Host>>,
    pub(super) frames: Vec<Frame>,
    pub(super) block: BlockId,
    pub(super) parameters: Arc<IndexMap<String, Value>>,
}

impl State {
    pub(super) fn new(input: Input) -> Self {
        let gathered = Gathered { catalog: Catalog::new(), ..Gathered::default() };
        Self(Arc::new(Shared { input, gathered: Mutex::new(gathered) }))
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
        change: impl FnOnce(&mut Context),
        inner: impl FnOnce() -> T,
    ) -> T {
        let outer = self.gathered().context.clone();
        change(&mut self.gathered().context);
        let result = inner();
        self.gathered().context = outer;
        result
    }

    /// The text of a file, read once.
    pub(super) fn text(&self, path: &str) -> Result<Source, super::SourceError> {
        if let Some(source) = self.gathered().texts.get(path) {
            return Ok(source.clone());
        }
        let bytes = self.input().sources.read(path)?;
        let text = String::from_utf8(bytes)
            .map_err(|_| super::SourceError::Unreadable("it is not UTF-8 text".into()))?;
        let source = Source::new(path, text);
        self.gathered().texts.insert(path.into(), source.clone());
        Ok(source)
    }

    /// A place in a file that was read before.
    pub(super) fn place(&self, file: &str, position: Position) -> Place {
        Place {
            file: file.into(),
            line: position.line().unwrap_or(1),
            column: position.position().unwrap_or(1),
        }
    }

    /// Says where a mistake is: at the word that starts at `place`.
    pub(super) fn locate(&self, diagnostic: Diagnostic, place: &Place) -> Diagnostic {
        match self.text(&place.file) {
            Ok(source) => {
                let span = source.word_at(place.line, place.column);
                diagnostic.at(&source, span)
            }
            Err(_) => diagnostic,
        }
    }

    /// Adds the calls that led to where the script is.
    pub(super) fn with_chain(&self, mut diagnostic: Diagnostic) -> Diagnostic {
        let frames = self.gathered().context.frames.clone();
        for frame in frames.iter().rev() {
            let call = Diagnostic::new("", format!("in this call of {}", frame.what));
            diagnostic = diagnostic.related(self.locate(call, &frame.place));
        }
        diagnostic
    }

    /// What came of it.
    pub(super) fn finish(self) -> Evaluation {
        let mut gathered = self.gathered();
        if !gathered.questions.is_empty() {
            return Evaluation::Asks(std::mem::take(&mut gathered.questions));
        }
        let mut catalog = std::mem::take(&mut gathered.catalog);
        catalog.keep_texts(std::mem::take(&mut gathered.texts));
        Evaluation::Complete { catalog, notes: std::mem::take(&mut gathered.notes) }
    }
}
