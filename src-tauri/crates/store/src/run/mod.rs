//! Table `run`: what was asked for, and the cached status of the whole.
//!
//! The order of the queue is a number that is counted, not a time: clocks jump. A retry goes to the end of the queue. The order of the history is
//! the key of the rows, which is counted as well.
//!
//! Each question has its query and its index (`plans` is the test of that): rows are narrow, and the plan, the facts and the values of a run lie
//! in tables of their own, which lists do not read.

mod delete;
mod list;
mod newest;
mod read;

pub use delete::OldRun;
pub use list::{RunCursor, RunFilter};
pub use newest::PreviousRun;
pub(crate) use read::key_of;
#[cfg(test)]
pub(crate) use {list::tests::every_list, newest::QUERIES as NEWEST_QUERIES, read::QUERIES as READ_QUERIES};

use crate::status::RunStatus;
use crate::{StageRun, StepRun, Store, StoreError, search, stage_run, step_run};
use lp_model::Message;
use lp_model::{CancelReason, EventKind, Plan, ProjectId, RunId, RunState};
use sqlx::SqliteConnection;

/// What started a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Cause {
    /// Somebody pressed Run.
    #[default]
    Person,
    /// An event of the world: a push, a schedule.
    Trigger,
    /// Somebody ran another run again.
    Retry,
    /// Somebody moved a version to a target, forwards or back.
    Promotion,
}

impl Cause {
    /// The word for it in stored data.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Trigger => "trigger",
            Self::Retry => "retry",
            Self::Promotion => "promotion",
        }
    }

    /// What a press was, from the event that it made and whether it repeats a run.
    pub fn of_press(kind: EventKind, repeats: bool) -> Self {
        match kind {
            _ if repeats => Self::Retry,
            EventKind::Promote | EventKind::Rollback => Self::Promotion,
            _ => Self::Person,
        }
    }

    fn parse(word: &str) -> Result<Self, StoreError> {
        let causes = [Self::Person, Self::Trigger, Self::Retry, Self::Promotion];
        causes.into_iter().find(|cause| cause.as_str() == word).ok_or_else(|| StoreError::unreadable("cause of a run", word))
    }
}

/// A run as it is asked for. Its number is `event.run_number`, taken before with [`Store::take_run_number`], because it stands in the plan.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// Its id (UUID v7), made by the caller.
    pub id: RunId,
    /// The project.
    pub project: ProjectId,
    /// Name of the workflow.
    pub workflow_name: String,
    /// Title of the workflow as shown when it was started: a JSON object by language.
    pub workflow_title: String,
    /// The version in words: a tag, or a branch and a date.
    pub version_name: String,
    /// First line of the commit's message.
    pub version_title: String,
    /// The compiled plan; its `event` is what is stored as the event facts.
    pub plan: Plan,
    /// Where it runs, in words: `docker`, `host`.
    pub backend: String,
    /// What started it.
    pub cause: Cause,
    /// Who started it.
    pub actor: String,
    /// The run that this one repeats.
    pub parent: Option<RunId>,
    /// The press that started it: no other run can have the same.
    pub press: Option<String>,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub created_ms: i64,
}

/// A run as lists show it: without plan, values and steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Its place in the order in which runs were written down.
    pub(crate) key: i64,
    /// Its id.
    pub id: RunId,
    /// The project.
    pub project: ProjectId,
    /// The project's name.
    pub project_name: String,
    /// Its number in the project, from 1.
    pub number: u64,
    /// Name of the workflow.
    pub workflow_name: String,
    /// Title of the workflow when it was started.
    pub workflow_title: String,
    /// The word of its event: `push`, `tag`, …; empty where the facts could not be read.
    pub event: String,
    /// The target environment, or empty.
    pub target: String,
    /// The branch that the event is about, or empty.
    pub branch: String,
    /// What started it.
    pub cause: Cause,
    /// The version in words.
    pub version_name: String,
    /// First line of the commit's message.
    pub version_title: String,
    /// Who wrote the commit.
    pub version_author: String,
    /// When the commit was made, milliseconds since 1970 UTC, where it is known.
    pub version_ms: Option<i64>,
    /// The commit.
    pub version_sha: String,
    /// The reference of the event, e.g. `refs/tags/1.1.0`.
    pub version_ref: String,
    /// Where it runs.
    pub backend: String,
    /// Who started it.
    pub actor: String,
    /// The run that this one repeats, while it is still stored.
    pub parent: Option<RunId>,
    /// How far it is.
    pub state: RunState,
    /// Why someone asked to stop it, the strongest reason.
    pub cancel_reason: Option<CancelReason>,
    /// When it was asked for, milliseconds since 1970 UTC.
    pub created_ms: i64,
    /// When it left the queue, milliseconds since 1970 UTC.
    pub started_ms: Option<i64>,
    /// When it was over, milliseconds since 1970 UTC.
    pub ended_ms: Option<i64>,
    /// What stopped it, or empty.
    pub message: Message,
    /// Which attempt this is, from 1; times and message are of this one.
    pub attempt: u32,
}

/// An attempt of a run that was retried later, as it was at its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunAttempt {
    /// Which one, from 1.
    pub number: u32,
    /// How it ended.
    pub state: RunState,
    /// When it left the queue, milliseconds since 1970 UTC.
    pub started_ms: Option<i64>,
    /// When it was over, milliseconds since 1970 UTC.
    pub ended_ms: Option<i64>,
    /// What stopped it, or empty.
    pub message: Message,
    /// Its stages in order.
    pub stages: Vec<StageRun>,
    /// The steps of all stages in order. One that was not run in this attempt is here with the attempt before.
    pub steps: Vec<StepRun>,
}

/// A run with its stages and steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunDetail {
    /// The run.
    pub run: Run,
    /// Its stages in order.
    pub stages: Vec<StageRun>,
    /// The steps of all stages in order.
    pub steps: Vec<StepRun>,
}

/// What `run.journal` says about runs that this version writes.
pub(crate) const JOURNAL: i64 = 2;

pub(crate) fn parse_id(text: &str) -> Result<RunId, StoreError> {
    RunId::parse(text).ok_or_else(|| StoreError::unreadable("run id", text))
}

pub(crate) fn parse_attempt(number: i64) -> Result<u32, StoreError> {
    u32::try_from(number).map_err(|why| StoreError::unreadable("attempt", why))
}

pub(crate) fn parse_state(word: &str) -> Result<RunState, StoreError> {
    RunState::parse(word).ok_or_else(|| StoreError::unreadable("run state", word))
}

pub(crate) fn parse_cancel(json: Option<&str>) -> Result<Option<CancelReason>, StoreError> {
    json.map(serde_json::from_str).transpose().map_err(|why| StoreError::unreadable("cancel reason", why))
}

pub(crate) async fn update_status(connection: &mut SqliteConnection, run: i64, status: &RunStatus) -> Result<(), StoreError> {
    let state = status.state.as_str();
    let cancel = status.cancel_reason.as_ref().map(serde_json::to_string).transpose();
    let cancel = cancel.map_err(|why| StoreError::unreadable("cancel reason", why))?;
    let message = crate::words::to_column(&status.message);
    let query = sqlx::query!(
        "UPDATE run SET state = ?2, cancel_reason = ?3, started_ms = ?4, ended_ms = ?5, message = ?6, attempt = ?7 WHERE key = ?1",
        run,
        state,
        cancel,
        status.started_ms,
        status.ended_ms,
        message,
        status.attempt
    );
    query.execute(connection).await?;
    Ok(())
}

/// The next number of the queue.
async fn take_queue_number(connection: &mut SqliteConnection) -> Result<i64, StoreError> {
    let query = sqlx::query_scalar!("UPDATE counter SET value = value + 1 WHERE name = 'queue' RETURNING value");
    Ok(query.fetch_one(connection).await?)
}

/// Puts a run at the end of the queue.
pub(crate) async fn queue_again(connection: &mut SqliteConnection, run: i64) -> Result<(), StoreError> {
    let number = take_queue_number(connection).await?;
    let query = sqlx::query!("UPDATE run SET queue_number = ?2, journal = ?3 WHERE key = ?1", run, number, JOURNAL);
    query.execute(connection).await?;
    Ok(())
}

impl Store {
    /// Writes a run down as queued, with all its stages and steps as pending. [`StoreError::Conflict`] when the number is taken, the
    /// project is not known, or (of a `press`) the press has started a run before.
    pub async fn create_run(&self, new: &NewRun) -> Result<(), StoreError> {
        let (id, project, parent) = (new.id.as_str(), new.project.as_str(), new.parent.as_ref().map(RunId::as_str));
        let facts = &new.plan.event;
        let number = i64::try_from(facts.run_number).map_err(|why| StoreError::unreadable("run number", why))?;
        let json = |why| StoreError::unreadable("plan", why);
        let mut plan = serde_json::to_value(&new.plan).map_err(json)?;
        // It stands beside the plan.
        let event = plan.as_object_mut().and_then(|plan| plan.remove("event")).unwrap_or_default().to_string();
        let plan = plan.to_string();
        let (state, kind, cause) = (RunState::Queued.as_str(), facts.kind.as_str(), new.cause.as_str());
        let target = facts.target.as_deref().unwrap_or_default();

        let mut write = self.write().await?;
        let queue_number = take_queue_number(&mut write).await?;
        let query = sqlx::query_scalar!(
            r#"INSERT INTO run (id, project_key, number, workflow_name, event, target, branch, cause, actor, parent_key, backend, state, created_ms,
                 queue_number, journal, version_sha, version_ref, version_name, version_title, version_author, version_ms, workflow_title)
             VALUES (?1, (SELECT key FROM project WHERE id = ?2), ?3, ?4, ?5, ?6, ?7, ?8, ?9, (SELECT key FROM run WHERE id = ?10), ?11, ?12, ?13,
                 ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)
             RETURNING key AS "key!: i64""#,
            id,
            project,
            number,
            new.workflow_name,
            kind,
            target,
            facts.commit.branch,
            cause,
            new.actor,
            parent,
            new.backend,
            state,
            new.created_ms,
            queue_number,
            JOURNAL,
            facts.commit.sha,
            facts.commit.reference,
            new.version_name,
            new.version_title,
            facts.commit.author.name,
            facts.commit.time_ms,
            new.workflow_title
        );
        let key = query.fetch_one(&mut *write).await.map_err(|error| StoreError::from(error).about("run"))?;
        sqlx::query!("INSERT INTO run_facts (run_key, json) VALUES (?1, ?2)", key, event).execute(&mut *write).await?;
        sqlx::query!("INSERT INTO run_plan (run_key, json) VALUES (?1, ?2)", key, plan).execute(&mut *write).await?;
        for (name, value) in &facts.inputs {
            let query = sqlx::query!("INSERT INTO run_input (run_key, name, value) VALUES (?1, ?2, ?3)", key, name, value);
            query.execute(&mut *write).await?;
        }
        if let Some(press) = &new.press {
            let query = sqlx::query!("INSERT INTO run_press (press, run_key) VALUES (?1, ?2)", press, key);
            query.execute(&mut *write).await.map_err(|error| StoreError::from(error).about("press"))?;
        }
        stage_run::insert(&mut write, key, &new.plan).await?;
        step_run::insert(&mut write, key, &new.plan).await?;
        search::index(&mut write, key).await?;
        Ok(write.commit().await?)
    }
}
