//! What people use of `ssh_config`: Host, Match all and host, Include, and the settings of [`Settings`].
//!
//! The published parsers let the settings of a `Match` block apply to the `Host` before it.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::pattern;

/// The settings of a configuration, in order, each with the hosts it is for.
#[derive(Debug, Clone, Default)]
pub(super) struct SshConfig(Vec<Setting>);

#[derive(Debug, Clone)]
struct Setting {
    /// Every list has to match: a file that is included within a `Host` block is for its hosts only.
    scope: Vec<Vec<String>>,
    key: String,
    values: Vec<String>,
}

/// What a configuration says about one host.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Settings {
    pub(super) host_name: Option<String>,
    pub(super) host_key_alias: Option<String>,
    pub(super) user: Option<String>,
    pub(super) port: Option<u16>,
    pub(super) identity_files: Vec<String>,
    pub(super) identities_only: bool,
    pub(super) identity_agent: Option<String>,
    pub(super) known_hosts: Vec<String>,
    pub(super) accept_new: bool,
    /// Hosts to go through, first to last.
    pub(super) jump: Vec<String>,
}

impl SshConfig {
    /// Reads a file and what it includes.
    pub(super) fn read(file: &Path, home: &Path) -> io::Result<Self> {
        let mut config = Self::default();
        config.add(&std::fs::read_to_string(file)?, file, home, &[], 0);
        Ok(config)
    }

    /// This, then what is weaker.
    pub(super) fn then(mut self, weaker: Self) -> Self {
        self.0.extend(weaker.0);
        self
    }

    fn add(&mut self, text: &str, file: &Path, home: &Path, outer: &[Vec<String>], depth: usize) {
        /// As deep as OpenSSH follows includes.
        const DEEPEST: usize = 16;
        let mut scope = outer.to_vec();
        for line in text.lines() {
            let Some((key, values)) = words(line) else { continue };
            match key.as_str() {
                "host" => scope = [outer, &[values]].concat(),
                "match" => scope = [outer, &[matched(&values)]].concat(),
                "include" if depth < DEEPEST => {
                    for file in values.iter().flat_map(|value| included(value, file, home)) {
                        // OpenSSH passes over what it cannot read here.
                        if let Ok(text) = std::fs::read_to_string(&file) {
                            self.add(&text, &file, home, &scope, depth + 1);
                        }
                    }
                }
                _ => self.0.push(Setting { scope: scope.clone(), key, values }),
            }
        }
    }

    /// What it says about the host that the user calls `name`: the first value of a setting counts.
    pub(super) fn about(&self, name: &str) -> Settings {
        let mut found = Settings::default();
        let applies = |setting: &&Setting| {
            let list =
                |list: &Vec<String>| pattern::list_matches(list.iter().map(String::as_str), name);
            setting.scope.iter().all(list)
        };
        let mut seen = std::collections::HashSet::new();
        for Setting { key, values, .. } in self.0.iter().filter(applies) {
            let first = seen.insert(key.as_str());
            let Some(value) = values.first() else { continue };
            match key.as_str() {
                "identityfile" => found.identity_files.push(value.clone()),
                _ if !first => {}
                "hostname" => found.host_name = Some(value.replace("%h", name)),
                "hostkeyalias" => found.host_key_alias = Some(value.clone()),
                "user" => found.user = Some(value.clone()),
                "port" => found.port = value.parse().ok(),
                "identitiesonly" => found.identities_only = value.eq_ignore_ascii_case("yes"),
                "identityagent" => found.identity_agent = Some(value.clone()),
                "userknownhostsfile" => found.known_hosts.clone_from(values),
                "stricthostkeychecking" => {
                    found.accept_new = value.eq_ignore_ascii_case("accept-new");
                }
                // The whole line: there may be spaces after the commas.
                "proxyjump" if value != "none" => {
                    found.jump = values.concat().split(',').map(str::to_owned).collect();
                }
                _ => {}
            }
        }
        found.identity_files.retain(|file| file != "none");
        found
    }
}

/// The patterns of a `Match` line. One that asks for more than names matches no host here.
fn matched(criteria: &[String]) -> Vec<String> {
    let lower = criteria.iter().map(|word| word.to_lowercase()).collect::<Vec<_>>();
    match lower.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["all"] => vec!["*".to_owned()],
        ["host" | "originalhost", names] => names.split(',').map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// The keyword in lower case and its arguments: `Key value`, `Key=value`, `"in quotes"`, `# comment`.
fn words(line: &str) -> Option<(String, Vec<String>)> {
    let line = line.trim();
    let end = line.find(|c: char| c.is_whitespace() || c == '=' || c == '#').unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let rest = rest.trim_start();
    let rest = rest.strip_prefix('=').unwrap_or(rest);
    let (mut values, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in rest.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => break,
            c if c.is_whitespace() && !quoted => values.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    values.extend(word);
    (!key.is_empty()).then(|| (key.to_lowercase(), values))
}

/// The files of an include. Only its last part may be a pattern.
fn included(value: &str, from: &Path, home: &Path) -> Vec<PathBuf> {
    let path = match value.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        // Relative to ~/.ssh or /etc/ssh: where the including file is.
        None => from.parent().unwrap_or(Path::new("/")).join(value),
    };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else { return Vec::new() };
    let name = name.to_string_lossy();
    if !name.contains(['*', '?']) {
        return vec![path];
    }
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names = names
        .filter(|file| !file.starts_with('.') && pattern::matches(&name, file))
        .collect::<Vec<_>>();
    names.sort();
    names.iter().map(|file| folder.join(file)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(text: &str, name: &str) -> Settings {
        let mut config = SshConfig::default();
        config.add(text, Path::new("/home/ann/.ssh/config"), Path::new("/home/ann"), &[], 0);
        config.about(name)
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
                UserKnownHostsFile ~/.ssh/one /etc/two
                StrictHostKeyChecking accept-new
                IdentitiesOnly Yes";
        let expected = Settings {
            host_name: Some("web-1.example.org".to_owned()),
            user: Some("ops".to_owned()),
            port: Some(2222),
            identity_files: vec!["~/.ssh/first".to_owned(), "~/.ssh/with space".to_owned()],
            identities_only: true,
            known_hosts: vec!["~/.ssh/one".to_owned(), "/etc/two".to_owned()],
            accept_new: true,
            jump: vec!["a@one:23".to_owned(), "two".to_owned()],
            ..Settings::default()
        };
        assert_eq!(about(text, "web-1"), expected);
        let other = about(text, "web-9");
        assert_eq!((other.user.as_deref(), other.port), (Some("root"), None));
    }

    #[test]
    fn a_match_block_applies_to_nobody_else() {
        let text = "
            Host web-1
                User ops
            Match exec \"true\"
                User evil
                Port 1
            Match host web-*,db
                Port 3
            Match all
                Port 4";
        assert_eq!(about(text, "web-1").user.as_deref(), Some("ops"));
        assert_eq!(about(text, "web-1").port, Some(3));
        assert_eq!((about(text, "x").user, about(text, "x").port), (None, Some(4)));
    }

    #[test]
    fn a_file_included_in_a_block_is_for_its_hosts_only() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "config",
            "Include *.conf missing\nHost web-*\n  Include web\n  Port 5\nHost *\n  Port 6\n",
        );
        write("a.conf", "Host special\n  User ann\n");
        write("web", "User web\nHost web-2\n  User never\nHost db\n  User never\n");
        let config = SshConfig::read(&folder.path().join("config"), folder.path()).unwrap();
        assert_eq!(config.about("special").user.as_deref(), Some("ann"));
        assert_eq!(
            (config.about("web-1").user.as_deref(), config.about("web-1").port),
            (Some("web"), Some(5))
        );
        assert_eq!((config.about("db").user, config.about("db").port), (None, Some(6)));
    }

    #[test]
    fn a_file_that_includes_itself_ends() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, "Include config\nPort 7\n").unwrap();
        assert_eq!(SshConfig::read(&file, folder.path()).unwrap().about("x").port, Some(7));
    }
}
