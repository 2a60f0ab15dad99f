//! Random catalogs whose resources may undo each other, on hosts that are kept in memory: after a green run the next one
//! would do nothing; otherwise the run says what does not converge, and what undoes it.

use std::{collections::BTreeMap, marker::PhantomData, sync::Mutex, time::Duration};

use async_trait::async_trait;
use proptest::{prelude::*, test_runner::TestRunner};
use schemars::JsonSchema;
use serde::Deserialize;

use super::*;
use crate::{
    base::{
        content::Content,
        diagnostic::{Place, Source},
        pattern::Pattern,
        script::Script,
        secret::Secret,
        traffic::Traffic,
    },
    evaluate::{
        catalog::{BlockId, Declaration},
        language::Known,
    },
    input::inventory::{Given, Host, Inventory, InventoryFormat},
    io::remote::{Connector, Exit, Output, Remote, RemoteError},
    plan::{event::Events, exit_status::ExitStatus},
    resources::{
        before::Before,
        change::Change,
        edit::Edit,
        footprint::{Access, Below, Footprint, Lies},
        kind::{self, Typed},
        resource::{ArgumentError, Files, Looked, Resource, Step, Unreadable},
    },
    run::{
        Interrupt,
        rounds::Work,
        wave::{Anew, Wave},
    },
};

/// The paths there are, by their places here; on the hosts, the last one is another name of the second.
const PATHS: [&str; 5] = ["/d", "/d/a", "/d/b", "/e", "/alias"];
const ALIAS: [usize; 5] = [0, 1, 2, 3, 1];

/// A text is a set of lines, a bit for each.
const LINES: [&str; 3] = ["one", "two", "three"];

type Text = u8;

/// What lies at the paths of a host, as far as something does: a text, and whose it is.
type Disk = BTreeMap<usize, (Text, u8)>;

/// What a resource does, and when it has nothing to do.
#[derive(Debug, Clone, Default)]
enum Toy {
    #[default]
    Nothing,
    File(usize, Text),
    Line(usize, usize),
    NoLine(usize, usize),
    Absent(usize),
    Owned(u8),
    Purged(Text),
    /// Makes the first path, and writes the second.
    Command(usize, usize, Text),
    /// Runs unless the first path holds a text, which it sees to; and writes the second.
    Custom(usize, Text, usize, Text),
    /// Writes when something changed.
    Action(usize, Text),
}

/// Whether a path lies below `/d`.
fn is_below(path: usize) -> bool {
    path == 1 || path == 2
}

impl Toy {
    fn is_opaque(&self) -> bool {
        matches!(self, Toy::Command(..) | Toy::Custom(..))
    }

    /// Whether it differs. `kept` is what a purge leaves.
    fn differs(&self, disk: &Disk, kept: &str) -> bool {
        let text = |path: &usize| disk.get(&ALIAS[*path]).map(|(text, _)| *text);
        match self {
            Toy::Nothing | Toy::Action(..) => false,
            Toy::File(path, wanted) | Toy::Custom(path, wanted, ..) => text(path) != Some(*wanted),
            Toy::Line(path, line) => text(path).is_none_or(|text| text & (1 << line) == 0),
            Toy::NoLine(path, line) => text(path).is_some_and(|text| text & (1 << line) != 0),
            Toy::Absent(path) => Self::at(disk, *path).next().is_some(),
            Toy::Owned(owner) => {
                disk.iter().any(|(path, (_, its))| is_below(*path) && its != owner)
            }
            Toy::Purged(wanted) => {
                text(&1) != Some(*wanted) || Self::extra(disk, kept).next().is_some()
            }
            Toy::Command(made, ..) => text(made).is_none(),
        }
    }

    /// What is there of a path and below it.
    fn at(disk: &Disk, path: usize) -> impl Iterator<Item = usize> + '_ {
        let its = move |at: &usize| *at == ALIAS[path] || path == 0 && is_below(*at);
        disk.keys().copied().filter(its)
    }

    /// What a purge removes: `/d/a` comes with it.
    fn extra<'a>(disk: &'a Disk, kept: &'a str) -> impl Iterator<Item = usize> + 'a {
        let is_kept = |at: usize| kept.split(',').any(|it| PATHS[at] == format!("/d/{it}"));
        disk.keys().copied().filter(move |at| *at == 2 && !is_kept(*at))
    }

    fn bring_about(&self, disk: &mut Disk, kept: &str) {
        let mut write = |path: usize, text: &dyn Fn(Text) -> Text| {
            let (old, owner) = disk.get(&ALIAS[path]).copied().unwrap_or_default();
            disk.insert(ALIAS[path], (text(old), owner));
        };
        match *self {
            Toy::Nothing => {}
            Toy::File(path, text) | Toy::Action(path, text) => write(path, &|_| text),
            Toy::Line(path, line) => write(path, &|text| text | 1 << line),
            Toy::NoLine(path, line) => write(path, &|text| text & !(1 << line)),
            Toy::Absent(path) => {
                Self::at(disk, path).collect::<Vec<_>>().iter().for_each(|at| _ = disk.remove(at))
            }
            Toy::Owned(owner) => {
                let below = disk.iter_mut().filter(|(path, _)| is_below(**path));
                below.for_each(|(_, (_, its))| *its = owner);
            }
            Toy::Purged(text) => {
                write(1, &|_| text);
                let extra: Vec<usize> = Self::extra(disk, kept).collect();
                extra.iter().for_each(|at| _ = disk.remove(at));
            }
            Toy::Command(made, path, text) => {
                write(path, &|_| text);
                write(made, &|text| text);
            }
            Toy::Custom(path, wanted, other, text) => {
                write(other, &|_| text);
                write(path, &|_| wanted);
            }
        }
    }
}

/// What a resource of a test is: what it does, its number among those of its catalog, and what it leaves to others.
#[derive(Debug, Clone, Default)]
struct Part {
    toy: Toy,
    number: usize,
    content: Option<Content>,
    others: String,
}

impl Part {
    fn script(&self, verb: &str) -> Script {
        Script::trusted(format!("{verb} {} {},", self.number, self.others))
    }

    fn footprint(&self) -> Footprint<'_> {
        let edit = |line: usize| Edit { line: Some(LINES[line]), ..Edit::default() };
        match self.toy {
            Toy::File(path, _) => {
                Footprint::at(PATHS[path], Lies::File(self.content.as_ref(), Access::default()))
            }
            Toy::Line(path, line) => Footprint::at(PATHS[path], Lies::Edited(edit(line))),
            Toy::NoLine(path, line) => {
                Footprint::at(PATHS[path], Lies::Edited(Edit { absent: true, ..edit(line) }))
            }
            Toy::Absent(path) => Footprint::at(PATHS[path], Lies::Nothing),
            Toy::Owned(_) => {
                let below = Below { owned: true, ..Below::default() };
                Footprint::at(PATHS[0], Lies::Directory(Access::default(), below))
            }
            Toy::Purged(_) => {
                let below = Below { purged: true, ..Below::default() };
                Footprint::at(PATHS[0], Lies::Directory(Access::default(), below))
                    .and_at(PATHS[1], Lies::File(self.content.as_ref(), Access::default()))
            }
            Toy::Command(made, ..) => Footprint::at(PATHS[made], Lies::Made),
            Toy::Custom(..) => Footprint::of_a_script(),
            Toy::Nothing | Toy::Action(..) => Footprint::default(),
        }
    }

    fn change(&self) -> Change {
        let action =
            if matches!(self.toy, Toy::Command(..)) { Effect::Run } else { Effect::Update };
        Change::new(action, vec![Field::new("text", "before", "after")])
    }
}

macro_rules! kind {
    ($name:ident, $static:ident, $word:literal, $nature:expr, $reacts:expr, $opaque:literal) => {
        #[derive(Deserialize, JsonSchema)]
        struct $name {
            #[serde(skip)]
            part: Part,
        }

        static $static: Typed<$name> = Typed(PhantomData);

        impl Resource for $name {
            type Observed = bool;
            type Arguments = Self;
            type Difference = Change;
            const KIND: &'static str = $word;
            const FIRST: &'static str = "part";
            const NATURE: Nature = $nature;
            const REACTS: &'static [Reaction] = $reacts;
            const OPAQUE: bool = $opaque;

            fn key(&self) -> String {
                self.part.number.to_string()
            }

            fn resolve(arguments: Self, _: &dyn Files) -> Result<Self, ArgumentError> {
                Ok(arguments)
            }

            fn footprint(&self) -> Footprint<'_> {
                self.part.footprint()
            }

            fn leaving(&self, others: &[String]) -> Option<Self> {
                Some(Self { part: Part { others: others.join(","), ..self.part.clone() } })
            }

            fn probe(batch: &[&Self]) -> Script {
                batch.iter().fold(Script::default(), |all, it| all.then(it.part.script("look")))
            }

            fn observe(batch: &[&Self], output: &str) -> Result<Vec<Looked<bool>>, Unreadable> {
                let lines: Vec<Looked<bool>> =
                    output.lines().map(|line| Ok(line == "differs")).collect();
                assert_eq!(lines.len(), batch.len(), "{output}");
                Ok(lines)
            }

            fn before(&self, _: &bool) -> Vec<Before> {
                Vec::new()
            }

            fn plan(&self, differs: &bool) -> Option<Change> {
                differs.then(|| self.part.change())
            }

            fn apply(&self, _: Option<&()>) -> Step {
                self.part.script("do").into()
            }

            fn react(&self, _: Reaction) -> Step {
                self.part.script("do").into()
            }
        }
    };
}

kind!(Plain, PLAIN, "plain", Nature::State, &[], false);
kind!(Opaque, OPAQUE, "opaque", Nature::State, &[], true);
kind!(Reacting, REACTING, "reacting", Nature::Action, &[Reaction::Run], true);

/// A host: what lies there, what is outstanding, and what the numbers in scripts mean.
struct Memory {
    toys: Arc<Vec<Toy>>,
    disk: Mutex<Disk>,
    outstanding: Mutex<BTreeMap<String, String>>,
    ran: Mutex<BTreeMap<usize, usize>>,
}

impl Memory {
    /// Does what a shell would do with the lines of a script that matter here, and gives what it would print.
    fn run(&self, script: &str) -> String {
        let frame = |line: &str| {
            Some(
                line.split_once(r"'\n%s %s\n' ")?
                    .1
                    .split(' ')
                    .next()?
                    .trim_matches('\'')
                    .to_owned(),
            )
        };
        let (mut said, mut boundary) = (String::new(), String::new());
        for line in script.lines() {
            if line.starts_with("at() {") {
                boundary = frame(line).unwrap();
                continue;
            }
            if let Some(mark) = line.strip_prefix("frame_mark=") {
                boundary = mark.split(';').next().unwrap().trim_matches('\'').to_owned();
                said += &format!("\n{boundary} 0 0\n");
                continue;
            }
            let words: Vec<&str> = line.split(' ').map(|word| word.trim_matches('\'')).collect();
            match words[..] {
                ["all_outstanding"] => {
                    let outstanding = self.outstanding.lock().unwrap();
                    outstanding.values().for_each(|line| said += &format!("{line}\n"));
                }
                [.., "ended", number] => said += &format!("\n{boundary} {number} 0\n"),
                ["at", "begin", number] => said += &format!("\n{boundary} begin {number}\n"),
                ["at", "end", number, ..] => said += &format!("\n{boundary} end {number} 0\n"),
                ["look", number, kept] => {
                    let toy = &self.toys[number.parse::<usize>().unwrap()];
                    let differs = toy.differs(&self.disk.lock().unwrap(), kept);
                    said += if differs { "differs\n" } else { "same\n" };
                }
                ["do", number, kept] => {
                    let number: usize = number.parse().unwrap();
                    self.toys[number].bring_about(&mut self.disk.lock().unwrap(), kept);
                    *self.ran.lock().unwrap().entry(number).or_default() += 1;
                }
                ["mark", marker, ..] => {
                    let line = line.split_once(marker).unwrap().1.trim().trim_matches('\'');
                    self.outstanding.lock().unwrap().insert(marker.to_owned(), line.to_owned());
                }
                ["unmark", marker] => _ = self.outstanding.lock().unwrap().remove(marker),
                ["[", "$r", "!=", "0", "]", "||", "{", "unmark", ref markers @ ..] => {
                    let mut outstanding = self.outstanding.lock().unwrap();
                    let markers = markers.iter().take_while(|word| **word != "}");
                    markers.for_each(|it| _ = outstanding.remove(it.trim_matches([';', '\''])));
                }
                _ => {}
            }
        }
        said
    }
}

#[async_trait]
impl Remote for Memory {
    async fn run(&self, script: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        output.stdout(self.run(script.text()).as_bytes());
        Ok(Exit(0))
    }

    async fn keep(&self, _: &Script, output: &mut dyn Output) -> Result<Exit, RemoteError> {
        output.stdout(b"taken\n");
        Ok(Exit(0))
    }

    async fn beside(&self, _: &Script) -> Result<Exit, RemoteError> {
        Err(RemoteError::Refused("there is nothing beside it".to_owned()))
    }

    async fn send(&self, _: &[Content]) -> Result<String, RemoteError> {
        Ok(String::new())
    }

    fn traffic(&self) -> Traffic {
        Traffic::default()
    }

    async fn close(&self) {}
}

struct Hosts(BTreeMap<Arc<str>, Arc<Memory>>);

#[async_trait]
impl Connector for Hosts {
    async fn connect(&self, host: &Host) -> Result<Arc<dyn Remote>, RemoteError> {
        Ok(self.0[&host.name].clone())
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<Failure>>);

impl Events for Told {
    fn send(&self, event: Event) {
        if let Event::Finished { outcome: Outcome::Failed(failure), .. } = event {
            self.0.lock().unwrap().push(*failure);
        }
    }
}

/// What a catalog is made of: resources with their hosts, what each reacts to or comes after, and what lies on the hosts.
#[derive(Debug, Clone)]
struct Case {
    resources: Vec<(usize, Toy, Option<prop::sample::Index>)>,
    disks: [Disk; 2],
    settles: bool,
}

const NAMES: [&str; 2] = ["h0", "h1"];

fn case() -> impl Strategy<Value = Case> {
    let (path, text, line) = (0..PATHS.len(), 0..8_u8, 0..LINES.len());
    let file = 1..PATHS.len();
    let toy = prop_oneof![
        (file.clone(), text.clone()).prop_map(|(path, text)| Toy::File(path, text)),
        (file.clone(), line.clone()).prop_map(|(path, line)| Toy::Line(path, line)),
        (file.clone(), line).prop_map(|(path, line)| Toy::NoLine(path, line)),
        path.prop_map(Toy::Absent),
        (0..3_u8).prop_map(Toy::Owned),
        text.clone().prop_map(Toy::Purged),
        (file.clone(), file.clone(), text.clone())
            .prop_map(|(a, b, text)| Toy::Command(a, b, text)),
        (file.clone(), text.clone(), file.clone(), text.clone())
            .prop_map(|(a, wanted, b, text)| Toy::Custom(a, wanted, b, text)),
        (file, text.clone()).prop_map(|(path, text)| Toy::Action(path, text)),
    ];
    let disk = prop::collection::btree_map(1..4_usize, (text, 0..3_u8), 0..3);
    let resource = (0..2_usize, toy, prop::option::of(any::<prop::sample::Index>()));
    let resources = prop::collection::vec(resource, 1..7);
    (resources, disk.clone(), disk, any::<bool>()).prop_map(|(resources, one, other, settles)| {
        Case { resources, disks: [one, other], settles }
    })
}

impl Case {
    fn catalog(&self) -> Catalog {
        let mut catalog = Catalog::new();
        let mut nodes: Vec<NodeId> = Vec::new();
        for (number, (host, toy, other)) in self.resources.iter().enumerate() {
            let content = match toy {
                Toy::File(_, text) | Toy::Purged(text) => {
                    let line = |(at, line): (usize, &&str)| {
                        if text & (1 << at) == 0 { String::new() } else { format!("{line}\n") }
                    };
                    let lines: String = LINES.iter().enumerate().map(line).collect();
                    Some(Content::new(lines.into_bytes()))
                }
                _ => None,
            };
            let part = Part { toy: toy.clone(), number, content, others: String::new() };
            let (kind, desired): (&'static dyn kind::Kind, kind::Desired) = match toy {
                Toy::Action(..) => (&REACTING, Arc::new(Reacting { part })),
                toy if toy.is_opaque() => (&OPAQUE, Arc::new(Opaque { part })),
                _ => (&PLAIN, Arc::new(Plain { part })),
            };
            let (key, owns) = (number.to_string(), number.to_string());
            let place = Place { file: "x.rhai".into(), line: number + 1, column: 1 };
            let declared = Declaration { place, chain: [].into() };
            let resource = kind::DesiredResource {
                key,
                owns,
                desired,
                timeout: None,
                confirm: Default::default(),
            };
            let host = NAMES[*host].into();
            let node =
                catalog.declare(&host, kind, resource, declared, BlockId::default()).unwrap();
            if let Some(other) = other.filter(|_| !nodes.is_empty()) {
                let other = *other.get(&nodes);
                match toy {
                    Toy::Action(..) => catalog.react(node, other, Reaction::Run),
                    _ => catalog.order(node, other),
                }
            }
            nodes.push(node);
        }
        if self.settles {
            // What contradicts is refused before a run; here it comes to one all the same.
            let _ = catalog.settle(&|text| Pattern::new(text).map(Arc::new));
        }
        catalog
    }

    /// How a run ends, what it says of failures, whether the next one would do something, and how often an action ran.
    async fn run(&self) -> (ExitStatus, Vec<Failure>, bool, usize) {
        let text = "[hosts]\nh0 = {}\nh1 = {}\n";
        let source = Source::new("inventory.toml", text);
        let given =
            Given { source, format: InventoryFormat::Toml, folder: "/".into(), home: "/".into() };
        let inventory = Arc::new(Inventory::parse(&[given], &[]).unwrap());
        let toys: Arc<Vec<Toy>> =
            Arc::new(self.resources.iter().map(|(_, toy, _)| toy.clone()).collect());
        let memory = |disk: &Disk| {
            let (toys, disk) = (toys.clone(), Mutex::new(disk.clone()));
            Arc::new(Memory { toys, disk, outstanding: Mutex::default(), ran: Mutex::default() })
        };
        let hosts =
            NAMES.iter().zip(&self.disks).map(|(name, disk)| ((*name).into(), memory(disk)));
        let hosts = Arc::new(Hosts(hosts.collect()));
        let (told, (_sender, interrupt)) = (Arc::new(Told::default()), Interrupt::new());
        let run = Run {
            id: "run-1".to_owned(),
            who: "somebody".to_owned(),
            connector: hosts.clone(),
            events: told.clone(),
            lookup: Arc::new(|name| Ok(Secret::new(name, ""))),
            concurrency: 10,
            limit: None,
            lock_wait: Duration::ZERO,
            limits: crate::input::config::Limits::default(),
            interrupt,
        };
        let fleet = Arc::new(Fleet::new(hosts.clone(), told.clone(), inventory, 10, run.limits));
        let catalog = Arc::new(self.catalog());
        let graph = Graph::build(&catalog).unwrap();
        let all: Vec<NodeId> = catalog.nodes().map(|(id, _)| id).collect();
        let probing = |host| Event::Probing { host };
        let look = async || {
            let seen = observe::observe(&catalog, all.clone(), [], &fleet, probing).await;
            Plan::new(&catalog, &graph, &seen.nodes)
        };
        let plan = look().await;
        let mut wave = Wave {
            catalog: catalog.clone(),
            graph: Graph::build(&catalog).unwrap(),
            known: Known::default(),
            asked: BTreeMap::new(),
            notes: Vec::new(),
            tally: Tally::new(&catalog),
        };
        let mut work = Work { fleet: &fleet, approved: None };
        run.rounds(&mut work, &mut wave, &Anew::default(), &plan).await;
        let status = wave.tally.status(&BTreeMap::new());
        let failures = std::mem::take(&mut *told.0.lock().unwrap());
        let is_action = |number: &usize| matches!(toys[*number], Toy::Action(..));
        let ran = |host: &Arc<Memory>| {
            let ran = host.ran.lock().unwrap();
            let actions = ran.iter().filter(|(number, _)| is_action(number));
            actions.map(|(_, times)| *times).max()
        };
        let ran = hosts.0.values().filter_map(ran).max();
        (status, failures, look().await.acts(), ran.unwrap_or_default())
    }
}

#[test]
fn after_a_green_run_the_next_one_does_nothing_and_else_both_are_named_that_undo_each_other() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(1000));
    let green = std::cell::Cell::new(0);
    let ended = runner.run(&case(), |case| {
        let (status, failures, acts, ran) = runtime.block_on(case.run());
        prop_assert!(ran <= 3, "an action ran {ran} times");
        if status == ExitStatus::Converged {
            green.set(green.get() + 1);
            prop_assert!(!acts, "the run is green, and the next one would do something");
            return Ok(());
        }
        prop_assert!(!failures.is_empty());
        for failure in failures {
            let names_it =
                [" undo each other", " undoes it"].iter().any(|it| failure.message.contains(it));
            prop_assert!(names_it && failure.hint.is_some(), "{failure:?}");
        }
        Ok(())
    });
    ended.unwrap();
    let green = green.get();
    assert!((300..950).contains(&green), "{green} of 1000 are green: both must be tried");
}
