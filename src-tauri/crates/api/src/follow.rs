use crate::app::App;
use crate::dto::{ApiError, LogSummary, Notice, RunDetail, StepStateWord};
use crate::logs::LogKey;
use crate::notices::Notices;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How often a run is looked at that another process drives: notices do not cross processes.
const LOOK_AGAIN: Duration = Duration::from_millis(150);
/// Lines that are fetched at once.
const LINES: u32 = 400;

/// News about a run that is followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// Something about a step or stage changed.
    Changed(Box<RunDetail>),
    /// A step wrote.
    Lines(LogLines),
    /// The run is over and all its output was given out.
    Ended(Box<RunDetail>),
}

/// Output of a step, whole lines as stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLines {
    /// The stage's number.
    pub stage: u32,
    /// The step's number.
    pub step: u32,
    /// The step's name.
    pub name: String,
    /// The lines, without their newline.
    pub lines: Vec<String>,
}

/// Follows one run from its beginning, whoever drives it.
pub struct Following {
    app: Arc<App>,
    run: String,
    notices: Notices,
    pending: VecDeque<Progress>,
    /// Lines given out per stage, step and attempt.
    given: HashMap<(u32, u32, u32), u64>,
    last_seq: Option<u32>,
    ended: bool,
}

impl App {
    /// Follows a run.
    pub fn follow(self: &Arc<Self>, run: &str) -> Following {
        Following {
            app: Arc::clone(self),
            run: run.to_owned(),
            notices: self.notices(),
            pending: VecDeque::new(),
            given: HashMap::new(),
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
            if !self.look().await? {
                self.wait().await;
            }
        }
    }

    /// Waits until there may be news.
    async fn wait(&mut self) {
        let ours = async {
            loop {
                match self.notices.next().await {
                    Some(Notice::Run { run, .. }) if run == self.run || run.is_empty() => return,
                    Some(Notice::Log { run, .. }) if run == self.run => return,
                    Some(_) => {}
                    None => std::future::pending().await,
                }
            }
        };
        // The time-out serves runs of other processes, and the last lines of a step whose notice was coalesced away.
        let _either = tokio::time::timeout(LOOK_AGAIN, ours).await;
    }

    /// Collects what is new. Returns whether there was anything.
    async fn look(&mut self) -> Result<bool, ApiError> {
        let detail = self.app.run(&self.run).await?;
        let is_over = detail.run.state.is_final();
        for stage in &detail.stages {
            for step in stage.steps.iter().filter(|step| step.state != StepStateWord::Pending) {
                let key = LogKey { run: self.run.clone(), stage: stage.number, step: step.number, attempt: step.attempt };
                let lines = self.new_lines(&key, &step.name).await?;
                self.pending.extend(lines.into_iter().map(Progress::Lines));
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
        }
        Ok(!self.pending.is_empty())
    }

    /// Lines of one log that were not given out yet. The last line is kept back while it has no newline and the step goes on.
    async fn new_lines(&mut self, key: &LogKey, name: &str) -> Result<Vec<LogLines>, ApiError> {
        let given = self.given.entry((key.stage, key.step, key.attempt)).or_insert(0);
        let mut found = Vec::new();
        loop {
            let LogSummary { lines, complete, .. } = self.app.log_summary(key).await?;
            let until = if complete { lines } else { lines.saturating_sub(1) };
            if *given >= until {
                return Ok(found);
            }
            let count = u32::try_from(until - *given).unwrap_or(LINES).min(LINES);
            let range = self.app.log_range(key, *given, count).await?;
            if range.lines.is_empty() {
                return Ok(found);
            }
            *given += range.lines.len() as u64;
            found.push(LogLines { stage: key.stage, step: key.step, name: name.to_owned(), lines: range.lines });
        }
    }
}
