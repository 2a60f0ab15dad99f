//! The files of a project, as an evaluation sees them.

use crate::base::diagnostic::Diagnostic;

/// Reads the files of a project. Production reads the disk; tests give a map.
pub trait Sources: Send + Sync {
    /// The bytes of a file, which must be below the folder `within`, wherever links lead.
    ///
    /// # Errors
    /// [`SourceError::NotFound`], or what kept it from being read.
    fn read(&self, path: &str, within: Option<&str>) -> Result<Vec<u8>, SourceError>;

    /// The paths of all files below a folder, relative to it, sorted; empty when there is none. A link to a folder is
    /// followed, unless it is in that itself, or leads out of `within`. Without that, what is directly in the folder may be
    /// anywhere, and what is below stays in there.
    ///
    /// # Errors
    /// What kept the folder, or one in it, from being read.
    fn list(&self, folder: &str, within: Option<&str>) -> Result<Vec<String>, SourceError>;

    /// All that is below a folder, sorted. A link stands for what it leads to, which must be below `within`.
    ///
    /// # Errors
    /// [`SourceError::NotFound`], or what kept the folder, or something in it, from being read.
    fn tree(&self, folder: &str, within: &str) -> Result<Vec<SourceEntry>, SourceError>;
}

/// Something in a folder.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SourceEntry {
    /// Its path below the folder.
    pub path: String,
    /// What it is.
    pub sort: SourceSort,
}

/// What something in a folder is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SourceSort {
    /// A folder.
    Folder,
    /// A file.
    File,
    /// A file that can be run.
    Executable,
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// It is there, and cannot be read.
    #[error("{0}")]
    Unreadable(String),
    /// It is there, and must not be read.
    #[error("{0}")]
    Refused(Diagnostic),
}

impl SourceError {
    /// What can be done about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            SourceError::Refused(error) => error.hint_text(),
            _ => None,
        }
    }
}

impl Sources for std::collections::BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str, _: Option<&str>) -> Result<Vec<u8>, SourceError> {
        self.get(path).cloned().ok_or(SourceError::NotFound)
    }

    fn list(&self, folder: &str, _: Option<&str>) -> Result<Vec<String>, SourceError> {
        let prefix = format!("{folder}/");
        Ok(self.keys().filter_map(|path| path.strip_prefix(&prefix)).map(str::to_owned).collect())
    }

    fn tree(&self, folder: &str, _: &str) -> Result<Vec<SourceEntry>, SourceError> {
        let paths = self.list(folder, None)?;
        let folders: std::collections::BTreeSet<&str> = paths
            .iter()
            .flat_map(|path| path.match_indices('/').map(|(end, _)| &path[..end]))
            .collect();
        let entry = |path: &str, sort| SourceEntry { path: path.to_owned(), sort };
        let folders = folders.into_iter().map(|path| entry(path, SourceSort::Folder));
        let all: Vec<_> =
            folders.chain(paths.iter().map(|it| entry(it, SourceSort::File))).collect();
        if all.is_empty() { Err(SourceError::NotFound) } else { Ok(all) }
    }
}
