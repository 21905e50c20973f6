//! A copy of the data folder in one file, made while runs go on: a compressed tar with the database, the folder's id and the logs.
//!
//! The key that opens the secrets is not in it: whoever has the file has the history, and sealed secrets. The database comes first and is of one
//! moment (SQLite copies it in a transaction); a log is at least as long as the database says, because logs are copied afterwards.

use super::LOGS;
use crate::database::FILE;
use crate::lock::ID_FILE;
use crate::private::{private_empty_file, private_file, private_folder};
use crate::{Store, StoreError};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::cell::Cell;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

/// A backup that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// The file.
    pub path: PathBuf,
    /// Its size.
    pub bytes: u64,
}

impl Store {
    /// Copies the data folder into a file that is not there yet. One that fails, is stopped, or is killed, leaves no file of that name. `go_on` is told
    /// how many bytes are copied of how many in all, and says whether to go on.
    pub async fn back_up(&self, to: &Path, go_on: impl Fn(u64, u64) -> bool + Send + 'static) -> Result<Backup, StoreError> {
        if to.exists() {
            return Err(StoreError::io("create", to, io::ErrorKind::AlreadyExists.into()));
        }
        let folder = self.folder().to_owned();
        let database = folder.join(format!("{FILE}.backup"));
        private_empty_file(&database)?;
        let copied = sqlx::query("VACUUM INTO ?1").bind(database.to_string_lossy().into_owned()).execute(&self.readers).await;
        let result = match copied {
            Ok(_) => {
                let (to, database) = (to.to_owned(), database.clone());
                let packed = tokio::task::spawn_blocking(move || pack(&folder, &database, &to, &go_on)).await;
                packed.map_err(|panic| StoreError::Database(Box::new(panic)))?
            }
            Err(error) => Err(error.into()),
        };
        crate::database::remove_if_there(&database)?;
        result
    }
}

fn pack(folder: &Path, database: &Path, to: &Path, go_on: &dyn Fn(u64, u64) -> bool) -> Result<Backup, StoreError> {
    if let Some(parent) = to.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        private_folder(parent)?;
    }
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let half = to.with_file_name(name);
    let failed = |source| StoreError::io("write", &half, source);
    let course = Course { done: Cell::new(0), total: super::bytes_of(database) + super::bytes_of(&folder.join(LOGS)), go_on };
    let write = || -> Result<(), StoreError> {
        let mut archive = tar::Builder::new(GzEncoder::new(
            private_file(File::options().write(true).create(true).truncate(true), &half).map_err(failed)?,
            Compression::fast(),
        ));
        add(&mut archive, Path::new(FILE), database, &course).map_err(failed)?;
        add(&mut archive, Path::new(ID_FILE), &folder.join(ID_FILE), &course).map_err(failed)?;
        for run in sorted(&folder.join(LOGS)).map_err(failed)? {
            for file in sorted(&run).map_err(failed)? {
                if let Ok(inside) = file.strip_prefix(folder) {
                    add(&mut archive, inside, &file, &course).map_err(failed)?;
                }
            }
        }
        let file = archive.into_inner().and_then(GzEncoder::finish).map_err(failed)?;
        file.sync_all().map_err(failed)?;
        fs::rename(&half, to).map_err(failed)
    };
    if let Err(error) = write() {
        let _nothing_was_made = fs::remove_file(&half);
        return Err(if course.is_stopped() { StoreError::Stopped } else { error });
    }
    let bytes = fs::metadata(to).map_err(|source| StoreError::io("read", to, source))?.len();
    Ok(Backup { path: to.to_owned(), bytes })
}

/// Entries of a folder, by name; of one that is not there, none.
fn sorted(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(gone) if matches!(gone.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return Ok(Vec::new()),
        other => other?,
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    Ok(paths)
}

/// Adds a file as long as it is now: it may grow meanwhile, or be cut. One that has vanished is left out.
fn add(archive: &mut tar::Builder<impl Write>, name: &Path, path: &Path, course: &Course<'_>) -> io::Result<()> {
    let file = match File::open(path) {
        Err(gone) if gone.kind() == io::ErrorKind::NotFound => return Ok(()),
        other => other?,
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(());
    }
    let mut header = tar::Header::new_gnu();
    header.set_metadata(&metadata);
    let length = metadata.len();
    archive.append_data(&mut header, name, Counted { inside: file.chain(io::repeat(0)).take(length), course })
}

/// How far a backup is, and who says whether it goes on.
struct Course<'a> {
    done: Cell<u64>,
    total: u64,
    go_on: &'a dyn Fn(u64, u64) -> bool,
}

impl Course<'_> {
    fn is_stopped(&self) -> bool {
        let done = self.done.get();
        !(self.go_on)(done, self.total.max(done))
    }
}

/// Counts what is read, and is an error once it is to stop.
struct Counted<'a, R> {
    inside: R,
    course: &'a Course<'a>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.course.is_stopped() {
            return Err(io::Error::other("stopped"));
        }
        let count = self.inside.read(into)?;
        self.course.done.set(self.course.done.get() + count as u64);
        Ok(count)
    }
}
