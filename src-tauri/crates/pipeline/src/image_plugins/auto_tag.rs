//! The tags that a plugin derives from the reference of the commit (`auto_tag`), by plugin and version.
//!
//! The plugins agree on `v1.2.3` and on nothing else: what a short version, a date, a leading zero, build metadata or a branch beside the
//! default one means differs, and between versions of the same plugin too. So each has its rule here, told by running the plugins.

mod version;

use lp_model::{Message, message};

/// How a plugin derives tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// plugins/docker of 2017 and 2018: numbers lose their leading zeros, what is no version is `latest`.
    Docker17,
    /// plugins/docker of 2018 and 2019: numbers keep their zeros, what is no version is `latest`.
    Docker18,
    /// plugins/docker since then, and drone-kaniko: what is no version is an error.
    Docker20,
    /// Woodpecker's buildx: short versions are filled up, years and dates stay as they are.
    Buildx,
    /// The geeklab's buildx: three numbers as the specification of versions has them, build metadata is cut.
    Geeklab,
    /// The shell scripts of banzaicloud and Woodpecker for kaniko: every tag makes `latest` too, and so does every branch.
    Script,
}

/// What a reference makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Derived {
    /// These tags.
    Tags(Vec<String>),
    /// None: it is a branch beside the default one, or no branch at all.
    Nothing,
    /// The reference is a tag that the plugin takes for no version.
    NoVersion(Message),
}

/// What a plugin knows when it derives tags.
#[derive(Debug, Clone, Copy)]
pub struct Ground<'a> {
    /// `refs/heads/…`, `refs/tags/…` and so on.
    pub reference: &'a str,
    /// The default branch of the repository.
    pub default_branch: &'a str,
    /// `auto_tag_suffix`, or empty.
    pub suffix: &'a str,
    /// The tag of the default branch.
    pub default_tag: &'a str,
}

/// Derives the tags.
pub fn derive(rule: Rule, ground: &Ground<'_>) -> Derived {
    if rule == Rule::Script {
        return Derived::Tags(script(ground.reference.strip_prefix("refs/tags/").unwrap_or_default()));
    }
    let Some(tag) = ground.reference.strip_prefix("refs/tags/") else {
        let branch = ground.reference.strip_prefix("refs/heads/").unwrap_or(ground.reference);
        return match branch == ground.default_branch {
            true => Derived::Tags(with_suffix(vec![ground.default_tag.to_owned()], ground)),
            false => Derived::Nothing,
        };
    };
    let without_v = tag.strip_prefix('v').unwrap_or(tag);
    let found = match rule {
        Rule::Docker17 => version::dotted(without_v).map(|found| expanded(&found.numbers, &found, true)),
        Rule::Docker18 | Rule::Docker20 => version::dotted(without_v).map(|found| expanded(&found.written, &found, true)),
        Rule::Buildx if is_date(tag) => Some(vec![tag.to_owned()]),
        Rule::Buildx => version::lenient(tag).map(|found| match found.numbers[..] {
            [year @ 1000..=9999, 0, 0] if found.pre.is_empty() && found.metadata.is_empty() => vec![year.to_string()],
            _ => expanded(&found.numbers, &found, true),
        }),
        Rule::Geeklab => version::strict(without_v).map(|found| expanded(&found.numbers, &found, false)),
        Rule::Script => None,
    };
    match (found, rule) {
        (Some(tags), _) => Derived::Tags(with_suffix(tags, ground)),
        (None, Rule::Docker17 | Rule::Docker18) => Derived::Tags(with_suffix(vec![ground.default_tag.to_owned()], ground)),
        (None, _) => Derived::NoVersion(message!("`{}` is no version that this plugin takes for one (`v1.2.3`)", tag.to_owned())),
    }
}

/// The tags of a version: itself alone when it is a preliminary one or, where that `counts`, has build metadata; else the short forms too,
/// but never `0`.
fn expanded<N: ToString + Zero>(numbers: &[N], found: &version::Version, metadata_counts: bool) -> Vec<String> {
    if !found.pre.is_empty() || (metadata_counts && !found.metadata.is_empty()) {
        return vec![found.to_string()];
    }
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    let from = if numbers.first().is_some_and(Zero::is_zero) { 2 } else { 1 };
    (from..=3.min(texts.len())).map(|parts| texts[..parts].join(".")).collect()
}

/// A number of a version, or its text.
trait Zero {
    fn is_zero(&self) -> bool;
}

impl Zero for u64 {
    fn is_zero(&self) -> bool {
        *self == 0
    }
}

impl Zero for String {
    fn is_zero(&self) -> bool {
        self.bytes().all(|b| b == b'0')
    }
}

/// `-suffix` behind each tag; in the place of the default tag the suffix alone.
fn with_suffix(tags: Vec<String>, ground: &Ground<'_>) -> Vec<String> {
    if ground.suffix.is_empty() {
        return tags;
    }
    let one = |tag: String| if tag == ground.default_tag { ground.suffix.to_owned() } else { format!("{tag}-{}", ground.suffix) };
    tags.into_iter().map(one).collect()
}

/// `20190203` or `2019-02-03`.
fn is_date(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
    shape == "00000000" || shape == "0000-00-00"
}

/// The scripts: at most three parts without letters and dashes are taken for numbers, what is missing is 0.
fn script(tag: &str) -> Vec<String> {
    let tag = tag.strip_prefix('v').unwrap_or(tag);
    let parts: Vec<&str> = tag.split('.').collect();
    let named = tag.chars().any(|c| c.is_ascii_lowercase() || c == '-');
    let mut tags = match parts[..] {
        _ if tag.is_empty() => Vec::new(),
        _ if named || parts.len() > 3 => vec![tag.to_owned()],
        _ => {
            let part = |n: usize| parts.get(n).copied().filter(|part| !part.is_empty()).unwrap_or("0");
            let (major, minor, patch) = (part(0), part(1), part(2));
            vec![major.to_owned(), format!("{major}.{minor}"), format!("{major}.{minor}.{patch}")]
        }
    };
    tags.push("latest".to_owned());
    // The first word of the file is read without the blanks before it.
    if let Some(first) = tags.first_mut() {
        *first = first.trim_start().to_owned();
    }
    tags
}

/// The version that a git tag is for Woodpecker's buildx, for its label; `None` where it is none.
pub fn version_text(tag: &str) -> Option<String> {
    version::lenient(tag).map(|version| version.to_string())
}

/// drone-kaniko's `expand_tag`: the short forms of a tag that is a version, by the rules of Go's modules; any other tag stays as it is.
pub fn expand(tag: &str) -> Vec<String> {
    let tag = tag.replace('_', "-");
    let bare = tag.strip_prefix('v').unwrap_or(&tag);
    let Some(found) = version::of_modules(bare) else { return vec![tag] };
    if !found.pre.is_empty() {
        return vec![found.to_string()];
    }
    let metadata = if found.metadata.is_empty() { String::new() } else { format!("+{}", found.metadata) };
    let texts: Vec<String> = found.numbers.iter().map(u64::to_string).collect();
    (1..=3).map(|parts| format!("{}{metadata}", texts[..parts].join("."))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(rule: Rule, reference: &str, suffix: &str) -> Option<Vec<String>> {
        match derive(rule, &Ground { reference, default_branch: "main", suffix, default_tag: "latest" }) {
            Derived::Tags(tags) => Some(tags),
            Derived::Nothing => Some(Vec::new()),
            Derived::NoVersion(_) => None,
        }
    }

    const ALL: [Rule; 6] = [Rule::Docker17, Rule::Docker18, Rule::Docker20, Rule::Buildx, Rule::Geeklab, Rule::Script];

    #[test]
    fn plugins_agree_on_plain_versions_and_the_default_branch() {
        for rule in ALL {
            assert_eq!(tags(rule, "refs/heads/main", "").as_deref(), Some(&["latest".to_owned()][..]), "{rule:?}");
            let found = tags(rule, "refs/tags/v4.5.6", "").unwrap();
            assert_eq!(found[..3], ["4", "4.5", "4.5.6"], "{rule:?}");
        }
    }

    #[test]
    fn and_on_little_else() {
        let table: [(&str, [Option<&[&str]>; 6]); 7] = [
            ("refs/heads/fix", [Some(&[]), Some(&[]), Some(&[]), Some(&[]), Some(&[]), Some(&["latest"])]),
            (
                "refs/tags/v2",
                [Some(&["latest"]), Some(&["latest"]), None, Some(&["2", "2.0", "2.0.0"]), None, Some(&["2", "2.0", "2.0.0", "latest"])],
            ),
            (
                "refs/tags/v0.3.0",
                [
                    Some(&["0.3", "0.3.0"]),
                    Some(&["0.3", "0.3.0"]),
                    Some(&["0.3", "0.3.0"]),
                    Some(&["0.3", "0.3.0"]),
                    Some(&["0.3", "0.3.0"]),
                    Some(&["0", "0.3", "0.3.0", "latest"]),
                ],
            ),
            (
                "refs/tags/21.04.0",
                [
                    Some(&["21", "21.4", "21.4.0"]),
                    Some(&["21", "21.04", "21.04.0"]),
                    Some(&["21", "21.04", "21.04.0"]),
                    Some(&["21", "21.4", "21.4.0"]),
                    None,
                    Some(&["21", "21.04", "21.04.0", "latest"]),
                ],
            ),
            (
                "refs/tags/2031",
                [Some(&["latest"]), Some(&["latest"]), None, Some(&["2031"]), None, Some(&["2031", "2031.0", "2031.0.0", "latest"])],
            ),
            (
                "refs/tags/v1.0.0-beta.2",
                [
                    Some(&["1.0.0-beta.2"]),
                    Some(&["1.0.0-beta.2"]),
                    Some(&["1.0.0-beta.2"]),
                    Some(&["1.0.0-beta.2"]),
                    Some(&["1.0.0-beta.2"]),
                    Some(&["1.0.0-beta.2", "latest"]),
                ],
            ),
            ("refs/tags/nightly", [Some(&["latest"]), Some(&["latest"]), None, None, None, Some(&["nightly", "latest"])]),
        ];
        for (reference, expected) in table {
            for (rule, expected) in ALL.into_iter().zip(expected) {
                let expected = expected.map(|tags| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>());
                assert_eq!(tags(rule, reference, ""), expected, "{reference} {rule:?}");
            }
        }
        assert_eq!(tags(Rule::Docker20, "refs/tags/v1.2.3", "arm").unwrap(), ["1-arm", "1.2-arm", "1.2.3-arm"]);
        assert_eq!(tags(Rule::Docker20, "refs/heads/main", "arm").unwrap(), ["arm"]);
    }

    #[test]
    fn expanding_a_tag_leaves_what_is_no_version() {
        for (tag, expected) in [
            ("v3.1", vec!["3", "3.1", "3.1.0"]),
            ("v0.1.0", vec!["0", "0.1", "0.1.0"]),
            ("v01.2.3", vec!["v01.2.3"]),
            ("edge", vec!["edge"]),
        ] {
            assert_eq!(expand(tag), expected, "{tag}");
        }
    }
}
