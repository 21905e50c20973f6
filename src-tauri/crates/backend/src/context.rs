use async_trait::async_trait;
use lp_model::{EngineId, Message, RunId, Stage, StageNumber, Step, StepKey, message};
use lp_secret::SecretValue;
use std::borrow::Cow;
use std::fmt;
use std::io;
use std::sync::Arc;
use tokio::io::AsyncRead;

/// What a backend knows of the stage that it makes a place for. Cheap to clone.
#[derive(Clone)]
pub struct StageContext {
    /// The run.
    pub run: RunId,
    /// The stage as planned.
    pub stage: Arc<Stage>,
    /// Files of the commit; `None` when the stage wants an empty working copy.
    pub source: Option<Arc<dyn Source>>,
    /// The engine that the stage is on: every call about the stage goes to that engine, or answers [`crate::BackendError::Unreachable`],
    /// also when another engine answers in its stead. `None` for stages of earlier versions of the app, whose engine was not written down,
    /// and where nobody asked: the engine in use.
    pub engine: Option<EngineId>,
    /// What [`crate::Backend::prepare`] has to find, or not to find.
    pub files: Files,
}

/// Which files a stage begins with. The engine decides it by what was written down, never by what happens to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Files {
    /// Those of the commit. Said as long as no program has run in the working copy whose work still counts: at the first `prepare` of a stage,
    /// at each repetition of it (after an outage, or by the next process) until the first step was *created* ([`crate::StepSink::created`]),
    /// and in a retry in which all steps begin again.
    ///
    /// Whatever there is of the stage (half a working copy, a used one, containers of an earlier attempt or made ahead) is removed first, as by
    /// `destroy` with [`Keep::Nothing`], and made anew. A backend may spare itself that only for a copy of which it knows that it is complete
    /// and that no program has been started in it.
    #[default]
    Fresh,
    /// Those that steps have worked on: a step of this attempt was created, or a retry goes on where steps before it have passed.
    ///
    /// The working copy and the temporary volumes have to be there, complete: they are never touched. When they are not there the answer is
    /// [`crate::BackendError::FilesGone`], and nothing is made. What else is missing (a network, what only serves the steps) is made.
    Kept,
}

impl StageContext {
    /// Name of everything that belongs to the stage as a whole: `lp-RUN-STAGE`.
    pub fn name(&self) -> String {
        format!("lp-{}-{}", self.run, self.stage.number)
    }

    /// Name of what belongs to one attempt of one step: `lp-RUN-STAGE-STEP-ATTEMPT`.
    pub fn step_name(&self, key: StepKey) -> String {
        format!("lp-{}-{}-{}-{}", self.run, key.stage, key.step, key.attempt)
    }
}

/// Files of a commit as an uncompressed tar stream (paths relative to the working copy, no leading `/`). May be opened again and again.
#[async_trait]
pub trait Source: Send + Sync {
    /// A fresh stream from the beginning. It fails while reading when the repository does.
    async fn open(&self) -> io::Result<Box<dyn AsyncRead + Send + Unpin>>;
}

/// One attempt of one step, with its environment resolved.
#[derive(Clone)]
pub struct StepContext {
    /// Which attempt of which step.
    pub key: StepKey,
    /// The step as planned. Its `environment` is not to be used: `env` is.
    pub step: Arc<Step>,
    /// Environment with secrets and facts filled in, sorted by name.
    pub env: Vec<(String, EnvText)>,
    /// What earlier processes may have done for this attempt.
    pub before: Before,
}

/// What was done for an attempt of a step before `run_step` is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Before {
    /// Its program has never been started. What is there of it (made ahead, or by a process that died) may be used or thrown away.
    #[default]
    Nothing,
    /// It may run or have ended: [`crate::StepSink::created`] was passed before. What it runs in must be there, and is attached to; when
    /// it is not there, the answer is [`crate::BackendError::Lost`], never a second start.
    Created,
}

/// How much of a step's output was taken: bytes as the program wrote them, before anything is masked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Bytes of its standard output, or of both streams where a place does not tell them apart.
    pub stdout: u64,
    /// Bytes of its standard error.
    pub stderr: u64,
}

/// What a sweep has to leave alone.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claims {
    /// Runs that are under way or being cleaned up: nothing of theirs is touched.
    pub live: Vec<RunId>,
    /// Runs whose files are kept for a retry: only their files stay.
    pub kept: Vec<RunId>,
}

/// Files that were kept on one engine. That a stage is not named says only that its files are not on *that* engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFiles {
    /// The engine that was asked.
    pub engine: EngineId,
    /// All stages of which the engine has files and no running work, also those that nobody claims.
    pub stages: Vec<KeptStage>,
}

/// Files of a stage that was destroyed with [`Keep::Files`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptStage {
    /// Of which run.
    pub run: RunId,
    /// Of which stage.
    pub stage: StageNumber,
    /// How many bytes they take, where the place can say.
    pub bytes: Option<u64>,
    /// Nothing but the files is there. Not clean is a stage of which something could not be removed yet (a network that is busy): its files are
    /// there all the same.
    pub is_clean: bool,
}

/// What stays when a stage is destroyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// Nothing.
    Nothing,
    /// The working copy and the temporary volumes, as its steps left them: a later `prepare` of the same stage takes them over.
    Files,
}

/// A resolved environment value.
#[derive(Clone, PartialEq, Eq)]
pub enum EnvText {
    /// May be shown.
    Plain(String),
    /// May not be shown, logged, or put on a command line.
    Secret(SecretValue),
    /// A time, seconds since 1970 UTC, that tells when the step started: what was made ahead may carry one that is a little earlier.
    Moment(i64),
    /// Path of the stage's [`lp_model::Workspace::base`] as the step sees it: the backend fills it in.
    WorkspaceBase,
    /// Path of the stage's [`lp_model::Workspace::dir`] as the step sees it: the backend fills it in.
    WorkspaceDir,
}

impl EnvText {
    /// The value as a program gets it, where the workspace's base and the working copy are these paths.
    pub fn text<'a>(&'a self, base: &'a str, dir: &'a str) -> Cow<'a, str> {
        match self {
            Self::Plain(text) => text.into(),
            Self::Secret(secret) => secret.expose().into(),
            Self::Moment(seconds) => seconds.to_string().into(),
            Self::WorkspaceBase => base.into(),
            Self::WorkspaceDir => dir.into(),
        }
    }
}

impl fmt::Debug for EnvText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(text) => write!(f, "{text:?}"),
            Self::Secret(_) => f.write_str("(secret)"),
            Self::Moment(seconds) => write!(f, "{seconds}"),
            Self::WorkspaceBase => f.write_str("(workspace base)"),
            Self::WorkspaceDir => f.write_str("(workspace dir)"),
        }
    }
}

/// What an engine says about itself.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EngineInfo {
    /// By which it is recognised, whatever address it has: Docker's own id, or the computer and the data folder. The same after a restart of the
    /// engine, of the computer and of the app; another one when its data (volumes, containers) are others.
    pub id: EngineId,
    /// `Docker`, `Podman`, or `this computer`.
    pub name: String,
    /// Its version, e.g. `20.10.24`; empty for the host.
    pub version: String,
    /// API version that was agreed on, or empty.
    pub api_version: String,
    /// Address of its socket, or empty.
    pub address: String,
    /// `linux/amd64` and the like.
    pub platform: String,
    /// Whether steps are isolated from the computer and from one another.
    pub isolated: bool,
}

impl EngineInfo {
    /// What a person calls it: `Docker (unix:///var/run/docker.sock)`, `this computer`.
    pub fn told(&self) -> Message {
        match (self.isolated, self.address.as_str()) {
            (false, "") => message!("this computer"),
            (true, "") => Message::verbatim(&self.name),
            (_, address) => Message::verbatim(format_args!("{} ({address})", self.name)),
        }
    }
}

/// What a sweep removed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct SweepReport {
    /// Names of removed things.
    pub removed: Vec<String>,
    /// Things of ours that could not be removed, in words.
    pub failed: Vec<Message>,
}
