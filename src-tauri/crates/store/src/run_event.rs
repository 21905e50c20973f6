//! Table `run_event`: the append-only truth about a run, and the cached status that is written with it.

use crate::run::JOURNAL;
use crate::status::{RunStatus, Status};
use crate::step_time::{self, StepPlace};
use crate::{RunAttempt, StageRun, StepRun, Store, StoreError, run, search, stage_run, step_run};
use lp_model::Message;
use lp_model::{RunEvent, RunId, RunState, StepKey, StepState};
use sqlx::{Sqlite, SqliteConnection, Transaction};
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
    /// Row of the run.
    key: i64,
    /// Row of its project.
    project: i64,
    /// Name of its workflow.
    workflow: String,
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
        let mut write = self.write_events(events).await?;
        // Taken out first: whatever goes wrong, what is known is what the database holds.
        let appended = match self.live.take(run) {
            Some(live) => match append(&mut write, live, events).await {
                // Another process may have written to the run since: then what is known is out of date.
                Err(_) => {
                    write.rollback().await?;
                    write = self.write_events(events).await?;
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
                append(&mut write, live, events).await?
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

    /// The transaction for those events. That a program is about to be started must outlive a power cut: without it the next process would take
    /// the program for one that never ran, and run it once more. For all other events the next process finds out what is missing.
    async fn write_events(&self, events: &[(i64, RunEvent)]) -> Result<Transaction<'static, Sqlite>, StoreError> {
        let starts_program = events.iter().any(|(_, event)| matches!(event, RunEvent::StepCreated { .. }));
        if starts_program { self.write_to_disk().await } else { self.write().await }
    }

    /// Runs that the process which drove them left behind: those that are not over, and those whose places are not removed. In the order in
    /// which they went to the queue. To be asked by the owner of the data folder, which knows that nobody drives them.
    pub async fn unfinished(&self) -> Result<Vec<Unfinished>, StoreError> {
        let query = sqlx::query!(
            r#"SELECT run.id, run.state, run.journal AS "journal!: i64"
               FROM (SELECT key FROM run INDEXED BY run_under_way WHERE state IN ('queued', 'running')
                   UNION SELECT run_key FROM stage_run INDEXED BY stage_run_made WHERE place = 'made') AS left_behind
               CROSS JOIN run ON run.key = left_behind.key
               ORDER BY run.queue_number"#
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
    pub async fn interrupt(&self, run: &RunId, at_ms: i64, message: &Message, hint: &Message) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        drop(self.live.take(run));
        let live = Live::read(&mut write, run.as_str()).await?;
        let key = live.key;
        if !live.status.run.state.is_final() {
            let events = live.status.interruption(message, hint);
            let events: Vec<(i64, RunEvent)> = events.into_iter().map(|event| (at_ms, event)).collect();
            append(&mut write, live, &events).await?;
        }
        stage_run::leave(&mut write, key).await?;
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
        let query = sqlx::query!(
            "SELECT seq, at_ms, json FROM run_event WHERE run_key = (SELECT key FROM run WHERE id = ?1) AND seq > ?2 ORDER BY seq",
            run,
            after
        );
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
        let query = sqlx::query!(
            "SELECT key, project_key, workflow_name, state, cancel_reason, started_ms, ended_ms, message, attempt FROM run WHERE id = ?1",
            run
        );
        let row = query.fetch_optional(&mut *connection).await?.ok_or_else(|| StoreError::not_found("run", run))?;
        let status = RunStatus {
            state: run::parse_state(&row.state)?,
            cancel_reason: run::parse_cancel(row.cancel_reason.as_deref())?,
            started_ms: row.started_ms,
            ended_ms: row.ended_ms,
            message: crate::words::from_column(&row.message),
            attempt: run::parse_attempt(row.attempt)?,
        };
        let query = sqlx::query_scalar!(r#"SELECT coalesce(max(seq), 0) AS "seq!: i64" FROM run_event WHERE run_key = ?1"#, row.key);
        let last = query.fetch_one(&mut *connection).await?;
        let stages = stage_run::read(connection, row.key).await?;
        let status = Status::new(status, stages, step_run::read(connection, row.key).await?);
        Ok(Self { key: row.key, project: row.project_key, workflow: row.workflow_name, status, last })
    }
}

async fn append(connection: &mut SqliteConnection, live: Live, events: &[(i64, RunEvent)]) -> Result<Live, StoreError> {
    let Live { key: run, project, workflow, mut status, mut last } = live;
    let before = status.run.clone();
    for (at_ms, event) in events {
        status.apply(*at_ms, event)?;
        last += 1;
        let json = serde_json::to_string(event).map_err(|why| StoreError::unreadable("event", why))?;
        sqlx::query!("INSERT INTO run_event (run_key, seq, at_ms, json) VALUES (?1, ?2, ?3, ?4)", run, last, at_ms, json)
            .execute(&mut *connection)
            .await?;
    }
    for number in std::mem::take(&mut status.changed_stages) {
        stage_run::update(connection, run, &status.stages[&number]).await?;
    }
    for number in std::mem::take(&mut status.changed_steps) {
        let step = &status.steps[&number];
        step_run::update(connection, run, step).await?;
        if let (StepState::Passed, Some(started), Some(ended)) = (step.state, step.started_ms, step.ended_ms) {
            let stage = &status.stages[&number.0].name;
            step_time::put(connection, &StepPlace { project, workflow: &workflow, stage, step: &step.name }, run, started, ended).await?;
        }
    }
    if status.run != before {
        run::update_status(connection, run, &status.run).await?;
    }
    if status.run.message != before.message {
        search::index(connection, run).await?;
    }
    if std::mem::take(&mut status.queued_again) {
        run::queue_again(connection, run).await?;
    }
    Ok(Live { key: run, project, workflow, status, last })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::{StageNumber, StepNumber};

    /// A running run `r` of one stage with two steps that wait.
    async fn running(dir: &std::path::Path) -> (Store, RunId) {
        let store = Store::open(dir).await.unwrap();
        for rows in [
            "INSERT INTO project (key, id, name, path, kind, added_ms) VALUES (1, 'p', 'shop', '/shop', 'folder', 1)",
            "INSERT INTO run (key, id, project_key, number, workflow_name, event, target, branch, cause, actor, backend, state, created_ms, queue_number,
                version_sha, version_ref, version_name, version_title, version_author, workflow_title)
                VALUES (1, 'r', 1, 1, '', 'push', '', '', 'person', '', 'host', 'running', 1, 1, '', '', '', '', '', '{}')",
            "INSERT INTO stage_run (run_key, stage, name, state) VALUES (1, 1, 'default', 'running')",
            "INSERT INTO step_run (run_key, stage, step, name, kind, state) VALUES (1, 1, 1, 'build', 'commands', 'pending')",
            "INSERT INTO step_run (run_key, stage, step, name, kind, state) VALUES (1, 1, 2, 'test', 'commands', 'pending')",
        ] {
            sqlx::query(rows).execute(&store.writer).await.unwrap();
        }
        (store, RunId::parse("r").unwrap())
    }

    #[tokio::test]
    async fn that_a_program_is_about_to_be_started_waits_for_the_disk_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let (store, run) = running(dir.path()).await;
        // Notes of each event how its transaction is committed; the writer is one connection, so what is temporary on it stays.
        for watch in [
            "CREATE TEMP TABLE seen (event TEXT, synchronous INTEGER)",
            "CREATE TEMP TRIGGER watch AFTER INSERT ON main.run_event BEGIN
                INSERT INTO seen SELECT NEW.json ->> 'type', synchronous FROM pragma_synchronous;
             END",
        ] {
            sqlx::query(watch).execute(&store.writer).await.unwrap();
        }
        let key = |step| StepKey::first(StageNumber(1), StepNumber(step));
        let batches = [
            vec![RunEvent::StepStarting { key: key(1) }],
            vec![RunEvent::StepCreated { key: key(1) }],
            vec![RunEvent::StepStarted { key: key(1) }],
            vec![RunEvent::StepStarting { key: key(2) }, RunEvent::StepCreated { key: key(2) }],
            vec![RunEvent::StepNoted { key: key(2), note: Message::verbatim("late") }],
        ];
        for events in batches {
            let events: Vec<_> = events.into_iter().map(|event| (1, event)).collect();
            store.append_events(&run, &events).await.unwrap();
        }
        let seen: Vec<(String, i64)> = sqlx::query_as("SELECT event, synchronous FROM seen").fetch_all(&store.writer).await.unwrap();
        let seen: Vec<_> = seen.iter().map(|(event, synchronous)| (event.as_str(), *synchronous)).collect();
        // sqlite.org/pragma.html#pragma_synchronous: 1 is NORMAL, 2 is FULL.
        let expected =
            [("step_starting", 1), ("step_created", 2), ("step_started", 1), ("step_starting", 2), ("step_created", 2), ("step_noted", 1)];
        assert_eq!(seen, expected);
    }
}
