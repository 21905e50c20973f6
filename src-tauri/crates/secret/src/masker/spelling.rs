//! How programs write a byte of a text otherwise, and how that is undone. Each spelling is undone by itself, in one pass, and leniently: what
//! no rule knows stands for itself. So one rule covers every program of its kind, whichever bytes it leaves as they are.

/// What a shell quotes with; taken away by [`Spelling::Quoted`].
pub(super) const QUOTES: [char; 3] = ['\'', '"', '\\'];

/// A kind of spelling.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spelling {
    /// `%2B`: addresses and forms (RFC 3986; Go `net/url`, Python `urllib.parse`, JavaScript `encodeURI…`, PHP `urlencode`).
    Percent,
    /// `\n`, `\"`, `\/`, `\u002b`, `\x2b`, `\053`: JSON, quoted YAML, `$'…'` and `printf %q` of shells, literals of most languages.
    Backslash,
    /// The same where `\xfc` is a character (YAML, JavaScript) and not a byte (shells, literals of bytes).
    BackslashCharacter,
    /// `&#43;`, `&#x2b;`, `&quot;`: XML and HTML.
    Entity,
    /// `'it'\''s'`, `'it'"'"'s'`: what `set -x` of bash, dash and busybox prints; all quotes are taken away.
    Quoted,
    /// A line break (and the indentation behind it, or the break as `\n` or `%0A`) after a run of base64: `base64`, `openssl`, PEM, MIME, YAML.
    Wrapped,
}

/// What the bytes from a mark on stand for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Undone {
    /// Not known before the next byte.
    More,
    /// The first `used` bytes stand for these, possibly for none.
    Bytes { bytes: Vec<u8>, used: usize },
    /// The first byte stands for itself.
    Itself,
}

impl Undone {
    /// The first byte stands for nothing.
    pub fn nothing() -> Self {
        nothing(1)
    }
}

impl Spelling {
    pub const ALL: [Self; 6] = [Self::Percent, Self::Backslash, Self::BackslashCharacter, Self::Entity, Self::Quoted, Self::Wrapped];

    /// The bytes that may begin something to undo.
    pub fn marks(self) -> &'static [u8] {
        match self {
            Self::Percent => b"%",
            Self::Backslash | Self::BackslashCharacter => b"\\",
            Self::Entity => b"&",
            Self::Quoted => b"'\"\\",
            Self::Wrapped => b"\r\n\\%",
        }
    }

    /// Whether it can stand for the first byte of a text. The others only part a text that has begun.
    pub fn stands_for_bytes(self) -> bool {
        !matches!(self, Self::Quoted | Self::Wrapped)
    }

    /// What `bytes`, which begin with a mark, stand for. At the `end` of a stream no byte follows.
    pub fn undo(self, bytes: &[u8], end: bool) -> Undone {
        let undone = match self {
            Self::Percent => percent(bytes),
            Self::Backslash => backslash(bytes, end),
            Self::BackslashCharacter => match (bytes, backslash(bytes, end)) {
                ([_, b'x', ..], Undone::Bytes { bytes, used }) if bytes.first().is_some_and(|byte| !byte.is_ascii()) => {
                    character(u32::from(bytes[0]), used)
                }
                (_, other) => other,
            },
            Self::Entity => entity(bytes),
            Self::Quoted => nothing(1),
            Self::Wrapped => wrapped(bytes),
        };
        if end && undone == Undone::More { Undone::Itself } else { undone }
    }
}

fn nothing(used: usize) -> Undone {
    Undone::Bytes { bytes: Vec::new(), used }
}

fn byte(byte: u8, used: usize) -> Undone {
    Undone::Bytes { bytes: vec![byte], used }
}

fn character(code: u32, used: usize) -> Undone {
    Undone::Bytes { bytes: char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER).to_string().into_bytes(), used }
}

fn digits(bytes: &[u8], radix: u32) -> Option<u32> {
    let digit = |value: u32, byte: &u8| char::from(*byte).to_digit(radix).and_then(|digit| value.checked_mul(radix)?.checked_add(digit));
    bytes.iter().try_fold(0, digit)
}

fn percent(bytes: &[u8]) -> Undone {
    let found = &bytes[1..bytes.len().min(3)];
    match (digits(found, 16), found.len()) {
        (None, _) => Undone::Itself,
        (Some(code), 2) => byte(u8::try_from(code).unwrap_or(b'%'), 3),
        _ => Undone::More,
    }
}

fn backslash(bytes: &[u8], end: bool) -> Undone {
    let Some(&kind) = bytes.get(1) else { return Undone::More };
    match kind {
        b'n' => byte(b'\n', 2),
        b'r' => byte(b'\r', 2),
        b't' => byte(b'\t', 2),
        b'b' => byte(8, 2),
        b'f' => byte(12, 2),
        b'v' => byte(11, 2),
        b'a' => byte(7, 2),
        b'e' | b'E' => byte(27, 2),
        // Of YAML (1.2, section 5.7): next line, no-break blank, line and paragraph separator.
        b'N' => character(0x85, 2),
        b'_' => character(0xa0, 2),
        b'L' => character(0x2028, 2),
        b'P' => character(0x2029, 2),
        b'0'..=b'7' => few_digits(bytes, 1, 3, 8, end),
        b'x' => few_digits(bytes, 2, 2, 16, end),
        b'u' => unicode(bytes),
        b'U' => exact(bytes, 8).map_or_else(|other| other, |code| character(code, 10)),
        // A line that goes on; `View` takes the indentation behind it away too, as YAML does.
        b'\n' => nothing(2),
        other => byte(other, 2),
    }
}

/// Up to `most` digits from `from` on: as many as there are.
fn few_digits(bytes: &[u8], from: usize, most: usize, radix: u32, end: bool) -> Undone {
    let count = bytes[from..].iter().take(most).take_while(|byte| char::from(**byte).is_digit(radix)).count();
    if count < most && from + count == bytes.len() && !end {
        return Undone::More;
    }
    match digits(&bytes[from..from + count], radix).filter(|_| count > 0) {
        Some(code) => byte((code & 0xff) as u8, from + count),
        None => byte(bytes[1], 2),
    }
}

/// Exactly `count` hexadecimal digits behind `\u` or `\U`; else the letter stands for itself.
fn exact(bytes: &[u8], count: usize) -> Result<u32, Undone> {
    let found = &bytes[2..bytes.len().min(2 + count)];
    match digits(found, 16) {
        Some(code) if found.len() == count => Ok(code),
        Some(_) => Err(Undone::More),
        None => Err(byte(bytes[1], 2)),
    }
}

/// `\u002b`, two of them for a character beyond the first 65 536, and `\u{2b}` of Rust and JavaScript.
fn unicode(bytes: &[u8]) -> Undone {
    if bytes.get(2) == Some(&b'{') {
        let inside = &bytes[3..];
        let length = inside.iter().position(|byte| *byte == b'}');
        return match (digits(&inside[..length.unwrap_or(inside.len())], 16), length) {
            (Some(code), Some(length)) => character(code, length + 4),
            (Some(_), None) if inside.len() <= 6 => Undone::More,
            _ => byte(b'u', 2),
        };
    }
    let high = match exact(bytes, 4) {
        Ok(code) => code,
        Err(other) => return other,
    };
    if !(0xd800..0xdc00).contains(&high) {
        return character(high, 6);
    }
    let second = &bytes[6..];
    if !b"\\u".starts_with(&second[..second.len().min(2)]) {
        return character(high, 6);
    }
    if second.len() <= 2 {
        return Undone::More;
    }
    match exact(second, 4) {
        Ok(low) if (0xdc00..0xe000).contains(&low) => character(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12),
        Err(Undone::More) => Undone::More,
        _ => character(high, 6),
    }
}

fn entity(bytes: &[u8]) -> Undone {
    const NAMED: [(&[u8], u8); 5] = [(b"amp;", b'&'), (b"lt;", b'<'), (b"gt;", b'>'), (b"quot;", b'"'), (b"apos;", b'\'')];
    let rest = &bytes[1..];
    if let Some((name, stands_for)) = NAMED.iter().find(|(name, _)| name.starts_with(rest) || rest.starts_with(name)) {
        return if rest.len() < name.len() { Undone::More } else { byte(*stands_for, 1 + name.len()) };
    }
    let Some(number) = rest.strip_prefix(b"#") else { return if rest.is_empty() { Undone::More } else { Undone::Itself } };
    let (text, radix, begun) = match number.first() {
        Some(b'x' | b'X') => (&number[1..], 16, 3),
        _ => (number, 10, 2),
    };
    let length = text.iter().position(|byte| *byte == b';');
    match (digits(&text[..length.unwrap_or(text.len())], radix), length) {
        (Some(code), Some(length)) if length > 0 => character(code, begun + length + 1),
        // The longest is `&#1114111;`; some programs write leading zeros.
        (Some(_), None) if text.len() <= 8 => Undone::More,
        _ => Undone::Itself,
    }
}

fn wrapped(bytes: &[u8]) -> Undone {
    match bytes {
        [b'\r' | b'\n', ..] => nothing(1),
        [b'\\', b'n' | b'r', ..] => nothing(2),
        [b'%', b'0', b'A' | b'a' | b'D' | b'd', ..] => nothing(3),
        [b'\\'] | [b'%'] | [b'%', b'0'] => Undone::More,
        _ => Undone::Itself,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_are_undone() {
        let bytes = |text: &str, used| Undone::Bytes { bytes: text.as_bytes().to_vec(), used };
        for (spelling, written, expected) in [
            (Spelling::Percent, "%2b!", bytes("+", 3)),
            (Spelling::Percent, "%2", Undone::More),
            (Spelling::Percent, "% d", Undone::Itself),
            (Spelling::Percent, "%2g", Undone::Itself),
            (Spelling::Backslash, r#"\"x"#, bytes("\"", 2)),
            (Spelling::Backslash, r"\/", bytes("/", 2)),
            (Spelling::Backslash, r"\u002Bx", bytes("+", 6)),
            (Spelling::Backslash, r"\u00", Undone::More),
            (Spelling::Backslash, r"\u00g0", bytes("u", 2)),
            (Spelling::Backslash, r"\ud83d\ude00", bytes("😀", 12)),
            (Spelling::Backslash, r"\ud83d\u", Undone::More),
            (Spelling::Backslash, r"\ud83d\n", bytes("\u{fffd}", 6)),
            (Spelling::Backslash, r"\u{1f600}", bytes("😀", 9)),
            (Spelling::Backslash, r"\U0001F600", bytes("😀", 10)),
            (Spelling::Backslash, r"\x2b", bytes("+", 4)),
            (Spelling::Backslash, r"\x2;", bytes("\u{2}", 3)),
            (Spelling::Backslash, r"\53;", bytes("+", 3)),
            (Spelling::Backslash, r"\053", bytes("+", 4)),
            (Spelling::Backslash, r"\05", Undone::More),
            (Spelling::Backslash, r"\ ", bytes(" ", 2)),
            (Spelling::Entity, "&amp;", bytes("&", 5)),
            (Spelling::Entity, "&am", Undone::More),
            (Spelling::Entity, "&&", Undone::Itself),
            (Spelling::Entity, "&#039;", bytes("'", 6)),
            (Spelling::Entity, "&#x2F;", bytes("/", 6)),
            (Spelling::Entity, "&#;", Undone::Itself),
            (Spelling::Entity, "&#12a", Undone::Itself),
            (Spelling::Wrapped, "%0D", bytes("", 3)),
            (Spelling::Wrapped, "\\t", Undone::Itself),
        ] {
            assert_eq!(spelling.undo(written.as_bytes(), false), expected, "{spelling:?} {written}");
        }
        assert_eq!(Spelling::Backslash.undo(br"\05", true), bytes("\u{5}", 3), "the end of a stream ends a number");
        assert_eq!(Spelling::Percent.undo(b"%2", true), Undone::Itself);
    }
}
