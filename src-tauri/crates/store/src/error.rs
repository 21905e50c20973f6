use lp_model::IllegalMove;
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with the data folder, by what the caller can do about it. Messages hold no secrets.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// No room left on the disk of the data folder. Nothing was written; it can be tried again.
    #[error("no space left on the disk of the data folder")]
    DiskFull,
    /// Another process holds the database for too long. It can be tried again.
    #[error("the database is busy")]
    Busy,
    /// A newer version of the app has written the database: this one must not touch it.
    #[error("the database was written by a newer version of the app (its schema is {found}, this app knows {known})")]
    NewerFile {
        /// Schema of the file.
        found: i64,
        /// Newest schema that this app knows.
        known: i64,
    },
    /// The database file is damaged or is no database.
    #[error("the database `{path}` is damaged: {message}")]
    Corrupt {
        /// The file, or empty where it is not known.
        path: String,
        /// What SQLite said.
        message: String,
    },
    /// The files may not be read or written.
    #[error("no permission for the data folder: {message}")]
    Denied {
        /// What the system said.
        message: String,
    },
    /// There is no such thing.
    #[error("there is no {what} `{id}`")]
    NotFound {
        /// What was asked for: project, run, log.
        what: &'static str,
        /// Its id.
        id: String,
    },
    /// Something with the same key is there already, or what it refers to is not.
    #[error("the {what} cannot be stored: {message}")]
    Conflict {
        /// What was to be stored.
        what: &'static str,
        /// What stands against it.
        message: String,
    },
    /// The event does not fit the state of the run: nothing of the batch was written.
    #[error(transparent)]
    IllegalMove(#[from] IllegalMove),
    /// A stored value is not understood, for example because a newer app wrote it.
    #[error("the stored {what} cannot be read: {message}")]
    Unreadable {
        /// Which value.
        what: &'static str,
        /// Why.
        message: String,
    },
    /// A file of the data folder could not be worked with.
    #[error("{action} `{path}` failed: {source}")]
    Io {
        /// What was tried, a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process owns the data folder, and what was asked for needs that nobody does.
    #[error("another Letterpress has the data folder open{}", pid.map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Owned {
        /// Its process id, where it is known.
        pid: Option<u32>,
    },
    /// Whoever wanted it does not want it any more. What was begun is taken back.
    #[error("stopped")]
    Stopped,
    /// The file is no backup, or a damaged one.
    #[error("`{}` is no backup that can be restored: {message}", path.display())]
    NotABackup {
        /// The file.
        path: PathBuf,
        /// Why.
        message: String,
    },
    /// What is looked for in logs is no text or regular expression that can be looked for.
    #[error("this cannot be searched for: {message}")]
    Pattern {
        /// Why.
        message: String,
    },
    /// SQLite refused something that should work.
    #[error("the database refused a query: {0}")]
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
    /// Wraps an I/O error about one file.
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull,
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::Denied { message: format!("{action} `{}`: {source}", path.display()) }
            }
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    pub(crate) fn unreadable(what: &'static str, why: impl std::fmt::Display) -> Self {
        Self::Unreadable { what, message: why.to_string() }
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
                let message = refusal.message().to_owned();
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
