//! The making of a stage's place: its turn in its concurrency group, its engine written down, then the backend's part.

use super::outage::Outage;
use super::{Site, guarded, unless_given_up};
use crate::EngineSettings;
use crate::deadlines::Work;
use crate::gate::{Gate, Group, Traveller};
use crate::messages::{Fact, Notice, Post};
use crate::progress::Progress;
use async_trait::async_trait;
use lp_backend::{BackendError, Cancel, CancelHandle, CancelStage, Notes};
use lp_model::{EngineId, Message, message};
use lp_secret::masker::Masker;
use std::convert::Infallible;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, timeout};

/// How the making of a place goes.
pub(crate) struct PrepareJob {
    pub site: Site,
    pub cancel: Cancel,
    pub settings: Arc<EngineSettings>,
    /// The ticket of its concurrency group that it still needs.
    pub group: Option<(Gate, Group, u32)>,
    /// The engine of the other stages of the run, for a stage whose own is not written down yet.
    pub others_engine: Option<(EngineId, Message)>,
    /// Its engine is not written down yet.
    pub is_new: bool,
    /// The place was there and its steps run, or have run, in it.
    pub is_revival: bool,
    /// The engine did answer in this run, so that it is worth waiting for.
    pub is_patient: bool,
    pub masker: Masker,
    pub post: mpsc::UnboundedSender<Post>,
    pub notices: broadcast::Sender<Notice>,
}

impl PrepareJob {
    pub async fn run(mut self) -> Fact {
        let stage = self.site.context.stage.number;
        let failed = |message: Message, hint: Message| Fact::PrepareFailed { stage, message, hint };
        if !self.have_turn().await {
            return failed(message!("cancelled"), Message::default());
        }
        if let Err(fact) = self.be_placed().await {
            return fact;
        }
        // What runs there is asked to end by name, once it is there again; only a kill stops the way there.
        let (kill, only_kill) = CancelHandle::new(self.cancel.grace);
        let cancel = if self.is_revival { &only_kill } else { &self.cancel };
        let killed = async {
            self.cancel.reached(CancelStage::Kill).await;
            kill.advance(CancelStage::Kill);
            std::future::pending::<Infallible>().await
        };
        let work = async {
            let mut outage = Outage::default();
            loop {
                let began = Instant::now();
                let progress = self.progress();
                let notes = PlaceNotes(&self, &progress);
                let call = self.site.backend.prepare(&self.site.context, &notes, cancel);
                let call = unless_given_up(call, cancel, Work::EndAfterKill.time(&self.settings));
                let ended = tokio::select! {
                    biased;
                    ended = call => Ok(ended),
                    () = progress.silent(Work::Prepare.time(&self.settings)) => Err(()),
                };
                break match ended {
                    Ok(Some(Ok(Ok(())))) => Fact::StagePrepared { stage },
                    Ok(Some(Ok(Err(error)))) => {
                        if let BackendError::FilesGone { .. } = error {
                            return Fact::FilesGone { stage, message: error.told(), hint: error.hint() };
                        }
                        if matches!(error, BackendError::Unreachable { .. }) && self.is_patient {
                            let note = |note| self.post(Fact::StageNoted { stage, note });
                            if outage.wait(began, &self.site, &self.cancel, &self.settings, note).await {
                                continue;
                            }
                        }
                        failed(error.told(), error.hint())
                    }
                    Ok(Some(Err(panic))) => failed(panic, Message::default()),
                    Ok(None) => failed(message!("the backend did not stop in time"), Message::default()),
                    Err(_) => failed(
                        message!("the making of the stage has not got any further for {} s", Work::Prepare.time(&self.settings).as_secs()),
                        message!("check that the container engine and the disk are not overloaded, and run again"),
                    ),
                };
            }
        };
        tokio::select! {
            biased;
            fact = work => fact,
            never = killed => match never {},
        }
    }

    /// Waits for its turn in its concurrency group, if it is in one. `false` when the wait was cancelled.
    async fn have_turn(&self) -> bool {
        let Some((gate, group, limit)) = &self.group else { return true };
        let mut waiting = gate.queue(Traveller::Stage(group.clone(), *limit));
        let ticket = match waiting.try_recv() {
            Ok(ticket) => ticket,
            Err(_) => {
                let note = message!("waits: at most {} such stages of the project run at the same time", limit);
                self.post(Fact::StageNoted { stage: self.site.context.stage.number, note });
                tokio::select! {
                    biased;
                    () = self.cancel.reached(CancelStage::Ask) => return false,
                    // The gate outlives those who wait.
                    ticket = waiting => match ticket { Ok(ticket) => ticket, Err(_) => return false },
                }
            }
        };
        self.site.keep_ticket(Some(ticket));
        true
    }

    /// Finds the engine that a new stage is on, and has it written down before anything is made there.
    async fn be_placed(&mut self) -> Result<(), Fact> {
        if self.site.context.engine.is_some() && !self.is_new || self.is_revival {
            return Ok(());
        }
        let stage = self.site.context.stage.number;
        let failed = |message: Message, hint: Message| Fact::PrepareFailed { stage, message, hint };
        let (engine, name) = match self.others_engine.take() {
            Some(known) => known,
            None => {
                let mut outage = Outage::default();
                loop {
                    let began = Instant::now();
                    let asked = tokio::select! {
                        biased;
                        () = self.cancel.reached(CancelStage::Ask) => return Err(failed(message!("cancelled"), Message::default())),
                        asked = timeout(Work::Place.time(&self.settings), guarded(self.site.backend.engine())) => asked,
                    };
                    let error = match asked {
                        Ok(Ok(Ok(info))) => break (info.id.clone(), info.told()),
                        Ok(Ok(Err(error))) => error,
                        Ok(Err(panic)) => return Err(failed(panic, Message::default())),
                        Err(_) => BackendError::unreachable(message!("no answer in time")),
                    };
                    if matches!(error, BackendError::Unreachable { .. }) && self.is_patient {
                        let note = |note| self.post(Fact::StageNoted { stage, note });
                        if outage.wait(began, &self.site, &self.cancel, &self.settings, note).await {
                            continue;
                        }
                    }
                    return Err(failed(error.told(), error.hint()));
                }
            }
        };
        let (answer, stored) = oneshot::channel();
        // The inbox outlives every job of its run; an answer that never comes says that the run is being left alone.
        let _ = self.post.send(Post::Placed { stage, engine: engine.clone(), name, answer });
        let left = || failed(message!("the run is not under way any more"), Message::default());
        stored.await.map_err(|_| left())?.map_err(|error| failed(error.message, error.hint))?;
        self.site.context.engine = Some(engine);
        Ok(())
    }

    fn progress(&self) -> Progress {
        let (run, stage) = (self.site.context.run.clone(), self.site.context.stage.number);
        Progress::new(run, stage, None, self.masker.clone(), self.notices.clone())
    }

    fn post(&self, fact: Fact) {
        // The inbox outlives every job of its run.
        let _ = self.post.send(Post::Fact(fact));
    }
}

/// Where the making of a place tells how it goes.
struct PlaceNotes<'a>(&'a PrepareJob, &'a Progress);

#[async_trait]
impl Notes for PlaceNotes<'_> {
    async fn note(&self, note: Message) {
        self.0.post(Fact::StageNoted { stage: self.0.site.context.stage.number, note });
    }

    fn progress(&self, sentence: Message) {
        self.1.hear(sentence);
    }
}
