use crate::object::Exact;
use crate::packed::PackedFiles;
use crate::repository::open_for_reading;
use crate::tree::{EntryKind, kind_of};
use crate::{GitError, Repository};
use bytes::{Buf, Bytes, BytesMut};
use git2::{Odb, Oid, Tree};
use std::borrow::Cow;
use std::io::{self, Write};
use std::path::Path;
use std::pin::Pin;
use std::task::{Context, Poll};
use tar::{Builder, EntryType, Header};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Size of the pieces that the packing thread hands over.
const PIECE: usize = 64 * 1024;
/// Pieces under way: with [`PIECE`], half a megabyte.
const PIECES: usize = 8;
/// A file larger than this is read in pieces where git's storage allows it.
const STREAM_FROM: u64 = 1 << 20;
/// Longest path: no system that we unpack on takes more.
const PATH_BYTES: usize = 4096;

/// The files of a commit as an uncompressed tar stream. The same commit always gives the same bytes: entries in git's order, folders
/// before their files, times of the commit, owner 0, modes 644 and 755. Symbolic links are kept, submodules are empty folders.
///
/// A blocking thread packs ahead by at most half a megabyte. Dropping the stream ends the thread at its next piece. What the repository
/// cannot give fails the read.
///
/// Memory stays flat but for one case: a large file that is stored as a difference to another one is put together as a whole. git itself stores
/// those of more than half a gigabyte whole.
#[derive(Debug)]
pub struct Pack {
    pieces: mpsc::Receiver<io::Result<Bytes>>,
    piece: Bytes,
    packing: Option<JoinHandle<()>>,
}

impl Repository {
    /// Begins to pack a commit, given by its full id. To be called where a tokio runtime is at hand (also inside `spawn_blocking`).
    pub fn pack(&self, sha: &str) -> Result<Pack, GitError> {
        let commit = self.commit(sha)?;
        let (id, git_dir) = (commit.id(), self.git.path().to_owned());
        let (sender, pieces) = mpsc::channel(PIECES);
        let packing = tokio::task::spawn_blocking(move || {
            let mut pipe = Pipe { sender, buffer: BytesMut::with_capacity(PIECE) };
            let done = write_tar(&git_dir, id, &mut pipe).and_then(|()| pipe.flush());
            if let Err(error) = done {
                // Nobody listens when the stream was dropped: that is how it is stopped.
                let _ = pipe.sender.blocking_send(Err(error));
            }
        });
        Ok(Pack { pieces, piece: Bytes::new(), packing: Some(packing) })
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
struct Pipe {
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

fn failed(error: impl Into<GitError>) -> io::Error {
    io::Error::other(error.into())
}

fn write_tar(git_dir: &Path, commit: Oid, out: &mut Pipe) -> io::Result<()> {
    // A repository of its own: libgit2's are not shared between threads.
    let git = open_for_reading(git_dir).map_err(failed)?;
    let commit = git.find_commit(commit).map_err(failed)?;
    let mtime = u64::try_from(commit.time().seconds()).unwrap_or_default();
    let mut files = Files { packed: PackedFiles::of(git.commondir()), odb: git.odb().map_err(failed)? };
    let mut tar = Builder::new(out);
    // A stack of our own: the depth of folders is in the hands of whoever made the commit.
    let mut folders: Vec<(Tree<'_>, usize, Vec<u8>)> = vec![(commit.tree().map_err(failed)?, 0, Vec::new())];
    while let Some((tree, next, prefix)) = folders.last_mut() {
        let Some(entry) = tree.get(*next).map(|entry| entry.to_owned()) else {
            folders.pop();
            continue;
        };
        *next += 1;
        let path = join(prefix, entry.name_bytes())?;
        let id = entry.id();
        match kind_of(&entry) {
            Some(EntryKind::Folder) => {
                tar.append_data(&mut header(EntryType::Directory, 0o755, 0, mtime), as_path(&path), io::empty())?;
                let below = git.find_tree(id).map_err(failed)?;
                folders.push((below, 0, path));
            }
            Some(EntryKind::Submodule) => {
                tar.append_data(&mut header(EntryType::Directory, 0o755, 0, mtime), as_path(&path), io::empty())?;
            }
            Some(EntryKind::Link) => append_link(&mut tar, &path, files.odb.read(id).map_err(failed)?.data(), mtime)?,
            Some(EntryKind::File) => {
                let mode = if entry.filemode() & 0o111 == 0 { 0o644 } else { 0o755 };
                files.append(&mut tar, id, &path, mode, mtime)?;
            }
            None => return Err(failed(GitError::corrupt(format!("`{}` is of no known kind", String::from_utf8_lossy(&path))))),
        }
    }
    tar.finish()
}

/// Adds a name to the path of its folder. Names that git itself refuses to check out are refused here.
fn join(prefix: &[u8], name: &[u8]) -> io::Result<Vec<u8>> {
    let illegal = name.is_empty() || name == b"." || name == b".." || name.eq_ignore_ascii_case(b".git") || name.contains(&b'/');
    let mut path = prefix.to_vec();
    if !prefix.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    if illegal || path.len() > PATH_BYTES {
        let shown = String::from_utf8_lossy(&path[..path.len().min(200)]).into_owned();
        return Err(failed(GitError::corrupt(format!("`{shown}` is not a legal path"))));
    }
    Ok(path)
}

#[cfg(unix)]
fn as_path(bytes: &[u8]) -> Cow<'_, Path> {
    use std::os::unix::ffi::OsStrExt;
    Cow::Borrowed(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

/// Where paths are text, one that is not UTF-8 is shown with replacement characters.
#[cfg(not(unix))]
fn as_path(bytes: &[u8]) -> Cow<'_, Path> {
    Cow::Owned(std::path::PathBuf::from(String::from_utf8_lossy(bytes).into_owned()))
}

fn header(kind: EntryType, mode: u32, size: u64, mtime: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(mtime);
    header.set_size(size);
    header
}

fn append_link(tar: &mut Builder<&mut Pipe>, path: &[u8], target: &[u8], mtime: u64) -> io::Result<()> {
    let mut header = header(EntryType::Symlink, 0o777, 0, mtime);
    // As it stands in the commit where it fits; tar's way for long names takes the target apart and joins it again.
    if header.set_link_name_literal(target).is_ok() {
        tar.append_data(&mut header, as_path(path), io::empty())
    } else {
        tar.append_link(&mut header, as_path(path), as_path(target))
    }
}

/// Where the contents of files come from.
struct Files<'git> {
    packed: PackedFiles,
    /// For everything else, and the last word about what is damaged.
    odb: Odb<'git>,
}

impl Files<'_> {
    fn append(&mut self, tar: &mut Builder<&mut Pipe>, id: Oid, path: &[u8], mode: u32, mtime: u64) -> io::Result<()> {
        let header = |size| header(EntryType::Regular, mode, size, mtime);
        if let Some(place) = self.packed.find(id) {
            let whole = self.packed.whole_size(place);
            if let Some(size) = whole.filter(|size| *size > STREAM_FROM) {
                let mut exact = Exact::new(self.packed.stream(place)?, id, size);
                return tar.append_data(&mut header(size), as_path(path), &mut exact);
            }
            if let Some(bytes) = self.packed.read(place, id) {
                return tar.append_data(&mut header(bytes.len() as u64), as_path(path), &bytes[..]);
            }
        }
        let size = self.odb.read_header(id).map_err(failed)?.0 as u64;
        if size > STREAM_FROM
            && let Ok((reader, _, _)) = self.odb.reader(id)
        {
            return tar.append_data(&mut header(size), as_path(path), &mut Exact::new(reader, id, size));
        }
        tar.append_data(&mut header(size), as_path(path), self.odb.read(id).map_err(failed)?.data())
    }
}
