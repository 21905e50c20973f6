//! `.dockerignore`: which files of a folder are left out of what a build sends.
//!
//! An engine applies nothing of it: whoever sends the context does, so the rules are ours to keep. They are those of moby's matcher, which
//! are neither those of `.gitignore` nor those of a shell: a pattern is about the whole path from the root of the context, the last one that
//! matches wins, and what lies below a match is matched too. As builders of today do it, a file may come back out of a folder that is left
//! out.
//!
//! It stands in the model because what a person is shown beforehand and what an engine gets must be the same.
// moby/patternmatcher `patternmatcher.go`, `ignorefile/ignorefile.go`; results in the test of the corpus.

mod clean;
mod pattern;

use crate::{Message, message};
use clean::clean;
use pattern::Pattern;

/// The name of the file in the root of the context.
pub const NAME: &str = ".dockerignore";

/// A file that was read.
#[derive(Debug, Clone, Default)]
pub struct Dockerignore {
    rules: Vec<Rule>,
}

/// One line of it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// The line, from 1; 0 for a rule that no file says.
    pub line: u32,
    /// The pattern as it is written there.
    pub text: String,
    /// Whether it brings back what it matches.
    pub brings_back: bool,
    pattern: Pattern,
}

/// What becomes of a path.
#[derive(Debug, Clone, Copy)]
pub struct Verdict<'d> {
    /// Whether it is left out.
    pub left_out: bool,
    /// The rule that decided; `None` where none is about the path.
    pub rule: Option<&'d Rule>,
}

/// Why a file is refused, as a builder refuses it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub struct DockerignoreError {
    /// The line, from 1.
    pub line: u32,
    /// What stands there.
    pub text: String,
}

impl DockerignoreError {
    /// What is wrong, for a person.
    pub fn told(&self) -> Message {
        message!("line {} of `{}` is no pattern: `{}`", self.line, NAME, self.text.clone())
    }

    /// What to do.
    pub fn help(&self) -> Message {
        match self.text.as_str() {
            "!" => message!("write a path behind the `{}`", "!"),
            _ => message!("close every `{}`, and write something behind every `{}`", "[", "\\"),
        }
    }
}

impl Dockerignore {
    /// Reads a file.
    ///
    /// # Errors
    /// The first line that is no pattern.
    pub fn read(text: &str) -> Result<Self, DockerignoreError> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let mut rules = Vec::new();
        for (n, line) in text.split('\n').enumerate() {
            if line.starts_with('#') {
                continue;
            }
            if let Some(rule) = rule(n as u32 + 1, line)? {
                rules.push(rule);
            }
        }
        Ok(Self { rules })
    }

    /// Adds that this path is sent whatever the file says: the Dockerfile and the file itself are.
    pub fn always_send(&mut self, path: &str) {
        let pattern = Pattern::exactly(&clean(path));
        self.rules.push(Rule { line: 0, text: path.to_owned(), brings_back: true, pattern });
    }

    /// Whether anything below a folder that is left out may come back, so that one has to look.
    pub fn may_bring_back_below(&self, folder: &str) -> bool {
        self.rules.iter().any(|rule| rule.brings_back && rule.pattern.may_match_below(folder))
    }

    /// What becomes of a path: relative to the root of the context, parts separated by `/`, none of them `.` or `..`.
    pub fn verdict(&self, path: &str) -> Verdict<'_> {
        let mut verdict = Verdict { left_out: false, rule: None };
        for rule in &self.rules {
            // A rule that would change nothing is not looked at.
            if rule.brings_back == verdict.left_out && rule.matches(path) {
                verdict = Verdict { left_out: !rule.brings_back, rule: Some(rule) };
            }
        }
        verdict
    }
}

impl Rule {
    /// Whether the path or one of the folders around it is matched.
    fn matches(&self, path: &str) -> bool {
        let folders = path.match_indices('/').map(|(at, _)| &path[..at]);
        std::iter::once(path).chain(folders).any(|path| self.pattern.matches(path))
    }
}

/// The rule of a line; `None` where nothing stands there.
fn rule(number: u32, line: &str) -> Result<Option<Rule>, DockerignoreError> {
    let text = line.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let error = || DockerignoreError { line: number, text: text.to_owned() };
    let (brings_back, rest) = text.strip_prefix('!').map_or((false, text), |rest| (true, rest.trim()));
    let mut path = if rest.is_empty() { String::new() } else { clean(rest) };
    if path.len() > 1 {
        path = path.strip_prefix('/').map(str::to_owned).unwrap_or(path);
    }
    // What is read so far is trimmed and cleaned once more by the matcher, which takes a `!` off itself.
    let (brings_back, path) = match path.strip_prefix('!').filter(|_| !brings_back) {
        Some(rest) => (true, rest.to_owned()),
        None => (brings_back, path),
    };
    if path.is_empty() {
        return Err(error());
    }
    let pattern = Pattern::read(&path).ok_or_else(error)?;
    Ok(Some(Rule { line: number, text: text.to_owned(), brings_back, pattern }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The paths of a list that are left out.
    fn left_out<'p>(text: &str, paths: &[&'p str]) -> Vec<&'p str> {
        let file = Dockerignore::read(text).expect("patterns");
        paths.iter().copied().filter(|path| file.verdict(path).left_out).collect()
    }

    #[test]
    fn a_pattern_is_about_the_whole_path() {
        let paths = ["build", "build/x", "app/build", "app/build/x"];
        assert_eq!(left_out("build", &paths), ["build", "build/x"]);
        assert_eq!(left_out("**/build", &paths), paths);
        assert_eq!(left_out("/build/", &paths), ["build", "build/x"]);
        assert_eq!(left_out("*/build", &paths), ["app/build", "app/build/x"]);
    }

    #[test]
    fn the_last_match_wins_and_says_which_line_it_was() {
        let file = Dockerignore::read("# all\n*\n\n!src\nsrc/*.log\n").expect("patterns");
        let line = |path: &str| {
            let verdict = file.verdict(path);
            (verdict.left_out, verdict.rule.map(|rule| (rule.line, rule.text.as_str())))
        };
        assert_eq!(line("README"), (true, Some((2, "*"))));
        assert_eq!(line("src/main.rs"), (false, Some((4, "!src"))));
        assert_eq!(line("src/a.log"), (true, Some((5, "src/*.log"))));
        assert_eq!(Dockerignore::default().verdict("a").rule.map(|rule| rule.line), None);
    }

    #[test]
    fn what_is_always_sent_comes_back() {
        let mut file = Dockerignore::read("*\n").expect("patterns");
        file.always_send("./docker/Dockerfile");
        assert!(!file.verdict("docker/Dockerfile").left_out && file.verdict("docker/x").left_out);
        assert!(file.may_bring_back_below("docker") && !file.may_bring_back_below("node_modules"));
    }

    #[test]
    fn a_line_that_is_no_pattern_is_named() {
        for (text, line) in [("a\n[b\n", 2), ("!\n", 1), ("a\\\n", 1), ("[]\n", 1), ("[z-a]\n", 1)] {
            let error = Dockerignore::read(text).expect_err(text);
            assert_eq!(error.line, line, "{text}");
            assert!(!error.told().is_empty() && !error.help().is_empty());
        }
    }
}
