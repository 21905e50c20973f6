//! The status of a run as it follows from its events: pure, with the fold of `lp-model` as the only judge of what is legal. The store adds
//! times, messages and places.

use crate::stage_run::StagePlace;
use crate::{StageRun, StepRun};
use lp_model::run::{RunStanding, Standing, StepStanding, fold};
use lp_model::{CancelReason, IllegalMove, Message, RunEvent, RunState, StageNumber, StageState, StepKey, StepNumber, StepOutcome};
use std::collections::{BTreeMap, BTreeSet};

/// State, times and message of the run itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RunStatus {
    pub state: RunState,
    pub cancel_reason: Option<CancelReason>,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    pub message: Message,
    pub attempt: u32,
}

impl RunStatus {
    /// That of a run that has just been written down.
    pub fn queued() -> Self {
        Self { state: RunState::Queued, cancel_reason: None, started_ms: None, ended_ms: None, message: Message::default(), attempt: 1 }
    }
}

/// Everything of one run that events can change, and what has been changed since it was read.
#[derive(Debug, Clone)]
pub(crate) struct Status {
    pub run: RunStatus,
    pub stages: BTreeMap<StageNumber, StageRun>,
    pub steps: BTreeMap<(StageNumber, StepNumber), StepRun>,
    pub changed_stages: BTreeSet<StageNumber>,
    pub changed_steps: BTreeSet<(StageNumber, StepNumber)>,
    /// The run went to the end of the queue again.
    pub queued_again: bool,
}

impl Status {
    pub fn new(run: RunStatus, stages: Vec<StageRun>, steps: Vec<StepRun>) -> Self {
        Self {
            run,
            stages: stages.into_iter().map(|stage| (stage.stage, stage)).collect(),
            steps: steps.into_iter().map(|step| ((step.key.stage, step.key.step), step)).collect(),
            changed_stages: BTreeSet::new(),
            changed_steps: BTreeSet::new(),
            queued_again: false,
        }
    }

    /// Takes one event in: moves the states, then notes times, messages and places. After an error the status is not to be used.
    pub fn apply(&mut self, at_ms: i64, event: &RunEvent) -> Result<(), IllegalMove> {
        fold(self, event)?;
        match event {
            RunEvent::RunStarted => self.run.started_ms = Some(at_ms),
            RunEvent::StagePreparing { stage } => {
                let stage = self.changed_stage(*stage);
                stage.started_ms = Some(at_ms);
                stage.place = StagePlace::Made;
            }
            RunEvent::StagePlaced { stage, engine, name } => {
                let stage = self.changed_stage(*stage);
                stage.engine = Some(engine.clone());
                stage.engine_name.clone_from(name);
            }
            RunEvent::StageReady { stage } => {
                self.changed_stage(*stage);
            }
            RunEvent::StepStarting { key }
            | RunEvent::StepStarted { key }
            | RunEvent::StepEnded { key, .. }
            | RunEvent::StepSkipped { key, .. } => self.changed_step(*key).mark(at_ms, event),
            RunEvent::StageEnded { stage, message, hint, .. } => {
                let stage = self.changed_stage(*stage);
                stage.ended_ms = Some(at_ms);
                stage.message.clone_from(message);
                stage.hint.clone_from(hint);
            }
            // Clean-up is told, but no state depends on it; it may come after the end of the run.
            RunEvent::StageDestroyed { stage, kept, leftovers } => {
                let stage = self.changed_stage(*stage);
                stage.place = match (leftovers.is_empty(), kept) {
                    (false, _) => StagePlace::Made,
                    (true, true) => StagePlace::Kept,
                    (true, false) => StagePlace::Removed,
                };
                stage.leftovers.clone_from(leftovers);
            }
            RunEvent::RunEnded { .. } => {
                self.run.ended_ms = Some(at_ms);
                self.run.message = self.first_message();
            }
            RunEvent::StepCreated { .. }
            | RunEvent::StepNoted { .. }
            | RunEvent::CancelRequested { .. }
            | RunEvent::RunResumed
            | RunEvent::RunRetried { .. } => {}
        }
        Ok(())
    }

    /// The events that close a run which nobody drives any more and nobody can take over; each stage that is not over says why and what to do.
    pub fn interruption(&self, message: &Message, hint: &Message) -> Vec<RunEvent> {
        let steps = self.steps.values().filter(|step| !step.state.is_final());
        let stages = || self.stages.values().filter(|stage| !stage.state.is_final());
        let state = if stages().next().is_some() {
            RunState::Interrupted
        } else {
            RunState::of_stages(self.stages.values().map(|stage| stage.state))
        };
        let mut events: Vec<RunEvent> =
            steps.map(|step| RunEvent::StepEnded { key: step.key, outcome: StepOutcome::Interrupted }).collect();
        events.extend(stages().map(|stage| RunEvent::StageEnded {
            stage: stage.stage,
            state: StageState::Interrupted,
            message: message.clone(),
            hint: hint.clone(),
        }));
        events.push(RunEvent::RunEnded { state });
        events
    }

    /// What stopped the run, in the words of the first stage or step that could not be run.
    fn first_message(&self) -> Message {
        let stages = self.stages.values().map(|stage| &stage.message);
        let steps = self.steps.values().map(|step| &step.message);
        stages.chain(steps).find(|message| !message.is_empty()).cloned().unwrap_or_default()
    }

    /// The stage of an event that was found legal, from now on one that has changed.
    fn changed_stage(&mut self, stage: StageNumber) -> &mut StageRun {
        self.changed_stages.insert(stage);
        self.stages.get_mut(&stage).expect("the fold has found the stage")
    }

    /// The step of an event that was found legal, from now on one that has changed.
    fn changed_step(&mut self, key: StepKey) -> &mut StepRun {
        self.changed_steps.insert((key.stage, key.step));
        self.steps.get_mut(&(key.stage, key.step)).expect("the fold has found the step")
    }
}

impl Standing for Status {
    fn run_standing(&mut self) -> RunStanding<'_> {
        RunStanding { state: &mut self.run.state, attempt: self.run.attempt, cancel: &mut self.run.cancel_reason }
    }

    fn stage_state(&mut self, stage: StageNumber) -> Option<&mut StageState> {
        self.stages.get_mut(&stage).map(|stage| &mut stage.state)
    }

    fn step_standing(&mut self, stage: StageNumber, step: StepNumber) -> Option<StepStanding<'_>> {
        let step = self.steps.get_mut(&(stage, step))?;
        Some(StepStanding { attempt: step.key.attempt, state: &mut step.state })
    }

    fn begin_run_again(&mut self, attempt: u32) {
        self.run = RunStatus { attempt, ..RunStatus::queued() };
        self.queued_again = true;
    }

    fn begin_stage_again(&mut self, number: StageNumber) {
        let stage = self.changed_stage(number);
        // Its files, if they were kept, are there until its place is made again.
        let (engine, engine_name) = (stage.engine.clone(), stage.engine_name.clone());
        *stage = StageRun { place: stage.place, engine, engine_name, ..StageRun::pending(number, &stage.name) };
    }

    fn begin_step_again(&mut self, key: StepKey) {
        let step = self.changed_step(key);
        *step = StepRun::pending(key, &step.name, step.kind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::{StepKind, StepState};

    const STAGE: StageNumber = StageNumber(1);

    fn key(step: u32, attempt: u32) -> StepKey {
        StepKey { stage: STAGE, step: StepNumber(step), attempt }
    }

    fn status() -> Status {
        let steps = [1, 2].map(|n| StepRun::pending(key(n, 1), &format!("step {n}"), StepKind::Commands));
        Status::new(RunStatus::queued(), vec![StageRun::pending(STAGE, "default")], steps.to_vec())
    }

    fn started() -> Status {
        let mut status = status();
        for event in [RunEvent::RunStarted, RunEvent::StagePreparing { stage: STAGE }, RunEvent::StageReady { stage: STAGE }] {
            status.apply(10, &event).unwrap();
        }
        status
    }

    #[test]
    fn a_step_that_is_tried_again_forgets_its_first_attempt() {
        let mut status = started();
        status.apply(20, &RunEvent::StepStarting { key: key(1, 1) }).unwrap();
        status.apply(21, &RunEvent::StepStarted { key: key(1, 1) }).unwrap();
        let early = status.clone().apply(22, &RunEvent::StepStarting { key: key(1, 2) });
        assert!(early.is_err(), "the first attempt still runs");
        status.apply(23, &RunEvent::StepEnded { key: key(1, 1), outcome: StepOutcome::Exited { code: 2 } }).unwrap();
        assert_eq!(status.steps[&(STAGE, StepNumber(1))].exit_code, Some(2));
        status.apply(30, &RunEvent::StepStarting { key: key(1, 2) }).unwrap();
        let step = &status.steps[&(STAGE, StepNumber(1))];
        assert_eq!((step.key.attempt, step.state, step.exit_code, step.started_ms), (2, StepState::Starting, None, Some(30)));
        let late = status.apply(31, &RunEvent::StepStarted { key: key(1, 1) });
        assert!(late.is_err(), "an event of the first attempt");
    }

    #[test]
    fn the_stronger_cancel_reason_stays() {
        let mut status = started();
        for reason in [CancelReason::User, CancelReason::StepFailed] {
            status.apply(11, &RunEvent::CancelRequested { reason }).unwrap();
        }
        assert_eq!(status.run.cancel_reason, Some(CancelReason::User));
    }

    #[test]
    fn an_interruption_closes_everything_from_any_state() {
        let mut half = started();
        half.apply(20, &RunEvent::StepStarting { key: key(1, 1) }).unwrap();
        half.apply(21, &RunEvent::StepEnded { key: key(1, 1), outcome: StepOutcome::Exited { code: 0 } }).unwrap();
        for mut status in [status(), started(), half] {
            for event in status.interruption(&Message::verbatim("nobody can go on with it"), &Message::verbatim("run it again")) {
                status.apply(99, &event).unwrap();
            }
            assert_eq!((status.run.state, status.run.ended_ms), (RunState::Interrupted, Some(99)));
            assert_eq!(status.run.message, "nobody can go on with it");
            assert!(status.steps.values().all(|step| step.state.is_final()));
            assert!(status.stages.values().all(|stage| stage.state == StageState::Interrupted));
        }
    }

    #[test]
    fn an_interruption_of_a_run_whose_stages_are_over_keeps_their_result() {
        let mut status = started();
        let failed =
            RunEvent::StageEnded { stage: STAGE, state: StageState::Failed, message: Message::default(), hint: Message::default() };
        status.apply(20, &failed).unwrap();
        assert_eq!(
            status.interruption(&Message::verbatim("why"), &Message::verbatim("what")).last(),
            Some(&RunEvent::RunEnded { state: RunState::Failed })
        );
    }

    #[test]
    fn a_retry_begins_what_it_names_again_and_nothing_else() {
        let mut status = started();
        for (step, code) in [(1, 0), (2, 1)] {
            status.apply(20, &RunEvent::StepStarting { key: key(step, 1) }).unwrap();
            status.apply(21, &RunEvent::StepEnded { key: key(step, 1), outcome: StepOutcome::Exited { code } }).unwrap();
        }
        let failed =
            RunEvent::StageEnded { stage: STAGE, state: StageState::Failed, message: Message::default(), hint: Message::default() };
        let retried = RunEvent::RunRetried { attempt: 2, stages: vec![STAGE], steps: vec![key(2, 2)] };
        status.apply(30, &failed).unwrap();
        assert!(status.clone().apply(31, &retried).is_err(), "it is not over");
        status.apply(31, &RunEvent::RunEnded { state: RunState::Failed }).unwrap();
        status.apply(32, &RunEvent::StageDestroyed { stage: STAGE, leftovers: vec![], kept: true }).unwrap();
        let same = RunEvent::RunRetried { attempt: 1, stages: vec![STAGE], steps: vec![key(2, 2)] };
        assert!(status.clone().apply(40, &same).is_err(), "an attempt that was");
        status.apply(40, &retried).unwrap();
        assert_eq!((status.run.attempt, status.run.state, status.run.started_ms), (2, RunState::Queued, None));
        assert_eq!((status.stages[&STAGE].state, status.stages[&STAGE].place), (StageState::Pending, StagePlace::Kept));
        let steps: Vec<_> = status.steps.values().map(|step| (step.key.attempt, step.state)).collect();
        assert_eq!(steps, [(1, StepState::Passed), (2, StepState::Pending)]);
        status.apply(50, &RunEvent::RunStarted).unwrap();
        status.apply(51, &RunEvent::StagePreparing { stage: STAGE }).unwrap();
        assert_eq!(status.stages[&STAGE].place, StagePlace::Made);
    }

    #[test]
    fn the_run_says_what_stopped_it() {
        let mut status = started();
        status.apply(20, &RunEvent::StepStarting { key: key(1, 1) }).unwrap();
        let outcome = StepOutcome::Errored {
            message: Message::verbatim("image `nope` cannot be had"),
            hint: Message::verbatim("check the spelling"),
        };
        status.apply(21, &RunEvent::StepEnded { key: key(1, 1), outcome }).unwrap();
        status.apply(22, &RunEvent::RunEnded { state: RunState::Errored }).unwrap();
        assert_eq!(status.run.message, "image `nope` cannot be had");
    }
}
