use crate::GitError;
use git2::{ObjectType, Oid};
use lp_model::message;
use sha1::{Digest, Sha1};
use std::io::{self, Read};

/// The name that git gives to an object with some content, in the making.
#[derive(Clone)]
pub(crate) struct ObjectName(Sha1);

impl ObjectName {
    /// Of an object of that kind and of so many bytes.
    pub fn of(kind: ObjectType, size: u64) -> Self {
        Self(Sha1::new_with_prefix(format!("{} {size}\0", kind.str())))
    }

    /// The next bytes of it.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Whether that is the name, now that all bytes were seen.
    pub fn is(self, id: Oid) -> bool {
        self.0.finalize()[..] == *id.as_bytes()
    }
}

/// A file that is read bit by bit: exactly the bytes that its name stands for, or an error before its end.
pub(crate) struct Exact<R> {
    reader: R,
    id: Oid,
    left: u64,
    name: ObjectName,
}

impl<R: Read> Exact<R> {
    /// A file of that name and size.
    pub fn new(reader: R, id: Oid, size: u64) -> Self {
        Self { reader, id, left: size, name: ObjectName::of(ObjectType::Blob, size) }
    }
}

impl<R: Read> Read for Exact<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        if room == 0 {
            return Ok(0);
        }
        let count = self.reader.read(&mut buffer[..room])?;
        if count == 0 {
            return Err(io::Error::other(GitError::corrupt(message!("an object ends too early"))));
        }
        self.name.update(&buffer[..count]);
        self.left -= count as u64;
        if self.left == 0 && !self.name.clone().is(self.id) {
            return Err(io::Error::other(GitError::corrupt(message!("the object `{}` holds something else", format_args!("{}", self.id)))));
        }
        Ok(count)
    }
}
