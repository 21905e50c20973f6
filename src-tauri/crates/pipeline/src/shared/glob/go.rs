//! Go's `filepath.Match`, with which Drone 0.8 compares.

use super::{MAX_PATTERN, Token, class, run};

/// The tokens of a pattern; `None` for a malformed one: an open class, a class without a member, a `\` at the end.
pub(super) fn tokens(pattern: &str) -> Option<Vec<Token>> {
    if pattern.len() > MAX_PATTERN {
        return None;
    }
    let mut rest = pattern.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = rest.next() {
        tokens.push(match c {
            '*' if tokens.last() == Some(&Token::Star) => continue,
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => Token::Exactly(rest.next()?),
            '[' => class(&mut rest)?,
            c => Token::Exactly(c),
        });
    }
    Some(tokens)
}

/// `*` and `?` stay within a path segment, `[a-z]`, `[^a-z]`, `\` escapes, the whole text must match. `**` is `*`, `{a,b}` is literal, `!`
/// in a class is a letter, a malformed pattern never matches.
pub fn matches(pattern: &str, text: &str) -> bool {
    tokens(pattern).is_some_and(|tokens| run(&tokens, text, Some('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    // The second half are cases of Go's own `path/match_test.go`.
    #[test]
    fn go_path_globs() {
        for (pattern, text, expected) in [
            ("master", "master", true),
            ("feature/*", "feature/foo", true),
            ("feature/*", "feature/a/b", false),
            ("*", "a/b", false),
            ("**", "a/b", false),
            ("*/*", "a/b", true),
            ("{a,b}", "a", false),
            ("{a,b}", "{a,b}", true),
            ("[lm]aster", "master", true),
            ("[!m]aster", "master", true),
            ("版本-?", "版本-一", true),
            ("", "", true),
            ("", "a", false),
            ("Master", "master", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[b-d]", "abc", true),
            ("ab[^b-d]", "abc", false),
            ("a\\*b", "ab", false),
            ("a\\*", "a*", true),
            ("a?b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[x\\-]", "-", true),
            ("[]a]", "]", false),
            ("[-]", "-", false),
            ("[x-]", "x", false),
            ("[-x]", "x", false),
            ("\\", "a", false),
            ("[a-b-c]", "a", false),
            ("[", "a", false),
            ("[^bc", "a", false),
            ("a[", "a", false),
            ("*x", "xxx", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
