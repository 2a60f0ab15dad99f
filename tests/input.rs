//! Errors in the configuration, in a template, and in the name of a secret.

use std::{path::Path, sync::Arc};

use converge::{
    base::{diagnostic::Source, secret::Secret, value::Value},
    input::{
        config::{Config, Provider},
        template::{Context, Includes, Templates, check_syntax},
    },
    io::secrets::Secrets,
};
use indexmap::IndexMap;

use crate::shown;

fn config(text: &str) -> String {
    let source = Source::new("converge.toml", text);
    shown(&Config::parse(&source, Path::new("/project"), Path::new("/home")).unwrap_err())
}

fn template(text: &str) -> String {
    let vars: IndexMap<_, _> = [("api_port".to_owned(), Value::Int(8080))].into();
    let host: IndexMap<_, _> =
        [("name".to_owned(), "web-1".into()), ("vars".to_owned(), Value::Map(vars))].into();
    let secret = Value::Secret(Secret::new("db", "hunter2"));
    let values = [("host".to_owned(), Value::Map(host)), ("password".to_owned(), secret)].into();
    let context = Context(vec![Arc::new(values)]);
    let site = Source::new("roles/nginx/templates/site.j2", text);
    let upstream = Source::new("upstream.j2", "# upstream\nserver {{ host.adress }};\n");
    let sources: Includes = Arc::new(move |name| match name {
        "site.j2" => Ok(Some(site.clone())),
        "upstream.j2" => Ok(Some(upstream.clone())),
        _ => Ok(None),
    });
    shown(&Templates::new(sources).render("site.j2", &context).unwrap_err())
}

macro_rules! snapshots {
    ($($name:ident: $shown:expr;)*) => {$(
        #[test]
        fn $name() {
            insta::assert_snapshot!($shown);
        }
    )*};
}

snapshots! {
    an_unknown_key_of_the_configuration: config("concurency = 3\n");
    a_count_that_is_none: config("concurrency = 0\n");
    a_provider_of_nothing: config("[secrets]\nproviders = [{ files = \"a\", command = [\"b\"] }]\n");
    a_name_of_a_template_with_a_slip: template("listen 80;\nserver {{ host.vars.api_prot }};\n");
    a_name_that_may_be_missing: template("{{ elephant }}\n");
    an_error_in_an_included_template: template("upstream api {\n{% include \"upstream.j2\" %}\n}\n");
    a_template_that_is_not_there: template("{% include \"upstraem.j2\" %}\n");
    an_unknown_filter: template("{{ host.name | uper }}\n");
    a_number_that_is_none: template("{{ host.name | human_to_bytes }}\n");
    a_loop_without_an_end: template("{% for x in range(99999) %}{% for y in range(99999) %}{% endfor %}{% endfor %}");
    a_template_that_cannot_be_read:
        shown(&check_syntax(&Source::new("site.j2", "{% for x in xs %}\n{{ x }\n")).unwrap_err());
    a_secret_that_nobody_has: {
        let secrets = Secrets::new(vec![
            Provider::Environment { prefix: "APP_SECRET_".to_owned() },
            Provider::Files { folder: "/nonexistent".into() },
        ]);
        shown(&secrets.lookup("db/password").unwrap_err())
    };
    a_name_that_is_none_of_a_secret: shown(&Secrets::default().lookup("../key").unwrap_err());
}
