//! Table `step_run`: the cached status of the steps of a run, each with its latest attempt.
//!
//! Only the newest attempt of a step has a row; earlier attempts are folded from the events when someone looks at them.

use crate::StoreError;
use crate::words::{from_column, to_column};
use lp_model::{Message, Plan, RunEvent, SkipReason, StageNumber, StepKey, StepKind, StepNumber, StepOutcome, StepState};
use sqlx::SqliteConnection;

/// A step of a run and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepRun {
    /// Which step, with its latest attempt.
    pub key: StepKey,
    /// Its name as in the file.
    pub name: String,
    /// What it is.
    pub kind: StepKind,
    /// How far it is.
    pub state: StepState,
    /// When it was about to be started (its image may have had to be fetched first), milliseconds since 1970 UTC.
    pub started_ms: Option<i64>,
    /// When it ended, milliseconds since 1970 UTC.
    pub ended_ms: Option<i64>,
    /// Exit code of its program, where it exited by itself.
    pub exit_code: Option<i32>,
    /// How it ended.
    pub outcome: Option<StepOutcome>,
    /// Why it was skipped.
    pub skip_reason: Option<SkipReason>,
    /// What went wrong around it (not its output), or empty.
    pub message: Message,
    /// What to do about it, or empty.
    pub hint: Message,
}

impl StepRun {
    /// Takes in an event of this step, for whoever follows a run event by event. One that is known already, or that cannot follow on what is
    /// known, changes nothing. `at_ms` is when the event was stored, milliseconds since 1970 UTC.
    pub fn follow(&mut self, at_ms: i64, event: &RunEvent) {
        let (key, state) = match event {
            RunEvent::StepStarting { key } => (*key, StepState::Starting),
            RunEvent::StepStarted { key } => (*key, StepState::Running),
            RunEvent::StepEnded { key, outcome } => (*key, outcome.state()),
            RunEvent::StepSkipped { key, .. } => (*key, StepState::Skipped),
            _ => return,
        };
        if key.attempt > self.key.attempt {
            *self = Self::pending(key, &self.name, self.kind);
        }
        if key == self.key && self.state.can_become(state) {
            self.state = state;
            self.mark(at_ms, event);
        }
    }

    /// Notes times, exit code and messages of an event that is legal here.
    pub(crate) fn mark(&mut self, at_ms: i64, event: &RunEvent) {
        match event {
            // A step's time counts from here, so that a person who waits for a slow image sees why.
            RunEvent::StepStarting { .. } => self.started_ms = Some(at_ms),
            RunEvent::StepEnded { outcome, .. } => {
                self.ended_ms = Some(at_ms);
                match outcome {
                    StepOutcome::Exited { code } => self.exit_code = Some(*code),
                    StepOutcome::Errored { message, hint } => {
                        self.message.clone_from(message);
                        self.hint.clone_from(hint);
                    }
                    StepOutcome::Lost { message } => self.message.clone_from(message),
                    _ => {}
                }
                self.outcome = Some(outcome.clone());
            }
            RunEvent::StepSkipped { reason, .. } => self.skip_reason = Some(*reason),
            _ => {}
        }
    }

    pub(crate) fn pending(key: StepKey, name: &str, kind: StepKind) -> Self {
        Self {
            key,
            name: name.to_owned(),
            kind,
            state: StepState::Pending,
            started_ms: None,
            ended_ms: None,
            exit_code: None,
            outcome: None,
            skip_reason: None,
            message: Message::default(),
            hint: Message::default(),
        }
    }
}

fn kind_word(kind: StepKind) -> &'static str {
    match kind {
        StepKind::Commands => "commands",
        StepKind::Plugin => "plugin",
        StepKind::Service => "service",
    }
}

fn parse_kind(word: &str) -> Result<StepKind, StoreError> {
    let kinds = [StepKind::Commands, StepKind::Plugin, StepKind::Service];
    kinds.into_iter().find(|kind| kind_word(*kind) == word).ok_or_else(|| StoreError::unreadable("step kind", word))
}

pub(crate) async fn insert(connection: &mut SqliteConnection, run: i64, plan: &Plan) -> Result<(), StoreError> {
    let state = StepState::Pending.as_str();
    // Collected first: an iterator with a closure that is kept across an await makes the future not `Send` for callers.
    let steps: Vec<_> = plan.stages.iter().flat_map(|stage| stage.steps.iter().map(move |step| (stage, step))).collect();
    for (stage, step) in steps {
        let (stage, number, kind) = (i64::from(stage.number.0), i64::from(step.number.0), kind_word(step.kind));
        let query = sqlx::query!(
            "INSERT INTO step_run (run_key, stage, step, name, kind, state) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            run,
            stage,
            number,
            step.name,
            kind,
            state
        );
        query.execute(&mut *connection).await.map_err(|error| StoreError::from(error).about("step"))?;
    }
    Ok(())
}

pub(crate) async fn read(connection: &mut SqliteConnection, run: i64) -> Result<Vec<StepRun>, StoreError> {
    let query = sqlx::query!(
        "SELECT stage, step, attempt, name, kind, state, started_ms, ended_ms, exit_code, outcome, skip_reason, message, hint
         FROM step_run WHERE run_key = ?1 ORDER BY stage, step",
        run
    );
    let number = |n: i64| u32::try_from(n).map_err(|why| StoreError::unreadable("step number", why));
    let rows = query.fetch_all(connection).await?;
    rows.into_iter()
        .map(|row| {
            let json = |text: &str| serde_json::from_str(text).map_err(|why| StoreError::unreadable("step outcome", why));
            let reason = |text: &str| serde_json::from_str(text).map_err(|why| StoreError::unreadable("skip reason", why));
            let exit_code = row.exit_code.map(i32::try_from).transpose();
            Ok(StepRun {
                key: StepKey { stage: StageNumber(number(row.stage)?), step: StepNumber(number(row.step)?), attempt: number(row.attempt)? },
                name: row.name,
                kind: parse_kind(&row.kind)?,
                state: StepState::parse(&row.state).ok_or_else(|| StoreError::unreadable("step state", &row.state))?,
                started_ms: row.started_ms,
                ended_ms: row.ended_ms,
                exit_code: exit_code.map_err(|why| StoreError::unreadable("exit code", why))?,
                outcome: row.outcome.as_deref().map(json).transpose()?,
                skip_reason: row.skip_reason.as_deref().map(reason).transpose()?,
                message: from_column(&row.message),
                hint: from_column(&row.hint),
            })
        })
        .collect()
}

pub(crate) async fn update(connection: &mut SqliteConnection, run: i64, step: &StepRun) -> Result<(), StoreError> {
    let (stage, number, attempt) = (i64::from(step.key.stage.0), i64::from(step.key.step.0), i64::from(step.key.attempt));
    let (state, exit_code) = (step.state.as_str(), step.exit_code.map(i64::from));
    let json = |why| StoreError::unreadable("step outcome", why);
    let outcome = step.outcome.as_ref().map(serde_json::to_string).transpose().map_err(json)?;
    let skip_reason = step.skip_reason.as_ref().map(serde_json::to_string).transpose().map_err(json)?;
    let (message, hint) = (to_column(&step.message), to_column(&step.hint));
    let query = sqlx::query!(
        "UPDATE step_run SET attempt = ?4, state = ?5, started_ms = ?6, ended_ms = ?7, exit_code = ?8, outcome = ?9, skip_reason = ?10,
             message = ?11, hint = ?12
         WHERE run_key = ?1 AND stage = ?2 AND step = ?3",
        run,
        stage,
        number,
        attempt,
        state,
        step.started_ms,
        step.ended_ms,
        exit_code,
        outcome,
        skip_reason,
        message,
        hint
    );
    query.execute(connection).await?;
    Ok(())
}
