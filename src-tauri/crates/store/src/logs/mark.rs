//! Which lines are worth jumping to.

use super::ansi;

/// What a marked line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MarkKind {
    /// A command, as the wrapped script prints it before it runs (`+ npm ci`), or the step of a Dockerfile that a builder begins.
    Command,
    /// Looks like an error.
    Error,
    /// Looks like a warning.
    Warning,
}

/// A line worth jumping to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark {
    /// Its number, from 0.
    pub line: u64,
    /// What it is.
    pub kind: MarkKind,
}

/// How much of a line is looked at.
pub(super) const HEAD: usize = 240;
/// How many words of a line are looked at.
const WORDS: usize = 6;

/// The rule, on the beginning of a line without its control sequences:
/// - `+ ` at its very start: a command. Likewise `Step 2/5 : RUN npm ci` of Docker, `STEP 2/5: RUN npm ci` of Podman and `#3 [2/5] RUN npm ci`
///   of BuildKit.
/// - Its first word (or the second after `npm`), without punctuation around it and in any case, is one of the words below.
/// - One of its first six words is such a word with a colon after it (`main.c:3: error: …`), or in capitals (`12:00 ERROR …`, `[WARN]`),
///   or follows a word that ends with a colon (`a.ts(3,4): error TS2345`).
///
/// Words of errors: error, err, fatal, panic, panicked, exception, traceback, failed, failure. Of warnings: warning, warn, deprecated.
pub(super) fn classify(head: &[u8]) -> Option<MarkKind> {
    let line = ansi::strip(head);
    if line.starts_with(b"+ ") || begins_step(&line) {
        return Some(MarkKind::Command);
    }
    let mut after_colon = true;
    for word in line.split(|b| b.is_ascii_whitespace()).filter(|word| !word.is_empty()).take(WORDS) {
        let bare = trim(word);
        if let Some(kind) = kind_of(bare)
            && (after_colon || word.ends_with(b":") || bare.iter().all(u8::is_ascii_uppercase))
        {
            return Some(kind);
        }
        after_colon = word.ends_with(b":") || (after_colon && word.eq_ignore_ascii_case(b"npm"));
    }
    None
}

/// Whether a builder begins a step of a Dockerfile here.
fn begins_step(line: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if let Some(rest) = line.strip_prefix(b"#") {
        let number = digits(rest);
        return number > 0 && rest[number..].starts_with(b" [");
    }
    let Some(rest) = line.strip_prefix(b"Step ").or_else(|| line.strip_prefix(b"STEP ")) else { return false };
    let number = digits(rest);
    let Some(rest) = rest[number..].strip_prefix(b"/").filter(|_| number > 0) else { return false };
    let rest = &rest[digits(rest)..];
    rest.starts_with(b" : ") || rest.starts_with(b": ")
}

fn trim(word: &[u8]) -> &[u8] {
    let is_letter = |b: &u8| b.is_ascii_alphabetic();
    match (word.iter().position(is_letter), word.iter().rposition(is_letter)) {
        // `error[E0308]` counts as `error`.
        (Some(start), Some(end)) => {
            let bare = &word[start..=end];
            memchr::memchr2(b'[', b'(', bare).map_or(bare, |bracket| &bare[..bracket])
        }
        _ => &[],
    }
}

fn kind_of(word: &[u8]) -> Option<MarkKind> {
    const ERRORS: [&[u8]; 9] = [b"error", b"err", b"fatal", b"panic", b"panicked", b"exception", b"traceback", b"failed", b"failure"];
    const WARNINGS: [&[u8]; 3] = [b"warning", b"warn", b"deprecated"];
    let is = |list: &[&[u8]]| list.iter().any(|known| known.eq_ignore_ascii_case(word));
    if is(&ERRORS) {
        Some(MarkKind::Error)
    } else if is(&WARNINGS) {
        Some(MarkKind::Warning)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        use MarkKind::*;
        for (line, kind) in [
            ("+ npm ci", Some(Command)),
            ("\x1b[36m+ npm ci\x1b[0m", Some(Command)),
            ("Step 2/5 : RUN npm ci", Some(Command)),
            ("STEP 2/5: RUN npm ci", Some(Command)),
            ("#3 [build 2/5] RUN npm ci", Some(Command)),
            ("Step by step", None),
            ("Step 2/5", None),
            ("# [a]", None),
            ("#3 CACHED", None),
            ("1 + 2", None),
            (" + indented", None),
            ("Error: cannot find module", Some(Error)),
            ("  \x1b[31merror\x1b[39m no", Some(Error)),
            ("error[E0308]: mismatched types", Some(Error)),
            ("src/main.c:3:1: error: expected `;`", Some(Error)),
            ("src/a.ts(3,4): error TS2345: no", Some(Error)),
            ("npm ERR! code 1", Some(Error)),
            ("npm warn deprecated x", Some(Warning)),
            ("2026-11-23 12:00:00 ERROR something", Some(Error)),
            ("[WARN] slow", Some(Warning)),
            ("Traceback (most recent call last):", Some(Error)),
            ("warning: unused variable", Some(Warning)),
            ("0 errors, 0 warnings", None),
            ("the error was mended", None),
            ("all tests passed without failure", None),
            ("构建失败", None),
            ("", None),
        ] {
            assert_eq!(classify(line.as_bytes()), kind, "{line:?}");
        }
    }
}
