//! What can be a path, an account, a mode: the arguments that kinds have in common.

use crate::resources::resource::ArgumentError;

/// Checks that a path can be one of ours: absolute, written in one way only, without control characters.
///
/// # Errors
/// Says what is wrong with it, for the argument `argument`.
pub fn check_path(argument: &'static str, path: &str) -> Result<(), ArgumentError> {
    let error = |message: String| ArgumentError::new(argument, message);
    let Some(below) = path.strip_prefix('/') else {
        return Err(error(format!("`{path}` is not an absolute path"))
            .hint(format!("write it from the root: `/{path}`")));
    };
    if path.contains(|c: char| c.is_control() || c == '\\') {
        return Err(error("a path must not hold control characters or backslashes".to_owned()));
    }
    if below.ends_with('/') {
        return Err(error(format!("`{path}` ends with a slash")).hint("leave the last slash out"));
    }
    if !below.is_empty() && below.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Err(error(format!("`{path}` has a part that is empty, `.` or `..`"))
            .hint("write the path without them"));
    }
    Ok(())
}

/// Directories that no host can lose.
const VITAL: &[&str] = &[
    "/",
    "/bin",
    "/boot",
    "/dev",
    "/etc",
    "/home",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/media",
    "/mnt",
    "/opt",
    "/proc",
    "/root",
    "/run",
    "/sbin",
    "/srv",
    "/sys",
    "/tmp",
    "/usr",
    "/usr/bin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    "/var",
    "/var/cache",
    "/var/lib",
    "/var/log",
    "/var/spool",
    "/var/tmp",
    "/etc/ssh",
    "/etc/systemd",
];

/// Checks that a path may be emptied or removed.
///
/// # Errors
/// For a directory that no host can lose.
pub fn check_not_vital(argument: &'static str, path: &str) -> Result<(), ArgumentError> {
    if VITAL.contains(&path) {
        let message = format!("`{path}` is a system directory, and is never emptied or removed");
        return Err(ArgumentError::new(argument, message).hint("name a path below it"));
    }
    Ok(())
}

/// Checks the name of a user or a group, or its number.
///
/// # Errors
/// Says what a name looks like.
pub fn check_account(argument: &'static str, name: &str) -> Result<(), ArgumentError> {
    if !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    check_account_name(argument, name)
}

/// Checks the name of a user or a group. A number is none: it would be looked up as a number. Directory services have names
/// such as `jane@example.com`, `EXAMPLE\jane` and `domain users`; the tools that make accounts know best what they take.
///
/// # Errors
/// Says what a name looks like.
pub fn check_account_name(argument: &'static str, name: &str) -> Result<(), ArgumentError> {
    let inner = |c: char| !c.is_control() && !matches!(c, ':' | '/' | ',');
    if name.chars().all(inner)
        && !name.starts_with(['-', '+'])
        && name.trim() == name
        && name.bytes().any(|byte| !byte.is_ascii_digit())
        && name.len() <= 256
    {
        return Ok(());
    }
    let message = format!("`{}` is not the name of an account", name.escape_debug());
    Err(ArgumentError::new(argument, message)
        .hint("no colon, slash or comma, no space at its ends, no `-` or `+` in front, and not only digits"))
}

/// Whether a command that validates does so once the new file has its place.
pub fn validates_afterwards(command: &str) -> bool {
    !command.contains("%s")
}

/// Checks a command that validates a file.
///
/// # Errors
/// When `%s` is there twice or in quotes: the path is put in as one word already.
pub fn check_validate(argument: &'static str, command: &str) -> Result<(), ArgumentError> {
    if command.trim().is_empty() {
        return Err(ArgumentError::new(argument, "an empty command"));
    }
    let mut around = command.split("%s");
    let before = around.next().unwrap_or_default();
    let Some(after) = around.next() else { return Ok(()) };
    if around.next().is_some() {
        return Err(ArgumentError::new(argument, "`%s` is there more than once"));
    }
    let quote = |c: char| matches!(c, '\'' | '"' | '\\');
    if before.ends_with(quote) || after.starts_with(quote) {
        return Err(ArgumentError::new(argument, "`%s` is in quotes")
            .hint("leave the quotes out: the path is one word, whatever it holds"));
    }
    Ok(())
}

/// Checks a mode: three or four octal digits.
///
/// # Errors
/// Says what a mode looks like.
pub fn check_mode(argument: &'static str, mode: &str) -> Result<(), ArgumentError> {
    let octal = mode.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    if octal && matches!(mode.len(), 3 | 4) {
        return Ok(());
    }
    Err(ArgumentError::new(argument, format!("`{mode}` is not a mode"))
        .hint("a mode is a string of three or four octal digits, such as \"0644\""))
}

/// Checks the mode, the owner and the group that are given.
///
/// # Errors
/// Says what each looks like.
pub fn check_access(
    mode: &Option<String>,
    owner: &Option<String>,
    group: &Option<String>,
) -> Result<(), ArgumentError> {
    mode.as_deref().map_or(Ok(()), |mode| check_mode("mode", mode))?;
    owner.as_deref().map_or(Ok(()), |owner| check_account("owner", owner))?;
    group.as_deref().map_or(Ok(()), |group| check_account("group", group))
}
