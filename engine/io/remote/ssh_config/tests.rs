//! What a configuration says about hosts, also beside what OpenSSH itself makes of it.

use std::{io::Write as _, path::PathBuf, process::Command};

use super::*;

fn ann() -> LocalUser {
    LocalUser { home: "/home/ann".into(), name: Some("ann".to_owned()), agent: None }
}

struct Config(tempfile::TempDir, PathBuf);

fn config(text: &str) -> Config {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config");
    std::fs::write(&file, text.replace("FOLDER", &folder.path().display().to_string())).unwrap();
    Config(folder, file)
}

impl Config {
    fn about(&self, name: &str) -> Result<Settings, RemoteError> {
        self.about_for(&ann(), name)
    }

    fn about_for(&self, local: &LocalUser, name: &str) -> Result<Settings, RemoteError> {
        let config = SshConfig::read(&self.1, Path::new("/home/ann"))?;
        SshConfig::about(&[&config], name, local, &ConfigCommands::default())
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.0.path().join(name), text).unwrap();
    }

    fn error(&self, name: &str) -> (String, String) {
        let folder = self.0.path().display().to_string();
        match self.about(name).unwrap_err() {
            RemoteError::Unreachable { message, hint } => {
                (message.replace(&folder, ""), hint.unwrap_or_default())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_first_value_counts_and_keys_add_up() {
    let text = "
        # for all
        IdentityFile ~/.ssh/first
        Host web-* !web-9
            HostName = %h.example.org   # a comment
            user ops
            Port=2222
            IdentityFile \"~/.ssh/with space\"
            ProxyJump a@one:23, two
        Host *
            User root
            ProxyCommand never
            UserKnownHostsFile ~/.ssh/one /etc/two
            IdentitiesOnly Yes";
    let config = config(text);
    let web = config.about("web-1").unwrap();
    assert_eq!(web.host_name("web-1").unwrap(), "web-1.example.org");
    assert_eq!((web.text("user"), web.number::<u16>("port").unwrap()), (Some("ops"), Some(2222)));
    let files: Vec<_> = web.all("identityfile").iter().map(|said| &*said.values[0]).collect();
    assert_eq!(files, ["~/.ssh/first", "~/.ssh/with space"]);
    assert_eq!(web.flag("identitiesonly").unwrap(), Some(true));
    assert_eq!(web.said("userknownhostsfile").unwrap().values, ["~/.ssh/one", "/etc/two"]);
    assert_eq!(
        (web.said("proxyjump").unwrap().rest.as_str(), web.said("proxycommand")),
        ("a@one:23, two", None)
    );
    let other = config.about("web-9").unwrap();
    assert_eq!((other.text("user"), other.text("port")), (Some("root"), None));
    assert_eq!(other.text("proxycommand"), Some("never"));
}

#[test]
fn what_is_not_done_is_refused_with_its_line() {
    let refused = |line: &str| config(&format!("# one\nHost web\n  {line}\n")).error("web");
    for (line, hint) in [
        ("BindInterface eth1", "BindAddress works"),
        ("CanonicalizeHostname yes", "HostName works"),
        ("KnownHostsCommand /bin/keys %H", "UserKnownHostsFile works"),
        ("RevokedHostKeys /etc/revoked", "@revoked"),
        ("PKCS11Provider /usr/lib/p11.so", "ssh-add -s"),
        ("ProxyUseFdpass yes", "ProxyCommand"),
    ] {
        let (message, said) = refused(line);
        let keyword = line.split(' ').next().unwrap();
        assert_eq!(message, format!("/config:3: {keyword} is not supported"));
        assert!(said.contains(hint), "{line}: {said}");
    }
    let (message, _) = refused("Prot 22");
    assert_eq!(message, "/config:3: there is no keyword `Prot`");
    assert_eq!(refused("Port").0, "/config:3: Port has no value");
    assert_eq!(refused("Match version 9*").0, "/config:3: `Match version` is not supported");
    assert_eq!(refused("Match colour red").0, "/config:3: unknown condition `Match colour`");
}

#[test]
fn what_asks_for_nothing_or_is_for_others_is_no_error() {
    let text = "IgnoreUnknown Use*,Prot\nProt 1\nUseKeychain yes\nCanonicalizeHostname no\nKnownHostsCommand none\n\
                ForwardX11 yes\nControlMaster auto\nSendEnv LANG LC_*\nHost other\n  BindInterface eth1\n";
    assert!(config(text).about("web").is_ok());
    assert!(config(text).about("other").is_err());
    // The first value counts here too.
    assert!(config("CanonicalizeHostname no\nCanonicalizeHostname yes\n").about("web").is_ok());
}

#[test]
fn a_file_included_in_a_block_is_for_its_hosts_only() {
    let config =
        config("Include *.conf missing\nHost web-*\n  Include web\n  Port 5\nHost *\n  Port 6\n");
    config.write("a.conf", "Host special\n  User ann\n");
    config.write("web", "User web\nHost web-2\n  User never\nHost db\n  User never\n");
    let said = |name: &str| {
        let about = config.about(name).unwrap();
        (about.text("user").map(str::to_owned), about.number::<u16>("port").unwrap())
    };
    assert_eq!(said("special"), (Some("ann".to_owned()), Some(6)));
    assert_eq!(said("web-1"), (Some("web".to_owned()), Some(5)));
    assert_eq!(said("db"), (None, Some(6)));
}

#[test]
fn what_is_included_and_cannot_be_read_is_told_and_what_is_missing_is_not() {
    use std::os::unix::{ffi::OsStrExt as _, fs::symlink};
    let config = config("Include conf.d/*.conf\nInclude none/*.conf nor-this config/*\nUser ann\n");
    assert_eq!(config.about("x").unwrap().text("user"), Some("ann"));
    let folder = config.0.path().join("conf.d");
    symlink(&folder, &folder).unwrap();
    let looped = "cannot be read: Too many levels of symbolic links (os error 40)";
    assert_eq!(config.error("x").0, format!("/conf.d {looped}"));
    std::fs::remove_file(&folder).unwrap();
    // A name may be of any bytes.
    std::fs::create_dir(&folder).unwrap();
    let named = folder.join(std::ffi::OsStr::from_bytes(b"a\xff.conf"));
    std::fs::write(&named, "User bob\n").unwrap();
    assert_eq!(config.about("x").unwrap().text("user"), Some("bob"));
    std::fs::remove_file(&named).unwrap();
    symlink("loop.conf", folder.join("loop.conf")).unwrap();
    assert_eq!(config.error("x").0, format!("/conf.d/loop.conf {looped}"));
    std::fs::remove_file(folder.join("loop.conf")).unwrap();
    std::fs::write(folder.join("latin.conf"), b"User \xff\n").unwrap();
    assert!(config.error("x").0.starts_with("/conf.d/latin.conf cannot be read: "));
}

#[test]
fn a_file_that_includes_itself_is_told() {
    let (message, _) = config("Include config\nPort 7\n").error("x");
    assert_eq!(message, "/config:1: too many nested includes");
}

#[test]
fn a_command_decides_and_is_run_once() {
    let config = config(
        "Match exec \"echo x >> FOLDER/ran; test %h = web\"\n  Port 7\nMatch !exec false\n  User ann\n",
    );
    let read = SshConfig::read(&config.1, Path::new("/home/ann")).unwrap();
    let commands = ConfigCommands::default();
    let about = |name: &str| SshConfig::about(&[&read], name, &ann(), &commands).unwrap();
    assert_eq!(about("web").text("port"), Some("7"));
    assert_eq!((about("db").text("port"), about("web").text("user")), (None, Some("ann")));
    let ran = std::fs::read_to_string(config.0.path().join("ran")).unwrap();
    assert_eq!(ran, "x\nx\n");
}

#[test]
fn tokens_stand_for_what_they_say() {
    let local = ann();
    let tokens = Tokens {
        original: "web",
        host: "10.0.0.1",
        port: 23,
        user: "ops",
        key_name: None,
        jump: "",
        local: &local,
        machine: OnceCell::from("here.example.org".to_owned()),
    };
    let filled = tokens.fill("%h %n %p %r %u %d %k %l %L %%").unwrap();
    assert_eq!(filled, "10.0.0.1 web 23 ops ann /home/ann web here.example.org here %");
    // As `ssh -G -o ControlPath=%C` has it: printf 'here.example.org10.0.0.123ops' | sha1sum
    assert_eq!(tokens.fill("%C").unwrap(), "7d8f81cebbb97548b99c8b089ac46817507f1fe1");
    assert!(tokens.fill("%z").is_err() && tokens.fill("x%").is_err());
    assert!(tokens.fill_way("%u").is_err());
    assert_eq!(tokens.path("~/%n").unwrap(), Path::new("/home/ann/web"));
    assert!(tokens.path("${CONVERGE_NOT_SET}/x").unwrap_err().contains("not set"));
}

/// What is asked of both, as `ssh -G` prints it.
fn ours(about: &Settings, name: &str) -> Vec<(String, String)> {
    let mut lines = vec![
        ("hostname".to_owned(), about.host_name(name).unwrap()),
        ("port".to_owned(), about.text("port").unwrap_or("22").to_owned()),
    ];
    for keyword in
        ["user", "hostkeyalias", "stricthostkeychecking", "addressfamily", "identitiesonly"]
    {
        lines.extend(about.text(keyword).map(|text| (keyword.to_owned(), text.to_owned())));
    }
    for keyword in ["identityfile", "certificatefile"] {
        let values = about.all(keyword).iter().map(|said| said.values[0].clone());
        lines.extend(values.map(|value| (keyword.to_owned(), value)));
    }
    for keyword in ["proxyjump", "proxycommand"] {
        let said = about.said(keyword).filter(|said| !said.rest.eq_ignore_ascii_case("none"));
        lines.extend(said.map(|said| (keyword.to_owned(), said.rest.clone())));
    }
    for keyword in ["userknownhostsfile", "globalknownhostsfile"] {
        let said = about.said(keyword);
        lines.extend(said.map(|said| (keyword.to_owned(), said.values.join(" "))));
    }
    lines
}

#[test]
fn openssh_makes_the_same_of_it() {
    if Command::new("ssh").arg("-V").output().is_err() {
        let word = "skipped: there is no ssh (package openssh-client)";
        let _ = writeln!(std::io::stderr(), "{word}");
        return;
    }
    let me = Command::new("id").arg("-un").output().unwrap().stdout;
    let me = String::from_utf8(me).unwrap().trim().to_owned();
    let local = LocalUser { name: Some(me.clone()), ..ann() };
    let configs = [
        "Host web-* !web-2\n  HostName %h.example.org\n  User ops\nHost *\n  User root\n  Port 23\n",
        "Host web-1\n HostName 10.0.0.1\nMatch host 10.0.0.1\n User inner\nMatch originalhost web-1\n Port 24\n\
         Match host web-1\n HostKeyAlias never\n",
        "Match host web-1 user ops\n Port 1\nUser ops\nMatch host web-1 user ops\n Port 2\n",
        "Match !host web-1\n User other\nMatch host web-*,!web-2\n User some\nMatch all\n User rest\n",
        "Host web-1\n HostName long.example.org\nMatch final host *.example.org\n User last\nMatch final\n Port 9\n",
        "Host *.example.org\n User never\nHost web-1\n HostName a.example.org\nMatch final\n IdentityFile /x\n",
        "Match exec \"test %h = web-1\"\n User yes\nMatch !exec \"test %n = web-1\"\n User no\n",
        "IdentityFile ~/.ssh/%n/%r\nIdentityFile \"/a b\"\nIdentityFile ~/.ssh/%n/%r\nCertificateFile /c-%p\n",
        "ProxyCommand nc \"%h\" %p # all of it\nProxyJump never\n",
        "ProxyJump a@one:23,two\nProxyCommand never %h\n",
        "ProxyJump NONE\nProxyCommand never %h\n",
        "ProxyCommand none\nProxyJump never\n",
        "Host web-1\n ProxyJump none\nHost *\n ProxyJump bastion\n",
        "UserKnownHostsFile /a \"/b c\"\nGlobalKnownHostsFile /g1 /g2\nHostKeyAlias web\n",
        "StrictHostKeyChecking accept-new\nAddressFamily inet6\nIdentitiesOnly yes\nPort=2222\n",
        "ProxyJump none\nProxyCommand a\nProxyJump never\n",
        "Host web-1\n  User \"quoted\"\n",
        "Host=web-1\n\tUser\t=\tops\nHost *\nUser 'rest'\n",
        "Host web-?\n Include FOLDER/inc*\n Port 5\nHost *\n Port 6\n",
        "Match localuser ME\n User own\nMatch localuser other\n User never\n",
        "Match originalhost WEB-1\n User upper\n",
        "Match canonical\n User never\nMatch canonical all\n User never\n",
    ];
    for text in configs {
        let text = text.replace("ME", &me);
        let config = config(&text);
        config.write("inc-1", "HostName included\nHost web-1\n User first\n");
        config.write("inc-2", "User second\nMatch host included\n HostKeyAlias inc\n");
        for name in ["web-1", "web-2", "db.example.org"] {
            let mut ssh = Command::new("ssh");
            let ssh = ssh.arg("-G").arg("-F").arg(&config.1).arg(name).output().unwrap();
            assert!(ssh.status.success(), "{text}: {}", String::from_utf8_lossy(&ssh.stderr));
            let theirs = String::from_utf8(ssh.stdout).unwrap();
            let about = config.about_for(&local, name).unwrap();
            for (keyword, value) in ours(&about, name) {
                let line = format!("{keyword} {value}");
                assert!(theirs.lines().any(|it| it == line), "{text}\n{name}: {line}\n{theirs}");
            }
            // What is not said here is not said there.
            let keyed = |keyword: &str| {
                theirs.lines().filter(|it| it.starts_with(&format!("{keyword} "))).count()
            };
            for keyword in ["hostkeyalias", "proxyjump", "proxycommand", "certificatefile"] {
                let own = ours(&about, name).iter().filter(|(it, _)| it == keyword).count();
                assert_eq!(keyed(keyword), own, "{text}\n{name}: {keyword}\n{theirs}");
            }
            if about.text("user").is_none() {
                assert!(theirs.contains(&format!("user {me}\n")), "{text}\n{name}");
            }
        }
    }
}
