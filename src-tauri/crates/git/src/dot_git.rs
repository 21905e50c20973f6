//! The folder `.git` of a working copy, as a clone step leaves it: `HEAD`, references, settings, index, objects.
//!
//! Different from a clone on purpose: `core.checkStat = minimal`, because the inode and the time of change of a file are not known before it is
//! there (see [`crate::index`]); no hooks and no logs of references; and where this computer itself has only a partial clone, so has the
//! working copy, with the same promise.

use crate::GitError;
use crate::index::{IndexEntry, index};
use crate::objects::Objects;
use crate::out::{Out, beside, failed};
use crate::pack_writer::write_objects;
use crate::reachable::{Ids, Limits, Reachable, links, tagged};
use git2::{ObjectType, Oid};
use lp_model::{Head, Tracking};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io;

/// What a repository in a working copy is like.
pub(crate) struct DotGit<'a> {
    /// Where it lies in the tar stream.
    pub folder: &'a [u8],
    /// Its commit.
    pub commit: Oid,
    /// Where the branch of the remote is; `None` where that is the commit, or what the remote is known to have.
    pub upstream: Option<Oid>,
    pub head: &'a Head,
    pub tracking: &'a Tracking,
    pub depth: Option<u32>,
    pub tags: bool,
    /// Address of the remote `origin`.
    pub origin: Option<&'a str>,
    /// `core.worktree`, of a submodule.
    pub work_tree: Option<String>,
    /// Further sections of the settings.
    pub sections: &'a str,
    /// The files that are checked out; `None` when there are none.
    pub index: Option<Vec<IndexEntry>>,
}

impl DotGit<'_> {
    /// Writes it out of the repository `git`.
    pub fn write(self, out: &mut Out<'_>, git: &git2::Repository, objects: &mut Objects<'_>) -> io::Result<()> {
        let boundary = boundary(git);
        let promised = is_partial(git);
        let references = self.references(git, objects, &boundary).map_err(failed)?;
        let tips: Vec<Oid> = references.iter().filter_map(|reference| reference.commit).collect();
        let limits = Limits { depth: self.depth, boundary: &boundary, promised };
        let mut reachable = Reachable::from(objects, &tips, &limits).map_err(failed)?;
        for reference in &references {
            reference.chain.iter().for_each(|id| {
                reachable.add(*id);
            });
        }
        out.folder(self.folder)?;
        for folder in [&b"refs"[..], b"refs/heads", b"refs/tags", b"objects", b"objects/info", b"objects/pack", b"info"] {
            out.folder(&beside(self.folder, folder))?;
        }
        let objects_folder = beside(self.folder, b"objects");
        let packs = write_objects(out, objects, &objects_folder, &mut reachable, promised)?;
        for pack in packs.iter().filter(|_| reachable.partial) {
            // Marks the pack as a part of what the remote has promised to give.
            out.file(&beside(&objects_folder, format!("pack/{pack}.promisor").as_bytes()), false, 0, io::empty())?;
        }
        self.file(out, b"config", &self.config(git, reachable.partial))?;
        self.file(out, b"packed-refs", &packed_refs(&references))?;
        if !reachable.shallow.is_empty() {
            let lines: String = reachable.shallow.iter().map(|id| format!("{id}\n")).collect();
            self.file(out, b"shallow", &lines)?;
        }
        self.file(out, b"FETCH_HEAD", &self.fetch_head())?;
        let head = match self.head {
            Head::Branch(branch) if is_branch(branch) => format!("ref: refs/heads/{branch}\n"),
            _ => format!("{}\n", self.commit),
        };
        self.file(out, b"HEAD", &head)?;
        if let Some(mut entries) = self.index {
            let bytes = index(&mut entries, out.mtime);
            // Newer than the files: what is as old as the index may have changed behind it, and git reads it again.
            out.newer_file(&beside(self.folder, b"index"), 1, &bytes)?;
        }
        Ok(())
    }

    fn file(&self, out: &mut Out<'_>, name: &[u8], text: &str) -> io::Result<()> {
        out.file(&beside(self.folder, name), false, text.len() as u64, text.as_bytes())
    }

    fn config(&self, git: &git2::Repository, partial: bool) -> String {
        let version = u8::from(partial);
        let mut text = format!("[core]\n\trepositoryformatversion = {version}\n\tfilemode = true\n\tbare = false\n");
        text.push_str("\tlogallrefupdates = true\n\tcheckStat = minimal\n");
        if let Some(work_tree) = &self.work_tree {
            let _ = writeln!(text, "\tworktree = {}", quoted(work_tree));
        }
        if partial {
            text.push_str("[extensions]\n\tpartialClone = origin\n");
        }
        if let Some(origin) = self.origin {
            let _ = writeln!(text, "[remote \"origin\"]\n\turl = {}\n\tfetch = +refs/heads/*:refs/remotes/origin/*", quoted(origin));
            if partial {
                let filter = git.config().ok().and_then(|config| config.get_string("remote.origin.partialclonefilter").ok());
                let _ =
                    writeln!(text, "\tpromisor = true\n\tpartialclonefilter = {}", quoted(&filter.unwrap_or_else(|| "blob:none".into())));
            }
        }
        text.push_str(self.sections);
        text
    }

    /// What `git fetch` would have written for the commit.
    fn fetch_head(&self) -> String {
        let from = self.origin.unwrap_or(".");
        match self.tracking {
            Tracking::Branch(branch) => format!("{}\t\tbranch '{branch}' of {from}\n", self.commit),
            Tracking::None | Tracking::All => format!("{0}\t\t'{0}' of {from}\n", self.commit),
        }
    }

    fn references(&self, git: &git2::Repository, objects: &mut Objects<'_>, boundary: &Ids) -> Result<Vec<Reference>, GitError> {
        let mut found: BTreeMap<String, Reference> = BTreeMap::new();
        let commit = |name: String, id: Oid| (name.clone(), Reference { name, target: id, commit: Some(id), chain: Vec::new() });
        let head = match self.head {
            Head::Branch(branch) if is_branch(branch) => format!("refs/heads/{branch}"),
            // Without a name it is only where the history begins.
            _ => String::new(),
        };
        found.extend([commit(head, self.commit)]);
        match self.tracking {
            Tracking::None => {}
            Tracking::Branch(branch) if is_branch(branch) => {
                let name = format!("refs/remotes/origin/{branch}");
                let known = git.refname_to_id(&name).ok();
                // What the remote is known to have, at least the commit itself: a push was what brought it there.
                let ahead = || known.filter(|tip| is_ancestor(objects, self.commit, *tip, boundary)).unwrap_or(self.commit);
                let tip = self.upstream.unwrap_or_else(ahead);
                found.extend([commit(name, tip)]);
            }
            Tracking::Branch(_) => {}
            Tracking::All => {
                for reference in git.references_glob("refs/remotes/origin/*")? {
                    let reference = reference?;
                    if let (Ok(name), Some(id)) = (reference.name(), reference.target()) {
                        found.extend([commit(name.to_owned(), id)]);
                    }
                }
                if found.len() == 1 {
                    for reference in git.references_glob("refs/heads/*")? {
                        let reference = reference?;
                        if let (Ok(name), Some(id)) = (reference.name(), reference.target()) {
                            found.extend([commit(name.replacen("refs/heads/", "refs/remotes/origin/", 1), id)]);
                        }
                    }
                }
            }
        }
        if self.tags {
            for reference in git.references_glob("refs/tags/*")? {
                let reference = reference?;
                let (Ok(name), Some(target)) = (reference.name(), reference.target()) else { continue };
                if let Some(tag) = Reference::tag(name.to_owned(), target, objects)? {
                    found.insert(name.to_owned(), tag);
                }
            }
        }
        Ok(found.into_values().collect())
    }
}

/// A reference of the working copy.
struct Reference {
    name: String,
    target: Oid,
    /// The commit that it leads to.
    commit: Option<Oid>,
    /// Objects on the way there, or that it leads to where that is no commit.
    chain: Vec<Oid>,
}

impl Reference {
    /// A tag, which may name another tag, a file or a folder; `None` when what it names is not there.
    fn tag(name: String, target: Oid, objects: &mut Objects<'_>) -> Result<Option<Self>, GitError> {
        let (mut id, mut chain) = (target, Vec::new());
        loop {
            let Ok(object) = objects.read(id) else { return Ok(None) };
            match object.kind {
                ObjectType::Commit => return Ok(Some(Self { name, target, commit: Some(id), chain })),
                ObjectType::Tag if !chain.contains(&id) => {
                    chain.push(id);
                    let Some((next, _)) = tagged(&object.bytes) else { return Ok(None) };
                    id = next;
                }
                ObjectType::Blob => {
                    chain.push(id);
                    return Ok(Some(Self { name, target, commit: None, chain }));
                }
                // A tag of a folder would need all below it: git has such tags, people do not.
                _ => return Ok(None),
            }
        }
    }
}

fn packed_refs(references: &[Reference]) -> String {
    let mut text = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
    for reference in references.iter().filter(|reference| !reference.name.is_empty()) {
        let _ = writeln!(text, "{} {}", reference.target, reference.name);
        let peeled = reference.commit.or(reference.chain.last().copied());
        if let Some(peeled) = peeled.filter(|peeled| *peeled != reference.target) {
            let _ = writeln!(text, "^{peeled}");
        }
    }
    text
}

/// Whether a commit is in the history of another one, as far as that is at hand. Nothing but the links of commits is read.
pub(crate) fn is_ancestor(objects: &mut Objects<'_>, ancestor: Oid, tip: Oid, boundary: &Ids) -> bool {
    let (mut next, mut seen) = (vec![tip], Ids::default());
    while let Some(id) = next.pop() {
        if id == ancestor {
            return true;
        }
        if seen.insert(id)
            && !boundary.contains(&id)
            && let Ok(commit) = objects.read(id)
            && let Some((_, parents)) = links(&commit.bytes)
        {
            next.extend(parents);
        }
    }
    false
}

/// Where the history of a shallow clone ends. It lies in the common folder, also of a linked work tree.
pub(crate) fn boundary(git: &git2::Repository) -> Ids {
    let text = fs::read_to_string(git.commondir().join("shallow")).unwrap_or_default();
    text.lines().filter_map(|line| Oid::from_str(line.trim()).ok()).collect()
}

/// Whether the repository is a partial clone: what is missing lies at its remote.
pub(crate) fn is_partial(git: &git2::Repository) -> bool {
    let Ok(config) = git.config() else { return false };
    if config.get_string("extensions.partialclone").is_ok() {
        return true;
    }
    let Ok(mut entries) = config.entries(Some("^remote\\..*\\.promisor$")) else { return false };
    matches!(entries.next(), Some(Ok(entry)) if entry.value().is_ok_and(|value| value != "false"))
}

fn is_branch(name: &str) -> bool {
    git2::Reference::is_valid_name(&format!("refs/heads/{name}"))
}

/// A value as it stands in settings.
pub(crate) fn quoted(value: &str) -> String {
    let mut out = String::from("\"");
    for letter in value.chars() {
        match letter {
            '"' | '\\' => out.extend(['\\', letter]),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            other => out.push(other),
        }
    }
    out.push('"');
    out
}
