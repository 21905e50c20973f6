//! What the driver of a run starts and stops.

use super::{RunDriver, group};
use crate::environment::{StartFacts, resolve};
use crate::job::{self, PrepareJob, Site, StepJob};
use crate::messages::{Action, Fact, Job, Post};
use crate::scheduler::{Evidence, Exit};
use lp_backend::{Before, CancelHandle, CancelStage, Keep, StageContext, StepContext};
use lp_model::{BackendKind, StageNumber, StepKey};
use lp_model::{Message, message};
use std::future::Future;
use std::sync::Arc;

impl RunDriver {
    pub(super) fn act(&mut self, action: Action) {
        match action {
            // Nothing is begun that is not stored.
            Action::Prepare(stage) if self.lost.is_some() => {
                self.send(Fact::PrepareFailed { stage, message: Message::default(), hint: Message::default() })
            }
            Action::StartStep { key, .. } if self.lost.is_some() => {
                let exit = Exit::failed(message!("not started: its start could not be stored"), Message::default());
                self.send(Fact::StepEnded { key, exit, evidence: Evidence::default() });
            }
            Action::MakeAhead(_) if self.lost.is_some() => {}
            Action::Prepare(stage) => self.prepare(stage),
            Action::MakeAhead(key) => {
                self.wait_ahead.insert(key);
            }
            Action::StartStep { key, before } => {
                self.needs_no_head_start(key);
                self.start_step(key, before);
            }
            Action::StopPrepare { stage, kill } => advance(self.preparing.get(&stage), kill),
            Action::StopStep { key, kill } => advance(self.running.get(&key), kill),
            // Nothing was made yet.
            Action::Destroy { stage, .. } if !self.scheduler.is_placed(stage) => {
                self.sites.remove(&stage);
                self.send(Fact::StageDestroyed { stage, leftovers: Vec::new(), kept: false });
            }
            Action::Destroy { stage, keep } => match self.site(stage) {
                Ok(site) => {
                    let (settings, is_again) = (Arc::clone(&self.settings), self.remains.contains_key(&stage));
                    self.sites.remove(&stage);
                    self.deadlines.retain(|(_, fact)| *fact != Fact::RemovalDue { stage });
                    self.removing.insert(stage);
                    self.spawn(Job::Destroy(stage, keep), job::destroy(site, keep, settings, is_again));
                }
                // What there is of it can only be removed when its backend is there again: a sweep does that.
                Err((message, _)) => {
                    let leftovers = if self.was_ready { vec![message] } else { Vec::new() };
                    self.send(Fact::StageDestroyed { stage, leftovers, kept: keep == Keep::Files });
                }
            },
        }
    }

    /// The place of a stage; `Err` is what to say when there is no backend for it, and what to do.
    fn site(&mut self, number: StageNumber) -> Result<Site, (Message, Message)> {
        if let Some(site) = self.sites.get(&number) {
            return Ok(site.clone());
        }
        let ports = &self.shared.ports;
        let stage = self.plan.stage(number).expect("the scheduler knows the plan");
        let engine = self.scheduler.engine(number).map(|(engine, _)| engine.clone());
        let Some(backend) = ports.backends.backend(stage.backend, engine.as_ref()) else {
            let (message, hint) = match stage.backend {
                BackendKind::Docker => {
                    (message!("no container engine was found on this computer"), message!("start Docker (or Podman) and run again"))
                }
                BackendKind::Host => {
                    (message!("steps cannot run on this computer itself"), message!("allow it in the settings and run again"))
                }
            };
            return Err((message, hint));
        };
        let source = stage.source.then(|| ports.sources.source(&self.run, &self.plan, stage));
        let context =
            StageContext { run: self.run.clone(), stage: Arc::new(stage.clone()), source, engine, files: self.scheduler.files(number) };
        let started_ms = self.stage_started_ms.get(&number).copied().unwrap_or_else(|| ports.clock.now_ms());
        let site = Site::new(backend, context, started_ms);
        site.keep_ticket(self.tickets.remove(&number));
        self.sites.insert(number, site.clone());
        Ok(site)
    }

    fn prepare(&mut self, number: StageNumber) {
        let site = match self.site(number) {
            Ok(site) => site,
            Err((message, hint)) => return self.send(Fact::PrepareFailed { stage: number, message, hint }),
        };
        let stage = Arc::clone(&site.context.stage);
        let is_revival = self.scheduler.is_reviving(number);
        let group = group(&self.place, &stage).filter(|_| !is_revival);
        let group = group.map(|(group, limit)| (self.shared.gate.clone(), group, limit));
        let (handle, cancel) = CancelHandle::new(self.settings.grace);
        self.preparing.insert(number, handle);
        let is_new = !self.scheduler.has_engine(number);
        let job = PrepareJob {
            others_engine: self.scheduler.engine(number).filter(|_| is_new).cloned(),
            is_new,
            site,
            cancel,
            settings: Arc::clone(&self.settings),
            group,
            is_revival,
            is_patient: self.was_ready,
            masker: self.secrets.masker.clone(),
            post: self.post.clone(),
            notices: self.shared.notices.clone(),
        };
        self.spawn(Job::Prepare(number), job.run());
    }

    /// Gives the next steps a head start, as many as may run at once: more would only fill the engine and this process with what waits.
    pub(super) fn make_ahead(&mut self) {
        while self.ahead.len() < self.shared.gate.steps() {
            let Some(key) = self.wait_ahead.pop_first() else { return };
            let Some(site) = self.sites.get(&key.stage) else { continue };
            let Some(step) = site.context.stage.step(key.step).cloned().map(Arc::new) else { continue };
            // What is wrong with its environment is said when it starts.
            let Ok(environment) = resolve(&step, &self.secrets, &self.start_facts(key, site)) else { continue };
            site.make_ahead(StepContext { key, step, env: environment.env, before: Before::Nothing });
            self.ahead.insert(key);
        }
    }

    /// A step starts, or never will.
    pub(super) fn needs_no_head_start(&mut self, key: StepKey) {
        self.ahead.remove(&key);
        self.wait_ahead.remove(&key);
    }

    fn start_facts(&self, key: StepKey, site: &Site) -> StartFacts {
        StartFacts {
            so_far: self.scheduler.so_far(key.stage),
            run_started_ms: self.started_ms,
            stage_started_ms: site.started_ms,
            now_ms: self.shared.ports.clock.now_ms(),
            machine: self.settings.machine.clone(),
        }
    }

    fn start_step(&mut self, key: StepKey, before: Before) {
        let Some(site) = self.sites.get(&key.stage).cloned() else { return };
        let Some(step) = site.context.stage.step(key.step).cloned().map(Arc::new) else { return };
        let (stop, cancel) = CancelHandle::new(self.settings.grace);
        self.running.insert(key, stop.clone());
        let job = StepJob {
            run: self.run.clone(),
            key,
            step,
            before,
            facts: self.start_facts(key, &site),
            site,
            secrets: Arc::clone(&self.secrets),
            needs_all_secrets: self.has_past,
            logs: Arc::clone(&self.shared.ports.logs),
            settings: Arc::clone(&self.settings),
            gate: self.shared.gate.clone(),
            writers: self.writers.clone(),
            stop,
            cancel,
            post: self.post.clone(),
            notices: self.shared.notices.clone(),
        };
        self.spawn(Job::Step(key), job.run());
    }

    fn spawn(&mut self, job: Job, work: impl Future<Output = Fact> + Send + 'static) {
        let post = self.post.clone();
        // The result goes the same way as the facts before it, so that the end of a step never overtakes its start.
        let task = self.jobs.spawn(async move {
            let _ = post.send(Post::Fact(work.await));
        });
        self.tasks.insert(task.id(), job);
    }
}

fn advance(handle: Option<&CancelHandle>, kill: bool) {
    if let Some(handle) = handle {
        handle.advance(if kill { CancelStage::Kill } else { CancelStage::Ask });
    }
}
