//! Why a repository cannot be read. libgit2 says `object not found` or `unsupported` for many troubles, each of which has another remedy: a partial
//! clone, borrowed objects that are gone, files of another user, a moved work tree, a format of its own.

use crate::GitError;
use crate::dot_git::is_partial;
use crate::objects::{alternates, folders};
use git2::ErrorCode;
use lp_model::message;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

/// What kept the folder `.git` from being opened.
pub(crate) fn opening(git_dir: &Path, error: &git2::Error) -> GitError {
    let path = shown(git_dir);
    let message = error.message();
    if let Some(trouble) = config_line(message) {
        return trouble;
    }
    let quoted = message.split(['\'', '"', '`']).nth(1).unwrap_or_default().to_owned();
    if message.contains("object format") {
        return GitError::ObjectFormat { path, format: quoted };
    }
    if message.contains("extension") {
        let last = || message.rsplit(' ').next().unwrap_or_default().to_owned();
        let name = if quoted.is_empty() { last() } else { quoted };
        if name.eq_ignore_ascii_case("extensions.refstorage") {
            let format = setting(git_dir, "refstorage").unwrap_or_else(|| "reftable".into());
            return GitError::ReferenceFormat { path, format };
        }
        if name.eq_ignore_ascii_case("extensions.objectformat") {
            let format = setting(git_dir, "objectformat").unwrap_or_else(|| "sha256".into());
            return GitError::ObjectFormat { path, format };
        }
        return GitError::Unsupported { path, what: name };
    }
    if message.to_ascii_lowercase().contains("version") && message.to_ascii_lowercase().contains("support") {
        return GitError::Unsupported { path, what: message.trim_end_matches('.').to_owned() };
    }
    for file in ["HEAD", "config", "objects", "refs"] {
        if let Some(path) = forbidden(&git_dir.join(file)) {
            return GitError::Unreadable { path: shown(&path) };
        }
    }
    match error.code() {
        ErrorCode::NotFound => missing_part(git_dir),
        _ => GitError::Git { message: message.to_owned() },
    }
}

/// Which part of a folder `.git` is not there.
pub(crate) fn missing_part(git_dir: &Path) -> GitError {
    let missing = ["HEAD", "objects", "refs"].into_iter().find(|part| !git_dir.join(part).exists());
    let message = match missing {
        Some(part) => message!("`{}` is not complete: `{}` is missing", git_dir.display(), part),
        None => message!("`{}` is not complete", git_dir.display()),
    };
    GitError::Corrupt { message }
}

/// A file `.git` that leads to nothing, in the folder or above it.
pub(crate) fn moved(start: &Path) -> Option<GitError> {
    let file = start.ancestors().map(|folder| folder.join(".git")).find(|file| file.exists())?;
    if !file.is_file() {
        return None;
    }
    let text = fs::read_to_string(&file).ok()?;
    let target = text.strip_prefix("gitdir:")?.trim();
    let target = file.parent()?.join(target);
    (!target.exists()).then(|| GitError::Moved { file: shown(&file), target: shown(&target) })
}

/// Why an object that the repository names is not there.
pub(crate) fn reading(git: &git2::Repository, error: GitError) -> GitError {
    let object = match &error {
        GitError::MissingObject { object, .. } => object.clone(),
        // What libgit2 says where it found nothing that it could open.
        GitError::Corrupt { .. } => String::new(),
        _ => return error,
    };
    let own = git.commondir().join("objects");
    for folder in folders(&own) {
        if let Some(gone) = alternates(&folder).into_iter().find(|borrowed| !borrowed.exists()) {
            return GitError::Borrowed { file: shown(&folder.join("info/alternates")), folder: shown(&gone) };
        }
        if let Some(path) = unreadable(&folder, &object) {
            return GitError::Unreadable { path: shown(&path) };
        }
    }
    let GitError::MissingObject { object, .. } = error else { return error };
    let path = shown(git.path());
    if is_partial(git) { GitError::PartialClone { path, object } } else { GitError::MissingObject { path, object } }
}

/// The same for an error that comes out of a stream: only people look at it from there on, so it becomes its sentence.
pub(crate) fn streaming(git: &git2::Repository, error: io::Error) -> io::Error {
    match error.downcast::<GitError>() {
        Ok(error) => io::Error::other(reading(git, error).told()),
        Err(error) => error,
    }
}

/// A file of the objects that this user may not read: that of the object, else any pack.
fn unreadable(folder: &Path, object: &str) -> Option<PathBuf> {
    if let (Some(first), Some(rest)) = (object.get(..2), object.get(2..)) {
        let below = folder.join(first);
        if let Some(path) = forbidden(&below).or_else(|| forbidden(&below.join(rest))) {
            return Some(path);
        }
    }
    let packs = folder.join("pack");
    forbidden(folder).or_else(|| forbidden(&packs)).or_else(|| {
        let mut files: Vec<PathBuf> = fs::read_dir(&packs).ok()?.flatten().map(|found| found.path()).collect();
        files.sort();
        files.iter().find_map(|file| forbidden(file))
    })
}

/// The path, if it may not be read.
fn forbidden(path: &Path) -> Option<PathBuf> {
    let tried = if path.is_dir() { fs::read_dir(path).map(|_| ()) } else { File::open(path).map(|_| ()) };
    tried.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied).then(|| path.to_owned())
}

/// `failed to parse config file: … (in FILE:LINE)`.
fn config_line(message: &str) -> Option<GitError> {
    let place = message.split_once("(in ")?.1;
    let (file, line) = place.split(')').next()?.rsplit_once(':')?;
    let line = line.split(',').next()?.trim().parse().ok()?;
    Some(GitError::BadConfig { file: file.to_owned(), line })
}

/// A setting of the section `extensions`, read by hand because libgit2 does not open the repository.
fn setting(git_dir: &Path, key: &str) -> Option<String> {
    let text = fs::read_to_string(git_dir.join("config")).ok()?;
    let mut pairs = text.lines().filter_map(|line| line.split_once('='));
    let found = pairs.rfind(|(name, _)| name.trim().eq_ignore_ascii_case(key))?;
    Some(found.1.trim().to_owned())
}

fn shown(path: &Path) -> String {
    path.display().to_string().trim_end_matches('/').to_owned()
}
