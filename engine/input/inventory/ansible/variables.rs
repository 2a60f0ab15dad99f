//! The variables by which Ansible is told how a host is reached, and what they are here.

use crate::{
    base::{
        diagnostic::{Diagnostic, Result},
        document::{Document, DocumentEntry, DocumentNode, Item, Table},
        value::Value,
    },
    input::inventory::{
        Given, Variable, connection,
        declared::{DeclaredInventory, LevelSettings},
        mark::Mark,
    },
};

use super::arguments;

/// What one of Ansible's variables means.
enum Meaning {
    /// Where the host is reached.
    Address,
    /// One of our keys.
    Key(&'static str),
    /// Options of ssh, as on its command line.
    Arguments,
    /// One option of ssh, and its keyword.
    Option(&'static str),
    /// A part of how scripts become root, put together when all levels are known.
    Become(&'static str),
    /// A password in the open.
    Password,
    /// Of no matter here.
    Nothing,
}

const MEANINGS: &[(&str, Meaning)] = &[
    ("ansible_host", Meaning::Address),
    ("ansible_ssh_host", Meaning::Address),
    ("ansible_port", Meaning::Key("port")),
    ("ansible_ssh_port", Meaning::Key("port")),
    ("ansible_user", Meaning::Key("user")),
    ("ansible_ssh_user", Meaning::Key("user")),
    ("ansible_connection", Meaning::Key("transport")),
    ("ansible_ssh_private_key_file", Meaning::Key("identity_file")),
    ("ansible_private_key_file", Meaning::Key("identity_file")),
    ("ansible_ssh_args", Meaning::Arguments),
    ("ansible_ssh_common_args", Meaning::Arguments),
    ("ansible_ssh_extra_args", Meaning::Arguments),
    ("ansible_paramiko_proxy_command", Meaning::Option("ProxyCommand")),
    ("ansible_timeout", Meaning::Option("ConnectTimeout")),
    ("ansible_ssh_timeout", Meaning::Option("ConnectTimeout")),
    ("ansible_host_key_checking", Meaning::Option("StrictHostKeyChecking")),
    ("ansible_ssh_host_key_checking", Meaning::Option("StrictHostKeyChecking")),
    ("ansible_become", Meaning::Become("ansible_become")),
    ("ansible_become_method", Meaning::Become("ansible_become_method")),
    ("ansible_become_user", Meaning::Become("ansible_become_user")),
    ("ansible_sudo", Meaning::Become("ansible_sudo")),
    ("ansible_sudo_user", Meaning::Become("ansible_become_user")),
    ("ansible_su", Meaning::Become("ansible_su")),
    ("ansible_su_user", Meaning::Become("ansible_become_user")),
    ("ansible_password", Meaning::Password),
    ("ansible_ssh_pass", Meaning::Password),
    ("ansible_ssh_password", Meaning::Password),
    ("ansible_ssh_private_key_passphrase", Meaning::Password),
    ("ansible_become_pass", Meaning::Password),
    ("ansible_become_password", Meaning::Password),
    ("ansible_sudo_pass", Meaning::Password),
    ("ansible_su_pass", Meaning::Password),
    ("ansible_group_priority", Meaning::Nothing),
    ("ansible_shell_type", Meaning::Nothing),
    ("ansible_shell_executable", Meaning::Nothing),
    ("ansible_executable", Meaning::Nothing),
    ("ansible_remote_tmp", Meaning::Nothing),
    ("ansible_pipelining", Meaning::Nothing),
    ("ansible_ssh_pipelining", Meaning::Nothing),
    ("ansible_ssh_executable", Meaning::Nothing),
    ("ansible_ssh_retries", Meaning::Nothing),
    ("ansible_ssh_transfer_method", Meaning::Nothing),
    ("ansible_ssh_use_tty", Meaning::Nothing),
    ("ansible_scp_if_ssh", Meaning::Nothing),
    ("ansible_scp_extra_args", Meaning::Nothing),
    ("ansible_sftp_extra_args", Meaning::Nothing),
    ("ansible_sftp_batch_mode", Meaning::Nothing),
    ("ansible_control_path", Meaning::Nothing),
    ("ansible_control_path_dir", Meaning::Nothing),
    ("ansible_become_flags", Meaning::Nothing),
    ("ansible_become_exe", Meaning::Nothing),
];

/// What each of Ansible's variables is here: those that mean the same together.
pub(in super::super) fn meanings() -> Vec<(Vec<&'static str>, String)> {
    let mut all: Vec<(Vec<&'static str>, String)> = Vec::new();
    for (name, meaning) in MEANINGS {
        let about = meaning.about();
        match all.iter_mut().find(|(_, known)| *known == about) {
            Some((names, _)) => names.push(name),
            None => all.push((vec![name], about)),
        }
    }
    all
}

impl Meaning {
    fn about(&self) -> String {
        match self {
            Self::Address => "the address of the host".to_owned(),
            Self::Key("transport") => {
                "`transport`: ssh, smart and paramiko are `ssh`; `local`; any other is an error"
                    .to_owned()
            }
            Self::Key(key) => format!("`{key}`"),
            Self::Arguments => "`ssh_options`: the options of ssh that it holds".to_owned(),
            Self::Option("StrictHostKeyChecking") => {
                "whether unknown host keys are asked for; a changed one is refused anyway"
                    .to_owned()
            }
            Self::Option(keyword) => format!("`ssh_options`: `{keyword}`"),
            Self::Become(_) => {
                "`become`: as root, by sudo, su or doas; any other is an error".to_owned()
            }
            Self::Password => {
                "ignored with a warning: name a secret in a TOML file of the inventory".to_owned()
            }
            Self::Nothing => "ignored: it has no effect in converge".to_owned(),
        }
    }
}

/// The names of connections of Ansible that are SSH here.
const SSH: [&str; 4] = ["ssh", "smart", "paramiko", "paramiko_ssh"];

/// Reads variables of one level.
pub(super) struct VariableReader<'a> {
    pub(super) given: &'a Given,
    pub(super) document: &'a Document,
    pub(super) to: &'a mut DeclaredInventory,
}

impl VariableReader<'_> {
    /// An address, how to connect, and what is left.
    pub(super) fn read(&mut self, table: &Table) -> Result<(Option<String>, LevelSettings)> {
        let (mut address, mut settings) = (None, LevelSettings::default());
        for (name, DocumentEntry { node, .. }) in table {
            let mark = Mark::new(self.document, &node.span);
            let Some((_, meaning)) = MEANINGS.iter().find(|(known, _)| known == name) else {
                self.plain(name, node, &mark, &mut settings);
                continue;
            };
            if let (Item::Text(text), false) =
                (&node.item, matches!(meaning, Meaning::Password | Meaning::Nothing))
                && text.contains("{{")
            {
                let message = format!("`{name}` is a template, and inventories are not rendered");
                return Err(mark
                    .error("inventory::template", message)
                    .hint("write the value itself"));
            }
            let mut set = |key: &str, value: Value| {
                settings.connection.insert(key.to_owned(), vec![(value, mark.clone())]);
            };
            match meaning {
                Meaning::Nothing => {}
                Meaning::Password => self.to.warn(
                    mark.error("inventory::password", format!("`{name}` is ignored: converge reads no password from an inventory"))
                        .hint("name a secret, in a TOML file of the inventory: password, become_password or identity_passphrase"),
                ),
                Meaning::Address => address = Some(self.document.text(node)?.to_owned()),
                Meaning::Key(key) => {
                    let node = DocumentNode { span: node.span.clone(), item: plain(key, node, &mark)? };
                    set(key, connection::setting(self.given, key, &node, &mark)?);
                }
                Meaning::Become(key) => set(key, Value::from(node)),
                Meaning::Option(keyword) => {
                    if let Some(line) = option(keyword, node, &mark)? {
                        set(name, Value::List(vec![Value::Text(line)]));
                    }
                }
                Meaning::Arguments => {
                    let lines = arguments::lines(self.document.text(node)?);
                    let lines = lines.map_err(|why| mark.error("inventory::ssh-arguments", format!("`{name}`: {why}")))?;
                    set(name, Value::List(lines.into_iter().map(Value::Text).collect()));
                }
            }
        }
        Ok((address, settings))
    }

    fn plain(
        &mut self,
        name: &str,
        node: &DocumentNode,
        mark: &Mark,
        settings: &mut LevelSettings,
    ) {
        if let Item::Text(text) = &node.item
            && text.contains("{{")
        {
            let message = format!(
                "`{name}` holds {{{{ .. }}}}, which is kept as it is: inventories are not rendered"
            );
            self.to.warn_once("a template", mark.error("inventory::template", message));
        }
        let is_interpreter = name.ends_with("_interpreter");
        if name.starts_with("ansible_") && !is_interpreter {
            let message =
                format!("`{name}` has no special meaning here: it is an ordinary variable");
            self.to.warn_once(name, mark.error("inventory::unknown-variable", message));
        }
        settings.vars.insert(name.to_owned(), vec![(node.into(), mark.clone())]);
    }
}

/// The value of one of our keys, which Ansible also takes as a text.
fn plain(key: &str, node: &DocumentNode, mark: &Mark) -> Result<Item> {
    Ok(match (key, &node.item) {
        ("port", Item::Text(text)) => match text.trim().parse() {
            Ok(number) => Item::Int(number),
            Err(_) => node.item.clone(),
        },
        ("user", Item::Int(number)) => Item::Text(number.to_string()),
        ("transport", Item::Text(text)) => {
            let short =
                text.trim_start_matches("ansible.builtin.").trim_start_matches("ansible.legacy.");
            match short {
                "local" => Item::Text("local".to_owned()),
                short if SSH.contains(&short) => Item::Text("ssh".to_owned()),
                other => {
                    let message = format!("unsupported connection `{}`", other.escape_debug());
                    let error = mark.error("inventory::wrong-type", message);
                    return Err(error.hint("use ssh (or smart, paramiko), or local"));
                }
            }
        }
        _ => node.item.clone(),
    })
}

/// The line of an SSH configuration that a variable stands for.
fn option(keyword: &str, node: &DocumentNode, mark: &Mark) -> Result<Option<String>> {
    if keyword == "StrictHostKeyChecking" {
        let checks = truth(&Value::from(node), mark)?;
        return Ok((!checks).then(|| format!("{keyword} no")));
    }
    Ok(match &node.item {
        Item::Text(text) => Some(format!("{keyword} {text}")),
        Item::Int(number) => Some(format!("{keyword} {number}")),
        _ => None,
    })
}

/// What Ansible takes for yes and no.
fn truth(value: &Value, mark: &Mark) -> Result<bool> {
    let text = match value {
        Value::Bool(value) => return Ok(*value),
        Value::Int(number) => number.to_string(),
        Value::Text(text) => text.trim().to_lowercase(),
        _ => String::new(),
    };
    match text.as_str() {
        "yes" | "true" | "on" | "1" | "y" | "t" => Ok(true),
        "no" | "false" | "off" | "0" | "n" | "f" | "" => Ok(false),
        other => {
            let message = format!("`{}` is not a boolean", other.escape_debug());
            Err(mark.error("inventory::wrong-type", message))
        }
    }
}

/// Puts together, once all levels are known, what several variables say: who scripts run as, and options of ssh.
///
/// # Errors
/// When they ask for a way to become root that is not there, or for somebody else than root.
pub(in super::super) fn settle(
    settings: &mut indexmap::IndexMap<String, Variable>,
    mark: &Mark,
) -> Result<()> {
    let mut options = Vec::new();
    for name in
        MEANINGS.iter().filter(|(_, it)| matches!(it, Meaning::Arguments | Meaning::Option(_)))
    {
        if let Some(Variable { value: Value::List(lines), .. }) = settings.shift_remove(name.0) {
            options.extend(lines);
        }
    }
    if !options.is_empty() {
        let chain = Vec::new();
        let own = settings.entry("ssh_options".to_owned());
        let own = own.or_insert(Variable { value: Value::List(Vec::new()), chain });
        if let Value::List(lines) = &mut own.value {
            lines.extend(options);
        }
    }
    let mut take = |name: &str| settings.shift_remove(name).map(|it| it.value);
    let (asked, sudo, su) = (take("ansible_become"), take("ansible_sudo"), take("ansible_su"));
    let (method, user) = (take("ansible_become_method"), take("ansible_become_user"));
    let is = |value: &Option<Value>| value.as_ref().map(|value| truth(value, mark)).transpose();
    let (asked, sudo, su) = (is(&asked)?, is(&sudo)?, is(&su)?);
    let wanted = asked.or(sudo.filter(|it| *it)).or(su.filter(|it| *it)).or(asked.or(sudo).or(su));
    let Some(wanted) = wanted.filter(|_| !settings.contains_key("become")) else { return Ok(()) };
    let wrong = |what: &str, hint: &str| -> Diagnostic {
        mark.error("inventory::wrong-type", what).hint(hint)
    };
    let method = match (wanted, &method) {
        (false, _) => "none",
        (true, None) if su == Some(true) => "su",
        (true, None) => "sudo",
        (true, Some(Value::Text(method))) => match method
            .trim_start_matches("ansible.builtin.")
            .trim_start_matches("community.general.")
        {
            "sudo" => "sudo",
            "su" => "su",
            "doas" => "doas",
            other => {
                let what =
                    format!("ansible_become_method `{}` is not supported", other.escape_debug());
                return Err(wrong(&what, "use sudo, su or doas"));
            }
        },
        (true, Some(_)) => {
            return Err(wrong("ansible_become_method is not a string", "write sudo, su or doas"));
        }
    };
    if let (true, Some(user)) = (wanted, user)
        && user != Value::from("root")
    {
        let hint = "converge becomes root; run a command as another user with `user`";
        return Err(wrong("ansible_become_user is not root", hint));
    }
    settings.insert("become".to_owned(), Variable { value: method.into(), chain: Vec::new() });
    Ok(())
}
