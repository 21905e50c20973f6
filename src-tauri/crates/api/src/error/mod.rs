//! How errors of the other crates become [`ApiError`]s.

pub(crate) mod dto;

use crate::dto::{ApiError, ErrorCode};
use lp_git::GitError;
use lp_model::{Message, message};
use lp_secret::vault::VaultError;
use lp_store::StoreError;

impl ApiError {
    /// An error without a hint.
    pub fn new(code: ErrorCode, message: impl Into<Message>) -> Self {
        Self { code, message: message.into(), hint: Message::default(), findings: Vec::new() }
    }

    /// The same with a hint.
    pub fn hint(mut self, hint: impl Into<Message>) -> Self {
        self.hint = hint.into();
        self
    }

    /// A task of ours broke.
    pub(crate) fn broken(problem: tokio::task::JoinError) -> Self {
        Self::new(ErrorCode::Internal, message!("a task broke: {}", Message::verbatim(problem)))
            .hint(message!("this is a defect of Letterpress; please report it"))
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        let message = error.told();
        match error {
            StoreError::DiskFull => Self::new(ErrorCode::DiskFull, message).hint(message!("free some disk space and try again")),
            StoreError::NewerFile { .. } => Self::new(ErrorCode::NewerData, message).hint(message!("install the newest Letterpress")),
            StoreError::NotFound { what, .. } => {
                let code = match what {
                    "project" => ErrorCode::ProjectNotFound,
                    "run" => ErrorCode::RunNotFound,
                    "log" | "step" => ErrorCode::StepNotFound,
                    _ => ErrorCode::StoreUnavailable,
                };
                Self::new(code, message)
            }
            StoreError::Corrupt { .. } => Self::new(ErrorCode::StoreUnavailable, message).hint(message!(
                "move the damaged file away; a copy from before the last upgrade may lie beside it as `letterpress.db.before-N`"
            )),
            StoreError::Denied { .. } => Self::new(ErrorCode::StoreUnavailable, message)
                .hint(message!("let this user write to the data folder, or set `LETTERPRESS_HOME` to another one")),
            StoreError::Owned { .. } => Self::new(ErrorCode::NotOwner, message)
                .hint(message!("quit the window and wait for the runs of other terminals, then try again")),
            StoreError::NotABackup { .. } => {
                Self::new(ErrorCode::BadRequest, message).hint(message!("name a file that `letterpress data backup` has made"))
            }
            StoreError::Pattern { .. } => {
                Self::new(ErrorCode::BadRequest, message).hint(message!("write another text, or a shorter expression"))
            }
            StoreError::Conflict { what: "move" | "deletion", .. } => Self::new(ErrorCode::BadRequest, message),
            _ => Self::new(ErrorCode::StoreUnavailable, message),
        }
    }
}

impl From<GitError> for ApiError {
    fn from(error: GitError) -> Self {
        let code = match error {
            GitError::NotFound { .. } => ErrorCode::FolderNotFound,
            GitError::NotARepository { .. } => ErrorCode::NotARepository,
            GitError::Empty { .. } => ErrorCode::EmptyRepository,
            GitError::UnknownVersion { .. } | GitError::Ambiguous { .. } | GitError::NoCommitYet { .. } => ErrorCode::VersionNotFound,
            GitError::Conflict { .. } => ErrorCode::MergeConflict,
            GitError::TooLarge { .. } => ErrorCode::PipelineInvalid,
            GitError::DiskFull { .. } => ErrorCode::DiskFull,
            _ => ErrorCode::RepositoryUnreadable,
        };
        Self::new(code, error.told()).hint(error.hint())
    }
}

impl From<VaultError> for ApiError {
    fn from(error: VaultError) -> Self {
        Self::new(ErrorCode::VaultUnavailable, error.told()).hint(error.hint())
    }
}
