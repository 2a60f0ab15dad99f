//! What templates make of their context, and which of it is sensitive.

use std::collections::BTreeSet;

use super::*;
use crate::base::secret::Secret;

fn context() -> Context {
    let secret = || Value::Secret(Secret::new("db", "hunter2&x"));
    let map = |entries: Vec<(&str, Value)>| {
        entries
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<IndexMap<_, _>>()
    };
    let user = map(vec![("name", "ops".into()), ("password", secret())]);
    let hidden = map(vec![("name", "hidden".into()), ("s", secret())]);
    let shown = map(vec![
        ("name", "web".into()),
        ("port", Value::Int(80)),
        ("empty", Value::List(Vec::new())),
        ("names", Value::List(vec!["b".into(), "a".into()])),
        ("users", Value::List(vec![Value::Map(user.clone())])),
        ("user", Value::Map(user)),
        (
            "host",
            Value::Map(map(vec![("vars", Value::Map(map(vec![("api_port", Value::Int(1))])))])),
        ),
    ]);
    Context(vec![Arc::new(hidden), Arc::new(shown)])
}

fn render_text(text: &str) -> Result<Rendered> {
    let site = Source::new("site.j2", text);
    let sources: Includes = Arc::new(move |name| {
        Ok(match name {
            "site.j2" => Some(site.clone()),
            "part.j2" => Some(Source::new("part.j2", "port {{ port }}\n")),
            "broken.j2" => Some(Source::new("broken.j2", "ok\n{{ prot }}\n")),
            "secret.j2" => Some(Source::new("secret.j2", "{{ user.password }}")),
            "closed.j2" => return Err("cannot read closed.j2: Permission denied".to_owned()),
            _ => None,
        })
    });
    Templates::new(sources).render("site.j2", &context())
}

fn plain(text: &str) -> String {
    let rendered = render_text(text).unwrap();
    assert!(!rendered.sensitive, "{text}");
    rendered.text
}

fn sensitive(text: &str) -> String {
    let rendered = render_text(text).unwrap();
    assert!(!format!("{rendered:?}").contains("unter"));
    assert!(rendered.sensitive, "{text}");
    rendered.text
}

#[test]
fn jinja_is_set_up_as_in_ansible() {
    assert_eq!(plain("a\n"), "a\n");
    assert_eq!(plain("{% if true %}\na\n{% endif %}\nb\n"), "a\nb\n");
    assert_eq!(plain("{{ '<&>\"' }} {{ names }}"), "<&>\" ['b', 'a']");
    assert_eq!(plain("{{ nope | default('d') }}"), "d");
    assert_eq!(
        plain("{% for k, v in host.vars.items() %}{{ k }}={{ v }}{% endfor %}"),
        "api_port=1"
    );
    assert_eq!(plain("{{ 'a b'.split()[1] }} {{ true }} {{ none }}."), "b True .");
    assert_eq!(plain("{% include 'part.j2' %}"), "port 80");
    assert_eq!(
        plain("{{ names[-1] }} {{ names[:1] }} {{ names + ['c'] }}"),
        "a ['b'] ['b', 'a', 'c']"
    );
    assert_eq!(
        plain("{% if empty %}x{% endif %}{{ empty == [] }} {{ 'a' in names }}"),
        "True True"
    );
}

#[test]
fn a_later_value_hides_an_earlier_one_of_the_same_name() {
    assert_eq!(plain("{{ name }}"), "web");
    assert_eq!(sensitive("{{ s }}"), "hunter2&x");
}

#[test]
fn filters_do_what_ansible_does() {
    assert_eq!(plain("{{ names | to_json }}"), "[\"b\", \"a\"]");
    assert_eq!(
        plain("{{ host | to_nice_json }}"),
        "{\n    \"vars\": {\n        \"api_port\": 1\n    }\n}"
    );
    assert_eq!(plain("{{ ('{\"a\": [1]}' | from_json).a[0] }}"), "1");
    assert_eq!(plain("{{ 'é' | b64encode }} {{ 'w6k=' | b64decode }}"), "w6k= é");
    assert_eq!(plain("{{ \"it's\" | quote }}"), "'it'\"'\"'s'");
    assert_eq!(
        plain(r"{{ 'web-12' | regex_replace('([a-z]+)-(\\d+)', '\\2.\\1$0') }}"),
        "12.web$0"
    );
    assert_eq!(
        plain("{{ '/etc/a.conf' | basename }} {{ '/etc/a.conf' | dirname }}"),
        "a.conf /etc"
    );
    assert_eq!(plain("{{ '/a' | dirname }} {{ 'a' | dirname }}"), "/ ");
    assert_eq!(plain("{{ names | sort | join(',') }}"), "a,b");
    let words = "{% for w in ['yes', 'On', '1', 1, true, 'no', 'off', 0, '', 'x'] %}{{ w | bool }} {% endfor %}";
    assert_eq!(plain(words), "True True True True True False False False False False ");
    assert!(plain("{{ 'abc' | sha256 }}").starts_with("ba7816bf"));
}

#[test]
fn a_secret_makes_the_text_sensitive_whatever_way_it_is_read() {
    assert_eq!(sensitive("{{ s }}"), "hunter2&x");
    assert_eq!(sensitive("{{ s | b64encode }}"), "aHVudGVyMiZ4");
    assert_eq!(sensitive("{{ s ~ 'x' }}"), "hunter2&xx");
    assert_eq!(sensitive("{% if s == 'hunter2&x' %}same{% endif %}"), "same");
    assert_eq!(sensitive("{% if s %}yes{% endif %}"), "yes");
    assert_eq!(sensitive("{{ s | length }} {{ s[0] }} {{ s.upper() }}"), "9 h HUNTER2&X");
    assert_eq!(sensitive("{{ user['password'] }}"), "hunter2&x");
    assert_eq!(sensitive("{{ user | to_json }}"), r#"{"name": "ops", "password": "hunter2&x"}"#);
    assert_eq!(sensitive("{{ users }}"), "[{'name': 'ops', 'password': 'hunter2&x'}]");
    assert_eq!(sensitive("{% for k, v in user.items() %}{{ v }} {% endfor %}"), "ops hunter2&x ");
    assert_eq!(sensitive("{% for u in users %}{{ u.password }}{% endfor %}"), "hunter2&x");
    assert_eq!(sensitive("{{ users | map(attribute='password') | join }}"), "hunter2&x");
    assert_eq!(sensitive("{{ (user | dictsort)[1][1] }}"), "hunter2&x");
    assert_eq!(sensitive("{{ user.values() | list | last }}"), "hunter2&x");
    assert_eq!(
        sensitive("{% set x = user %}{% if x == user %}{{ x.get('password') }}{% endif %}"),
        "hunter2&x"
    );
    assert_eq!(sensitive("{% include 'secret.j2' %}"), "hunter2&x");
    assert_eq!(
        sensitive("{% macro m(a) %}{{ a.password }}{% endmacro %}{{ m(user) }}"),
        "hunter2&x"
    );
}

#[test]
fn a_secret_that_is_not_read_makes_nothing_sensitive() {
    assert_eq!(plain("{{ user.name }} {{ users[0].name }} {{ users | length }}"), "ops ops 1");
    assert_eq!(
        plain("{{ user.keys() | list | join(',') }} {{ 's' in user }}"),
        "name,password False"
    );
    assert_eq!(plain("{{ name }}{{ port }}"), "web80");
}

#[test]
fn an_error_never_holds_a_secret() {
    for text in [
        "{{ s | human_to_bytes }}",
        "{{ s.upper() | human_to_bytes }}",
        "{{ s | reverse | human_to_bytes }}",
        "{{ [s] | combine }}",
        "{% if s < 1 %}{% endif %}",
        "{{ s + 1 }}",
        "{{ user.password.nope.x }}",
        "{{ [s] | sum }}",
        "{{ s() }}",
        "{{ s | from_json }}",
        "{% include s %}",
    ] {
        let error = render_text(text).unwrap_err();
        let shown = format!("{error} {:?} {:?}", error, error.hint_text());
        let shown = shown.to_lowercase();
        assert!(!shown.contains("hunter2") && !shown.contains("2retnuh"), "{shown}");
    }
}

#[test]
fn an_endless_template_is_stopped() {
    let text =
        "{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}";
    assert_eq!(render_text(text).unwrap_err().kind(), "template::limit");
    let text = "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}";
    assert_eq!(render_text(text).unwrap_err().kind(), "template::error");
}

#[test]
fn the_place_of_an_error_in_an_include_is_in_the_include() {
    let error = render_text("a\n{% include 'broken.j2' %}\n").unwrap_err();
    assert_eq!(error.place().unwrap().to_string(), "broken.j2:2:4");
    assert_eq!(error.hint_text(), Some("did you mean `port`?"));
}

fn names(source: &Source) -> BTreeSet<String> {
    let source = source.clone();
    Templates::new(Arc::new(move |_| Ok(Some(source.clone())))).names("a.j2")
}

#[test]
fn what_can_be_known_without_values_is() {
    let good =
        Source::new("a.j2", "{% for x in xs %}{{ x }}{{ host.name }}{{ range(3) }}{% endfor %}");
    assert_eq!(check_syntax(&good), Ok(()));
    assert_eq!(names(&good), BTreeSet::from(["host.name", "range", "xs"].map(str::to_owned)));
    let maybe = Source::new(
        "a.j2",
        "{{ host.facts.os.id | default('x') }}{% if a.b is defined %}{{ '%s' % c }}{% endif %}",
    );
    let found = ["a.b", "c", "host.facts.os.id"].map(str::to_owned);
    assert_eq!(names(&maybe), BTreeSet::from(found));
    let signed = Source::new("a.j2", "{{ +port }}");
    assert!(names(&signed).contains("port"));
    let bad = check_syntax(&Source::new("a.j2", "a\n{% if x %}\n")).unwrap_err();
    assert_eq!(bad.kind(), "template::syntax");
}

#[test]
fn a_part_that_cannot_be_read_is_not_taken_for_a_missing_one() {
    for text in ["{% include 'closed.j2' ignore missing %}", "{% extends 'closed.j2' %}"] {
        let error = render_text(text).unwrap_err();
        assert!(error.to_string().contains("cannot read closed.j2: Permission denied"), "{error}");
    }
    assert_eq!(render_text("{% include 'none.j2' ignore missing %}x").unwrap().text, "x");
}
