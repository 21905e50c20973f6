/// The writer of a log refused a chunk (disk full).
#[derive(Debug, Clone, thiserror::Error)]
#[error("the log cannot be written: {message}")]
pub struct SinkError {
    /// What the system said.
    pub message: String,
    /// What to do, or empty.
    pub hint: String,
}

/// We could not do it or could not find out: says nothing about the program. Messages hold no secrets.
///
/// Each kind has a constructor of its name (`BackendError::lost("…")`). What a person can do about it is known where the error arises, and
/// given there with [`BackendError::hinted`]: nobody else guesses it from the kind.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The engine does not answer (not running, no permission for its socket, gone in the middle), or another one answers in its stead.
    #[error("the container engine does not answer: {message}")]
    Unreachable {
        /// What the connection said.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// The image is not on the machine and cannot be fetched.
    #[error("image `{image}` cannot be had: {message}")]
    Image {
        /// As written in the file.
        image: String,
        /// What the engine or registry said.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// The step cannot run in this kind of place at all (a plugin or service on the host backend).
    #[error("step `{step}` {message}")]
    Unsupported {
        /// Its name.
        step: String,
        /// Why not, beginning with a verb.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// The program cannot be started: no such entrypoint, no such folder, refused settings.
    #[error("step `{step}` cannot be started: {message}")]
    Start {
        /// Its name.
        step: String,
        /// What the engine said.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// The working copy cannot be made from the commit.
    #[error("the working copy cannot be made: {message}")]
    Source {
        /// Why.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// `prepare` was to find the files that steps have worked on ([`crate::Files::Kept`]), and they are not there or not complete.
    #[error("the files that the steps before have made are gone: {message}")]
    FilesGone {
        /// What is not there.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// No room left on a disk.
    #[error("no space left: {message}")]
    DiskFull {
        /// Where.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// What the step ran in is gone, or was ended from outside together with the engine: how it would have ended cannot be known.
    #[error("lost: {message}")]
    Lost {
        /// What happened.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
    /// The log could not be written; the step was killed.
    #[error(transparent)]
    Sink(#[from] SinkError),
    /// `prepare` ended early because it was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// The engine or the system refused a call that should work.
    #[error("{action} failed: {message}")]
    Call {
        /// What was tried, e.g. "create network `lp-…`".
        action: String,
        /// What was answered.
        message: String,
        /// What to do, or empty.
        hint: String,
    },
}

impl BackendError {
    /// [`Self::Unreachable`] without a hint.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::Unreachable { message: message.into(), hint: String::new() }
    }

    /// [`Self::Image`] without a hint.
    pub fn image(image: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Image { image: image.into(), message: message.into(), hint: String::new() }
    }

    /// [`Self::Unsupported`] without a hint.
    pub fn unsupported(step: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Unsupported { step: step.into(), message: message.into(), hint: String::new() }
    }

    /// [`Self::Start`] without a hint.
    pub fn start(step: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Start { step: step.into(), message: message.into(), hint: String::new() }
    }

    /// [`Self::Source`] without a hint.
    pub fn source_unreadable(message: impl Into<String>) -> Self {
        Self::Source { message: message.into(), hint: String::new() }
    }

    /// [`Self::FilesGone`]. What to do follows from the kind: a retry begins the stage with its first step.
    pub fn files_gone(message: impl Into<String>) -> Self {
        Self::FilesGone { message: message.into(), hint: "retry the run: the stage begins with its first step".to_owned() }
    }

    /// [`Self::DiskFull`]. What to do follows from the kind.
    pub fn disk_full(message: impl Into<String>) -> Self {
        Self::DiskFull { message: message.into(), hint: "free some disk space and run again".to_owned() }
    }

    /// [`Self::Lost`]. What to do follows from the kind.
    pub fn lost(message: impl Into<String>) -> Self {
        Self::Lost { message: message.into(), hint: "retry the run: it goes on from the lost step".to_owned() }
    }

    /// [`Self::Call`] without a hint.
    pub fn call(action: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Call { action: action.into(), message: message.into(), hint: String::new() }
    }

    /// The same error with another hint: one sentence that says what the user can do.
    pub fn hinted(mut self, text: impl Into<String>) -> Self {
        match &mut self {
            Self::Unreachable { hint, .. }
            | Self::Image { hint, .. }
            | Self::Unsupported { hint, .. }
            | Self::Start { hint, .. }
            | Self::Source { hint, .. }
            | Self::FilesGone { hint, .. }
            | Self::DiskFull { hint, .. }
            | Self::Lost { hint, .. }
            | Self::Sink(SinkError { hint, .. })
            | Self::Call { hint, .. } => *hint = text.into(),
            Self::Cancelled => {}
        }
        self
    }

    /// One sentence that says what the user can do, or empty.
    pub fn hint(&self) -> &str {
        match self {
            Self::Unreachable { hint, .. }
            | Self::Image { hint, .. }
            | Self::Unsupported { hint, .. }
            | Self::Start { hint, .. }
            | Self::Source { hint, .. }
            | Self::FilesGone { hint, .. }
            | Self::DiskFull { hint, .. }
            | Self::Lost { hint, .. }
            | Self::Sink(SinkError { hint, .. })
            | Self::Call { hint, .. } => hint,
            Self::Cancelled => "",
        }
    }
}
