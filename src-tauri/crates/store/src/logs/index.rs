//! The index file: fixed records, appended after the bytes that they speak of, so that a torn or missing end only costs a scan.

use super::mark::{HEAD, Mark, MarkKind, classify};

/// Lines between two points.
pub(super) const LINES_PER_POINT: u64 = 256;
/// A point comes earlier when lines are long, so that a place in the file is never found by reading more than about this.
const BYTES_PER_POINT: u64 = 1 << 20;
/// Marks of one kind in one log; a log in which every line is an error has no use for more.
const MARKS_PER_KIND: u32 = 10_000;
/// Bytes of one record.
pub(super) const RECORD: usize = 32;

/// One entry of the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Record {
    /// A line starts here.
    Point(Point),
    /// A line worth jumping to.
    Mark(Mark),
    /// The log was complete with so many lines and bytes.
    Finished { lines: u64, bytes: u64 },
}

/// Where and when a line started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Point {
    pub line: u64,
    pub offset: u64,
    pub time_ms: i64,
}

const POINT: u32 = 1;
const COMMAND: u32 = 2;
const ERROR: u32 = 3;
const WARNING: u32 = 4;
const FINISHED: u32 = 5;

impl Record {
    /// Little-endian: line, offset, time (8 bytes each), tag, check sum (4 each).
    pub fn encode(self) -> [u8; RECORD] {
        let (line, offset, time_ms, tag) = match self {
            Self::Point(point) => (point.line, point.offset, point.time_ms, POINT),
            Self::Mark(Mark { line, kind: MarkKind::Command }) => (line, 0, 0, COMMAND),
            Self::Mark(Mark { line, kind: MarkKind::Error }) => (line, 0, 0, ERROR),
            Self::Mark(Mark { line, kind: MarkKind::Warning }) => (line, 0, 0, WARNING),
            Self::Finished { lines, bytes } => (lines, bytes, 0, FINISHED),
        };
        let mut out = [0; RECORD];
        out[..8].copy_from_slice(&line.to_le_bytes());
        out[8..16].copy_from_slice(&offset.to_le_bytes());
        out[16..24].copy_from_slice(&time_ms.to_le_bytes());
        out[24..28].copy_from_slice(&tag.to_le_bytes());
        let sum = check_sum(&out[..28]);
        out[28..].copy_from_slice(&sum.to_le_bytes());
        out
    }

    /// `None` for anything that [`Record::encode`] has not written.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let long = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
        let short = |at: usize| bytes.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes);
        if short(28)? != check_sum(&bytes[..28]) {
            return None;
        }
        let (line, offset, time_ms) = (long(0)?, long(8)?, long(16)?.cast_signed());
        let mark = |kind| Self::Mark(Mark { line, kind });
        match short(24)? {
            POINT => Some(Self::Point(Point { line, offset, time_ms })),
            COMMAND => Some(mark(MarkKind::Command)),
            ERROR => Some(mark(MarkKind::Error)),
            WARNING => Some(mark(MarkKind::Warning)),
            FINISHED => Some(Self::Finished { lines: line, bytes: offset }),
            _ => None,
        }
    }
}

/// FNV-1a: enough to tell a torn record from a whole one.
fn check_sum(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |sum, &byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

/// An index as far as it can be trusted.
#[derive(Debug, Default)]
pub(super) struct Index {
    pub points: Vec<Point>,
    /// Marks of lines before the last point. Later ones are found again by the scan.
    pub marks: Vec<Mark>,
    /// Marks of lines from the last point on, for a log that is finished.
    pub last_marks: Vec<Mark>,
    /// Lines and bytes of a finished log.
    pub finished: Option<(u64, u64)>,
    /// For each point: bytes of the index file up to and with it.
    ends: Vec<u64>,
}

impl Index {
    /// Takes records up to the first one that is torn, out of order, or speaks of bytes that the log (`log_bytes` long) does not have.
    pub fn decode(bytes: &[u8], log_bytes: u64) -> Self {
        let mut index = Self::default();
        for (number, chunk) in bytes.chunks_exact(RECORD).enumerate() {
            if index.finished.is_some() {
                // Written on after its end: the scan counts again.
                index.finished = None;
                break;
            }
            match Record::decode(chunk) {
                Some(Record::Point(point)) => {
                    let in_order = match index.points.last() {
                        None => point.line == 0 && point.offset == 0,
                        Some(last) => point.line > last.line && point.offset > last.offset,
                    };
                    if !in_order || point.offset > log_bytes {
                        break;
                    }
                    index.points.push(point);
                    index.marks.append(&mut index.last_marks);
                    index.ends.push(((number + 1) * RECORD) as u64);
                }
                Some(Record::Mark(mark)) => index.last_marks.push(mark),
                Some(Record::Finished { lines, bytes }) => {
                    index.finished = (bytes == log_bytes).then_some((lines, bytes));
                    if index.finished.is_none() {
                        break;
                    }
                }
                None => break,
            }
        }
        index
    }

    /// Forgets the last point and what follows it.
    pub fn drop_last_point(&mut self) {
        self.finished = None;
        self.last_marks.clear();
        self.points.pop();
        self.ends.pop();
        // The marks before the dropped point belong to the point before it, which is now the last one.
        let from = self.points.last().map_or(0, |point| point.line);
        self.marks.retain(|mark| mark.line < from);
    }

    /// Bytes of the index file up to and with the last point: what follows is found again by the scan.
    pub fn good_bytes(&self) -> u64 {
        self.ends.last().copied().unwrap_or_default()
    }

    /// The scanner that goes on from the last point.
    pub fn scanner(&self) -> Scanner {
        let mut scanner = Scanner::default();
        if let Some(point) = self.points.last() {
            scanner.line = point.line;
            scanner.offset = point.offset;
            scanner.point = Some(*point);
            scanner.open = true;
        }
        for mark in &self.marks {
            scanner.count(mark.kind);
        }
        scanner
    }
}

/// Turns the bytes of a log, in pieces of any size, into records.
#[derive(Debug, Default)]
pub(super) struct Scanner {
    /// Number of the line that is under way or comes next.
    pub line: u64,
    /// Bytes seen.
    pub offset: u64,
    /// Whether the line has had its first byte (or its point).
    open: bool,
    /// Beginning of the line under way.
    head: Vec<u8>,
    point: Option<Point>,
    marks: [u32; 3],
}

impl Scanner {
    /// Takes the next bytes in; their records go to `out`.
    pub fn feed(&mut self, mut bytes: &[u8], time_ms: i64, out: &mut Vec<Record>) {
        while !bytes.is_empty() {
            if !self.open {
                self.open = true;
                self.set_point(time_ms, out);
            }
            let end = memchr::memchr(b'\n', bytes);
            let text = &bytes[..end.unwrap_or(bytes.len())];
            let room = HEAD.saturating_sub(self.head.len());
            self.head.extend_from_slice(&text[..text.len().min(room)]);
            let Some(end) = end else {
                self.offset += bytes.len() as u64;
                return;
            };
            self.end_line(out);
            self.offset += end as u64 + 1;
            bytes = &bytes[end + 1..];
        }
    }

    /// Closes a last line without a line feed. The record of the end is the caller's.
    pub fn end(&mut self, out: &mut Vec<Record>) {
        if !self.head.is_empty() {
            self.end_line(out);
        }
    }

    /// Lines so far, one under way included. Not after [`Scanner::end`].
    pub fn lines(&self) -> u64 {
        // A scanner that goes on from a point is open before the first byte of its line.
        let has_bytes = self.open && self.point.is_none_or(|point| self.offset > point.offset);
        self.line + u64::from(has_bytes)
    }

    fn end_line(&mut self, out: &mut Vec<Record>) {
        if let Some(kind) = classify(&self.head)
            && self.count(kind)
        {
            out.push(Record::Mark(Mark { line: self.line, kind }));
        }
        self.head.clear();
        self.line += 1;
        self.open = false;
    }

    fn set_point(&mut self, time_ms: i64, out: &mut Vec<Record>) {
        let second = |time_ms: i64| time_ms.div_euclid(1_000);
        let is_due = |last: Point| {
            self.line - last.line >= LINES_PER_POINT
                || self.offset - last.offset >= BYTES_PER_POINT
                // So that each line has its second.
                || second(time_ms) != second(last.time_ms)
        };
        if self.point.is_none_or(is_due) {
            let point = Point { line: self.line, offset: self.offset, time_ms };
            self.point = Some(point);
            out.push(Record::Point(point));
        }
    }

    /// Counts a mark; `false` when its kind has had enough.
    fn count(&mut self, kind: MarkKind) -> bool {
        let count = match kind {
            MarkKind::Command => &mut self.marks[0],
            MarkKind::Error => &mut self.marks[1],
            MarkKind::Warning => &mut self.marks[2],
        };
        *count += 1;
        *count <= MARKS_PER_KIND
    }
}
