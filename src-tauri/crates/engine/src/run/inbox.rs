//! What the driver of a run hears, and what could not be removed yet.

use super::RunDriver;
use crate::deadlines::remove_again;
use crate::messages::{Fact, Job, Post};
use crate::scheduler::{BrokenLog, Evidence, Exit};
use lp_backend::{Keep, SinkError};
use lp_model::{Message, message};
use tokio::task::{Id, JoinError};
use tokio::time::Instant;

impl RunDriver {
    pub(super) async fn receive(&mut self, post: Post) {
        match post {
            Post::Fact(fact) => self.take(fact).await,
            Post::Created { key, answer } => {
                self.take(Fact::StepCreated { key }).await;
                let may_start = match &self.lost {
                    Some(error) => Err(error.clone().into()),
                    None if self.scheduler.is_created(key) => Ok(()),
                    None => Err(SinkError { message: message!("the step is not under way any more"), hint: Message::default() }),
                };
                // Nobody listens to it when the job was given up.
                let _ = answer.send(may_start);
            }
            Post::Placed { stage, engine, name, answer } => {
                self.take(Fact::StagePlaced { stage, engine: engine.clone(), name }).await;
                let may_begin = match &self.lost {
                    Some(error) => Err(error.clone().into()),
                    None if self.scheduler.is_placed_on(stage, &engine) => Ok(()),
                    None => Err(SinkError { message: message!("the stage is not under way any more"), hint: Message::default() }),
                };
                if let (Ok(()), Some(site)) = (&may_begin, self.sites.get_mut(&stage)) {
                    site.context.engine = Some(engine);
                }
                let _ = answer.send(may_begin);
            }
            Post::RemoveNow(answer) => {
                self.ask_remains.push(answer);
                for stage in self.remains.keys().copied().collect::<Vec<_>>() {
                    self.take(Fact::RemovalDue { stage }).await;
                }
                self.answer_about_remains();
            }
            Post::LeaveRemains => self.leaves_remains = true,
            Post::Suspend => self.suspended = true,
        }
    }

    pub(super) async fn take(&mut self, fact: Fact) {
        let fact = self.masked(fact);
        self.remember_remains(&fact);
        let moves = self.scheduler.take(fact);
        self.carry(moves).await;
        self.answer_about_remains();
    }

    /// What could not be removed is tried again after a while: at first soon, for an engine that is just coming back.
    fn remember_remains(&mut self, fact: &Fact) {
        let Fact::StageDestroyed { stage, leftovers, .. } = fact else { return };
        self.removing.remove(stage);
        if leftovers.is_empty() {
            self.remains.remove(stage);
            return;
        }
        let (told, tries) = self.remains.entry(*stage).or_default();
        told.clone_from(leftovers);
        let pause = remove_again(*tries);
        *tries += 1;
        self.deadlines.push((Instant::now() + pause, Fact::RemovalDue { stage: *stage }));
    }

    fn answer_about_remains(&mut self) {
        if self.removing.is_empty() {
            let left: Vec<Message> = self.remains.values().flat_map(|(told, _)| told.clone()).collect();
            for answer in self.ask_remains.drain(..) {
                // Whoever asked may have gone.
                let _ = answer.send(left.clone());
            }
        }
    }

    /// A job is over. If it has panicked, its fact is still owed.
    pub(super) async fn join(&mut self, joined: Result<(Id, ()), JoinError>) {
        let (id, error) = match joined {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error)),
        };
        let job = self.tasks.remove(&id);
        let (Some(job), Some(error)) = (job, error) else { return };
        let message = message!("the engine failed unexpectedly: {}", Message::verbatim(error));
        self.take(match job {
            Job::Prepare(stage) => Fact::PrepareFailed { stage, message, hint: Message::default() },
            Job::Step(key) => Fact::StepEnded { key, exit: Exit::failed(message, Message::default()), evidence: Evidence::default() },
            Job::Destroy(stage, keep) => Fact::StageDestroyed { stage, leftovers: vec![message], kept: keep == Keep::Files },
        })
        .await;
    }

    pub(super) async fn fire(&mut self) {
        let now = Instant::now();
        let (due, later) = std::mem::take(&mut self.deadlines).into_iter().partition(|(at, _)| *at <= now);
        self.deadlines = later;
        let due: Vec<(Instant, Fact)> = due;
        for (_, fact) in due {
            self.take(fact).await;
        }
    }

    pub(super) fn send(&self, fact: Fact) {
        self.post.send(Post::Fact(fact)).expect("the driver holds the receiver");
    }

    /// The one place where texts enter the events, and so the one place where secrets are taken out of them.
    fn masked(&self, fact: Fact) -> Fact {
        let mask = |message: Message| message.with_texts(&|text| self.secrets.masker.mask_text(text));
        match fact {
            Fact::PrepareFailed { stage, message, hint } => Fact::PrepareFailed { stage, message: mask(message), hint },
            Fact::FilesGone { stage, message, hint } => Fact::FilesGone { stage, message: mask(message), hint },
            Fact::StepNoted { key, note } => Fact::StepNoted { key, note: mask(note) },
            Fact::StageNoted { stage, note } => Fact::StageNoted { stage, note: mask(note) },
            Fact::StepEnded { key, exit, evidence } => {
                let exit = match exit {
                    Exit::Failed { message, hint } => Exit::Failed { message: mask(message), hint },
                    Exit::Lost { message } => Exit::Lost { message: mask(message) },
                    exit @ (Exit::Program(_) | Exit::NeverStarted) => exit,
                };
                let mask_log = |BrokenLog { message, hint }| BrokenLog { message: mask(message), hint };
                Fact::StepEnded { key, exit, evidence: Evidence { broken_log: evidence.broken_log.map(mask_log), ..evidence } }
            }
            Fact::StageDestroyed { stage, leftovers, kept } => {
                Fact::StageDestroyed { stage, leftovers: leftovers.into_iter().map(mask).collect(), kept }
            }
            other => other,
        }
    }
}
