//! The output of a program that was started by an earlier process: the engine's own log from a position on, with the last byte right.
//!
//! The log holds what the program wrote, byte for byte, but for one thing: the engine writes lines, and gives the last one a line feed when
//! the program did not. Whether it did is known where somebody listened at that time: [`LastBytes`] of an attached connection while
//! the program still runs, or an earlier process that had taken everything but that one byte. A last line that was printed while nobody
//! listened, by a program that has ended since, keeps the engine's line feed.

use bollard::container::LogOutput;
use bollard::errors::Error;
use futures_util::stream::{self, Stream, StreamExt as _};
use lp_backend::Position;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// How long a line feed at the end of what has arrived may be held back. The engine's own line feed comes at the end of the program, which
/// is known in a moment; one that comes while the program goes on is the program's.
const HOLD: Duration = Duration::from_secs(1);

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

fn chunk_of(stream: usize, message: bytes::Bytes) -> LogOutput {
    if stream == 1 { LogOutput::StdErr { message } } else { LogOutput::StdOut { message } }
}

/// One stream of the log.
#[derive(Default)]
struct Reading {
    /// Bytes that an earlier process has taken and that have not come by yet.
    skip: u64,
    /// Bytes that came by and are no news.
    skipped: u64,
    /// The last of them.
    last_skipped: Option<u8>,
    /// Whether more has come than that and the held line feed.
    has_news: bool,
    /// A line feed at the end of what has come, held back because it may be the engine's.
    held: bool,
}

impl Reading {
    /// What is new of a chunk.
    fn take(&mut self, bytes: &bytes::Bytes) -> bytes::BytesMut {
        let skip = usize::try_from(self.skip).unwrap_or(usize::MAX).min(bytes.len());
        let (old, mut new) = (&bytes[..skip], &bytes[skip..]);
        self.skip -= skip as u64;
        self.skipped += skip as u64;
        self.last_skipped = old.last().copied().or(self.last_skipped);
        let mut out = bytes::BytesMut::new();
        if new.is_empty() {
            return out;
        }
        if std::mem::take(&mut self.held) {
            out.extend_from_slice(b"\n");
            self.has_news = true;
        }
        if let Some(rest) = new.strip_suffix(b"\n") {
            self.held = true;
            new = rest;
        }
        self.has_news |= !new.is_empty();
        out.extend_from_slice(new);
        out
    }

    /// Whether the line feed that is held at the end of the log is the engine's.
    fn is_engines(&self, last_heard: Option<u8>) -> bool {
        match last_heard {
            Some(last) => last != b'\n',
            // Somebody had taken all of the line but this byte. An empty line would be the program's.
            None => !self.has_news && self.skipped > 0 && self.last_skipped != Some(b'\n'),
        }
    }
}

struct State<S> {
    log: S,
    streams: [Reading; 2],
    heard: LastBytes,
    exited: watch::Receiver<bool>,
    /// Not yet given, the next one last.
    ready: Vec<LogOutput>,
    ended: bool,
}

/// The log from the position on. `exited` says whether the program has ended.
pub(crate) fn from_position(
    log: impl Stream<Item = Result<LogOutput, Error>> + Unpin + Send + 'static,
    position: Position,
    heard: LastBytes,
    exited: watch::Receiver<bool>,
) -> impl Stream<Item = Result<LogOutput, Error>> + Send + 'static {
    let reading = |skip| Reading { skip, ..Default::default() };
    let streams = [reading(position.stdout), reading(position.stderr)];
    let state = State { log, streams, heard, exited, ready: Vec::new(), ended: false };
    stream::unfold(state, |mut state| async move {
        loop {
            if let Some(chunk) = state.ready.pop() {
                return Some((Ok(chunk), state));
            }
            if state.ended {
                return None;
            }
            let holds = state.streams.iter().any(|stream| stream.held);
            let next = tokio::select! {
                biased;
                next = state.log.next() => next,
                () = tokio::time::sleep(HOLD), if holds && !*state.exited.borrow() => {
                    if !*state.exited.borrow() {
                        state.let_go_of(0);
                        state.let_go_of(1);
                    }
                    continue;
                }
            };
            match next {
                Some(Ok(chunk)) => {
                    let stream = stream_of(&chunk);
                    let new = state.streams[stream].take(&chunk.into_bytes());
                    if !new.is_empty() {
                        state.ready.push(chunk_of(stream, new.freeze()));
                        // A line of the one stream must not be cut by a line of the other.
                        state.let_go_of(1 - stream);
                    }
                }
                Some(Err(error)) => {
                    // Nothing is known of the end: whoever goes on will meet the held bytes again.
                    state.ended = true;
                    return Some((Err(error), state));
                }
                None => {
                    state.ended = true;
                    for stream in [0, 1] {
                        if state.streams[stream].held && state.streams[stream].is_engines(state.heard.of(stream)) {
                            state.streams[stream].held = false;
                        }
                        state.let_go_of(stream);
                    }
                }
            }
        }
    })
}

impl<S> State<S> {
    /// Gives the line feed that is held of a stream.
    fn let_go_of(&mut self, stream: usize) {
        if std::mem::take(&mut self.streams[stream].held) {
            self.streams[stream].has_news = true;
            self.ready.push(chunk_of(stream, bytes::Bytes::from_static(b"\n")));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(text: &'static str) -> Result<LogOutput, Error> {
        Ok(chunk_of(0, bytes::Bytes::from_static(text.as_bytes())))
    }

    fn err(text: &'static str) -> Result<LogOutput, Error> {
        Ok(chunk_of(1, bytes::Bytes::from_static(text.as_bytes())))
    }

    /// What comes of a log, standard error in capitals, a bar between the pieces.
    async fn read(log: Vec<Result<LogOutput, Error>>, stdout: u64, stderr: u64, heard: Option<u8>) -> String {
        let last = LastBytes::default();
        if let Some(byte) = heard {
            last.see(&chunk_of(0, vec![b'x', byte].into()));
        }
        let (_exited, receiver) = watch::channel(true);
        let output = from_position(stream::iter(log), Position { stdout, stderr }, last, receiver);
        let pieces = output.map(|piece| match piece {
            Ok(LogOutput::StdErr { message }) => String::from_utf8_lossy(&message).to_uppercase(),
            Ok(other) => String::from_utf8_lossy(&other.into_bytes()).into_owned(),
            Err(_) => "!".to_owned(),
        });
        pieces.collect::<Vec<_>>().await.concat()
    }

    #[tokio::test]
    async fn what_was_taken_is_skipped_in_each_stream() {
        let log = || vec![out("one\n"), err("uno\n"), out("two\n"), err("due\n"), out("three\n")];
        assert_eq!(read(log(), 0, 0, None).await, "one\nUNO\ntwo\nDUE\nthree\n");
        assert_eq!(read(log(), 6, 4, None).await, "o\nDUE\nthree\n");
        assert_eq!(read(log(), 14, 8, None).await, "");
        // More than there is: a log that lost something must not begin again.
        assert_eq!(read(log(), 99, 99, None).await, "");
    }

    #[tokio::test]
    async fn the_engines_own_line_feed_is_left_out() {
        // Somebody listened to the end: what he heard last counts.
        assert_eq!(read(vec![out("one\n"), out("end\n")], 4, 0, Some(b'd')).await, "end");
        assert_eq!(read(vec![out("one\n"), out("end\n")], 4, 0, Some(b'\n')).await, "end\n");
        // Everything but it was taken before.
        assert_eq!(read(vec![out("one\n"), out("end\n")], 7, 0, None).await, "");
        // An empty line at the end is the program's.
        assert_eq!(read(vec![out("one\n"), out("\n")], 4, 0, None).await, "\n");
        assert_eq!(read(vec![out("\n")], 0, 0, None).await, "\n");
        // Nobody can know.
        assert_eq!(read(vec![out("one\n"), out("end\n")], 6, 0, None).await, "d\n");
        assert_eq!(read(vec![out("end\n")], 0, 0, None).await, "end\n");
    }

    #[tokio::test]
    async fn an_error_ends_it_without_a_guess() {
        assert_eq!(read(vec![out("one\n"), Err(Error::RequestTimeoutError)], 0, 0, None).await, "one!");
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_feed_is_not_held_while_the_program_goes_on() {
        let (_exited, receiver) = watch::channel(false);
        let log = stream::iter([out("line\n")]).chain(stream::pending());
        let mut output = Box::pin(from_position(log, Position::default(), LastBytes::default(), receiver));
        for expected in ["line", "\n"] {
            assert_eq!(output.next().await.unwrap().unwrap().into_bytes(), expected);
        }
    }
}
