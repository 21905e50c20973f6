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
    /// What is checked out is a branch that has no commit yet, in a repository that has others.
    #[error("the branch `{branch}`, which is checked out, has no commit yet")]
    NoCommitYet {
        /// The branch.
        branch: String,
    },
    /// Files of the repository are damaged.
    #[error("the repository is damaged: {message}")]
    Corrupt {
        /// What is wrong.
        message: String,
    },
    /// An object that the repository itself names is not there.
    #[error("the repository `{path}` is damaged: its object `{object}` is missing")]
    MissingObject {
        /// The folder `.git`.
        path: String,
        /// Which object.
        object: String,
    },
    /// The repository is a partial clone, and what is needed of it was never fetched.
    #[error("the repository `{path}` is a partial clone, and `{object}` of it was never fetched")]
    PartialClone {
        /// The folder `.git`.
        path: String,
        /// Which object.
        object: String,
    },
    /// The repository borrows objects from another one, which is gone.
    #[error("the repository borrows objects from `{folder}`, as `{file}` says, and that folder is gone")]
    Borrowed {
        /// The file that names the folder.
        file: String,
        /// The folder that is gone.
        folder: String,
    },
    /// A file `.git` leads to a folder that is not there: the work tree or its repository was moved.
    #[error("`{file}` leads to `{target}`, which is not there: this folder or its repository was moved")]
    Moved {
        /// The file.
        file: String,
        /// Where it leads to.
        target: String,
    },
    /// A file of the repository may not be read by this user.
    #[error("this user may not read `{path}`")]
    Unreadable {
        /// The file.
        path: String,
    },
    /// A line of the settings of git cannot be read.
    #[error("line {line} of `{file}` cannot be read as a setting of git")]
    BadConfig {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// A pull request changes what its target branch has changed in another way.
    #[error("the commit cannot be merged into `{branch}`: {} in conflict", in_conflict(files, *more))]
    Conflict {
        /// The branch.
        branch: String,
        /// The first files.
        files: Vec<String>,
        /// How many more there are.
        more: usize,
    },
    /// A name in a commit that no checkout may write.
    #[error("`{path}` in the commit is a path that git does not check out")]
    IllegalPath {
        /// The path.
        path: String,
    },
    /// The repository may not be read, or the new one not be written.
    #[error("no permission for `{path}`")]
    Denied {
        /// The folder.
        path: String,
    },
    /// The repository names its objects with another hash than SHA-1.
    #[error("the repository `{path}` has the object format `{format}`; only `sha1` can be read")]
    ObjectFormat {
        /// The folder `.git`.
        path: String,
        /// The format.
        format: String,
    },
    /// The repository keeps its references in another way than files.
    #[error("the repository `{path}` keeps its references as `{format}`; only `files` can be read")]
    ReferenceFormat {
        /// The folder `.git`.
        path: String,
        /// The way.
        format: String,
    },
    /// The repository needs something that this app does not know.
    #[error("the repository `{path}` needs `{what}`, which this version of Letterpress does not know")]
    Unsupported {
        /// The folder `.git`.
        path: String,
        /// An extension, or a version of the format.
        what: String,
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

fn in_conflict(files: &[String], more: usize) -> String {
    let names: Vec<String> = files.iter().map(|file| format!("`{file}`")).collect();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more} {}", names.join(", "), if files.len() == 1 && more.is_empty() { "is" } else { "are" })
}

impl GitError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NotFound { .. } => "check the path".into(),
            Self::NotARepository { .. } => {
                "choose a folder that is a git repository, or make it one with `git init` and a first commit".into()
            }
            Self::Empty { .. } => "commit something first, then open the folder again".into(),
            Self::NoCommitYet { .. } => "commit something, or name another branch or a tag as the version".into(),
            Self::Corrupt { .. } => "`git fsck` in the repository says more; a new clone is often the shortest way".into(),
            Self::MissingObject { path, .. } => {
                format!(
                    "`git -C {path} fsck` says what else is missing; `git -C {path} fetch --refetch` fetches everything again where the remote has it"
                )
            }
            Self::PartialClone { path, .. } => {
                format!("`git -C {path} fetch --refetch --no-filter` fetches everything once, where the remote can be reached")
            }
            Self::Borrowed { file, .. } => {
                format!(
                    "bring the folder back or correct its path in `{file}`; `git repack -a -d` while it is there makes the repository complete"
                )
            }
            Self::Moved { .. } => {
                "run `git worktree repair` in the repository that the work tree belongs to (with the new path of the work tree as argument)"
                    .into()
            }
            Self::Unreadable { path } => {
                format!("let this user read it (`ls -l {path}` shows whose it is), or run Letterpress as its owner")
            }
            Self::Denied { path } => format!("let this user read the folder (`ls -ld {path}` shows whose it is)"),
            Self::BadConfig { file, line } => format!("correct or remove line {line} of `{file}`; `git config --list` checks it"),
            Self::Conflict { branch, .. } => format!("merge `{branch}` into the branch of the pull request and commit the result"),
            Self::IllegalPath { .. } => "rename it in the repository and commit that".into(),
            Self::ObjectFormat { path, .. } => format!(
                "git cannot change the format of a repository: take a clone with SHA-1, or make one by `git -C {path} fast-export --all` into a new repository"
            ),
            Self::ReferenceFormat { path, .. } => {
                format!("`git -C {path} refs migrate --ref-format=files` changes it and keeps everything")
            }
            Self::Unsupported { .. } => "install the newest Letterpress, or work with a plain clone of the repository".into(),
            Self::UnknownVersion { .. } | Self::Ambiguous { .. } => "pick a tag or a branch of the repository".into(),
            Self::TooLarge { .. } => "a pipeline file is at most 1 MB".into(),
            Self::Exists { .. } => "choose another folder".into(),
            Self::DiskFull { .. } => "free some disk space and try again".into(),
            Self::Io { .. } | Self::Git { .. } => "check that this user may read the folder, and the repository with `git fsck`".into(),
        }
    }
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
    /// For calls on objects that the repository itself has named: one that is not found is missing. [`crate::trouble`] finds out why.
    fn from(error: git2::Error) -> Self {
        let message = error.message().to_owned();
        match (error.code(), error.class()) {
            (ErrorCode::NotFound, class) => {
                let mut ids = message.split(|letter: char| !letter.is_ascii_hexdigit());
                match ids.rfind(|word| word.len() == 40) {
                    Some(object) if class == ErrorClass::Odb => Self::MissingObject { path: String::new(), object: object.to_owned() },
                    _ => Self::Corrupt { message },
                }
            }
            (_, ErrorClass::Odb | ErrorClass::Object | ErrorClass::Tree | ErrorClass::Zlib | ErrorClass::Reference | ErrorClass::Sha1) => {
                Self::Corrupt { message }
            }
            _ => Self::Git { message },
        }
    }
}
