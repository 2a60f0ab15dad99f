//! A stand-in for Docker: `tests/docker.sh`, found before the real one.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

/// Puts the programs into a folder, where they also keep their containers.
pub(crate) fn install(bin: &Path) {
    fs::create_dir_all(bin.join("containers")).unwrap();
    for name in ["docker", "curl", "sleep"] {
        let program = bin.join(name);
        // A link to busybox may be there.
        let _ = fs::remove_file(&program);
        fs::write(&program, include_str!("docker.sh")).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
}

/// The image of a container and its state, if there is one of this name.
pub(crate) fn container(bin: &Path, name: &str) -> Option<String> {
    let of = |file| fs::read_to_string(bin.join("containers").join(name).join(file)).ok();
    Some(format!("{} {}", of("image")?.trim(), of("state")?.trim()))
}
