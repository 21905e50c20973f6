//! What a commit says, read by hand: git goes on with commits whose date or author makes no sense, libgit2 refuses them as a whole. Texts
//! are in the encoding that the commit names, else UTF-8.

use crate::convert::encoding_of;
use git2::Oid;
use std::borrow::Cow;

/// A commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Commit {
    pub id: Oid,
    pub tree: Oid,
    pub parents: Vec<Oid>,
    pub author_name: String,
    pub author_email: String,
    /// When it was committed, in seconds since 1970; 0 for a date that makes no sense.
    pub time_s: i64,
    /// The whole message.
    pub message: String,
}

/// The latest date that anything here can show: the end of the year 9999.
const LATEST_S: i64 = 253_402_300_799;

impl Commit {
    /// Reads the bytes of a commit object.
    pub fn read(id: Oid, bytes: &[u8]) -> Option<Self> {
        let (tree, parents) = crate::reachable::links(bytes)?;
        let end = bytes.windows(2).position(|window| window == b"\n\n");
        let (head, message) = end.map_or((bytes, &b""[..]), |end| (&bytes[..end], &bytes[end + 2..]));
        let line = |key: &[u8]| head.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(key));
        let encoding = line(b"encoding ").map(String::from_utf8_lossy);
        let text = |bytes: &[u8]| decoded(bytes, encoding.as_deref()).into_owned();
        let (name, email, _) = person(line(b"author ").unwrap_or_default());
        let (_, _, time_s) = person(line(b"committer ").unwrap_or_default());
        Some(Self { id, tree, parents, author_name: text(name), author_email: text(email), time_s, message: text(message) })
    }

    /// The first paragraph of the message on one line.
    pub fn title(&self) -> String {
        let lines = self.message.trim_start().lines().map(str::trim).take_while(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join(" ")
    }
}

/// Name, address and date of `A <a@b> 1700000000 +0100`.
fn person(line: &[u8]) -> (&[u8], &[u8], i64) {
    let (Some(open), Some(close)) = (line.iter().position(|byte| *byte == b'<'), line.iter().rposition(|byte| *byte == b'>')) else {
        return (line.trim_ascii(), b"", 0);
    };
    let email = line.get(open + 1..close).unwrap_or_default();
    let date = std::str::from_utf8(&line[close + 1..]).unwrap_or_default();
    let seconds = date.split_ascii_whitespace().next().and_then(|seconds| seconds.parse().ok()).unwrap_or_default();
    // What no calendar has is as good as none.
    (line[..open].trim_ascii(), email.trim_ascii(), if (-LATEST_S..=LATEST_S).contains(&seconds) { seconds } else { 0 })
}

/// Text in the encoding of that name; an unknown one is taken for UTF-8.
fn decoded<'a>(bytes: &'a [u8], encoding: Option<&str>) -> Cow<'a, str> {
    match encoding.and_then(encoding_of) {
        Some(encoding) => encoding.decode_without_bom_handling(bytes).0,
        None => String::from_utf8_lossy(bytes),
    }
}

/// When a tag was made, in seconds since 1970; `None` for a tag without a tagger.
pub(crate) fn tagged_at(tag: &[u8]) -> Option<i64> {
    let head = tag.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty());
    let tagger = head.filter_map(|line| line.strip_prefix(b"tagger ")).next()?;
    Some(person(tagger).2)
}
