//! Files and folders that nobody but this user may read: plans, inputs, logs and sealed secrets stand in them. The folder that a person chose for
//! the data may be open to others, and stays as it is; what we make in it is not.

use crate::StoreError;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// What others may do with a file: nothing.
#[cfg(unix)]
const OTHERS: u32 = 0o077;

/// Makes a folder where it is missing, with those above it.
pub(crate) fn private_folder(dir: &Path) -> Result<(), StoreError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(|source| StoreError::io("create", dir, source))
}

/// Opens a file by these options, and closes it to others: one that is made, and one that an earlier version made. Never a database that may be
/// open: with any handle of a file that a process closes, it loses all locks that SQLite has on it.
pub(crate) fn private_file(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(options, 0o600);
    let file = options.open(path)?;
    close_to_others(path);
    Ok(file)
}

/// Makes an empty database where there is none. Where it cannot be made, SQLite says why when it opens it.
pub(crate) fn private_database(path: &Path) {
    let _sqlite_says_why = private_file(File::options().write(true).create_new(true), path);
}

/// An empty file, for what is then written under its name.
pub(crate) fn private_empty_file(path: &Path) -> Result<(), StoreError> {
    let made = private_file(File::options().write(true).create(true).truncate(true), path);
    made.map(drop).map_err(|source| StoreError::io("create", path, source))
}

/// Closes the files of a folder to others whose names begin so. What cannot be closed stays: whoever then opens it says what is wrong.
pub(crate) fn close_files(dir: &Path, beginning: &str) {
    for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
        let is_ours = entry.file_name().to_str().is_some_and(|name| name.starts_with(beginning));
        if is_ours {
            close_to_others(&entry.path());
        }
    }
}

/// On a disk without rights of files there is nothing to close.
fn close_to_others(path: &Path) {
    #[cfg(unix)]
    if let Ok(found) = fs::symlink_metadata(path) {
        use std::os::unix::fs::PermissionsExt;
        let mut rights = found.permissions();
        if found.is_file() && rights.mode() & OTHERS != 0 {
            rights.set_mode(rights.mode() & !OTHERS);
            let _stays = fs::set_permissions(path, rights);
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}
