//! Logs of steps: `logs/RUN/STAGE-STEP-ATTEMPT.log` with the masked bytes as the program wrote them (ANSI kept), and beside it an index
//! `.idx` with places and times (of every 256th line, and wherever the second changes) and with marks. Blocking: async callers use `spawn_blocking`.
//!
//! The log is the truth, the index only saves work: it may be missing, behind or torn, then the bytes after its last good entry are
//! scanned. While its run is under way, a third file `.pos` tells how much of the step's output is in the log, so that another process can go
//! on at that byte. A log may be read while it is written. Lines count from 0 and end with `\n`; bytes after the last one are a line as well.

mod ansi;
mod excerpt;
mod index;
mod mark;
mod part;
mod pattern;
mod position;
mod reader;
mod writer;

pub use mark::{Mark, MarkKind};
pub use part::{LogCursor, LogPart};
pub use pattern::{Hit, Pattern};
pub use position::LogPosition;
pub use reader::{Found, LogLine, LogRange, LogReader, LogSummary};
pub use writer::LogWriter;

use crate::StoreError;
use crate::private::private_folder;
use lp_model::{RunId, StageNumber, StepKey, StepNumber};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Of how many runs the lines of finished logs are remembered.
const REMEMBERED: usize = 200;

/// The folder of all logs. Clones share what they remember.
#[derive(Debug, Clone)]
pub struct Logs {
    dir: PathBuf,
    /// Lines of logs that are finished: whoever looks at a run wants them of all of its steps, again and again.
    lines: Arc<Mutex<HashMap<RunId, HashMap<StepKey, u64>>>>,
}

impl Logs {
    /// The logs of a data folder. Makes nothing yet.
    pub fn new(data_dir: &Path) -> Self {
        Self { dir: data_dir.join(crate::folder::LOGS), lines: Arc::default() }
    }

    /// Opens the log of a step attempt for appending, creating it when it is not there. What a crash left behind stays up to the last position
    /// that was told ([`LogWriter::position`]), the rest is cut off, and the index is made good where it is behind. `now_ms` stands in for
    /// times that were lost. At most one writer per log at a time. [`StoreError::Conflict`] when the log is complete and its run over.
    pub fn writer(&self, run: &RunId, key: StepKey, now_ms: i64) -> Result<LogWriter, StoreError> {
        let path = self.path(run, key);
        self.forget_lines(run);
        private_folder(path.parent().unwrap_or(&self.dir))?;
        LogWriter::open(&path, now_ms)
    }

    /// Opens a log as it is now. [`StoreError::NotFound`] when the step has written none.
    pub fn reader(&self, run: &RunId, key: StepKey) -> Result<LogReader, StoreError> {
        self.reader_unless(&|| false, run, key)
    }

    /// As [`Self::reader`]. A log whose index was lost, or that is one line without an end, is read once to be opened: [`StoreError::Stopped`] when
    /// `stops` says so meanwhile.
    pub fn reader_unless(&self, stops: &dyn Fn() -> bool, run: &RunId, key: StepKey) -> Result<LogReader, StoreError> {
        LogReader::open(&self.path(run, key), stops).map_err(|error| match error {
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                StoreError::not_found("log", format!("{run} {key}"))
            }
            other => other,
        })
    }

    /// Lines of a log without opening it, where it is finished and was asked for before.
    pub fn known_lines(&self, run: &RunId, key: StepKey) -> Option<u64> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).get(run)?.get(&key).copied()
    }

    /// Lines of a log as it is now, as [`Self::reader`].
    pub fn lines(&self, run: &RunId, key: StepKey) -> Result<u64, StoreError> {
        if let Some(lines) = self.known_lines(run, key) {
            return Ok(lines);
        }
        let summary = self.reader(run, key)?.summary();
        if summary.finished {
            let mut known = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED && !known.contains_key(run) {
                known.clear();
            }
            known.entry(run.clone()).or_default().insert(key, summary.lines);
        }
        Ok(summary.lines)
    }

    fn forget_lines(&self, run: &RunId) {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).remove(run);
    }

    /// Removes the positions in the logs of a run that is over: nobody will go on with them.
    pub fn forget_positions(&self, run: &RunId) -> Result<(), StoreError> {
        let folder = self.dir.join(run.as_str());
        let entries = match fs::read_dir(&folder) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(|source| StoreError::io("list", &folder, source))?,
        };
        let paths = entries.flatten().map(|entry| entry.path());
        paths.filter(|path| path.extension().is_some_and(|ending| ending == "pos")).try_for_each(|path| {
            fs::remove_file(&path).or_else(|source| match source.kind() {
                io::ErrorKind::NotFound => Ok(()),
                _ => Err(StoreError::io("remove", &path, source)),
            })
        })
    }

    /// Removes all logs of a run; a run without any counts as removed.
    pub fn remove(&self, run: &RunId) -> Result<(), StoreError> {
        self.forget_lines(run);
        let folder = self.dir.join(run.as_str());
        match fs::remove_dir_all(&folder) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", &folder, source)),
            _ => Ok(()),
        }
    }

    /// What all logs of a run take, in bytes.
    pub fn bytes(&self, run: &RunId) -> u64 {
        crate::folder::bytes_of(&self.dir.join(run.as_str()))
    }

    /// The step attempts of a run that have written something, in their order.
    pub fn steps(&self, run: &RunId) -> Result<Vec<StepKey>, StoreError> {
        let folder = self.dir.join(run.as_str());
        let entries = match fs::read_dir(&folder) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(|source| StoreError::io("list", &folder, source))?,
        };
        let mut keys: Vec<StepKey> = entries.flatten().filter_map(|entry| key_of(entry.file_name().to_str()?)).collect();
        keys.sort_unstable_by_key(|key| (key.stage, key.step, key.attempt));
        Ok(keys)
    }

    /// The runs that have a folder of logs, in no order.
    pub fn runs(&self) -> Result<Vec<RunId>, StoreError> {
        match fs::read_dir(&self.dir) {
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(source) => Err(StoreError::io("list", &self.dir, source)),
            Ok(entries) => Ok(entries.flatten().filter_map(|entry| RunId::parse(entry.file_name().to_str()?)).collect()),
        }
    }

    /// Where the log of a step attempt lies, whether it exists or not.
    pub fn path(&self, run: &RunId, key: StepKey) -> PathBuf {
        self.dir.join(run.as_str()).join(format!("{}-{}-{}.log", key.stage, key.step, key.attempt))
    }
}

/// The step attempt that a log file is of.
fn key_of(name: &str) -> Option<StepKey> {
    let mut numbers = name.strip_suffix(".log")?.split('-').map(|number| number.parse().ok());
    let (stage, step, attempt) = (numbers.next()??, numbers.next()??, numbers.next()??);
    numbers.next().is_none().then_some(StepKey { stage: StageNumber(stage), step: StepNumber(step), attempt })
}
