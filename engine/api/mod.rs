//! The front door: what the commands use, and what another program uses that runs converge.
//!
//! In: [`Options`] and playbooks. Out: a [`Project`], the [`Event`]s of its runs, and how each run [`Ended`]. Never in it: the
//! terminal, the command line, what a host is asked.
//!
//! ```no_run
//! use std::sync::Arc;
//!
//! use converge::api::{Event, Events, Interrupt, Options, Project, Purpose, Result};
//!
//! /// Names each resource that comes to an end. Other texts of events may hold secrets: `Project::redactor` takes them out.
//! struct Watcher;
//!
//! impl Events for Watcher {
//!     fn send(&self, event: Event) {
//!         if let Event::Finished { node, .. } = event {
//!             println!("{} on {}", node.node, node.host);
//!         }
//!     }
//! }
//!
//! async fn show_plan() -> Result<()> {
//!     let playbooks = ["playbooks/site.rhai".to_owned()];
//!     let options = Options { limit: Some("web".to_owned()), ..Options::default() };
//!     let project = Project::open(options, playbooks.first().map(String::as_str))?;
//!     let (_sender, interrupt) = Interrupt::new();
//!     let run = project.run("run-1".to_owned(), Arc::new(Watcher), interrupt)?;
//!     let ended = project.carry_out(&run, &playbooks, Purpose::Plan).await?;
//!     println!("{}", serde_json::to_string(&ended.plan).expect("a plan is data"));
//!     Ok(())
//! }
//! ```

mod options;
mod project;
mod check;

pub(crate) use self::project::{current, shown};
pub use self::{check::Checked, options::Options, project::Project};
pub use crate::{
    base::{
        diagnostic::{Diagnostic, Result},
        secret::Redactor,
    },
    evaluate::language::Note,
    input::inventory::{Host, Inventory},
    plan::{
        event::{self, Event, Events},
        exit_status::ExitStatus,
    },
    resources::change,
    run::{Ended, Interrupt, PlanFile, Purpose, Run},
};
