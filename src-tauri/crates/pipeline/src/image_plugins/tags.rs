//! Which tags an image gets: those of the setting, of `auto_tag`, or of a file.

use super::auto_tag::{Derived, Ground, Rule, derive};
use super::parts::Facts;
use super::settings::Settings;
use lp_model::{BuildImage, Instead, Message, TagsFile, TagsSplit, message};

/// The file that plugins read in their working folder.
pub const TAGS_FILE: &str = ".tags";

/// Names of the settings about tags.
#[derive(Debug, Clone, Copy)]
pub struct TagNames {
    /// The list of tags.
    pub tags: &'static [&'static str],
    /// Whether they are derived.
    pub auto: &'static [&'static str],
    /// Suffix of derived tags.
    pub suffix: &'static [&'static str],
}

/// What `auto_tag` makes of the commit, and the reference that it was asked about.
pub fn derived(rule: Rule, names: &TagNames, default_tag: &str, facts: &Facts, settings: &mut Settings<'_>) -> (Derived, String) {
    let reference = settings.text(facts.reference).unwrap_or_default().to_owned();
    let default_branch = settings.text(facts.branch).unwrap_or_default().to_owned();
    let suffix = settings.text(names.suffix).unwrap_or_default().to_owned();
    let ground = Ground { reference: &reference, default_branch: &default_branch, suffix: &suffix, default_tag };
    (derive(rule, &ground), reference)
}

/// Why nothing is derived from a reference.
pub fn not_default(reference: &str) -> Message {
    message!("`auto_tag` makes tags for git tags and for the default branch only, and `{}` is neither", reference.to_owned())
}

/// Sets the tags of a plugin with which derived ones take the place of those that are given.
pub fn settle(build: &mut BuildImage, given: Option<Vec<String>>, default: &[&str], file_wins: bool) {
    let is_given = given.is_some();
    build.tags = given.unwrap_or_else(|| default.iter().map(|tag| (*tag).to_owned()).collect());
    if !is_given || file_wins {
        build.tags_file = Some(TagsFile { path: TAGS_FILE.to_owned(), split: TagsSplit::Commas });
    }
}

/// Says what becomes of derived tags with which a plugin builds nothing else.
pub fn only_derived(build: &mut BuildImage, found: Derived, reference: &str, without: impl FnOnce(Message) -> Instead) {
    build.tags.clear();
    build.tags_file = None;
    match found {
        Derived::Tags(tags) => build.tags = tags,
        Derived::Nothing => build.instead = Some(without(not_default(reference))),
        Derived::NoVersion(reason) => build.instead = Some(Instead::Fails(reason)),
    }
}
