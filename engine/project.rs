//! The project on disk: finds and reads its configuration and its inventories, and runs inventory programs.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    config::{self, Config},
    diagnostic::{Diagnostic, Result, Source},
    inventory::{Assignment, Format, Given, Inventory},
};

/// Bits of a file's mode: others may write, and anyone may execute.
const OTHERS_WRITE: u32 = 0o002;
const EXECUTE: u32 = 0o111;

/// The configuration that holds in `start`, which is absolute: that of the nearest folder with a `converge.toml`,
/// upwards; without one, the defaults in the nearest folder with `roles`. `home` is what `~` stands for.
///
/// # Errors
/// When it cannot be read, is wrong, or could have been written by anyone on this machine.
pub fn configuration(start: &Path, home: &Path) -> Result<Config> {
    let nearest = |what: &str| start.ancestors().find(|folder| folder.join(what).exists());
    let Some(folder) = nearest(config::FILE) else {
        return Ok(Config::implied(nearest("roles").unwrap_or(start)));
    };
    let file = folder.join(config::FILE);
    refuse_writable(folder)?;
    refuse_writable(&file)?;
    Config::parse(&read(&file)?, folder, home)
}

/// The inventory in some paths: TOML files, JSON files, folders of TOML files, programs that print JSON.
/// Without a path, this machine itself.
///
/// # Errors
/// When one cannot be read or run, or there is a mistake in them.
pub fn inventory(paths: &[PathBuf], home: &Path, assignments: &[Assignment]) -> Result<Inventory> {
    if paths.is_empty() {
        return Ok(Inventory::implied(assignments));
    }
    let mut given = Vec::new();
    for path in paths {
        for file in files(path)? {
            let (source, format) = text(&file)?;
            let folder = file.parent().unwrap_or(Path::new(""));
            let folder =
                std::path::absolute(folder.join(".")).map_err(|e| unreadable(&file, &e))?;
            given.push(Given { source, format, folder, home: home.to_owned() });
        }
    }
    Inventory::parse(&given, assignments)
}

/// The variables of the command line: each `NAME=VALUE`, or `@FILE` for a TOML file of them.
///
/// # Errors
/// When one sets nothing, or a file cannot be read.
pub fn assignments(words: &[String]) -> Result<Vec<Assignment>> {
    let mut assignments = Vec::new();
    for word in words {
        match word.strip_prefix('@') {
            Some(file) => assignments.extend(Assignment::file(&read(Path::new(file))?)?),
            None => assignments.push(Assignment::parse(word)?),
        }
    }
    Ok(assignments)
}

/// The files of an inventory: itself, or the TOML files in a folder, by name.
fn files(path: &Path) -> Result<Vec<PathBuf>> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let entries = fs::read_dir(path).and_then(|entries| entries.collect::<io::Result<Vec<_>>>());
    let entries = entries.map_err(|error| unreadable(path, &error))?;
    let mut files: Vec<_> = entries.into_iter().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    if files.is_empty() {
        let message = format!("there is no inventory in {}", path.display());
        return Err(Diagnostic::new("inventory::empty", message)
            .hint("of a folder, every file that ends in .toml is read"));
    }
    Ok(files)
}

/// What is in a file, or what it prints when it is a program.
fn text(file: &Path) -> Result<(Source, Format)> {
    let metadata = fs::metadata(file).map_err(|error| unreadable(file, &error))?;
    let extension = file.extension().and_then(|extension| extension.to_str());
    match extension {
        Some("toml") => Ok((read(file)?, Format::Toml)),
        Some("json") => Ok((read(file)?, Format::Json)),
        _ if metadata.permissions().mode() & EXECUTE != 0 => Ok((printed(file)?, Format::Json)),
        _ => Ok((read(file)?, Format::Toml)),
    }
}

/// What an inventory program prints for `--list`.
fn printed(program: &Path) -> Result<Source> {
    refuse_writable(program)?;
    let failed = |what: String| {
        let message = format!("the inventory program {} {what}", program.display());
        Diagnostic::new("inventory::program", message)
    };
    let path = std::path::absolute(program).map_err(|error| unreadable(program, &error))?;
    let output = Command::new(path).arg("--list").stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(format!("cannot be run: {error}")))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim_end().lines().next_back().unwrap_or_default().escape_debug();
        return Err(
            failed(format!("ended with {}", output.status)).hint(format!("it said: {said}"))
        );
    }
    let text = String::from_utf8(output.stdout);
    let text = text.map_err(|_| failed("prints what is no text".to_owned()))?;
    Ok(Source::new(program.display().to_string(), text))
}

fn read(file: &Path) -> Result<Source> {
    let text = fs::read_to_string(file).map_err(|error| unreadable(file, &error))?;
    Ok(Source::new(file.display().to_string(), text))
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let why = match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    Diagnostic::new("project::unreadable", format!("cannot read {}: {why}", path.display()))
}

/// What anyone may write must not tell this user what to run.
fn refuse_writable(path: &Path) -> Result<()> {
    let metadata = fs::metadata(path).map_err(|error| unreadable(path, &error))?;
    if metadata.permissions().mode() & OTHERS_WRITE == 0 {
        return Ok(());
    }
    let message = format!("every user of this machine may write to {}", path.display());
    Err(Diagnostic::new("project::writable", message)
        .hint(format!("what is there could be anyone's: chmod o-w {}", path.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(path: &Path, text: &str, mode: u32) {
        fs::write(path, text).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn the_nearest_configuration_upwards_counts() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        write(&root.path().join("converge.toml"), "concurrency = 3\n", 0o644);
        let config = configuration(&inner, Path::new("/home")).unwrap();
        assert_eq!((config.concurrency, &*config.folder), (3, root.path()));
        write(&root.path().join("a/converge.toml"), "concurrency = 4\n", 0o644);
        assert_eq!(configuration(&inner, Path::new("/home")).unwrap().concurrency, 4);
    }

    #[test]
    fn a_configuration_that_anyone_may_write_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("converge.toml");
        write(&file, "", 0o666);
        let kind = || configuration(root.path(), Path::new("/home")).unwrap_err().kind();
        assert_eq!(kind(), "project::writable");
        write(&file, "", 0o644);
        fs::set_permissions(root.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(kind(), "project::writable");
    }

    #[test]
    fn files_folders_and_programs_make_one_inventory() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir(path("more")).unwrap();
        write(&path("more/b.toml"), "[vars]\nx = 2\n", 0o644);
        write(
            &path("more/a.toml"),
            "[hosts]\nh = { identity_file = \"../key\" }\n[vars]\nx = 1\n",
            0o644,
        );
        write(&path("more/README.md"), "not read", 0o644);
        let program = "#!/bin/sh\n[ \"$1\" = --list ] && echo '{ \"g\": [\"dynamic\"] }'\n";
        write(&path("hosts.sh"), program, 0o755);
        let set = assignments(&["y=1".to_owned()]).unwrap();
        let paths = [path("more"), path("hosts.sh")];
        let inventory = inventory(&paths, Path::new("/home"), &set).unwrap();
        assert_eq!(inventory.groups["g"].hosts, ["dynamic".into()]);
        let host = &inventory.hosts["h"];
        assert_eq!(host.connection.identity_file, Some(path("key")));
        assert_eq!(host.vars["x"].chain.len(), 2);
        assert_eq!(host.vars["x"].value, crate::value::Value::Int(2));
    }

    #[test]
    fn what_cannot_be_read_or_run_is_told() {
        let root = tempfile::tempdir().unwrap();
        let kind = |path: &Path| {
            inventory(&[path.to_owned()], Path::new("/home"), &[]).unwrap_err().kind()
        };
        assert_eq!(kind(&root.path().join("nope.toml")), "project::unreadable");
        assert_eq!(kind(root.path()), "inventory::empty");
        let program = root.path().join("hosts.sh");
        write(&program, "#!/bin/sh\necho broken >&2\nexit 3\n", 0o755);
        assert_eq!(kind(&program), "inventory::program");
        write(&program, "#!/bin/sh\necho hello\n", 0o755);
        assert_eq!(kind(&program), "inventory::syntax");
        write(&program, "#!/bin/sh\necho '{}'\n", 0o757);
        assert_eq!(kind(&program), "project::writable");
        let missing = ["@nope.toml".to_owned()];
        assert_eq!(assignments(&missing).unwrap_err().kind(), "project::unreadable");
    }
}
