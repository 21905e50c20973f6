//! The way of a step's output: the backend hands pieces to a [`LogSink`], a bounded channel carries them to the writer of that log (a task of its
//! own), and the writer masks them, appends them to the log and tells about it now and then. A log that is slower than the program slows the
//! program down.

use crate::messages::{Fact, Notice, Post};
use crate::ports::{OpenLog, StepLog};
use crate::progress::Progress;
use async_trait::async_trait;
use lp_backend::{CancelHandle, CancelStage, Notes, Position, SinkError, StepSink};
use lp_model::{Message, message};
use lp_model::{RunId, StepKey};
use lp_secret::masker::{MaskStream, Masker};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::{AbortOnDropHandle, TaskTracker};

/// Output is handed to the log in chunks of this size, or as often as it is shown.
const CHUNK_BYTES: usize = 256 * 1024;

/// How many pieces of output may be on their way to the writer; backends read 64 KiB at a time.
const PIECES: usize = 8;

/// What the log says where output is missing.
const GAP: &str = "(some output is missing here: it was not there any more when it was read)\n";

/// At most 30 notices a second.
const NOTICE_INTERVAL: Duration = Duration::from_millis(34);

/// The face of a step's log towards the backend.
pub(crate) struct LogSink {
    key: StepKey,
    post: mpsc::UnboundedSender<Post>,
    progress: Progress,
    /// Where the output goes on.
    position: Position,
    /// That the program is about to be started is stored.
    created: AtomicBool,
    /// How much of the output was handed on.
    upto: Mutex<Position>,
    pieces: mpsc::Sender<Piece>,
    /// Why nothing can be written any more.
    broken: Arc<OnceLock<SinkError>>,
    writer: AbortOnDropHandle<Result<(), SinkError>>,
}

/// What is on its way to the writer.
enum Piece {
    /// Output, and how much of it there is with this piece.
    Output(Vec<u8>, Position),
    /// Output is missing here; it goes on there, if that is known.
    Gap(Option<Position>),
}

/// Where a step's log is, and whom its writer tells.
pub(crate) struct LogPlace {
    pub run: RunId,
    pub key: StepKey,
    pub masker: Masker,
    pub log: OpenLog,
    /// How many bytes the log may have.
    pub limit: u64,
    pub post: mpsc::UnboundedSender<Post>,
    pub notices: broadcast::Sender<Notice>,
    /// To kill the step when nobody could read what it does.
    pub stop: CancelHandle,
}

struct Writer {
    run: RunId,
    key: StepKey,
    notices: broadcast::Sender<Notice>,
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
}

impl LogSink {
    /// Starts the writer, on a tracker that knows when no writer of the run is left.
    pub fn new(place: LogPlace, writers: &TaskTracker) -> Self {
        let LogPlace { run, key, masker, log, limit, post, notices, stop } = place;
        let progress = Progress::new(run.clone(), key.stage, Some(key), masker.clone(), notices.clone());
        let OpenLog { log, position, lines, bytes } = log;
        // One that was full already has said so.
        let is_full = bytes >= limit;
        let writer =
            Writer { run, key, notices, mask: masker.stream(), log, pending: Vec::new(), upto: position, lines, bytes, limit, is_full };
        let (pieces, inbox) = mpsc::channel(PIECES);
        let broken = Arc::new(OnceLock::new());
        let told = Arc::clone(&broken);
        let writer = writers.spawn(async move {
            let written = writer.write(inbox).await;
            if let Err(error) = &written {
                let _ = told.set(error.clone());
                // Nobody could read what the step does: the end of the step says why.
                stop.advance(CancelStage::Kill);
            }
            written
        });
        let (created, upto) = (AtomicBool::new(false), Mutex::new(position));
        Self { key, post, progress, position, created, upto, pieces, broken, writer: AbortOnDropHandle::new(writer) }
    }

    /// Whether the program may have been started since this sink was made.
    pub fn is_created(&self) -> bool {
        self.created.load(Ordering::Relaxed)
    }

    /// Between two calls of the backend: the next one goes on behind what the last one has handed on.
    pub fn go_on(&mut self) {
        self.position = *self.upto.lock().unwrap_or_else(PoisonError::into_inner);
    }

    /// The output is complete: waits until the writer has written everything out.
    pub async fn finish(self) -> Result<(), SinkError> {
        drop(self.pieces);
        let panicked = |error| SinkError {
            message: message!("the writer of the log failed unexpectedly: {}", Message::verbatim(error)),
            hint: Message::default(),
        };
        self.writer.await.unwrap_or_else(|error| Err(panicked(error)))
    }

    async fn hand_on(&self, piece: Piece, upto: Option<Position>) -> Result<(), SinkError> {
        if self.pieces.send(piece).await.is_err() {
            // The writer ends before its sink only when it is broken or has panicked.
            let panicked = || SinkError { message: message!("the writer of the log has ended"), hint: Message::default() };
            return Err(self.broken.get().cloned().unwrap_or_else(panicked));
        }
        if let Some(upto) = upto {
            *self.upto.lock().unwrap_or_else(PoisonError::into_inner) = upto;
        }
        Ok(())
    }
}

impl Writer {
    /// Writes what comes until nothing comes any more.
    async fn write(mut self, mut inbox: mpsc::Receiver<Piece>) -> Result<(), SinkError> {
        let mut shown: Option<Instant> = None;
        let mut is_news = false;
        loop {
            let due = shown.map_or_else(Instant::now, |shown| shown + NOTICE_INTERVAL);
            tokio::select! {
                biased;
                piece = inbox.recv() => match piece {
                    Some(piece) => {
                        self.take(piece);
                        is_news = true;
                        if self.pending.len() >= CHUNK_BYTES {
                            self.flush().await?;
                        }
                    }
                    None => break,
                },
                () = sleep_until(due), if is_news => {
                    self.flush().await?;
                    self.tell();
                    (shown, is_news) = (Some(Instant::now()), false);
                }
            }
            // A program that never pauses is shown as well.
            if is_news && shown.is_none_or(|shown| shown.elapsed() >= NOTICE_INTERVAL) {
                self.flush().await?;
                self.tell();
                (shown, is_news) = (Some(Instant::now()), false);
            }
        }
        self.end_output();
        self.flush().await?;
        self.log.finish().await?;
        self.tell();
        Ok(())
    }

    fn take(&mut self, piece: Piece) {
        match piece {
            Piece::Output(bytes, upto) => {
                self.upto = upto;
                if !self.is_full {
                    self.mask.push(&bytes, &mut self.pending);
                    self.stay_within();
                }
            }
            Piece::Gap(upto) => {
                self.end_output();
                if self.is_full {
                    return;
                }
                if self.pending.last().is_some_and(|last| *last != b'\n') {
                    self.pending.push(b'\n');
                }
                self.pending.extend_from_slice(GAP.as_bytes());
                self.upto = upto.unwrap_or(self.upto);
            }
        }
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
        if self.pending.is_empty() {
            return Ok(());
        }
        self.log.append(&self.pending, (self.mask.held() == 0).then_some(self.upto)).await?;
        self.lines += memchr::memchr_iter(b'\n', &self.pending).count() as u64;
        self.bytes += self.pending.len() as u64;
        self.pending.clear();
        Ok(())
    }

    fn tell(&self) {
        // An error only says that nobody listens.
        let _ = self.notices.send(Notice::Log { run: self.run.clone(), key: self.key, lines: self.lines, bytes: self.bytes });
    }
}

#[async_trait]
impl StepSink for LogSink {
    async fn created(&self) -> Result<(), SinkError> {
        let (answer, answered) = oneshot::channel();
        // The inbox outlives every step of its run; an answer that never comes says that the run is being left alone.
        let _ = self.post.send(Post::Created { key: self.key, answer });
        let left = || SinkError { message: message!("the run is not under way any more"), hint: Message::default() };
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
        self.hand_on(Piece::Output(bytes.to_vec(), upto), Some(upto)).await
    }

    async fn gap(&self, upto: Option<Position>) -> Result<(), SinkError> {
        self.hand_on(Piece::Gap(upto), upto).await
    }
}

#[async_trait]
impl Notes for LogSink {
    async fn note(&self, note: Message) {
        // The inbox outlives every step of its run.
        let _ = self.post.send(Post::Fact(Fact::StepNoted { key: self.key, note }));
    }

    fn progress(&self, sentence: Message) {
        self.progress.hear(sentence);
    }
}
