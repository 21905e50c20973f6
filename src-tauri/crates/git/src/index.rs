//! The file `.git/index` of a working copy that was just checked out.

use git2::Oid;
use sha1::{Digest, Sha1};

/// A file of the working copy as the index knows it.
pub(crate) struct IndexEntry {
    /// Path from the root.
    pub path: Vec<u8>,
    /// Mode as trees have it.
    pub mode: u32,
    /// Its object.
    pub id: Oid,
    /// Bytes in the working copy (the low 32 bits count).
    pub size: u64,
}

/// The index, version 2 of its format. Of what the file system says of a file, only time and size can be known before it is there;
/// `core.checkStat = minimal` makes git compare no more, so that nothing is read again to find that it is unchanged.
pub(crate) fn index(entries: &mut [IndexEntry], mtime: u64) -> Vec<u8> {
    entries.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let mut bytes = Vec::with_capacity(12 + entries.iter().map(|entry| 72 + entry.path.len()).sum::<usize>() + 20);
    bytes.extend(b"DIRC");
    bytes.extend(2_u32.to_be_bytes());
    bytes.extend((entries.len() as u32).to_be_bytes());
    let seconds = mtime as u32;
    for entry in entries {
        let size = if entry.mode == 0o160_000 { 0 } else { entry.size as u32 };
        // Times of change and modification, device, inode, mode, user, group, size.
        for field in [seconds, 0, seconds, 0, 0, 0, entry.mode, 0, 0, size] {
            bytes.extend(field.to_be_bytes());
        }
        bytes.extend(entry.id.as_bytes());
        bytes.extend((entry.path.len().min(0xfff) as u16).to_be_bytes());
        bytes.extend(&entry.path);
        let length = 62 + entry.path.len();
        bytes.resize(bytes.len() + 8 - length % 8, 0);
    }
    let sum = Sha1::digest(&bytes);
    bytes.extend(sum);
    bytes
}
