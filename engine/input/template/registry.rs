//! Every filter, test, function and method that a template can use: the one list, for the engine and for the manual.

use minijinja::{
    Environment, Error, ErrorKind, State,
    value::{Rest, Value, ValueOrKwargs},
};

use super::{
    arguments::Arguments,
    container, filter, function, method, test,
    word::{Chapter, Word},
};

/// All filters.
pub static FILTERS: &[Chapter] = filter::CHAPTERS;

/// All tests.
pub static TESTS: &[Chapter] = &[Chapter { title: "Tests", words: test::TESTS }];

/// All functions.
pub static FUNCTIONS: &[Chapter] = &[Chapter { title: "Functions", words: function::FUNCTIONS }];

/// The methods of texts, lists and maps.
pub static METHODS: [(&str, &[&str]); 3] = [
    ("texts", &method::TEXT_METHODS),
    ("lists", &container::LIST_METHODS),
    ("maps", &container::MAP_METHODS),
];

/// Before the names of what Ansible brings, in templates that write them in full.
const COLLECTIONS: [&str; 2] = ["ansible.builtin.", "ansible.legacy."];

/// Each name of a word, and how it is written: alone, and in full.
fn in_all_collections(word: &Word, mut add: impl FnMut(&'static str, String)) {
    for name in word.names {
        for collection in [""].into_iter().chain(COLLECTIONS) {
            add(name, [collection, name].concat());
        }
    }
}

fn words(chapters: &'static [Chapter]) -> impl Iterator<Item = &'static Word> {
    chapters.iter().flat_map(|chapter| chapter.words)
}

/// Whether a name is one of the language itself.
pub fn is_function(name: &str) -> bool {
    let own = ["loop", "self", "super", "caller", "varargs", "kwargs", "True", "False", "None"];
    own.contains(&name) || words(FUNCTIONS).any(|word| word.names.contains(&name))
}

/// Adds them all.
pub(super) fn furnish(environment: &mut Environment<'static>) {
    for word in words(FILTERS) {
        in_all_collections(word, |name, full| match word.call {
            Some(call) => environment.add_filter(full, {
                move |state: &mut State<'_, '_>, value: &Value, rest: Rest<ValueOrKwargs>| {
                    if value.is_undefined() && !word.takes_undefined {
                        return Ok(value.clone());
                    }
                    call(state, value, Arguments::new(name, &rest.into_values())?)
                }
            }),
            None if full == name => {}
            None => environment.add_filter(
                full,
                move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
                    state.apply_filter(name, &args.into_values())
                },
            ),
        });
    }
    for word in words(TESTS) {
        in_all_collections(word, |name, full| match word.call {
            Some(call) => environment.add_test(full, {
                move |state: &mut State<'_, '_>, value: &Value, rest: Rest<ValueOrKwargs>| {
                    if value.is_undefined() {
                        return Err(Error::from(ErrorKind::UndefinedError));
                    }
                    call(state, value, Arguments::new(name, &rest.into_values())?)
                }
            }),
            None if full == name => {}
            None => environment.add_test(
                full,
                move |state: &mut State<'_, '_>, args: Rest<ValueOrKwargs>| {
                    state.perform_test(name, &args.into_values())
                },
            ),
        });
    }
    for word in words(FUNCTIONS) {
        for name in word.names {
            if let Some(call) = word.call {
                environment.add_function(
                    *name,
                    move |state: &mut State<'_, '_>, rest: Rest<ValueOrKwargs>| {
                        call(state, &Value::UNDEFINED, Arguments::new(name, &rest.into_values())?)
                    },
                );
            }
        }
    }
    function::furnish(environment);
}
