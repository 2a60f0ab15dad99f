//! What a role's folder gives to a resource: files, and templates with their variables.

use std::{
    cell::{Cell, RefCell},
    collections::BTreeSet,
    sync::Arc,
};

use rhai::EvalAltResult;

use super::{
    SourceEntry, SourceError, SourceSort,
    convert::host_parts,
    known::{facts, no_text, reads_fact},
    names::{ShownHost, Wants, of_fleet, of_host},
    state::{Evaluating, ScriptContext, Template, folder_of},
};
use crate::{
    base::{
        content::Content,
        diagnostic::{Place, Source, did_you_mean},
        pattern::{Pattern, Refused},
        value::Value,
    },
    input::{
        inventory::Host,
        template::{self, Values, names},
    },
    resources::resource::{ArgumentError, Files, SourceTree, TreeFile},
};

/// The places of what is of the host in what a template sees.
const HOST: [usize; 3] = [1, 2, 4];

/// The folder of the script that makes a declaration: a role's, or the playbook's.
pub(super) struct RoleFiles<'a> {
    state: &'a Evaluating,
    folder: &'a str,
    context: &'a ScriptContext,
    interruption: RefCell<Option<Box<EvalAltResult>>>,
    sees_host: Cell<bool>,
}

impl<'a> RoleFiles<'a> {
    pub(super) fn new(state: &'a Evaluating, script: &'a str, context: &'a ScriptContext) -> Self {
        Self {
            state,
            folder: folder_of(script),
            context,
            interruption: RefCell::default(),
            sees_host: Cell::default(),
        }
    }

    /// What ended the call though it is no error: a template that reads facts which are not known yet.
    pub(super) fn interruption(&self) -> Option<Box<EvalAltResult>> {
        self.interruption.take()
    }

    /// Whether what was taken can be another thing for another host.
    pub(super) fn sees_host(&self) -> bool {
        self.sees_host.get()
    }

    fn path(
        &self,
        below: &str,
        name: &str,
        argument: &'static str,
    ) -> Result<String, ArgumentError> {
        if name.starts_with('/') || name.split('/').any(|part| part == "..") {
            let message = format!("`{name}` is outside of the directory of the role");
            let hint = format!("name a file below {}/{below}/", self.folder);
            return Err(ArgumentError::new(argument, message).hint(hint));
        }
        Ok([self.folder, "/", below, "/", name].concat())
    }

    fn missing(
        &self,
        argument: &'static str,
        below: &str,
        name: &str,
        error: &SourceError,
    ) -> ArgumentError {
        let folder = format!("{}/{below}", self.folder);
        let error = match error {
            SourceError::NotFound => {
                ArgumentError::new(argument, format!("there is no {folder}/{name}"))
            }
            other => {
                let message = format!("cannot read {folder}/{name}: {other}");
                let error = ArgumentError::new(argument, message);
                return match other.hint() {
                    Some(hint) => error.hint(hint),
                    None => error,
                };
            }
        };
        let sources = &self.state.input().sources;
        let known = sources.list(&folder, Some(self.folder)).unwrap_or_default();
        match did_you_mean(name, known.iter().map(String::as_str)) {
            Some(hint) => error.hint(hint),
            None if known.is_empty() => error.hint(format!("the folder {folder}/ is empty")),
            None => error.hint(format!("it holds {}", known.join(", "))),
        }
    }

    /// The text of a template.
    pub(super) fn read_template(&self, name: &str) -> Result<Source, ArgumentError> {
        let path = self.path("templates", name, "template")?;
        let source = self.state.text(&path);
        source.map_err(|error| self.missing("template", "templates", name, &error))
    }

    /// A template, read once in an evaluation.
    fn find_template(&self, name: &str) -> Result<Template, ArgumentError> {
        let path = [self.folder, "/templates/", name].concat();
        if let Some(known) = self.state.gathered().templates.get(&path) {
            return Ok(known.clone());
        }
        self.read_template(name)?;
        let all = self.state.templates(&[self.folder, "/templates"].concat());
        let wants = Arc::new(Wants::of(&all.names(name)));
        let found = Template { all, wants };
        self.state.gathered().templates.insert(path, found.clone());
        Ok(found)
    }

    /// What a template sees: the groups and all hosts, variables of the host by their names, the role's parameters, the host,
    /// and the variables of the call. The host's facts are asked for only if the template reads them.
    fn context(&self, wants: &Wants, vars: Values) -> Result<template::Context, ArgumentError> {
        let parameters = self.context.scene.parameters.clone();
        let (mut named, mut host, mut variables) = (Arc::default(), Arc::default(), Values::new());
        if let Some(subject) = &self.context.host {
            let subject = subject.host();
            let is_given = |name: &String| parameters.contains_key(name) || vars.contains_key(name);
            // A name that is no variable may be a fact of an interface.
            let may_be_fact = |name: &String| {
                names::may_be_fact(name) && !is_given(name) && !subject.vars.contains_key(name)
            };
            let may_be_facts = wants.others.iter().any(may_be_fact);
            let wanted = [!wants.facts.is_empty() || may_be_facts, wants.ansible || may_be_facts];
            if may_be_facts {
                let place =
                    Place { file: [self.folder, "/templates"].concat().into(), line: 1, column: 1 };
                reads_fact(self.state, subject, "interfaces", &place);
            }
            [named, host] = self.host(subject, wanted)?;
            for name in wants.others.iter().filter(|name| !is_given(name)) {
                // Whether it is there can be another thing for another host.
                self.sees_host.set(true);
                let variable = subject.vars.get(name).map(|it| (name.clone(), it.value.clone()));
                variables.extend(variable);
            }
        }
        if wants.others.iter().any(|name| name == "role_name") {
            let role = self.role().map(|role| ("role_name".to_owned(), Value::from(role)));
            variables.extend(role);
        }
        // What is of the host stands at `HOST`.
        let all =
            vec![self.fleet(wants), named, Arc::new(variables), parameters, host, Arc::new(vars)];
        Ok(template::Context(all))
    }

    /// What is the same for all hosts: the groups, and all of them, where that is wanted.
    fn fleet(&self, wants: &Wants) -> Arc<Values> {
        let inventory = &self.state.input().inventory;
        let mut gathered = self.state.gathered();
        let kept = &mut gathered.fleet_in_templates[wants.fleet as usize];
        let facts = &self.state.input().known.facts;
        kept.get_or_insert_with(|| Arc::new(of_fleet(inventory, facts, wants.fleet))).clone()
    }

    /// The role that the folder is of.
    fn role(&self) -> Option<&str> {
        let (parent, name) = self.folder.rsplit_once('/')?;
        self.state.input().roles.iter().any(|roles| roles == parent).then_some(name)
    }

    /// Notes the facts that were read of other hosts, and asks those that nobody has asked yet, all at once.
    fn others(
        &self,
        read: &BTreeSet<(String, String)>,
        place: &Place,
    ) -> Result<(), ArgumentError> {
        let inventory = &self.state.input().inventory;
        let mut asks = false;
        for (host, name) in read {
            let Some(host) = inventory.hosts.get(host.as_str()) else { continue };
            match facts(self.state, host) {
                Ok(Value::Null) => {
                    let [message, hint] = no_text(&host.name);
                    return Err(ArgumentError::new("template", message).hint(hint));
                }
                Ok(_) => names::made_of(name)
                    .unwrap_or(&["interfaces"])
                    .iter()
                    .for_each(|fact| reads_fact(self.state, host, fact, place)),
                Err(interruption) => {
                    self.interruption.replace(Some(interruption));
                    asks = true;
                }
            }
        }
        match asks {
            false => Ok(()),
            true => Err(ArgumentError::new("template", "the facts are not known yet")),
        }
    }

    /// The host as templates see it, by Ansible's names and by its own. What the last one saw is kept: most hosts have many.
    fn host(&self, host: &Arc<Host>, wanted: [bool; 2]) -> Result<[Arc<Values>; 2], ArgumentError> {
        if let Some(shown) = &self.state.gathered().host_in_templates
            && Arc::ptr_eq(&shown.host, host)
            && shown.wanted == wanted
        {
            return Ok(shown.values.clone());
        }
        let mut parts = host_parts(host);
        let mut known = None;
        let [wants_facts, wants_ansible] = wanted;
        if wants_facts {
            let facts = facts(self.state, host).map_err(|interruption| {
                self.interruption.replace(Some(interruption));
                ArgumentError::new("template", "the facts are not known yet")
            })?;
            if *facts == Value::Null {
                let [message, hint] = no_text(&host.name);
                return Err(ArgumentError::new("template", message).hint(hint));
            }
            parts.insert("facts".into(), facts.clone());
            known = Some(facts);
        }
        let named = if wants_ansible { of_host(host, known) } else { Values::new() };
        let host_itself = Values::from([("host".to_owned(), Value::Map(parts))]);
        let values = [Arc::new(named), Arc::new(host_itself)];
        let shown = ShownHost { host: host.clone(), wanted, values: values.clone() };
        self.state.gathered().host_in_templates = Some(shown);
        Ok(values)
    }
}

impl Files for RoleFiles<'_> {
    fn source(&self, name: &str) -> Result<Vec<u8>, ArgumentError> {
        let path = self.path("files", name, "source")?;
        let read = self.state.read(&path);
        read.map_err(|error| self.missing("source", "files", name, &error))
    }

    fn template(&self, name: &str, vars: Values) -> Result<Content, ArgumentError> {
        let template = self.find_template(name)?;
        let mut facts = BTreeSet::new();
        let context = self.context(&template.wants, vars)?;
        let rendered = template.all.render_noting(name, &context, &mut facts);
        let place =
            Place { file: [self.folder, "/templates/", name].concat().into(), line: 1, column: 1 };
        if let Some(host) = &self.context.host {
            let reads = template.wants.facts.iter();
            reads.for_each(|fact| reads_fact(self.state, host.host(), fact, &place));
        }
        self.others(&facts, &place)?;
        let rendered =
            rendered.map_err(|diagnostic| ArgumentError::inside("template", diagnostic))?;
        let sees_host =
            !template.wants.facts.is_empty() || HOST.iter().any(|place| rendered.has_read(*place));
        self.sees_host.set(self.sees_host.get() || sees_host);
        Ok(Content::new(rendered.text.into_bytes()).sensitive(rendered.sensitive))
    }

    fn tree(&self, name: &str) -> Result<SourceTree, ArgumentError> {
        let folder = self.path("files", name, "source")?;
        let sources: &Arc<_> = &self.state.input().sources;
        let missing = |error: SourceError| match error {
            SourceError::NotFound => self.missing("source", "files", name, &error),
            SourceError::Unreadable(why) => ArgumentError::new("source", why),
            SourceError::Refused(_) => self.missing("source", "files", name, &error),
        };
        let mut tree = SourceTree::default();
        for SourceEntry { path, sort } in sources.tree(&folder, self.folder).map_err(missing)? {
            if sort == SourceSort::Folder {
                tree.folders.insert(path);
                continue;
            }
            let file = format!("{name}/{path}");
            let bytes = self.state.read(&format!("{folder}/{path}"));
            let bytes = bytes.map_err(|error| self.missing("source", "files", &file, &error))?;
            let (content, executable) = (Content::new(bytes), sort == SourceSort::Executable);
            tree.files.push(TreeFile { path, content, executable });
        }
        Ok(tree)
    }

    fn pattern(&self, text: &str) -> Result<Arc<Pattern>, Refused> {
        self.state.pattern(text)
    }
}
