//! A backup put back. What was there is kept beside it until somebody removes it.
//!
//! First all of the backup is unpacked and opened beside the data; only what was found whole is put in the place of the data, file by file. A
//! process that dies meanwhile leaves the rest to the next one that opens the folder.

use super::{LOGS, remove_folder};
use crate::database::{FILE, lock_gate};
use crate::lock::ID_FILE;
use crate::private::{private_file, private_folder};
use crate::{Lock, Ownership, Store, StoreError};
use flate2::read::GzDecoder;
use lp_model::{Message, message};
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

/// Beginning of the name of a folder with data that a backup has replaced.
pub(super) const REPLACED: &str = "before-restore-";
/// Folder with a backup that is not whole yet.
const HALF: &str = "restore.part";
/// Folder with a backup that takes the place of the data.
const READY: &str = "restore.ready";
/// File in [`READY`] with the name of the folder that the data goes to.
const GOES_TO: &str = "replaced-goes-to";
/// What is replaced, in this order: a log of writes must never lie beside another database.
const PARTS: [&str; 5] = ["letterpress.db-wal", "letterpress.db-shm", FILE, ID_FILE, LOGS];

/// Puts a backup in the place of the data of a folder that nobody owns. Returns the folder with what was there before; `None` if nothing was.
///
/// [`StoreError::Owned`] while a process owns the folder; [`StoreError::NotABackup`] for a file that is none or is damaged;
/// [`StoreError::NewerFile`] for one of a newer app. Nothing has changed then.
pub async fn restore(folder: &Path, from: &Path) -> Result<Option<PathBuf>, StoreError> {
    let _owner = match Lock::try_own(folder)? {
        Ownership::Owner(owner) => owner,
        Ownership::Busy { pid } => return Err(StoreError::Owned { pid }),
    };
    let half = folder.join(HALF);
    remove_folder(&half)?;
    let (target, archive) = (half.clone(), from.to_owned());
    let unpacked = tokio::task::spawn_blocking(move || unpack(&archive, &target)).await;
    let checked = match unpacked.map_err(|panic| StoreError::Database(Box::new(panic)))? {
        Ok(()) => check(&half, from).await,
        Err(error) => Err(error),
    };
    if let Err(error) = checked {
        remove_folder(&half)?;
        return Err(error);
    }
    let gate = lock_gate(folder).await?;
    let mut number = 1;
    while folder.join(format!("{REPLACED}{number}")).exists() {
        number += 1;
    }
    let replaced = format!("{REPLACED}{number}");
    let write = |name: &Path, action, done: io::Result<()>| done.map_err(|source| StoreError::io(action, name, source));
    write(&half, "write", fs::write(half.join(GOES_TO), &replaced))?;
    write(&half, "rename", fs::rename(&half, folder.join(READY)))?;
    finish(folder)?;
    drop(gate);
    Ok(Some(folder.join(replaced)).filter(|folder| folder.exists()))
}

/// Puts a backup that was found whole in its place, or what is left to be put there. The caller holds the gate.
pub(crate) fn finish(folder: &Path) -> Result<(), StoreError> {
    let ready = folder.join(READY);
    let replaced = match fs::read_to_string(ready.join(GOES_TO)) {
        // Its last files are removed.
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return remove_folder(&ready),
        other => folder.join(other.map_err(|source| StoreError::io("read", &ready, source))?),
    };
    let rename = |from: &Path, to: &Path| match fs::rename(from, to) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.map_err(|source| StoreError::io("rename", from, source)),
    };
    for part in PARTS {
        let (new, place, old) = (ready.join(part), folder.join(part), replaced.join(part));
        // A part that was replaced already has left the backup. A log of writes belongs to the database beside it.
        let is_replaced = if part.starts_with(FILE) { ready.join(FILE).exists() } else { new.exists() };
        if is_replaced && place.exists() {
            private_folder(&replaced)?;
            rename(&place, &old)?;
        }
        rename(&new, &place)?;
    }
    remove_folder(&ready)
}

/// Unpacks what belongs to a backup; anything else in the file makes it none.
fn unpack(from: &Path, to: &Path) -> Result<(), StoreError> {
    // Also where the backup has no logs: those of the data go with the data.
    private_folder(&to.join(LOGS))?;
    let file = File::open(from).map_err(|source| StoreError::io("open", from, source))?;
    let none = |why: Message| StoreError::NotABackup { path: from.to_owned(), message: why };
    let mut archive = tar::Archive::new(GzDecoder::new(file));
    for entry in archive.entries().map_err(|why| none(unreadable(&why)))? {
        let mut entry = entry.map_err(|why| none(unreadable(&why)))?;
        let name = entry.path().map_err(|why| none(unreadable(&why)))?.into_owned();
        if !belongs(&name) || !entry.header().entry_type().is_file() {
            return Err(none(message!("`{}` does not belong to a backup", name.display())));
        }
        let path = to.join(&name);
        private_folder(path.parent().unwrap_or(to))?;
        let mut file = private_file(File::options().write(true).create(true).truncate(true), &path)
            .map_err(|source| StoreError::io("create", &path, source))?;
        io::copy(&mut entry, &mut file).map_err(|source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::DiskFull,
            _ => none(unreadable(&source)),
        })?;
    }
    if to.join(FILE).exists() { Ok(()) } else { Err(none(message!("there is no database in it"))) }
}

/// What is wrong with the file, in words where that is known: what the library says of it is for programmers.
fn unreadable(why: &io::Error) -> Message {
    match why.kind() {
        io::ErrorKind::UnexpectedEof => message!("the file ends in the middle"),
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => message!("the file is damaged, or no archive"),
        _ => Message::of_error(why),
    }
}

/// Whether a name is one that [`Store::back_up`] writes.
fn belongs(name: &Path) -> bool {
    let parts: Option<Vec<&str>> = name
        .components()
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect();
    matches!(parts.as_deref(), Some([FILE] | [ID_FILE] | [LOGS, _, _]))
}

/// Opens what was unpacked, as of this version of the app, and has SQLite look through it.
async fn check(folder: &Path, from: &Path) -> Result<(), StoreError> {
    let damaged = |message: Message| StoreError::NotABackup { path: from.to_owned(), message };
    let store = Box::pin(Store::open(folder)).await.map_err(|error| match error {
        StoreError::Corrupt { message, .. } => damaged(message),
        other => other,
    })?;
    let found: Result<String, _> = sqlx::query_scalar("PRAGMA quick_check(1)").fetch_one(&store.readers).await;
    store.close().await;
    match found {
        Ok(word) if word == "ok" => Ok(()),
        Ok(problem) => Err(damaged(Message::verbatim(problem))),
        Err(error) => Err(damaged(Message::verbatim(error))),
    }
}
