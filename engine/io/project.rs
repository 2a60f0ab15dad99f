//! The project on disk: finds and reads its configuration and its inventories, and runs inventory programs.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    io::{self, ErrorKind},
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Stdio,
};

use crate::{
    base::diagnostic::{Diagnostic, Result, Source},
    input::{
        config::{self, Config},
        inventory::{Assignment, Given, Inventory, InventoryFormat, Owner},
    },
    io::{
        disk::{self, Disk, Unread},
        program,
    },
};

/// Bits of a file's mode: anyone may execute.
const EXECUTE: u32 = 0o111;

/// The configuration that holds in `start`, which is absolute: that of the nearest folder with a `converge.toml`,
/// upwards; without one, the defaults in the nearest folder with `roles`. `home` is what `~` stands for.
///
/// # Errors
/// When it cannot be read, is wrong, or could be another user's.
pub fn configuration(disk: &Disk, start: &Path, home: &Path) -> Result<Config> {
    let Some(folder) = nearest(start, config::FILE)? else {
        let folder = nearest(start, "roles")?.unwrap_or(start);
        disk.misses(&folder.join(config::FILE));
        return Ok(Config::implied(folder));
    };
    let file = folder.join(config::FILE);
    vouch(folder)?;
    Config::parse(&read(disk, &file)?, folder, home)
}

/// The folder that all files of the project are below, seen from `start`: where its configuration or its roles are, or itself.
///
/// # Errors
/// When a folder cannot be looked at.
pub fn base(start: &Path) -> Result<&Path> {
    let configured = nearest(start, config::FILE)?;
    Ok(match configured {
        Some(folder) => folder,
        None => nearest(start, "roles")?.unwrap_or(start),
    })
}

/// The nearest folder, upwards, that something of this name is in: also a link that leads nowhere.
fn nearest<'a>(start: &'a Path, what: &str) -> Result<Option<&'a Path>> {
    for folder in start.ancestors() {
        if is_there(&folder.join(what))? {
            return Ok(Some(folder));
        }
    }
    Ok(None)
}

/// Whether anything is at a path.
fn is_there(path: &Path) -> Result<bool> {
    match fs::symlink_metadata(path) {
        Ok(_) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(false)
        }
        Err(error) => Err(unreadable(path, &error)),
    }
}

/// Whether there is a folder at a path, and not something else.
fn is_folder(path: &Path) -> Result<bool> {
    fs::metadata(path).map(|it| it.is_dir()).map_err(|error| unreadable(path, &error))
}

/// The inventory in some paths: TOML files, Ansible's INI, YAML and JSON, programs that print JSON, folders of them.
/// Without a path, this machine itself.
///
/// # Errors
/// When one cannot be read or run, or there is an error in them.
pub fn inventory(
    disk: &Disk,
    paths: &[PathBuf],
    home: &Path,
    assignments: &[Assignment],
) -> Result<Inventory> {
    if paths.is_empty() {
        return Ok(Inventory::implied(assignments));
    }
    let mut given = Vec::new();
    for path in paths {
        for file in files(disk, path)? {
            let folder = file.parent().unwrap_or(Path::new(""));
            let folder =
                std::path::absolute(folder.join(".")).map_err(|e| unreadable(&file, &e))?;
            let one = |source, format| Given {
                source,
                format,
                folder: folder.clone(),
                home: home.to_owned(),
            };
            let (source, format) = text(disk, &file)?;
            let (source, own) = match is_program(&file)? {
                true => (source.clone(), host_by_host(disk, &file, &source)?),
                false => (source, Vec::new()),
            };
            let beside = match format {
                InventoryFormat::Toml => Vec::new(),
                _ => beside(disk, file.parent().unwrap_or(Path::new("")))?,
            };
            given.push(one(source, format));
            let vars = own.into_iter().chain(beside);
            given.extend(vars.map(|(owner, source)| one(source, InventoryFormat::Vars(owner))));
        }
    }
    Inventory::parse(&given, assignments)
}

/// The variables of the command line: each `NAME=VALUE`, or `@FILE` for a TOML file of them.
///
/// # Errors
/// When one sets nothing, or a file cannot be read.
pub fn assignments(disk: &Disk, words: &[String]) -> Result<Vec<Assignment>> {
    let mut assignments = Vec::new();
    for word in words {
        match word.strip_prefix('@') {
            Some(file) => assignments.extend(Assignment::file(&read(disk, Path::new(file))?)?),
            None => assignments.push(Assignment::parse(word)?),
        }
    }
    Ok(assignments)
}

/// The endings of files that are inventories.
const ENDINGS: [&str; 5] = ["toml", "json", "ini", "yml", "yaml"];

/// The files of an inventory: itself, or the inventories in a folder, by name.
fn files(disk: &Disk, path: &Path) -> Result<Vec<PathBuf>> {
    if !is_folder(path)? {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for file in entries(disk, path)? {
        let what = fs::metadata(&file).map_err(|error| unreadable(&file, &error))?;
        let is_meant = file.extension().is_none() || is_text(&file) || is_program(&file)?;
        if what.is_dir() || !is_meant {
            continue;
        }
        if !what.is_file() {
            let message = format!("{} is neither a file nor a folder", file.display());
            return Err(Diagnostic::new("project::unreadable", message));
        }
        found.push(file);
    }
    if found.is_empty() {
        let message = format!("there is no inventory in {}", path.display());
        return Err(Diagnostic::new("inventory::empty", message).hint(
            "in a directory, converge runs programs, and reads files that end in .toml, .ini, .yml, .yaml, .json or have no extension",
        ));
    }
    Ok(found)
}

/// What is in a folder, by name, but for hidden files.
fn entries(disk: &Disk, folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = disk.entries(folder).map_err(|unread| unread_at(folder, unread))?;
    let hidden = |name: &OsStr| {
        let name = name.as_encoded_bytes();
        name.starts_with(b".") || name.ends_with(b"~")
    };
    let entries = entries.into_iter().filter(|entry| !hidden(&entry.file_name()));
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// What is in a file, or what it prints when it is a program.
fn text(disk: &Disk, file: &Path) -> Result<(Source, InventoryFormat)> {
    if is_program(file)? {
        return Ok((printed(disk, file, &["--list"])?, InventoryFormat::Json));
    }
    let source = read(disk, file)?;
    let format = match file.extension().and_then(|extension| extension.to_str()) {
        Some("toml") => InventoryFormat::Toml,
        Some("json") => InventoryFormat::Json,
        Some("ini") => InventoryFormat::Ini,
        Some("yml" | "yaml") => InventoryFormat::Yaml,
        _ => InventoryFormat::guess(&source.text),
    };
    Ok((source, format))
}

/// Whether an inventory is a program: its name does not say that it is a text, and it may be run.
fn is_program(file: &Path) -> Result<bool> {
    let metadata = fs::metadata(file).map_err(|error| unreadable(file, &error))?;
    Ok(!is_text(file) && metadata.permissions().mode() & EXECUTE != 0)
}

/// Whether the name of a file says that it is an inventory, and no program.
fn is_text(file: &Path) -> bool {
    file.extension().is_some_and(|ending| ENDINGS.iter().any(|known| ending == *known))
}

/// The variables in `group_vars` and `host_vars` of a folder: files, or folders of files, each called as its owner.
fn beside(disk: &Disk, folder: &Path) -> Result<Vec<(Owner, Source)>> {
    let mut found = Vec::new();
    for kind in ["group_vars", "host_vars"] {
        let owner = |name| match kind {
            "group_vars" => Owner::Group(name),
            _ => Owner::Host(name),
        };
        let below = folder.join(kind);
        if !is_there(&below)? {
            disk.misses(&below);
            continue;
        }
        for path in entries(disk, &below)? {
            let name = name(&path)?;
            let files = match is_folder(&path)? {
                true => vars_files(disk, &path)?,
                false => vec![path],
            };
            let ends = |name: &str| VARS.iter().any(|ending| name.ends_with(ending));
            let short = VARS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
            for file in files {
                let own = self::name(&file)?;
                // Notes and the like are none.
                if !ends(&own) && own.contains('.') && own != short {
                    continue;
                }
                found.push((owner(short.to_owned()), read(disk, &file)?));
            }
        }
    }
    Ok(found)
}

/// The name of something in a folder. A host or a group is called so, and those are called in text.
fn name(path: &Path) -> Result<String> {
    let name = path.file_name().unwrap_or_default().to_str();
    name.map(str::to_owned).ok_or_else(|| {
        let message = format!("the name of {} is not UTF-8", path.display());
        Diagnostic::new("project::unreadable", message)
    })
}

/// The endings of files of variables.
const VARS: [&str; 3] = [".yml", ".yaml", ".json"];

/// All files below a folder of variables.
fn vars_files(disk: &Disk, folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in entries(disk, folder)? {
        match is_folder(&path)? {
            true => files.extend(vars_files(disk, &path)?),
            false => files.push(path),
        }
    }
    Ok(files)
}

/// The variables of each host of a program whose list has none: asked one by one, some at a time.
fn host_by_host(disk: &Disk, program: &Path, list: &Source) -> Result<Vec<(Owner, Source)>> {
    /// Enough to hide the start of a program, and few enough for what it asks.
    const AT_ONCE: usize = 8;
    // What is no list of groups is told where it is read.
    let Ok(serde_json::Value::Object(groups)) = serde_json::from_str(&list.text) else {
        return Ok(Vec::new());
    };
    if groups.contains_key("_meta") {
        return Ok(Vec::new());
    }
    let hosts = groups.values().flat_map(|group| {
        let hosts = group.as_array().or_else(|| group.get("hosts")?.as_array());
        hosts.into_iter().flatten().filter_map(|host| host.as_str())
    });
    let hosts: Vec<&str> = hosts.collect::<BTreeSet<_>>().into_iter().collect();
    let mut found = Vec::new();
    for some in hosts.chunks(AT_ONCE) {
        let asked: Vec<Result<Source>> = std::thread::scope(|scope| {
            let ask = |host| scope.spawn(move || printed(disk, program, &["--host", host]));
            let asked: Vec<_> = some.iter().copied().map(ask).collect();
            asked
                .into_iter()
                .map(|one| {
                    one.join().unwrap_or_else(|_| {
                        Err(Diagnostic::new("inventory::program", "an inventory program failed"))
                    })
                })
                .collect()
        });
        for (host, source) in some.iter().zip(asked) {
            let source = source?;
            if !source.text.trim().is_empty() {
                found.push((Owner::Host((*host).to_owned()), source));
            }
        }
    }
    Ok(found)
}

/// What an inventory program prints for `--list`, or for `--host NAME`.
fn printed(disk: &Disk, program: &Path, arguments: &[&str]) -> Result<Source> {
    disk.program(program).map_err(|unread| unread_at(program, unread))?;
    let failed = |what: String| {
        let words = arguments.join(" ");
        let message = format!("the inventory program {} {words} {what}", program.display());
        Diagnostic::new("inventory::program", message)
    };
    let path = std::path::absolute(program).map_err(|error| unreadable(program, &error))?;
    let output = program::command(path).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| failed(format!("cannot be run: {error}")))?;
    // A program that knows only `--list` has nothing more to say of a host; one that was killed has not said it.
    let knows_no_more = arguments != ["--list"]
        && output.status.code().is_some()
        && output.stdout.is_empty()
        && output.stderr.is_empty();
    if !output.status.success() && !knows_no_more {
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim_end().lines().next_back().unwrap_or_default().escape_debug();
        return Err(
            failed(format!("ended with {}", output.status)).hint(format!("it said: {said}"))
        );
    }
    let text = String::from_utf8(output.stdout);
    let text = text.map_err(|_| failed("printed something that is not UTF-8 text".to_owned()))?;
    let name = match arguments {
        ["--list"] => program.display().to_string(),
        _ => format!("{} {}", program.display(), arguments.join(" ")),
    };
    Ok(Source::new(name, text))
}

fn read(disk: &Disk, file: &Path) -> Result<Source> {
    let text = disk.text(file).map_err(|unread| unread_at(file, unread))?;
    Ok(Source::new(file.display().to_string(), text))
}

fn unreadable(path: &Path, error: &io::Error) -> Diagnostic {
    let why = match error.kind() {
        ErrorKind::NotFound => "there is no such file".to_owned(),
        _ => error.to_string(),
    };
    Diagnostic::new("project::unreadable", format!("cannot read {}: {why}", path.display()))
}

fn unread_at(path: &Path, unread: Unread) -> Diagnostic {
    unread.error(|error| unreadable(path, error))
}

/// Checks that what lies at a path is nobody else's, before it is run or its place means something.
fn vouch(path: &Path) -> Result<()> {
    disk::end(path).map(drop).map_err(|unread| unread_at(path, unread))
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
        let config = configuration(&Disk::default(), &inner, Path::new("/home")).unwrap();
        assert_eq!((config.concurrency, &*config.folder), (3, root.path()));
        write(&root.path().join("a/converge.toml"), "concurrency = 4\n", 0o644);
        assert_eq!(
            configuration(&Disk::default(), &inner, Path::new("/home")).unwrap().concurrency,
            4
        );
    }

    #[test]
    fn a_configuration_that_anyone_may_write_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("converge.toml");
        write(&file, "", 0o666);
        let kind =
            || configuration(&Disk::default(), root.path(), Path::new("/home")).unwrap_err().kind();
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
        let set = assignments(&Disk::default(), &["y=1".to_owned()]).unwrap();
        let paths = [path("more"), path("hosts.sh")];
        let inventory = inventory(&Disk::default(), &paths, Path::new("/home"), &set).unwrap();
        assert_eq!(inventory.groups["g"].hosts, ["dynamic".into()]);
        let host = &inventory.hosts["h"];
        assert_eq!(host.connection.identity_file, Some(path("key")));
        assert_eq!(host.vars["x"].chain.len(), 2);
        assert_eq!(host.vars["x"].value, crate::base::value::Value::Int(2));
    }

    #[test]
    fn a_program_without_variables_in_its_list_is_asked_for_each_host() {
        let root = tempfile::tempdir().unwrap();
        let program = root.path().join("hosts.sh");
        let text = |host: &str| {
            format!(
                "#!/bin/sh\ncase $1 in --list) echo '{{ \"g\": [\"a\", \"b\"], \"h\": {{ \"hosts\": [\"a\"] }} }}';;\n\
                 --host) {host};; esac\n"
            )
        };
        let read =
            || inventory(&Disk::default(), std::slice::from_ref(&program), Path::new("/home"), &[]);
        write(
            &program,
            &text("echo \"{ \\\"ansible_host\\\": \\\"10.0.0.$2\\\", \\\"n\\\": \\\"$2\\\" }\""),
            0o755,
        );
        let found = read().unwrap();
        assert_eq!(found.hosts["b"].address, "10.0.0.b");
        assert_eq!(found.hosts["a"].vars["n"].value, "a".into());
        write(&program, &text("echo broken >&2; exit 1"), 0o755);
        assert!(read().unwrap_err().message().contains("--host a ended with"));
    }

    #[test]
    fn inventories_of_ansible_are_known_by_name_and_by_content_with_what_stands_beside() {
        let root = tempfile::tempdir().unwrap();
        let path = |name: &str| root.path().join(name);
        fs::create_dir_all(path("group_vars/web")).unwrap();
        fs::create_dir(path("host_vars")).unwrap();
        write(&path("group_vars/all.yml"), "level: all\nmode: 0644\n", 0o644);
        write(&path("group_vars/web/one.yml"), "level: web\n", 0o644);
        write(&path("group_vars/web/README.md"), "no: vars\n", 0o644);
        write(&path("group_vars/nobody.yml"), "level: nobody\n", 0o644);
        write(&path("host_vars/w2.json"), "{\"level\": \"w2\"}", 0o644);
        let ini = "[web]\nw[1:2] n=1\n[web:vars]\nfrom = ini\n";
        let yaml = "web:\n  hosts:\n    w1: {n: 1}\n    w2:\n";
        for (name, text) in
            [("hosts.ini", ini), ("hosts", ini), ("hosts.yml", yaml), ("inventory", yaml)]
        {
            write(&path(name), text, 0o644);
            let found =
                inventory(&Disk::default(), &[path(name)], Path::new("/home"), &[]).unwrap();
            let level = |host: &str| found.hosts[host].vars["level"].value.clone();
            assert_eq!((level("w1"), level("w2")), ("web".into(), "w2".into()), "{name}");
            assert_eq!(found.hosts["w1"].vars["mode"].value, crate::base::value::Value::Int(0o644));
            let place = found.hosts["w2"].vars["level"].chain.last().unwrap().place.clone();
            assert!(place.unwrap().to_string().contains("host_vars/w2.json:1:"));
        }
        write(&path("group_vars/all.yml"), "$ANSIBLE_VAULT;1.1;AES256\n3333\n", 0o644);
        let vault =
            inventory(&Disk::default(), &[path("hosts")], Path::new("/home"), &[]).unwrap_err();
        assert!(vault.hint_text().unwrap().contains("ansible-vault"));
        let toml = path("hosts.toml");
        write(&toml, ini, 0o644);
        let wrong = inventory(&Disk::default(), &[toml], Path::new("/home"), &[]).unwrap_err();
        assert!(wrong.hint_text().unwrap().contains("INI inventory of Ansible"));
    }

    #[test]
    fn what_cannot_be_read_or_run_is_told() {
        let root = tempfile::tempdir().unwrap();
        let kind = |path: &Path| {
            inventory(&Disk::default(), &[path.to_owned()], Path::new("/home"), &[])
                .unwrap_err()
                .kind()
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
        assert_eq!(
            assignments(&Disk::default(), &missing).unwrap_err().kind(),
            "project::unreadable"
        );
    }
}
