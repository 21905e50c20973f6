//! Table `run_event`: the append-only truth about a run, and the cached status that is written with it.

use crate::status::{RunStatus, Status};
use crate::{Store, StoreError, run, stage_run, step_run};
use lp_model::{RunEvent, RunId};
use sqlx::SqliteConnection;

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

impl Store {
    /// Appends events of one run with their times (milliseconds since 1970 UTC), and brings the status of run, stages and steps up to date,
    /// in one transaction: all of it is stored or nothing. Returns the number of the last event.
    ///
    /// An event that does not fit the state of the run is a [`StoreError::IllegalMove`].
    pub async fn append_events(&self, run: &RunId, events: &[(i64, RunEvent)]) -> Result<u64, StoreError> {
        let mut write = self.write().await?;
        let last = append(&mut write, run.as_str(), events).await?;
        write.commit().await?;
        Ok(last)
    }

    /// Closes all runs that are not over and not in `except`, as interrupted at `at_ms`, with stored events for each step, stage and run,
    /// in one transaction. To be called by the owner of the data folder, which knows that nobody drives them. Returns the closed runs.
    pub async fn interrupt_unfinished(&self, except: &[RunId], at_ms: i64) -> Result<Vec<RunId>, StoreError> {
        let mut write = self.write().await?;
        let ids = sqlx::query_scalar!("SELECT id FROM run WHERE state IN ('queued', 'running') ORDER BY id").fetch_all(&mut *write).await?;
        let mut closed = Vec::new();
        for id in ids {
            let id = RunId::parse(&id).ok_or_else(|| StoreError::unreadable("run id", &id))?;
            if except.contains(&id) {
                continue;
            }
            let status = read_status(&mut write, id.as_str()).await?;
            let events: Vec<(i64, RunEvent)> = status.interruption().into_iter().map(|event| (at_ms, event)).collect();
            append(&mut write, id.as_str(), &events).await?;
            closed.push(id);
        }
        write.commit().await?;
        Ok(closed)
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

async fn read_status(connection: &mut SqliteConnection, run: &str) -> Result<Status, StoreError> {
    let query = sqlx::query!("SELECT state, cancel_reason, started_ms, ended_ms, message FROM run WHERE id = ?1", run);
    let row = query.fetch_optional(&mut *connection).await?.ok_or_else(|| StoreError::not_found("run", run))?;
    let status = RunStatus {
        state: run::parse_state(&row.state)?,
        cancel_reason: run::parse_cancel(row.cancel_reason.as_deref())?,
        started_ms: row.started_ms,
        ended_ms: row.ended_ms,
        message: row.message,
    };
    let stages = stage_run::read(connection, run).await?;
    Ok(Status::new(status, stages, step_run::read(connection, run).await?))
}

async fn append(connection: &mut SqliteConnection, run: &str, events: &[(i64, RunEvent)]) -> Result<u64, StoreError> {
    let mut status = read_status(connection, run).await?;
    let query = sqlx::query_scalar!(r#"SELECT coalesce(max(seq), 0) AS "seq!: i64" FROM run_event WHERE run_id = ?1"#, run);
    let mut seq = query.fetch_one(&mut *connection).await?;
    for (at_ms, event) in events {
        status.apply(*at_ms, event)?;
        seq += 1;
        let json = serde_json::to_string(event).map_err(|why| StoreError::unreadable("event", why))?;
        sqlx::query!("INSERT INTO run_event (run_id, seq, at_ms, json) VALUES (?1, ?2, ?3, ?4)", run, seq, at_ms, json)
            .execute(&mut *connection)
            .await?;
    }
    for number in &status.changed_stages {
        stage_run::update(connection, run, &status.stages[number]).await?;
    }
    for number in &status.changed_steps {
        step_run::update(connection, run, &status.steps[number]).await?;
    }
    run::update_status(connection, run, &status.run).await?;
    Ok(seq.unsigned_abs())
}
