//! Where a data folder is, after it was moved: what it left behind tells.

use super::remove_folder;
use crate::database::{FILE, lock_gate};
use crate::private::private_folder;
use crate::{Lock, Ownership, Store, StoreError};
use lp_model::{Message, message};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// File in a folder that was moved: the place where it is now.
const MOVED_TO: &str = "moved-to";
/// How often a folder may have been moved.
const MOST_MOVES: usize = 16;

/// File beside a folder that is being moved: where to.
fn moving(folder: &Path) -> PathBuf {
    let mut name = folder.file_name().unwrap_or_default().to_owned();
    name.push(".moving");
    folder.with_file_name(name)
}

/// The folder that is meant by a path: where the data of that folder is now.
pub fn resolve(folder: &Path) -> PathBuf {
    let mut place = folder.to_owned();
    for _ in 0..MOST_MOVES {
        let told = |path: &Path| fs::read_to_string(path).ok().map(|text| PathBuf::from(text.trim_end_matches('\n')));
        let next = match told(&place.join(MOVED_TO)) {
            Some(next) => next,
            // The process that moved it died after the move and before it could say so in the old place.
            None => match told(&moving(&place)).filter(|next| !place.join(FILE).exists() && next.join(FILE).exists()) {
                Some(next) => next,
                None => break,
            },
        };
        if next == place {
            break;
        }
        place = next;
    }
    place
}

/// Moves a data folder that nobody owns. In the old place a file stays that says where it went ([`resolve`]). `to` must be absolute, and not be
/// there or be empty.
///
/// [`StoreError::Owned`] while a process owns the folder; [`StoreError::Conflict`] while something of a run is still there, or where `to` has
/// something in it. Nothing has changed then.
pub async fn move_to(folder: &Path, to: &Path) -> Result<(), StoreError> {
    let owner = match Lock::try_own(folder)? {
        Ownership::Owner(owner) => owner,
        Ownership::Busy { pid } => return Err(StoreError::Owned { pid }),
    };
    let conflict = |message: Message| StoreError::Conflict { what: "move", message };
    let store = Store::open(folder).await?;
    let unfinished = store.unfinished().await;
    store.close().await;
    if let Some(run) = unfinished?.first() {
        return Err(conflict(message!("run `{}` is not over, or not removed yet where it ran", run.id)));
    }
    match fs::read_dir(to).map(|mut entries| entries.next().is_some()) {
        Ok(true) => return Err(conflict(message!("`{}` is not empty", to.display()))),
        Ok(false) => {}
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => {}
        Err(source) => return Err(StoreError::io("list", to, source)),
    }
    if to.starts_with(folder) {
        return Err(conflict(message!("`{}` lies in the folder that is moved", to.display())));
    }
    let gate = lock_gate(folder).await?;
    let (old, new) = (folder.to_owned(), to.to_owned());
    let moved = tokio::task::spawn_blocking(move || carry(&old, &new)).await;
    drop((gate, owner));
    moved.map_err(|panic| StoreError::Database(Box::new(panic)))?
}

fn carry(old: &Path, new: &Path) -> Result<(), StoreError> {
    private_folder(new.parent().unwrap_or(new))?;
    let note = moving(old);
    let written = |path: &Path| fs::write(path, format!("{}\n", new.display())).map_err(|source| StoreError::io("write", path, source));
    written(&note)?;
    let renamed = fs::rename(old, new);
    let result = match renamed {
        Ok(()) => private_folder(old).and_then(|()| written(&old.join(MOVED_TO))),
        // Another disk.
        Err(other) if other.kind() == io::ErrorKind::CrossesDevices => copy_over(old, new, &written),
        Err(source) => Err(StoreError::io("rename", old, source)),
    };
    crate::database::remove_if_there(&note)?;
    // One that was moved before and came back: its own note would lead away from it.
    crate::database::remove_if_there(&new.join(MOVED_TO))?;
    result
}

/// Copies everything, says so in the old place, and only then removes what lies there.
fn copy_over(old: &Path, new: &Path, written: &dyn Fn(&Path) -> Result<(), StoreError>) -> Result<(), StoreError> {
    let mut name = new.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let half = new.with_file_name(name);
    remove_folder(&half)?;
    let copied = copy(old, &half).and_then(|()| fs::rename(&half, new).map_err(|source| StoreError::io("rename", &half, source)));
    if let Err(error) = copied {
        remove_folder(&half)?;
        return Err(error);
    }
    written(&old.join(MOVED_TO))?;
    for entry in fs::read_dir(old).map_err(|source| StoreError::io("list", old, source))?.flatten() {
        let path = entry.path();
        if entry.file_name() == MOVED_TO {
            continue;
        }
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder { remove_folder(&path)? } else { crate::database::remove_if_there(&path)? }
    }
    Ok(())
}

fn copy(from: &Path, to: &Path) -> Result<(), StoreError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::io("copy", &path, source)
    };
    let kind = fs::symlink_metadata(from).map_err(failed(from))?;
    if kind.is_dir() {
        fs::create_dir(to).map_err(failed(to))?;
        for entry in fs::read_dir(from).map_err(failed(from))? {
            let entry = entry.map_err(failed(from))?;
            copy(&entry.path(), &to.join(entry.file_name()))?;
        }
        fs::set_permissions(to, kind.permissions()).map_err(failed(to))
    } else if kind.is_symlink() {
        let target = fs::read_link(from).map_err(failed(from))?;
        std::os::unix::fs::symlink(target, to).map_err(failed(to))
    } else if kind.is_file() {
        // With its permissions; on the disk before the old one goes.
        fs::copy(from, to).map_err(failed(to))?;
        fs::File::open(to).and_then(|file| file.sync_all()).map_err(failed(to))
    } else {
        // A socket of a process that is gone.
        Ok(())
    }
}
