//! A resource that one role declares, and on which another one reacts.

use converge::{evaluate::catalog::NodeId, plan::probe::Probe};

use crate::project::Project;

const NGINX: &str = "package(\"nginx\"); let conf = file(\"/etc/conf\", #{ content: \"\" }); \
                     service(\"nginx\", #{ enabled: true, stay: 5, reload_on: [conf] });";

/// Who reacts to what, and how; of roles that come after the one that declares the service.
fn reactions(roles: &[&str]) -> Vec<String> {
    let names: Vec<String> = (0..roles.len()).map(|number| format!("app{number}")).collect();
    let calls: String = names.iter().map(|name| format!("role(\"{name}\");")).collect();
    let project = Project::on_web(&format!("role(\"nginx\");{calls}"));
    let project = project.file("roles/nginx/main.rhai", NGINX);
    let project = names.iter().zip(roles).fold(project, |project, (name, role)| {
        project.file(&format!("roles/{name}/main.rhai"), role)
    });
    let catalog = project.catalog();
    let mut found = Vec::new();
    for (_, node) in catalog.nodes() {
        for (cause, reaction) in &node.reactions {
            let cause = &catalog.node(*cause).name.key;
            found.push(format!("{cause}: {} {}", reaction.verb(), node.name.key));
        }
    }
    found
}

const SITE: &str = "let site = file(\"/etc/site\", #{ content: \"\" }); \
                    service(\"nginx\", #{ reload_on: [site] });";

#[test]
fn a_service_reacts_after_what_a_later_role_declares() {
    let expected = ["/etc/conf: reload nginx.service", "/etc/site: reload nginx.service (2)"];
    assert_eq!(reactions(&[SITE]), expected);
    // What it says besides is said again, or contradicts.
    let whole = SITE.replace("#{ ", "#{ enabled: true, stay: 5, ");
    assert_eq!(
        reactions(&[&whole.replace("enabled: true, stay: 5, content", "content")]),
        expected
    );
}

#[test]
fn what_differs_is_looked_at_where_it_stands_first() {
    let catalog = Project::on_web("role(\"nginx\"); role(\"site\");")
        .file("roles/nginx/main.rhai", NGINX)
        .file("roles/site/main.rhai", SITE)
        .catalog();
    let services: Vec<NodeId> = catalog
        .nodes()
        .filter(|(_, node)| node.kind.name() == "service")
        .map(|(id, _)| id)
        .collect();
    let asked = |nodes: &[NodeId]| {
        let probe = Probe::new(&catalog, nodes, "boundary", &Default::default());
        probe.script.text().matches("nginx.service").count()
    };
    let [first, again] = services[..] else { panic!("{services:?}") };
    assert!(asked(&[first]) > 0);
    assert_eq!((asked(&[again]), asked(&[first, again])), (0, asked(&[first])));
    assert_eq!(asked(&[again, first]), asked(&[first]), "the order of nodes hides nothing");
}

#[test]
fn a_service_reacts_once_to_all_that_later_roles_declare_where_nobody_could_tell() {
    let other = SITE.replace("site", "other");
    let expected = [
        "/etc/conf: reload nginx.service",
        "/etc/site: reload nginx.service (2)",
        "/etc/other: reload nginx.service (2)",
    ];
    assert_eq!(reactions(&[SITE, &other]), expected);
    for looks in [
        "command_check(\"well\", #{ run: \"true\" });",
        "command(\"x\", #{ creates: \"/x\" });",
        "service(\"other\");",
        "package(\"other\");",
    ] {
        let found = reactions(&[&format!("{SITE}{looks}"), &other]);
        assert!(found.contains(&"/etc/site: reload nginx.service (2)".to_owned()), "{looks}");
    }
    let waits =
        SITE.replace("service", "let it = service") + "file(\"/y\", #{ content: \"\" }).after(it);";
    assert!(
        reactions(&[&waits, &other]).contains(&"/etc/site: reload nginx.service (2)".to_owned())
    );
    let around = format!("around(|| (), || {{ {SITE} }}, || ());");
    assert!(
        reactions(&[&around, &other]).contains(&"/etc/site: reload nginx.service (2)".to_owned())
    );
}

#[test]
fn a_service_that_is_named_before_its_cause_and_after_it_reacts_in_both_places() {
    let both = "let conf = file(\"/etc/conf\", #{ content: \"\" }); let site = file(\"/etc/site\", #{ content: \"\" }); \
                service(\"nginx\", #{ restart_on: [conf, site] });";
    let expected = [
        "/etc/conf: reload nginx.service",
        "/etc/conf: restart nginx.service",
        "/etc/site: restart nginx.service (2)",
    ];
    assert_eq!(reactions(&[both]), expected);
}
