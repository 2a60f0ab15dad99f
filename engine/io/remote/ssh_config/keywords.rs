//! Every keyword of OpenSSH, and what is done about it.

/// What is done about a keyword.
pub(super) enum Use {
    /// It is followed; its first value counts.
    Followed,
    /// It is followed; its values add up.
    Many,
    /// It changes neither who is reached nor how somebody logs in there, or converge has a stricter way of its own.
    Ignored,
    /// It changes that, and is not done here: an error, unless its value asks for nothing.
    Refused {
        /// Values that ask for nothing.
        unless: &'static [&'static str],
        /// What to do instead.
        instead: &'static str,
    },
}

/// The keyword that a name in lower case means, and what is done about it.
pub(super) fn find(name: &str) -> Option<(&'static str, &'static Use)> {
    let alias = ALIASES.iter().find(|(old, _)| *old == name).map_or(name, |(_, new)| new);
    if let Some((known, r#use)) = KEYWORDS.iter().find(|(known, _)| *known == alias) {
        return Some((known, r#use));
    }
    let ignored = IGNORED.iter().find(|known| **known == alias)?;
    Some((ignored, &Use::Ignored))
}

/// Whether a keyword may stand alone.
pub(super) fn may_be_empty(name: &str) -> bool {
    IGNORED.contains(&name)
}

/// Earlier names.
const ALIASES: &[(&str, &str)] = &[
    ("challengeresponseauthentication", "kbdinteractiveauthentication"),
    ("skeyauthentication", "kbdinteractiveauthentication"),
    ("tisauthentication", "kbdinteractiveauthentication"),
    ("dsaauthentication", "pubkeyauthentication"),
    ("pubkeyacceptedkeytypes", "pubkeyacceptedalgorithms"),
    ("hostbasedkeytypes", "hostbasedacceptedalgorithms"),
    ("hostbasedacceptedkeytypes", "hostbasedacceptedalgorithms"),
    ("smartcarddevice", "pkcs11provider"),
    ("identityfile2", "identityfile"),
];

const fn refused(unless: &'static [&'static str], instead: &'static str) -> Use {
    Use::Refused { unless, instead }
}

static KEYWORDS: &[(&str, Use)] = &[
    ("host", Use::Followed),
    ("match", Use::Followed),
    ("include", Use::Followed),
    ("tag", Use::Followed),
    ("hostname", Use::Followed),
    ("port", Use::Followed),
    ("user", Use::Followed),
    ("addressfamily", Use::Followed),
    ("bindaddress", Use::Followed),
    ("connecttimeout", Use::Followed),
    ("connectionattempts", Use::Followed),
    ("proxyjump", Use::Followed),
    ("proxycommand", Use::Followed),
    ("identityfile", Use::Many),
    ("certificatefile", Use::Many),
    ("identitiesonly", Use::Followed),
    ("identityagent", Use::Followed),
    ("preferredauthentications", Use::Followed),
    ("pubkeyauthentication", Use::Followed),
    ("passwordauthentication", Use::Followed),
    ("kbdinteractiveauthentication", Use::Followed),
    ("pubkeyacceptedalgorithms", Use::Followed),
    ("casignaturealgorithms", Use::Followed),
    ("requiredrsasize", Use::Followed),
    ("hostkeyalgorithms", Use::Followed),
    ("kexalgorithms", Use::Followed),
    ("ciphers", Use::Followed),
    ("macs", Use::Followed),
    ("hostkeyalias", Use::Followed),
    ("userknownhostsfile", Use::Followed),
    ("globalknownhostsfile", Use::Followed),
    ("stricthostkeychecking", Use::Followed),
    // Told where it would have made a difference: where a host key is not known.
    ("verifyhostkeydns", Use::Followed),
    ("nohostauthenticationforlocalhost", Use::Followed),
    (
        "proxyusefdpass",
        refused(&["no"], "a ProxyCommand that passes the connection on itself works"),
    ),
    ("bindinterface", refused(&[], "BindAddress works, with an address of that interface")),
    ("canonicalizehostname", refused(&["no", "none"], "write the whole name: HostName works")),
    ("canonicalizepermittedcnames", refused(&["none"], "write the whole name: HostName works")),
    (
        "knownhostscommand",
        refused(&["none"], "write its output to a file: UserKnownHostsFile works"),
    ),
    ("revokedhostkeys", refused(&["none"], "a line `@revoked * KEY` in a known_hosts file works")),
    (
        "pkcs11provider",
        refused(&["none"], "ssh-add -s PROVIDER loads its keys, and the agent's are shown"),
    ),
    ("refuseconnection", refused(&[], "this configuration forbids connections to the host")),
];

/// What neither changes who is reached nor how somebody logs in there.
static IGNORED: &[&str] = &[
    "addkeystoagent",
    "afstokenpassing",
    "batchmode",
    "canonicaldomains",
    "canonicalizefallbacklocal",
    "canonicalizemaxdots",
    "channeltimeout",
    "checkhostip",
    "cipher",
    "clearallforwardings",
    "compression",
    "compressionlevel",
    "controlmaster",
    "controlpath",
    "controlpersist",
    "dynamicforward",
    "enableescapecommandline",
    "enablesshkeysign",
    "escapechar",
    "exitonforwardfailure",
    "fallbacktorsh",
    "fingerprinthash",
    "forkafterauthentication",
    "forwardagent",
    "forwardx11",
    "forwardx11timeout",
    "forwardx11trusted",
    "gatewayports",
    "globalknownhostsfile2",
    "gssapiauthentication",
    "gssapiclientidentity",
    "gssapidelegatecredentials",
    "gssapikexalgorithms",
    "gssapikeyexchange",
    "gssapirenewalforcesrekey",
    "gssapiserveridentity",
    "gssapitrustdns",
    "hashknownhosts",
    "hostbasedacceptedalgorithms",
    "hostbasedauthentication",
    "ipqos",
    "kbdinteractivedevices",
    "keepalive",
    "kerberosauthentication",
    "kerberostgtpassing",
    "localcommand",
    "localforward",
    "loglevel",
    "logverbose",
    "numberofpasswordprompts",
    "obscurekeystroketiming",
    "permitlocalcommand",
    "permitremoteopen",
    "protocol",
    "rekeylimit",
    "remotecommand",
    "remoteforward",
    "requesttty",
    "rhostsauthentication",
    "rhostsrsaauthentication",
    "rsaauthentication",
    // A key that a device holds is shown if the agent has it; in a file it is told why it cannot be used.
    "securitykeyprovider",
    "sendenv",
    "serveralivecountmax",
    // converge asks each host for signs of life itself.
    "serveraliveinterval",
    "sessiontype",
    "setenv",
    "stdinnull",
    "streamlocalbindmask",
    "streamlocalbindunlink",
    "syslogfacility",
    "tcpkeepalive",
    "tunnel",
    "tunneldevice",
    "updatehostkeys",
    "useblacklistedkeys",
    "usekeychain",
    "useprivilegedport",
    "userknownhostsfile2",
    "useroaming",
    "usersh",
    "versionaddendum",
    "visualhostkey",
    "warnweakcrypto",
    "xauthlocation",
    "protocolkeepalives",
    "setuptimeout",
];
