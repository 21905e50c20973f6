//! Why a delivery cannot be read.

use crate::Forge;
use lp_model::{Message, message};

/// What is wrong with a delivery, by what a receiver answers. None of them tells anything about a project or its secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum ForgeError {
    /// No header names an event of a forge: it is no delivery (404).
    Unknown,
    /// It is not from the forge that was expected (400).
    OtherForge {
        /// The forge.
        forge: Forge,
        /// The header that it would have sent.
        header: &'static str,
    },
    /// Something is larger than a forge would send (413).
    TooLarge {
        /// What.
        what: Message,
        /// How much of it is allowed.
        limit: usize,
    },
    /// Its frame is broken: headers, encoding, form, JSON (400).
    Malformed {
        /// How.
        message: Message,
    },
    /// A field of the body is missing, or is not what the forge sends (400).
    Field {
        /// The forge.
        forge: Forge,
        /// Path of the field, e.g. `commits[0].author`.
        field: String,
        /// What is wrong with it.
        message: Message,
    },
}

impl ForgeError {
    /// What happened, for people.
    pub fn told(&self) -> Message {
        match self {
            Self::Unknown => message!("no header of the delivery names an event of a forge"),
            Self::OtherForge { forge, header } => message!("the delivery is not one of {}: it has no header `{}`", forge.name(), header),
            Self::TooLarge { what, limit } => message!("the delivery has more than {} {}", limit, what),
            Self::Malformed { message } => message!("the delivery cannot be read: {}", message),
            Self::Field { forge, field, message } => message!("the field `{}` of the delivery of {} {}", field, forge.name(), message),
        }
    }

    /// What a person can do about it.
    pub fn hint(&self) -> Message {
        match self {
            Self::Unknown => message!("a delivery has the headers as well as the body, e.g. `X-Gogs-Event`"),
            Self::OtherForge { .. } => message!("name the forge that the webhook belongs to"),
            Self::TooLarge { .. } => Message::default(),
            Self::Malformed { .. } => message!("let the forge send it again, as JSON"),
            Self::Field { .. } => message!("the version of the forge may be older or newer than those that are known"),
        }
    }

    pub(crate) fn malformed(message: Message) -> Self {
        Self::Malformed { message }
    }
}
