use crate::messages::{Fact, Notice, Post};
use crate::ports::{OpenLog, StepLog};
use crate::progress::Progress;
use async_trait::async_trait;
use lp_backend::{Notes, Position, SinkError, StepSink};
use lp_model::{RunId, StepKey};
use lp_secret::masker::{MaskStream, Masker};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Mutex, Notify, broadcast, mpsc, oneshot};
use tokio::time::Instant;

/// Output is handed to the log in pieces of this size, or as often as it is shown.
const CHUNK_BYTES: usize = 256 * 1024;

/// What the log says where output is missing.
const GAP: &str = "(some output is missing here: it was not there any more when it was read)\n";

/// At most 30 notices a second.
const NOTICE_INTERVAL: Duration = Duration::from_millis(34);

/// The way of a step's output: from the backend through the masker into the log, with a notice now and then.
pub(crate) struct LogSink {
    run: RunId,
    key: StepKey,
    post: mpsc::UnboundedSender<Post>,
    notices: broadcast::Sender<Notice>,
    progress: Progress,
    /// Where the output goes on.
    position: Position,
    /// That the program is about to be started is stored.
    created: AtomicBool,
    writer: Mutex<Writer>,
    /// Something is there that was not shown yet.
    news: Notify,
}

struct Writer {
    mask: MaskStream,
    log: Box<dyn StepLog>,
    /// Masked, not appended yet.
    pending: Vec<u8>,
    /// How much of the output went into `mask`.
    upto: Position,
    lines: u64,
    bytes: u64,
    /// How long the log may get, and whether it is.
    limit: u64,
    is_full: bool,
    failed: Option<SinkError>,
}

impl LogSink {
    pub fn new(
        run: RunId,
        key: StepKey,
        masker: &Masker,
        log: OpenLog,
        post: mpsc::UnboundedSender<Post>,
        notices: broadcast::Sender<Notice>,
        limit: u64,
    ) -> Self {
        let progress = Progress::new(run.clone(), key.stage, Some(key), masker.clone(), notices.clone());
        let OpenLog { log, position, lines, bytes } = log;
        // One that was full already has said so.
        let is_full = bytes >= limit;
        let writer = Writer { mask: masker.stream(), log, pending: Vec::new(), upto: position, lines, bytes, limit, is_full, failed: None };
        Self {
            run,
            key,
            post,
            notices,
            progress,
            position,
            created: AtomicBool::new(false),
            writer: Mutex::new(writer),
            news: Notify::new(),
        }
    }

    /// Whether the program may have been started since this sink was made.
    pub fn is_created(&self) -> bool {
        self.created.load(Ordering::Relaxed)
    }

    /// Between two calls of the backend: the next one goes on with what the last one has not written.
    pub async fn go_on(&mut self) {
        self.position = self.writer.lock().await.upto;
    }

    /// Waits until there is news and the last notice is long enough ago.
    pub async fn due(&self, last: Option<Instant>) {
        self.news.notified().await;
        if let Some(last) = last {
            tokio::time::sleep_until(last + NOTICE_INTERVAL).await;
        }
    }

    /// Appends what is pending and tells about it. Once it fails, the step can no longer be recorded.
    ///
    /// It is called by the task that also polls the backend, whose `write` may hold the writer and get no further meanwhile. Then there
    /// is nothing to do here but to come back: waiting would be for ever.
    pub async fn show(&self) -> Result<(), SinkError> {
        let Ok(mut writer) = self.writer.try_lock() else {
            self.news.notify_one();
            return Ok(());
        };
        writer.flush().await?;
        self.tell(&writer);
        Ok(())
    }

    /// The output is complete: writes everything out.
    pub async fn finish(&self) -> Result<(), SinkError> {
        let mut writer = self.writer.lock().await;
        let writer = &mut *writer;
        writer.end_output();
        writer.flush().await?;
        writer.log.finish().await?;
        self.tell(writer);
        Ok(())
    }

    fn tell(&self, writer: &Writer) {
        // An error only says that nobody listens.
        let _ = self.notices.send(Notice::Log { run: self.run.clone(), key: self.key, lines: writer.lines, bytes: writer.bytes });
    }
}

impl Writer {
    /// Takes in output, as far as the log has room for it.
    fn take(&mut self, bytes: &[u8]) {
        if self.is_full {
            return;
        }
        self.mask.push(bytes, &mut self.pending);
        self.stay_within();
    }

    /// What was held back, because it might have been the beginning of a secret, is output after all.
    fn end_output(&mut self) {
        let mut rest = Vec::new();
        self.mask.finish(&mut rest);
        if !self.is_full {
            self.pending.extend_from_slice(&rest);
            self.stay_within();
        }
    }

    /// Cuts at the limit, and says so behind it, which is how the next process knows that it was said.
    fn stay_within(&mut self) {
        let room = usize::try_from(self.limit.saturating_sub(self.bytes)).unwrap_or(usize::MAX);
        if self.is_full || self.pending.len() <= room {
            return;
        }
        self.is_full = true;
        self.pending.truncate(room);
        let megabytes = self.limit / 1_000_000;
        let told = format!("\n(this log has reached its limit of {megabytes} MB: what the program writes from here on is not kept)\n");
        self.pending.extend_from_slice(told.as_bytes());
    }

    async fn flush(&mut self) -> Result<(), SinkError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        if self.pending.is_empty() {
            return Ok(());
        }
        if let Err(error) = self.log.append(&self.pending, (self.mask.held() == 0).then_some(self.upto)).await {
            let error = SinkError::from(error);
            self.failed = Some(error.clone());
            return Err(error);
        }
        self.lines += memchr::memchr_iter(b'\n', &self.pending).count() as u64;
        self.bytes += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

#[async_trait]
impl StepSink for LogSink {
    async fn created(&self) -> Result<(), SinkError> {
        let (answer, answered) = oneshot::channel();
        // The inbox outlives every step of its run; an answer that never comes says that the run is being left alone.
        let _ = self.post.send(Post::Created { key: self.key, answer });
        let left = || SinkError { message: "the run is not under way any more".to_owned(), hint: String::new() };
        answered.await.unwrap_or_else(|_| Err(left()))?;
        self.created.store(true, Ordering::Relaxed);
        Ok(())
    }

    async fn started(&self) {
        // The inbox outlives every step of its run.
        let _ = self.post.send(Post::Fact(Fact::StepStarted { key: self.key }));
    }

    fn position(&self) -> Position {
        self.position
    }

    async fn write(&self, bytes: &[u8], upto: Position) -> Result<(), SinkError> {
        let mut writer = self.writer.lock().await;
        let writer = &mut *writer;
        writer.take(bytes);
        writer.upto = upto;
        if writer.pending.len() >= CHUNK_BYTES || writer.failed.is_some() {
            writer.flush().await?;
        }
        self.news.notify_one();
        Ok(())
    }

    async fn gap(&self, upto: Option<Position>) -> Result<(), SinkError> {
        let mut writer = self.writer.lock().await;
        let writer = &mut *writer;
        writer.end_output();
        if writer.is_full {
            return Ok(());
        }
        if writer.pending.last().is_some_and(|last| *last != b'\n') {
            writer.pending.push(b'\n');
        }
        writer.pending.extend_from_slice(GAP.as_bytes());
        writer.upto = upto.unwrap_or(writer.upto);
        writer.flush().await?;
        self.news.notify_one();
        Ok(())
    }
}

#[async_trait]
impl Notes for LogSink {
    async fn note(&self, note: String) {
        // The inbox outlives every step of its run.
        let _ = self.post.send(Post::Fact(Fact::StepNoted { key: self.key, note }));
    }

    fn progress(&self, sentence: &str) {
        self.progress.hear(sentence);
    }
}
