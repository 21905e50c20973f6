use lp_model::{Message, message};

/// The writer of a log refused a chunk (disk full).
#[derive(Debug, Clone, thiserror::Error)]
#[error("{}", self.told())]
pub struct SinkError {
    /// What the system said.
    pub message: Message,
    /// What to do, or empty.
    pub hint: Message,
}

/// We could not do it or could not find out: says nothing about the program. Messages hold no secrets.
///
/// Each kind has a constructor of its name (`BackendError::lost("…")`). What a person can do about it is known where the error arises, and
/// given there with [`BackendError::hinted`]: nobody else guesses it from the kind.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.told())]
pub enum BackendError {
    /// The engine does not answer (not running, no permission for its socket, gone in the middle), or another one answers in its stead.
    Unreachable {
        /// What the connection said.
        message: Message,
        /// What to do, or empty.
        hint: Message,
    },
    /// The image is not on the machine and cannot be fetched.
    Image {
        /// As written in the file.
        image: String,
        /// What the engine or registry said.
        message: Message,
        /// What to do, or empty.
        hint: Message,
    },
    /// The step cannot run in this kind of place at all (a plugin or service on the host backend).
    Unsupported {
        /// Its name.
        step: String,
        /// Why not, beginning with a verb.
        message: Message,
        /// What to do, or empty.
        hint: Message,
    },
    /// The program cannot be started: no such entrypoint, no such folder, refused settings.
    Start {
        /// Its name.
        step: String,
        /// What the engine said.
        message: Message,
        /// What to do, or empty.
        hint: Message,
    },
    /// The working copy cannot be made from the commit.
    Source {
        /// Why.
        message: Message,
        /// What to do, or empty.
        hint: Message,
    },
    /// `prepare` was to find the files that steps have worked on ([`crate::Files::Kept`]), and they are not there or not complete.
    FilesGone {
        /// What is not there.
        message: Message,
        /// What to do, or empty.
        hint: Message,
    },
    /// No room left on a disk.
    DiskFull {
        /// Where.
        message: Message,
        /// What to do, or empty.
        hint: Message,
    },
    /// What the step ran in is gone, or was ended from outside together with the engine: how it would have ended cannot be known.
    Lost {
        /// What happened.
        message: Message,
        /// What to do, or empty.
        hint: Message,
    },
    /// The log could not be written; the step was killed.
    Sink(#[from] SinkError),
    /// `prepare` ended early because it was cancelled.
    Cancelled,
    /// The engine or the system refused a call that should work.
    Call {
        /// What was tried, e.g. "create network `lp-…`".
        action: Message,
        /// What was answered.
        message: Message,
        /// What to do, or empty.
        hint: Message,
    },
}

impl SinkError {
    /// What happened.
    pub fn told(&self) -> Message {
        message!("the log cannot be written: {}", self.message)
    }
}

impl BackendError {
    /// What happened.
    pub fn told(&self) -> Message {
        match self {
            Self::Unreachable { message, .. } => message!("the container engine does not answer: {}", message),
            Self::Image { image, message, .. } => message!("image `{}` cannot be had: {}", image, message),
            Self::Unsupported { step, message, .. } => message!("step `{}` {}", step, message),
            Self::Start { step, message, .. } => message!("step `{}` cannot be started: {}", step, message),
            Self::Source { message, .. } => message!("the working copy cannot be made: {}", message),
            Self::FilesGone { message, .. } => message!("the files that the steps before have made are gone: {}", message),
            Self::DiskFull { message, .. } => message!("no space left: {}", message),
            Self::Lost { message, .. } => message!("lost: {}", message),
            Self::Sink(error) => error.told(),
            Self::Cancelled => message!("cancelled"),
            Self::Call { action, message, .. } => message!("{} failed: {}", action, message),
        }
    }

    /// [`Self::Unreachable`] without a hint.
    pub fn unreachable(message: impl Into<Message>) -> Self {
        Self::Unreachable { message: message.into(), hint: Message::default() }
    }

    /// [`Self::Image`] without a hint.
    pub fn image(image: impl Into<String>, message: impl Into<Message>) -> Self {
        Self::Image { image: image.into(), message: message.into(), hint: Message::default() }
    }

    /// [`Self::Unsupported`] without a hint.
    pub fn unsupported(step: impl Into<String>, message: impl Into<Message>) -> Self {
        Self::Unsupported { step: step.into(), message: message.into(), hint: Message::default() }
    }

    /// [`Self::Start`] without a hint.
    pub fn start(step: impl Into<String>, message: impl Into<Message>) -> Self {
        Self::Start { step: step.into(), message: message.into(), hint: Message::default() }
    }

    /// [`Self::Source`] without a hint.
    pub fn source_unreadable(message: impl Into<Message>) -> Self {
        Self::Source { message: message.into(), hint: Message::default() }
    }

    /// [`Self::FilesGone`]. What to do follows from the kind: a retry begins the stage with its first step.
    pub fn files_gone(message: impl Into<Message>) -> Self {
        Self::FilesGone { message: message.into(), hint: message!("retry the run: the stage begins with its first step") }
    }

    /// [`Self::DiskFull`]. What to do follows from the kind.
    pub fn disk_full(message: impl Into<Message>) -> Self {
        Self::DiskFull { message: message.into(), hint: message!("free some disk space and run again") }
    }

    /// [`Self::Lost`]. What to do follows from the kind.
    pub fn lost(message: impl Into<Message>) -> Self {
        Self::Lost { message: message.into(), hint: message!("retry the run: it goes on from the lost step") }
    }

    /// [`Self::Call`] without a hint.
    pub fn call(action: impl Into<Message>, message: impl Into<Message>) -> Self {
        Self::Call { action: action.into(), message: message.into(), hint: Message::default() }
    }

    /// The same error with another hint: one sentence that says what the user can do.
    pub fn hinted(mut self, text: impl Into<Message>) -> Self {
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
    pub fn hint(&self) -> Message {
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
            | Self::Call { hint, .. } => hint.clone(),
            Self::Cancelled => Message::default(),
        }
    }
}
