//! The way to a host that `ssh_config` asks for, and what servers ask for, against a real sshd.

use std::path::Path;

use converge::{
    base::content::Content,
    input::inventory::{Connection, Host},
    io::remote::{Captured, Connector as _, Remote, RemoteError},
    sh,
};

use super::sshd::{Sshd, connect, connector, host, keygen, run, unreachable, user};

/// Starts a server with more lines of configuration, or ends the test where there is none.
macro_rules! sshd {
    ($more:expr) => {
        match Sshd::with("ed25519", $more) {
            Some(sshd) => sshd,
            None => return,
        }
    };
}

/// The host `web-1` as this configuration reaches it: FOLDER is that of the server, PORT its port.
async fn by(sshd: &Sshd, config: &str) -> Result<std::sync::Arc<dyn Remote>, RemoteError> {
    let folder = sshd.folder.path().display().to_string();
    let config = config.replace("FOLDER", &folder).replace("PORT", &sshd.port.to_string());
    std::fs::write(sshd.path("config"), config).unwrap();
    let ssh_config = Some(sshd.path("config"));
    let connection = Connection { ssh_config, ..Connection::default() };
    let web = Host { address: "web-1".to_owned(), ..host("web-1", connection) };
    connector(user(Path::new("/nonexistent")), Vec::new()).connect(&web).await
}

async fn works(remote: Result<std::sync::Arc<dyn Remote>, RemoteError>) {
    let remote = remote.unwrap_or_else(|error| panic!("{error:?}"));
    assert_eq!(run(&*remote, &sh!("echo on")).await.1, "on\n");
}

/// What all configurations begin with: where the server is, and with which key.
const HERE: &str = "HostName 127.0.0.1\nPort PORT\nIdentityFile FOLDER/user\n";
const KNOWN: &str = "UserKnownHostsFile FOLDER/known_hosts\n";

fn know(sshd: &Sshd, name: &str) {
    let key = std::fs::read_to_string(sshd.path("host.pub")).unwrap();
    std::fs::write(sshd.path("known_hosts"), format!("{name} {key}")).unwrap();
}

#[tokio::test]
async fn hardened_servers_have_something_in_common_with_us() {
    for line in [
        "KexAlgorithms ecdh-sha2-nistp256,ecdh-sha2-nistp384,ecdh-sha2-nistp521,diffie-hellman-group-exchange-sha256",
        "KexAlgorithms ecdh-sha2-nistp384",
        "KexAlgorithms ecdh-sha2-nistp521",
        "KexAlgorithms diffie-hellman-group14-sha256\nCiphers aes128-ctr\nMACs hmac-sha2-256",
        "PubkeyAcceptedAlgorithms ssh-ed25519",
    ] {
        let sshd = sshd!(line);
        works(connect(&sshd.host()).await).await;
    }
    // Group exchange asks for the moduli that the distribution brings.
    if Path::new("/etc/ssh/moduli").exists() {
        let sshd = sshd!("KexAlgorithms diffie-hellman-group-exchange-sha256");
        works(connect(&sshd.host()).await).await;
    }
}

#[tokio::test]
async fn a_server_with_nothing_in_common_is_told_with_both_lists() {
    let sshd = sshd!("KexAlgorithms sntrup761x25519-sha512@openssh.com");
    let (message, hint) = unreachable(connect(&sshd.host()).await);
    assert!(message.contains("no way to exchange keys in common: it has sntrup761"), "{message}");
    assert!(message.contains("converge has mlkem768x25519-sha256,"), "{message}");
    assert!(hint.contains("KexAlgorithms") && !hint.contains("MaxStartups"), "{hint}");
}

#[tokio::test]
async fn the_algorithms_of_the_configuration_are_offered() {
    let sshd = sshd!("KexAlgorithms diffie-hellman-group14-sha1\nMACs hmac-sha1");
    know(&sshd, "127.0.0.1");
    let (message, _) = unreachable(by(&sshd, &format!("{HERE}{KNOWN}")).await);
    assert!(message.contains("in common"), "{message}");
    let old = "KexAlgorithms +diffie-hellman-group14-sha1\nMACs +hmac-sha1\nCiphers aes256-ctr\n";
    works(by(&sshd, &format!("{HERE}{KNOWN}{old}")).await).await;
    let none = "KexAlgorithms sntrup761x25519-sha512\n";
    let (message, hint) = unreachable(by(&sshd, &format!("{none}{HERE}{KNOWN}")).await);
    assert!(
        message
            .ends_with("config:1: `sntrup761x25519-sha512` leaves nothing that converge supports"),
        "{message}"
    );
    assert!(hint.contains("curve25519-sha256"), "{hint}");
}

#[tokio::test]
async fn rsa_signs_with_sha_2_also_with_a_certificate() {
    let mut sshd = sshd!(
        "TrustedUserCAKeys FOLDER/authority.pub\nAuthorizedPrincipalsFile FOLDER/principals\n\
         PubkeyAcceptedAlgorithms rsa-sha2-512,rsa-sha2-512-cert-v01@openssh.com"
    );
    keygen(&sshd.path("authority"), &["-t", "rsa", "-b", "2048"]);
    keygen(&sshd.path("mine"), &["-t", "rsa", "-b", "2048"]);
    std::fs::write(sshd.path("principals"), "somebody\n").unwrap();
    std::fs::write(sshd.path("authorized_keys"), "").unwrap();
    let mut sign = std::process::Command::new("ssh-keygen");
    sign.args(["-q", "-t", "rsa-sha2-256", "-s"]).arg(sshd.path("authority"));
    sign.args(["-I", "test", "-n", "somebody"]).arg(sshd.path("mine.pub"));
    assert!(sign.status().unwrap().success());
    sshd.restart();
    let mut host = sshd.host();
    host.connection.identity_file = Some(sshd.path("mine"));
    works(connect(&host).await).await;
    // A certificate that does not stand beside its key.
    std::fs::rename(sshd.path("mine-cert.pub"), sshd.path("elsewhere")).unwrap();
    assert!(connect(&host).await.is_err());
    know(&sshd, "127.0.0.1");
    let mine = HERE.replace("user", "mine");
    works(by(&sshd, &format!("{mine}{KNOWN}CertificateFile FOLDER/elsewhere\n")).await).await;
    // And the key alone.
    std::fs::copy(sshd.path("mine.pub"), sshd.path("authorized_keys")).unwrap();
    works(by(&sshd, &format!("{mine}{KNOWN}")).await).await;
    let none = "PubkeyAcceptedAlgorithms ssh-ed25519\n";
    let (message, _) = unreachable(by(&sshd, &format!("{mine}{KNOWN}{none}")).await);
    assert!(message.contains("PubkeyAcceptedAlgorithms excludes rsa-sha2-"), "{message}");
}

#[tokio::test]
async fn known_hosts_are_looked_up_as_openssh_does() {
    let sshd = sshd!("");
    for (name, more) in [
        ("myalias", "HostKeyAlias myalias\n"),
        ("127.0.0.1", ""),
        ("127.0.0.*", ""),
        ("[127.0.0.1]:PORT", ""),
    ] {
        know(&sshd, &name.replace("PORT", &sshd.port.to_string()));
        works(by(&sshd, &format!("{HERE}{KNOWN}{more}")).await).await;
        works(by(&sshd, &format!("{HERE}GlobalKnownHostsFile FOLDER/known_hosts\n{more}")).await)
            .await;
        let files = "UserKnownHostsFile FOLDER/none \"FOLDER/known_hosts\"\n";
        works(by(&sshd, &format!("{HERE}{files}{more}")).await).await;
    }
    let lax = "StrictHostKeyChecking no\nUserKnownHostsFile /dev/null\n";
    let (message, hint) = unreachable(by(&sshd, &format!("{lax}{HERE}")).await);
    assert!(
        message.contains("StrictHostKeyChecking no (")
            && message.contains("config:1) is not supported"),
        "{message}"
    );
    assert!(!hint.contains("/dev/null"), "{hint}");
}

#[tokio::test]
async fn a_proxy_command_is_the_connection() {
    let sshd = sshd!("");
    know(&sshd, "web-1");
    std::fs::write(
        sshd.path("proxy"),
        "echo $1 $2 > $3; exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/$0; cat <&3 & exec cat >&3' $2",
    )
    .unwrap();
    let config = format!(
        "IdentityFile FOLDER/user\n{KNOWN}Port PORT\nProxyCommand sh \"FOLDER/proxy\" %h %p FOLDER/said # no comment\n"
    );
    let config = config.replace(" # no comment", "");
    let remote = by(&sshd, &config).await;
    let said = std::fs::read_to_string(sshd.path("said")).unwrap();
    assert_eq!(said, format!("web-1 {}\n", sshd.port));
    works(remote).await;
    let gone = "ProxyCommand echo nobody is there >&2; exit 1\n";
    let (message, _) = unreachable(by(&sshd, &format!("{gone}{HERE}{KNOWN}")).await);
    assert!(
        message.contains("ProxyCommand for 127.0.0.1") && message.ends_with("nobody is there"),
        "{message}"
    );
    // `none` wins over what comes later.
    know(&sshd, "127.0.0.1");
    works(by(&sshd, &format!("ProxyCommand none\n{HERE}{KNOWN}ProxyJump nobody\n")).await).await;
    works(by(&sshd, &format!("ProxyJump NONE\n{HERE}{KNOWN}ProxyJump nobody\n")).await).await;
}

#[tokio::test]
async fn blocks_tokens_and_addresses_lead_to_the_host() {
    let sshd = sshd!("");
    know(&sshd, "127.0.0.1");
    std::fs::create_dir_all(sshd.path("keys/web-1")).unwrap();
    std::fs::copy(sshd.path("user"), sshd.path("keys/web-1/127.0.0.1")).unwrap();
    let config = "Host web-1\n HostName 127.0.0.1\n\
                  Match host 127.0.0.1\n Port PORT\n\
                  Match exec \"test %n = web-1\"\n UserKnownHostsFile FOLDER/known_hosts\n\
                  Match originalhost web-* host 127.*\n IdentityFile FOLDER/keys/%n/%h\n\
                  Host *\n AddressFamily inet\n BindAddress 127.0.0.1\n ConnectTimeout 30\n";
    works(by(&sshd, config).await).await;
    let (message, _) = unreachable(by(&sshd, &config.replace("inet", "inet6")).await);
    assert!(message.contains("no address of that family"), "{message}");
    let (message, _) = unreachable(by(&sshd, &format!("BindInterface lo\n{config}")).await);
    assert!(message.ends_with("config:1: BindInterface is not supported"), "{message}");
}

#[tokio::test]
async fn options_of_the_inventory_come_first() {
    let sshd = sshd!("");
    let mut host = sshd.host();
    host.connection.port = None;
    host.connection.ssh_options = vec![format!("Port {}", sshd.port), "Prot 1".to_owned()];
    let (message, _) = unreachable(connect(&host).await);
    assert_eq!(message, "ssh_options of web-1: there is no keyword `Prot`");
    host.connection.ssh_options.pop();
    works(connect(&host).await).await;
}

#[tokio::test]
async fn what_a_server_wants_is_said() {
    let sshd = sshd!("PubkeyAuthentication no\nPasswordAuthentication yes\nUsePAM no");
    let (message, hint) = unreachable(connect(&sshd.host()).await);
    assert!(message.contains("it takes password"), "{message}");
    assert!(hint.contains("no keys, only a password: password = \"NAME\""), "{hint}");
    let mut host = sshd.host();
    host.connection.password = Some("missing".to_owned());
    let (message, _) = unreachable(connect(&host).await);
    assert_eq!(message, "password: there is no secret `missing`");
    host.connection.password = Some("passphrase".to_owned());
    let (message, hint) = unreachable(connect(&host).await);
    assert!(message.contains("rejects the password"), "{message}");
    assert!(hint.starts_with("is the secret passphrase the password of"), "{hint}");

    let two =
        sshd!("AuthenticationMethods publickey,password\nPasswordAuthentication yes\nUsePAM no");
    let (message, hint) = unreachable(connect(&two.host()).await);
    assert!(
        message.contains("accepted publickey (")
            && message.contains("but requires more; it takes password"),
        "{message}"
    );
    assert!(hint.starts_with("the host requires a second factor"), "{hint}");
}

#[tokio::test]
async fn a_login_without_a_shell_is_told_with_its_cause() {
    let sshd = sshd!("ForceCommand exit 1");
    let remote = connect(&sshd.host()).await.unwrap();
    let error = remote.run(&sh!("true"), &mut Captured::default()).await.unwrap_err();
    let RemoteError::Unreachable { message, hint: Some(hint) } = error else { panic!("{error:?}") };
    assert_eq!(message, "the login gave no shell on web-1: it ended with status 1");
    assert!(hint.contains("/bin/false") && hint.contains(".bashrc"), "{hint}");
}

#[tokio::test]
async fn a_host_without_a_second_channel_is_told_so() {
    let sshd = sshd!("MaxSessions 1");
    let remote = connect(&sshd.host()).await.unwrap();
    run(&*remote, &sh!("true")).await;
    let error = remote.send(&[Content::new(*b"x")]).await.unwrap_err();
    let RemoteError::Refused(message) = error else { panic!("{error:?}") };
    assert!(message.contains("MaxSessions"), "{message}");
    assert_eq!(run(&*remote, &sh!("echo on")).await.1, "on\n");
}
