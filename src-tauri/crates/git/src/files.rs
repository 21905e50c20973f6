//! The files of a commit as a checkout writes them.

use crate::GitError;
use crate::attributes::{Attributes, FileAttributes};
use crate::convert::checked_out;
use crate::index::IndexEntry;
use crate::lfs::{LfsStore, Pointer};
use crate::object::Exact;
use crate::objects::Objects;
use crate::out::{Out, beside, failed, join};
use crate::packed::Object;
use crate::reachable::tree_entry;
use crate::tree::EntryKind;
use git2::Oid;
use lp_model::message;
use std::io;

/// A file larger than this is read in pieces where git's storage allows it.
const STREAM_FROM: u64 = 1 << 20;

/// What a walk through the files of a commit meets, in git's order: folders before their files.
pub(crate) struct Found<'a> {
    /// Path from the root of the repository.
    pub path: &'a [u8],
    pub kind: EntryKind,
    /// Mode as the tree has it.
    pub mode: u32,
    pub id: Oid,
    /// What `.gitattributes` say, of a file.
    pub attributes: FileAttributes,
}

/// Goes through all folders of a tree.
pub(crate) fn walk(
    objects: &mut Objects<'_>,
    root: Oid,
    mut visit: impl FnMut(&mut Objects<'_>, Found<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let mut attributes = Attributes::new()?;
    // A stack of our own: the depth of folders is in the hands of whoever made the commit.
    let mut folders = vec![Folder::enter(objects, &mut attributes, root, Vec::new())?];
    while let Some(folder) = folders.last_mut() {
        let Some((mode, name, id, next)) = folder.next()? else {
            if folder.has_rules {
                attributes.leave();
            }
            folders.pop();
            continue;
        };
        let path = join(&folder.path, name)?;
        let kind = kind_of(mode).ok_or_else(|| failed(GitError::IllegalPath { path: String::from_utf8_lossy(&path).into_owned() }))?;
        folder.at = next;
        let attributes_of = if kind == EntryKind::File { attributes.of(&path) } else { FileAttributes::default() };
        visit(objects, Found { path: &path, kind, mode, id, attributes: attributes_of })?;
        if kind == EntryKind::Folder {
            folders.push(Folder::enter(objects, &mut attributes, id, path)?);
        }
    }
    Ok(())
}

/// A folder on the way.
struct Folder {
    tree: Object,
    path: Vec<u8>,
    at: usize,
    has_rules: bool,
}

impl Folder {
    fn enter(objects: &mut Objects<'_>, attributes: &mut Attributes, id: Oid, path: Vec<u8>) -> io::Result<Self> {
        let tree = objects.read(id).map_err(failed)?;
        let mut folder = Self { tree, path, at: 0, has_rules: false };
        let mut rules = None;
        while let Some((mode, name, id, next)) = folder.next()? {
            // One that is a link does not count (git 2.32).
            if name == b".gitattributes" && kind_of(mode) == Some(EntryKind::File) {
                rules = Some(id);
            }
            folder.at = next;
        }
        folder.at = 0;
        if let Some(rules) = rules {
            let rules = objects.read(rules).map_err(failed)?;
            attributes.enter(&folder.path, &rules.bytes)?;
            folder.has_rules = true;
        }
        Ok(folder)
    }

    /// Mode, name and id of the next entry, and where the one after it begins.
    #[allow(clippy::type_complexity)] // A name for the four would be read once, here.
    fn next(&self) -> io::Result<Option<(u32, &[u8], Oid, usize)>> {
        let rest = &self.tree.bytes[self.at..];
        if rest.is_empty() {
            return Ok(None);
        }
        let damaged = || failed(GitError::corrupt(message!("the folder `{}` cannot be read", *String::from_utf8_lossy(&self.path))));
        let (mode, name, id, tail) = tree_entry(rest).ok_or_else(damaged)?;
        let mode = std::str::from_utf8(mode).ok().and_then(|mode| u32::from_str_radix(mode, 8).ok()).ok_or_else(damaged)?;
        Ok(Some((mode, name, id, self.tree.bytes.len() - tail.len())))
    }
}

fn kind_of(mode: u32) -> Option<EntryKind> {
    match mode & 0o170_000 {
        0o040_000 => Some(EntryKind::Folder),
        0o100_000 => Some(EntryKind::File),
        0o120_000 => Some(EntryKind::Link),
        0o160_000 => Some(EntryKind::Submodule),
        _ => None,
    }
}

/// A submodule in a commit.
#[derive(Debug, Clone)]
pub(crate) struct GitLink {
    /// Path from the root of the repository that it is in.
    pub path: Vec<u8>,
    /// The commit of the other repository.
    pub commit: Oid,
}

/// What was written.
#[derive(Default)]
pub(crate) struct Written {
    pub index: Vec<IndexEntry>,
    pub links: Vec<GitLink>,
}

/// Writes all files of a tree below `prefix`.
pub(crate) fn write(out: &mut Out<'_>, objects: &mut Objects<'_>, tree: Oid, prefix: &[u8], lfs: Option<&LfsStore>) -> io::Result<Written> {
    let mut written = Written::default();
    walk(objects, tree, |objects, found| {
        let path = beside(prefix, found.path);
        let mut mode = found.mode;
        let size = match found.kind {
            EntryKind::Folder => return out.folder(&path),
            EntryKind::Submodule => {
                out.folder(&path)?;
                written.links.push(GitLink { path: found.path.to_vec(), commit: found.id });
                0
            }
            EntryKind::Link => {
                let target = objects.read(found.id).map_err(failed)?;
                out.link(&path, &target.bytes)?;
                target.bytes.len() as u64
            }
            EntryKind::File => {
                mode = if mode & 0o111 == 0 { 0o100_644 } else { 0o100_755 };
                write_file(out, objects, &path, &found, lfs)?
            }
        };
        written.index.push(IndexEntry { path: found.path.to_vec(), mode, id: found.id, size });
        Ok(())
    })?;
    Ok(written)
}

/// Writes a file; returns its size.
fn write_file(out: &mut Out<'_>, objects: &mut Objects<'_>, path: &[u8], found: &Found<'_>, lfs: Option<&LfsStore>) -> io::Result<u64> {
    let (id, executable) = (found.id, found.mode & 0o111 != 0);
    if found.attributes != FileAttributes::default() {
        let object = objects.read(id).map_err(failed)?;
        if found.attributes.filter.as_deref() == Some("lfs")
            && let Some(lfs) = lfs
            && let Some(pointer) = Pointer::read(&object.bytes)
            && let Some(file) = lfs.open(&pointer)
        {
            out.file(path, executable, pointer.size, file)?;
            return Ok(pointer.size);
        }
        let content = checked_out(&object.bytes, id, &found.attributes);
        out.file(path, executable, content.len() as u64, &content[..])?;
        return Ok(content.len() as u64);
    }
    if let Some(place) = objects.place(id) {
        let whole = objects.packed.whole_size(place);
        if let Some(size) = whole.filter(|size| *size > STREAM_FROM) {
            let exact = Exact::new(objects.packed.stream(place)?, id, size);
            out.file(path, executable, size, exact)?;
            return Ok(size);
        }
        if let Some(object) = objects.packed.read(place, id) {
            out.file(path, executable, object.bytes.len() as u64, &object.bytes[..])?;
            return Ok(object.bytes.len() as u64);
        }
    }
    let size = objects.size(id).map_err(failed)?;
    if size > STREAM_FROM
        && let Some(reader) = objects.reader(id)
    {
        out.file(path, executable, size, Exact::new(reader, id, size))?;
        return Ok(size);
    }
    let object = objects.read_elsewhere(id).map_err(failed)?;
    out.file(path, executable, object.bytes.len() as u64, &object.bytes[..])?;
    Ok(object.bytes.len() as u64)
}
