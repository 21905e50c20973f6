//! Who owns the data folder: one process drives runs and sweeps, the others are guests.

use crate::StoreError;
use crate::private::{private_file, private_folder};
use std::fs::{self, File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Name of the locked file; it holds the owner's process id as text, for messages only.
const FILE: &str = "owner.lock";
/// Name of the file with the folder's own id.
pub(crate) const ID_FILE: &str = "folder-id";

/// The lock of a data folder.
#[derive(Debug)]
pub struct Lock;

/// What came of asking for the lock.
#[derive(Debug)]
pub enum Ownership {
    /// It is ours until the value is dropped or the process ends, however it ends.
    Owner(Owner),
    /// Another process has it.
    Busy {
        /// Its process id, where it can be read.
        pid: Option<u32>,
    },
}

/// The right to drive runs and to sweep. Dropping it gives the folder free.
#[derive(Debug)]
pub struct Owner {
    dir: PathBuf,
    // Held for its lock, which the system takes back with the file.
    _file: File,
}

impl Lock {
    /// Asks for the folder (creating it when missing) without waiting.
    pub fn try_own(dir: &Path) -> Result<Ownership, StoreError> {
        private_folder(dir)?;
        let path = dir.join(FILE);
        let io = |action| move |source| (action, source);
        let attempt = || -> Result<Ownership, (&'static str, std::io::Error)> {
            let mut options = File::options();
            options.create(true).truncate(false).read(true).write(true);
            let mut file = private_file(&mut options, &path).map_err(io("open"))?;
            match file.try_lock() {
                Ok(()) => {
                    file.set_len(0).map_err(io("write"))?;
                    file.seek(SeekFrom::Start(0)).map_err(io("write"))?;
                    writeln!(file, "{}", std::process::id()).map_err(io("write"))?;
                    Ok(Ownership::Owner(Owner { dir: dir.to_owned(), _file: file }))
                }
                Err(TryLockError::WouldBlock) => {
                    // On some systems a locked file cannot be read: then the owner stays nameless.
                    let mut text = String::new();
                    let pid = file.read_to_string(&mut text).ok().and_then(|_| text.trim().parse().ok());
                    Ok(Ownership::Busy { pid })
                }
                Err(TryLockError::Error(source)) => Err(("lock", source)),
            }
        };
        attempt().map_err(|(action, source)| StoreError::io(action, &path, source))
    }

    /// The id of a data folder, once an owner has given it one.
    pub fn folder_id(dir: &Path) -> Result<Option<String>, StoreError> {
        let path = dir.join(ID_FILE);
        match fs::read_to_string(&path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|id| !id.is_empty())),
            Err(missing) if missing.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::io("read", &path, source)),
        }
    }
}

impl Owner {
    /// The id of the folder: the stored one, or `fresh` (random, made by the caller), which is then stored. It tells the leftovers of this
    /// folder's runs from those of another folder on the same container engine.
    pub fn folder_id(&self, fresh: &str) -> Result<String, StoreError> {
        if let Some(id) = Lock::folder_id(&self.dir)? {
            return Ok(id);
        }
        let (path, half) = (self.dir.join(ID_FILE), self.dir.join("folder-id.new"));
        let write = || -> std::io::Result<()> {
            let mut file = private_file(File::options().write(true).create(true).truncate(true), &half)?;
            writeln!(file, "{fresh}")?;
            file.sync_all()?;
            fs::rename(&half, &path)
        };
        write().map_err(|source| StoreError::io("write", &path, source))?;
        Ok(fresh.to_owned())
    }

    /// The folder that is owned.
    pub fn dir(&self) -> &Path {
        &self.dir
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_owns_the_folder() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("deep/data");
        let Ownership::Owner(owner) = Lock::try_own(&data).unwrap() else { panic!("nobody has it") };
        match Lock::try_own(&data).unwrap() {
            Ownership::Busy { pid } => assert_eq!(pid, Some(std::process::id())),
            Ownership::Owner(_) => panic!("owned twice"),
        }
        drop(owner);
        assert!(matches!(Lock::try_own(&data).unwrap(), Ownership::Owner(_)));
    }

    #[test]
    fn the_folder_keeps_its_first_id() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(Lock::folder_id(dir.path()).unwrap(), None);
        for fresh in ["first", "second"] {
            let Ownership::Owner(owner) = Lock::try_own(dir.path()).unwrap() else { panic!("nobody has it") };
            assert_eq!(owner.folder_id(fresh).unwrap(), "first");
        }
        assert_eq!(Lock::folder_id(dir.path()).unwrap().as_deref(), Some("first"));
    }
}
