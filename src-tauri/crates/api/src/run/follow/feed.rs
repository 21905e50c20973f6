//! What the engine of this process tells about one run, step by step.

use super::StepNews;
use crate::app::App;
use crate::dto::{ApiError, RunDetail, StepDetail};
use crate::run::convert::{self, StepFacts};
use crate::run::parse_run;
use crate::time;
use lp_engine::{Notice, RunHandle};
use lp_model::{Message, RunEvent, RunId, StageNumber, StepKey, StepNumber, StepState};
use lp_store::StepRun;
use std::collections::{BTreeMap, VecDeque};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// One run as the engine tells it.
pub(super) struct Feed {
    notices: Receiver<Notice>,
    run: RunId,
    /// Of a run whose end cannot be stored no notice tells.
    handle: RunHandle,
    steps: BTreeMap<(StageNumber, StepNumber), FedStep>,
    heard: VecDeque<Notice>,
    /// Notices were lost, or there will be none any more.
    is_broken: bool,
}

struct FedStep {
    row: StepRun,
    shown: StepDetail,
    label: String,
    /// What was said about it last and stays true.
    note: Message,
}

/// What the oldest notice says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    /// A step changed.
    Step {
        /// Which.
        key: StepKey,
        /// Its output is complete.
        is_over: bool,
    },
    /// A step wrote.
    Output(StepKey),
    /// The run is over, or begins again, or something was not heard.
    MoreThanOneStep,
    /// Nothing that is shown.
    Nothing,
}

impl Feed {
    /// Of a run that was looked at since `notices` are heard.
    pub async fn new(notices: Receiver<Notice>, handle: RunHandle, app: &App, detail: &RunDetail) -> Result<Self, ApiError> {
        let run = parse_run(&detail.run.id)?;
        let mut rows: BTreeMap<_, _> =
            app.store.run_detail(&run).await?.steps.into_iter().map(|row| ((row.key.stage, row.key.step), row)).collect();
        let mut steps = BTreeMap::new();
        for stage in &detail.stages {
            for step in &stage.steps {
                let place = (StageNumber(stage.number), StepNumber(step.number));
                let Some(row) = rows.remove(&place) else { continue };
                let (label, note) = (detail.label(stage, step), step.note.clone());
                steps.insert(place, FedStep { row, shown: step.clone(), label, note });
            }
        }
        Ok(Self { notices, run, handle, steps, heard: VecDeque::new(), is_broken: false })
    }

    /// Waits until something was heard of the run. `false` when this feed is at its end.
    pub async fn hear(&mut self) -> bool {
        while self.heard.is_empty() && !self.is_broken {
            tokio::select! {
                biased;
                notice = self.notices.recv() => match notice {
                    Ok(notice) => self.keep(notice),
                    Err(RecvError::Lagged(_) | RecvError::Closed) => self.is_broken = true,
                },
                () = self.handle.gone() => self.is_broken = true,
            }
            // Whatever else is there: of the output of a step one notice is enough.
            while let Ok(notice) = self.notices.try_recv() {
                self.keep(notice);
            }
        }
        !self.heard.is_empty()
    }

    fn keep(&mut self, notice: Notice) {
        let (Notice::Event { run, .. } | Notice::Progress { run, .. } | Notice::Log { run, .. }) = &notice;
        if *run != self.run {
            return;
        }
        if let (Notice::Log { key, .. }, Some(Notice::Log { key: last, .. })) = (&notice, self.heard.back())
            && key == last
        {
            self.heard.pop_back();
        }
        self.heard.push_back(notice);
    }

    /// What the oldest notice says; it stays the oldest.
    pub fn first(&self) -> Option<Heard> {
        Some(match self.heard.front()? {
            Notice::Log { key, .. } => Heard::Output(*key),
            Notice::Progress { step: Some(key), .. } => Heard::Step { key: *key, is_over: false },
            Notice::Progress { stage, .. } => match self.next_of(*stage) {
                Some(key) => Heard::Step { key, is_over: false },
                None => Heard::Nothing,
            },
            Notice::Event { event, .. } => match event {
                RunEvent::RunEnded { .. } | RunEvent::RunRetried { .. } | RunEvent::RunResumed => Heard::MoreThanOneStep,
                RunEvent::StepEnded { key, .. } => Heard::Step { key: *key, is_over: true },
                RunEvent::StepStarting { key }
                | RunEvent::StepStarted { key }
                | RunEvent::StepSkipped { key, .. }
                | RunEvent::StepNoted { key, .. } => Heard::Step { key: *key, is_over: false },
                _ => Heard::Nothing,
            },
        })
    }

    /// Forgets the oldest notice; returns how the step stands after it that it is about.
    pub fn forget_first(&mut self) -> Option<StepNews> {
        let heard = self.first()?;
        let notice = self.heard.pop_front()?;
        let Heard::Step { key, .. } = heard else { return None };
        let step = self.steps.get_mut(&(key.stage, key.step))?;
        let note = match notice {
            Notice::Progress { sentence, .. } => sentence,
            Notice::Event { event: RunEvent::StepNoted { note, .. }, .. } => {
                step.note.clone_from(&note);
                note
            }
            Notice::Event { event, .. } => {
                step.row.follow(time::now_ms(), &event);
                match step.row.state {
                    StepState::Pending | StepState::Starting => step.shown.note.clone(),
                    _ => step.note.clone(),
                }
            }
            Notice::Log { .. } => return None,
        };
        let StepDetail { image, failure_ignored, log_lines, .. } = step.shown.clone();
        step.shown = convert::step_detail(&step.row, StepFacts { image, failure_ignored, note, log_lines });
        Some(StepNews { stage: key.stage.0, label: step.label.clone(), step: step.shown.clone() })
    }

    /// What a step is called.
    pub fn label(&self, key: StepKey) -> String {
        self.steps.get(&(key.stage, key.step)).map(|step| step.label.clone()).unwrap_or_default()
    }

    /// The step of a stage whose turn is next: what is told about the making of the stage's place is told about it.
    fn next_of(&self, stage: StageNumber) -> Option<StepKey> {
        let of_stage = self.steps.range((stage, StepNumber(0))..).take_while(|((of, _), _)| *of == stage);
        of_stage.map(|(_, step)| &step.row).find(|row| !row.state.is_final()).map(|row| row.key)
    }
}
