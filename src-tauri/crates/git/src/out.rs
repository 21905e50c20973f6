//! Entries of the tar stream of a working copy.

use crate::GitError;
use crate::stream::Pipe;
use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;
use tar::{Builder, EntryType, Header};

/// Longest path: no system that we unpack on takes more.
const PATH_BYTES: usize = 4096;

/// The tar stream, with what all its entries have in common.
pub(crate) struct Out<'a> {
    tar: Builder<&'a mut Pipe>,
    /// Seconds since 1970: when the commit was made.
    pub mtime: u64,
    /// Whether everybody may change what is written.
    open_modes: bool,
}

impl<'a> Out<'a> {
    pub fn new(pipe: &'a mut Pipe, mtime: u64, open_modes: bool) -> Self {
        Self { tar: Builder::new(pipe), mtime, open_modes }
    }

    pub fn folder(&mut self, path: &[u8]) -> io::Result<()> {
        let mut header = self.header(EntryType::Directory, 0o755, 0);
        self.tar.append_data(&mut header, as_path(path), io::empty())
    }

    /// A file of that many bytes.
    pub fn file(&mut self, path: &[u8], executable: bool, size: u64, content: impl Read) -> io::Result<()> {
        let mut header = self.header(EntryType::Regular, if executable { 0o755 } else { 0o644 }, size);
        self.tar.append_data(&mut header, as_path(path), content)
    }

    /// A file that is that many seconds newer than the others.
    pub fn newer_file(&mut self, path: &[u8], seconds: u64, content: &[u8]) -> io::Result<()> {
        let mut header = self.header(EntryType::Regular, 0o644, content.len() as u64);
        header.set_mtime(self.mtime + seconds);
        self.tar.append_data(&mut header, as_path(path), content)
    }

    pub fn link(&mut self, path: &[u8], target: &[u8]) -> io::Result<()> {
        let mut header = self.header(EntryType::Symlink, 0o777, 0);
        // As it stands in the commit where it fits; tar's way for long names takes the target apart and joins it again.
        if header.set_link_name_literal(target).is_ok() {
            self.tar.append_data(&mut header, as_path(path), io::empty())
        } else {
            self.tar.append_link(&mut header, as_path(path), as_path(target))
        }
    }

    pub fn finish(mut self) -> io::Result<()> {
        self.tar.finish()
    }

    fn header(&self, kind: EntryType, mode: u32, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        // With umask 0 the group and everybody else may do what the owner may, but run a file that is no program.
        header.set_mode(if self.open_modes { mode | (mode & 0o700) >> 3 | (mode & 0o700) >> 6 } else { mode });
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.mtime);
        header.set_size(size);
        header
    }
}

pub(crate) fn failed(error: impl Into<GitError>) -> io::Error {
    io::Error::other(error.into())
}

/// Adds a name to the path of its folder. Names that git itself refuses to check out are refused here.
pub(crate) fn join(prefix: &[u8], name: &[u8]) -> io::Result<Vec<u8>> {
    let illegal = name.is_empty() || name == b"." || name == b".." || name.eq_ignore_ascii_case(b".git") || name.contains(&b'/');
    let path = beside(prefix, name);
    if illegal || path.len() > PATH_BYTES {
        let shown = String::from_utf8_lossy(&path[..path.len().min(200)]).into_owned();
        return Err(failed(GitError::IllegalPath { path: shown }));
    }
    Ok(path)
}

/// A path below another one, which may be empty.
pub(crate) fn beside(prefix: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = prefix.to_vec();
    if !prefix.is_empty() {
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}

#[cfg(unix)]
pub(crate) fn as_path(bytes: &[u8]) -> Cow<'_, Path> {
    use std::os::unix::ffi::OsStrExt;
    Cow::Borrowed(Path::new(std::ffi::OsStr::from_bytes(bytes)))
}

/// Where paths are text, one that is not UTF-8 is shown with replacement characters.
#[cfg(not(unix))]
pub(crate) fn as_path(bytes: &[u8]) -> Cow<'_, Path> {
    Cow::Owned(std::path::PathBuf::from(String::from_utf8_lossy(bytes).into_owned()))
}
