use crate::words::noun;
use lp_model::message::{file_failed, file_problem};
use lp_model::{IllegalMove, Message, message};
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with the data folder, by what the caller can do about it. Messages hold no secrets.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.told())]
pub enum StoreError {
    /// No room left on the disk of the data folder. Nothing was written; it can be tried again.
    DiskFull,
    /// Another process holds the database for too long. It can be tried again.
    Busy,
    /// A newer version of the app has written the database: this one must not touch it.
    NewerFile {
        /// Schema of the file.
        found: i64,
        /// Newest schema that this app knows.
        known: i64,
    },
    /// The database file is damaged or is no database.
    Corrupt {
        /// The file, or empty where it is not known.
        path: String,
        /// What SQLite said.
        message: Message,
    },
    /// The files may not be read or written.
    Denied {
        /// What the system said.
        message: Message,
    },
    /// There is no such thing.
    NotFound {
        /// What was asked for: project, run, log.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// Something with the same key is there already, or what it refers to is not.
    Conflict {
        /// What was to be stored.
        what: &'static str,
        /// What stands against it.
        message: Message,
    },
    /// The event does not fit the state of the run: nothing of the batch was written.
    IllegalMove(#[from] IllegalMove),
    /// A stored value is not understood, for example because a newer app wrote it.
    Unreadable {
        /// Which value.
        what: &'static str,
        /// Why.
        message: Message,
    },
    /// A file of the data folder could not be worked with.
    Io {
        /// What was tried, a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process owns the data folder, and what was asked for needs that nobody does.
    Owned {
        /// Its process id, where it is known.
        pid: Option<u32>,
    },
    /// Whoever wanted it does not want it any more. What was begun is taken back.
    Stopped,
    /// The file is no backup, or a damaged one.
    NotABackup {
        /// The file.
        path: PathBuf,
        /// Why.
        message: Message,
    },
    /// What is looked for in logs is no text or regular expression that can be looked for.
    Pattern {
        /// Why.
        message: Message,
    },
    /// SQLite refused something that should work.
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
}

// Primary result codes of SQLite (sqlite.org/rescode.html): the low byte of the extended code that sqlx gives as text.
const BUSY: i32 = 5;
const LOCKED: i32 = 6;
const READONLY: i32 = 8;
const CORRUPT: i32 = 11;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const CONSTRAINT: i32 = 19;
const NOTADB: i32 = 26;
/// The shared memory beside the database could not grow: in practice the disk is full.
const IOERR_SHMSIZE: i32 = 4874;

impl StoreError {
    /// What is wrong, and with which file, run or value.
    pub fn told(&self) -> Message {
        match self {
            Self::DiskFull => message!("no space left on the disk of the data folder"),
            Self::Busy => message!("the database is busy"),
            Self::NewerFile { found, known } => {
                message!("the database was written by a newer version of the app (its schema is {}, this app knows {})", found, known)
            }
            Self::Corrupt { path, message } => message!("the database `{}` is damaged: {}", path, message),
            Self::Denied { message } => message!("no permission for the data folder: {}", message),
            Self::NotFound { what, id } => message!("there is no {} `{}`", noun(what), id),
            Self::Conflict { what, message } => message!("the {} cannot be stored: {}", noun(what), message),
            Self::IllegalMove(illegal) => illegal.told(),
            Self::Unreadable { what, message } => message!("the stored {} cannot be read: {}", noun(what), message),
            Self::Io { action, path, source } => file_failed(action, path, source),
            Self::Owned { pid: None } => message!("another Letterpress has the data folder open"),
            Self::Owned { pid: Some(pid) } => message!("another Letterpress has the data folder open (process {})", pid),
            Self::Stopped => message!("stopped"),
            Self::Pattern { message } => message!("this cannot be searched for: {}", message),
            Self::NotABackup { path, message } => message!("`{}` is no backup that can be restored: {}", path.display(), message),
            Self::Database(refusal) => message!("the database refused a query: {}", Message::verbatim(refusal)),
        }
    }
}

impl StoreError {
    /// Wraps an I/O error about one file.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { message: file_problem(action, path, &source) }
            }
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    pub(crate) fn unreadable(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Unreadable { what, message: Message::verbatim(why) }
    }

    pub(crate) fn not_found(what: &'static str, id: impl std::fmt::Display) -> Self {
        Self::NotFound { what, id: id.to_string() }
    }

    /// Names what was being stored when a constraint refused it.
    pub(crate) fn about(self, what: &'static str) -> Self {
        match self {
            Self::Conflict { message, .. } => Self::Conflict { what, message },
            other => other,
        }
    }

    /// Names the file when it turns out to be damaged.
    pub(crate) fn at(self, file: &Path) -> Self {
        match self {
            Self::Corrupt { message, .. } => Self::Corrupt { path: file.display().to_string(), message },
            other => other,
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::Database(refusal) => {
                let code = refusal.code().and_then(|text| text.parse::<i32>().ok()).unwrap_or_default();
                let message = Message::verbatim(refusal.message());
                match (code, code & 0xff) {
                    (IOERR_SHMSIZE, _) | (_, FULL) => Self::DiskFull,
                    (_, BUSY | LOCKED) => Self::Busy,
                    (_, READONLY | CANTOPEN) => Self::Denied { message },
                    (_, CORRUPT | NOTADB) => Self::Corrupt { path: String::new(), message },
                    (_, CONSTRAINT) => Self::Conflict { what: "row", message },
                    _ => Self::Database(Box::new(sqlx::Error::Database(refusal))),
                }
            }
            sqlx::Error::PoolTimedOut => Self::Busy,
            sqlx::Error::Io(source) => Self::io("use", Path::new("the database"), source),
            other => Self::Database(Box::new(other)),
        }
    }
}
