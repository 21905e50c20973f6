//! Objects out of pack files, for packing a commit. libgit2 gives them too, but hashes them with a slow SHA-1, forgets the bases of deltas
//! after 16 MB, and cannot give a large one bit by bit. What is not found here, or does not turn out to be what its name says, is
//! for libgit2 to find or to complain about: nothing here is the last word.

mod bases;
mod delta;
mod file;
#[cfg(test)]
mod tests;
mod window;

pub(crate) use file::{Indexed, PackFile, read_at};

use crate::object::ObjectName;
use bases::Bases;
use delta::apply;
use flate2::{Decompress, FlushDecompress, Status};
use git2::{ObjectType, Oid};
use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use window::Window;

/// The longest head of an entry: a size of 64 bits and the name of another object.
const HEAD: usize = 10 + NAME;
/// Bytes of an object's name.
const NAME: usize = 20;
/// Most pack files that are read here, the largest ones: each is two open files.
const PACKS: usize = 64;
/// Deltas upon deltas: git itself makes at most 4095.
const CHAIN: usize = 10_000;

/// The pack files of a repository.
pub(crate) struct PackedObjects {
    packs: Vec<Arc<PackFile>>,
    /// Where the last one was found: the next one often lies in the same.
    last: usize,
    window: Window,
    zlib: Decompress,
    bases: Bases,
}

/// Where an object lies.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Position in [`PackedObjects::packs`].
    pub pack: usize,
    pub offset: u64,
}

/// An object that was read.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub kind: ObjectType,
    pub bytes: Rc<Vec<u8>>,
}

/// What stands at the beginning of an object in a pack file.
pub(crate) struct Entry {
    pub kind: Kind,
    /// Bytes of what is compressed: the object, or the delta.
    pub size: u64,
    /// Where that begins.
    pub data: u64,
}

/// How an object is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    /// The object itself.
    Whole(ObjectType),
    /// A delta to the base that begins there.
    Delta(u64),
}

impl PackedObjects {
    /// Those of the folders of objects given. What cannot be opened, and what is beyond [`PACKS`], is left to libgit2.
    pub fn of(folders: &[PathBuf]) -> Self {
        let found = folders.iter().flat_map(|folder| fs::read_dir(folder.join("pack")).into_iter().flatten().flatten());
        let indexes = found.map(|found| found.path()).filter(|path| path.extension().is_some_and(|extension| extension == "idx"));
        let mut sized: Vec<(u64, PathBuf)> =
            indexes.filter_map(|index| Some((fs::metadata(index.with_extension("pack")).ok()?.len(), index))).collect();
        // The same order whatever the file system's: what is written depends on it.
        sized.sort_by(|(a_size, a), (b_size, b)| b_size.cmp(a_size).then_with(|| a.cmp(b)));
        let packs = sized.iter().take(PACKS).filter_map(|(_, index)| PackFile::shared(index).ok()).collect();
        Self { packs, last: 0, window: Window::default(), zlib: Decompress::new(true), bases: Bases::default() }
    }

    /// The pack files, the largest first.
    pub fn packs(&self) -> &[Arc<PackFile>] {
        &self.packs
    }

    /// Where an object lies, if it is in a pack file.
    pub fn find(&mut self, id: Oid) -> Option<Place> {
        let order = (self.last..self.packs.len()).chain(0..self.last);
        for pack in order {
            if let Ok(Some(offset)) = self.packs[pack].find(id.as_bytes()) {
                self.last = pack;
                return Some(Place { pack, offset });
            }
        }
        None
    }

    /// The size of a file that is stored as a whole, and so can be read bit by bit.
    pub fn whole_size(&mut self, place: Place) -> Option<u64> {
        let entry = self.entry(place).ok()?;
        matches!(entry.kind, Kind::Whole(ObjectType::Blob)).then_some(entry.size)
    }

    /// A file that is stored as a whole, bit by bit.
    pub fn stream(&mut self, place: Place) -> io::Result<impl Read + '_> {
        let entry = self.entry(place)?;
        self.zlib.reset(true);
        Ok(Stream { files: self, place: Place { offset: entry.data, ..place } })
    }

    /// The object of that name; `None` when that is not what lies there.
    pub fn read(&mut self, place: Place, id: Oid) -> Option<Object> {
        let object = self.object(place).ok()?;
        let mut name = ObjectName::of(object.kind, object.bytes.len() as u64);
        name.update(&object.bytes);
        name.is(id).then_some(object)
    }

    /// Goes down to what is stored as a whole or remembered, then up again over the deltas.
    fn object(&mut self, place: Place) -> io::Result<Object> {
        let mut deltas = Vec::new();
        let mut at = place;
        let mut object = loop {
            if let Some(known) = self.bases.get(at) {
                break known;
            }
            let entry = self.entry(at)?;
            match entry.kind {
                Kind::Whole(kind) => {
                    let bytes = Rc::new(self.inflate(Place { offset: entry.data, ..at }, entry.size)?);
                    let whole = Object { kind, bytes };
                    if !deltas.is_empty() {
                        self.bases.put(at, &whole);
                    }
                    break whole;
                }
                Kind::Delta(base) if deltas.len() < CHAIN => {
                    deltas.push((at, entry));
                    at = Place { offset: base, ..at };
                }
                Kind::Delta(_) => return Err(damaged()),
            }
        };
        while let Some((at, entry)) = deltas.pop() {
            let delta = self.inflate(Place { offset: entry.data, ..at }, entry.size)?;
            object.bytes = Rc::new(apply(&object.bytes, &delta).ok_or_else(damaged)?);
            if !deltas.is_empty() {
                self.bases.put(at, &object);
            }
        }
        Ok(object)
    }

    pub fn entry(&mut self, place: Place) -> io::Result<Entry> {
        let head = self.window.at(&self.packs, place)?;
        let mut bytes = head.iter().take(HEAD).copied();
        let mut used = 0;
        let mut next = || {
            used += 1;
            bytes.next().ok_or_else(damaged)
        };
        let first = next()?;
        let mut size = u64::from(first & 0x0f);
        let (mut byte, mut shift) = (first, 4);
        while byte & 0x80 != 0 {
            byte = next()?;
            let part = u64::from(byte & 0x7f);
            size |= part.checked_shl(shift).filter(|shifted| shifted >> shift == part).ok_or_else(damaged)?;
            shift += 7;
        }
        let kind = match first >> 4 & 7 {
            1 => Kind::Whole(ObjectType::Commit),
            2 => Kind::Whole(ObjectType::Tree),
            3 => Kind::Whole(ObjectType::Blob),
            4 => Kind::Whole(ObjectType::Tag),
            6 => {
                let mut byte = next()?;
                let mut back = u64::from(byte & 0x7f);
                while byte & 0x80 != 0 {
                    byte = next()?;
                    back = (back + 1).checked_mul(128).ok_or_else(damaged)? | u64::from(byte & 0x7f);
                }
                // Always to something before it, so that a chain has an end.
                Kind::Delta(place.offset.checked_sub(back).filter(|_| back > 0).ok_or_else(damaged)?)
            }
            7 => {
                let mut name = [0; NAME];
                for byte in &mut name {
                    *byte = next()?;
                }
                Kind::Delta(self.packs[place.pack].find(&name)?.ok_or_else(damaged)?)
            }
            _ => return Err(damaged()),
        };
        Ok(Entry { kind, size, data: place.offset + used })
    }

    /// What is compressed there, which has so many bytes.
    fn inflate(&mut self, mut place: Place, size: u64) -> io::Result<Vec<u8>> {
        let size = usize::try_from(size).map_err(io::Error::other)?;
        let mut bytes = Vec::new();
        // One more, so that there is room for a sign that it is too long.
        bytes.try_reserve_exact(size.checked_add(1).ok_or_else(damaged)?).map_err(io::Error::other)?;
        self.zlib.reset(true);
        loop {
            let input = self.window.at(&self.packs, place)?;
            let (taken, given) = (self.zlib.total_in(), bytes.len());
            let status = self.zlib.decompress_vec(input, &mut bytes, FlushDecompress::None)?;
            let taken = self.zlib.total_in() - taken;
            place.offset += taken;
            match status {
                Status::StreamEnd if bytes.len() == size => return Ok(bytes),
                Status::StreamEnd => return Err(damaged()),
                _ if bytes.len() > size || (taken == 0 && bytes.len() == given) => return Err(damaged()),
                _ => {}
            }
        }
    }
}

/// A file in a pack file on its way.
struct Stream<'files> {
    files: &'files mut PackedObjects,
    place: Place,
}

impl Read for Stream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let input = self.files.window.at(&self.files.packs, self.place)?;
            let zlib = &mut self.files.zlib;
            let (taken, given) = (zlib.total_in(), zlib.total_out());
            let status = zlib.decompress(input, buffer, FlushDecompress::None)?;
            let (taken, given) = (zlib.total_in() - taken, zlib.total_out() - given);
            self.place.offset += taken;
            match usize::try_from(given) {
                Ok(0) if taken > 0 && status != Status::StreamEnd => {}
                Ok(count) => return Ok(count),
                Err(too_many) => return Err(io::Error::other(too_many)),
            }
        }
    }
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
