//! Signed plans: made and checked as `ssh-keygen` does, by as many different people as are asked for.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

use crate::approved::{Project, told};

/// A project with a plan, and keys of ann, bob and eve; of ann and bob it is said that they may sign.
struct Signing(Project);

const KEYS: [(&str, &[&str]); 4] = [
    ("ann", &["-t", "ed25519"]),
    ("bob", &["-t", "rsa", "-b", "2048"]),
    ("cid", &["-t", "ecdsa", "-b", "384"]),
    ("eve", &["-t", "ed25519"]),
];

impl Signing {
    /// None where there is no ssh-keygen.
    fn new() -> Option<Self> {
        let signing = Self(Project::planned());
        for (name, kind) in KEYS {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-N", "", "-C", name, "-f"]).arg(signing.0.path(name)).args(kind);
            if !keygen.status().ok()?.success() {
                return None;
            }
        }
        signing.allow(&["ann", "bob", "cid"], "");
        Some(signing)
    }

    fn public(&self, name: &str) -> String {
        let text = fs::read_to_string(self.0.path(&format!("{name}.pub"))).unwrap();
        text.trim().to_owned()
    }

    fn allow(&self, names: &[&str], options: &str) {
        let line = |name: &&str| format!("{name}@example.com {options} {}\n", self.public(name));
        self.0.write("allowed", &names.iter().map(line).collect::<String>());
    }

    fn sign(&self, name: &str) {
        let output = self.0.converge(&["sign", "site.plan", "--key", name]);
        assert_eq!(output.status.code(), Some(0), "{}", told(&output));
    }

    /// As another program makes it.
    fn keygen_signs(&self, name: &str, namespace: &str) {
        let first = self.0.path("site.plan.sig");
        if first.exists() {
            fs::rename(&first, self.0.path("site.plan.first.sig")).unwrap();
        }
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-Y", "sign", "-q", "-n", namespace, "-f", name, "site.plan"]);
        let done = keygen.current_dir(self.0.path("")).stderr(Stdio::null()).status().unwrap();
        assert!(done.success());
        fs::rename(self.0.path("site.plan.sig"), self.0.path(&format!("site.plan.{name}.sig")))
            .unwrap();
    }

    fn keygen_verifies(&self, name: &str, signature: &str) -> bool {
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(["-Y", "verify", "-f", "allowed", "-n", "converge-plan", "-s", signature]);
        keygen.args(["-I", &format!("{name}@example.com")]).current_dir(self.0.path(""));
        keygen.stdin(fs::File::open(self.0.path("site.plan")).unwrap()).stdout(Stdio::null());
        keygen.status().unwrap().success()
    }

    /// How an apply ends that needs so many, and what it says.
    fn apply(&self, needed: &str) -> (Option<i32>, String) {
        let signed = ["--require-signatures", needed, "--allowed-signers", "allowed"];
        let output = self.0.apply(&signed);
        (output.status.code(), told(&output))
    }

    fn refused(&self, needed: &str, said: &str) {
        let (code, told) = self.apply(needed);
        assert!(code == Some(1) && told.contains(said), "{said}: {code:?}: {told}");
        assert!(!self.0.path("ran").exists(), "nothing is run");
    }

    fn forget(&self) {
        for entry in Path::new(&self.0.path("")).read_dir().unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "sig") {
                fs::remove_file(path).unwrap();
            }
        }
    }
}

#[test]
fn what_converge_signs_ssh_keygen_verifies_and_the_other_way() {
    let Some(signing) = Signing::new() else { return };
    for name in ["ann", "bob", "cid"] {
        signing.forget();
        signing.sign(name);
        assert!(signing.keygen_verifies(name, "site.plan.sig"), "{name}");
        assert_eq!(signing.apply("1").0, Some(0), "{name}: {}", signing.apply("1").1);
        signing.forget();
        signing.keygen_signs(name, "converge-plan");
        assert_eq!(signing.apply("1").0, Some(0), "{name}: {}", signing.apply("1").1);
    }
}

#[test]
fn as_many_different_people_as_are_asked_for_must_have_signed_exactly_this_plan() {
    let Some(signing) = Signing::new() else { return };
    signing.refused("1", "must be signed by 1, and is signed by nobody");
    signing.sign("eve");
    signing.refused("1", "no allowed signer has the key SHA256:");
    signing.sign("ann");
    signing.sign("ann");
    signing.refused("2", "must be signed by 2, and is signed by ann@example.com");
    signing.keygen_signs("bob", "git");
    signing.refused("2", "made for the namespace `git`, not for `converge-plan`");
    signing.sign("bob");
    assert_eq!(signing.apply("2").0, Some(0), "{}", signing.apply("2").1);
    fs::remove_file(signing.0.path("ran")).unwrap();
    // Two keys of one person are one; so are two people that one key is of.
    let line = |who: &str, key: &str| format!("{who} {}\n", signing.public(key));
    signing.0.write("allowed", &[line("ann", "ann"), line("ann", "bob")].concat());
    signing.refused("2", "signed by ann");
    signing.0.write("allowed", &[line("ann,bob", "ann"), line("bob", "bob")].concat());
    signing.refused("2", "must be signed by 2");
    // Another plan than was signed, be it the same but for a space.
    signing.allow(&["ann", "bob"], "");
    let plan = fs::read_to_string(signing.0.path("site.plan")).unwrap();
    signing.0.write("site.plan", &format!("{plan} "));
    signing.refused("1", "does not match this plan");
    // Of what is not signed nothing is read: that it is not a plan is not even seen.
    signing.0.write("site.plan", "no plan");
    signing.refused("1", "must be signed by 1");
}

#[test]
fn what_allowed_signers_says_of_a_key_counts_or_is_refused_by_name() {
    let Some(signing) = Signing::new() else { return };
    signing.sign("ann");
    for (options, said) in [
        ("namespaces=\"git,file\"", "may not sign plans"),
        ("namespaces=\"*,!converge-plan\"", "may not sign plans"),
        ("valid-before=\"20200101\"", "may not sign plans, or not at this time"),
        ("valid-after=\"29990101Z\"", "may not sign plans, or not at this time"),
        ("valid-before=\"2020\"", "is not a time"),
        ("cert-authority", "certificates are not supported"),
        ("no-touch", "unknown option `no-touch`"),
        ("namespaces=\"git", "unclosed quote"),
    ] {
        signing.allow(&["ann"], options);
        signing.refused("1", said);
    }
    signing.0.write("allowed", &format!("*@example.com {}\n", signing.public("ann")));
    signing.refused("1", "does not identify a person");
    signing.0.write("allowed", "ann@example.com ssh-ed25519 AAAA\n");
    signing.refused("1", "not a public key");
    for options in [
        "namespaces=\"git,converge-*\"",
        "valid-after=\"20200101\",valid-before=\"299901010000Z\"",
        "",
    ] {
        signing.allow(&["ann"], options);
        assert_eq!(signing.apply("1").0, Some(0), "{options}: {}", signing.apply("1").1);
        assert!(signing.keygen_verifies("ann", "site.plan.sig"), "{options}");
    }
    signing.0.write("allowed", &format!("# who may\n\n\"ann\" {}\n", signing.public("ann")));
    assert_eq!(signing.apply("1").0, Some(0), "{}", signing.apply("1").1);
}

#[test]
fn a_project_can_ask_for_signatures_and_no_plan_can_take_that_back() {
    let Some(signing) = Signing::new() else { return };
    let asks =
        "inventory = [\"inventory\"]\n[plans]\nsignatures = 1\nallowed_signers = \"allowed\"\n";
    signing.0.write("converge.toml", asks);
    let plan = signing.0.converge(&["plan", "playbooks/site.rhai", "-o", "site.plan"]);
    assert_eq!(plan.status.code(), Some(0), "{}", told(&plan));
    fs::remove_file(signing.0.path("ran")).unwrap();
    let apply = |more: &[&str]| {
        let output = signing.0.apply(more);
        (output.status.code(), told(&output))
    };
    assert!(apply(&[]).1.contains("must be signed by 1"));
    assert!(apply(&["--require-signatures", "0"]).1.contains("must be signed by 1"));
    assert!(!signing.0.path("ran").exists());
    signing.sign("ann");
    assert_eq!(apply(&[]).0, Some(0), "{}", apply(&[]).1);
    assert!(apply(&["--require-signatures", "2"]).1.contains("must be signed by 2"));
    let output = signing.0.converge(&["apply", "playbooks/site.rhai", "--require-signatures", "1"]);
    assert!(told(&output).contains("only a plan can be signed"), "{}", told(&output));
}
