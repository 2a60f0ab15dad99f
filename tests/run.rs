//! Runs over hosts that are folders, through the same door that the command line takes.

mod fleet;
mod faraway;
pub(crate) mod segment;
mod ask;
mod chaos;
mod deadlines;
mod deaths;
mod distance;
mod failure;
mod fights;
mod guarded;
mod limit;
mod lists;
mod lost;
mod opening;
mod order;
mod reactions;
mod reboot;
mod rolling;
mod scale;
mod shown;
mod swarm;
mod undo;
mod verify;
mod waves;

use converge::{
    plan::{
        event::Event,
        exit_status::ExitStatus::{Converged, Failed, Pending},
    },
    run::Purpose,
};
use fleet::Fleet;
use tempfile::TempDir;

const FILES: &str = r#"on(hosts("all"), |host| {
    let r = host.vars.root;
    directory(`${r}/d`);
    file(`${r}/d/f`, #{ content: host.name });
    link(`${r}/l`, #{ to: `${r}/d/f` });
});"#;

#[tokio::test]
async fn a_run_converges_and_the_next_one_finds_nothing_in_one_round_trip() {
    let fleet = Fleet::new(&["a", "b"]);
    let plan = fleet.plan(FILES).await;
    assert_eq!(plan.status, Pending);
    assert_eq!(plan.counts("a"), [0, 0, 3, 0, 0, 0, 0]);
    assert!(!fleet.at("a", "d").exists(), "a plan changes nothing");

    let first = fleet.apply(FILES).await;
    assert_eq!(first.status, Converged);
    for host in ["a", "b"] {
        assert_eq!(fleet.read(host, "l").as_deref(), Some(host));
        assert_eq!(first.counts(host), [0, 3, 0, 0, 0, 0, 0]);
        // The state, the lock, and the segment with its content and the state after it.
        assert_eq!((first.round_trips(host), first.rounds(host)), (3, vec![1]));
    }

    let second = fleet.apply(FILES).await;
    assert_eq!(second.status, Converged);
    for host in ["a", "b"] {
        assert_eq!(second.counts(host), [3, 0, 0, 0, 0, 0, 0]);
        assert_eq!((second.round_trips(host), second.rounds(host)), (1, vec![]));
    }
    assert_eq!(second.started(""), 0);
}

#[tokio::test]
async fn old_text_comes_back_for_exactly_the_files_that_differ() {
    // Very many are compared at once where nobody else can put anything.
    let ours = || tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for (more, folder) in [(0, tempfile::tempdir().unwrap()), (0, ours()), (60, ours())] {
        old_text_comes_back_beside(more, folder).await;
    }
}

async fn old_text_comes_back_beside(more: usize, folder: TempDir) {
    let playbook = |text: &str| {
        format!(
            r#"on(hosts("all"), |host| {{
                let r = host.vars.root;
                for n in 0..{more} {{ file(`${{r}}/more-${{n}}`, #{{ content: `${{n}}` }}); }}
                file(`${{r}}/same`, #{{ content: "same\n" }});
                file(`${{r}}/seed`, #{{ content: "{text}\n", replace: false }});
                file(`${{r}}/gone-{text}`, #{{ content: "x" }});
                file(`${{r}}/two words`, #{{ content: "{text}\n" }});
                file(`${{r}}/last`, #{{ content: "same\n" }});
            }});"#
        )
    };
    let fleet = Fleet::within(folder, &["a"]);
    assert_eq!(fleet.apply(&playbook("old")).await.status, Converged);
    assert_eq!(fleet.plan(&playbook("old")).await.counts("a"), [more + 5, 0, 0, 0, 0, 0, 0]);
    let ran = fleet.plan(&playbook("new")).await;
    let planned: Vec<String> = ran.events.iter().filter_map(planned).collect();
    assert_eq!(
        planned,
        [
            r#"gone-new: Field { name: "content", before: Nothing, after: Text("x") }, Field { name: "mode", before: Nothing, after: Text("0644") }"#,
            r#"two words: Field { name: "content", before: Text("old\n"), after: Text("new\n") }"#,
        ]
    );
}

/// What is planned for a file, if anything.
fn planned(event: &Event) -> Option<String> {
    let Event::Planned { node, plan, .. } = event else { return None };
    let change = plan.change()?;
    let (_, name) = node.node.rsplit_once('/')?;
    let fields: Vec<String> = change.fields.iter().map(|field| format!("{field:?}")).collect();
    Some(format!("{name}: {}", fields.join(", ")))
}

#[tokio::test]
async fn events_tell_the_story_in_order() {
    let fleet = Fleet::new(&["a"]);
    let ran = fleet.apply(FILES).await;
    let told: Vec<String> = ran.events.iter().map(name).collect();
    let story = [
        "connecting",
        "connected",
        "probing",
        "planned",
        "planned",
        "planned",
        "plan_finished",
        "started",
        "finished",
        "started",
        "finished",
        "started",
        "finished",
        "verifying",
        "summary",
    ];
    assert_eq!(told, story);
}

fn name(event: &Event) -> String {
    serde_json::to_value(event).unwrap()["event"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_limit_leaves_the_other_hosts_alone() {
    let mut fleet = Fleet::new(&["a", "b"]);
    fleet.limit = Some(["a".into()].into());
    let ran = fleet.apply(FILES).await;
    assert_eq!((ran.status, ran.counts("a")), (Converged, [0, 3, 0, 0, 0, 0, 0]));
    assert!(!fleet.at("b", "d").exists());
    let b = |event: &&Event| matches!(event, Event::Connecting { host } if **host == *"b");
    assert_eq!(ran.events.iter().filter(b).count(), 0);
}

const APPROVED: &str = r#"on(hosts("a"), |host| {
    let r = host.vars.root;
    let one = file(`${r}/one`, #{ content: "1" });
    file(`${r}/two`, #{ content: "2" });
    action("tell", #{ run: `echo told >>${host.vars.log}`, on: [one] });
});"#;

#[tokio::test]
async fn an_approved_plan_is_refused_where_the_host_changed_since_and_applied_elsewhere() {
    let fleet = Fleet::new(&["a"]);
    let plan = fleet.plan(APPROVED).await.plan;
    fleet.write("a", "one", "by hand");
    let purpose = Purpose::Apply { approved: Some(plan) };
    let ran = fleet.run(APPROVED, purpose).await.unwrap();
    assert_eq!(ran.status, Failed);
    assert_eq!(ran.outcome("/one"), "refused: it changed on the host since the plan was made");
    assert!(ran.planned("/one").unwrap().acts(), "the difference is shown");
    assert_eq!(ran.outcome("/two"), "changed");
    assert_eq!((ran.planned("action:tell").unwrap().acts(), fleet.log().len()), (false, 0));
    assert_eq!(fleet.read("a", "one").as_deref(), Some("by hand"));
    assert_eq!((ran.counts("a"), fleet.markers("a")), ([1, 1, 0, 0, 0, 1, 0], 0));
}

#[tokio::test]
async fn an_approved_plan_does_what_was_approved_and_nothing_else() {
    let fleet = Fleet::new(&["a"]);
    let plan = fleet.plan(APPROVED).await.plan;
    let wider = APPROVED.replace("content: \"2\"", "content: \"3\"");
    let more = wider.replace("action(", "link(`${r}/three`, #{ to: r }); action(");
    let purpose = Purpose::Apply { approved: Some(plan) };
    let ran = fleet.run(&more, purpose).await.unwrap();
    assert_eq!(ran.status, Failed);
    assert_eq!(ran.outcome("/one"), "changed");
    let otherwise = "refused: the playbook declares something else than what was approved";
    assert_eq!(ran.outcome("/two"), otherwise);
    assert_eq!(ran.outcome("/three"), "refused: the approved plan has no change for it");
    assert_eq!(fleet.log(), ["told"]);
}

/// What a shell could take for anything but text.
const ODD: &str = "-n %s\\n 'a' \"b\" $HOME `id` \\ \u{e4}\u{20ac}\t!\n\n# no end of line";

#[tokio::test]
async fn content_comes_to_a_host_as_it_is_and_what_it_came_by_goes() {
    for sensitive in [false, true] {
        let fleet = Fleet::new(&["a"]);
        let playbook = format!(
            r#"on(hosts("a"), |host| {{
            let r = host.vars.root;
            let look = `ls -ld "$STAGE" >${{r}}/mode; echo "$STAGE" >${{r}}/where`;
            file(`${{r}}/odd`, #{{ content: {ODD:?}, validate: look, sensitive: {sensitive} }});
            file(`${{r}}/empty`, #{{ content: "" }});
        }});"#
        );
        let ran = fleet.apply(&playbook).await;
        assert_eq!(ran.status, Converged, "{:?}", ran.events);
        assert_eq!(fleet.read("a", "odd").as_deref(), Some(ODD));
        assert_eq!(fleet.read("a", "empty").as_deref(), Some(""));
        assert!(fleet.read("a", "mode").unwrap().starts_with("drwx------"));
        let stage = fleet.read("a", "where").unwrap();
        assert!(stage.contains(if sensitive { "/converge." } else { "/segment/stage" }), "{stage}");
        let left = std::fs::read_dir(stage.trim()).map(Iterator::count);
        assert!(left.as_ref().map_or(sensitive, |left| *left == 0 && !sensitive), "{left:?}");
    }
}
