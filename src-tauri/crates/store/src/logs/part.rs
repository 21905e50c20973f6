//! A log piece by piece: every byte of it, however long its lines are. What is drawn of lines is [`LogReader::range`].

use super::reader::{LogReader, whole_characters};
use crate::StoreError;
use std::io::{Read, Seek, SeekFrom};

/// Most bytes of one [`LogReader::part`].
const PART_BYTES: usize = 1 << 20;
/// Fewest: a character has up to 4, and a part ends between two.
const LEAST_BYTES: usize = 4;

/// A place in a log: a byte of a line. The order of cursors is that of the places.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogCursor {
    /// The line, from 0.
    pub line: u64,
    /// The byte in it, from 0.
    pub byte: u64,
}

/// Bytes of a log as they were written, line feeds included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogPart {
    /// The bytes. They end between two characters, where they are UTF-8.
    pub bytes: Vec<u8>,
    /// Where the log goes on; `None` at its end.
    pub next: Option<LogCursor>,
}

impl LogReader {
    /// The bytes from a place on, at most `most` (and never more than 1 MB). Parts that are asked for one after the other, each from where the
    /// one before it ended, are together the log, byte for byte. `from` is where such a part ended, or the beginning of a line.
    pub fn part(&mut self, from: LogCursor, most: usize) -> Result<LogPart, StoreError> {
        let end = self.summary().bytes;
        let begin = self.offset_of(from.line)?.saturating_add(from.byte).min(end);
        let failed = |source| StoreError::io("read", &self.path, source);
        let room = usize::try_from(end.saturating_sub(begin)).unwrap_or(PART_BYTES).min(most.clamp(LEAST_BYTES, PART_BYTES));
        self.log.seek(SeekFrom::Start(begin)).map_err(failed)?;
        let mut bytes = Vec::with_capacity(room);
        (&self.log).take(room as u64).read_to_end(&mut bytes).map_err(failed)?;
        let read_to = begin + bytes.len() as u64;
        if read_to < end {
            let whole = whole_characters(&bytes);
            // Of what is no UTF-8, a part may end anywhere.
            bytes.truncate(if whole == 0 { bytes.len() } else { whole });
        }
        let feeds = memchr::memchr_iter(b'\n', &bytes).count() as u64;
        let behind_last = memchr::memrchr(b'\n', &bytes).map(|at| (bytes.len() - at - 1) as u64);
        let is_over = bytes.is_empty() || begin + bytes.len() as u64 >= end;
        let next = LogCursor { line: from.line + feeds, byte: behind_last.unwrap_or(from.byte + bytes.len() as u64) };
        Ok(LogPart { bytes, next: (!is_over).then_some(next) })
    }
}
