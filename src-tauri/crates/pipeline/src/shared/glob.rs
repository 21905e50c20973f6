//! The glob languages, each as its library at its version: [`go`] (0.8), [`doublestar1`] (1.x) and [`doublestar4`]
//! (Woodpecker). Here is what they share: a pattern as a list of tokens, and running all ways to match side by side, so that no pattern is
//! slow. Which language a file is written in is not decided here.

pub mod doublestar1;
pub mod doublestar4;
pub mod go;

/// A longer pattern never matches: no branch is called so, and matching costs pattern times text.
const MAX_PATTERN: usize = 1024;
/// Most alternatives that `{a,b}` may unfold to, and most bytes of all of them.
const MAX_ALTERNATIVES: usize = 256;
const MAX_UNFOLDED: usize = 4096;

/// What a part of a pattern stands for.
#[derive(Debug, Clone, PartialEq)]
enum Token {
    /// Any run of characters but `/`.
    Star,
    /// One character but `/`.
    Any,
    /// One character in (or not in) these ranges.
    Class(bool, Vec<(char, char)>),
    /// This character.
    Exactly(char),
    /// Nothing; but something of the text must be left.
    More,
    /// Any run of characters.
    Rest,
    /// Any number of folders, each with its `/`.
    Folders,
}

/// Reads what stands behind a `[` up to the `]`; `None` for a malformed class.
// Go: `path/match.go` `matchChunk`; the first version of doublestar reads classes in the same way.
fn class(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Option<Token> {
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
    Some(Token::Class(negated, ranges))
}

/// Runs all ways to match side by side.
struct Run<'t> {
    tokens: &'t [Token],
    /// A character that `*` and `?` do not match.
    stop: Option<char>,
    /// Whether the text so far leads to before each token, and to the end.
    alive: Vec<bool>,
    /// Whether a way has just come there, and has not stayed there for some characters.
    entered: Vec<bool>,
    next: Vec<bool>,
}

impl<'t> Run<'t> {
    fn new(tokens: &'t [Token], stop: Option<char>) -> Self {
        let none = vec![false; tokens.len() + 1];
        let mut run = Self { tokens, stop, alive: none.clone(), entered: none.clone(), next: none };
        (run.alive[0], run.entered[0]) = (true, true);
        run.pass(false);
        run
    }

    /// Passes what may stand for nothing: `More` when another character comes, `Folders` only where they begin.
    fn pass(&mut self, more: bool) {
        for (n, token) in self.tokens.iter().enumerate() {
            let empty = match token {
                Token::Star | Token::Rest => true,
                Token::More => more,
                Token::Folders => self.entered[n],
                Token::Any | Token::Class(..) | Token::Exactly(_) => false,
            };
            if self.alive[n] && empty {
                (self.alive[n + 1], self.entered[n + 1]) = (true, true);
            }
        }
    }

    /// Takes one more character; whether any way is left.
    fn step(&mut self, c: char) -> bool {
        self.pass(true);
        self.next.fill(false);
        self.entered.fill(false);
        for (n, token) in self.tokens.iter().enumerate().filter(|&(n, _)| self.alive[n]) {
            let (stays, advances) = match token {
                Token::Star => (Some(c) != self.stop, false),
                Token::Rest => (true, false),
                Token::Folders => (true, c == '/'),
                Token::Any => (false, Some(c) != self.stop),
                Token::Class(negated, ranges) => (false, ranges.iter().any(|&(first, last)| (first..=last).contains(&c)) != *negated),
                Token::Exactly(expected) => (false, c == *expected),
                Token::More => (false, false),
            };
            self.next[n] |= stays;
            self.next[n + 1] |= advances;
            self.entered[n + 1] |= advances;
        }
        std::mem::swap(&mut self.alive, &mut self.next);
        self.pass(false);
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

/// The shortest and the longest prefix (or suffix) of a text that matches, as the offset of its end (or beginning). Like [`go`], but `*`
/// also crosses `/`: the patterns of `${NAME#pattern}`.
// envsubst: `path/match.go`, Go's matching with another idea of `*`.
pub fn cuts(pattern: &str, text: &str, prefix: bool) -> Option<(usize, usize)> {
    let mut tokens = go::tokens(pattern)?;
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

/// A pattern with its first pair of braces outside of classes taken apart.
struct Braces<'p> {
    before: &'p str,
    choices: Vec<&'p str>,
    after: &'p str,
}

/// The first pair of braces outside of classes; `None` when they do not close. `nested` says whether braces inside count, or the first `}`
/// closes.
fn braces(pattern: &str, nested: bool) -> Option<Option<Braces<'_>>> {
    let (mut depth, mut start, mut cuts, mut escaped, mut class) = (0, 0, Vec::new(), false, false);
    for (at, c) in pattern.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if depth == 0 => class = true,
            ']' if depth == 0 => class = false,
            _ if class => {}
            '{' if depth == 0 => {
                (depth, start, cuts) = (1, at, vec![at + 1]);
            }
            '{' if nested => depth += 1,
            ',' if depth == 1 => cuts.push(at + 1),
            '}' if depth == 1 => {
                cuts.push(at + 1);
                let choices = cuts.windows(2).map(|pair| &pattern[pair[0]..pair[1] - 1]).collect();
                return Some(Some(Braces { before: &pattern[..start], choices, after: &pattern[at + 1..] }));
            }
            '}' if depth > 1 => depth -= 1,
            _ => {}
        }
    }
    if depth == 0 { Some(None) } else { None }
}

/// Writes `{a,b}` out, with `mark` in front of every choice; `None` when the braces do not close or there are too many.
fn unfold(pattern: &str, nested: bool, mark: &str) -> Option<Vec<String>> {
    let mut done = Vec::new();
    let mut open = vec![pattern.to_owned()];
    let mut unfolded = 0;
    while let Some(pattern) = open.pop() {
        match braces(&pattern, nested)? {
            None => {
                unfolded += pattern.len();
                done.push(pattern);
            }
            Some(Braces { before, choices, after }) => {
                open.extend(choices.iter().map(|choice| format!("{before}{mark}{choice}{after}")));
            }
        }
        if done.len() + open.len() > MAX_ALTERNATIVES || unfolded > MAX_UNFOLDED {
            return None;
        }
    }
    Some(done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_patterns_are_quick() {
        let stars = "*a".repeat(500);
        let text = "ab".repeat(2500) + "c";
        for matches in [go::matches, doublestar1::matches, doublestar4::matches] {
            assert!(!matches(&stars, &text));
            assert!(!matches(&"**/".repeat(300), &"b/c".repeat(400)));
            assert!(!matches(&"{a,b}".repeat(200), "x"));
            assert!(!matches(&"{".repeat(1000), "x"));
            assert!(!matches(&"*".repeat(1_000_000), "x"));
        }
    }

    #[test]
    fn prefixes_and_suffixes() {
        assert_eq!(cuts("*/", "a/b/c", true), Some((2, 4)));
        assert_eq!(cuts("/*", "a/b/c", false), Some((3, 1)));
        assert_eq!(cuts("x", "a/b/c", true), None);
    }
}
