mod preview;

pub use preview::{LeftOut, Missing, MissingKind, PlannedRun, PlannedStage, PlannedStep, RunPreview, Sentence};

use lp_model::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use ts_rs::TS;

macro_rules! state_words {
    ($(#[$doc:meta])* $name:ident from $model:ident { $($variant:ident),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
        #[serde(rename_all = "snake_case")]
        #[allow(missing_docs)]
        pub enum $name { $($variant),+ }

        impl From<lp_model::$model> for $name {
            fn from(state: lp_model::$model) -> Self {
                match state { $(lp_model::$model::$variant => Self::$variant),+ }
            }
        }

        impl From<$name> for lp_model::$model {
            fn from(word: $name) -> Self {
                match word { $($name::$variant => Self::$variant),+ }
            }
        }
    };
}

state_words!(
    /// State of a run, see [`lp_model::RunState`].
    RunStateWord from RunState { Queued, Running, Passed, Failed, Errored, Cancelled, TimedOut, Interrupted }
);
state_words!(
    /// State of a stage, see [`lp_model::StageState`].
    StageStateWord from StageState { Pending, Preparing, Running, Passed, Failed, Errored, Skipped, Cancelled, Interrupted }
);
state_words!(
    /// State of a step, see [`lp_model::StepState`].
    StepStateWord from StepState { Pending, Starting, Running, Passed, Failed, Errored, Skipped, Cancelled, Interrupted }
);

/// What to run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunRequest {
    /// The project's id.
    pub project: String,
    /// The workflow's name.
    pub workflow: String,
    /// [`crate::dto::Version::id`], a tag, a branch, or empty for the newest version.
    pub version: String,
    /// Values of the form.
    pub inputs: BTreeMap<String, String>,
    /// Consent to run the steps on this computer, not isolated, when no container engine answers.
    pub allow_host: bool,
    /// The event to make; `None`: that of the workflow.
    #[serde(default)]
    pub event: Option<AskedEvent>,
    /// The steps are to run on this computer also where a container engine answers; it is consent as well.
    #[serde(default)]
    pub on_host: bool,
    /// [`crate::dto::PlannedRun::seen`] of the preview that was shown: anything else is refused. `None`: nothing was shown.
    #[serde(default)]
    pub seen: Option<String>,
    /// Names the press, 1 to 100 letters, digits, `-`, `_`, `.` and `:` (a UUID): the same press twice is one run. `None`: every request is
    /// another press.
    #[serde(default)]
    pub key: Option<String>,
}

/// An event that is asked for. What is empty comes from the workflow and the version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct AskedEvent {
    /// Its word: `push`, `tag`, `promote`, …; empty: the one that the other facts belong to, else that of the workflow.
    pub kind: String,
    /// The branch (of a pull request the one that it goes to).
    pub branch: String,
    /// The target environment.
    pub target: String,
    /// Name of the schedule.
    pub cron: String,
    /// Number of the pull request.
    pub pull_request: Option<u32>,
    /// The branch that a pull request comes from.
    pub source: String,
    /// What happened to the pull request.
    pub action: String,
}

/// A run in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunSummary {
    /// Its id.
    pub id: String,
    /// Its number in the project, from 1.
    pub number: u32,
    /// The project's id.
    pub project: String,
    /// The project's name.
    pub project_name: String,
    /// The workflow's name.
    pub workflow: String,
    /// The workflow's title in the author's languages (empty for derived ones).
    pub workflow_title: crate::dto::Localised,
    /// The event, e.g. `push`.
    pub event: String,
    /// The target environment, or empty.
    pub target: String,
    /// Name of the version (tag) or empty.
    pub version_name: String,
    /// First line of the commit message.
    pub version_title: String,
    /// Author of the version.
    pub version_author: String,
    /// Time of the version, RFC 3339.
    pub version_time: String,
    /// Its state.
    pub state: RunStateWord,
    /// Whether someone asked to cancel it and it is not over yet.
    pub cancelling: bool,
    /// When it was asked for, RFC 3339.
    pub created: String,
    /// When it began, RFC 3339.
    pub started: Option<String>,
    /// When it ended, RFC 3339.
    pub ended: Option<String>,
    /// Who pressed Run (name of the user on this computer).
    pub actor: String,
    /// Why it ended as it did, one sentence, or empty.
    pub message: Message,
    /// Which attempt of the run this is: 1, and one more with each retry.
    pub attempt: u32,
    /// For `queued`: what it waits for. `None` also where that cannot be known: another Letterpress drives the run.
    pub waiting: Option<Waiting>,
}

/// The place of a run in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Waiting {
    /// From 1: so many runs would begin up to and with this one, if every place became free at once.
    pub position: u32,
    /// What keeps it from beginning now.
    pub reason: WaitReason,
}

/// What a run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum WaitReason {
    /// As many runs are under way as this computer may have ([`crate::dto::Settings::max_runs`]).
    Machine,
    /// As many runs of its project are under way as may be ([`crate::dto::Settings::max_runs_per_project`]).
    Project,
    /// A run to the same environment is under way ([`crate::dto::Settings::max_runs_per_environment`]).
    Environment,
}

/// Everything that the run screen shows but the logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunDetail {
    /// The run.
    pub run: RunSummary,
    /// `docker` or `host`.
    pub backend: String,
    /// Whether its steps were isolated from this computer.
    pub isolated: bool,
    /// Its stages.
    pub stages: Vec<StageDetail>,
    /// What a condition kept out of it.
    pub left_out: Vec<LeftOut>,
    /// Values of the form.
    pub inputs: BTreeMap<String, String>,
    /// Whether Run again is possible (the version and the project are still there).
    pub can_run_again: bool,
    /// Whether it can go on from where it went wrong.
    pub retry: Retry,
    /// The attempts before the one that `stages` shows, oldest first; empty for a run that was never retried.
    pub attempts: Vec<Attempt>,
    /// How often it was taken over, because the Letterpress that drove it had ended.
    pub resumed: u32,
    /// Number of the newest stored event that this state contains.
    pub seq: u32,
}

impl RunDetail {
    /// What a step is called in a text: its name, after that of its stage where there are several (`build/test`).
    pub fn label(&self, stage: &StageDetail, step: &StepDetail) -> String {
        if self.stages.len() > 1 { format!("{}/{}", stage.name, step.name) } else { step.name.clone() }
    }

    /// Whether what is known of a step, its output too, comes from an attempt of the run before this one.
    pub fn is_of_an_earlier_attempt(&self, stage: u32, step: &StepDetail) -> bool {
        let before = self.attempts.last().into_iter().flat_map(|attempt| &attempt.stages).filter(|before| before.number == stage);
        let same = before.flat_map(|before| &before.steps).find(|before| before.number == step.number && before.attempt == step.attempt);
        same.is_some_and(|before| RunDetail::is_over(before.state))
    }

    fn is_over(state: StepStateWord) -> bool {
        !matches!(state, StepStateWord::Pending | StepStateWord::Starting | StepStateWord::Running)
    }
}

/// What a retry of a run would do: same plan, same version, and the steps that passed are not run again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Retry {
    /// Whether there is something to retry: the run is over and has not passed.
    pub possible: bool,
    /// The first step that would run again, as [`RunDetail::label`] calls it; empty when it is not possible.
    pub from_step: String,
    /// Whether that step would find the files that the steps before it have made. Otherwise its stage begins from its first step.
    pub files_kept: bool,
}

/// An attempt of a run that was retried later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// How it ended.
    pub state: RunStateWord,
    /// When it began, RFC 3339; `None` when it was stopped before.
    pub started: Option<String>,
    /// When it ended, RFC 3339.
    pub ended: Option<String>,
    /// Why it ended as it did, one sentence, or empty.
    pub message: Message,
    /// Its stages and steps as they were at its end. A step that was not run in it shows its attempt before: that is where its log is.
    pub stages: Vec<StageDetail>,
}

/// A stage of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StageDetail {
    /// Position in the plan, from 1.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Its state.
    pub state: StageStateWord,
    /// For `errored`: what happened; otherwise empty.
    pub message: Message,
    /// What to do, or empty.
    pub hint: Message,
    /// Its steps.
    pub steps: Vec<StepDetail>,
}

/// A step of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct StepDetail {
    /// Position in the stage, from 1.
    pub number: u32,
    /// Its newest attempt, from 1; in an [`Attempt`], the newest up to it.
    pub attempt: u32,
    /// Its name.
    pub name: String,
    /// Its image; empty on the host.
    pub image: String,
    /// `commands`, `plugin` or `service`.
    pub kind: String,
    /// Its state.
    pub state: StepStateWord,
    /// When it began, RFC 3339.
    pub started: Option<String>,
    /// When it ended, RFC 3339.
    pub ended: Option<String>,
    /// Its exit code, when it ended by itself.
    pub exit_code: Option<i32>,
    /// Why it ended or did not run, as a code: `out_of_memory`, `signal`, `timed_out`, `after_failure`, `nothing_failed`, `ended_early`,
    /// `cancelled`, `stage_errored`, `lost` (what it ran in went away; it can be retried), `unattended` (the app ended and nobody took it
    /// over); or empty.
    pub reason: String,
    /// What happened, in words; or empty.
    pub message: Message,
    /// What to do, or empty.
    pub hint: Message,
    /// The newest note (a pull), or empty.
    pub note: Message,
    /// The container engine that it runs in does not answer; it is waited for.
    pub engine_silent: bool,
    /// Whether its failure does not count.
    pub failure_ignored: bool,
    /// Lines in its log so far.
    #[ts(type = "number")]
    pub log_lines: u64,
}

/// Which runs to list.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct RunFilter {
    /// Only of this project.
    pub project: Option<String>,
    /// Only in these states; empty: all.
    pub states: Vec<RunStateWord>,
    /// Only of the workflow with this name.
    #[ts(optional)]
    pub workflow: Option<String>,
    /// Only with this target environment.
    #[ts(optional)]
    pub target: Option<String>,
    /// Only those that this person started.
    #[ts(optional)]
    pub actor: Option<String>,
    /// Only those that were asked for at this time or later, RFC 3339.
    #[ts(optional)]
    pub from: Option<String>,
    /// Only those that were asked for before this time, RFC 3339.
    #[ts(optional)]
    pub until: Option<String>,
    /// Words that must all occur in version, workflow, project, person, branch, target, values, message, note or error, or the number of the
    /// run; empty: all. A word is found by its beginning, a Chinese one anywhere.
    pub text: String,
    /// Continue after this run ([`RunPage::next`]).
    pub after: Option<String>,
    /// At most so many, 1 to 200.
    pub limit: u32,
}

/// A page of runs, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct RunPage {
    /// The runs.
    pub runs: Vec<RunSummary>,
    /// Pass as [`RunFilter::after`] for the next page; `None` at the end.
    pub next: Option<String>,
}
