use crate::dto::HandedSecret;
use crate::dto::{ApiError, Finding};
use crate::dto::{InputProblem, Workflow};
use lp_model::message;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a request is about at its version, and what would happen if it were carried out: shown before the press.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunPreview {
    /// The workflow of the request as it is at that version: its form too. `None` when that version has none of that name.
    pub workflow: Option<Workflow>,
    /// The other workflows of that version.
    pub others: Vec<Workflow>,
    /// What is wrong with the values, one entry for each.
    pub problems: Vec<InputProblem>,
    /// What keeps it from running besides `problems`.
    pub refused: Option<ApiError>,
    /// What would run; `None` while something in `problems` or `refused` keeps it from running.
    pub planned: Option<PlannedRun>,
    /// Notes and warnings about the files and the event.
    pub findings: Vec<Finding>,
    /// What somebody still has to give or to decide.
    pub missing: Vec<Missing>,
}

impl RunPreview {
    /// What would run.
    ///
    /// # Errors
    /// What keeps it from running: `InputInvalid` for the first value that is wrong, else [`RunPreview::refused`].
    pub fn possible(self) -> Result<PlannedRun, ApiError> {
        if let Some(planned) = self.planned {
            return Ok(planned);
        }
        let wrong = self.problems.into_iter().next().map(|problem| ApiError::new(crate::dto::ErrorCode::InputInvalid, problem.message));
        Err(wrong.or(self.refused).unwrap_or_else(|| ApiError::new(crate::dto::ErrorCode::NothingWouldRun, message!("nothing would run"))))
    }
}

/// What would run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PlannedRun {
    /// Stages and steps that would run, in order.
    pub stages: Vec<PlannedStage>,
    /// What they would do.
    pub sentences: Vec<Sentence>,
    /// What a condition keeps out of the run.
    pub left_out: Vec<LeftOut>,
    /// The event that it would be: `push`, `tag`, …
    pub event: String,
    /// `docker` or `host`.
    pub backend: String,
    /// Whether the steps are isolated from this computer.
    pub isolated: bool,
    /// Whether `allow_host` must be given first (no engine answers, and it is not the sample).
    pub needs_consent: bool,
    /// Every secret that the plan asks for, by name: whether it is handed out, and to which step and image.
    pub secrets: Vec<HandedSecret>,
    /// How long it usually takes in milliseconds (median of the last passed runs of this workflow); `None` with fewer than 3.
    #[ts(type = "number | null")]
    pub usual_ms: Option<u64>,
    /// The mark of all this, for [`crate::dto::RunRequest::seen`].
    pub seen: String,
}

/// A sentence about a stage or a step of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Sentence {
    /// [`PlannedStage::number`].
    pub stage: u32,
    /// [`PlannedStep::number`]; `None`: about the stage.
    pub step: Option<u32>,
    /// What it says.
    pub message: lp_model::Message,
}

/// Something without which a run does not start, or lacks what it asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Missing {
    /// What it is.
    pub kind: MissingKind,
    /// Its name: of an input or a secret; else empty.
    pub name: String,
    /// What it says.
    pub message: lp_model::Message,
}

/// See [`Missing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum MissingKind {
    /// A value of the form: the run does not start.
    Input,
    /// A secret that is not set: the run goes on without it.
    Secret,
    /// The decision about a secret of all projects: the run does not start.
    Decision,
    /// Consent that steps run on this computer: the run does not start.
    Consent,
    /// A container engine: the run waits for it.
    Engine,
}

/// A stage or step that a condition keeps out of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct LeftOut {
    /// Its name: of a step after that of its stage where there are several stages (`build/test`).
    pub name: String,
    /// The condition that does not hold.
    pub reason: lp_model::Message,
}

/// A stage of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PlannedStage {
    /// Position in the plan, from 1.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Its steps.
    pub steps: Vec<PlannedStep>,
}

/// A step of a preview.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct PlannedStep {
    /// Position in the stage, from 1.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Its image; empty on the host.
    pub image: String,
    /// `commands`, `plugin` or `service`.
    pub kind: String,
    /// Whether it runs only after a failure.
    pub only_after_failure: bool,
}
