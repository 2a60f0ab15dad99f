//! `converge doc`: the manual of kinds, functions, roles, facts, templates, inventories, configuration and errors, from these themselves.

use super::setup::Setup;
use crate::{
    base::diagnostic::{Diagnostic, Result, did_you_mean},
    evaluate::language::{Known, Manual},
    input::{
        config::keys,
        inventory,
        template::{
            self,
            registry::{FILTERS, FUNCTIONS, TESTS},
            word::Word,
        },
    },
    plan::exit_status::ExitStatus,
    report::errors,
    resources::{
        ansible,
        kinds::{self, KINDS},
        manual,
    },
};

/// A line for the index of the manual.
const LANGUAGE: &str = "language   all of the above, and the counterparts of Ansible's names\n";

pub(super) fn run(setup: &Setup, words: &[String]) -> Result<ExitStatus> {
    // The kinds and the language can be looked up where there is no project, or one with an error in it.
    let project = setup.project(None);
    let manual = project.and_then(|project| Manual::of(project.input(&[], Known::default())));
    let (language, error) = match manual {
        Ok(manual) => (manual, None),
        Err(error) => (Manual::of_language(), Some(error)),
    };
    // `converge doc role nginx` is `converge doc nginx`.
    let text = match words.last() {
        None => format!(
            "Kinds\n\n{}{}\nMore, by `converge doc NAME`; and each of the names in it\n\n{}{}{}{}{}",
            manual::index(),
            language.index(),
            LANGUAGE,
            template::manual::INDEX,
            inventory::manual::INDEX,
            keys::INDEX,
            errors::INDEX
        ),
        Some(name) if name == "inventory" => inventory::manual::book(),
        Some(name) if name == "templates" => template::manual::book(),
        Some(name) if name == "kinds" => manual::book(),
        Some(name) if name == "configuration" => keys::book(),
        Some(name) if name == "errors" => errors::book(),
        Some(name) if name == "language" => Manual::of_language().book(),
        // What is not found may be of the project.
        Some(name) => page(name, words.len() > 1, &language)
            .map_err(|unknown| error.clone().unwrap_or(unknown))?,
    };
    if words.is_empty() {
        setup.report.diagnostics(&error.into_iter().collect::<Vec<_>>());
    }
    setup.report.print(&text);
    Ok(ExitStatus::Converged)
}

fn page(name: &str, is_role: bool, language: &Manual) -> Result<String> {
    let kind = kinds::kind(name).filter(|_| !is_role);
    let mut pages: Vec<String> = kind.map(manual::page).into_iter().collect();
    if !is_role {
        pages.extend(of_templates(name));
        pages.extend(inventory::manual::page(name));
        pages.extend(keys::page(name));
        pages.extend(errors::page(name));
    }
    pages.extend(language.page(name));
    if !pages.is_empty() {
        return Ok(pages.join("\n"));
    }
    let keys = inventory::manual::names();
    let names = KINDS.iter().map(|kind| kind.name()).chain(language.names());
    let names = names.chain(keys.iter().map(String::as_str));
    let hint = did_you_mean(name, names).or_else(|| ansible::near(name));
    let message = format!("there is no kind, function, role, fact, filter or key `{name}`");
    let error = Diagnostic::new("doc::unknown", message);
    Err(error.hint(hint.unwrap_or_else(|| "`converge doc` lists them".to_owned())))
}

/// What a template can do with a name.
fn of_templates(name: &str) -> Option<String> {
    let lists = [("filter", FILTERS), ("test", TESTS), ("function", FUNCTIONS)];
    let words = lists.into_iter().flat_map(|(what, chapters)| {
        chapters.iter().flat_map(|chapter| chapter.words).map(move |word| (what, word))
    });
    let words = words.filter(|(_, word)| word.names.contains(&name));
    let line = |(what, word): (&str, &Word)| {
        format!("the {what} `{}` of templates\n  {}\n", word.names.join("`, `"), word.about)
    };
    let page: String = words.map(line).chain(template::manual::of_name(name)).collect();
    (!page.is_empty()).then_some(page)
}
