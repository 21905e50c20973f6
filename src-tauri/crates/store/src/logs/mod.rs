//! Logs of steps: `logs/RUN/STAGE-STEP-ATTEMPT.log` with the masked bytes as the program wrote them (ANSI kept), and beside it an index
//! `.idx` with the place and time of every 256th line and with marks. Blocking: async callers use `spawn_blocking`.
//!
//! The log is the truth, the index only saves work: it may be missing, behind or torn, then the bytes after its last good entry are
//! scanned. A log may be read while it is written. Lines count from 0 and end with `\n`; bytes after the last one are a line as well.

mod ansi;
mod index;
mod mark;
mod reader;
mod writer;

pub use mark::{Mark, MarkKind};
pub use reader::{Found, LogLine, LogRange, LogReader, LogSummary};
pub use writer::LogWriter;

use crate::StoreError;
use crate::database::private_folder;
use lp_model::{RunId, StepKey};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The folder of all logs.
#[derive(Debug, Clone)]
pub struct Logs {
    dir: PathBuf,
}

impl Logs {
    /// The logs of a data folder. Makes nothing yet.
    pub fn new(data_dir: &Path) -> Self {
        Self { dir: data_dir.join("logs") }
    }

    /// Opens the log of a step attempt for appending, creating it when it is not there. What a crash left behind stays, and the index is
    /// made good where it is behind. `now_ms` stands in for times that were lost. At most one writer per log at a time.
    pub fn writer(&self, run: &RunId, key: StepKey, now_ms: i64) -> Result<LogWriter, StoreError> {
        let path = self.path(run, key);
        private_folder(path.parent().unwrap_or(&self.dir))?;
        LogWriter::open(&path, now_ms)
    }

    /// Opens a log as it is now. [`StoreError::NotFound`] when the step has written none.
    pub fn reader(&self, run: &RunId, key: StepKey) -> Result<LogReader, StoreError> {
        LogReader::open(&self.path(run, key)).map_err(|error| match error {
            StoreError::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                StoreError::not_found("log", format!("{run} {key}"))
            }
            other => other,
        })
    }

    /// Removes all logs of a run; a run without any counts as removed.
    pub fn remove(&self, run: &RunId) -> Result<(), StoreError> {
        let folder = self.dir.join(run.as_str());
        match fs::remove_dir_all(&folder) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::io("remove", &folder, source)),
            _ => Ok(()),
        }
    }

    /// Where the log of a step attempt lies, whether it exists or not.
    pub fn path(&self, run: &RunId, key: StepKey) -> PathBuf {
        self.dir.join(run.as_str()).join(format!("{}-{}-{}.log", key.stage, key.step, key.attempt))
    }
}
