use super::index::{Index, Point, Record};
use super::mark::Mark;
use super::pattern::{Hit, Pattern};
use super::writer::scan;
use crate::StoreError;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Take, Write};
use std::path::{Path, PathBuf};

/// Most lines of one [`LogReader::range`].
const RANGE_LINES: usize = 1_000;
/// Most bytes of one line that are given back; nobody reads the rest in a window.
const LINE_BYTES: usize = 16 * 1024;
/// Most hits of one [`LogReader::find`].
const HITS: usize = 1_000;
/// Bytes of one line that are searched.
const FIND_LINE_BYTES: usize = 16 << 20;
/// How often a search asks whether it is still wanted: every so many lines, and every so many bytes, also in the middle of a line.
const LINES_PER_QUESTION: u64 = 512;
pub(super) const BYTES_PER_QUESTION: u64 = 1 << 20;
/// Bytes that one [`LogReader::find`] looks through before it gives back what it has.
const FIND_BYTES: u64 = 64 << 20;

/// A log as it was when it was opened: bytes that are appended later are not seen. Opening costs the index and at most 255 lines,
/// unless the index was lost.
#[derive(Debug)]
pub struct LogReader {
    pub(super) path: PathBuf,
    pub(super) log: File,
    points: Vec<Point>,
    marks: Vec<Mark>,
    summary: LogSummary,
}

/// Size of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogSummary {
    /// Lines, one without a line feed at the end included.
    pub lines: u64,
    /// Bytes.
    pub bytes: u64,
    /// Whether the step has closed it. A log of a step that was interrupted never is.
    pub finished: bool,
}

/// Some lines of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRange {
    /// The lines, in order.
    pub lines: Vec<LogLine>,
    /// The line after them, while there is one.
    pub next: Option<u64>,
}

/// One line of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLine {
    /// Its number, from 0.
    pub number: u64,
    /// Its bytes as written, without the line feed, at most 16 KB: not always UTF-8.
    pub bytes: Vec<u8>,
    /// How many bytes were cut off its end.
    pub cut: u64,
}

/// What a search has found so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Matching lines, in order.
    pub hits: Vec<Hit>,
    /// Bytes that were looked through.
    pub bytes: u64,
    /// Where to go on: the search ended early because it had enough hits or had read enough.
    pub next: Option<u64>,
}

impl LogReader {
    /// [`StoreError::Stopped`] when `stops` says so while a log without an index is read.
    pub(super) fn open(path: &Path, stops: &dyn Fn() -> bool) -> Result<Self, StoreError> {
        let io = |source| StoreError::io("read", path, source);
        let mut log = File::open(path).map_err(io)?;
        // The index first: the writer appends to the log before the index, so no entry can be ahead of the length that is asked next.
        let index = match fs::read(path.with_extension("idx")) {
            Ok(bytes) => bytes,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(io(source)),
        };
        let bytes = log.metadata().map_err(io)?.len();
        let mut index = Index::decode(&index, bytes);
        index.drop_points_off_line_starts(&mut log).map_err(io)?;
        if let Some((lines, bytes)) = index.finished {
            let (points, mut marks) = (index.points, index.marks);
            marks.append(&mut index.last_marks);
            return Ok(Self { path: path.to_owned(), log, points, marks, summary: LogSummary { lines, bytes, finished: true } });
        }
        let mut scanner = index.scanner();
        let time_ms = index.points.last().map_or(0, |point| point.time_ms);
        let mut found = Vec::new();
        if !scan(&mut log, &mut scanner, time_ms, &mut found, stops).map_err(io)? {
            return Err(StoreError::Stopped);
        }
        let summary = LogSummary { lines: scanner.lines(), bytes: scanner.offset, finished: false };
        scanner.end(&mut found);
        let (mut points, mut marks) = (index.points, index.marks);
        for record in found {
            match record {
                Record::Point(point) => points.push(point),
                Record::Mark(mark) => marks.push(mark),
                Record::Finished { .. } => {}
            }
        }
        Ok(Self { path: path.to_owned(), log, points, marks, summary })
    }

    /// How long the log is.
    pub fn summary(&self) -> LogSummary {
        self.summary
    }

    /// Whether the last line has no line feed yet. Also when the log became shorter since it was opened: a chunk that found no room on the
    /// disk is taken back, and what it had begun is nothing that stays.
    pub fn ends_in_a_line(&mut self) -> Result<bool, StoreError> {
        let failed = |source| StoreError::io("read", &self.path, source);
        let Some(last) = self.summary.bytes.checked_sub(1) else { return Ok(false) };
        self.log.seek(SeekFrom::Start(last)).map_err(failed)?;
        let mut byte = Vec::with_capacity(1);
        (&self.log).take(1).read_to_end(&mut byte).map_err(failed)?;
        Ok(byte != *b"\n")
    }

    /// Lines worth jumping to, in order, at most 10 000 of a kind.
    pub fn marks(&self) -> &[Mark] {
        &self.marks
    }

    /// When a line began, up to a second before, milliseconds since 1970 UTC. A log whose index was lost knows no times but those of blocks.
    pub fn time_ms(&self, line: u64) -> Option<i64> {
        self.point(line).filter(|_| line < self.summary.lines).map(|point| point.time_ms)
    }

    /// Lines from `from` on: at most `count` (and never more than 1 000), and no further line once there are `max_bytes`.
    pub fn range(&mut self, from: u64, count: usize, max_bytes: usize) -> Result<LogRange, StoreError> {
        let mut range = LogRange { lines: Vec::new(), next: None };
        let last = from.saturating_add(count.min(RANGE_LINES) as u64).min(self.summary.lines);
        let mut size = 0;
        let mut lines = self.lines_from(from, &|| false)?;
        let mut number = from;
        while number < last && size < max_bytes.max(1) {
            let mut bytes = Vec::new();
            let Some(length) = lines.next_shown(LINE_BYTES, &mut bytes)? else { break };
            if length > bytes.len() as u64 {
                let whole = whole_characters(&bytes);
                bytes.truncate(whole);
            }
            size += bytes.len();
            range.lines.push(LogLine { number, cut: length - bytes.len() as u64, bytes });
            number += 1;
        }
        range.next = (number < self.summary.lines).then_some(number);
        Ok(range)
    }

    /// The lines from `from` on that match; of a line of more than 16 MB only the beginning. Gives back what it has after 1 000 hits or 64 MB, or
    /// when `stops` says so, which is asked every few lines and every megabyte, also in the middle of a line.
    pub fn find(&mut self, pattern: &Pattern, from: u64, stops: &dyn Fn() -> bool) -> Result<Found, StoreError> {
        let mut found = Found { hits: Vec::new(), bytes: 0, next: None };
        let total = self.summary.lines;
        let mut lines = match self.lines_from(from, stops) {
            Err(StoreError::Stopped) => return Ok(Found { next: Some(from), ..found }),
            other => other?,
        };
        let mut line = Vec::new();
        for number in from..total {
            let is_asked = (number - from).is_multiple_of(LINES_PER_QUESTION);
            if found.hits.len() == HITS || found.bytes > FIND_BYTES || is_asked && stops() {
                found.next = Some(number);
                break;
            }
            line.clear();
            match lines.next(FIND_LINE_BYTES, &mut line) {
                Ok(Some(length)) => found.bytes += length,
                Ok(None) => break,
                Err(StoreError::Stopped) => {
                    found.next = Some(number);
                    break;
                }
                Err(error) => return Err(error),
            }
            found.hits.extend(pattern.find(number, &mut line));
        }
        Ok(found)
    }

    /// Copies the whole log as it was written. Returns the number of bytes.
    pub fn copy_to(&mut self, out: &mut impl Write) -> Result<u64, StoreError> {
        let failed = |source| StoreError::io("copy", &self.path, source);
        self.log.seek(SeekFrom::Start(0)).map_err(failed)?;
        io::copy(&mut (&self.log).take(self.summary.bytes), out).map_err(failed)
    }

    /// Where a line begins, in bytes; the end of the log for one that is not there.
    pub(super) fn offset_of(&mut self, line: u64) -> Result<u64, StoreError> {
        let (mut at, mut offset) = self.point(line).map_or((0, 0), |point| (point.line, point.offset));
        let bytes = self.summary.bytes;
        let mut lines = self.lines_from(at, &|| false)?;
        while at < line {
            let Some(length) = lines.next(0, &mut Vec::new())? else { return Ok(bytes) };
            offset += length + 1;
            at += 1;
        }
        Ok(offset.min(bytes))
    }

    fn point(&self, line: u64) -> Option<Point> {
        let after = self.points.partition_point(|point| point.line <= line);
        self.points.get(after.checked_sub(1)?).copied()
    }

    fn lines_from<'a>(&'a mut self, line: u64, stops: &'a dyn Fn() -> bool) -> Result<Lines<'a>, StoreError> {
        let start = self.point(line);
        let (mut at, offset) = start.map_or((0, 0), |point| (point.line, point.offset));
        self.log.seek(SeekFrom::Start(offset)).map_err(|source| StoreError::io("read", &self.path, source))?;
        let reader = BufReader::with_capacity(128 * 1024, (&self.log).take(self.summary.bytes.saturating_sub(offset)));
        let mut lines = Lines { path: &self.path, reader, stops, unasked: 0 };
        while at < line && lines.next(0, &mut Vec::new())?.is_some() {
            at += 1;
        }
        Ok(lines)
    }
}

/// Reads line by line without ever holding more of one than it is asked to. [`StoreError::Stopped`] as soon as `stops` says so.
struct Lines<'a> {
    path: &'a Path,
    reader: BufReader<Take<&'a File>>,
    stops: &'a dyn Fn() -> bool,
    /// Bytes that were read since it was asked.
    unasked: u64,
}

impl Lines<'_> {
    /// Appends at most `keep` bytes of the next line to `out`; returns its whole length without the line feed, `None` at the end.
    fn next(&mut self, keep: usize, out: &mut Vec<u8>) -> Result<Option<u64>, StoreError> {
        self.next_with(keep, out, false)
    }

    /// The same, but of a line that is longer and was written over with carriage returns (a progress bar) the last version that a terminal
    /// shows, instead of the first bytes.
    fn next_shown(&mut self, keep: usize, out: &mut Vec<u8>) -> Result<Option<u64>, StoreError> {
        self.next_with(keep, out, true)
    }

    fn next_with(&mut self, keep: usize, out: &mut Vec<u8>, last_version: bool) -> Result<Option<u64>, StoreError> {
        let (mut length, mut any) = (0, false);
        // A carriage return was the last byte: what comes after it writes the line over.
        let mut returned = false;
        loop {
            let buffer = self.reader.fill_buf().map_err(|source| StoreError::io("read", self.path, source))?;
            if buffer.is_empty() {
                return Ok(any.then_some(length));
            }
            any = true;
            let end = memchr::memchr(b'\n', buffer);
            let text = &buffer[..end.unwrap_or(buffer.len())];
            let mut shown = text;
            if last_version && keep > 0 && out.len() + text.len() > keep {
                let before_last = text.strip_suffix(b"\r").unwrap_or(text);
                if let Some(at) = memchr::memrchr(b'\r', before_last) {
                    out.clear();
                    shown = &text[at + 1..];
                } else if returned && !before_last.is_empty() {
                    out.clear();
                }
            }
            returned = text.last() == Some(&b'\r');
            let room = keep.saturating_sub(out.len());
            out.extend_from_slice(&shown[..shown.len().min(room)]);
            length += text.len() as u64;
            let used = end.map_or(text.len(), |end| end + 1);
            self.reader.consume(used);
            self.unasked += used as u64;
            if self.unasked >= BYTES_PER_QUESTION {
                self.unasked = 0;
                if (self.stops)() {
                    return Err(StoreError::Stopped);
                }
            }
            if end.is_some() {
                return Ok(Some(length));
            }
        }
    }
}

/// How many bytes to keep so that a cut does not go through a UTF-8 character.
pub(super) fn whole_characters(bytes: &[u8]) -> usize {
    match std::str::from_utf8(bytes) {
        Err(error) if error.error_len().is_none() => error.valid_up_to(),
        _ => bytes.len(),
    }
}
