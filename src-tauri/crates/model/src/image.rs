//! Image names: from what a person writes (`golang`) to what an engine and a registry understand.
//!
//! The rules are those of the `distribution` reference grammar, which every engine follows; what the dialects make of a name is
//! only a matter of which form they print.
//!
//! The meaning of an image's name stands in the model because the compiler (plugins with all rights), the registries (credentials by host)
//! and the backend (which image to fetch) must read a name in the same way.

use crate::{Message, message};
use std::fmt;

/// The registry that is meant when a name has no host.
pub const DEFAULT_HOST: &str = "docker.io";

/// Longest host and repository together, in bytes.
const LONGEST_NAME: usize = 255;

/// A parsed image name. Tag or digest is always there: a name without both means the tag `latest`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ImageReference {
    host: String,
    repository: String,
    tag: Option<String>,
    digest: Option<String>,
}

/// Why a text is no image name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum ReferenceError {
    /// Nothing there.
    Empty,
    /// Host and repository together are too long.
    TooLong,
    /// Upper case letters in the repository: the usual slip.
    UpperCase(String),
    /// A part of the repository is not lower case letters and digits separated by `.`, `_`, `__` or dashes.
    Part {
        /// The whole text.
        name: String,
        /// The part.
        part: String,
    },
    /// The tag has other characters than letters, digits, `_`, `.`, `-`, or is too long.
    Tag(String),
    /// The digest is not `algorithm:hex`.
    Digest(String),
}

impl ReferenceError {
    /// What is wrong with it.
    pub fn told(&self) -> Message {
        match self {
            Self::Empty => message!("the image name is empty"),
            Self::TooLong => message!("the image name is longer than 255 characters"),
            Self::UpperCase(name) => message!("the image name `{}` has upper case letters", name),
            Self::Part { name, part } => message!("`{}` in the image name `{}` is not allowed", part, name),
            Self::Tag(tag) => message!("`{}` is not a tag", tag),
            Self::Digest(digest) => message!("`{}` is not a digest", digest),
        }
    }
}

impl ImageReference {
    /// Reads a name as written in a pipeline file: `golang`, `golang:1.9`, `gcr.io/x/golang`, `localhost:5000/x@sha256:…`.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.is_empty() {
            return Err(ReferenceError::Empty);
        }
        let (rest, digest) = match text.split_once('@') {
            Some((rest, digest)) => (rest, Some(digest)),
            None => (text, None),
        };
        // A colon is a tag only behind the last slash: before it, it is the port of the host.
        let path_start = rest.rfind('/').map_or(0, |at| at + 1);
        let (name, tag) = match rest[path_start..].rfind(':') {
            Some(at) => (&rest[..path_start + at], Some(&rest[path_start + at + 1..])),
            None => (rest, None),
        };
        let (host, repository) = split_host(name);
        if host.len() + repository.len() + 1 > LONGEST_NAME {
            return Err(ReferenceError::TooLong);
        }
        if repository.bytes().any(|b| b.is_ascii_uppercase()) {
            return Err(ReferenceError::UpperCase(name.to_owned()));
        }
        if !host_is_legal(&host) {
            return Err(ReferenceError::Part { name: text.to_owned(), part: host });
        }
        if let Some(part) = repository.split('/').find(|part| !part_is_legal(part)) {
            return Err(ReferenceError::Part { name: text.to_owned(), part: part.to_owned() });
        }
        if let Some(tag) = tag.filter(|tag| !tag_is_legal(tag)) {
            return Err(ReferenceError::Tag(tag.to_owned()));
        }
        if let Some(digest) = digest.filter(|digest| !digest_is_legal(digest)) {
            return Err(ReferenceError::Digest(digest.to_owned()));
        }
        let tag = match (tag, digest) {
            (None, None) => Some("latest".to_owned()),
            (tag, _) => tag.map(str::to_owned),
        };
        Ok(Self { host, repository, tag, digest: digest.map(str::to_owned) })
    }

    /// Host and port of the registry: `docker.io`, `localhost:5000`.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Repository at the host, e.g. `library/golang`.
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The tag; `None` only beside a digest.
    pub fn tag(&self) -> Option<&str> {
        self.tag.as_deref()
    }

    /// The digest, e.g. `sha256:…`.
    pub fn digest(&self) -> Option<&str> {
        self.digest.as_deref()
    }

    /// Whether what the name means may change at any time in the way that everybody expects: the tag `latest` and no digest.
    pub fn is_latest(&self) -> bool {
        self.digest.is_none() && self.tag.as_deref() == Some("latest")
    }

    /// Host and repository: what an engine is asked to fetch [`ImageReference::version`] of.
    pub fn name(&self) -> String {
        format!("{}/{}", self.host, self.repository)
    }

    /// The digest, or the tag where there is none: what exactly is fetched.
    pub fn version(&self) -> &str {
        self.digest.as_deref().or(self.tag.as_deref()).unwrap_or("latest")
    }

    /// The full form: `docker.io/library/golang:latest`. Every engine understands it in the same way.
    pub fn canonical(&self) -> String {
        self.with_version(self.name())
    }

    /// The short form that people read: `golang:latest`, `plugins/docker:latest`.
    pub fn familiar(&self) -> String {
        self.with_version(self.familiar_name())
    }

    /// The short form without tag and digest: `golang`, `plugins/docker`.
    pub fn familiar_name(&self) -> String {
        if self.host == DEFAULT_HOST {
            self.repository.strip_prefix("library/").unwrap_or(&self.repository).to_owned()
        } else {
            self.name()
        }
    }

    /// Whether both mean the same repository at the same host, whatever the version.
    pub fn same_name(&self, other: &Self) -> bool {
        self.host == other.host && self.repository == other.repository
    }

    fn with_version(&self, mut text: String) -> String {
        if let Some(tag) = &self.tag {
            text.push(':');
            text.push_str(tag);
        }
        if let Some(digest) = &self.digest {
            text.push('@');
            text.push_str(digest);
        }
        text
    }
}

/// Whether a text names a tag or digest behind the name of an image. Also of a text that is no image name, as far as one can see.
pub fn names_version(text: &str) -> bool {
    let last = text.rsplit('/').next().unwrap_or(text);
    last.contains([':', '@'])
}

/// Whether an image is one of a list, as lists of plugins with more rights are written: an entry with a version means only that
/// version, one without means all of them. What is no image name is none of them.
pub fn is_one_of(image: &str, list: &[&str]) -> bool {
    // Nearly every image is none of them, which shows without taking the names apart.
    let last =
        |entry: &str| entry.rsplit('/').next().and_then(|part| part.split([':', '@']).next()).is_some_and(|part| image.contains(part));
    let mut candidates = list.iter().filter(|entry| last(entry)).peekable();
    if candidates.peek().is_none() {
        return false;
    }
    let Ok(image) = ImageReference::parse(image) else { return false };
    candidates.any(|entry| {
        ImageReference::parse(entry).is_ok_and(|known| if names_version(entry) { known == image } else { known.same_name(&image) })
    })
}

impl fmt::Display for ImageReference {
    /// The short form.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.familiar())
    }
}

/// Splits the host off, if the first part looks like one, and fills in what a short name leaves out.
fn split_host(name: &str) -> (String, String) {
    let (host, repository) = match name.split_once('/') {
        Some((first, rest)) if first == "localhost" || first.contains(['.', ':']) || first.bytes().any(|b| b.is_ascii_uppercase()) => {
            (first, rest)
        }
        _ => (DEFAULT_HOST, name),
    };
    // The name by which Docker Hub went long ago; files still use it.
    let host = if host == "index.docker.io" { DEFAULT_HOST } else { host };
    if host == DEFAULT_HOST && !repository.contains('/') {
        (host.to_owned(), format!("library/{repository}"))
    } else {
        (host.to_owned(), repository.to_owned())
    }
}

fn host_is_legal(host: &str) -> bool {
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !name.ends_with(':') => (name, Some(port)),
        _ => (host, None),
    };
    let name_is_legal = name.split('.').all(|label| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    });
    name_is_legal && port.is_none_or(|port| !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit()))
}

/// `[a-z0-9]+` joined by `.`, `_`, `__` or any number of dashes.
fn part_is_legal(part: &str) -> bool {
    let is_word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let bytes = part.as_bytes();
    let (Some(&first), Some(&last)) = (bytes.first(), bytes.last()) else {
        return false;
    };
    if !is_word(first) || !is_word(last) {
        return false;
    }
    part.split(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        .all(|separator| matches!(separator, "" | "." | "_" | "__") || separator.bytes().all(|b| b == b'-'))
}

fn tag_is_legal(tag: &str) -> bool {
    let mut bytes = tag.bytes();
    tag.len() <= 128
        && bytes.next().is_some_and(|b| b.is_ascii_alphanumeric() || b == b'_')
        && bytes.all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

fn digest_is_legal(digest: &str) -> bool {
    digest.split_once(':').is_some_and(|(algorithm, hex)| {
        let algorithm_is_legal = algorithm.bytes().next().is_some_and(|b| b.is_ascii_alphabetic())
            && algorithm.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'.' | b'_' | b'-'));
        let length_is_legal = if algorithm == "sha256" { hex.len() == 64 } else { hex.len() >= 32 };
        algorithm_is_legal && length_is_legal && hex.bytes().all(|b| b.is_ascii_hexdigit())
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HEX: &str = "3fc9b689459d738f8c88a3a48aa9e33542016b7a4052e001aaa536fca74813cb";

    #[test]
    fn forms() {
        // written, canonical, familiar
        let table = [
            ("golang", "docker.io/library/golang:latest", "golang:latest"),
            ("golang:1.9", "docker.io/library/golang:1.9", "golang:1.9"),
            ("library/golang", "docker.io/library/golang:latest", "golang:latest"),
            ("index.docker.io/library/golang", "docker.io/library/golang:latest", "golang:latest"),
            ("docker.io/library/golang", "docker.io/library/golang:latest", "golang:latest"),
            ("docker.io/golang", "docker.io/library/golang:latest", "golang:latest"),
            ("plugins/docker", "docker.io/plugins/docker:latest", "plugins/docker:latest"),
            ("gcr.io/x/golang", "gcr.io/x/golang:latest", "gcr.io/x/golang:latest"),
            ("localhost:5000/x", "localhost:5000/x:latest", "localhost:5000/x:latest"),
            ("localhost/x:1", "localhost/x:1", "localhost/x:1"),
            ("harbor.example.com:8443/a/b/c:v1.2", "harbor.example.com:8443/a/b/c:v1.2", "harbor.example.com:8443/a/b/c:v1.2"),
            ("a__b/c-d--e.f", "docker.io/a__b/c-d--e.f:latest", "a__b/c-d--e.f:latest"),
        ];
        for (written, canonical, familiar) in table {
            let image = ImageReference::parse(written).unwrap_or_else(|error| panic!("{written}: {error}"));
            assert_eq!(image.canonical(), canonical, "{written}");
            assert_eq!(image.familiar(), familiar, "{written}");
            assert_eq!(ImageReference::parse(canonical).unwrap(), image, "the canonical form of {written} reads back");
        }
    }

    #[test]
    fn a_digest_keeps_the_tag_away() {
        let image = ImageReference::parse(&format!("golang@sha256:{HEX}")).unwrap();
        assert_eq!(image.canonical(), format!("docker.io/library/golang@sha256:{HEX}"));
        assert_eq!(image.tag(), None);
        assert_eq!(image.version(), format!("sha256:{HEX}"));
        assert!(!image.is_latest());
        let both = ImageReference::parse(&format!("golang:latest@sha256:{HEX}")).unwrap();
        assert_eq!(both.familiar(), format!("golang:latest@sha256:{HEX}"));
        assert!(!both.is_latest());
    }

    #[test]
    fn an_entry_of_a_list_means_all_versions_or_the_one_that_it_names() {
        let list = ["plugins/docker", "a/b:1", "example.com:5000/x"];
        for (image, expected) in [
            ("plugins/docker", true),
            ("plugins/docker:18", true),
            ("docker.io/plugins/docker:latest", true),
            (&format!("index.docker.io/plugins/docker@sha256:{HEX}"), true),
            ("example.com:5000/plugins/docker", false),
            ("plugins/docker-x", false),
            ("docker", false),
            ("a/b:1", true),
            ("docker.io/a/b:1", true),
            ("a/b:2", false),
            ("a/b", false),
            ("example.com:5000/x:7", true),
            ("", false),
            ("*&^%", false),
        ] {
            assert_eq!(is_one_of(image, &list), expected, "{image}");
        }
    }

    #[test]
    fn latest() {
        for (written, latest) in [("a", true), ("a:latest", true), ("a:1", false), ("localhost:5000/a", true)] {
            assert_eq!(ImageReference::parse(written).unwrap().is_latest(), latest, "{written}");
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "a".repeat(250);
        let table = [
            "",
            "Golang",
            "a/B",
            "a:",
            "a:b c",
            "a//b",
            "/a",
            "a/",
            "-a",
            "a-",
            "a___b",
            "a._b",
            "中文",
            "a@sha256:12",
            "a@sha256",
            "a b",
            "https://x.com/a",
            "x.com:port/a",
            ".com/a",
            &long,
        ];
        for written in table {
            assert!(ImageReference::parse(written).is_err(), "{written:?}");
        }
    }
}
