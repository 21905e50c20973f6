//! The output of a program that was started by an earlier process: the engine's own log from a position on, as the program wrote it.
//!
//! The engine keeps pieces of at most 16 KiB, a line or a part of one, and the log is all of them in a row; but its driver `local` (of version 20.10,
//! for one) forgets the line feed behind a line of several pieces. It is put back: the pieces of a line carry the same time, so a
//! piece with another time after one without a line feed begins a new line. Only behind the very last line nobody can see whether there
//! was one; that is known where somebody listened at that time ([`LastBytes`]), and taken to be so otherwise.
//!
//! Following a log loses a last line without a line feed now and then. So it is read once more when the program has ended.

use bollard::container::LogOutput;
use bollard::errors::Error;
use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt as _};
use lp_backend::Position;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Longest text that can be the time before a piece.
const TIME_LIMIT: usize = 40;

/// The newest byte of each stream since somebody listens.
#[derive(Debug, Clone, Default)]
pub(crate) struct LastBytes(Arc<Mutex<[Option<u8>; 2]>>);

impl LastBytes {
    /// Takes note of a piece of output.
    pub fn see(&self, chunk: &LogOutput) {
        if let Some(last) = chunk.as_ref().last() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner)[stream_of(chunk)] = Some(*last);
        }
    }

    fn of(&self, stream: usize) -> Option<u8> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[stream]
    }
}

/// 0 is standard output, 1 standard error.
fn stream_of(chunk: &LogOutput) -> usize {
    usize::from(matches!(chunk, LogOutput::StdErr { .. }))
}

fn chunk_of(stream: usize, message: Bytes) -> LogOutput {
    if stream == 1 { LogOutput::StdErr { message } } else { LogOutput::StdOut { message } }
}

/// One stream of a log, while it is read from its beginning.
#[derive(Default)]
struct Reading {
    /// Bytes that were taken before and have not come by yet.
    skip: u64,
    /// The time of the newest piece.
    time: Bytes,
    /// Its line has no end yet.
    open: bool,
    /// It is not the first of its line.
    continued: bool,
}

impl Reading {
    /// What the program wrote for a piece of the log, with the line feed before it that the engine has forgotten.
    fn restored(&mut self, mut piece: Bytes, forgets: bool) -> BytesMut {
        let time = match piece.iter().take(TIME_LIMIT).position(|byte| *byte == b' ') {
            Some(end) => piece.split_to(end + 1),
            None => Bytes::new(),
        };
        let mut out = BytesMut::with_capacity(piece.len() + 1);
        let continued = self.open && time == self.time;
        if self.open && !continued && forgets {
            out.extend_from_slice(b"\n");
        }
        out.extend_from_slice(&piece);
        // The end of a line that filled its pieces to the last byte is a piece of its own, with nothing in it.
        if continued && piece.is_empty() && forgets {
            out.extend_from_slice(b"\n");
        }
        self.open = if out.is_empty() { self.open } else { !out.ends_with(b"\n") };
        self.continued = continued;
        self.time = time;
        out
    }

    /// What was not taken before.
    fn news(&mut self, mut bytes: BytesMut) -> Bytes {
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        self.skip -= skip as u64;
        bytes.split_off(skip).freeze()
    }

    /// The line feed that was forgotten at the end of the log, if there was one.
    fn end(&mut self, heard: Option<u8>) -> Bytes {
        // A line of one piece keeps its line feed, so this one had none.
        let forgotten = self.open && self.continued && heard.is_none_or(|last| last == b'\n');
        self.news(if forgotten { BytesMut::from(&b"\n"[..]) } else { BytesMut::new() })
    }
}

/// How a log is to be read.
pub(crate) struct Manner {
    /// What was taken before.
    pub position: Position,
    /// Whether the engine forgets line feeds.
    pub forgets: bool,
    /// The log is whole, and this was heard last. `None` while it may still grow.
    pub end: Option<LastBytes>,
    /// Is set when a whole log has less than was taken before.
    pub is_short: Arc<AtomicBool>,
}

/// What is new in a log with times.
pub(crate) fn news(
    log: impl Stream<Item = Result<LogOutput, Error>> + Send + 'static,
    manner: Manner,
) -> impl Stream<Item = Result<LogOutput, Error>> + Send + 'static {
    let reading = |skip| Reading { skip, ..Default::default() };
    let mut streams = [reading(manner.position.stdout), reading(manner.position.stderr)];
    let ended = stream::iter([None, None].into_iter().enumerate());
    let pieces = log.map(|piece| (0, Some(piece))).chain(ended);
    pieces.filter_map(move |(stream, piece)| {
        let new = match piece {
            Some(Ok(piece)) => {
                let stream = stream_of(&piece);
                let restored = streams[stream].restored(piece.into_bytes(), manner.forgets);
                Some(Ok(chunk_of(stream, streams[stream].news(restored))))
            }
            Some(Err(error)) => Some(Err(error)),
            None => {
                let end = match &manner.end {
                    Some(heard) if manner.forgets => Some(Ok(chunk_of(stream, streams[stream].end(heard.of(stream))))),
                    _ => None,
                };
                if manner.end.is_some() && streams[stream].skip > 0 {
                    manner.is_short.store(true, Ordering::Relaxed);
                }
                end
            }
        };
        std::future::ready(new.filter(|new| new.as_ref().map_or(true, |chunk| !chunk.as_ref().is_empty())))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pieces of a log: "1 text" is standard output, "1! text" standard error, at time 1.
    fn log(pieces: &[&'static str]) -> Vec<Result<LogOutput, Error>> {
        let piece = |text: &&'static str| match text.split_once("! ") {
            Some((time, rest)) => chunk_of(1, format!("{time} {rest}").into()),
            None => chunk_of(0, Bytes::from_static(text.as_bytes())),
        };
        pieces.iter().map(piece).map(Ok).collect()
    }

    /// What comes of it, standard error in capitals; `heard` last on standard output.
    async fn read(log: Vec<Result<LogOutput, Error>>, stdout: u64, stderr: u64, forgets: bool, heard: Option<u8>) -> String {
        let last = LastBytes::default();
        if let Some(byte) = heard {
            last.see(&chunk_of(0, vec![b'x', byte].into()));
        }
        let manner = Manner { position: Position { stdout, stderr }, forgets, end: Some(last), is_short: Arc::default() };
        let pieces = news(stream::iter(log), manner).map(|piece| match piece {
            Ok(LogOutput::StdErr { message }) => String::from_utf8_lossy(&message).to_uppercase(),
            Ok(other) => String::from_utf8_lossy(&other.into_bytes()).into_owned(),
            Err(_) => "!".to_owned(),
        });
        pieces.collect::<Vec<_>>().await.concat()
    }

    #[tokio::test]
    async fn what_was_taken_is_skipped_in_each_stream() {
        let log = || log(&["1 one\n", "2! uno\n", "3 two two\n", "4! due\n", "5 three"]);
        assert_eq!(read(log(), 0, 0, true, None).await, "one\nUNO\ntwo two\nDUE\nthree");
        assert_eq!(read(log(), 6, 4, true, None).await, "o two\nDUE\nthree");
        assert_eq!(read(log(), 17, 8, true, None).await, "");
        // More than there is: a log that lost something must not begin again.
        assert_eq!(read(log(), 99, 99, true, None).await, "");
    }

    #[tokio::test]
    async fn a_log_that_was_emptied_is_told_from_one_that_was_read() {
        for (taken, expected) in [(4, false), (5, true)] {
            let is_short = Arc::new(AtomicBool::new(false));
            let position = Position { stdout: taken, stderr: 0 };
            let manner = Manner { position, forgets: true, end: Some(LastBytes::default()), is_short: is_short.clone() };
            assert_eq!(news(stream::iter(log(&["1 one\n"])), manner).count().await, 0);
            assert_eq!(is_short.load(Ordering::Relaxed), expected, "{taken}");
        }
    }

    #[tokio::test]
    async fn forgotten_line_feeds_are_put_back() {
        let log = || log(&["1 aa", "1 a", "2! b\n", "3 c\n", "4 dd", "4 ", "5 ee", "5 ee", "5 e", "6 f\n"]);
        assert_eq!(read(log(), 0, 0, true, None).await, "aaaB\n\nc\ndd\neeeee\nf\n");
        // Counted as if they had been there.
        assert_eq!(read(log(), 3, 2, true, None).await, "\nc\ndd\neeeee\nf\n");
        assert_eq!(read(log(), 4, 2, true, None).await, "c\ndd\neeeee\nf\n");
        assert_eq!(read(log(), 9, 2, true, None).await, "eeeee\nf\n");
    }

    #[tokio::test]
    async fn an_engine_that_forgets_nothing_is_left_alone() {
        let log = || log(&["1 aa", "1 a\n", "2 bb", "3 b\n", "4 cc", "4 c"]);
        assert_eq!(read(log(), 0, 0, false, None).await, "aaa\nbbb\nccc");
        assert_eq!(read(self::log(&["1 aa", "1 a\n", "2 b\n", "3 b"]), 0, 0, true, None).await, "aaa\nb\nb");
    }

    #[tokio::test]
    async fn the_end_of_the_last_line() {
        let long = || log(&["1 aa", "1 a"]);
        assert_eq!(read(long(), 0, 0, true, None).await, "aaa\n");
        assert_eq!(read(long(), 0, 0, true, Some(b'\n')).await, "aaa\n");
        assert_eq!(read(long(), 0, 0, true, Some(b'a')).await, "aaa");
        assert_eq!(read(long(), 4, 0, true, None).await, "");
        // Of one piece, or of pieces that are all full: the log tells.
        assert_eq!(read(log(&["1 a"]), 0, 0, true, None).await, "a");
        assert_eq!(read(log(&["1 aa"]), 1, 0, true, Some(b'\n')).await, "a");
        assert_eq!(read(log(&["1 aa", "1 "]), 0, 0, true, None).await, "aa\n");
    }

    #[tokio::test]
    async fn an_error_passes() {
        let mut log = log(&["1 one\n"]);
        log.push(Err(Error::RequestTimeoutError));
        assert_eq!(read(log, 1, 0, true, None).await, "ne\n!");
    }

    #[tokio::test]
    async fn a_log_that_may_grow_has_no_end() {
        let manner = Manner { position: Position::default(), forgets: true, end: None, is_short: Arc::default() };
        let pieces: Vec<_> = news(stream::iter(log(&["1 aa", "1 a"])), manner).collect().await;
        assert_eq!(pieces.len(), 2);
    }
}
