//! A tar stream whose names begin at the root of a container instead of at its working copy.
//!
//! An engine refuses a link that leads out of the folder that a tar is unpacked into, and a repository may rightly have such links: `git` checks them
//! out. So the working copy is filled from the root, out of which no link leads. (moby: `pkg/archive`, `createTarFile`, "invalid symlink".)
//!
//! Only headers are rewritten, and only what a stream of [`lp_backend::Source`] has: names, also long ones in GNU's form. Hard links and the forms of
//! POSIX for long names do not occur in it and are refused, because their names would be wrong.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use std::io;
use tar::{EntryType, Header};

/// All parts of a tar are filled up to a multiple of this.
const BLOCK: usize = 512;

/// Room for a name in a header.
const SHORT_NAME: usize = 100;

/// The longest name that is read. Linux takes no path longer than 4 KiB.
const LONGEST_NAME: u64 = 64 * 1024;

/// The tar with all names below `folder`, seen from the root or from where it is unpacked.
pub(crate) fn rooted<S>(folder: &str, tar: S) -> impl Stream<Item = io::Result<Bytes>> + Send + use<S>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let rooting =
        Rooting { folder: folder.trim_matches('/').as_bytes().to_vec(), state: State::Header, block: BytesMut::new(), name: None };
    let tar = Box::pin(tar);
    stream::unfold(Some((rooting, tar)), async |state| {
        let (mut rooting, mut tar) = state?;
        match tar.next().await? {
            Ok(piece) => match rooting.take(piece) {
                Ok(piece) => Some((Ok(piece), Some((rooting, tar)))),
                Err(error) => Some((Err(error), None)),
            },
            Err(error) => Some((Err(error), None)),
        }
    })
}

/// Where a stream has been read to.
enum State {
    /// At a header.
    Header,
    /// In the content of an entry, with so many bytes to come.
    Content(u64),
    /// In a long name, of so many bytes, with so many to come until the next header.
    Name(usize, u64),
    /// Behind the last entry.
    End,
}

struct Rooting {
    /// Without the first slash and the last.
    folder: Vec<u8>,
    state: State,
    /// A header or a name that has not come as a whole yet.
    block: BytesMut,
    /// The name of the next entry, where it is a long one.
    name: Option<Vec<u8>>,
}

impl Rooting {
    /// What becomes of a piece. The last part of it may have to wait for the next one.
    fn take(&mut self, mut piece: Bytes) -> io::Result<Bytes> {
        let mut out = BytesMut::with_capacity(piece.len() + 4 * BLOCK);
        while !piece.is_empty() {
            match &mut self.state {
                State::Header => {
                    let part = piece.split_to(piece.len().min(BLOCK - self.block.len()));
                    self.block.extend_from_slice(&part);
                    if self.block.len() == BLOCK {
                        let block = self.block.split();
                        self.enter(&block, &mut out)?;
                    }
                }
                State::Content(left) => {
                    let part = piece.split_to(piece.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                    *left -= part.len() as u64;
                    let is_over = *left == 0;
                    out.extend_from_slice(&part);
                    if is_over {
                        self.state = State::Header;
                    }
                }
                State::Name(length, left) => {
                    let part = piece.split_to(piece.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                    *left -= part.len() as u64;
                    self.block.extend_from_slice(&part);
                    if *left == 0 {
                        let mut name = self.block.split().to_vec();
                        name.truncate(*length);
                        name.truncate(name.iter().position(|byte| *byte == 0).unwrap_or(name.len()));
                        self.name = Some(name);
                        self.state = State::Header;
                    }
                }
                State::End => out.extend_from_slice(&piece.split_to(piece.len())),
            }
        }
        Ok(out.freeze())
    }

    /// Reads a header, and writes it anew with the name of its entry below the folder.
    fn enter(&mut self, block: &[u8], out: &mut BytesMut) -> io::Result<()> {
        if block.iter().all(|byte| *byte == 0) {
            out.extend_from_slice(block);
            self.state = State::End;
            return Ok(());
        }
        let mut header = Header::new_gnu();
        header.as_mut_bytes().copy_from_slice(block);
        let content = header.entry_size()?;
        let filled = content.next_multiple_of(BLOCK as u64);
        let next = if filled == 0 { State::Header } else { State::Content(filled) };
        self.state = match header.entry_type() {
            EntryType::GNULongName if content > LONGEST_NAME => return Err(refused("a name that is too long")),
            EntryType::GNULongName if content == 0 => return Err(refused("an empty name")),
            EntryType::GNULongName => State::Name(usize::try_from(content).map_err(io::Error::other)?, filled),
            EntryType::GNULongLink => {
                out.extend_from_slice(block);
                next
            }
            EntryType::XHeader | EntryType::XGlobalHeader => return Err(refused("a header in the form of POSIX")),
            EntryType::Link => return Err(refused("a hard link")),
            _ => {
                let name = self.name.take().unwrap_or_else(|| header.path_bytes().into_owned());
                put_named(header, &self.below(&name), out);
                next
            }
        };
        Ok(())
    }

    fn below(&self, name: &[u8]) -> Vec<u8> {
        let mut name = name;
        while let Some(rest) = name.strip_prefix(b"./").or_else(|| name.strip_prefix(b"/")) {
            name = rest;
        }
        if self.folder.is_empty() { name.to_vec() } else { [self.folder.as_slice(), name].join(&b'/') }
    }
}

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the files of the commit contain {what}"))
}

/// Writes a header with that name, after one of GNU's for the name where it does not fit.
fn put_named(mut header: Header, name: &[u8], out: &mut BytesMut) {
    if name.len() > SHORT_NAME {
        let mut long = Header::new_gnu();
        long.as_old_mut().name[..13].copy_from_slice(b"././@LongLink");
        long.set_entry_type(EntryType::GNULongName);
        long.set_mode(0o644);
        long.set_size(name.len() as u64 + 1);
        long.set_cksum();
        out.extend_from_slice(long.as_bytes());
        out.extend_from_slice(name);
        out.resize(out.len() + (name.len() + 1).next_multiple_of(BLOCK) - name.len(), 0);
    }
    let short = &name[..name.len().min(SHORT_NAME)];
    let field = &mut header.as_old_mut().name;
    field.fill(0);
    field[..short.len()].copy_from_slice(short);
    if let Some(ustar) = header.as_ustar_mut() {
        // The other half of a name that was split.
        ustar.prefix.fill(0);
    }
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn header(kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(size);
        header
    }

    fn sample() -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        let long = "d".repeat(120);
        tar.append_data(&mut header(EntryType::Directory, 0), "./a/", io::empty()).unwrap();
        tar.append_data(&mut header(EntryType::Regular, 700), "a/中文", &[b'x'; 700][..]).unwrap();
        tar.append_data(&mut header(EntryType::Regular, 3), &long, &b"abc"[..]).unwrap();
        // Just too long for a header below the folder.
        tar.append_data(&mut header(EntryType::Regular, 0), "e".repeat(95), io::empty()).unwrap();
        tar.append_link(&mut header(EntryType::Symlink, 0), "out", "../../../etc/x").unwrap();
        tar.append_link(&mut header(EntryType::Symlink, 0), format!("{long}-link"), format!("../{long}")).unwrap();
        tar.into_inner().unwrap()
    }

    async fn through(bytes: &[u8], piece: usize) -> io::Result<Vec<u8>> {
        let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut whole = Vec::new();
        let mut out = Box::pin(rooted("/drone/src", stream::iter(pieces)));
        while let Some(piece) = out.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }

    fn entries(bytes: &[u8]) -> Vec<(String, String, String)> {
        let mut archive = tar::Archive::new(bytes);
        let entry = |entry: io::Result<tar::Entry<'_, &[u8]>>| {
            let mut entry = entry.unwrap();
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            let (name, link) = (text(&entry.path_bytes()), entry.link_name_bytes().map_or(String::new(), |link| text(&link)));
            let mut content = String::new();
            entry.read_to_string(&mut content).unwrap();
            (name, link, content)
        };
        archive.entries().unwrap().map(entry).collect()
    }

    #[tokio::test]
    async fn every_name_is_below_the_folder_and_nothing_else_changes() {
        let sample = sample();
        let expected: Vec<_> = entries(&sample)
            .into_iter()
            .map(|(name, link, content)| (format!("drone/src/{}", name.trim_start_matches("./")), link, content))
            .collect();
        for piece in [1, 7, 511, 512, 513, 1000, 1 << 20] {
            assert_eq!(entries(&through(&sample, piece).await.unwrap()), expected, "{piece}");
        }
    }

    #[tokio::test]
    async fn names_in_a_form_that_is_not_read_are_refused() {
        for kind in [EntryType::Link, EntryType::XHeader, EntryType::XGlobalHeader] {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = header(kind, 0);
            header.set_path("a").unwrap();
            header.set_cksum();
            tar.append(&header, io::empty()).unwrap();
            let error = through(&tar.into_inner().unwrap(), 512).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
    }

    #[tokio::test]
    async fn a_failing_stream_fails_with_its_own_words() {
        let broken = stream::iter([Ok(Bytes::from(sample())), Err(io::Error::other("the pack is broken"))]);
        let results: Vec<_> = rooted("/drone", broken).collect().await;
        assert_eq!(results.last().unwrap().as_ref().unwrap_err().to_string(), "the pack is broken");
    }
}
