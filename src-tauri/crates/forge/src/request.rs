//! A request to the API of a forge, as plain data: what is sent is decided here, sending is somebody else's.

use serde_json::Value;
use std::fmt;

/// How a request is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// Reads.
    Get,
    /// Makes something.
    Post,
    /// Changes a part.
    Patch,
    /// Changes the whole.
    Put,
    /// Removes.
    Delete,
}

/// A request. It may hold the secret of a webhook, so its body is not printed.
#[derive(Clone, PartialEq)]
pub struct Request {
    /// How.
    pub method: Method,
    /// Behind [`Site::api`](crate::Site::api), encoded, with a slash in front.
    pub path: String,
    /// What is sent, as JSON; nothing for [`Method::Get`] and [`Method::Delete`].
    pub body: Option<Value>,
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.method, self.path)
    }
}
