//! The nouns of Letterpress: ids, event facts, the [`Plan`], what happens in a run, and which moves between states are legal.
//!
//! It knows nothing about files, clocks, randomness, async, YAML, containers or SQLite: plain data that is versioned,
//! printable and comparable. Everything else in the workspace speaks to its neighbours in these words.
//!
//! Read in this order: [`ids`], [`facts`], [`approval`], [`plan`], [`build_image`], [`dockerignore`], [`checkout`], [`image`], [`run`], [`message`], [`diagnostic`], [`code`].

pub mod approval;
pub mod build_image;
pub mod checkout;
pub mod code;
pub mod diagnostic;
pub mod dockerignore;
pub mod facts;
pub mod ids;
pub mod image;
pub mod json;
pub mod message;
pub mod plan;
pub mod run;

pub use approval::RequireApproval;
pub use build_image::{BuildImage, BuildLogin, BuildValue, DOCKER_HUB, Instead, Later, RealPlugin, TagsFile, TagsSplit};
pub use checkout::{Checkout, Head, Submodules, Tracking};
pub use code::{Code, Effect};
pub use diagnostic::{Diagnostic, Severity, Span};
pub use dockerignore::{Dockerignore, DockerignoreError};
pub use facts::{CommitFacts, EventFacts, EventKind, Occasion, Person, PreviousRun, PullRequestFacts, RepoFacts};
pub use ids::{EngineId, ProjectId, RunId, StageNumber, StepKey, StepNumber};
pub use image::ImageReference;
pub use json::json_escape;
pub use message::{Language, Message, What};
pub use plan::{
    BackendKind, CLEANUP_TIMEOUT_S, Concurrency, Dialect, EnvPiece, EnvValue, LeftOut, MissingSecret, Mount, OnFailure, PLAN_VERSION,
    PLAN_VERSION_WITHOUT_BUILDS, Plan, PullPolicy, RunOn, RuntimeFact, Stage, Step, StepKind, Volume, VolumeKind, Workspace,
};
pub use run::{CancelReason, IllegalMove, RunEvent, RunState, SkipReason, StageState, StepOutcome, StepState};
