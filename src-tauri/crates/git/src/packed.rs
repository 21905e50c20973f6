//! Objects out of pack files, for packing a commit. libgit2 gives them too, but hashes them with a slow SHA-1, forgets the bases of deltas
//! after 16 MB, and cannot give a large one bit by bit. What is not found here, or does not turn out to be what its name says, is
//! for libgit2 to find or to complain about: nothing here is the last word.

use crate::object::ObjectName;
use flate2::{Decompress, FlushDecompress, Status};
use git2::{ObjectType, Oid};
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// How much of a pack file is read at once.
const WINDOW: usize = 64 * 1024;
/// The longest head of an entry: a size of 64 bits and the name of another object.
const HEAD: usize = 10 + NAME;
/// Bytes of an object's name.
const NAME: usize = 20;
/// Bytes of an index before its names: magic, version and the table of first bytes.
const INDEX_HEAD: u64 = 8 + 256 * 4;
/// Names that are read at once when few enough are left to look through.
const NAMES: u32 = 512;
/// How much is remembered of the bases of deltas.
const BASES_BYTES: usize = 64 << 20;
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
    fn shared(index: &Path) -> io::Result<Arc<Self>> {
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
    fn find(&self, name: &[u8]) -> io::Result<Option<u64>> {
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

/// The part of a pack file that was read last.
#[derive(Default)]
struct Window {
    pack: usize,
    offset: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// What is there from the place on: at least the head of an entry, unless the file ends before.
    fn at(&mut self, packs: &[Arc<PackFile>], place: Place) -> io::Result<&[u8]> {
        let skip = place.offset.checked_sub(self.offset).and_then(|skip| usize::try_from(skip).ok());
        let known = skip.filter(|skip| self.pack == place.pack && self.bytes.len().saturating_sub(*skip) >= HEAD);
        let skip = match known {
            Some(skip) => skip,
            None => {
                self.bytes.resize(WINDOW, 0);
                let count = read_at(&packs[place.pack].pack, &mut self.bytes, place.offset);
                self.bytes.truncate(*count.as_ref().unwrap_or(&0));
                (self.pack, self.offset) = (place.pack, place.offset);
                count?;
                0
            }
        };
        if skip == self.bytes.len() { Err(damaged()) } else { Ok(&self.bytes[skip..]) }
    }
}

/// Number of a pack file and the offset of an object in it.
type PackPlace = (usize, u64);

/// Bases of deltas; the one that was not needed for the longest time is forgotten first.
#[derive(Default)]
struct Bases {
    /// Each with the time of its last use, a count.
    known: HashMap<PackPlace, Known>,
    used: BTreeMap<u64, PackPlace>,
    clock: u64,
    bytes: usize,
}

type Known = (Object, u64);

impl Bases {
    fn get(&mut self, place: Place) -> Option<Object> {
        let (object, used) = self.known.get_mut(&(place.pack, place.offset))?;
        self.used.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.used.insert(self.clock, (place.pack, place.offset));
        Some(object.clone())
    }

    fn put(&mut self, place: Place, object: &Object) {
        // A few large ones must not drive out all others.
        if object.bytes.len() > BASES_BYTES / 8 {
            return;
        }
        self.clock += 1;
        self.bytes += object.bytes.len();
        let before = self.known.insert((place.pack, place.offset), (object.clone(), self.clock));
        debug_assert!(before.is_none(), "what is known is not read again");
        self.used.insert(self.clock, (place.pack, place.offset));
        while self.bytes > BASES_BYTES
            && let Some((_, oldest)) = self.used.pop_first()
            && let Some((gone, _)) = self.known.remove(&oldest)
        {
            self.bytes -= gone.bytes.len();
        }
    }
}

/// Builds an object from its base and the delta: pieces of the base and new bytes in turn.
fn apply(base: &[u8], delta: &[u8]) -> Option<Vec<u8>> {
    let mut rest = delta;
    let (before, after) = (length(&mut rest)?, length(&mut rest)?);
    if before != base.len() {
        return None;
    }
    let mut built = Vec::new();
    built.try_reserve_exact(after).ok()?;
    while let Some((&order, tail)) = rest.split_first() {
        rest = tail;
        let piece = if order & 0x80 != 0 {
            let mut number = |from: u8, bytes: u8| {
                let mut value = 0_usize;
                for byte in 0..bytes {
                    if order >> (from + byte) & 1 != 0 {
                        let (&next, tail) = rest.split_first()?;
                        rest = tail;
                        value |= usize::from(next) << (8 * byte);
                    }
                }
                Some(value)
            };
            let (from, count) = (number(0, 4)?, number(4, 3)?);
            let count = if count == 0 { 0x1_0000 } else { count };
            base.get(from..from.checked_add(count)?)?
        } else {
            let (new, tail) = rest.split_at_checked(usize::from(order)).filter(|_| order > 0)?;
            rest = tail;
            new
        };
        if built.len() + piece.len() > after {
            return None;
        }
        built.extend_from_slice(piece);
    }
    (built.len() == after).then_some(built)
}

/// A number of seven bits per byte, the lowest first.
fn length(rest: &mut &[u8]) -> Option<usize> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let (&byte, tail) = rest.split_first()?;
        *rest = tail;
        let part = u64::from(byte & 0x7f);
        value |= part.checked_shl(shift).filter(|shifted| shifted >> shift == part)?;
        shift += 7;
        if byte & 0x80 == 0 {
            return usize::try_from(value).ok();
        }
    }
}

fn number_of(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
}

fn damaged() -> io::Error {
    io::ErrorKind::InvalidData.into()
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CommitSpec, FileSpec, create};
    use std::process::{Command, Stdio};
    use tempfile::TempDir;

    fn git(folder: &Path, arguments: &[&str]) {
        let status = Command::new("git").arg("-C").arg(folder).args(arguments).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    }

    /// A text that no compression makes much smaller, so that versions of it are stored as deltas.
    fn text(seed: u64, words: u64) -> String {
        (0..words).map(|word| format!("{:x} ", (seed + word).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20)).collect()
    }

    /// Versions of some files, each with a word more in the middle and one less at the end; a large file and an empty one.
    fn repository() -> (TempDir, Vec<(Oid, Vec<u8>)>) {
        let folder = tempfile::tempdir().unwrap();
        let file = |path: String, text: String| FileSpec { path, bytes: text.into_bytes(), executable: false };
        let commits: Vec<CommitSpec> = (0..12_u64)
            .map(|version| {
                let changed = |number: u64| {
                    let whole = text(number * 1_000, 300 + version * 40);
                    let middle = whole.len() / 2;
                    format!("{}version {version} {}", &whole[..middle], &whole[middle..whole.len() - version as usize])
                };
                let mut files: Vec<FileSpec> =
                    (0..8).map(|number| file(format!("d{}/{number}.txt", number % 3), changed(number))).collect();
                files.push(file("large".into(), text(7, 200_000)));
                files.push(file("empty".into(), String::new()));
                CommitSpec {
                    message: version.to_string(),
                    author_name: "A".into(),
                    author_email: "a@example.test".into(),
                    time_ms: 1_700_000_000_000,
                    offset_min: 0,
                    branch: "main".into(),
                    files,
                    deletes: vec![],
                    tag: None,
                }
            })
            .collect();
        create(&folder.path().join("r"), &commits).unwrap();
        let opened = git2::Repository::open(folder.path().join("r")).unwrap();
        let odb = opened.odb().unwrap();
        let mut files = Vec::new();
        odb.foreach(|id| {
            let object = odb.read(*id).unwrap();
            if object.kind() == git2::ObjectType::Blob {
                files.push((*id, object.data().to_vec()));
            }
            true
        })
        .unwrap();
        (folder, files)
    }

    fn deltas(packed: &mut PackedObjects, files: &[(Oid, Vec<u8>)]) -> usize {
        let is_delta = |(id, _): &&(Oid, Vec<u8>)| {
            let place = packed.find(*id).unwrap();
            matches!(packed.entry(place).unwrap().kind, Kind::Delta(_))
        };
        files.iter().filter(is_delta).count()
    }

    #[test]
    fn every_file_is_found_however_it_is_stored() {
        let (folder, files) = repository();
        let root = folder.path().join("r");
        let mut seen = PackedObjects::of(&[root.join(".git/objects")]);
        assert!(seen.find(files[0].0).is_none(), "nothing is packed yet");
        for (how, arguments, bases) in [
            ("whole", &["-c", "pack.compression=0", "repack", "-adfq", "--depth=0"][..], 0),
            ("to an offset", &["repack", "-adfq", "--depth=50", "--window=50"], 50),
            ("to a name", &["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=50", "--window=50"], 50),
        ] {
            git(&root, arguments);
            let mut packed = PackedObjects::of(&[root.join(".git/objects")]);
            let found = deltas(&mut packed, &files);
            assert!(found >= bases && (bases > 0 || found == 0), "{how}: {found} deltas");
            // Twice, so that what is remembered is used as well.
            for (id, bytes) in files.iter().chain(&files) {
                let place = packed.find(*id).unwrap();
                assert_eq!(*packed.read(place, *id).unwrap().bytes, *bytes, "{how}");
                if let Some(size) = packed.whole_size(place) {
                    let mut streamed = Vec::new();
                    packed.stream(place).unwrap().take(size).read_to_end(&mut streamed).unwrap();
                    assert_eq!(streamed, *bytes, "{how}");
                }
            }
            let unknown = Oid::from_str(&"12".repeat(20)).unwrap();
            assert!(packed.find(unknown).is_none());
            let other = packed.find(files[0].0).unwrap();
            assert!(packed.read(other, files[1].0).is_none(), "what lies there has another name");
        }
    }

    #[test]
    fn an_index_of_a_pack_file_beyond_two_gigabytes() {
        let (folder, files) = repository();
        let root = folder.path().join("r");
        git(&root, &["repack", "-adfq"]);
        let packs = root.join(".git/objects/pack");
        let pack = fs::read_dir(&packs)
            .unwrap()
            .map(|found| found.unwrap().path())
            .find(|path| path.extension().is_some_and(|extension| extension == "pack"))
            .unwrap();
        // Offsets from 1 on are written as if they were large.
        git(&root, &["index-pack", "--index-version=2,0x1", pack.to_str().unwrap()]);
        let mut packed = PackedObjects::of(&[root.join(".git/objects")]);
        for (id, bytes) in &files {
            let place = packed.find(*id).unwrap();
            assert_eq!(*packed.read(place, *id).unwrap().bytes, *bytes);
        }
    }

    #[test]
    fn damage_never_gives_other_bytes() {
        let (folder, files) = repository();
        let root = folder.path().join("r");
        git(&root, &["repack", "-adfq", "--depth=50"]);
        let packs = fs::read_dir(root.join(".git/objects/pack")).unwrap().map(|found| found.unwrap().path());
        let (mut right, mut none) = (0, 0);
        for path in packs.filter(|path| path.extension().is_some_and(|extension| extension == "pack" || extension == "idx")) {
            let whole = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            // All of the head and the first entries, then here and there.
            for at in (0..1_200).chain((1_200..whole.len()).step_by(whole.len() / 150)) {
                for mask in [0x80, 0x11] {
                    let mut damaged = whole.clone();
                    damaged[at] ^= mask;
                    fs::write(&path, damaged).unwrap();
                    let mut packed = PackedObjects::of(&[root.join(".git/objects")]);
                    for (id, bytes) in files.iter().filter(|(_, bytes)| bytes.len() < 1 << 20).step_by(7) {
                        match packed.find(*id).and_then(|place| packed.read(place, *id)) {
                            Some(read) => {
                                assert_eq!(*read.bytes, *bytes);
                                right += 1;
                            }
                            None => none += 1,
                        }
                    }
                }
            }
            fs::write(&path, whole).unwrap();
        }
        assert!(right > 0 && none > 0, "{right} were right, {none} were not there");
    }

    #[test]
    fn what_was_needed_long_ago_is_forgotten_first() {
        let mut bases = Bases::default();
        let at = |offset| Place { pack: 0, offset };
        let blob = |bytes| Object { kind: ObjectType::Blob, bytes: Rc::new(vec![0; bytes]) };
        let block = blob(BASES_BYTES / 10);
        for offset in 0..10 {
            bases.put(at(offset), &block);
        }
        assert!(bases.get(at(0)).is_some());
        bases.put(at(10), &block);
        assert!(bases.get(at(0)).is_some() && bases.get(at(1)).is_none() && bases.get(at(10)).is_some());
        assert!(bases.bytes <= BASES_BYTES && bases.known.len() == bases.used.len());
        bases.put(at(11), &blob(BASES_BYTES / 2));
        assert!(bases.get(at(11)).is_none(), "too large to be remembered");
    }

    #[test]
    fn deltas_that_are_none() {
        let base = b"0123456789";
        // Sizes, then: copy 4 from 2, insert two bytes.
        assert_eq!(apply(base, &[10, 6, 0x91, 2, 4, 2, b'x', b'y']).unwrap(), b"2345xy");
        for (what, delta) in [
            ("another base", &[9, 6, 0x91, 2, 4, 2, b'x', b'y'][..]),
            ("too short", &[10, 7, 0x91, 2, 4, 2, b'x', b'y']),
            ("too long", &[10, 5, 0x91, 2, 4, 2, b'x', b'y']),
            ("beyond the base", &[10, 4, 0x91, 8, 4]),
            ("a reserved order", &[10, 1, 0]),
            ("cut in an order", &[10, 4, 0x91, 2]),
            ("cut in new bytes", &[10, 4, 4, b'x']),
            ("cut in a size", &[0x8a]),
            ("a size without end", &[0xff; 20]),
            ("nothing", &[]),
        ] {
            assert_eq!(apply(base, delta), None, "{what}");
        }
    }
}
