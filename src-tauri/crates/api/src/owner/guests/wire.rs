//! What is said over the socket, and how much of it at the most.

use crate::dto::{Activity, ApiError, FeedPlace, KeptFiles, Notice, RunRequest, RunSummary};
use lp_model::{Message, message};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Version of these words. Another number with every change that the one before does not understand.
pub(super) const PROTOCOL: u32 = 2;
/// Longest line in bytes that a guest may say.
pub(super) const LONGEST: u64 = 1 << 20;
/// Longest line in bytes of the owner: a long queue is an answer.
const LONGEST_ANSWER: u64 = 64 << 20;
/// How long one may take to hear a line that was said.
const HEARING: Duration = Duration::from_secs(10);

/// Who speaks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Hello {
    pub protocol: u32,
    /// Of Letterpress, for people.
    pub version: String,
}

impl Hello {
    pub fn ours() -> Self {
        Self { protocol: PROTOCOL, version: env!("CARGO_PKG_VERSION").to_owned() }
    }
}

/// What a guest says: first who it is, then one of the others.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Said {
    Hello(Hello),
    Wish {
        /// The same when the same wish is said again.
        key: String,
        wish: Wish,
    },
    /// To hear every notice from a place on, without one from now on.
    Subscribe {
        from: Option<FeedPlace>,
    },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Wish {
    Ping,
    Start(Box<RunRequest>),
    /// Under the key of a press: the same press twice is one run.
    Again {
        run: String,
        key: Option<String>,
    },
    /// Of that attempt, unless it was retried already; without one of the newest.
    Retry {
        run: String,
        attempt: Option<u32>,
    },
    Cancel(String),
    /// Without a grace time.
    Kill(String),
    Queue,
    RemoveKept(Option<String>),
    Activities,
    CancelActivity(String),
}

impl Wish {
    /// Whether it makes a run begin: one who does not take guests' runs leaves such wishes to the next owner.
    pub fn begins_a_run(&self) -> bool {
        matches!(self, Self::Ping | Self::Start(_) | Self::Again { .. } | Self::Retry { .. })
    }

    /// Whether it changes nothing, so that its answer need not be kept.
    pub fn only_asks(&self) -> bool {
        matches!(self, Self::Ping | Self::Queue | Self::Activities)
    }
}

/// What comes of a wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Answer {
    Done,
    /// Id of the run that was begun.
    Run(String),
    Queue(Vec<RunSummary>),
    Kept(KeptFiles),
    Activities(Vec<Activity>),
}

/// What the owner says.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "say", rename_all = "snake_case")]
pub(super) enum Reply {
    /// Who it is, and which life of it: keys of wishes and numbers of notices belong to that.
    Hello {
        hello: Hello,
        epoch: String,
    },
    Answer {
        answer: Answer,
    },
    Refused {
        error: ApiError,
    },
    Notice {
        notice: Notice,
    },
}

/// Why nothing was heard.
#[derive(Debug)]
pub(super) enum Unheard {
    /// The other one went away.
    Gone,
    /// More than so many bytes.
    TooLong(u64),
    /// Not a line of these words.
    NotUnderstood(Message),
    TooSlow,
    Io(std::io::Error),
}

impl Unheard {
    /// Why, in words.
    pub fn told(&self) -> Message {
        match self {
            Self::Gone => message!("it went away"),
            Self::TooLong(most) => message!("a line of more than {} bytes", most),
            Self::NotUnderstood(problem) => problem.clone(),
            Self::TooSlow => message!("it took too long"),
            Self::Io(problem) => Message::verbatim(problem),
        }
    }
}

impl std::fmt::Display for Unheard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.told())
    }
}

/// A connection, line by line.
pub(super) struct Wire {
    reading: BufReader<OwnedReadHalf>,
    writing: OwnedWriteHalf,
    /// What was heard of a line that is not over.
    begun: Vec<u8>,
    /// Longest line that is heard, in bytes.
    longest: u64,
}

impl Wire {
    /// To a guest.
    pub fn new(stream: UnixStream) -> Self {
        let (reading, writing) = stream.into_split();
        Self { reading: BufReader::new(reading), writing, begun: Vec::new(), longest: LONGEST }
    }

    /// To the owner, whose answers may be long.
    pub fn to_owner(stream: UnixStream) -> Self {
        Self { longest: LONGEST_ANSWER, ..Self::new(stream) }
    }

    /// The next line, within that time. May be dropped and called again: nothing is lost.
    pub async fn hear_within<T: DeserializeOwned>(&mut self, limit: Duration) -> Result<T, Unheard> {
        tokio::time::timeout(limit, self.hear()).await.unwrap_or(Err(Unheard::TooSlow))
    }

    /// The next line, whenever it comes. May be dropped and called again: nothing is lost.
    pub async fn hear<T: DeserializeOwned>(&mut self) -> Result<T, Unheard> {
        let room = self.longest.saturating_sub(self.begun.len() as u64);
        (&mut self.reading).take(room).read_until(b'\n', &mut self.begun).await.map_err(Unheard::Io)?;
        if !self.begun.ends_with(b"\n") {
            return Err(if self.begun.len() as u64 >= self.longest { Unheard::TooLong(self.longest) } else { Unheard::Gone });
        }
        let line = std::mem::take(&mut self.begun);
        serde_json::from_slice(&line).map_err(|problem| Unheard::NotUnderstood(Message::verbatim(problem)))
    }

    /// Says a line. One who does not listen is given up.
    pub async fn say(&mut self, what: &impl Serialize) -> std::io::Result<()> {
        let mut text = serde_json::to_vec(what).expect("plain data");
        text.push(b'\n');
        tokio::time::timeout(HEARING, self.writing.write_all(&text)).await.unwrap_or(Err(std::io::ErrorKind::TimedOut.into()))
    }
}
