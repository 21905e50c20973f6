//! Following a run: what the window of a terminal prints. A run that the engine of this process drives is followed event by event, at the cost of
//! what happens; one that another process drives is looked at as a whole whenever that process tells of it.

mod feed;

use crate::app::App;
use crate::dto::{ApiError, LogKey, RunDetail, StepDetail, StepStateWord};
use crate::feed::Notices;
use crate::log::LogNews;
use crate::owner::guests;
use feed::{Feed, Heard};
use lp_model::{RunId, StepKey};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How often a run is looked at that another process drives when nothing is heard of it: that process may not tell, or be gone.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// Least time between two looks at it.
const LOOK_PAUSE: Duration = Duration::from_millis(100);

/// News about a run that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// How the whole run stands: first of all, and when more than one step may have changed.
    Changed(Box<RunDetail>),
    /// One step changed.
    Step(Box<StepNews>),
    /// A step wrote.
    Lines(LogLines),
    /// The run is over and all its output was given out.
    Ended(Box<RunDetail>),
}

/// How a step stands now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepNews {
    /// The stage's number.
    pub stage: u32,
    /// What it is called ([`RunDetail::label`]).
    pub label: String,
    /// The step.
    pub step: StepDetail,
}

/// Output of a step as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLines {
    /// The stage's number.
    pub stage: u32,
    /// The step's number.
    pub step: u32,
    /// What it is called ([`RunDetail::label`]).
    pub label: String,
    /// Whether an earlier attempt of the run wrote it: the step is not run again in this one.
    pub earlier: bool,
    /// Lines that are over, without their newline; the first goes on behind what was given as `begun` before.
    pub lines: Vec<String>,
    /// Which of them are only the beginning of one, and how many bytes are missing: they are in the log.
    pub cut: Vec<(usize, u64)>,
    /// What is there of a line that is not over, beyond what was given before; or empty.
    pub begun: String,
}

/// How much of a log was given out.
#[derive(Debug, Clone, Copy, Default)]
struct Given {
    /// Whole lines.
    lines: u64,
    /// Bytes of the text of the next line.
    begun: usize,
}

/// Follows one run from its beginning, whoever drives it.
pub struct Following {
    app: Arc<App>,
    run: String,
    notices: Notices,
    /// What the engine of this process tells, once the whole run was looked at.
    feed: Option<Feed>,
    pending: VecDeque<Progress>,
    /// Given out per log.
    given: HashMap<LogKey, Given>,
    /// Logs that were given out whole.
    finished: HashSet<LogKey>,
    last_seq: Option<u32>,
    ended: bool,
}

impl App {
    /// Follows a run from the beginning of what is stored. Where nobody drives it, and should the process end that does, this one takes the data
    /// folder over and goes on with the run.
    pub fn follow(self: &Arc<Self>, run: &str) -> Following {
        guests::hear_owner(self);
        Following {
            app: Arc::clone(self),
            run: run.to_owned(),
            notices: self.notices(),
            feed: None,
            pending: VecDeque::new(),
            given: HashMap::new(),
            finished: HashSet::new(),
            last_seq: None,
            ended: false,
        }
    }
}

impl Following {
    /// The next news; waits for it. May be dropped and called again: nothing is lost. After `Ended` it waits for ever.
    ///
    /// # Errors
    /// `RunNotFound`, or when the store cannot be read.
    pub async fn next(&mut self) -> Result<Progress, ApiError> {
        loop {
            if let Some(progress) = self.pending.pop_front() {
                return Ok(progress);
            }
            if self.ended {
                std::future::pending::<()>().await;
            }
            let is_fed = match &mut self.feed {
                Some(feed) => feed.hear().await,
                None => false,
            };
            if is_fed {
                self.take_heard().await?;
                continue;
            }
            self.feed = None;
            if !self.look().await? && self.feed.is_none() {
                self.wait().await;
            }
        }
    }

    /// Takes in the oldest thing that was heard; it is forgotten only when all of it is on its way.
    async fn take_heard(&mut self) -> Result<(), ApiError> {
        let Some(heard) = self.feed.as_ref().and_then(Feed::first) else { return Ok(()) };
        match heard {
            // The whole run is looked at next.
            Heard::MoreThanOneStep => self.feed = None,
            Heard::Output(key) => self.collect(key, false).await?,
            Heard::Step { key, is_over, .. } if is_over => self.collect(key, true).await?,
            Heard::Step { .. } | Heard::Nothing => {}
        }
        if let Some(feed) = &mut self.feed
            && let Some(news) = feed.forget_first()
        {
            self.pending.push_back(Progress::Step(Box::new(news)));
        }
        Ok(())
    }

    /// What a step of this attempt of the run has written.
    async fn collect(&mut self, key: StepKey, is_complete: bool) -> Result<(), ApiError> {
        let log = LogKey { run: self.run.clone(), stage: key.stage.0, step: key.step.0, attempt: key.attempt };
        if self.finished.contains(&log) {
            return Ok(());
        }
        let label = self.feed.as_ref().map(|feed| feed.label(key)).unwrap_or_default();
        self.collect_lines(&log, &Speaker { label, earlier: false }, is_complete).await?;
        if is_complete {
            self.finished.insert(log);
        }
        Ok(())
    }

    /// Waits until there may be news of a run that another process drives.
    async fn wait(&mut self) {
        let ours = async {
            loop {
                match self.notices.next().await {
                    Some(notice) if notice.is_about_run(&self.run) => return,
                    Some(_) => {}
                    None => std::future::pending().await,
                }
            }
        };
        // The time-out serves what is not heard: of an owner of another version, or of one that is gone.
        let _either = tokio::time::timeout(LOOK_AGAIN, ours).await;
        tokio::time::sleep(LOOK_PAUSE).await;
        // Many steps may have spoken meanwhile: one look is enough for all of them.
        while let Ok(Some(_)) = tokio::time::timeout(Duration::ZERO, self.notices.next()).await {}
    }

    /// Collects what is new of the whole run. Returns whether there was anything.
    async fn look(&mut self) -> Result<bool, ApiError> {
        // From before the look on, so that nothing falls between the two; what is heard twice changes nothing.
        let engine = self.app.ownership.engine();
        let notices = engine.as_ref().map(|engine| engine.subscribe());
        let detail = self.app.run(&self.run).await?;
        let is_over = detail.run.state.is_final();
        for stage in &detail.stages {
            for step in stage.steps.iter().filter(|step| step.state != StepStateWord::Pending) {
                let key = LogKey { run: self.run.clone(), stage: stage.number, step: step.number, attempt: step.attempt };
                if self.finished.contains(&key) {
                    continue;
                }
                let complete = is_over || !matches!(step.state, StepStateWord::Starting | StepStateWord::Running);
                let speaker = Speaker { label: detail.label(stage, step), earlier: detail.is_of_an_earlier_attempt(stage.number, step) };
                self.collect_lines(&key, &speaker, complete).await?;
                if complete {
                    self.finished.insert(key);
                }
            }
        }
        // After the lines: what a step wrote comes before the news that it ended.
        if self.last_seq != Some(detail.seq) {
            self.last_seq = Some(detail.seq);
            self.pending.push_back(Progress::Changed(Box::new(detail.clone())));
        }
        if is_over {
            self.pending.push_back(Progress::Ended(Box::new(detail)));
            self.ended = true;
        } else {
            if let Err(error) = self.app.try_own().await {
                tracing::warn!(message = %error.message, "the data folder cannot be taken over");
            }
            if self.pending.is_empty() {
                self.app.must_be_driven(&self.run).await?;
            }
            let handle = engine.zip(RunId::parse(&self.run)).and_then(|(engine, run)| engine.run(&run));
            if let Some((notices, handle)) = notices.zip(handle) {
                self.feed = Some(Feed::new(notices, handle, &self.app, &detail).await?);
            }
        }
        Ok(!self.pending.is_empty())
    }

    /// What of one log was not given out yet. Of a line that grows its new part is given, so that a row of dots is seen while it grows.
    async fn collect_lines(&mut self, key: &LogKey, speaker: &Speaker, complete: bool) -> Result<(), ApiError> {
        loop {
            let given = self.given.get(key).copied().unwrap_or_default();
            let LogNews { mut lines, cut, begun, more } = self.app.log_news(key, given.lines, complete).await?;
            let next = match lines.first_mut() {
                Some(first) => {
                    let rest = first.get(given.begun..).unwrap_or_default().to_owned();
                    *first = rest;
                    Given { lines: given.lines + lines.len() as u64, begun: begun.len() }
                }
                None => Given { begun: begun.len().max(given.begun), ..given },
            };
            let begun = if lines.is_empty() { begun.get(given.begun..).unwrap_or_default().to_owned() } else { begun };
            if lines.is_empty() && begun.is_empty() {
                return Ok(());
            }
            // No `await` between these two, so that one who stops listening in between loses nothing.
            self.given.insert(key.clone(), next);
            let Speaker { label, earlier } = speaker.clone();
            self.pending.push_back(Progress::Lines(LogLines { stage: key.stage, step: key.step, label, earlier, lines, cut, begun }));
            if !more {
                return Ok(());
            }
        }
    }
}

/// Whose output it is.
#[derive(Clone)]
struct Speaker {
    label: String,
    earlier: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dto::RunStateWord;
    use crate::testing::{new_run, open, project, request};

    #[tokio::test]
    async fn who_follows_a_run_takes_it_up_when_its_owner_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        let pipeline = "kind: pipeline\nname: default\nsteps:\n- {name: hello, image: alpine, commands: [echo hello]}\n";
        let owner = open(folder.path()).await;
        let project = project(&owner, folder.path(), pipeline).await;
        let prepared = owner.prepare(&request(&owner, &project).await, (1, None)).await.unwrap();
        let new = new_run("run-1", prepared.project.id.as_str(), prepared.plan);
        let id = new.id.clone();
        owner.store.create_run(&new).await.unwrap();

        let guest = open(folder.path()).await;
        let mut following = guest.follow(id.as_str());
        let Progress::Changed(detail) = following.next().await.unwrap() else { panic!("first the state") };
        assert_eq!(detail.run.state, RunStateWord::Queued);
        // As when its process dies: the system takes the lock back, nothing else happens.
        owner.ownership.give_up();
        let mut lines = Vec::new();
        let ended = loop {
            match following.next().await.unwrap() {
                Progress::Ended(detail) => break detail,
                Progress::Lines(more) => {
                    assert!(!more.earlier);
                    lines.extend(more.lines);
                }
                Progress::Changed(_) | Progress::Step(_) => {}
            }
        };
        assert_eq!((ended.run.state, ended.resumed), (RunStateWord::Passed, 1));
        assert_eq!(lines, ["+ echo hello", "hello"]);
        assert_eq!(guest.status().await.unwrap().resumed_runs, [id.to_string()]);
        assert!(guest.find_run("nosuch#last", ".").await.is_err(), "not the newest of another project");
        owner.shutdown().await;
        guest.shutdown().await;
    }
}
