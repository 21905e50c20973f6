//! bmatcuk/doublestar 4, with which Woodpecker compares (0.15: 4.0.2, 3.17: 4.10).
//!
//! `[!a]` is `[^a]`, `\/` is `/`, braces reach across slashes and into each other, and `path/**` also matches `path`.

use super::{MAX_PATTERN, Token, run, unfold};

/// Whether the whole text matches; a malformed pattern never does.
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern.len() > MAX_PATTERN {
        return false;
    }
    let patterns = unfold(pattern, true, "").unwrap_or_default();
    patterns.iter().any(|pattern| tokens(pattern).is_some_and(|tokens| fits(&tokens, text)))
}

fn fits(tokens: &[Token], text: &str) -> bool {
    // What stands before `/**` and `/**/` at the end is one of the folders that these mean.
    let folder = match tokens {
        [folder @ .., Token::Exactly('/'), Token::Rest | Token::Folders] => Some(folder),
        _ => None,
    };
    let empty_end = match tokens {
        [before @ .., Token::Folders] => Some(before),
        _ => None,
    };
    [Some(tokens), folder, empty_end].into_iter().flatten().any(|tokens| run(tokens, text, Some('/')))
}

/// The tokens of a pattern without braces; `None` for a malformed one.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut rest = pattern.chars().peekable();
    let mut tokens: Vec<Token> = Vec::new();
    while let Some(c) = rest.next() {
        let start_of_segment = matches!(tokens.last(), None | Some(Token::Exactly('/') | Token::Folders));
        tokens.push(match c {
            '*' if rest.next_if(|&c| c == '*').is_some() => match rest.peek() {
                None if start_of_segment => Token::Rest,
                Some('/') if start_of_segment => {
                    rest.next();
                    Token::Folders
                }
                _ => Token::Star,
            },
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => Token::Exactly(rest.next()?),
            '[' => class(&mut rest)?,
            c => Token::Exactly(c),
        });
    }
    // Several stars of one run are one.
    tokens.dedup_by(|next, token| *next == Token::Star && *token == Token::Star);
    Some(tokens)
}

/// Reads what stands behind a `[` up to the `]`. A `-` at the beginning or the end is itself.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
    let negated = rest.next_if(|&c| matches!(c, '!' | '^')).is_some();
    let mut ranges: Vec<(char, char)> = Vec::new();
    // Whether the last member may begin a range.
    let mut open = false;
    loop {
        match rest.next()? {
            ']' if ranges.is_empty() => return None,
            ']' => return Some(Token::Class(negated, ranges)),
            '-' if open && rest.peek() != Some(&']') => {
                let last = match rest.next()? {
                    '\\' => rest.next()?,
                    c => c,
                };
                if let Some(range) = ranges.last_mut() {
                    range.1 = last;
                }
                open = false;
            }
            c => {
                let c = if c == '\\' { rest.next()? } else { c };
                ranges.push((c, c));
                open = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Most are cases of the library's own `doublestar_test.go` of version 4.
    #[test]
    fn as_the_library_at_4() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("*", "/", false),
            ("/*", "/", true),
            ("/*", "/debug/", false),
            ("/*", "//", false),
            ("abc", "abc", true),
            ("*c", "abc", true),
            ("*/", "a/", true),
            ("a*", "a", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/f", true),
            ("a*b*c*d*e*/f", "axbxcxdxexxx/fff", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("a*b?c*x", "abxbbxdbxebxczzy", false),
            ("ab[c]", "abc", true),
            ("ab[^b-d]", "abc", false),
            ("ab[!b-d]", "abc", false),
            ("ab[!e-g]", "abc", true),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[!a]b", "a☺b", true),
            ("a???b", "a☺b", false),
            ("[a-ζ]*", "α", true),
            ("*[a-ζ]", "A", false),
            ("a?b", "a/b", false),
            ("a*b", "a/b", false),
            ("[\\]a]", "]", true),
            ("[\\-]", "-", true),
            ("[x\\-]", "z", false),
            ("[]a]", "]", false),
            ("[-]", "-", true),
            ("[x-]", "x", true),
            ("[x-]", "-", true),
            ("[x-]", "z", false),
            ("[-x]", "-", true),
            ("[-x]", "a", false),
            ("[a-b-d]", "a", true),
            ("[a-b-d]", "b", true),
            ("[a-b-d]", "-", true),
            ("[a-b-d]", "c", false),
            ("[a-b-x]", "x", true),
            ("\\", "a", false),
            ("[", "a", false),
            ("[^bc", "a", false),
            ("a[", "a", false),
            ("a[", "ab", false),
            ("*x", "xxx", true),
            ("a/**", "a", true),
            ("a/**", "a/", true),
            ("a/**/", "a", true),
            ("a/**/", "a/b", false),
            ("a/**", "a/b/c", true),
            ("**/c", "c", true),
            ("**/c", "b/c", true),
            ("**/c", "a/b/c", true),
            ("**/c", "a/b", false),
            ("**/c", "abcd", false),
            ("**/c", "a/abc", false),
            ("a/**/b", "a/b", true),
            ("a/**/d", "a/b/c/d", true),
            ("a/\\**", "a/b/c", false),
            ("a/\\[*\\]", "a/bc", false),
            ("a/**/c", "a/x/y/c", true),
            ("a/**/**/c", "a/c", true),
            ("ab{c,d}", "abc", true),
            ("ab{c,d,*}", "abcde", true),
            ("ab{c,d}*", "abxy", false),
            ("ab{c,d}[", "abcd", false),
            ("a{,bc}", "a", true),
            ("a{,bc}", "abc", true),
            ("a/{b/c,c/b}", "a/b/c", true),
            ("a/a*{b,c}", "a/abc", true),
            ("{a/{b,c},abc}", "a/b", true),
            ("{a/{b,c},abc}", "a/bc", false),
            ("{a/ab*}", "a/abc", true),
            ("abc**", "abc", true),
            ("**abc", "abc", true),
            ("a*b**", "a/b", false),
            ("**/*.txt", "abc/test.txt", true),
            ("**/*", "abc/test.txt", true),
            ("{b,bb}/**", "bb", true),
            // Ours.
            ("**", "", true),
            ("[!m]*", "main", false),
            ("[!m]*", "develop", true),
            ("*\\/*", "release/1.2", true),
            ("release/**", "release", true),
            ("{feature/*,fix/*}", "fix/x", true),
            ("版本/**", "版本/一/二", true),
            ("{a", "a", false),
            ("[{]a", "{a", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
