//! What a checkout makes of the content of a file: key words, ends of lines, encoding (git convert.c, `convert_to_working_tree`).

use crate::attributes::{FileAttributes, LineEnds};
use encoding_rs::{EncoderResult, Encoding};
use git2::Oid;
use std::borrow::Cow;

/// The content as it stands in the working copy. The order is git's: key words, then ends of lines, then the encoding.
pub(crate) fn checked_out<'a>(content: &'a [u8], id: Oid, attributes: &FileAttributes) -> Cow<'a, [u8]> {
    let mut content = Cow::Borrowed(content);
    if attributes.ident
        && let Some(expanded) = expand_ident(&content, id)
    {
        content = Cow::Owned(expanded);
    }
    if let Some(ends) = with_crlf(&content, attributes.line_ends) {
        content = Cow::Owned(ends);
    }
    if let Some(encoding) = &attributes.encoding
        && let Some(encoded) = encode(&content, encoding)
    {
        content = Cow::Owned(encoded);
    }
    content
}

/// `$Id$`, and `$Id: one word $`, with the object of the file; what another system wrote there stays.
fn expand_ident(content: &[u8], id: Oid) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut rest = content;
    let mut changed = false;
    while let Some(at) = rest.windows(3).position(|window| window == b"$Id") {
        let (before, found) = rest.split_at(at + 3);
        out.extend_from_slice(before);
        rest = found;
        let line = rest.split(|byte| *byte == b'\n').next().unwrap_or_default();
        let taken = match rest.first() {
            Some(b'$') => Some(1),
            Some(b':') => line.iter().position(|byte| *byte == b'$').and_then(|dollar| {
                // git: a blank that is neither the one after the colon nor the one before the dollar means that it is foreign.
                let inside = line.get(2..dollar).unwrap_or_default();
                let foreign = inside.iter().position(|byte| *byte == b' ').is_some_and(|blank| blank + 3 < dollar);
                (!foreign).then_some(dollar + 1)
            }),
            _ => None,
        };
        if let Some(taken) = taken {
            out.extend_from_slice(format!(": {id} $").as_bytes());
            rest = &rest[taken..];
            changed = true;
        }
    }
    out.extend_from_slice(rest);
    changed.then_some(out)
}

fn with_crlf(content: &[u8], ends: LineEnds) -> Option<Vec<u8>> {
    if ends == LineEnds::Kept {
        return None;
    }
    let counts = Counts::of(content);
    if counts.lone_lf == 0 || (ends == LineEnds::CrLfOfText && (counts.lone_cr > 0 || counts.crlf > 0 || counts.is_binary())) {
        return None;
    }
    let mut out = Vec::with_capacity(content.len() + counts.lone_lf);
    let mut last = 0;
    for &byte in content {
        if byte == b'\n' && last != b'\r' {
            out.push(b'\r');
        }
        out.push(byte);
        last = byte;
    }
    Some(out)
}

/// git convert.c, `gather_stats` and `convert_is_binary`.
#[derive(Default)]
struct Counts {
    nul: usize,
    lone_cr: usize,
    lone_lf: usize,
    crlf: usize,
    printable: usize,
    other: usize,
}

impl Counts {
    fn of(content: &[u8]) -> Self {
        let mut counts = Self::default();
        let mut at = 0;
        while let Some(&byte) = content.get(at) {
            at += 1;
            match byte {
                b'\r' if content.get(at) == Some(&b'\n') => {
                    counts.crlf += 1;
                    at += 1;
                }
                b'\r' => counts.lone_cr += 1,
                b'\n' => counts.lone_lf += 1,
                127 => counts.other += 1,
                0 => {
                    counts.nul += 1;
                    counts.other += 1;
                }
                // Backspace, tab, escape and form feed are text.
                8 | 9 | 27 | 12 => counts.printable += 1,
                1..32 => counts.other += 1,
                _ => counts.printable += 1,
            }
        }
        // An end-of-file mark of old systems is no sign of anything.
        if content.last() == Some(&26) {
            counts.other -= 1;
        }
        counts
    }

    fn is_binary(&self) -> bool {
        self.lone_cr > 0 || self.nul > 0 || self.printable >> 7 < self.other
    }
}

/// The text in another encoding, or `None` when that is unknown or has no way to write it: git then keeps the file as it is.
fn encode(content: &[u8], encoding: &str) -> Option<Vec<u8>> {
    let name = encoding.to_ascii_uppercase();
    if matches!(name.as_str(), "UTF-8" | "UTF8") {
        return None;
    }
    let text = std::str::from_utf8(content).ok()?;
    if let Some(wide) = wide(text, &name) {
        return Some(wide);
    }
    if matches!(name.as_str(), "ISO-8859-1" | "ISO8859-1" | "LATIN1" | "LATIN-1") {
        return text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
    }
    let encoding = encoding_of(&name)?;
    let mut encoder = encoding.new_encoder();
    let mut out = Vec::with_capacity(encoder.max_buffer_length_from_utf8_without_replacement(text.len())?);
    match encoder.encode_from_utf8_to_vec_without_replacement(text, &mut out, true) {
        (EncoderResult::InputEmpty, _) => Some(out),
        _ => None,
    }
}

/// Encodings of two and four bytes. Without an order in the name there is a mark of the order, the one of most machines first
/// (git utf8.c; GNU's library writes so).
fn wide(text: &str, name: &str) -> Option<Vec<u8>> {
    let (four, big, mark) = match name {
        "UTF-16" | "UTF16" | "UTF-16LE-BOM" => (false, false, true),
        "UTF-16LE" | "UTF16LE" => (false, false, false),
        "UTF-16BE" | "UTF16BE" => (false, true, false),
        "UTF-16BE-BOM" => (false, true, true),
        "UTF-32" | "UTF32" => (true, false, true),
        "UTF-32LE" | "UTF32LE" => (true, false, false),
        "UTF-32BE" | "UTF32BE" => (true, true, false),
        _ => return None,
    };
    let letters = mark.then_some('\u{feff}').into_iter().chain(text.chars());
    let mut out = Vec::with_capacity(text.len() * 2 + 4);
    for letter in letters {
        if four {
            let unit = u32::from(letter);
            out.extend(if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
        } else {
            for unit in letter.encode_utf16(&mut [0; 2]) {
                out.extend(if big { unit.to_be_bytes() } else { unit.to_le_bytes() });
            }
        }
    }
    Some(out)
}

/// The encoding of that name, also by the names that git's users write and the web does not know.
pub(crate) fn encoding_of(name: &str) -> Option<&'static Encoding> {
    let name = name.trim().to_ascii_lowercase();
    let web = match name.as_str() {
        "cp936" | "euc-cn" => "gbk",
        "cp932" | "sjis" | "ms932" => "shift_jis",
        "cp949" | "uhc" => "euc-kr",
        "cp950" => "big5",
        "cp65001" | "utf8mb4" => "utf-8",
        "latin-1" | "iso_8859_1" => "latin1",
        "eucjp" | "ujis" => "euc-jp",
        "euckr" => "euc-kr",
        "gb-18030" => "gb18030",
        other => match other.strip_prefix("cp125") {
            Some(_) => return Encoding::for_label(other.replacen("cp", "windows-", 1).as_bytes()),
            None => other,
        },
    };
    Encoding::for_label(web.as_bytes())
}
