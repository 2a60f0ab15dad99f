//! The files of a project, as an evaluation sees them.

/// Reads the files of a project. Production reads the disk; tests give a map.
pub trait Sources: Send + Sync {
    /// The bytes of a file.
    ///
    /// # Errors
    /// [`SourceError::NotFound`], or what kept it from being read.
    fn read(&self, path: &str) -> Result<Vec<u8>, SourceError>;

    /// The paths of all files below a folder, relative to it, sorted; empty when there is none.
    fn list(&self, folder: &str) -> Vec<String>;
}

/// Why a file was not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// It is there, and cannot be read.
    #[error("{0}")]
    Unreadable(String),
}

impl Sources for std::collections::BTreeMap<String, Vec<u8>> {
    fn read(&self, path: &str) -> Result<Vec<u8>, SourceError> {
        self.get(path).cloned().ok_or(SourceError::NotFound)
    }

    fn list(&self, folder: &str) -> Vec<String> {
        let prefix = format!("{folder}/");
        self.keys().filter_map(|path| path.strip_prefix(&prefix)).map(str::to_owned).collect()
    }
}
