//! A plan that is shown, and carried out after a yes.

use converge::{
    plan::{
        event::Event,
        exit_status::ExitStatus::{Converged, Failed, Pending},
    },
    run::{Asks, Purpose},
};

use super::{FILES, fleet::Fleet};

/// Answers, once something happened.
fn answers(yes: bool, before: impl FnOnce() + Send + 'static) -> Purpose {
    let asks: Asks = Box::new(move || {
        before();
        Box::pin(async move { yes })
    });
    Purpose::Ask(asks)
}

#[tokio::test]
async fn a_yes_carries_out_what_was_shown_on_the_same_connections() {
    let fleet = Fleet::new(&["a", "b"]);
    let ran = fleet.run(FILES, answers(true, || {})).await.unwrap();
    assert_eq!((ran.status, fleet.read("b", "l").as_deref()), (Converged, Some("b")));
    let count = |is: fn(&Event) -> bool| ran.events.iter().filter(|event| is(event)).count();
    assert_eq!(count(|event| matches!(event, Event::Connected { .. })), 2);
    assert_eq!(count(|event| matches!(event, Event::Planned { .. })), 6, "it is told once");
    assert_eq!(count(|event| matches!(event, Event::PlanFinished)), 1);
    assert_eq!(ran.counts("a"), [0, 3, 0, 0, 0, 0, 0]);
}

#[tokio::test]
async fn anything_else_changes_nothing() {
    let fleet = Fleet::new(&["a"]);
    let ran = fleet.run(FILES, answers(false, || {})).await.unwrap();
    assert_eq!((ran.status, ran.counts("a")), (Pending, [0, 0, 3, 0, 0, 0, 0]));
    assert!(!fleet.at("a", "d").exists() && !fleet.at("a", "state").exists());
}

#[tokio::test]
async fn where_there_is_nothing_to_do_nobody_is_asked() {
    let fleet = Fleet::new(&["a"]);
    assert_eq!(fleet.apply(FILES).await.status, Converged);
    let ran = fleet.run(FILES, answers(true, || panic!("somebody was asked"))).await.unwrap();
    assert_eq!(ran.status, Converged);
}

#[tokio::test]
async fn what_changed_while_somebody_thought_is_refused() {
    let fleet = Fleet::new(&["a"]);
    let path = fleet.at("a", "d");
    let by_hand = move || {
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("f"), "by hand").unwrap();
    };
    let ran = fleet.run(FILES, answers(true, by_hand)).await.unwrap();
    assert_eq!((ran.status, fleet.read("a", "d/f").as_deref()), (Failed, Some("by hand")));
    assert!(ran.outcome("d/f").starts_with("refused"), "{}", ran.outcome("d/f"));
}
