//! Submodules of a working copy, out of what this computer has of them: `.git/modules`, a repository that lies in the folder of the submodule, and
//! a local remote. A local path that only the commit names (`.gitmodules`) is not followed: a commit of somebody else could name any folder
//! of this computer. Followed are the address that the user's own settings have (`git submodule init`), and one that is relative to a local remote.

use crate::dot_git::{DotGit, quoted};
use crate::files::{self, GitLink, Written};
use crate::objects::Objects;
use crate::out::{Out, as_path, beside, failed};
use crate::reachable::links;
use crate::repository::{open_for_reading, without_credentials};
use git2::Oid;
use lp_model::message;
use lp_model::{Head, Submodules, Tracking};
use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

/// Submodules of submodules: more than anyone has.
const NESTED: usize = 16;

/// What `.gitmodules` says of a submodule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Module {
    pub name: String,
    pub path: String,
    pub url: String,
    /// `update = none`: never checked out.
    pub skipped: bool,
}

/// The entries of a `.gitmodules`. Names that would lead out of `.git/modules` are left out, as git does.
pub(crate) fn modules(text: &[u8]) -> Vec<Module> {
    let text = String::from_utf8_lossy(text);
    let mut found: Vec<Module> = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        let line = line.trim();
        if let Some(head) = line.strip_prefix('[') {
            let name = head.trim_start().strip_prefix("submodule").and_then(|rest| {
                let rest = rest.trim_start().strip_prefix('"')?;
                Some(rest[..rest.rfind('"')?].replace("\\\"", "\"").replace("\\\\", "\\"))
            });
            let name = name.filter(|name| !name.is_empty() && !name.starts_with('/') && name.split(['/', '\\']).all(|part| part != ".."));
            inside = name.is_some();
            if let Some(name) = name
                && !found.iter().any(|module| module.name == name)
            {
                found.push(Module { name, ..Module::default() });
            }
            continue;
        }
        let (Some(module), Some((key, value))) = (found.last_mut().filter(|_| inside), line.split_once('=')) else { continue };
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value).to_owned();
        match key.trim().to_ascii_lowercase().as_str() {
            "path" => module.path = value,
            "url" => module.url = value,
            "update" => module.skipped = value == "none",
            _ => {}
        }
    }
    found.retain(|module| !module.path.is_empty() && !module.path.starts_with('-') && !module.url.starts_with('-'));
    found
}

/// A repository whose submodules are looked for.
pub(crate) struct Super<'a> {
    pub git: &'a git2::Repository,
    /// Its work tree on this computer, if it has one.
    pub root: Option<&'a Path>,
    /// Its remote, without credentials.
    pub origin: Option<&'a str>,
}

/// A submodule that is at hand.
pub(crate) struct AtHand {
    pub git: git2::Repository,
    pub root: Option<PathBuf>,
}

impl Super<'_> {
    /// The address of a submodule: a relative one begins at the remote.
    pub fn address(&self, module: &Module) -> String {
        let own = self.git.config().ok().and_then(|config| config.get_string(&format!("submodule.{}.url", module.name)).ok());
        let url = own.unwrap_or_else(|| module.url.clone());
        let url = match self.origin {
            Some(origin) => resolve(origin, &url),
            None => url,
        };
        without_credentials(&url)
    }

    /// A repository of this computer that has the commit.
    pub fn find(&self, module: &Module, commit: Oid) -> Option<AtHand> {
        let work_tree = self.root.map(|root| root.join(as_path(module.path.as_bytes())));
        let kept = [self.git.path(), self.git.commondir()].map(|folder| folder.join("modules").join(&module.name));
        let mut places: Vec<PathBuf> = kept.into_iter().collect();
        places.extend(
            work_tree
                .as_ref()
                .and_then(|root| git2::Repository::open_ext(root, git2::RepositoryOpenFlags::NO_SEARCH, [] as [&Path; 0]).ok())
                .map(|git| git.path().to_owned()),
        );
        places.extend(self.local_remote(module));
        places.into_iter().find_map(|place| {
            let git = open_for_reading(&place).ok()?;
            let has = Objects::of(&git).ok()?.read(commit).is_ok();
            has.then(|| AtHand { git, root: work_tree.clone() })
        })
    }

    fn local_remote(&self, module: &Module) -> Option<PathBuf> {
        let own = self.git.config().ok()?.get_string(&format!("submodule.{}.url", module.name)).ok();
        let relative = module.url.starts_with("./") || module.url.starts_with("../");
        let origin = self.origin.filter(|origin| local(origin).is_some());
        let url = match (own, origin) {
            (Some(own), _) => own,
            (None, Some(origin)) if relative => resolve(origin, &module.url),
            _ => return None,
        };
        let path = local(&url)?;
        let inside = path.join(".git");
        Some(if inside.is_dir() { inside } else { path })
    }
}

/// The path of an address on this computer.
fn local(url: &str) -> Option<PathBuf> {
    let path = url.strip_prefix("file://").unwrap_or(url);
    path.starts_with('/').then(|| PathBuf::from(path))
}

/// A relative address seen from that of the remote (git submodule.c, `resolve_relative_url`).
pub(crate) fn resolve(remote: &str, url: &str) -> String {
    let mut base = remote.trim_end_matches('/').to_owned();
    let mut rest = url;
    let mut joint = '/';
    if !(rest.starts_with("./") || rest.starts_with("../")) {
        return url.to_owned();
    }
    loop {
        if let Some(tail) = rest.strip_prefix("../") {
            rest = tail;
            match base.rfind(['/', ':']) {
                Some(at) => {
                    joint = if base[at..].starts_with(':') { ':' } else { '/' };
                    base.truncate(at);
                }
                None => base = ".".into(),
            }
        } else if let Some(tail) = rest.strip_prefix("./") {
            rest = tail;
        } else {
            break;
        }
    }
    format!("{base}{joint}{}", rest.trim_end_matches('/'))
}

/// Where submodules go.
pub(crate) struct Place<'a> {
    /// The folder `.git` (or `.git/modules/…`) of the repository that they are in, in the tar stream.
    pub dot_git: &'a [u8],
    /// Its work tree there; empty for the root.
    pub work_tree: &'a [u8],
}

/// Writes what is at hand of the submodules; returns the sections that they have in the settings of the repository that they are in.
pub(crate) fn write(
    out: &mut Out<'_>,
    superproject: &Super<'_>,
    place: &Place<'_>,
    rules: Option<&[u8]>,
    found: &[GitLink],
    wish: Submodules,
    nested: usize,
) -> io::Result<String> {
    let mut sections = String::new();
    let known = rules.map(modules).unwrap_or_default();
    if nested > NESTED {
        return Ok(sections);
    }
    for link in found {
        let Some(module) = known.iter().find(|module| module.path.as_bytes() == link.path) else { continue };
        let Some(at_hand) = superproject.find(module, link.commit) else { continue };
        let filled = wish.are_filled() && !module.skipped;
        let address = superproject.address(module);
        if filled {
            let _ = write!(sections, "[submodule {}]\n\tactive = true\n\turl = {}\n", quoted(&module.name), quoted(&address));
        }
        let dot_git = beside(&beside(place.dot_git, b"modules"), module.name.as_bytes());
        let work_tree = beside(place.work_tree, &link.path);
        write_one(out, &at_hand, link.commit, &Place { dot_git: &dot_git, work_tree: &work_tree }, &address, wish, filled, nested)?;
    }
    Ok(sections)
}

#[expect(clippy::too_many_arguments, reason = "one call, split from the loop above for its length")]
fn write_one(
    out: &mut Out<'_>,
    at_hand: &AtHand,
    commit: Oid,
    place: &Place<'_>,
    address: &str,
    wish: Submodules,
    filled: bool,
    nested: usize,
) -> io::Result<()> {
    let git = &at_hand.git;
    let mut objects = Objects::of(git).map_err(failed)?;
    let mut sections = String::new();
    let mut index = None;
    let (from_git, from_tree) = (climb(place.dot_git), climb(place.work_tree));
    if filled {
        let tree = links(&objects.read(commit).map_err(failed)?.bytes).map(|(tree, _)| tree);
        let tree =
            tree.ok_or_else(|| failed(crate::GitError::corrupt(message!("the commit `{}` cannot be read", format_args!("{}", commit)))))?;
        let rules = top_file(&mut objects, tree, b".gitmodules");
        let Written { index: entries, links } = files::write(out, &mut objects, tree, place.work_tree, None)?;
        let up = String::from_utf8_lossy(&from_tree).into_owned() + &String::from_utf8_lossy(place.dot_git);
        let text = format!("gitdir: {up}\n");
        out.file(&beside(place.work_tree, b".git"), false, text.len() as u64, text.as_bytes())?;
        let inner = Super { git, root: at_hand.root.as_deref(), origin: Some(address) };
        sections = write(out, &inner, place, rules.as_deref(), &links, wish, nested + 1)?;
        index = Some(entries);
    }
    let whole = wish != Submodules::FilledShallow;
    let dot_git = DotGit {
        folder: place.dot_git,
        commit,
        upstream: None,
        head: &Head::Detached,
        tracking: if whole { &Tracking::All } else { &Tracking::None },
        depth: (!whole).then_some(1),
        tags: whole,
        origin: Some(address),
        work_tree: Some(String::from_utf8_lossy(&from_git).into_owned() + &String::from_utf8_lossy(place.work_tree)),
        sections: &sections,
        index,
    };
    dot_git.write(out, git, &mut objects)
}

/// The way up from a folder to the root.
fn climb(folder: &[u8]) -> Vec<u8> {
    b"../".repeat(folder.split(|byte| *byte == b'/').count())
}

/// A file at the root of a tree.
pub(crate) fn top_file(objects: &mut Objects<'_>, tree: Oid, name: &[u8]) -> Option<Vec<u8>> {
    let tree = objects.read(tree).ok()?;
    let mut rest = &tree.bytes[..];
    while let Some((mode, found, id, tail)) = crate::reachable::tree_entry(rest) {
        if found == name && mode.starts_with(b"100") {
            return objects.read(id).ok().map(|object| object.bytes.to_vec());
        }
        rest = tail;
    }
    None
}
