//! bmatcuk/doublestar 1.1.1, with which Drone 1.x and 2.x compare (`go.mod` of drone-yaml and runner-go).
//!
//! Pattern and text are cut at every `/` first, so braces never reach across one. A segment `**` stands for any number of segments, at the
//! end for at least one.

use super::{MAX_PATTERN, Token, class, run, unfold};
use std::collections::HashSet;

/// Stands for [`Token::More`] in an unfolded pattern: no text of a file holds a NUL.
const MORE: &str = "\0";

/// Whether the whole text matches; a malformed pattern never does.
pub fn matches(pattern: &str, text: &str) -> bool {
    if pattern.len() > MAX_PATTERN {
        return false;
    }
    let parts: Vec<Part> = segments(pattern).into_iter().map(Part::read).collect();
    walk(&parts, &segments(text), &mut HashSet::new())
}

/// A text between its slashes; one behind a `\` does not count.
fn segments(text: &str) -> Vec<&str> {
    let (mut segments, mut start) = (Vec::new(), 0);
    for (at, _) in text.match_indices('/') {
        if !text[start..at].ends_with('\\') {
            segments.push(&text[start..at]);
            start = at + 1;
        }
    }
    segments.push(&text[start..]);
    segments
}

/// A segment of a pattern.
enum Part {
    /// `**`.
    Folders,
    /// Its alternatives; none for a malformed one.
    One(Vec<Vec<Token>>),
}

impl Part {
    fn read(segment: &str) -> Self {
        if segment == "**" {
            return Self::Folders;
        }
        // The first `}` closes.
        let patterns = unfold(segment, false, MORE).unwrap_or_default();
        Self::One(patterns.iter().filter_map(|pattern| tokens(pattern)).collect())
    }

    fn fits(&self, segment: &str) -> bool {
        let Self::One(alternatives) = self else { return true };
        // Of an empty segment only `*` and nothing are thought.
        let fits = |tokens: &Vec<Token>| match segment {
            "" => matches!(tokens.as_slice(), [] | [Token::Star]),
            _ => run(tokens, segment, None),
        };
        alternatives.iter().any(fits)
    }
}

fn tokens(pattern: &str) -> Option<Vec<Token>> {
    let mut rest = pattern.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = rest.next() {
        tokens.push(match c {
            '*' if tokens.last() == Some(&Token::Star) => continue,
            '*' => Token::Star,
            '?' => Token::Any,
            '\\' => Token::Exactly(rest.next()?),
            '[' => class(&mut rest)?,
            '\0' => Token::More,
            c => Token::Exactly(c),
        });
    }
    Some(tokens)
}

fn walk(parts: &[Part], segments: &[&str], dead: &mut HashSet<(usize, usize)>) -> bool {
    if !dead.insert((parts.len(), segments.len())) {
        return false;
    }
    match (parts.split_first(), segments.split_first()) {
        (None, None) => true,
        (Some((Part::Folders, [])), Some(_)) => true,
        (Some((Part::Folders, rest)), Some((_, more))) => walk(rest, segments, dead) || walk(parts, more, dead),
        (Some((part, rest)), Some((segment, more))) => part.fits(segment) && walk(rest, more, dead),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Most are cases of the library's own `doublestar_test.go` of that version.
    #[test]
    fn as_the_library_at_1_1_1() {
        for (pattern, text, expected) in [
            ("*", "", true),
            ("", "", true),
            ("abc", "abc", true),
            ("*c", "abc", true),
            ("a*", "a", true),
            ("a*", "ab/c", false),
            ("a*/b", "abc/b", true),
            ("a*/b", "a/c/b", false),
            ("a*b*c*d*e*/f", "axbxcxdxe/xxx/f", false),
            ("a*b?c*x", "abxbbxdbxebxczzx", true),
            ("ab[^b-d]", "abc", false),
            ("a\\*b", "ab", false),
            ("a?b", "a☺b", true),
            ("a[^a]b", "a☺b", true),
            ("[a-ζ]*", "α", true),
            ("a?b", "a/b", false),
            ("[\\-x]", "-", true),
            ("[]a]", "]", false),
            ("[-]", "-", false),
            ("[x-]", "x", false),
            ("[a-b-c]", "a", false),
            ("[", "a", false),
            ("a/**", "a", false),
            ("a/**", "a/", true),
            ("a/**", "a/b", true),
            ("a/**", "a/b/c", true),
            ("**/c", "c", true),
            ("**/c", "a/b/c", true),
            ("**/c", "a/b", false),
            ("**/c", "a/abc", false),
            ("a/**/b", "a/b", true),
            ("a/**/d", "a/b/c/d", true),
            ("a/\\**", "a/b/c", false),
            ("ab{c,d}", "abc", true),
            ("ab{c,d,*}", "abcde", true),
            ("ab{c,d}[", "abcd", false),
            ("abc**", "abc", true),
            ("**abc", "abc", true),
            // Ours.
            ("**", "feature/foo", true),
            ("release/**", "release", false),
            ("{a/*,b/*}", "a/x", false),
            ("{master,develop}", "develop", true),
            ("release/{1,2}.{x,y}", "release/2.x", true),
            // The first `}` closes: `{b}` is left of the second choice.
            ("{a,{b,c}}", "b", true),
            ("{a,{b,c}}", "a", false),
            ("a{,b}", "a", false),
            ("[!m]*", "!x", true),
            ("[!m]*", "main", true),
            ("[!m]*", "develop", false),
            ("{a", "a", false),
            ("[{]a", "{a", true),
        ] {
            assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
        }
    }
}
