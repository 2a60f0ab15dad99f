//! A project in memory: its files, its inventory, and what is known of its hosts.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use converge::{
    base::{
        diagnostic::{Diagnostic, Source},
        secret::Secret,
        value::Value,
    },
    evaluate::{
        catalog::Catalog,
        language::{Evaluation, Input, Known, Note, Question, check, evaluate, evaluate_telling},
    },
    input::inventory::{Assignment, Given, Inventory, InventoryFormat},
    plan::graph::Graph,
};

/// Two API nodes, a balancer and a web server.
const INVENTORY: &str = r#"
[hosts]
api-1 = { address = "10.0.0.11" }
api-2 = { address = "10.0.0.12" }
balancer-1 = { address = "10.0.0.21" }
web-1 = { address = "10.0.0.31", vars = { port = 8080 } }

[groups.api]
hosts = ["api-1", "api-2"]
vars = { api_version = "1.2" }

[groups.balancer]
hosts = ["balancer-1"]

[groups.web]
hosts = ["web-1"]
"#;

pub(crate) struct Project {
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    pub(crate) known: Known,
    playbooks: Vec<String>,
    inventory: &'static str,
    assigned: Vec<Assignment>,
}

impl Project {
    /// A project whose playbook is this text.
    pub(crate) fn new(playbook: &str) -> Self {
        let (files, known, inventory) = (BTreeMap::new(), Known::default(), INVENTORY);
        let playbooks = vec!["playbooks/site.rhai".to_owned()];
        let project = Self { files, known, playbooks, inventory, assigned: Vec::new() };
        project.file("playbooks/site.rhai", playbook)
    }

    /// A project that does this on web-1.
    pub(crate) fn on_web(block: &str) -> Self {
        Self::new(&format!("on(hosts(\"web\"), |host| {{\n    {block}\n}});\n"))
    }

    /// A project that runs a role of this text, called nginx, on web-1.
    pub(crate) fn role(main: &str) -> Self {
        Self::on_web("role(\"nginx\");").file("roles/nginx/main.rhai", main)
    }

    pub(crate) fn file(mut self, path: &str, text: &str) -> Self {
        self.files.insert(path.to_owned(), text.as_bytes().to_vec());
        self
    }

    /// Other hosts.
    pub(crate) fn inventory(self, text: &'static str) -> Self {
        Self { inventory: text, ..self }.file("inventory/lab.toml", text)
    }

    /// A second playbook.
    pub(crate) fn and(mut self, text: &str) -> Self {
        self.playbooks.push("playbooks/second.rhai".to_owned());
        self.file("playbooks/second.rhai", text)
    }

    /// A variable of the command line.
    pub(crate) fn assign(mut self, text: &str) -> Self {
        self.assigned.push(Assignment::parse(text).unwrap());
        self
    }

    pub(crate) fn without_playbook(mut self) -> Self {
        self.files.remove("playbooks/site.rhai");
        self
    }

    pub(crate) fn secret(mut self, name: &str, text: &str) -> Self {
        self.known.secrets.insert(name.to_owned(), Secret::new(name, text));
        self
    }

    pub(crate) fn facts(mut self, host: &str, os: &str) -> Self {
        let parts = [("id", os), ("version", "12")];
        let parts = parts.map(|(name, value)| (name.to_owned(), Value::from(value)));
        let os = Value::Map(parts.into());
        let facts = Value::Map([("os".to_owned(), os)].into());
        self.known.facts.insert(host.into(), facts);
        self
    }

    /// A host that was asked, and did not answer.
    pub(crate) fn silent(mut self, host: &str) -> Self {
        self.known.silent.insert(host.into());
        self
    }

    pub(crate) fn probe(mut self, host: &str, command: &str, stdout: &str) -> Self {
        let answer = [
            ("code".to_owned(), Value::Int(0)),
            ("stdout".to_owned(), Value::from(stdout)),
            ("stderr".to_owned(), Value::from("")),
        ];
        let key = (host.into(), command.to_owned());
        self.known.probes.insert(key, Value::Map(answer.into()));
        self
    }

    pub(crate) fn input(&self) -> Input {
        let source = Source::new("inventory/lab.toml", self.inventory);
        let (format, folder) = (InventoryFormat::Toml, "/project/inventory".into());
        let given = Given { source, format, folder, home: "/home".into() };
        Input {
            playbooks: self.playbooks.clone(),
            sources: Arc::new(self.files.clone()),
            roles: vec!["roles".to_owned()],
            inventory: Arc::new(Inventory::parse(&[given], &self.assigned).unwrap()),
            known: self.known.clone(),
            reuse: Default::default(),
        }
    }

    fn complete(&self) -> (Catalog, Vec<Note>) {
        match evaluate(self.input()) {
            Ok(Evaluation::Complete { catalog, notes, .. }) => (*catalog, notes),
            Ok(Evaluation::Asks(questions)) => panic!("it asks {questions:?}"),
            Err(error) => panic!("{}", crate::shown(&error)),
        }
    }

    pub(crate) fn catalog(&self) -> Catalog {
        self.complete().0
    }

    /// What it declares, in the order of declaration: `web-1/file:/etc/motd`.
    pub(crate) fn nodes(&self) -> Vec<String> {
        self.catalog().nodes().map(|(_, node)| node.name.node.to_string()).collect()
    }

    /// What comes first and what comes after: `web-1/file:/a -> web-1/file:/b`.
    pub(crate) fn edges(&self) -> Vec<String> {
        let catalog = self.catalog();
        let graph = Graph::build(&catalog).unwrap();
        let name = |node| catalog.node(node).name.node.clone();
        let edge = |(first, then, _)| format!("{} -> {}", name(first), name(then));
        let mut edges: Vec<String> = graph.edges().map(edge).collect();
        edges.sort();
        edges
    }

    /// What its scripts say.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.complete().1.into_iter().map(|note| note.message).collect()
    }

    /// What its scripts say, or the error in them.
    pub(crate) fn try_notes(&self) -> Result<Vec<String>, Diagnostic> {
        match evaluate(self.input()) {
            Err(error) => Err(error),
            Ok(_) => Ok(self.notes()),
        }
    }

    /// What a file on a host is to hold.
    pub(crate) fn content(&self, node: &str) -> String {
        let catalog = self.catalog();
        let (_, node) = catalog.nodes().find(|(_, it)| &*it.name.node == node).unwrap();
        let step = node.kind.apply(&node.desired, None);
        String::from_utf8(step.contents[0].bytes().to_vec()).unwrap()
    }

    /// The hosts that were told of while it was evaluated.
    pub(crate) fn told(&self) -> Vec<String> {
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = told.clone();
        let begins = move |host: &Arc<str>| hears.lock().unwrap().push(host.to_string());
        let _ = evaluate_telling(self.input(), Arc::new(begins));
        told.lock().unwrap().clone()
    }

    pub(crate) fn questions(&self) -> Vec<Question> {
        match evaluate(self.input()) {
            Ok(Evaluation::Asks(questions)) => questions.into_iter().collect(),
            Ok(Evaluation::Complete { .. }) => Vec::new(),
            Err(error) => panic!("{}", crate::shown(&error)),
        }
    }

    /// The error in it, be it in a script or in the order of what they declare.
    pub(crate) fn error(&self) -> Diagnostic {
        match evaluate(self.input()) {
            Ok(Evaluation::Complete { catalog, .. }) => match Graph::build(&catalog) {
                Ok(_) => panic!("there is no error"),
                Err(error) => error,
            },
            Ok(Evaluation::Asks(questions)) => panic!("it asks {questions:?}"),
            Err(error) => error,
        }
    }

    /// All errors that show without running it.
    pub(crate) fn check(&self) -> Vec<Diagnostic> {
        check(self.input()).0
    }

    /// What shows without running it, and is no error.
    pub(crate) fn check_notes(&self) -> Vec<Note> {
        check(self.input()).1
    }
}
