//! Why a registry did not do what it was asked, by what a person can do about it.

mod engine;
mod limits;
mod words;

pub use limits::RateLimits;

use lp_model::Message;
use std::time::Duration;

/// Who talked to the registry. Each has its own authorities, its own list of hosts without encryption and its own way out of the house, so that the same
/// registry may answer one and not the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asker {
    /// This program.
    App,
    /// The container engine, which may run on another computer.
    Engine,
}

/// What was asked for, where the right to it can be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Read tags, manifests and parts of images.
    Pull,
    /// Write them.
    Push,
    /// Remove them.
    Delete,
    /// Ask Harbor for something else.
    Manage,
}

/// A failed request: where, and what is wrong there. It never holds a password or a token: what a registry said is cleared of those that it was sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", self.told())]
pub struct RegistryError {
    /// Host and port as in names of images, or as the registry pointed to it.
    pub host: String,
    /// The repository, where the request was about one.
    pub repository: Option<String>,
    /// Whose request it was.
    pub asker: Asker,
    /// What is wrong. Boxed: errors are handed up through many functions.
    pub kind: Box<ErrorKind>,
}

/// What is wrong. `said` is what the registry said, at most 300 characters of it.
#[derive(Debug, Clone, PartialEq)]
pub enum ErrorKind {
    /// No connection: name, network, nobody listens.
    Unreachable {
        /// What the system says.
        reason: Message,
    },
    /// A connection, and then nothing for too long.
    Silent {
        /// How long was waited.
        limit: Duration,
    },
    /// The certificate was signed by an authority that is not known here.
    UnknownAuthority,
    /// The certificate is for other names.
    WrongName {
        /// What the library says, with the names.
        reason: Message,
    },
    /// The certificate or the handshake is wrong in another way: expired, not for servers, no common protocol.
    Certificate {
        /// What the library says.
        reason: Message,
    },
    /// It would have been spoken to without encryption, and is not on the list for that. Nothing was sent.
    PlainRefused,
    /// It answers without encryption where encryption was begun.
    PlainAnswer,
    /// It wants encryption and was asked without.
    EncryptionWanted,
    /// The login is wrong or has expired, or there is none and it wants one.
    Unauthorized {
        /// Whether a login was sent.
        with_login: bool,
    },
    /// Whoever asks is known and may not do this.
    Denied {
        /// What was asked for.
        action: Action,
        /// See [`ErrorKind`].
        said: String,
    },
    /// There is no such repository, or it is not shown to whoever asks.
    NoRepository,
    /// The repository has no such tag or digest.
    NoManifest {
        /// Tag or digest.
        reference: String,
    },
    /// A manifest names a part that the registry does not have.
    NoBlob {
        /// Its digest.
        digest: String,
    },
    /// An index of images has none for the platform.
    NoPlatform {
        /// `linux/arm64`.
        wanted: String,
        /// Those that it has.
        available: Vec<String>,
    },
    /// Too many requests.
    TooManyRequests {
        /// What its headers tell; the numbers of registries change, so that no others are known here.
        limits: RateLimits,
    },
    /// The project would be larger than it may be.
    Quota {
        /// See [`ErrorKind`].
        said: String,
    },
    /// The tag may not be changed or removed.
    ImmutableTag {
        /// The tag, where it is known.
        tag: String,
    },
    /// A rule of the registry forbids it, e.g. to hand out images with vulnerabilities.
    Policy {
        /// See [`ErrorKind`].
        said: String,
    },
    /// Nothing can be deleted there.
    DeleteOff,
    /// What was to be made is there already.
    Exists {
        /// See [`ErrorKind`].
        said: String,
    },
    /// Harbor has nothing of that name, or does not show it.
    Missing {
        /// See [`ErrorKind`].
        said: String,
    },
    /// Bytes or an answer have another digest than they must have.
    OtherDigest {
        /// As asked for.
        expected: String,
        /// As it is.
        found: String,
    },
    /// An answer is too large to be what it should be.
    TooLarge {
        /// How many bytes of it are read at most.
        limit_bytes: usize,
    },
    /// An answer has another form than it should.
    BadAnswer {
        /// What of it.
        reason: Message,
    },
    /// It points to another host for something that would be asked for with the login. Nothing was sent there.
    OtherHost {
        /// The other host.
        other: String,
    },
    /// Another answer that is no success.
    Refused {
        /// Of HTTP.
        status: u16,
        /// See [`ErrorKind`].
        said: String,
    },
    /// A certificate of an authority that was handed in cannot be read. Found before anything is asked.
    BadAuthority {
        /// What the library says.
        reason: Message,
    },
}

impl RegistryError {
    /// An error of this program's own request.
    pub(crate) fn new(host: impl Into<String>, repository: Option<&str>, kind: ErrorKind) -> Self {
        Self { host: host.into(), repository: repository.map(str::to_owned), asker: Asker::App, kind: Box::new(kind) }
    }

    /// Whether the same request may well succeed later without anybody changing anything.
    pub fn may_pass(&self) -> bool {
        match &*self.kind {
            ErrorKind::Unreachable { .. } | ErrorKind::Silent { .. } | ErrorKind::TooManyRequests { .. } => true,
            ErrorKind::Refused { status, .. } => *status >= 500,
            _ => false,
        }
    }
}
