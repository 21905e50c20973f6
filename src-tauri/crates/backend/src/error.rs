/// The writer of a log refused a chunk (disk full).
#[derive(Debug, thiserror::Error)]
#[error("the log cannot be written: {message}")]
pub struct SinkError {
    /// What the system said.
    pub message: String,
}

/// We could not do it or could not find out: says nothing about the program. Messages hold no secrets.
#[derive(Debug, thiserror::Error)]
pub enum BackendError {
    /// The engine does not answer (not running, no permission for its socket, gone in the middle).
    #[error("the container engine does not answer: {message}")]
    Unreachable {
        /// What the connection said.
        message: String,
    },
    /// The image is not on the machine and cannot be fetched.
    #[error("image `{image}` cannot be had: {message}")]
    Image {
        /// As written in the file.
        image: String,
        /// What the engine or registry said.
        message: String,
    },
    /// The step cannot run in this kind of place at all (a plugin or service on the host backend).
    #[error("step `{step}` {message}")]
    Unsupported {
        /// Its name.
        step: String,
        /// Why not, beginning with a verb.
        message: String,
    },
    /// The program cannot be started: no such entrypoint, no such folder, refused settings.
    #[error("step `{step}` cannot be started: {message}")]
    Start {
        /// Its name.
        step: String,
        /// What the engine said.
        message: String,
    },
    /// The working copy cannot be made from the commit.
    #[error("the working copy cannot be made: {message}")]
    Source {
        /// Why.
        message: String,
    },
    /// No room left on a disk.
    #[error("no space left: {message}")]
    DiskFull {
        /// Where.
        message: String,
    },
    /// What the step ran in is gone, or was ended from outside together with the engine: how it would have ended cannot be known.
    #[error("lost: {message}")]
    Lost {
        /// What happened.
        message: String,
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
    },
}

impl BackendError {
    /// One sentence that says what the user can do, or empty.
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "start Docker (or Podman) and run again",
            Self::Image { .. } => {
                "check the spelling of the image, the network and the registry login; or fetch the image by hand and run again"
            }
            Self::Unsupported { .. } => "start a container engine and run again",
            Self::Start { .. } => "check `commands`, `entrypoint`, the image and the working folder of the step",
            Self::Source { .. } => "check that the repository is readable and has the commit",
            Self::Lost { .. } => "retry the run: it goes on from the lost step",
            Self::DiskFull { .. } | Self::Sink(_) => "free some disk space and run again",
            Self::Cancelled | Self::Call { .. } => "",
        }
    }
}
