use git2::{ErrorClass, ErrorCode};
use lp_model::message::file_failed;
use lp_model::{Message, message};
use std::io;
use std::path::{Path, PathBuf};

/// What can go wrong with a repository, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.told())]
pub enum GitError {
    /// There is no such folder.
    NotFound {
        /// The folder.
        path: String,
    },
    /// Neither the folder nor one above it is a git repository.
    NotARepository {
        /// The folder.
        path: String,
    },
    /// The repository has no commit yet.
    Empty {
        /// Its root.
        path: String,
    },
    /// What is checked out is a branch that has no commit yet, in a repository that has others.
    NoCommitYet {
        /// The branch.
        branch: String,
    },
    /// Files of the repository are damaged.
    Corrupt {
        /// What is wrong.
        message: Message,
    },
    /// An object that the repository itself names is not there.
    MissingObject {
        /// The folder `.git`.
        path: String,
        /// Which object.
        object: String,
    },
    /// The repository is a partial clone, and what is needed of it was never fetched.
    PartialClone {
        /// The folder `.git`.
        path: String,
        /// Which object.
        object: String,
    },
    /// The repository borrows objects from another one, which is gone.
    Borrowed {
        /// The file that names the folder.
        file: String,
        /// The folder that is gone.
        folder: String,
    },
    /// A file `.git` leads to a folder that is not there: the work tree or its repository was moved.
    Moved {
        /// The file.
        file: String,
        /// Where it leads to.
        target: String,
    },
    /// A file of the repository may not be read by this user.
    Unreadable {
        /// The file.
        path: String,
    },
    /// A line of the settings of git cannot be read.
    BadConfig {
        /// The file.
        file: String,
        /// The line, from 1.
        line: u64,
    },
    /// A pull request changes what its target branch has changed in another way.
    Conflict {
        /// The branch.
        branch: String,
        /// The first files.
        files: Vec<String>,
        /// How many more there are.
        more: usize,
    },
    /// A name in a commit that no checkout may write.
    IllegalPath {
        /// The path.
        path: String,
    },
    /// The repository may not be read, or the new one not be written.
    Denied {
        /// The folder.
        path: String,
    },
    /// The repository names its objects with another hash than SHA-1.
    ObjectFormat {
        /// The folder `.git`.
        path: String,
        /// The format.
        format: String,
    },
    /// The repository keeps its references in another way than files.
    ReferenceFormat {
        /// The folder `.git`.
        path: String,
        /// The way.
        format: String,
    },
    /// The repository needs something that this app does not know.
    Unsupported {
        /// The folder `.git`.
        path: String,
        /// An extension, or a version of the format.
        what: String,
    },
    /// The repository has no tag, branch or commit of that name.
    UnknownVersion {
        /// What was asked for.
        text: String,
    },
    /// Several commits begin like that.
    Ambiguous {
        /// What was asked for.
        text: String,
    },
    /// A file is larger than the caller wants to read.
    TooLarge {
        /// The file.
        path: String,
        /// Its size.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A new repository is to be made where something is already.
    Exists {
        /// The folder.
        path: String,
    },
    /// No room left on the disk of a new repository.
    DiskFull {
        /// The folder.
        path: String,
    },
    /// A file operation failed.
    Io {
        /// What was tried, a verb.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// libgit2 refused something that should work.
    Git {
        /// What it said.
        message: String,
    },
}

/// Names files, the last ones by their number only.
fn in_conflict(files: &[String], more: usize) -> Message {
    let names = Message::verbatim(files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", "));
    match (files.len(), more) {
        (1, 0) => message!("{} is in conflict", names),
        (_, 0) => message!("{} are in conflict", names),
        _ => message!("{} and {} more are in conflict", names, more),
    }
}

impl GitError {
    /// What is wrong, and with which repository, file or version.
    pub fn told(&self) -> Message {
        match self {
            Self::NotFound { path } => message!("there is no folder `{}`", path),
            Self::NotARepository { path } => message!("the folder `{}` is not a git repository", path),
            Self::Empty { path } => message!("the repository `{}` has no commits yet", path),
            Self::NoCommitYet { branch } => message!("the branch `{}`, which is checked out, has no commit yet", branch),
            Self::Corrupt { message } => message!("the repository is damaged: {}", message),
            Self::MissingObject { path, object } => message!("the repository `{}` is damaged: its object `{}` is missing", path, object),
            Self::PartialClone { path, object } => {
                message!("the repository `{}` is a partial clone, and `{}` of it was never fetched", path, object)
            }
            Self::Borrowed { file, folder } => {
                message!("the repository borrows objects from `{}`, as `{}` says, and that folder is gone", folder, file)
            }
            Self::Moved { file, target } => {
                message!("`{}` leads to `{}`, which is not there: this folder or its repository was moved", file, target)
            }
            Self::Unreadable { path } => message!("this user may not read `{}`", path),
            Self::BadConfig { file, line } => message!("line {} of `{}` cannot be read as a setting of git", line, file),
            Self::Conflict { branch, files, more } => {
                message!("the commit cannot be merged into `{}`: {}", branch, in_conflict(files, *more))
            }
            Self::IllegalPath { path } => message!("`{}` in the commit is a path that git does not check out", path),
            Self::Denied { path } => message!("no permission for `{}`", path),
            Self::ObjectFormat { path, format } => {
                message!("the repository `{}` has the object format `{}`; only `sha1` can be read", path, format)
            }
            Self::ReferenceFormat { path, format } => {
                message!("the repository `{}` keeps its references as `{}`; only `files` can be read", path, format)
            }
            Self::Unsupported { path, what } => {
                message!("the repository `{}` needs `{}`, which this version of Letterpress does not know", path, what)
            }
            Self::UnknownVersion { text } => message!("there is no version `{}`", text),
            Self::Ambiguous { text } => message!("`{}` is not unique: more than one commit begins with it", text),
            Self::TooLarge { path, bytes, limit } => message!("`{}` has {} bytes, more than the {} that are read", path, bytes, limit),
            Self::Exists { path } => message!("`{}` exists already", path),
            Self::DiskFull { path } => message!("no space left for `{}`", path),
            Self::Io { action, path, source } => file_failed(action, path, source),
            Self::Git { message } => message!("git: {}", message),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Message {
        match self {
            Self::NotFound { .. } => message!("check the path"),
            Self::NotARepository { .. } => {
                message!("choose a folder that is a git repository, or make it one with `git init` and a first commit")
            }
            Self::Empty { .. } => message!("commit something first, then open the folder again"),
            Self::NoCommitYet { .. } => message!("commit something, or name another branch or a tag as the version"),
            Self::Corrupt { .. } => message!("`git fsck` in the repository says more; a new clone is often the shortest way"),
            Self::MissingObject { path, .. } => message!(
                "`git -C {0} fsck` says what else is missing; `git -C {0} fetch --refetch` fetches everything again where the remote has it",
                path
            ),
            Self::PartialClone { path, .. } => {
                message!("`git -C {} fetch --refetch --no-filter` fetches everything once, where the remote can be reached", path)
            }
            Self::Borrowed { file, .. } => message!(
                "bring the folder back or correct its path in `{}`; `git repack -a -d` while it is there makes the repository complete",
                file
            ),
            Self::Moved { .. } => message!(
                "run `git worktree repair` in the repository that the work tree belongs to (with the new path of the work tree as argument)"
            ),
            Self::Unreadable { path } => {
                message!("let this user read it (`ls -l {}` shows whose it is), or run Letterpress as its owner", path)
            }
            Self::Denied { path } => message!("let this user read the folder (`ls -ld {}` shows whose it is)", path),
            Self::BadConfig { file, line } => message!("correct or remove line {} of `{}`; `git config --list` checks it", line, file),
            Self::Conflict { branch, .. } => message!("merge `{}` into the branch of the pull request and commit the result", branch),
            Self::IllegalPath { .. } => message!("rename it in the repository and commit that"),
            Self::ObjectFormat { path, .. } => message!(
                "git cannot change the format of a repository: take a clone with SHA-1, or make one by `git -C {} fast-export --all` into a new repository",
                path
            ),
            Self::ReferenceFormat { path, .. } => {
                message!("`git -C {} refs migrate --ref-format=files` changes it and keeps everything", path)
            }
            Self::Unsupported { .. } => message!("install the newest Letterpress, or work with a plain clone of the repository"),
            Self::UnknownVersion { .. } | Self::Ambiguous { .. } => message!("pick a tag or a branch of the repository"),
            Self::TooLarge { .. } => message!("a pipeline file is at most 1 MB"),
            Self::Exists { .. } => message!("choose another folder"),
            Self::DiskFull { .. } => message!("free some disk space and try again"),
            Self::Io { .. } | Self::Git { .. } => message!("check that this user may read the folder, and the repository with `git fsck`"),
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

    pub(crate) fn corrupt(message: Message) -> Self {
        Self::Corrupt { message }
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
                    _ => Self::Corrupt { message: Message::verbatim(message) },
                }
            }
            (_, ErrorClass::Odb | ErrorClass::Object | ErrorClass::Tree | ErrorClass::Zlib | ErrorClass::Reference | ErrorClass::Sha1) => {
                Self::Corrupt { message: Message::verbatim(message) }
            }
            _ => Self::Git { message },
        }
    }
}
