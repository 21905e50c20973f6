//! `path:` of a Woodpecker condition: which files the commits changed.

use crate::shared::glob;

/// A read `path:`.
#[derive(Debug, Clone)]
pub struct PathFilter {
    /// At least one file matches one of these, if there are some.
    pub include: Vec<String>,
    /// Files that do not count.
    pub exclude: Vec<String>,
    /// A text that makes the condition hold when it stands in the message of the commit, in any case. Empty: none.
    pub ignore_message: String,
    /// What holds when no changed file is known.
    pub on_empty: bool,
    /// 0.15: one excluded file is enough to keep everything out; later all files have to be excluded.
    pub one_excluded_is_enough: bool,
}

impl Default for PathFilter {
    fn default() -> Self {
        Self { include: Vec::new(), exclude: Vec::new(), ignore_message: String::new(), on_empty: true, one_excluded_is_enough: false }
    }
}

impl PathFilter {
    /// Whether it holds for these changed files.
    pub fn matches(&self, files: &[String], message: &str) -> bool {
        let ignored = !self.ignore_message.is_empty() && message.to_lowercase().contains(&self.ignore_message.to_lowercase());
        if ignored {
            return true;
        }
        if files.is_empty() {
            return self.on_empty;
        }
        let any = |patterns: &[String], file: &String| patterns.iter().any(|pattern| glob::doublestar4::matches(pattern, file));
        let excluded = |file: &String| any(&self.exclude, file);
        let kept_out =
            if self.one_excluded_is_enough { files.iter().any(excluded) } else { !self.exclude.is_empty() && files.iter().all(excluded) };
        !kept_out && (self.include.is_empty() || files.iter().any(|file| any(&self.include, file)))
    }
}
