//! One pack file and its index, version 2 of its format (git: `Documentation/gitformat-pack.adoc`).

use super::{NAME, damaged};
use git2::Oid;
use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// Bytes of an index before its names: magic, version and the table of first bytes.
const INDEX_HEAD: u64 = 8 + 256 * 4;
/// Names that are read at once when few enough are left to look through.
const NAMES: u32 = 512;

/// Pack files that are open, by the path of their index, for all that read at the same time: stages of a run read the same ones, and open files
/// are few.
static OPEN: Mutex<BTreeMap<PathBuf, Weak<PackFile>>> = Mutex::new(BTreeMap::new());

/// One pack file and its index. Both stay open, so that a `git gc` meanwhile takes nothing away.
#[derive(Debug)]
pub(crate) struct PackFile {
    /// Name of the pack without its ending, `pack-…`.
    name: String,
    pack: File,
    index: File,
    /// How many objects have a name whose first byte is at most this.
    upto: [u32; 256],
}

/// An object as the index of its pack file names it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Indexed {
    pub id: Oid,
    pub offset: u64,
    pub crc: u32,
}

impl PackFile {
    /// The pack file of that index: the one that is open already, or opened now.
    pub(super) fn shared(index: &Path) -> io::Result<Arc<Self>> {
        let mut open = OPEN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = open.get(index).and_then(Weak::upgrade) {
            return Ok(known);
        }
        open.retain(|_, pack| pack.strong_count() > 0);
        let pack = Arc::new(Self::open(index)?);
        open.insert(index.to_owned(), Arc::downgrade(&pack));
        Ok(pack)
    }

    /// Name of the pack without its ending, `pack-…`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The file of the objects.
    pub fn pack(&self) -> &File {
        &self.pack
    }

    /// The file of their names.
    pub fn index(&self) -> &File {
        &self.index
    }

    /// All objects of the pack in the order of their offsets.
    pub fn indexed(&self) -> io::Result<Vec<Indexed>> {
        let count = self.upto[255] as usize;
        let mut bytes = vec![0; count.checked_mul(NAME + 8).ok_or_else(damaged)?];
        read_exact_at(&self.index, &mut bytes, INDEX_HEAD)?;
        let (names, rest) = bytes.split_at(count * NAME);
        let (crcs, offsets) = rest.split_at(count * 4);
        let mut objects = Vec::with_capacity(count);
        for ((name, crc), offset) in names.chunks_exact(NAME).zip(crcs.chunks_exact(4)).zip(offsets.chunks_exact(4)) {
            let offset = self.offset(number_of(offset))?;
            objects.push(Indexed { id: Oid::from_bytes(name).map_err(io::Error::other)?, offset, crc: number_of(crc) });
        }
        objects.sort_unstable_by_key(|object| object.offset);
        Ok(objects)
    }

    fn open(index_path: &Path) -> io::Result<Self> {
        let index = File::open(index_path)?;
        let mut head = [0; INDEX_HEAD as usize];
        read_exact_at(&index, &mut head, 0)?;
        // The first version of the format has another layout; git has not written it since 2007.
        if head[..8] != *b"\xfftOc\0\0\0\x02" {
            return Err(damaged());
        }
        let mut upto = [0; 256];
        for (number, bytes) in upto.iter_mut().zip(head[8..].chunks_exact(4)) {
            *number = number_of(bytes);
        }
        if !upto.is_sorted() {
            return Err(damaged());
        }
        let name = index_path.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        Ok(Self { name, pack: File::open(index_path.with_extension("pack"))?, index, upto })
    }

    /// Where the object of that name begins.
    pub(super) fn find(&self, name: &[u8]) -> io::Result<Option<u64>> {
        let first = usize::from(name[0]);
        let mut low = if first == 0 { 0 } else { self.upto[first - 1] };
        let mut high = self.upto[first];
        let names = |number: u32| INDEX_HEAD + u64::from(number) * NAME as u64;
        while high - low > NAMES {
            let middle = low + (high - low) / 2;
            let mut found = [0; NAME];
            read_exact_at(&self.index, &mut found, names(middle))?;
            if *name < found[..] {
                high = middle;
            } else {
                low = middle;
            }
        }
        let mut left = vec![0; (high - low) as usize * NAME];
        read_exact_at(&self.index, &mut left, names(low))?;
        let Some(found) = left.chunks_exact(NAME).position(|found| found == name) else { return Ok(None) };
        let mut short = [0; 4];
        read_exact_at(&self.index, &mut short, self.offsets() + (u64::from(low) + found as u64) * 4)?;
        self.offset(u32::from_be_bytes(short)).map(Some)
    }

    /// Where the offsets begin: after the names, and a check sum of four bytes for each.
    fn offsets(&self) -> u64 {
        INDEX_HEAD + u64::from(self.upto[255]) * (NAME as u64 + 4)
    }

    /// The offset that the index writes so.
    fn offset(&self, short: u32) -> io::Result<u64> {
        if short >> 31 == 0 {
            return Ok(short.into());
        }
        // Beyond 2 GB it is the number of a long one in a table of its own.
        let mut long = [0; 8];
        let longs = self.offsets() + u64::from(self.upto[255]) * 4;
        read_exact_at(&self.index, &mut long, longs + u64::from(short & 0x7fff_ffff) * 8)?;
        Ok(u64::from_be_bytes(long))
    }
}

fn number_of(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

#[cfg(unix)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::unix::fs::FileExt::read_at(file, bytes, offset)
}

#[cfg(windows)]
pub(crate) fn read_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
    std::os::windows::fs::FileExt::seek_read(file, bytes, offset)
}
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        let count = read_at(file, bytes, offset)?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        bytes = &mut bytes[count..];
        offset += count as u64;
    }
    Ok(())
}
