//! A working copy on its way out: a tar stream that is written by a thread of its own.

use bytes::{Buf, Bytes, BytesMut};
use std::io::{self, Write};
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Size of the pieces that the packing thread hands over.
const PIECE: usize = 64 * 1024;
/// Pieces under way: with [`PIECE`], half a megabyte.
const PIECES: usize = 8;

/// The files of a commit as an uncompressed tar stream. The same commit always gives the same bytes for the files: entries in git's order, folders
/// before their files, times of the commit, owner 0. Symbolic links are kept. The repository of a working copy (`.git`) follows the
/// files; its references, index and settings are the same for the same wish, its pack files are as the repository stores its objects.
///
/// A blocking thread packs ahead by at most half a megabyte. Dropping the stream ends the thread at its next piece. What the repository
/// cannot give fails the read.
///
/// Memory stays flat but for two cases: a large file that is stored as a delta, or that a checkout converts (ends of lines, encoding), is put
/// together as a whole. git itself stores those of more than half a gigabyte whole.
#[derive(Debug)]
pub struct Pack {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
    packing: Option<JoinHandle<()>>,
}

impl Pack {
    /// Begins to write in a thread of its own. To be called where a tokio runtime is at hand.
    pub(crate) fn begin(write: impl FnOnce(&mut Pipe) -> io::Result<()> + Send + 'static) -> Self {
        let (sender, pieces) = mpsc::channel(PIECES);
        let packing = tokio::task::spawn_blocking(move || {
            let mut pipe = Pipe { sender, buffer: BytesMut::with_capacity(PIECE) };
            let done = write(&mut pipe).and_then(|()| pipe.flush());
            if let Err(error) = done {
                // Nobody listens when the stream was dropped: that is how it is stopped.
                let _ = pipe.sender.blocking_send(Err(error));
            }
        });
        Self { pieces, piece: Bytes::new(), packing: Some(packing) }
    }
}

impl AsyncRead for Pack {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        while self.piece.is_empty() {
            match std::task::ready!(self.pieces.poll_recv(cx)) {
                Some(Ok(piece)) => self.piece = piece,
                Some(Err(error)) => return Poll::Ready(Err(error)),
                None => {
                    // The end only counts when the thread came to it: a tar that just stops looks whole to some readers.
                    let Some(packing) = &mut self.packing else { return Poll::Ready(Ok(())) };
                    let ended = std::task::ready!(Pin::new(packing).poll(cx));
                    self.packing = None;
                    return Poll::Ready(ended.map_err(io::Error::other));
                }
            }
        }
        let count = self.piece.len().min(buf.remaining());
        buf.put_slice(&self.piece[..count]);
        self.piece.advance(count);
        Poll::Ready(Ok(()))
    }
}

/// The writing end: collects bytes into pieces and waits while the reader has enough.
pub(crate) struct Pipe {
    sender: mpsc::Sender<io::Result<Bytes>>,
    buffer: BytesMut,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = bytes.len().min(PIECE - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..count]);
        if self.buffer.len() == PIECE {
            self.flush()?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let piece = std::mem::replace(&mut self.buffer, BytesMut::with_capacity(PIECE)).freeze();
        self.sender.blocking_send(Ok(piece)).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}
