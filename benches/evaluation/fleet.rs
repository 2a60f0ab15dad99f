//! Fleets to decide about: as many hosts as are asked for, each with what a playbook declares on it.

use std::{collections::BTreeMap, sync::Arc};

use converge::{
    base::{content::Digest, diagnostic::Source},
    evaluate::{
        catalog::Catalog,
        language::{self, Evaluation, Input, Known},
    },
    input::inventory::{Given, Inventory, InventoryFormat},
    plan::probe::Observations,
    resources::{
        change::{Change, Effect},
        kind::Difference,
    },
};

/// Some hosts, and a project that declares resources on them.
pub(crate) struct Fleet {
    inventory: Arc<Inventory>,
    files: Arc<BTreeMap<String, Vec<u8>>>,
}

/// What each host of a usual site gets from a role: fifty resources, of which twenty are files made from a template.
const SITE: [(&str, &str); 4] = [
    ("site.rhai", r#"on(hosts("all"), |host| role("app", #{ port: host.vars.port }));"#),
    ("roles/app/role.toml", "[parameters.port]\ntype = \"integer\"\ndescription = \"the port\"\n"),
    (
        "roles/app/main.rhai",
        r#"for n in 0..10 { package(`part-${n}`); }
for n in 0..2 { user(`app-${n}`, #{ system: true, home: `/srv/app-${n}`, shell: "/usr/sbin/nologin" }); }
for n in 0..6 { directory(`/srv/app/${n}`, #{ owner: "app-0", mode: "0755" }); }
let files = [];
for n in 0..20 {
    files.push(file(`/srv/app/conf.d/${n}.conf`, #{
        template: "part.conf.j2", vars: #{ number: n, keys: ["one", "two", "three"] },
        owner: "app-0", mode: "0640",
    }));
}
for n in 0..5 { line("/etc/app.conf", #{ line: `part-${n} = yes`, match: `^part-${n} =`, create: true }); }
for n in 0..4 { link(`/etc/app/${n}`, #{ to: `/srv/app/${n}` }); }
for n in 0..3 { service(`app-${n}`, #{ restart_on: files }); }
"#,
    ),
    (
        "roles/app/templates/part.conf.j2",
        r#"# Part {{ number }} of {{ host.name }}.
listen {{ host.address }}:{{ port + number }}
{% for key in keys %}
{{ key | upper }} = {{ "on" if loop.index > 1 else "off" }}
{% endfor %}
"#,
    ),
];

/// A hundred links on each host, each of which waits for the same one on the host before: edges across all hosts.
const MESH: [(&str, &str); 1] = [(
    "site.rhai",
    r#"let above = [];
on(hosts("all"), |host| {
    let mine = [];
    for n in 0..100 {
        let it = link(`/srv/${n}`, #{ to: "/" });
        if !above.is_empty() { it.after(above[n]); }
        mine.push(it);
    }
    above = mine;
});"#,
)];

/// Ten batches, each host of which is taken out of two balancers and put back.
const RELEASE: [(&str, &str); 1] = [(
    "site.rhai",
    r#"let balancers = [hosts("h0")[0], hosts("h1")[0]];
rolling(hosts("all & !h0 & !h1"), #{ batch: "10%", max_failures: "5%" }, |node| {
    around(
        || on(balancers, |balancer| command(`drain ${node.name}`)),
        || on(node, |node| { for n in 0..10 { link(`/srv/${n}`, #{ to: "/" }); } }),
        || on(balancers, |balancer| command(`ready ${node.name}`)),
    );
});"#,
)];

impl Fleet {
    /// A usual site: fifty resources on each host.
    pub(crate) fn site(hosts: usize) -> Self {
        Self::new(hosts, &SITE)
    }

    /// A hundred resources on each host, each of which waits for one on another host.
    pub(crate) fn mesh(hosts: usize) -> Self {
        Self::new(hosts, &MESH)
    }

    /// A new version, host after host: ten resources on each, and four on balancers.
    pub(crate) fn release(hosts: usize) -> Self {
        Self::new(hosts, &RELEASE)
    }

    fn new(hosts: usize, files: &[(&str, &str)]) -> Self {
        let host =
            |n| format!("h{n} = {{ address = \"h{n}.example\", vars = {{ port = 8080 }} }}\n");
        let text = format!("[hosts]\n{}", (0..hosts).map(host).collect::<String>());
        let source = Source::new("inventory.toml", text);
        let given =
            Given { source, format: InventoryFormat::Toml, folder: "/".into(), home: "/".into() };
        let inventory = Inventory::parse(&[given], &[]).expect("the inventory is good");
        let file = |(path, text): &(&str, &str)| ((*path).to_owned(), text.as_bytes().to_vec());
        let files = files.iter().map(file).collect();
        Self { inventory: Arc::new(inventory), files: Arc::new(files) }
    }

    /// What its playbook declares.
    pub(crate) fn evaluate(&self) -> Catalog {
        let input = Input {
            playbooks: vec!["site.rhai".to_owned()],
            sources: self.files.clone(),
            roles: vec!["roles".to_owned()],
            inventory: self.inventory.clone(),
            known: Known::default(),
            reuse: Default::default(),
        };
        match language::evaluate(input) {
            Ok(Evaluation::Complete { catalog, .. }) => *catalog,
            Ok(Evaluation::Asks(questions)) => panic!("the playbook asks {questions:?}"),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// What hosts might answer: of every seven resources, one differs.
pub(crate) fn observe(catalog: &Catalog) -> Observations {
    let difference = || {
        let change = Change::new(Effect::Create, Vec::new());
        Difference { observed: Digest::of(b"something else"), change }
    };
    let differs = |index| (index % 7 == 0).then(difference).map(Box::new);
    catalog.nodes().enumerate().map(|(index, (id, _))| (id, Ok(differs(index)))).collect()
}
