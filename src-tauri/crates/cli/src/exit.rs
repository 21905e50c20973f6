//! `letterpress lint` has exit codes of its own (0, 1, 2, as users of ruff and rustc expect): a file with errors is its result, not bad
//! usage.

use lp_api::dto::{ApiError, ErrorCode, RunStateWord};

/// What the process ends with. Documented in the README and in `--help`; scripts rely on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// The run passed, or the command did what it should.
    Passed = 0,
    /// The run failed, or the command could not do what it should.
    Failed = 1,
    /// Wrong usage, or a file with errors.
    BadUsage = 2,
    /// No container engine answers.
    NoEngine = 3,
    /// The terminal was closed while a run was watched: the run goes on, or rests until someone attaches to it.
    HungUp = 129,
    /// Someone cancelled the run.
    Cancelled = 130,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

impl ExitCode {
    /// The code for a run that is over.
    pub fn of_run(state: RunStateWord) -> Self {
        match state {
            RunStateWord::Passed => Self::Passed,
            RunStateWord::Cancelled => Self::Cancelled,
            _ => Self::Failed,
        }
    }

    /// The code for something that did not happen.
    pub fn of(error: &ApiError) -> Self {
        use ErrorCode::*;
        match error.code {
            NoEngine => Self::NoEngine,
            ErrorCode::Cancelled => Self::Cancelled,
            FolderNotFound | NotARepository | EmptyRepository | PipelineMissing | PipelineInvalid | WorkflowInvalid | NothingWouldRun
            | InputInvalid | SettingInvalid | EngineInvalid | EngineInUse | NeedsContainer | MergeConflict | NotTrusted
            | NothingToRetry | RunUnderWay | ChangedSincePreview | ProjectNotFound | WorkflowNotFound | VersionNotFound | RunNotFound
            | StepNotFound | SecretInvalid | SecretNotAllowed | BadRequest => Self::BadUsage,
            RepositoryUnreadable | FileNotWritten | VaultUnavailable | NotOwner | NewerData | DiskFull | StoreUnavailable | Internal => {
                Self::Failed
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_api::Message;

    #[test]
    fn codes_are_those_of_the_manual() {
        let of = |code| ExitCode::of(&ApiError { code, message: Message::default(), hint: Message::default(), findings: vec![] }) as u8;
        assert_eq!(of(ErrorCode::PipelineInvalid), 2);
        assert_eq!(of(ErrorCode::NoEngine), 3);
        assert_eq!(of(ErrorCode::DiskFull), 1);
        assert_eq!(ExitCode::of_run(RunStateWord::Passed) as u8, 0);
        assert_eq!(ExitCode::of_run(RunStateWord::Errored) as u8, 1);
        assert_eq!(ExitCode::of_run(RunStateWord::Cancelled) as u8, 130);
    }
}
