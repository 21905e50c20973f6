//! Taking terminal control sequences out of a line, for comparing its words.

use std::borrow::Cow;

const ESC: u8 = 0x1b;

/// The line without escape sequences (ECMA-48: CSI up to its final byte, OSC up to BEL or ST, others two bytes).
pub(super) fn strip(line: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr::memchr(ESC, line) else { return Cow::Borrowed(line) };
    let mut out = line[..first].to_vec();
    let mut rest = &line[first..];
    while let Some((&byte, after)) = rest.split_first() {
        if byte != ESC {
            let next = memchr::memchr(ESC, rest).unwrap_or(rest.len());
            out.extend_from_slice(&rest[..next]);
            rest = &rest[next..];
            continue;
        }
        rest = match after.split_first() {
            Some((b'[', body)) => after_first(body, |b| (0x40..=0x7e).contains(&b)),
            Some((b']', body)) => {
                let end = after_first(body, |b| b == 0x07 || b == ESC);
                // ST is ESC and a backslash: the ESC is consumed, the backslash is left.
                end.strip_prefix(b"\\").unwrap_or(end)
            }
            Some((_, body)) => body,
            None => &[],
        };
    }
    Cow::Owned(out)
}

fn after_first(bytes: &[u8], is_end: impl Fn(u8) -> bool) -> &[u8] {
    bytes.iter().position(|&b| is_end(b)).map_or(&[], |at| &bytes[at + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_titles_and_half_sequences_go() {
        for (line, text) in [
            ("plain", "plain"),
            ("\x1b[1;31merror\x1b[0m: no", "error: no"),
            ("\x1b]0;title\x07after", "after"),
            ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
            ("cut \x1b[3", "cut "),
            ("end \x1b", "end "),
            ("\x1bMup 中文", "up 中文"),
        ] {
            assert_eq!(String::from_utf8_lossy(&strip(line.as_bytes())), text, "{line:?}");
        }
    }
}
