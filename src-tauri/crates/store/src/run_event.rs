//! Table `run_event`: the append-only truth about a run, and the cached status that is written with it.

use crate::run::JOURNAL;
use crate::status::{RunStatus, Status};
use crate::{RunAttempt, StageRun, StepRun, Store, StoreError, run, stage_run, step_run};
use lp_model::{RunEvent, RunId, RunState, StepKey};
use sqlx::SqliteConnection;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// An event as it was stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Its place among the events of its run, from 1, without gaps.
    pub seq: u64,
    /// When it happened, milliseconds since 1970 UTC.
    pub at_ms: i64,
    /// What happened.
    pub event: RunEvent,
}

/// A run that was left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfinished {
    /// Which.
    pub id: RunId,
    /// How far it is; final when only its places are left to be removed.
    pub state: RunState,
    /// Whether its events say enough to go on with it. An older version of the app wrote those that do not.
    pub can_be_taken_over: bool,
}

/// A run under way as it stands in the database, so that an event need not read all of it again.
#[derive(Debug)]
struct Live {
    status: Status,
    /// Number of its last event.
    last: i64,
}

/// The runs under way. Only looked at by who holds the right to write.
#[derive(Debug, Clone, Default)]
pub(crate) struct LiveRuns(Arc<Mutex<HashMap<RunId, Live>>>);

impl LiveRuns {
    fn take(&self, run: &RunId) -> Option<Live> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(run)
    }

    fn put(&self, run: &RunId, live: Live) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(run.clone(), live);
    }
}

impl Store {
    /// Appends events of one run with their times (milliseconds since 1970 UTC), and brings the status of run, stages and steps up to date,
    /// in one transaction: all of it is stored or nothing. Returns the number of the last event.
    ///
    /// An event that does not fit the state of the run is a [`StoreError::IllegalMove`].
    pub async fn append_events(&self, run: &RunId, events: &[(i64, RunEvent)]) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        // Taken out first: whatever goes wrong, what is known is what the database holds.
        let appended = match self.live.take(run) {
            Some(live) => match append(&mut write, run.as_str(), live, events).await {
                // Another process may have written to the run since: then what is known is out of date.
                Err(_) => {
                    write.rollback().await?;
                    write = self.write().await?;
                    None
                }
                Ok(live) => Some(live),
            },
            None => None,
        };
        let live = match appended {
            Some(live) => live,
            None => {
                let live = Live::read(&mut write, run.as_str()).await?;
                append(&mut write, run.as_str(), live, events).await?
            }
        };
        write.commit().await?;
        let last = live.last.unsigned_abs();
        // One that is over is hardly written to again.
        if !live.status.run.state.is_final() {
            self.live.put(run, live);
        }
        Ok(last)
    }

    /// Runs that the process which drove them left behind: those that are not over, and those whose places are not removed. In the order in
    /// which they went to the queue. To be asked by the owner of the data folder, which knows that nobody drives them.
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        let query = sqlx::query!(
            r#"SELECT id, state, journal AS "journal!: i64" FROM run
               WHERE state IN ('queued', 'running') OR id IN (SELECT run_id FROM stage_run WHERE place = 'made')
               ORDER BY queue_number"#
        );
        let rows = query.fetch_all(&self.readers).await?;
        rows.into_iter()
            .map(|row| {
                let state = run::parse_state(&row.state)?;
                // One that waits has no events, whoever wrote it.
                let can_be_taken_over = row.journal >= JOURNAL || state == RunState::Queued;
                let id = RunId::parse(&row.id).ok_or_else(|| StoreError::unreadable("run id", &row.id))?;
                Ok(Unfinished { id, state, can_be_taken_over })
            })
            .collect()
    }

    /// Closes a run that is not over as interrupted at `at_ms`, with stored events for each step, stage and the run; `message` and `hint` say why and
    /// what to do. What is there of it is left to the next sweep. A run that is over keeps its state.
    pub async fn interrupt(&self, run: &RunId, at_ms: i64, message: &str, hint: &str) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        drop(self.live.take(run));
        let run = run.as_str();
        let live = Live::read(&mut write, run).await?;
        if !live.status.run.state.is_final() {
            let events = live.status.interruption(message, hint);
            let events: Vec<(i64, RunEvent)> = events.into_iter().map(|event| (at_ms, event)).collect();
            append(&mut write, run, live, &events).await?;
        }
        stage_run::leave(&mut write, run).await?;
        Ok(write.commit().await?)
    }

    /// The attempts of a run before its newest one, oldest first, as they were at their ends. [`StoreError::Unreadable`] as [`Store::events`].
    pub async fn attempts(&self, run: &RunId) -> Result<Vec<RunAttempt>, StoreError> {
        let events = self.events(run, 0).await?;
        let detail = self.run_detail(run).await?;
        let stages = detail.stages.iter().map(|stage| StageRun::pending(stage.stage, &stage.name)).collect();
        let first = |step: &StepRun| StepRun::pending(StepKey { attempt: 1, ..step.key }, &step.name, step.kind);
        let mut status = Status::new(RunStatus::queued(), stages, detail.steps.iter().map(first).collect());
        let mut attempts = Vec::new();
        for StoredEvent { at_ms, event, .. } in events {
            if matches!(event, RunEvent::RunRetried { .. }) {
                let run = status.run.clone();
                attempts.push(RunAttempt {
                    number: run.attempt,
                    state: run.state,
                    started_ms: run.started_ms,
                    ended_ms: run.ended_ms,
                    message: run.message,
                    stages: status.stages.values().cloned().collect(),
                    steps: status.steps.values().cloned().collect(),
                });
            }
            status.apply(at_ms, &event)?;
        }
        Ok(attempts)
    }

    /// The events of a run after number `after` (0: all), in order. [`StoreError::Unreadable`] when a newer app wrote one that this one does
    /// not know.
    pub async fn events(&self, run: &RunId, after: u64) -> Result<Vec<StoredEvent>, StoreError> {
        let (run, after) = (run.as_str(), i64::try_from(after).unwrap_or(i64::MAX));
        let query = sqlx::query!("SELECT seq, at_ms, json FROM run_event WHERE run_id = ?1 AND seq > ?2 ORDER BY seq", run, after);
        let rows = query.fetch_all(&self.readers).await?;
        rows.into_iter()
            .map(|row| {
                let event = serde_json::from_str(&row.json).map_err(|why| StoreError::unreadable("event", why))?;
                Ok(StoredEvent { seq: row.seq.unsigned_abs(), at_ms: row.at_ms, event })
            })
            .collect()
    }
}

impl Live {
    async fn read(connection: &mut SqliteConnection, run: &str) -> Result<Self, StoreError> {
        let query = sqlx::query!("SELECT state, cancel_reason, started_ms, ended_ms, message, attempt FROM run WHERE id = ?1", run);
        let row = query.fetch_optional(&mut *connection).await?.ok_or_else(|| StoreError::not_found("run", run))?;
        let status = RunStatus {
            state: run::parse_state(&row.state)?,
            cancel_reason: run::parse_cancel(row.cancel_reason.as_deref())?,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            message: row.message,
            attempt: run::parse_attempt(row.attempt)?,
        };
        let query = sqlx::query_scalar!(r#"SELECT coalesce(max(seq), 0) AS "seq!: i64" FROM run_event WHERE run_id = ?1"#, run);
        let last = query.fetch_one(&mut *connection).await?;
        let stages = stage_run::read(connection, run).await?;
        Ok(Self { status: Status::new(status, stages, step_run::read(connection, run).await?), last })
    }
}

async fn append(connection: &mut SqliteConnection, run: &str, live: Live, events: &[(i64, RunEvent)]) -> Result<Live, StoreError> {
    let Live { mut status, mut last } = live;
    let before = status.run.clone();
    for (at_ms, event) in events {
        status.apply(*at_ms, event)?;
        last += 1;
        let json = serde_json::to_string(event).map_err(|why| StoreError::unreadable("event", why))?;
        sqlx::query!("INSERT INTO run_event (run_id, seq, at_ms, json) VALUES (?1, ?2, ?3, ?4)", run, last, at_ms, json)
            .execute(&mut *connection)
            .await?;
    }
    for number in std::mem::take(&mut status.changed_stages) {
        stage_run::update(connection, run, &status.stages[&number]).await?;
    }
    for number in std::mem::take(&mut status.changed_steps) {
        step_run::update(connection, run, &status.steps[&number]).await?;
    }
    if status.run != before {
        run::update_status(connection, run, &status.run).await?;
    }
    if std::mem::take(&mut status.queued_again) {
        run::queue_again(connection, run).await?;
    }
    Ok(Live { status, last })
}
