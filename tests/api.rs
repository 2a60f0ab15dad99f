//! What another program does with converge: through `converge::api`, and nothing else.

use std::{
    fs,
    sync::{Arc, Mutex},
};

use converge::api::{Event, Events, ExitStatus, Interrupt, Options, Project, Purpose};

/// Keeps what it is told.
#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl Events for Kept {
    fn send(&self, event: Event) {
        let json = serde_json::to_value(&event).unwrap();
        self.0.lock().unwrap().push(json["event"].as_str().unwrap().to_owned());
    }
}

/// A folder with a playbook that declares one file, and the playbook's path.
fn project(declared: &str) -> (tempfile::TempDir, Vec<String>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.rhai");
    fs::write(&path, format!("on(hosts(\"localhost\"), |host| {{ {declared} }});")).unwrap();
    (folder, vec![path.display().to_string()])
}

#[tokio::test]
async fn a_program_checks_and_plans_as_the_commands_do() {
    let target = tempfile::tempdir().unwrap();
    let file = target.path().join("made").display().to_string();
    let (_folder, playbooks) = project(&format!("file(\"{file}\", #{{ content: \"x\" }});"));
    let project = Project::open(Options::default(), Some(&playbooks[0])).unwrap();
    let checked = project.check(&playbooks);
    assert_eq!((checked.errors.len(), checked.resources), (0, Some(1)));
    let kept = Arc::new(Kept::default());
    let (_sender, interrupt) = Interrupt::new();
    let run = project.run("run-1".to_owned(), kept.clone(), interrupt).unwrap();
    let ended = project.carry_out(&run, &playbooks, Purpose::Plan).await.unwrap();
    assert_eq!(ended.status, ExitStatus::Pending);
    assert!(serde_json::to_string(&ended.plan).unwrap().contains(&format!("file:{file}")));
    let told = kept.0.lock().unwrap().join(" ");
    assert!(told.contains("planned") && told.contains("plan_finished"), "{told}");
    assert!(!fs::exists(&file).unwrap(), "a plan changes nothing");
}

#[test]
fn a_check_gives_errors_with_their_place() {
    let (_folder, playbooks) = project("file(\"/x\", #{ contnet: \"x\" });");
    let project = Project::open(Options::default(), Some(&playbooks[0])).unwrap();
    let checked = project.check(&playbooks);
    let [error] = checked.errors.as_slice() else { panic!("{} errors", checked.errors.len()) };
    assert!(error.in_one_line().contains("contnet"), "{}", error.in_one_line());
    assert_eq!(error.place().map(|place| place.line), Some(1));
}

#[test]
fn options_are_data() {
    let options = Options { limit: Some("web".to_owned()), ..Options::default() };
    let text = serde_json::to_string(&options).unwrap();
    assert_eq!(serde_json::from_str::<Options>(&text).unwrap(), options);
    assert_eq!(serde_json::from_str::<Options>("{}").unwrap(), Options::default());
    assert!(serde_json::from_str::<Options>("{\"limits\": \"web\"}").is_err());
}
