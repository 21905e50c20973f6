//! The output of a container on its way to the sink: bytes unchanged, in large pieces, at the speed of the slower side.

use crate::error;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bytes::BytesMut;
use futures_util::{FutureExt as _, Stream, StreamExt as _};
use lp_backend::{BackendError, Position, StepSink};
use lp_model::message;
use std::time::Duration;
use tokio::sync::watch;

/// The sink gets pieces of about this size when the program prints faster than the sink takes it.
const PIECE: usize = 64 * 1024;

/// The end of the output follows the end of the program at once. Should the engine forget to close it, the step must not hang.
const QUIET_AFTER_EXIT: Duration = Duration::from_secs(10);

/// Copies everything to the sink; what comes first stands after `position`. Returns the position behind it when
/// the output has ended.
///
/// While the sink waits nothing is read, so the engine's buffer fills and the program waits too: memory stays bounded and
/// nothing is dropped.
pub(crate) async fn pump(
    mut output: impl Stream<Item = Result<LogOutput, Error>> + Unpin,
    position: Position,
    sink: &dyn StepSink,
    exited: watch::Receiver<bool>,
) -> Result<Position, BackendError> {
    let mut piece = BytesMut::with_capacity(PIECE);
    let mut upto = position;
    loop {
        let next = tokio::select! {
            biased;
            next = output.next() => next,
            () = quiet_after_exit(exited.clone()) => {
                sink.note(message!("the engine did not close the output of the ended step; its last lines may be missing")).await;
                return Ok(upto);
            }
        };
        let mut end = None;
        let mut next = Some(next);
        // Whatever has arrived meanwhile goes along: one write of 64 KiB costs the sink about as much as one of 40 bytes.
        while let Some(item) = next {
            match item {
                Some(Ok(chunk)) => {
                    let length = chunk.as_ref().len() as u64;
                    match chunk {
                        LogOutput::StdErr { .. } => upto.stderr += length,
                        _ => upto.stdout += length,
                    }
                    piece.extend_from_slice(chunk.as_ref());
                }
                Some(Err(error)) => end = Some(Err(error::call(message!("read the output of the step"), &error))),
                None => end = Some(Ok(())),
            }
            next = if end.is_none() && piece.len() < PIECE { output.next().now_or_never() } else { None };
        }
        if !piece.is_empty() {
            sink.write(&piece, upto).await?;
            piece.clear();
        }
        if let Some(end) = end {
            return end.map(|()| upto);
        }
    }
}

/// Ends when the program has ended and, from then on or from now, nothing has come for a while.
pub(crate) async fn quiet_after_exit(mut exited: watch::Receiver<bool>) {
    if exited.wait_for(|exited| *exited).await.is_err() {
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(QUIET_AFTER_EXIT).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use async_trait::async_trait;
    use bytes::Bytes;
    use futures_util::stream;
    use lp_backend::{Notes, SinkError};
    use lp_model::Message;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Pieces {
        pieces: Mutex<Vec<Vec<u8>>>,
        notes: Mutex<Vec<Message>>,
        full: bool,
    }

    #[async_trait]
    impl Notes for Pieces {
        async fn note(&self, note: Message) {
            self.notes.lock().unwrap().push(note);
        }

        fn progress(&self, _: Message) {}
    }

    #[async_trait]
    impl StepSink for Pieces {
        async fn created(&self) -> Result<(), SinkError> {
            Ok(())
        }

        async fn started(&self) {}

        fn position(&self) -> Position {
            Position::default()
        }

        async fn gap(&self, _: Option<Position>) -> Result<(), SinkError> {
            Ok(())
        }

        async fn write(&self, bytes: &[u8], _: Position) -> Result<(), SinkError> {
            self.pieces.lock().unwrap().push(bytes.to_vec());
            if self.full { Err(SinkError { message: Message::verbatim("disk full"), hint: Message::default() }) } else { Ok(()) }
        }
    }

    fn out(bytes: &'static [u8]) -> Result<LogOutput, Error> {
        Ok(LogOutput::StdOut { message: Bytes::from_static(bytes) })
    }

    fn running() -> watch::Receiver<bool> {
        watch::channel(false).1
    }

    #[tokio::test]
    async fn what_has_arrived_goes_in_one_piece() {
        let sink = Pieces::default();
        let output = stream::iter([out(b"a\0"), Ok(LogOutput::StdErr { message: Bytes::from_static(b"\xff\xfe") }), out(b"no newline")]);
        pump(output, Position::default(), &sink, running()).await.unwrap();
        assert_eq!(*sink.pieces.lock().unwrap(), [b"a\0\xff\xfeno newline".to_vec()]);
    }

    #[tokio::test]
    async fn pieces_stay_bounded() {
        let sink = Pieces::default();
        let block: &[u8] = &[b'x'; 32 * 1024];
        let output = stream::iter((0..8).map(|_| Ok(LogOutput::StdOut { message: Bytes::copy_from_slice(block) })));
        pump(output, Position::default(), &sink, running()).await.unwrap();
        let lengths: Vec<_> = sink.pieces.lock().unwrap().iter().map(Vec::len).collect();
        assert_eq!(lengths, [PIECE; 4]);
    }

    #[tokio::test]
    async fn what_came_before_an_error_is_kept() {
        let sink = Pieces::default();
        let output = stream::iter([out(b"before"), Err(Error::RequestTimeoutError)]);
        let error = pump(output, Position::default(), &sink, running()).await.unwrap_err();
        assert!(matches!(error, BackendError::Unreachable { .. }), "{error}");
        assert_eq!(*sink.pieces.lock().unwrap(), [b"before".to_vec()]);
    }

    #[tokio::test]
    async fn a_full_sink_ends_it() {
        let sink = Pieces { full: true, ..Default::default() };
        let error = pump(stream::repeat_with(|| out(b"x")), Position::default(), &sink, running()).await.unwrap_err();
        assert!(matches!(error, BackendError::Sink(_)), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn an_output_that_never_closes_ends_after_the_program() {
        let sink = Pieces::default();
        let (exited, receiver) = watch::channel(false);
        let output = stream::iter([out(b"last")]).chain(stream::pending());
        exited.send(true).unwrap();
        pump(output, Position::default(), &sink, receiver).await.unwrap();
        assert_eq!(*sink.pieces.lock().unwrap(), [b"last".to_vec()]);
        assert_eq!(sink.notes.lock().unwrap().len(), 1);
    }
}
