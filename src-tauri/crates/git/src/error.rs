use git2::{ErrorClass, ErrorCode};
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with a repository, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
pub enum GitError {
    /// There is no such folder.
    #[error("there is no folder `{path}`")]
    NotFound {
        /// The folder.
        path: String,
    },
    /// Neither the folder nor one above it is a git repository.
    #[error("the folder `{path}` is not a git repository")]
    NotARepository {
        /// The folder.
        path: String,
    },
    /// The repository has no commit yet.
    #[error("the repository `{path}` has no commits yet")]
    Empty {
        /// Its root.
        path: String,
    },
    /// Files of the repository are missing or damaged.
    #[error("the repository is damaged: {message}")]
    Corrupt {
        /// What is wrong.
        message: String,
    },
    /// The repository may not be read, or the new one not be written.
    #[error("no permission for `{path}`")]
    Denied {
        /// The folder.
        path: String,
    },
    /// The repository uses a format that this app cannot read.
    #[error("the format of the repository is not supported: {message}")]
    Unsupported {
        /// Which.
        message: String,
    },
    /// The repository has no tag, branch or commit of that name.
    #[error("there is no version `{text}`")]
    UnknownVersion {
        /// What was asked for.
        text: String,
    },
    /// Several commits begin like that.
    #[error("`{text}` is not unique: more than one commit begins with it")]
    Ambiguous {
        /// What was asked for.
        text: String,
    },
    /// A file is larger than the caller wants to read.
    #[error("`{path}` has {bytes} bytes, more than the {limit} that are read")]
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A new repository is to be made where something is already.
    #[error("`{path}` exists already")]
    Exists {
        /// The folder.
        path: String,
    },
    /// No room left on the disk of a new repository.
    #[error("no space left for `{path}`")]
    DiskFull {
        /// The folder.
        path: String,
    },
    /// A file operation failed.
    #[error("{action} `{path}` failed: {source}")]
    Io {
        /// What was tried, a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// libgit2 refused something that should work.
    #[error("git: {message}")]
    Git {
        /// What it said.
        message: String,
    },
}

impl GitError {
    pub(crate) fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        let text = || path.display().to_string();
        match source.kind() {
            io::ErrorKind::NotFound => Self::NotFound { path: text() },
            io::ErrorKind::PermissionDenied => Self::Denied { path: text() },
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path: text() },
            _ => Self::Io { action, path: path.to_owned(), source },
        }
    }

    pub(crate) fn corrupt(message: impl Into<String>) -> Self {
        Self::Corrupt { message: message.into() }
    }
}

impl From<git2::Error> for GitError {
    /// For calls on objects that the repository itself has named: one that is not found is missing.
    fn from(error: git2::Error) -> Self {
        let message = error.message().to_owned();
        match (error.code(), error.class()) {
            (ErrorCode::NotFound, _) => Self::Corrupt { message },
            (_, ErrorClass::Odb | ErrorClass::Object | ErrorClass::Tree | ErrorClass::Zlib | ErrorClass::Reference | ErrorClass::Sha1) => {
                Self::Corrupt { message }
            }
            (_, ErrorClass::Repository) if message.contains("unsupported") => Self::Unsupported { message },
            _ => Self::Git { message },
        }
    }
}
