//! The two glob languages of the dialects, as exact as their tables: Go's `filepath.Match` (0.8) and double stars (1.x).

use std::collections::HashSet;

/// A longer pattern never matches: no branch is called so, and matching costs pattern times text.
const MAX_PATTERN: usize = 1024;
/// Most alternatives that `{a,b}` may unfold to, and most bytes of all of them.
const MAX_ALTERNATIVES: usize = 256;
const MAX_UNFOLDED: usize = 4096;

#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// Any run of characters.
    Star,
    /// One character.
    Any,
    /// One character in (or not in) these ranges.
    Class(bool, Vec<(char, char)>),
    /// This character.
    Exactly(char),
}

/// `None` for a malformed pattern: an open class, a class without a member, a `\` at the end.
fn tokens(pattern: &str) -> Option<Vec<Token>> {
    if pattern.len() > MAX_PATTERN {
        return None;
    }
    let mut rest = pattern.chars().peekable();
    let mut tokens = Vec::new();
    while let Some(c) = rest.next() {
        tokens.push(match c {
            '*' => {
                if tokens.last() == Some(&Token::Star) {
                    continue;
                }
                Token::Star
            }
            '?' => Token::Any,
            '\\' => Token::Exactly(rest.next()?),
            '[' => {
                let negated = rest.next_if(|&c| c == '^').is_some();
                let mut ranges = Vec::new();
                loop {
                    let first = match rest.next()? {
                        ']' if !ranges.is_empty() => break,
                        ']' | '-' => return None,
                        '\\' => rest.next()?,
                        c => c,
                    };
                    let last = match rest.next_if(|&c| c == '-') {
                        None => first,
                        Some(_) => match rest.next()? {
                            ']' | '-' => return None,
                            '\\' => rest.next()?,
                            c => c,
                        },
                    };
                    ranges.push((first, last));
                }
                Token::Class(negated, ranges)
            }
            c => Token::Exactly(c),
        });
    }
    Some(tokens)
}

/// Runs all ways to match side by side, so that no pattern is slow.
struct Run<'t> {
    tokens: &'t [Token],
    /// A character that `*` and `?` do not match.
    stop: Option<char>,
    /// Whether the text so far leads to before each token, and to the end.
    alive: Vec<bool>,
    next: Vec<bool>,
}

impl<'t> Run<'t> {
    fn new(tokens: &'t [Token], stop: Option<char>) -> Self {
        let mut run = Self { tokens, stop, alive: vec![false; tokens.len() + 1], next: vec![false; tokens.len() + 1] };
        run.alive[0] = true;
        run.pass_stars();
        run
    }

    /// A star may stand for nothing.
    fn pass_stars(&mut self) {
        for (n, token) in self.tokens.iter().enumerate() {
            if self.alive[n] && *token == Token::Star {
                self.alive[n + 1] = true;
            }
        }
    }

    /// Takes one more character; whether any way is left.
    fn step(&mut self, c: char) -> bool {
        self.next.fill(false);
        for (n, token) in self.tokens.iter().enumerate().filter(|&(n, _)| self.alive[n]) {
            match token {
                Token::Star => self.next[n] |= Some(c) != self.stop,
                Token::Any => self.next[n + 1] |= Some(c) != self.stop,
                Token::Class(negated, ranges) => {
                    let inside = ranges.iter().any(|&(first, last)| (first..=last).contains(&c));
                    self.next[n + 1] |= inside != *negated;
                }
                Token::Exactly(expected) => self.next[n + 1] |= c == *expected,
            }
        }
        std::mem::swap(&mut self.alive, &mut self.next);
        self.pass_stars();
        self.alive.contains(&true)
    }

    fn matches(&self) -> bool {
        self.alive[self.tokens.len()]
    }
}

fn run(tokens: &[Token], text: &str, stop: Option<char>) -> bool {
    let mut run = Run::new(tokens, stop);
    text.chars().all(|c| run.step(c)) && run.matches()
}

/// Go's `filepath.Match`: `*` and `?` stay within a path segment, `[a-z]`, `\` escapes, the whole text must match.
/// `**` is `*`, `{a,b}` is literal, a malformed pattern never matches.
pub fn path(pattern: &str, text: &str) -> bool {
    tokens(pattern).is_some_and(|tokens| run(&tokens, text, Some('/')))
}

/// The shortest and the longest prefix (or suffix) of a text that matches, as the offset of its end (or beginning). Like [`path`],
/// but `*` also crosses `/`: the patterns of `${NAME#pattern}`.
pub fn cuts(pattern: &str, text: &str, prefix: bool) -> Option<(usize, usize)> {
    let mut tokens = tokens(pattern)?;
    if !prefix {
        tokens.reverse();
    }
    let mut run = Run::new(&tokens, None);
    let start = if prefix { 0 } else { text.len() };
    let mut cuts = run.matches().then_some((start, start));
    let mut chars = text.char_indices();
    while let Some((at, c)) = if prefix { chars.next() } else { chars.next_back() } {
        let alive = run.step(c);
        if run.matches() {
            let cut = if prefix { at + c.len_utf8() } else { at };
            cuts = Some((cuts.map_or(cut, |(shortest, _)| shortest), cut));
        }
        if !alive {
            break;
        }
    }
    cuts
}

/// Double stars: like [`path`], and a segment `**` stands for any number of segments, `{a,b}` for alternatives.
pub fn double_star(pattern: &str, text: &str) -> bool {
    if pattern.len() > MAX_PATTERN {
        return false;
    }
    let segments: Vec<&str> = text.split('/').collect();
    alternatives(pattern).is_some_and(|patterns| {
        patterns.iter().any(|pattern| {
            let parts: Vec<&str> = pattern.split('/').collect();
            walk(&parts, &segments, &mut HashSet::new())
        })
    })
}

fn walk(parts: &[&str], segments: &[&str], dead: &mut HashSet<(usize, usize)>) -> bool {
    if !dead.insert((parts.len(), segments.len())) {
        return false;
    }
    match (parts.split_first(), segments.split_first()) {
        (None, None) => true,
        (Some((&"**", rest)), _) => walk(rest, segments, dead) || segments.split_first().is_some_and(|(_, more)| walk(parts, more, dead)),
        (Some((part, rest)), Some((segment, more))) => path(part, segment) && walk(rest, more, dead),
        _ => false,
    }
}

/// Writes `{a,b}` out; `None` when the braces do not close or there are too many.
fn alternatives(pattern: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    let mut unfolded = 0;
    while let Some(pattern) = open.pop() {
        match braces(&pattern)? {
            None => {
                unfolded += pattern.len();
                done.push(pattern);
            }
            Some((before, choices, after)) => open.extend(choices.iter().map(|choice| format!("{before}{choice}{after}"))),
        }
        if done.len() + open.len() > MAX_ALTERNATIVES || unfolded > MAX_UNFOLDED {
            return None;
        }
    }
    Some(done)
}

type Braces<'p> = Option<(&'p str, Vec<&'p str>, &'p str)>;

/// The first pair of braces outside of classes.
fn braces(pattern: &str) -> Option<Braces<'_>> {
    let (mut depth, mut start, mut cuts, mut escaped, mut class) = (0, 0, Vec::new(), false, false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => class = true,
            ']' => class = false,
            _ if class => {}
            '{' => {
                if depth == 0 {
                    start = at;
                    cuts = vec![at + 1];
                }
                depth += 1;
            }
            ',' if depth == 1 => cuts.push(at + 1),
            '}' if depth == 1 => {
                cuts.push(at + 1);
                let choices = cuts.windows(2).map(|pair| &pattern[pair[0]..pair[1] - 1]).collect();
                return Some(Some((&pattern[..start], choices, &pattern[at + 1..])));
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    if depth == 0 { Some(None) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

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
            ("[^l]aster", "master", true),
            ("[a-c]x", "bx", true),
            ("[a", "a", false),
            ("[]a]", "a", false),
            ("a\\*", "a*", true),
            ("a\\", "a\\", false),
            ("版本-?", "版本-一", true),
            ("", "", true),
            ("", "a", false),
            ("Master", "master", false),
        ] {
            assert_eq!(path(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn double_stars() {
        for (pattern, text, expected) in [
            ("**", "feature/foo", true),
            ("*", "feature/foo", false),
            ("refs/heads/**", "refs/heads/feature/foo", true),
            ("refs/heads/*", "refs/heads/feature/foo", false),
            ("**/foo", "a/b/foo", true),
            ("**/foo", "foo", true),
            ("a/**/z", "a/z", true),
            ("a/**/z", "a/b/c/z", true),
            ("{master,develop}", "develop", true),
            ("release/{1,2}.{x,y}", "release/2.x", true),
            ("{a,{b,c}}d", "cd", true),
            ("{a", "a", false),
            ("[{]a", "{a", true),
        ] {
            assert_eq!(double_star(pattern, text), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn hostile_patterns_are_quick() {
        let stars = "*a".repeat(500);
        assert!(!path(&stars, &"a".repeat(5000).replace("aa", "ab")) || stars.len() > 1);
        assert!(!double_star(&"**/".repeat(300), &"a/".repeat(400).replace("a/", "b/c")));
        assert!(!double_star(&"{a,b}".repeat(200), "x"));
        assert!(!path(&"*".repeat(1_000_000), "x"));
    }
}
