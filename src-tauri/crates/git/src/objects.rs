//! Objects of a repository however they are stored: out of its pack files and those it borrows (`objects/info/alternates`), else by libgit2.

use crate::GitError;
use crate::packed::{Object, PackedObjects, Place};
use git2::{Odb, Oid};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Folders that borrow from folders that borrow: git follows five.
const BORROWED_DEPTH: usize = 5;

/// The objects of a repository.
pub(crate) struct Objects<'git> {
    pub packed: PackedObjects,
    /// For everything else, and the last word about what is damaged.
    odb: Odb<'git>,
    folders: Vec<PathBuf>,
}

impl<'git> Objects<'git> {
    pub fn of(git: &'git git2::Repository) -> Result<Self, GitError> {
        let folders = folders(&git.commondir().join("objects"));
        Ok(Self { packed: PackedObjects::of(&folders), odb: git.odb()?, folders })
    }

    /// Where an object lies, if it is in a pack file that is read here.
    pub fn place(&mut self, id: Oid) -> Option<Place> {
        self.packed.find(id)
    }

    /// An object as a whole.
    pub fn read(&mut self, id: Oid) -> Result<Object, git2::Error> {
        if let Some(place) = self.packed.find(id)
            && let Some(object) = self.packed.read(place, id)
        {
            return Ok(object);
        }
        self.read_elsewhere(id)
    }

    /// An object as libgit2 finds it.
    pub fn read_elsewhere(&self, id: Oid) -> Result<Object, git2::Error> {
        let object = self.odb.read(id)?;
        Ok(Object { kind: object.kind(), bytes: Rc::new(object.data().to_vec()) })
    }

    /// Size of an object in bytes, as libgit2 knows it.
    pub fn size(&self, id: Oid) -> Result<u64, git2::Error> {
        Ok(self.odb.read_header(id)?.0 as u64)
    }

    /// A large object bit by bit, where git's storage allows it.
    pub fn reader(&self, id: Oid) -> Option<impl io::Read + '_> {
        self.odb.reader(id).ok().map(|(reader, _, _)| reader)
    }

    /// The file of an object that has one of its own.
    pub fn loose(&self, id: Oid) -> Option<File> {
        let name = id.to_string();
        self.folders.iter().find_map(|folder| File::open(folder.join(&name[..2]).join(&name[2..])).ok())
    }
}

/// A folder of objects and those that it borrows from.
pub(crate) fn folders(own: &Path) -> Vec<PathBuf> {
    let mut found = vec![own.to_owned()];
    let mut from = 0;
    for _ in 0..BORROWED_DEPTH {
        let upto = found.len();
        for at in from..upto {
            for borrowed in alternates(&found[at]) {
                if !found.contains(&borrowed) {
                    found.push(borrowed);
                }
            }
        }
        from = upto;
    }
    found
}

/// The folders that a folder of objects borrows from, as its file names them.
pub(crate) fn alternates(folder: &Path) -> Vec<PathBuf> {
    let Ok(text) = fs::read_to_string(folder.join("info/alternates")) else { return Vec::new() };
    let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    // A relative path begins at the folder itself.
    lines.map(|line| folder.join(line)).collect()
}
