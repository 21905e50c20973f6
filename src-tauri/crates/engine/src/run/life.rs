//! The phases of a run in this process: it waits for its turn, is driven until it is over, and is closed: what is left of it is removed. A run
//! that the process takes up from another one begins in the phase that its stored events tell.

use super::{Beginning, RunDriver};
use crate::Past;
use crate::gate::Ticket;
use crate::messages::{Fact, RunEnd};
use crate::secrets::RunSecrets;
use lp_model::{Message, message};
use lp_model::{RunEvent, RunState};
use std::pin::pin;
use std::sync::Arc;
use tokio::time::{Instant, sleep_until};

/// Where a run is in its life in this process.
enum Phase {
    /// Until it is its turn, or it is over before that. A run that another process drove has its turn at once.
    Waiting,
    /// Until its final state is stored.
    Driving,
    /// Until nothing is left of it that has to be removed. It takes nobody's turn and waits for none.
    Closing,
}

impl RunDriver {
    /// The whole life of the run in this process.
    pub async fn carry_out(mut self) -> RunEnd {
        let is_resumed = self.enter().await;
        let mut phase = Phase::Waiting;
        while !self.suspended {
            phase = match phase {
                Phase::Waiting => self.wait_for_turn(is_resumed).await,
                Phase::Driving => self.drive().await,
                Phase::Closing => {
                    self.clean_up().await;
                    break;
                }
            };
        }
        if self.suspended { self.leave().await } else { self.close().await }
    }

    /// Takes in what is stored of the run. Whether another process drove it.
    async fn enter(&mut self) -> bool {
        match std::mem::replace(&mut self.beginning, Beginning::New) {
            Beginning::New => false,
            Beginning::Resumed(past) => {
                self.remember(past);
                if self.scheduler.run_state() == RunState::Queued {
                    let moves = self.scheduler.resume();
                    self.carry(moves).await;
                }
                true
            }
            Beginning::Retried(past, moves) => {
                self.remember(past);
                self.carry(moves).await;
                false
            }
        }
    }

    /// Waits until it is the run's turn and begins it, or goes on with it.
    async fn wait_for_turn(&mut self, is_resumed: bool) -> Phase {
        let (shared, run, plan, waiting) = (Arc::clone(&self.shared), self.run.clone(), Arc::clone(&self.plan), self.waiting.take());
        let waits = waiting.is_some();
        self.tell_whether_over();
        let mut ready = pin!(async {
            let turn: Option<Ticket> = match waiting {
                // The gate has no end that could be dropped before this run's turn: the engine, which holds it, outlives its runs.
                Some(waiting) => waiting.await.ok(),
                None => None,
            };
            (turn, RunSecrets::read(&*shared.ports.secrets, &run, &plan).await)
        });
        // A run that is cancelled while it waits leaves the queue at once: its place there lives as long as this wait. Time limits of a run that
        // is taken up come after its steps are.
        while !(self.suspended || waits && self.is_over()) {
            tokio::select! {
                biased;
                Some(post) = self.inbox.recv() => self.receive(post).await,
                Some(joined) = self.jobs.join_next_with_id() => self.join(joined).await,
                (turn, secrets) = &mut ready => {
                    self.secrets = Arc::new(secrets);
                    self.turn = self.turn.take().or(turn);
                    match self.scheduler.run_state() {
                        RunState::Queued => self.begin().await,
                        _ if is_resumed => {
                            let moves = self.scheduler.resume();
                            self.carry(moves).await;
                        }
                        _ => {}
                    }
                    return Phase::Driving;
                }
            }
        }
        Phase::Closing
    }

    /// Drives the run until its final state is stored.
    async fn drive(&mut self) -> Phase {
        while !self.suspended && !self.is_over() {
            self.hear().await;
        }
        Phase::Closing
    }

    /// Removes what is left of a run that is over, as long as something is, and as long as that is wanted.
    async fn clean_up(&mut self) {
        let leaves = |driver: &Self| driver.leaves_remains && driver.scheduler.is_settled() && driver.removing.is_empty();
        while !self.suspended && !self.scheduler.is_clean() && !leaves(self) {
            self.hear().await;
        }
    }

    /// Waits for the next thing that happens, and takes it in.
    async fn hear(&mut self) {
        let next = self.deadlines.iter().map(|(at, _)| *at).min();
        tokio::select! {
            biased;
            Some(post) = self.inbox.recv() => self.receive(post).await,
            Some(joined) = self.jobs.join_next_with_id() => self.join(joined).await,
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => self.fire().await,
        }
    }

    fn is_over(&self) -> bool {
        self.scheduler.run_state().is_final()
    }

    pub(super) async fn begin(&mut self) {
        self.settings = self.shared.settings();
        self.take(Fact::Begun).await;
    }

    /// Takes over what earlier processes have stored: when things began, and how much of a time limit is left.
    pub(super) fn remember(&mut self, past: Past) {
        self.has_past = true;
        self.seq = past.events.len() as u64;
        // In the order of the store, so that what a retry has taken back is taken back here too.
        for (at_ms, event) in &past.events {
            self.watch(*at_ms, event);
        }
    }

    /// Once the run's final state is stored, others may go on: only the clean-up is left.
    pub(super) fn tell_whether_over(&mut self) {
        if !self.scheduler.run_state().is_final() {
            return;
        }
        self.turn = None;
        if self.lost.is_some() {
            return;
        }
        let end = RunEnd { state: self.scheduler.run_state(), message: Message::default() };
        if self.over.borrow().is_none() {
            self.over.send_replace(Some(end.clone()));
        }
        if self.scheduler.is_settled() && self.settled.borrow().is_none() {
            self.settled.send_replace(Some(end));
        }
    }

    /// The run is final in the scheduler's eyes; this makes it so in the store.
    async fn close(mut self) -> RunEnd {
        while self.jobs.join_next().await.is_some() {}
        let Some(lost) = self.lost.take() else {
            return RunEnd { state: self.scheduler.run_state(), message: Message::default() };
        };
        let mut events = std::mem::take(&mut self.unstored);
        let mut state = self.scheduler.run_state();
        for event in &mut events {
            // Unless its end was stored before the store refused something.
            if let RunEvent::RunEnded { state: told } = event {
                (*told, state) = (RunState::Errored, RunState::Errored);
            }
        }
        match self.shared.ports.journal.append(&self.run, &events).await {
            Ok(()) => self.tell(events),
            Err(error) => tracing::error!(run = %self.run, %error, "the end of the run cannot be stored either"),
        }
        let end = RunEnd { state, message: lost.message };
        self.over.send_if_modified(|over| over.is_none() && over.replace(end.clone()).is_none());
        end
    }

    /// Lets go of everything, as if the process had died in this moment.
    async fn leave(mut self) -> RunEnd {
        self.jobs.shutdown().await;
        self.writers.close();
        self.writers.wait().await;
        for site in self.sites.values() {
            site.asides.abandon().await;
        }
        let state = self.scheduler.run_state();
        let end = RunEnd { state, message: message!("the app ended; the run goes on when it is opened again") };
        self.over.send_if_modified(|over| over.is_none() && over.replace(end.clone()).is_none());
        end
    }
}
