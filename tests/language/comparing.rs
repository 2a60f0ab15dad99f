//! Comparisons: never silently false between values that cannot be the same.

use crate::{project::Project, shown};

/// What a script that prints this says; or its error, on one line.
fn said(expression: &str) -> Result<String, String> {
    let project = Project::on_web(&format!("let value = {expression}; print(value);"))
        .file("roles/lib/lib.rhai", "fn same(a, b) { a == b }\n")
        .secret("db", "hunter2");
    match project.try_notes() {
        Ok(notes) => Ok(notes.join(" ")),
        Err(error) => Err(error.message().to_owned()),
    }
}

#[test]
fn what_can_be_compared_is() {
    let cases = [
        ("1 == 1 && 1 != 2 && 1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3", true),
        ("1 == 1.0 && 1 < 1.5 && 2.5 >= 2", true),
        ("\"a\" == \"a\" && \"a\" < \"b\" && \"a\" != \"b\" && \"a\"[0] == \"a\"", true),
        ("true == true && true != false", true),
        ("host.vars.get(\"nope\") == () && host != () && () == ()", true),
        ("secret(\"db\") != () && package(\"x\") != ()", true),
        ("[1, \"a\"] == [1, \"a\"] && [1] != [2] && [1] != [1, 2] && [()] != [1]", true),
        ("#{ a: 1, b: [2] } == #{ b: [2], a: 1 } && #{ a: 1 } != #{ b: \"x\" }", true),
        ("host == hosts(\"web-1\")[0] && host != hosts(\"api-1\")[0]", true),
        ("host in hosts(\"web\") && !(host in hosts(\"api\"))", true),
        ("\"web\" in host.groups && 2 in [1, 2] && !(3 in [1, 2]) && \"b\" in \"abc\"", true),
        ("[1, 2].index_of(2) == 1 && [1, 2].contains(1)", true),
        ("version(\"12.1\") >= version(\"11\") && version(\"1.10\") > \"1.9\"", true),
        ("version(\"12\") == \"12.0\" && version(\"12.1\") > 12 && version(12) == 12", true),
        ("version(\"1.0~rc1\") < \"1.0\" && \"1.0\" > version(\"1.0-rc1\")", true),
        ("lib::same(1, 1) && !lib::same(\"a\", \"b\")", true),
        ("1 + 1 == 2 && !(1 > 2) || false", true),
    ];
    for (expression, holds) in cases {
        assert_eq!(said(expression), Ok(holds.to_string()), "{expression}");
    }
    let lists = [
        ("{ let l = [3, 1, 2]; l.sort(); l }", "[1, 2, 3]"),
        ("{ let l = [\"b\", \"a\"]; l.sort(); l }", "[\"a\", \"b\"]"),
        ("{ let l = [1, 3, 2, 3]; l.sort(|a, b| b - a); l }", "[3, 3, 2, 1]"),
        ("{ let l = [1, 3, 2]; l.sort(|a, b| a > b); l }", "[3, 2, 1]"),
        ("{ let l = [1, 1, 2]; l.dedup(); l }", "[1, 2]"),
        ("{ let l = [version(\"1.10\"), version(\"1.9\")]; l.sort(); l }", "[1.9, 1.10]"),
    ];
    for (expression, expected) in lists {
        assert_eq!(said(expression).as_deref(), Ok(expected), "{expression}");
    }
}

#[test]
fn what_cannot_be_the_same_is_an_error() {
    let cases = [
        ("\"12\" > 11", "`>` cannot compare the string \"12\" with the integer 11"),
        ("\"12\" == 12", "`==` cannot compare the string \"12\" with the integer 12"),
        ("12 != \"12\"", "`!=` cannot compare the integer 12 with the string \"12\""),
        ("\"true\" == true", "`==` cannot compare the string \"true\" with the boolean true"),
        ("1 == true", "`==` cannot compare the integer 1 with the boolean true"),
        ("[\"a\"] == \"a\"", "`==` cannot compare a list with the string \"a\""),
        ("[1] == [\"1\"]", "`==` cannot compare the integer 1 with the string \"1\""),
        ("#{ a: 1 } == #{ a: \"1\" }", "`==` cannot compare the integer 1 with the string \"1\""),
        ("[1] < [2]", "`<` cannot compare a list with a list"),
        ("() < 5", "`<` cannot compare nothing with the integer 5"),
        ("host.vars.get(\"nope\") >= 5", "`>=` cannot compare nothing with the integer 5"),
        ("host == \"web-1\"", "`==` cannot compare a host with the string \"web-1\""),
        ("\"web-1\" in hosts(\"web\")", "`==` cannot compare a host with the string \"web-1\""),
        ("\"1\" in [1, 2]", "`==` cannot compare the integer 1 with the string \"1\""),
        ("[1, 2].index_of(\"1\")", "`==` cannot compare the integer 1 with the string \"1\""),
        ("[1, 2].contains(true)", "`==` cannot compare the integer 1 with the boolean true"),
        (
            "[1, 2].filter(|it| it == \"1\")",
            "`==` cannot compare the integer 1 with the string \"1\"",
        ),
        (
            "{ let l = [1, \"1\"]; l.dedup(); l }",
            "`==` cannot compare the integer 1 with the string \"1\"",
        ),
        (
            "{ let l = [1, \"1\"]; l.sort(); l }",
            "`<` cannot compare the string \"1\" with the integer 1",
        ),
        (
            "{ let l = [1, \"1\"]; l.sort(|a, b| a < b); l }",
            "`<` cannot compare the string \"1\" with the integer 1",
        ),
        ("lib::same(1, \"1\")", "`==` cannot compare the integer 1 with the string \"1\""),
        ("package(\"x\") == \"x\"", "`==` cannot compare a resource with the string \"x\""),
        (
            "secret(\"db\") == \"hunter2\"",
            "`==` cannot compare a secret with the string \"hunter2\"",
        ),
        ("secret(\"db\") == secret(\"db\")", "`==` cannot compare a secret with a secret"),
        ("version(\"1.10\") > 1.9", "`>` cannot compare the string \"1.10\" with the float 1.9"),
        ("version(\"1\") > \"new\"", "`>` cannot compare the string \"1\" with the string \"new\""),
        ("version(\"sid\")", "\"sid\" is not a version: it has no number"),
        ("version(1.10)", "version() takes a string, not the float 1.1"),
    ];
    for (expression, expected) in cases {
        assert_eq!(said(expression), Err(expected.to_owned()), "{expression}");
    }
}

#[test]
fn a_comparison_of_unlike_types_is_shown_at_its_place() {
    let role = "package(\"a\");\nif host.facts.os.version > 11 { package(\"b\"); }\n";
    let error = Project::role(role).facts("web-1", "debian").error();
    insta::assert_snapshot!(shown(&error));
    let library = Project::on_web("lib::newer(host.vars.port);")
        .file("roles/lib/lib.rhai", "fn newer(port) {\n    [\"80\"].filter(|it| it == port)\n}\n");
    insta::assert_snapshot!(shown(&library.error()));
}
