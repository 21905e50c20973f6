//! Large files that lie beside the repository (git-lfs), with a pointer in the commit.

use std::fs::File;
use std::path::{Path, PathBuf};

/// A pointer is a short text (git-lfs docs/spec.md).
const POINTER_BYTES: usize = 1024;

/// Where the files lie.
pub(crate) struct LfsStore {
    folder: PathBuf,
}

/// What a pointer says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pointer {
    /// SHA-256 of the file, in hexadecimal.
    pub oid: String,
    /// Its bytes.
    pub size: u64,
}

impl LfsStore {
    /// That of a repository, whose setting `lfs.storage` may name another folder.
    pub fn of(git: &git2::Repository) -> Self {
        let storage = git.config().ok().and_then(|config| config.get_path("lfs.storage").ok());
        Self { folder: git.commondir().join(storage.unwrap_or_else(|| PathBuf::from("lfs"))).join("objects") }
    }

    /// The file that a pointer names, if it is here and has the right size.
    pub fn open(&self, pointer: &Pointer) -> Option<File> {
        let file = File::open(self.path(pointer)).ok()?;
        file.metadata().is_ok_and(|about| about.is_file() && about.len() == pointer.size).then_some(file)
    }

    fn path(&self, pointer: &Pointer) -> PathBuf {
        let oid = &pointer.oid;
        Path::new(&self.folder).join(&oid[..2]).join(&oid[2..4]).join(oid)
    }
}

impl Pointer {
    /// The pointer that a file is, if it is one.
    pub fn read(content: &[u8]) -> Option<Self> {
        if content.len() > POINTER_BYTES {
            return None;
        }
        let text = std::str::from_utf8(content).ok()?;
        let mut lines = text.lines();
        lines.next()?.strip_prefix("version https://git-lfs.github.com/spec/")?;
        let (mut oid, mut size) = (None, None);
        for line in lines {
            match line.split_once(' ')? {
                ("oid", value) => oid = value.strip_prefix("sha256:").map(str::to_owned),
                ("size", value) => size = value.parse().ok(),
                _ => {}
            }
        }
        let oid = oid.filter(|oid| oid.len() == 64 && oid.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))?;
        Some(Self { oid, size: size? })
    }
}
