//! What the driver of a run writes down before anything is done or shown, and what follows from that: notices, time limits, handles that are
//! not needed any more.

use super::RunDriver;
use crate::messages::{Fact, Moves, Notice};
use lp_model::{CancelReason, RunEvent};
use std::time::Duration;
use tokio::time::Instant;

impl RunDriver {
    pub(super) async fn carry(&mut self, moves: Moves) {
        self.record(moves.events).await;
        self.tell_whether_over();
        for action in moves.actions {
            self.act(action);
        }
        // After all of them: a step that starts with these moves has no head start to gain.
        self.make_ahead();
    }

    /// Stores events, then tells about them.
    pub(super) async fn record(&mut self, events: Vec<RunEvent>) {
        if events.is_empty() {
            return;
        }
        let now_ms = self.shared.ports.clock.now_ms();
        for event in &events {
            self.watch(now_ms, event);
        }
        if self.lost.is_none() {
            match self.shared.ports.journal.append(&self.run, &events).await {
                Ok(()) => {
                    self.fetch(&events);
                    return self.tell(events);
                }
                Err(error) => {
                    tracing::error!(run = %self.run, %error, "events cannot be stored, the run is stopped");
                    self.lost = Some(error);
                    self.send(Fact::CancelAsked { reason: CancelReason::Forced });
                }
            }
        }
        self.unstored.extend(events);
    }

    /// Stages that have just become ready begin to fetch what their steps need.
    fn fetch(&self, stored: &[RunEvent]) {
        for event in stored {
            if let RunEvent::StageReady { stage } = event
                && let Some(site) = self.sites.get(stage)
            {
                site.fetch();
            }
        }
    }

    pub(super) fn tell(&mut self, events: Vec<RunEvent>) {
        for event in events {
            self.seq += 1;
            // An error only says that nobody listens.
            let _ = self.shared.notices.send(Notice::Event { run: self.run.clone(), seq: self.seq, event });
        }
    }

    /// Sets and removes what an event, stored at that time, has to do with time and handles.
    pub(super) fn watch(&mut self, at_ms: i64, event: &RunEvent) {
        match event {
            RunEvent::RunStarted => {
                self.started_ms = at_ms;
                if self.plan.timeout_s > 0 {
                    self.add_deadline(at_ms, self.plan.timeout_s, Fact::CancelAsked { reason: CancelReason::TimedOut });
                }
            }
            RunEvent::StepStarted { key } => {
                let step = self.plan.stage(key.stage).and_then(|stage| stage.step(key.step));
                if let Some(limit) = step.and_then(|step| step.timeout_s) {
                    self.add_deadline(at_ms, limit, Fact::StepOverdue { key: *key });
                }
            }
            RunEvent::StepEnded { key: ended, .. } => {
                self.running.remove(ended);
                self.deadlines.retain(|(_, fact)| !matches!(fact, Fact::StepOverdue { key } if key == ended));
            }
            RunEvent::StepSkipped { key, .. } => self.needs_no_head_start(*key),
            RunEvent::StagePreparing { stage } => {
                self.stage_started_ms.insert(*stage, at_ms);
            }
            RunEvent::StageReady { stage } => {
                self.was_ready = true;
                self.preparing.remove(stage);
            }
            RunEvent::StageEnded { stage, .. } => {
                self.preparing.remove(stage);
                if let Some(site) = self.sites.get(stage) {
                    site.keep_ticket(None);
                }
            }
            RunEvent::CancelRequested { .. } => {
                let is_first = !self.deadlines.iter().any(|(_, fact)| *fact == Fact::CleanupOverdue);
                if is_first && self.plan.cleanup_on_cancel && self.plan.cleanup_timeout_s > 0 {
                    let limit = self.plan.cleanup_timeout_s.saturating_add(self.settings.grace.as_secs());
                    self.add_deadline(at_ms, limit, Fact::CleanupOverdue);
                }
            }
            // Whatever the time limits were, they were those of the attempt that is over.
            RunEvent::RunEnded { .. } => self.deadlines.retain(|(_, fact)| matches!(fact, Fact::RemovalDue { .. })),
            _ => {}
        }
    }

    /// `seconds` after a time of the store.
    fn add_deadline(&mut self, from_ms: i64, seconds: u64, fact: Fact) {
        // A clock that was set back gives the whole time once more.
        let passed_ms = self.shared.ports.clock.now_ms().saturating_sub(from_ms).max(0).unsigned_abs();
        let left = Duration::from_secs(seconds).saturating_sub(Duration::from_millis(passed_ms));
        // A limit beyond what the clock can hold is none.
        if let Some(at) = Instant::now().checked_add(left) {
            self.deadlines.push((at, fact));
        }
    }
}
