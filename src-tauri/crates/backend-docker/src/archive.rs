//! A tar stream whose members are renamed, left out, or followed by further ones while it passes: nothing is kept but a header and a name.
//!
//! It reads the forms of GNU and of POSIX (pax), as git, engines and this app write them, and writes GNU's. What a pax header says besides names
//! and sizes (fractions of seconds, attributes of a file system) is dropped: a working copy and a build context have no use for it.

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt as _, stream};
use std::io;
use tar::{EntryType, Header};

/// All parts of a tar are filled up to a multiple of this.
const BLOCK: usize = 512;

/// Room for a name in a header.
const SHORT_NAME: usize = 100;

/// The longest name, or list of what pax has to say, that is read. Linux takes no path longer than 4 KiB.
const LONGEST_META: u64 = 1024 * 1024;

/// What becomes of the members.
pub(crate) trait Rules: Send + 'static {
    /// The new name of a member, `None` to leave it out. `name` has no `./` and no `/` before it; that of a folder ends with a slash. Owner and
    /// mode may be changed in `header`. Of a hard link, `target` is the old name of what it refers to.
    fn member(&mut self, name: &[u8], target: Option<&[u8]>, header: &mut Header) -> io::Result<Option<Vec<u8>>>;

    /// What a hard link refers to, under its new name.
    fn target(&self, name: &[u8]) -> Vec<u8>;

    /// Complete members, headers included, that follow the last one.
    fn last(&mut self) -> Bytes {
        Bytes::new()
    }
}

/// The tar as the rules want it.
pub(crate) fn passed<S, R>(tar: S, rules: R) -> impl Stream<Item = io::Result<Bytes>> + Send + use<S, R>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
    R: Rules,
{
    let passing = Passing { rules, state: State::Header, block: BytesMut::new(), said: Said::default() };
    let tar = Box::pin(tar);
    stream::unfold(Some((passing, tar)), async |state| {
        let (mut passing, mut tar) = state?;
        match tar.next().await? {
            Ok(piece) => match passing.take(piece) {
                Ok(piece) => Some((Ok(piece), Some((passing, tar)))),
                Err(error) => Some((Err(error), None)),
            },
            Err(error) => Some((Err(error), None)),
        }
    })
    // What is left out leaves nothing of a piece.
    .filter(|piece| std::future::ready(piece.as_ref().map_or(true, |piece| !piece.is_empty())))
}

/// Where a stream has been read to.
enum State {
    /// At a header.
    Header,
    /// In the content of a member, with so many bytes to come.
    Content { left: u64, passes: bool },
    /// In what is said of the next member.
    Meta { kind: EntryType, length: usize, left: u64 },
    /// Behind the last member.
    End,
}

/// What was said of the next member before its header.
#[derive(Default)]
struct Said {
    name: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

struct Passing<R> {
    rules: R,
    state: State,
    /// A header, or what is said of the next member, that has not come as a whole yet.
    block: BytesMut,
    said: Said,
}

impl<R: Rules> Passing<R> {
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
                State::Content { left, passes } => {
                    let part = piece.split_to(piece.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                    *left -= part.len() as u64;
                    let is_over = *left == 0;
                    if *passes {
                        out.extend_from_slice(&part);
                    }
                    if is_over {
                        self.state = State::Header;
                    }
                }
                State::Meta { kind, length, left } => {
                    let part = piece.split_to(piece.len().min(usize::try_from(*left).unwrap_or(usize::MAX)));
                    *left -= part.len() as u64;
                    self.block.extend_from_slice(&part);
                    if *left == 0 {
                        let mut text = self.block.split().to_vec();
                        text.truncate(*length);
                        self.said.take(*kind, text)?;
                        self.state = State::Header;
                    }
                }
                State::End => out.extend_from_slice(&piece.split_to(piece.len())),
            }
        }
        Ok(out.freeze())
    }

    /// Reads a header, and writes it anew as the rules want it.
    fn enter(&mut self, block: &[u8], out: &mut BytesMut) -> io::Result<()> {
        if block.iter().all(|byte| *byte == 0) {
            out.extend_from_slice(&self.rules.last());
            out.extend_from_slice(block);
            self.state = State::End;
            return Ok(());
        }
        let mut header = Header::new_gnu();
        header.as_mut_bytes().copy_from_slice(block);
        let kind = header.entry_type();
        let size = header.entry_size()?;
        if let EntryType::GNULongName | EntryType::GNULongLink | EntryType::XHeader | EntryType::XGlobalHeader = kind {
            if size > LONGEST_META {
                return Err(refused("a name that is too long"));
            }
            let length = usize::try_from(size).map_err(io::Error::other)?;
            self.state = match size.next_multiple_of(BLOCK as u64) {
                0 => State::Header,
                left => State::Meta { kind, length, left },
            };
            return Ok(());
        }
        if kind == EntryType::GNUSparse {
            return Err(refused("a file with holes"));
        }
        let said = std::mem::take(&mut self.said);
        let size = said.size.unwrap_or(size);
        header.set_size(size);
        let name = said.name.unwrap_or_else(|| header.path_bytes().into_owned());
        let target = said.target.or_else(|| header.link_name_bytes().map(std::borrow::Cow::into_owned));
        let linked = target.as_deref().filter(|_| kind == EntryType::Link).map(plain);
        let new = self.rules.member(plain(&name), linked, &mut header)?;
        let passes = new.is_some();
        if let Some(new) = new {
            let target = linked.map(|linked| self.rules.target(linked)).or(target);
            put(header, &new, target.as_deref(), out);
        }
        self.state = match size.next_multiple_of(BLOCK as u64) {
            0 => State::Header,
            left => State::Content { left, passes },
        };
        Ok(())
    }
}

impl Said {
    fn take(&mut self, kind: EntryType, mut text: Vec<u8>) -> io::Result<()> {
        match kind {
            EntryType::XHeader => return self.take_pax(&text),
            // About all members: nothing of it is kept.
            EntryType::XGlobalHeader => return Ok(()),
            _ => text.truncate(text.iter().position(|byte| *byte == 0).unwrap_or(text.len())),
        }
        match kind {
            EntryType::GNULongLink => self.target = Some(text),
            _ => self.name = Some(text),
        }
        Ok(())
    }

    /// Lines `LENGTH KEY=VALUE`, the length of which counts the whole line.
    fn take_pax(&mut self, text: &[u8]) -> io::Result<()> {
        let mut rest = text;
        while !rest.is_empty() {
            let broken = || refused("a pax header that cannot be read");
            let blank = rest.iter().position(|byte| *byte == b' ').ok_or_else(broken)?;
            let length: usize = std::str::from_utf8(&rest[..blank]).ok().and_then(|text| text.parse().ok()).ok_or_else(broken)?;
            let line = rest.get(blank + 1..length).and_then(|line| line.strip_suffix(b"\n")).ok_or_else(broken)?;
            let equals = line.iter().position(|byte| *byte == b'=').ok_or_else(broken)?;
            let (key, value) = (&line[..equals], &line[equals + 1..]);
            match key {
                b"path" => self.name = Some(value.to_vec()),
                b"linkpath" => self.target = Some(value.to_vec()),
                b"size" => self.size = Some(std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).ok_or_else(broken)?),
                _ => {}
            }
            rest = &rest[length..];
        }
        Ok(())
    }
}

fn plain(mut name: &[u8]) -> &[u8] {
    while let Some(rest) = name.strip_prefix(b"./").or_else(|| name.strip_prefix(b"/")) {
        name = rest;
    }
    name
}

fn refused(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the archive contains {what}"))
}

/// Writes a header with that name and target, after one of GNU's for each that does not fit.
fn put(mut header: Header, name: &[u8], target: Option<&[u8]>, out: &mut BytesMut) {
    put_long(EntryType::GNULongName, name, out);
    if let Some(target) = target {
        put_long(EntryType::GNULongLink, target, out);
        put_short(&mut header.as_old_mut().linkname, target);
    }
    put_short(&mut header.as_old_mut().name, name);
    if let Some(ustar) = header.as_ustar_mut() {
        // The other half of a name that was split.
        ustar.prefix.fill(0);
    }
    header.set_cksum();
    out.extend_from_slice(header.as_bytes());
}

fn put_long(kind: EntryType, text: &[u8], out: &mut BytesMut) {
    if text.len() <= SHORT_NAME {
        return;
    }
    let mut long = Header::new_gnu();
    put_short(&mut long.as_old_mut().name, b"././@LongLink");
    long.set_entry_type(kind);
    long.set_mode(0o644);
    long.set_size(text.len() as u64 + 1);
    long.set_cksum();
    out.extend_from_slice(long.as_bytes());
    out.extend_from_slice(text);
    out.resize(out.len() + (text.len() + 1).next_multiple_of(BLOCK) - text.len(), 0);
}

fn put_short(field: &mut [u8; SHORT_NAME], text: &[u8]) {
    let short = &text[..text.len().min(SHORT_NAME)];
    field.fill(0);
    field[..short.len()].copy_from_slice(short);
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use std::io::Read as _;

    /// A header of a member.
    pub(crate) fn header(kind: EntryType, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o755);
        header.set_size(size);
        header
    }

    /// A tar that comes in pieces of that size, as the rules want it.
    pub(crate) async fn through<R: Rules>(bytes: &[u8], piece: usize, rules: R) -> io::Result<Vec<u8>> {
        let pieces: Vec<_> = bytes.chunks(piece).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let mut whole = Vec::new();
        let mut out = Box::pin(passed(stream::iter(pieces), rules));
        while let Some(piece) = out.next().await {
            whole.extend_from_slice(&piece?);
        }
        Ok(whole)
    }

    /// Name, target and content of each member.
    pub(crate) fn entries(bytes: &[u8]) -> Vec<(String, String, String)> {
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

    struct Odd;

    impl Rules for Odd {
        fn member(&mut self, name: &[u8], _: Option<&[u8]>, header: &mut Header) -> io::Result<Option<Vec<u8>>> {
            header.set_uid(0);
            Ok((!name.starts_with(b"no")).then(|| self.target(name)))
        }

        fn target(&self, name: &[u8]) -> Vec<u8> {
            [b"new/", name].concat()
        }

        fn last(&mut self) -> Bytes {
            let mut out = BytesMut::new();
            put(header(EntryType::Regular, 0), b"last", None, &mut out);
            out.freeze()
        }
    }

    /// As the engine writes it: pax for what is long or not ASCII, and for fractions of seconds.
    fn sample(long: &str) -> Vec<u8> {
        let mut tar = tar::Builder::new(Vec::new());
        tar.append_pax_extensions([("path", "./中文".as_bytes()), ("mtime", b"1.5"), ("size", b"3")]).unwrap();
        // Its own header knows neither the name nor the size; the builder fills up what it is given, so the size is put in by hand.
        let mut of_pax = header(EntryType::Regular, 3);
        of_pax.set_path("x").unwrap();
        of_pax.set_cksum();
        tar.append(&of_pax, &b"abc"[..]).unwrap();
        tar.append_data(&mut header(EntryType::Regular, 600), "no/1", &[b'n'; 600][..]).unwrap();
        tar.append_data(&mut header(EntryType::Regular, 1), "no/2", &b"n"[..]).unwrap();
        tar.append_link(&mut header(EntryType::Link, 0), "hard", "./中文").unwrap();
        tar.append_link(&mut header(EntryType::Symlink, 0), long, format!("../{long}")).unwrap();
        tar.append_pax_extensions([("linkpath", long.as_bytes())]).unwrap();
        let mut linked = header(EntryType::Symlink, 0);
        linked.set_path("soft").unwrap();
        linked.set_cksum();
        tar.append(&linked, io::empty()).unwrap();
        tar.into_inner().unwrap()
    }

    #[tokio::test]
    async fn members_are_renamed_left_out_and_added_in_pieces_of_any_size() {
        let long = "d".repeat(120);
        let sample = sample(&long);
        let text = str::to_owned;
        let expected = [
            (text("new/中文"), String::new(), text("abc")),
            (text("new/hard"), text("new/中文"), String::new()),
            (format!("new/{long}"), format!("../{long}"), String::new()),
            (text("new/soft"), long.clone(), String::new()),
            (text("last"), String::new(), String::new()),
        ];
        for piece in [1, 7, 511, 512, 513, 1000, 1 << 20] {
            assert_eq!(entries(&through(&sample, piece, Odd).await.unwrap()), expected, "{piece}");
        }
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_refused() {
        for (kind, content) in [(EntryType::XHeader, &b"9 path"[..]), (EntryType::XHeader, b"x"), (EntryType::GNUSparse, b"")] {
            let mut tar = tar::Builder::new(Vec::new());
            let mut header = header(kind, content.len() as u64);
            header.set_path("a").unwrap();
            header.set_cksum();
            tar.append(&header, content).unwrap();
            let error = through(&tar.into_inner().unwrap(), 512, Odd).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{error}");
        }
        let mut long = tar::Builder::new(Vec::new());
        let mut header = header(EntryType::GNULongName, LONGEST_META + 1);
        header.set_cksum();
        long.append(&header, io::empty()).unwrap();
        assert!(through(&long.into_inner().unwrap(), 512, Odd).await.is_err());
    }

    #[tokio::test]
    async fn a_failing_stream_fails_with_its_own_words() {
        let broken = stream::iter([Ok(Bytes::from(sample("a"))), Err(io::Error::other("the pack is broken"))]);
        let results: Vec<_> = passed(broken, Odd).collect().await;
        assert_eq!(results.last().unwrap().as_ref().unwrap_err().to_string(), "the pack is broken");
    }
}
