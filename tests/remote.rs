//! Hosts over SSH, against a real sshd.

mod sshd;
mod channels;
mod ways;

use std::{
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use converge::{
    base::content::Content,
    input::inventory::{Connection, Host, HostKeys},
    io::remote::{Captured, Connector as _, LocalUser, RemoteError, Timeouts},
    sh,
};
use sshd::{Sshd, connect, connector, host, keygen, patient, run, unreachable, user};

fn seen(status: i32, stdout: &str, stderr: &str) -> (i32, String, String) {
    (status, stdout.to_owned(), stderr.to_owned())
}

/// Starts a server, or ends the test where there is none.
macro_rules! sshd {
    ($($with:expr),*) => {
        match sshd!(@start $($with),*) {
            Some(sshd) => sshd,
            None => return,
        }
    };
    (@start) => { Sshd::start() };
    (@start $kind:expr, $more:expr) => { Sshd::with($kind, $more) };
}

#[tokio::test]
async fn scripts_run_in_one_shell_and_their_round_trips_are_counted() {
    let sshd = sshd!();
    let remote = connect(&sshd.host()).await.unwrap();
    assert_eq!(
        run(&*remote, &sh!("echo out; echo err >&2; exit 7")).await,
        seen(7, "out\n", "err\n")
    );
    assert_eq!(run(&*remote, &sh!("cat; umask; echo $LC_ALL")).await, seen(0, "0022\nC\n", ""));
    let text = "it's \\ a line\n".repeat(150_000);
    let (status, stdout, _) = run(&*remote, &sh!("printf %s {}", text)).await;
    assert!(status == 0 && stdout == text);
    let traffic = remote.traffic();
    assert_eq!((traffic.connections, traffic.round_trips), (1, 3));
    assert_eq!(traffic.bytes_received, (text.len() + "out\nerr\n0022\nC\n".len()) as u64);
    remote.close().await;
}

#[tokio::test]
async fn content_is_staged_once_and_gone_after_the_end() {
    let sshd = sshd!();
    let remote = connect(&sshd.host()).await.unwrap();
    let contents =
        (0..200_usize).map(|n| Content::new(format!("{n} ").repeat(n * 10).into_bytes()));
    let contents = contents.collect::<Vec<_>>();
    let folder = remote.send(&contents).await.unwrap();
    for content in &contents {
        let staged = std::fs::read(Path::new(&folder).join(content.digest().as_str())).unwrap();
        assert_eq!(staged, content.bytes());
    }
    assert_eq!(remote.send(&contents).await.unwrap(), folder);
    assert_eq!(remote.traffic().round_trips, 1);
    remote.close().await;
    assert!(!Path::new(&folder).exists());
}

#[tokio::test]
async fn a_host_without_room_refuses_content() {
    let sshd = sshd!("ed25519", "SetEnv TMPDIR=/nonexistent");
    let remote = connect(&sshd.host()).await.unwrap();
    let error = remote.send(&[Content::new(*b"x")]).await.unwrap_err();
    let RemoteError::Refused(message) = error else { panic!("{error:?}") };
    assert!(message.contains("/nonexistent"), "{message}");
}

#[tokio::test]
async fn what_ran_when_the_connection_broke_is_unknown() {
    let sshd = sshd!();
    let remote = connect(&sshd.host()).await.unwrap();
    let mut output = Captured::default();
    let error =
        remote.run(&sh!("echo begun; kill -9 $PPID; read x"), &mut output).await.unwrap_err();
    assert!(matches!(error, RemoteError::Lost(_)), "{error:?}");
    let error = remote.run(&sh!("true"), &mut output).await.unwrap_err();
    assert!(matches!(error, RemoteError::Lost(_)), "{error:?}");
    remote.close().await;
}

#[tokio::test]
async fn what_a_login_says_is_no_output_of_the_first_script() {
    let sshd = sshd!(
        "ed25519",
        "ForceCommand echo Welcome; echo Last login >&2; eval \"$SSH_ORIGINAL_COMMAND\""
    );
    let remote = connect(&sshd.host()).await.unwrap();
    assert_eq!(run(&*remote, &sh!("echo out; echo err >&2")).await, seen(0, "out\n", "err\n"));
    remote.close().await;
}

#[tokio::test]
async fn a_login_that_gives_no_shell_runs_nothing_and_says_why() {
    let sshd = sshd!("ed25519", "ForceCommand echo this account is closed >&2; exit 1");
    let remote = connect(&sshd.host()).await.unwrap();
    let error = remote.run(&sh!("echo out"), &mut Captured::default()).await.unwrap_err();
    let message = "the login gave no shell on web-1: this account is closed".to_owned();
    assert_eq!(error, RemoteError::Unreachable { message, hint: None });
}

#[tokio::test]
async fn a_killed_shell_is_lost_with_its_last_words() {
    let sshd = sshd!();
    let remote = connect(&sshd.host()).await.unwrap();
    let script = sh!("echo dying >&2; kill -9 $$");
    let error = remote.run(&script, &mut Captured::default()).await.unwrap_err().to_string();
    assert!(error.contains("KILL") && error.contains("dying"), "{error}");
}

#[tokio::test]
async fn keys_of_every_kind_open_the_host() {
    let sshd = sshd!();
    for (name, kind) in [
        ("ecdsa", &["-t", "ecdsa"][..]),
        ("rsa", &["-t", "rsa", "-b", "2048"]),
        ("pem", &["-t", "rsa", "-b", "2048", "-m", "PEM"]),
        ("closed", &["-t", "ed25519", "-N", "open sesame"]),
    ] {
        keygen(&sshd.path(name), kind);
        std::fs::copy(sshd.path(&format!("{name}.pub")), sshd.path("authorized_keys")).unwrap();
        let mut host = sshd.host();
        host.connection.identity_file = Some(sshd.path(name));
        host.connection.identity_passphrase = (name == "closed").then(|| "passphrase".to_owned());
        let remote = connect(&host).await.unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(run(&*remote, &sh!("echo on")).await, seen(0, "on\n", ""));
    }
}

#[tokio::test]
async fn a_closed_key_without_its_passphrase_is_said_so() {
    let sshd = sshd!();
    keygen(&sshd.path("closed"), &["-t", "ed25519", "-N", "open sesame"]);
    let mut host = sshd.host();
    host.connection.identity_file = Some(sshd.path("closed"));
    let (message, hint) = unreachable(connect(&host).await);
    assert!(
        message.contains("encrypted") && hint.contains("identity_passphrase"),
        "{message}: {hint}"
    );
    host.connection.identity_passphrase = Some("missing".to_owned());
    let (message, _) = unreachable(connect(&host).await);
    assert!(message.contains("no secret `missing`"), "{message}");
}

#[tokio::test]
async fn a_wrong_key_is_refused_and_named() {
    let sshd = sshd!();
    keygen(&sshd.path("other"), &["-t", "ed25519"]);
    let mut host = sshd.host();
    host.connection.identity_file = Some(sshd.path("other"));
    let (message, hint) = unreachable(connect(&host).await);
    let other = sshd.path("other").display().to_string();
    assert!(message.contains("rejected the key") && message.contains(&other), "{message}");
    assert!(hint.contains("authorized_keys"), "{hint}");
    host.connection.identity_file = Some(sshd.path("missing"));
    let (message, _) = unreachable(connect(&host).await);
    assert!(message.contains("missing does not exist"), "{message}");
}

/// An ssh-agent that ends with the test.
struct Agent(std::process::Child, std::path::PathBuf);

impl Agent {
    fn holding(sshd: &Sshd, key: &str) -> Self {
        let socket = sshd.path("agent");
        let mut agent = Command::new("ssh-agent");
        let mut agent =
            agent.arg("-D").arg("-a").arg(&socket).stdout(Stdio::piped()).spawn().unwrap();
        // It names its socket once it listens.
        let mut said = std::io::BufReader::new(agent.stdout.take().unwrap());
        std::io::BufRead::read_line(&mut said, &mut String::new()).unwrap();
        let mut add = Command::new("ssh-add");
        let added = add.arg("-q").arg(sshd.path(key)).env("SSH_AUTH_SOCK", &socket).status();
        assert!(added.unwrap().success());
        Self(agent, socket)
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn an_agent_signs() {
    let sshd = sshd!();
    let agent = Agent::holding(&sshd, "user");
    let mut host = sshd.host();
    let user = LocalUser { agent: Some(agent.1.clone()), ..user(Path::new("/nonexistent")) };
    host.connection.identity_file = None;
    let connector = connector(user, Vec::new());
    assert!(connector.connect(&host).await.is_ok());
    // A named key that is here only as its public half is one of the agent's.
    host.connection.identity_file = Some(sshd.path("user.pub"));
    assert!(connector.connect(&host).await.is_ok());
}

#[tokio::test]
async fn an_unknown_host_is_refused_unless_new_keys_are_accepted() {
    let sshd = sshd!();
    let mut host = sshd.host();
    let file = sshd.path("new/known_hosts");
    host.connection.known_hosts = Some(file.clone());
    let (message, hint) = unreachable(connect(&host).await);
    assert!(message.contains(": SHA256:") && message.contains("new/known_hosts"), "{message}");
    assert!(hint.contains(&format!("ssh-keyscan -p {} 127.0.0.1", sshd.port)), "{hint}");
    assert!(!file.exists());
    host.connection.host_keys = HostKeys::AcceptNew;
    assert!(connect(&host).await.is_ok());
    let known = sshd.known().replace(" test\n", "\n");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), known);
    assert!(connect(&host).await.is_ok());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), known);
    host.connection.host_keys = HostKeys::Strict;
    assert!(connect(&host).await.is_ok());
}

#[tokio::test]
async fn a_changed_host_key_is_refused_whatever_is_accepted() {
    let (sshd, other) = (sshd!(), sshd!());
    let mut host = sshd.host();
    let key = std::fs::read_to_string(other.path("host.pub")).unwrap();
    let line = format!("[127.0.0.1]:{} {key}", sshd.port);
    std::fs::write(sshd.path("known_hosts"), &line).unwrap();
    host.connection.host_keys = HostKeys::AcceptNew;
    let (message, _) = unreachable(connect(&host).await);
    assert!(message.contains("HAS CHANGED") && message.contains("known_hosts:1"), "{message}");
    assert_eq!(std::fs::read_to_string(sshd.path("known_hosts")).unwrap(), line);
}

#[tokio::test]
async fn the_host_is_asked_for_the_kind_of_key_that_is_known() {
    let mut sshd = sshd!("ed25519", "HostKey FOLDER/ecdsa");
    keygen(&sshd.path("ecdsa"), &["-t", "ecdsa"]);
    sshd.restart();
    let host = sshd.host();
    let key = std::fs::read_to_string(sshd.path("ecdsa.pub")).unwrap();
    std::fs::write(sshd.path("known_hosts"), format!("[127.0.0.1]:{} {key}", sshd.port)).unwrap();
    assert!(connect(&host).await.is_ok());
}

#[tokio::test]
async fn certificates_speak_for_hosts_and_users() {
    let mut sshd = sshd!(
        "ed25519",
        "HostCertificate FOLDER/host-cert.pub\nTrustedUserCAKeys FOLDER/authority.pub"
    );
    let sign = |arguments: &[&str], key: &str| {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-s"]).arg(sshd.path("authority")).args(["-I", "test"]).args(arguments);
        assert!(command.arg(sshd.path(key)).status().unwrap().success());
    };
    keygen(&sshd.path("authority"), &["-t", "ed25519"]);
    let me = user(Path::new("/")).name.unwrap();
    sign(&["-h", "-n", "127.0.0.1"], "host.pub");
    keygen(&sshd.path("mine"), &["-t", "ed25519"]);
    sign(&["-n", &me], "mine.pub");
    sshd.restart();
    let mut host = sshd.host();
    let authority = std::fs::read_to_string(sshd.path("authority.pub")).unwrap();
    std::fs::write(sshd.path("known_hosts"), format!("@cert-authority [127.*]:* {authority}"))
        .unwrap();
    host.connection.identity_file = Some(sshd.path("mine"));
    assert!(connect(&host).await.is_ok());
}

#[tokio::test]
async fn hosts_behind_jump_hosts_share_the_way() {
    let (first, second, last) = (sshd!(), sshd!(), sshd!());
    let named = |sshd: &Sshd, name: &str, jump: &[&str]| {
        let mut host = sshd.host();
        host.name = name.into();
        host.connection.jump = jump.iter().map(|&hop| hop.to_owned()).collect();
        host
    };
    let hosts = vec![named(&first, "first", &[]), named(&second, "second", &["first"])];
    let me = user(Path::new("/nonexistent"));
    let (connector, anew) = (connector(me.clone(), hosts.clone()), connector(me, hosts));
    let target = named(&last, "last", &["second"]);
    let open = |_| connector.connect(&target);
    for remote in futures::future::join_all((0..12).map(open)).await {
        let (_, client, _) = run(&*remote.unwrap(), &sh!("echo $SSH_CLIENT")).await;
        assert!(client.starts_with("127.0.0.1 "), "{client}");
    }
    // With the second server gone, only the connection that is open already leads on.
    drop(second);
    let other = named(&last, "other", &["first", "second"]);
    assert!(connector.connect(&other).await.is_ok());
    let (message, _) = unreachable(anew.connect(&other).await);
    assert!(message.starts_with("jump host ") && message.contains("no connection"), "{message}");
}

#[tokio::test]
async fn a_jump_host_that_is_dead_is_waited_for_once() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let connection = Connection {
        port: Some(silent.local_addr().unwrap().port()),
        known_hosts: Some("/nonexistent".into()),
        ..Connection::default()
    };
    let jump = host("jump", connection.clone());
    let behind = host("web-1", Connection { jump: vec!["jump".to_owned()], ..connection });
    let timeouts = Timeouts { connect: Duration::from_millis(200), ..Timeouts::default() };
    let connector = patient(user(Path::new("/nonexistent")), vec![jump], timeouts);
    let (all, accepted) = tokio::join!(
        futures::future::join_all((0..20).map(|_| connector.connect(&behind))),
        async { silent.accept().await.unwrap() },
    );
    for one in all {
        let (message, _) = unreachable(one);
        assert!(message.starts_with("jump host "), "{message}");
    }
    drop(accepted);
    let more = futures::FutureExt::now_or_never(silent.accept());
    assert!(more.is_none(), "somebody tried again");
}

#[tokio::test]
async fn the_ssh_configuration_is_followed() {
    let (jump, sshd) = (sshd!(), sshd!());
    let text = |path: &Path| path.display().to_string();
    let config = format!(
        "Host web-*\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n UserKnownHostsFile {}\n ProxyJump bastion\n\
         Host bastion\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\n UserKnownHostsFile {}\n",
        sshd.port,
        text(&sshd.path("user")),
        text(&sshd.path("known_hosts")),
        jump.port,
        text(&jump.path("user")),
        text(&jump.path("known_hosts")),
    );
    // They write the known_hosts files.
    sshd.host();
    jump.host();
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join(".ssh")).unwrap();
    std::fs::write(home.path().join(".ssh/config"), config).unwrap();
    let connector = connector(user(home.path()), Vec::new());
    let web = Host { address: "web-1".to_owned(), ..host("web-1", Connection::default()) };
    let remote = connector.connect(&web).await.unwrap();
    assert_eq!(run(&*remote, &sh!("echo on")).await, seen(0, "on\n", ""));
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_said_so() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let connection = Connection {
        port: Some(port),
        known_hosts: Some("/nonexistent".into()),
        ..Connection::default()
    };
    let (message, hint) = unreachable(connect(&host("web-1", connection)).await);
    assert_eq!(message, format!("127.0.0.1:{port} refuses connections"));
    assert!(hint.contains("sshd"), "{hint}");
}

#[tokio::test]
async fn a_connection_that_is_dropped_before_the_login_is_tried_again() {
    let sshd = sshd!();
    let mut host = sshd.host();
    let front = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = front.local_addr().unwrap().port();
    let known = sshd.known().replace(&sshd.port.to_string(), &port.to_string());
    std::fs::write(sshd.path("known_hosts"), known).unwrap();
    host.connection.port = Some(port);
    let busy = async {
        // As a server above its MaxStartups does.
        for _ in 0..2 {
            drop(front.accept().await.unwrap());
        }
        let (mut client, _) = front.accept().await.unwrap();
        let mut server = tokio::net::TcpStream::connect(("127.0.0.1", sshd.port)).await.unwrap();
        let _ = tokio::io::copy_bidirectional(&mut client, &mut server).await;
    };
    tokio::select! {
        remote = connect(&host) => assert!(remote.is_ok()),
        () = busy => panic!("the connection ended"),
    }
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let connection = Connection {
        port: Some(silent.local_addr().unwrap().port()),
        known_hosts: Some("/nonexistent".into()),
        ..Connection::default()
    };
    let timeouts = Timeouts { connect: Duration::from_millis(200), ..Timeouts::default() };
    let connector = patient(user(Path::new("/nonexistent")), Vec::new(), timeouts);
    let (message, _) = unreachable(connector.connect(&host("web-1", connection)).await);
    assert!(message.contains("did not answer with SSH"), "{message}");
}

#[tokio::test]
async fn a_host_that_stops_answering_is_lost() {
    let sshd = sshd!();
    let timeouts = Timeouts { keepalive: Duration::from_millis(50), ..Timeouts::default() };
    let connector = patient(user(Path::new("/nonexistent")), Vec::new(), timeouts);
    let remote = connector.connect(&sshd.host()).await.unwrap();
    let server = run(&*remote, &sh!("echo $PPID")).await.1;
    let signal = |name: &str| {
        assert!(Command::new("kill").args([name, server.trim()]).status().unwrap().success());
    };
    signal("-STOP");
    let error = remote.run(&sh!("true"), &mut Captured::default()).await.unwrap_err();
    signal("-KILL");
    assert_eq!(error, RemoteError::Lost("keepalive timeout".to_owned()));
}
