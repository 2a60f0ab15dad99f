//! What units can be called.

use crate::resources::resource::ArgumentError;

/// The suffixes that a unit can have.
pub const SUFFIXES: [&str; 11] = [
    "service",
    "socket",
    "device",
    "mount",
    "automount",
    "swap",
    "target",
    "path",
    "timer",
    "slice",
    "scope",
];

/// Whether the name says which sort of unit it is.
pub fn has_suffix(name: &str) -> bool {
    name.rsplit_once('.').is_some_and(|(_, suffix)| SUFFIXES.contains(&suffix))
}

/// Checks that a name is the whole name of one unit: no pattern, no template without its instance. Only the root directory
/// gives a unit a name that begins with a dash.
///
/// # Errors
/// It is not.
pub fn check_unit(name: &str) -> Result<(), ArgumentError> {
    let error = |message: String| ArgumentError::new("name", message);
    let allowed = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem);
    if stem.is_empty()
        || stem.ends_with('@')
        || stem.starts_with('-') && stem != "-"
        || !name.chars().all(allowed)
        || name.len() > 255
    {
        return Err(error(format!("`{name}` is not the name of a unit")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_name_of_one_unit_is_refused() {
        for bad in
            ["foo@.service", "-x.service", "--.mount", "a b.service", "*.service", ".service"]
        {
            assert!(check_unit(bad).is_err(), "{bad}");
        }
        assert!(
            check_unit("getty@tty1.service").is_ok()
                && check_unit("-.mount").is_ok()
                && has_suffix("a.timer")
        );
        assert!(!has_suffix("php8.2-fpm") && !has_suffix("nginx"));
    }
}
