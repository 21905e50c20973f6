//! The objects of a clone as pack files, written straight into the tar stream. What the repository has packed is copied as it is: a pack file of
//! which everything is wanted, byte for byte; else the objects that are wanted, with their deltas where the base is wanted too. Only what
//! has no such place (loose objects, deltas to what is not wanted) is compressed anew, in small packs of its own, since the
//! size of a file must be known before its first byte.

use crate::objects::Objects;
use crate::out::{Out, beside, failed};
use crate::packed::{Indexed, Kind, PackFile, Place, read_at};
use crate::reachable::{Ids, Reachable};
use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use git2::{ErrorCode, ObjectType, Oid};
use sha1::{Digest, Sha1};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::Arc;

/// A pack that is made in memory is written when it has so many bytes.
const MADE_BYTES: usize = 8 << 20;
/// A loose object of more compressed bytes is copied as a file of its own instead of being compressed anew.
const LOOSE_BYTES: u64 = 1 << 20;
/// Bytes before the first object of a pack.
const PACK_HEAD: u64 = 12;
/// Bytes of the check sum after the last one.
const SUM: u64 = 20;

/// Writes the objects into the folder `objects` of the tar stream; returns the names of the packs. `promised`: what is missing is left out, as a partial clone does.
pub(crate) fn write_objects(
    out: &mut Out<'_>,
    objects: &mut Objects<'_>,
    folder: &[u8],
    reachable: &mut Reachable,
    promised: bool,
) -> io::Result<Vec<String>> {
    let packs = beside(folder, b"pack");
    let mut names = Vec::new();
    let mut done = Ids::default();
    for number in 0..objects.packed.packs().len() {
        let pack = Arc::clone(&objects.packed.packs()[number]);
        let Ok(indexed) = pack.indexed() else { continue };
        if indexed.is_empty() {
            continue;
        }
        let mut written = Vec::new();
        if indexed.iter().all(|object| reachable.ids.contains(&object.id)) {
            if indexed.iter().any(|object| !done.contains(&object.id)) {
                copy(out, &packs, &pack)?;
                names.push(pack.name().to_owned());
                written.extend(indexed.iter().map(|object| object.id));
            }
        } else if let Some(selection) = Selection::of(objects, number, &pack, &indexed, &reachable.ids, &done) {
            names.push(selection.write(out, &packs, &pack)?);
            written.extend(selection.entries.iter().map(|entry| entry.id));
        }
        done.extend(written);
    }
    let mut made = Made::default();
    for id in std::mem::take(&mut reachable.order) {
        if done.contains(&id) {
            continue;
        }
        if let Some(mut file) = objects.loose(id)
            && let Ok(about) = file.metadata()
            && about.len() > LOOSE_BYTES
        {
            let name = id.to_string();
            let below = beside(folder, &name.as_bytes()[..2]);
            out.file(&beside(&below, &name.as_bytes()[2..]), false, about.len(), &mut file)?;
            continue;
        }
        match objects.read(id) {
            Ok(object) => made.add(id, object.kind, &object.bytes)?,
            Err(error) if promised && error.code() == ErrorCode::NotFound => reachable.partial = true,
            Err(error) => return Err(failed(error)),
        }
        if made.bytes.len() > MADE_BYTES {
            names.push(std::mem::take(&mut made).write(out, &packs)?);
        }
    }
    if !made.entries.is_empty() {
        names.push(made.write(out, &packs)?);
    }
    Ok(names)
}

/// A whole pack and its index as they are.
fn copy(out: &mut Out<'_>, folder: &[u8], pack: &PackFile) -> io::Result<()> {
    for (file, ending) in [(pack.pack(), "pack"), (pack.index(), "idx")] {
        let size = file.metadata()?.len();
        out.file(&beside(folder, format!("{}.{ending}", pack.name()).as_bytes()), false, size, Part { file, at: 0, end: size })?;
    }
    Ok(())
}

/// A part of a file, whoever else reads it.
struct Part<'a> {
    file: &'a std::fs::File,
    at: u64,
    end: u64,
}

impl Read for Part<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len().min(usize::try_from(self.end - self.at).unwrap_or(usize::MAX));
        let count = read_at(self.file, &mut buffer[..room], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}

/// The objects of a pack that are wanted and can be copied.
struct Selection {
    entries: Vec<Copied>,
    /// Bytes of the new pack.
    size: u64,
}

/// An object that is copied.
struct Copied {
    id: Oid,
    /// What stands before the compressed bytes in the new pack, where that differs.
    head: Option<Vec<u8>>,
    /// Where the bytes to copy lie in the old pack.
    from: u64,
    upto: u64,
    /// Where the object begins in the new pack.
    offset: u64,
}

impl Selection {
    fn of(objects: &mut Objects<'_>, number: usize, pack: &PackFile, indexed: &[Indexed], wanted: &Ids, done: &Ids) -> Option<Self> {
        let pack_end = pack.pack().metadata().ok()?.len().checked_sub(SUM)?;
        let mut entries = Vec::new();
        let mut size = PACK_HEAD;
        // Old offsets of what is copied, and the new ones.
        let mut moved: HashMap<u64, u64> = HashMap::new();
        for (at, object) in indexed.iter().enumerate() {
            if !wanted.contains(&object.id) || done.contains(&object.id) {
                continue;
            }
            let upto = indexed.get(at + 1).map_or(pack_end, |next| next.offset);
            // What cannot be read here is left to the slow way, which says what is wrong.
            let Ok(entry) = objects.packed.entry(Place { pack: number, offset: object.offset }) else { continue };
            let (head, from) = match entry.kind {
                Kind::Whole(_) => (None, object.offset),
                Kind::Delta(base) => {
                    let Some(base) = moved.get(&base) else { continue };
                    // Always by the distance, also where it was by name.
                    (Some(delta_head(entry.size, size - base)), entry.data)
                }
            };
            if from >= upto {
                continue;
            }
            moved.insert(object.offset, size);
            let length = head.as_ref().map_or(0, Vec::len) as u64 + (upto - from);
            entries.push(Copied { id: object.id, head, from, upto, offset: size });
            size += length;
        }
        (!entries.is_empty()).then_some(Self { entries, size: size + SUM })
    }

    fn write(&self, out: &mut Out<'_>, folder: &[u8], pack: &PackFile) -> io::Result<String> {
        let name = pack_name(self.entries.iter().map(|entry| entry.id));
        let mut stream = SelectionStream::new(self, pack);
        out.file(&beside(folder, format!("{name}.pack").as_bytes()), false, self.size, &mut stream)?;
        let SelectionStream { crcs, sum, .. } = stream;
        let indexed = self.entries.iter().zip(crcs).map(|(entry, crc)| Indexed { id: entry.id, offset: entry.offset, crc }).collect();
        let index = pack_index(indexed, &sum);
        out.file(&beside(folder, format!("{name}.idx").as_bytes()), false, index.len() as u64, &index[..])?;
        Ok(name)
    }
}

/// The bytes of the new pack, one after the other.
struct SelectionStream<'a> {
    selection: &'a Selection,
    pack: &'a PackFile,
    next: usize,
    head: io::Cursor<Vec<u8>>,
    body: Option<Part<'a>>,
    hash: Sha1,
    crc: Crc,
    crcs: Vec<u32>,
    sum: Vec<u8>,
}

impl<'a> SelectionStream<'a> {
    fn new(selection: &'a Selection, pack: &'a PackFile) -> Self {
        let head = io::Cursor::new(pack_head(selection.entries.len() as u32));
        let (hash, crc) = (Sha1::new(), Crc::new());
        Self { selection, pack, next: 0, head, body: None, hash, crc, crcs: Vec::new(), sum: Vec::new() }
    }
}

impl Read for SelectionStream<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let mut count = self.head.read(buffer)?;
            if count == 0
                && let Some(body) = &mut self.body
            {
                count = body.read(buffer)?;
                if count == 0 && body.at < body.end {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
            if count > 0 {
                if self.sum.is_empty() {
                    self.hash.update(&buffer[..count]);
                    self.crc.update(&buffer[..count]);
                }
                return Ok(count);
            }
            if self.body.take().is_some() {
                self.crcs.push(self.crc.sum());
            }
            let Some(entry) = self.selection.entries.get(self.next) else {
                if !self.sum.is_empty() {
                    return Ok(0);
                }
                self.sum = self.hash.finalize_reset().to_vec();
                self.head = io::Cursor::new(self.sum.clone());
                continue;
            };
            self.next += 1;
            self.crc.reset();
            self.head = io::Cursor::new(entry.head.clone().unwrap_or_default());
            self.body = Some(Part { file: self.pack.pack(), at: entry.from, end: entry.upto });
        }
    }
}

/// A pack that is made in memory.
#[derive(Default)]
struct Made {
    /// Its objects, without head and check sum.
    bytes: Vec<u8>,
    entries: Vec<Indexed>,
}

impl Made {
    fn add(&mut self, id: Oid, kind: ObjectType, content: &[u8]) -> io::Result<()> {
        let begin = self.bytes.len();
        let number = match kind {
            ObjectType::Commit => 1,
            ObjectType::Tree => 2,
            ObjectType::Blob => 3,
            _ => 4,
        };
        entry_head(&mut self.bytes, number, content.len() as u64);
        let mut zlib = ZlibEncoder::new(&mut self.bytes, Compression::fast());
        zlib.write_all(content)?;
        zlib.finish()?;
        let mut crc = Crc::new();
        crc.update(&self.bytes[begin..]);
        self.entries.push(Indexed { id, offset: PACK_HEAD + begin as u64, crc: crc.sum() });
        Ok(())
    }

    fn write(self, out: &mut Out<'_>, folder: &[u8]) -> io::Result<String> {
        let name = pack_name(self.entries.iter().map(|entry| entry.id));
        let mut pack = pack_head(self.entries.len() as u32);
        pack.extend(self.bytes);
        let sum = Sha1::digest(&pack).to_vec();
        pack.extend(&sum);
        out.file(&beside(folder, format!("{name}.pack").as_bytes()), false, pack.len() as u64, &pack[..])?;
        let index = pack_index(self.entries, &sum);
        out.file(&beside(folder, format!("{name}.idx").as_bytes()), false, index.len() as u64, &index[..])?;
        Ok(name)
    }
}

fn pack_head(count: u32) -> Vec<u8> {
    let mut head = b"PACK\0\0\0\x02".to_vec();
    head.extend(count.to_be_bytes());
    head
}

/// A pack is called after the objects in it.
fn pack_name(ids: impl Iterator<Item = Oid>) -> String {
    let mut ids: Vec<Oid> = ids.collect();
    ids.sort_unstable();
    let mut hash = Sha1::new();
    ids.iter().for_each(|id| hash.update(id.as_bytes()));
    let name: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    format!("pack-{name}")
}

/// Kind and size before the compressed bytes.
fn entry_head(out: &mut Vec<u8>, kind: u8, mut size: u64) {
    let mut byte = kind << 4 | (size & 0x0f) as u8;
    size >>= 4;
    while size > 0 {
        out.push(byte | 0x80);
        byte = (size & 0x7f) as u8;
        size >>= 7;
    }
    out.push(byte);
}

/// The head of a delta of that size whose base lies so far back.
fn delta_head(size: u64, mut back: u64) -> Vec<u8> {
    let mut head = Vec::new();
    entry_head(&mut head, 6, size);
    let mut bytes = vec![(back & 0x7f) as u8];
    back >>= 7;
    while back > 0 {
        back -= 1;
        bytes.push(0x80 | (back & 0x7f) as u8);
        back >>= 7;
    }
    head.extend(bytes.iter().rev());
    head
}

/// The index of a pack with that check sum, version 2 of its format.
fn pack_index(mut entries: Vec<Indexed>, sum: &[u8]) -> Vec<u8> {
    entries.sort_unstable_by_key(|entry| entry.id);
    let mut bytes = Vec::with_capacity(8 + 1024 + entries.len() * 28 + 40);
    bytes.extend(b"\xfftOc\0\0\0\x02");
    let mut upto = 0_u32;
    for first in 0..=u8::MAX {
        upto += entries[upto as usize..].iter().take_while(|entry| entry.id.as_bytes()[0] == first).count() as u32;
        bytes.extend(upto.to_be_bytes());
    }
    entries.iter().for_each(|entry| bytes.extend(entry.id.as_bytes()));
    entries.iter().for_each(|entry| bytes.extend(entry.crc.to_be_bytes()));
    let mut long = Vec::new();
    for entry in &entries {
        // Beyond 2 GB an offset stands in a table of its own.
        let short = u32::try_from(entry.offset).ok().filter(|offset| offset >> 31 == 0).unwrap_or_else(|| {
            long.extend(entry.offset.to_be_bytes());
            0x8000_0000 | (long.len() / 8 - 1) as u32
        });
        bytes.extend(short.to_be_bytes());
    }
    bytes.extend(long);
    bytes.extend(sum);
    let own = Sha1::digest(&bytes);
    bytes.extend(own);
    bytes
}
