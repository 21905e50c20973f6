use crate::{GitError, Repository};
use git2::{ObjectType, TreeEntry};

/// Something in a folder of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name, without the folder.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
}

/// What an [`Entry`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// Another repository at this place, whose files are not here.
    Submodule,
}

/// Mode of a symbolic link in a tree.
pub(crate) const LINK_MODE: i32 = 0o120_000;

impl Repository {
    /// The bytes of a file at a commit; `None` when there is no such path or it is not a file (a folder, a link). A file of more than `limit`
    /// bytes is [`GitError::TooLarge`] and is not read.
    pub fn read_file(&self, sha: &str, path: &str, limit: u64) -> Result<Option<Vec<u8>>, GitError> {
        self.read_file_of(sha, path, limit).map_err(|error| self.explained(error))
    }

    fn read_file_of(&self, sha: &str, path: &str, limit: u64) -> Result<Option<Vec<u8>>, GitError> {
        let Some(entry) = self.entry(sha, path)? else { return Ok(None) };
        if kind_of(&entry) != Some(EntryKind::File) {
            return Ok(None);
        }
        let odb = self.git.odb()?;
        let (bytes, _) = odb.read_header(entry.id())?;
        if bytes as u64 > limit {
            return Err(GitError::TooLarge { path: path.to_owned(), bytes: bytes as u64, limit });
        }
        Ok(Some(odb.read(entry.id())?.data().to_vec()))
    }

    /// What lies directly in a folder of a commit (empty: the root), in git's order; `None` when there is no such folder.
    pub fn list_files(&self, sha: &str, folder: &str) -> Result<Option<Vec<Entry>>, GitError> {
        self.list_files_of(sha, folder).map_err(|error| self.explained(error))
    }

    fn list_files_of(&self, sha: &str, folder: &str) -> Result<Option<Vec<Entry>>, GitError> {
        let tree = if clean(folder).is_empty() {
            self.git.find_tree(self.commit(sha)?.tree)?
        } else {
            match self.entry(sha, folder)? {
                Some(entry) if entry.kind() == Some(ObjectType::Tree) => self.git.find_tree(entry.id())?,
                _ => return Ok(None),
            }
        };
        let entry =
            |entry: TreeEntry<'_>| Some(Entry { name: String::from_utf8_lossy(entry.name_bytes()).into_owned(), kind: kind_of(&entry)? });
        Ok(Some(tree.iter().filter_map(entry).collect()))
    }

    fn entry(&self, sha: &str, path: &str) -> Result<Option<TreeEntry<'static>>, GitError> {
        // By hand, since libgit2 takes a path like `../x` for a mistake of ours; here it is just a name that no folder has.
        let mut tree = self.git.find_tree(self.commit(sha)?.tree)?;
        let mut names = clean(path).split('/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let Some(entry) = tree.get_name_bytes(name.as_bytes()).map(|entry| entry.to_owned()) else { return Ok(None) };
            if names.peek().is_none() {
                return Ok(Some(entry));
            }
            if entry.kind() != Some(ObjectType::Tree) {
                return Ok(None);
            }
            tree = self.git.find_tree(entry.id())?;
        }
        Ok(None)
    }
}

pub(crate) fn kind_of(entry: &TreeEntry<'_>) -> Option<EntryKind> {
    match entry.kind()? {
        ObjectType::Tree => Some(EntryKind::Folder),
        ObjectType::Commit => Some(EntryKind::Submodule),
        ObjectType::Blob if entry.filemode() == LINK_MODE => Some(EntryKind::Link),
        ObjectType::Blob => Some(EntryKind::File),
        _ => None,
    }
}

fn clean(path: &str) -> &str {
    path.trim_start_matches("./").trim_matches('/')
}
