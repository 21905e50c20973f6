//! The folder that a build sends, out of the working copy of its stage: streamed from the engine and back to it through `.dockerignore`, never
//! put on a disk and never held in memory.
//!
//! The working copy is read through a container that is only made and never started, with the volumes of the step at the paths that the step sees,
//! and nothing else in it: a path of the file that leads elsewhere finds nothing.

use crate::archive::{Rules, passed};
use crate::connect::ContainerEngine;
use crate::error;
use bollard::errors::Error;
use bollard::query_parameters::DownloadFromContainerOptionsBuilder;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};
use lp_backend::BackendError;
use lp_model::{Dockerignore, Message, dockerignore, message};
use std::io::{self, Read as _};
use std::sync::{Arc, Mutex, PoisonError};
use tar::{EntryType, Header};

/// The longest Dockerfile, `.dockerignore` or list of tags that is read.
const LONGEST_FILE: u64 = 4 << 20;

/// Links that are followed to a single file.
const MOST_LINKS: usize = 8;

/// The name of a Dockerfile that lies outside of the folder, in what is sent.
const OUTSIDE: &str = ".letterpress-dockerfile";

/// An absolute path without `.`, `..` and doubled slashes; `path` is relative to `folder` unless it is absolute itself.
pub(super) fn absolute(folder: &str, path: &str) -> String {
    let whole = if path.starts_with('/') { path.to_owned() } else { format!("{folder}/{path}") };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    format!("/{}", parts.join("/"))
}

/// A container through which files of the working copy are read.
pub(super) struct Reader<'a> {
    pub engine: &'a ContainerEngine,
    pub container: &'a str,
}

impl Reader<'_> {
    /// A file, `None` where there is none.
    pub async fn file(&self, path: &str) -> Result<Option<Vec<u8>>, BackendError> {
        let failed = |refused: &Error| error::call(message!("read `{}`", path), refused);
        let unreadable = |refused: io::Error| BackendError::call(message!("read `{}`", path), Message::of_error(&refused));
        let mut at = path.to_owned();
        for _ in 0..MOST_LINKS {
            let options = DownloadFromContainerOptionsBuilder::new().path(&at).build();
            let mut answer = std::pin::pin!(self.engine.docker.download_from_container(self.container, Some(options)));
            let mut whole = Vec::new();
            while let Some(piece) = answer.next().await {
                match piece {
                    Ok(piece) => whole.extend_from_slice(&piece),
                    Err(missing) if error::is_missing(&missing) => return Ok(None),
                    Err(refused) => return Err(failed(&refused)),
                }
                if whole.len() as u64 > LONGEST_FILE + 64 * 1024 {
                    return Err(BackendError::call(message!("read `{}`", path), message!("it is longer than {} bytes", LONGEST_FILE)));
                }
            }
            let mut archive = tar::Archive::new(&whole[..]);
            let Some(mut entry) = archive.entries().map_err(unreadable)?.next().transpose().map_err(unreadable)? else { return Ok(None) };
            match entry.header().entry_type() {
                EntryType::Symlink => {
                    let target = entry.link_name_bytes().map(|name| String::from_utf8_lossy(&name).into_owned()).unwrap_or_default();
                    let folder = at.rsplit_once('/').map_or("", |(folder, _)| folder);
                    at = absolute(folder, &target);
                }
                EntryType::Regular => {
                    let mut content = Vec::new();
                    entry.read_to_end(&mut content).map_err(unreadable)?;
                    return Ok(Some(content));
                }
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    /// The folder as a build sends it. `failure` is set to why reading has failed, if it does.
    pub fn folder(&self, context: &Context, failure: Failure) -> impl Stream<Item = io::Result<Bytes>> + Send + 'static {
        let options = DownloadFromContainerOptionsBuilder::new().path(&format!("{}/.", context.folder)).build();
        let tar = self.engine.patient(crate::image::NO_LIMIT).download_from_container(self.container, Some(options));
        let rules = Sent { ignore: context.ignore.clone(), last: context.outside.clone() };
        passed(tar.map_err(|refused| io::Error::other(error::message(&refused).to_string())), rules).inspect_err(move |error| {
            *failure.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Message::of_error(error));
        })
    }
}

/// Why the folder could not be read to its end.
#[derive(Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<Message>>>);

impl Failure {
    pub fn take(&self) -> Option<Message> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// What is sent.
pub(super) struct Context {
    /// Absolute path of the folder.
    pub folder: String,
    ignore: Dockerignore,
    /// Name of the Dockerfile in what is sent.
    pub dockerfile: String,
    /// Where the Dockerfile lies outside of the folder: it, and a `.dockerignore` that keeps both out of the image, as members.
    outside: Bytes,
}

impl Context {
    /// `file` is the absolute path of the Dockerfile, and `text` its content.
    ///
    /// # Errors
    /// A sentence about a line of `.dockerignore` that is no pattern, or that it cannot be read.
    pub async fn of(reader: &Reader<'_>, folder: String, file: &str, text: &[u8]) -> Result<Result<Self, Message>, BackendError> {
        let inside = file.strip_prefix(folder.trim_end_matches('/')).and_then(|rest| rest.strip_prefix('/'));
        let own = inside.map(|name| format!("{name}{}", dockerignore::NAME));
        let (mut ignore, mut ignore_text) = (Dockerignore::default(), dockerignore::NAME.as_bytes().to_vec());
        for name in own.into_iter().chain([dockerignore::NAME.to_owned()]) {
            if let Some(content) = reader.file(&absolute(&folder, &name)).await? {
                match Dockerignore::read(&String::from_utf8_lossy(&content)) {
                    Ok(read) => (ignore, ignore_text) = (read, content),
                    Err(error) => return Ok(Err(message!("`{}`: {}; {}", name, error.told(), error.help()))),
                }
                break;
            }
        }
        // A builder needs both, whatever they say.
        ignore.always_send(dockerignore::NAME);
        let (dockerfile, outside) = match inside {
            Some(name) => {
                ignore.always_send(name);
                (name.to_owned(), Bytes::new())
            }
            None => {
                // An engine takes what it needs for itself out of the image only where this file says so (docker/cli `AddDockerfileToBuildContext`).
                ignore_text.extend_from_slice(format!("\n{OUTSIDE}\n").as_bytes());
                let members = [member(dockerignore::NAME, &ignore_text), member(OUTSIDE, text)].concat();
                (OUTSIDE.to_owned(), members.into())
            }
        };
        Ok(Ok(Self { folder, ignore, dockerfile, outside }))
    }
}

/// A file as a member of a tar.
pub(super) fn member(name: &str, text: &[u8]) -> Bytes {
    let mut builder = tar::Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Regular);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(text.len() as u64);
    builder.append_data(&mut header, name, text).expect("writing to memory cannot fail");
    // Not finished: the end of the tar follows.
    Bytes::copy_from_slice(builder.get_ref())
}

/// What docker's own client sends: files that `.dockerignore` leaves in, all of them root's, so that its cache and ours are one.
struct Sent {
    ignore: Dockerignore,
    last: Bytes,
}

impl Rules for Sent {
    fn member(&mut self, name: &[u8], target: Option<&[u8]>, header: &mut Header) -> io::Result<Option<Vec<u8>>> {
        let path = String::from_utf8_lossy(name);
        let path = path.trim_end_matches('/');
        if path.is_empty() {
            return Ok(None);
        }
        // Another one comes at the end.
        let is_replaced = path == dockerignore::NAME && !self.last.is_empty();
        if is_replaced || self.ignore.verdict(path).left_out {
            return Ok(None);
        }
        if let Some(target) = target.map(String::from_utf8_lossy)
            && self.ignore.verdict(&target).left_out
        {
            let why = format!("`{path}` is a second name (hard link) of `{target}`, which `.dockerignore` leaves out");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        header.set_uid(0);
        header.set_gid(0);
        header.set_username("")?;
        header.set_groupname("")?;
        Ok(Some(name.to_vec()))
    }

    fn target(&self, name: &[u8]) -> Vec<u8> {
        name.to_vec()
    }

    fn last(&mut self) -> Bytes {
        std::mem::take(&mut self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::tests::{entries, header, through};

    #[test]
    fn paths_are_made_absolute() {
        let table = [
            ("/drone/src", ".", "/drone/src"),
            ("/drone/src", "docker//a/../Dockerfile", "/drone/src/docker/Dockerfile"),
            ("/drone/src", "../../../etc/passwd", "/etc/passwd"),
            ("/drone/src", "/drone/other/", "/drone/other"),
            ("/", "a", "/a"),
        ];
        for (folder, path, expected) in table {
            assert_eq!(absolute(folder, path), expected);
        }
    }

    #[tokio::test]
    async fn what_is_sent_is_what_dockerignore_leaves_and_belongs_to_root() {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_data(&mut header(EntryType::Directory, 0), "./", io::empty()).unwrap();
        for (name, kind, text) in [
            ("./.dockerignore", EntryType::Regular, "x"),
            ("./node_modules/", EntryType::Directory, ""),
            ("./node_modules/a", EntryType::Regular, "aaa"),
            ("./src/", EntryType::Directory, ""),
            ("./src/main.js", EntryType::Regular, "main"),
        ] {
            let mut header = header(kind, text.len() as u64);
            header.set_uid(1000);
            header.set_gid(1000);
            header.set_username("ann").unwrap();
            tar.append_data(&mut header, name, text.as_bytes()).unwrap();
        }
        let mut ignore = Dockerignore::read("node_modules\n.dockerignore\n").unwrap();
        ignore.always_send(dockerignore::NAME);
        let last = [member(dockerignore::NAME, b"x\n"), member(OUTSIDE, b"FROM a")].concat().into();
        let rules = Sent { ignore, last };
        let sent = through(&tar.into_inner().unwrap(), 1 << 20, rules).await.unwrap();
        let names: Vec<_> = entries(&sent).into_iter().map(|(name, _, text)| (name, text)).collect();
        let expected = [("src/", ""), ("src/main.js", "main"), (".dockerignore", "x\n"), (OUTSIDE, "FROM a")];
        assert_eq!(names, expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
        let mut archive = tar::Archive::new(&sent[..]);
        for entry in archive.entries().unwrap() {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.uid().unwrap(), header.gid().unwrap(), header.username().unwrap()), (0, 0, Some("")));
        }
    }
}
