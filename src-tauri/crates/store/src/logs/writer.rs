use super::index::{Index, Record, Scanner};
use super::position::{LogPosition, Pair, PositionFile};
use super::reader::BYTES_PER_QUESTION;
use crate::StoreError;
use crate::private::private_file;
use lp_model::message;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Appends to the log of one step attempt. Nothing is buffered: what [`LogWriter::append`] has taken survives a crash of the app, and
/// what it has taken up to a position is still there when the log is opened again.
#[derive(Debug)]
pub struct LogWriter {
    path: PathBuf,
    log: File,
    index: File,
    scanner: Scanner,
    /// Good bytes of the index file.
    index_bytes: u64,
    /// Records that could not be written yet: the log goes on without them.
    waiting: Vec<Record>,
    positions: PositionFile,
    position: LogPosition,
}

impl LogWriter {
    pub(super) fn open(path: &Path, now_ms: i64) -> Result<Self, StoreError> {
        let open = |path: &Path| {
            let mut options = File::options();
            options.create(true).truncate(false).read(true).write(true);
            private_file(&mut options, path).map_err(|source| StoreError::io("open", path, source))
        };
        let positions_path = position_path(path);
        let is_known = positions_path.exists();
        let (mut log, mut index) = (open(path)?, open(&path.with_extension("idx"))?);
        let io = |source| StoreError::io("read", path, source);

        let mut bytes = Vec::new();
        index.read_to_end(&mut bytes).map_err(io)?;
        let there = log.metadata().map_err(io)?.len();
        if !is_known && Index::decode(&bytes, there).finished.is_some() {
            let message = message!("`{}` is complete", path.display());
            return Err(StoreError::Conflict { what: "output", message });
        }
        let (positions, pair) =
            PositionFile::open(open(&positions_path)?, there).map_err(|source| StoreError::io("open", &positions_path, source))?;
        let Pair { log_bytes, position } = pair.unwrap_or_default();
        // What came after the last pair comes again.
        log.set_len(log_bytes).map_err(io)?;
        let mut known = Index::decode(&bytes, log_bytes);
        known.drop_points_off_line_starts(&mut log).map_err(io)?;
        let last_ms = known.points.last().map_or(now_ms, |point| point.time_ms);
        let mut scanner = known.scanner();
        let mut found = Vec::new();
        scan(&mut log, &mut scanner, last_ms, &mut found, &|| false).map_err(io)?;
        let index_bytes = known.good_bytes();
        let mut writer = Self { path: path.to_owned(), log, index, scanner, index_bytes, waiting: found, positions, position };
        // Cuts off what was torn and what the scan has just found again.
        writer.index.set_len(index_bytes).map_err(io)?;
        writer.write_waiting()?;
        Ok(writer)
    }

    /// Appends masked bytes that arrived at `now_ms` (milliseconds since 1970 UTC). `upto` says how much of the step's output is in the log after
    /// them; `None` when that cannot be said: such bytes are cut off again when the log is opened by another process, unless a later call
    /// said it. On an error, such as [`StoreError::DiskFull`], everything is as it was before the call, and the call may be repeated.
    pub fn append(&mut self, bytes: &[u8], now_ms: i64, upto: Option<LogPosition>) -> Result<(), StoreError> {
        let before = self.scanner.offset;
        let written = self.log.seek(SeekFrom::Start(before)).and_then(|_| self.log.write_all(bytes));
        // After the bytes: a pair must never speak of bytes that are not there.
        let written = written.and_then(|()| match upto {
            Some(position) => self.positions.set(Pair { log_bytes: before + bytes.len() as u64, position }),
            None => Ok(()),
        });
        if let Err(source) = written {
            // Giving back half a chunk cannot fail for want of space; if it fails otherwise, the first error is the one to tell.
            let _ = self.log.set_len(before);
            return Err(StoreError::io("append to", &self.path, source));
        }
        self.position = upto.unwrap_or(self.position);
        self.scanner.feed(bytes, now_ms, &mut self.waiting);
        // An index that is behind costs the reader a scan, the step nothing.
        let _ = self.write_waiting();
        Ok(())
    }

    /// How much of the step's output is in the log: where to go on after it was opened.
    pub fn position(&self) -> LogPosition {
        self.position
    }

    /// Lines so far, one under way included.
    pub fn lines(&self) -> u64 {
        self.scanner.lines()
    }

    /// Bytes so far.
    pub fn bytes(&self) -> u64 {
        self.scanner.offset
    }

    /// Marks the log as complete. After it a reader needs no scan. The position stays: should the process die before the end of the step is
    /// written down, the log is opened again ([`crate::Logs::forget_positions`] removes it when it has served).
    pub fn finish(mut self) -> Result<(), StoreError> {
        let (lines, bytes) = (self.lines(), self.bytes());
        self.scanner.end(&mut self.waiting);
        self.waiting.push(Record::Finished { lines, bytes });
        self.write_waiting()
    }

    fn write_waiting(&mut self) -> Result<(), StoreError> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let bytes: Vec<u8> = self.waiting.iter().flat_map(|record| record.encode()).collect();
        let written = self.index.seek(SeekFrom::Start(self.index_bytes)).and_then(|_| self.index.write_all(&bytes));
        written.map_err(|source| StoreError::io("append to", &self.path.with_extension("idx"), source))?;
        self.index_bytes += bytes.len() as u64;
        self.waiting.clear();
        Ok(())
    }
}

/// Where the positions of a log lie.
pub(super) fn position_path(log: &Path) -> PathBuf {
    log.with_extension("pos")
}

/// Reads the log from where the scanner stands; whether to its end, which it is unless `stops` says so.
pub(super) fn scan(
    log: &mut File,
    scanner: &mut Scanner,
    time_ms: i64,
    out: &mut Vec<Record>,
    stops: &dyn Fn() -> bool,
) -> std::io::Result<bool> {
    log.seek(SeekFrom::Start(scanner.offset))?;
    let mut buffer = vec![0; 128 * 1024];
    let mut unasked = 0;
    loop {
        match log.read(&mut buffer) {
            Ok(0) => return Ok(true),
            Ok(n) => {
                scanner.feed(&buffer[..n], time_ms, out);
                unasked += n as u64;
                if unasked >= BYTES_PER_QUESTION {
                    unasked = 0;
                    if stops() {
                        return Ok(false);
                    }
                }
            }
            Err(source) if source.kind() == std::io::ErrorKind::Interrupted => {}
            Err(source) => return Err(source),
        }
    }
}

impl Index {
    /// Drops points, from the last one back, that do not stand behind a line feed of this log: the index belongs to other bytes.
    pub(super) fn drop_points_off_line_starts(&mut self, log: &mut File) -> std::io::Result<()> {
        while let Some(point) = self.points.last().filter(|point| point.offset > 0) {
            log.seek(SeekFrom::Start(point.offset - 1))?;
            let mut before = [0];
            log.read_exact(&mut before)?;
            if before == [b'\n'] {
                break;
            }
            self.drop_last_point();
        }
        Ok(())
    }
}
