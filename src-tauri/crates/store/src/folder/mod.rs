//! The data folder as a whole: where it is, what it takes, a copy of it in one file, and that copy put back.

mod backup;
mod place;
mod restore;

pub use backup::Backup;
pub use place::{move_to, resolve};
pub(crate) use restore::finish;
pub use restore::restore;

use crate::StoreError;
use std::fs;
use std::io;
use std::path::Path;

/// Folder of the logs.
pub(crate) const LOGS: &str = "logs";

/// What a data folder takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Size {
    /// The database with its write-ahead log.
    pub database: u64,
    /// The logs of all runs.
    pub logs: u64,
    /// Copies of the database from before migrations, and data that a restored backup has replaced.
    pub copies: u64,
    /// Everything else: files of steps that ran on this computer, keys, the sample.
    pub other: u64,
}

impl Size {
    /// All of it.
    pub fn total(self) -> u64 {
        self.database + self.logs + self.copies + self.other
    }

    /// Measures a folder. What vanishes meanwhile counts nothing. Blocking: every file is looked at.
    pub fn of(folder: &Path) -> Result<Self, StoreError> {
        let mut size = Self::default();
        let entries = fs::read_dir(folder).map_err(|source| StoreError::io("list", folder, source))?;
        for entry in entries.flatten() {
            let (name, bytes) = (entry.file_name().to_string_lossy().into_owned(), bytes_of(&entry.path()));
            let kind = match name.strip_prefix(crate::database::FILE) {
                Some("" | "-wal" | "-shm") => &mut size.database,
                Some(rest) if rest.starts_with(".before-") => &mut size.copies,
                _ if name.starts_with(restore::REPLACED) => &mut size.copies,
                _ if name == LOGS => &mut size.logs,
                _ => &mut size.other,
            };
            *kind += bytes;
        }
        Ok(size)
    }
}

/// What a file, or everything below a folder, takes in bytes.
pub(crate) fn bytes_of(path: &Path) -> u64 {
    let Ok(found) = fs::symlink_metadata(path) else { return 0 };
    if !found.is_dir() {
        return found.len();
    }
    fs::read_dir(path).into_iter().flatten().flatten().map(|entry| bytes_of(&entry.path())).sum()
}

/// Removes a folder with everything in it, if it is there.
pub(crate) fn remove_folder(path: &Path) -> Result<(), StoreError> {
    match fs::remove_dir_all(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", path, source)),
        _ => Ok(()),
    }
}
