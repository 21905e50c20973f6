use super::forms::{ENCODED_BYTES, MIN_CHARS, is_maskable};

/// What of a value logs will show in clear, to be said when the value is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uncovered {
    /// All of it: fewer than 4 characters, which would be found everywhere.
    TooShort,
    /// All of it: nothing but asterisks.
    Asterisks,
    /// So many of its lines, which have fewer than 4 characters, where they stand alone.
    ShortLines(usize),
    /// Its encodings: the value is larger than 64 KiB.
    Encodings,
}

/// What masking cannot hide of a value; `None` when it hides all of it.
pub fn uncovered(value: &str) -> Option<Uncovered> {
    let trimmed = value.trim();
    if trimmed.chars().nth(MIN_CHARS - 1).is_none() {
        return Some(Uncovered::TooShort);
    }
    if !is_maskable(trimmed) {
        return Some(Uncovered::Asterisks);
    }
    let short = trimmed.lines().map(str::trim).filter(|line| !line.is_empty() && !is_maskable(line)).count();
    if short > 0 {
        return Some(Uncovered::ShortLines(short));
    }
    (value.len() > ENCODED_BYTES).then_some(Uncovered::Encodings)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_log_will_show_is_known() {
        for (value, expected) in [
            ("987", Some(Uncovered::TooShort)),
            (" 987\n", Some(Uncovered::TooShort)),
            ("密码是", Some(Uncovered::TooShort)),
            ("******", Some(Uncovered::Asterisks)),
            ("{\n  \"a\": 1\n}\n", Some(Uncovered::ShortLines(2))),
            ("hunter2\n", None),
            ("密码四字", None),
        ] {
            assert_eq!(uncovered(value), expected, "{value:?}");
        }
        assert_eq!(uncovered(&"x".repeat(ENCODED_BYTES + 1)), Some(Uncovered::Encodings));
    }
}
