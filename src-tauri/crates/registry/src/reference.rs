//! Tags, digests, and what a manifest is asked by.

use lp_model::ImageReference;
use lp_model::image::ReferenceError;
use sha2::{Digest as _, Sha256, Sha512};
use std::fmt;

/// The name of content after the content itself: `sha256:` and 64 hexadecimal digits, or `sha512:` and 128 (image-spec, `descriptor.md`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Digest(String);

impl Digest {
    /// Reads a digest.
    ///
    /// # Errors
    /// [`ReferenceError::Digest`] for anything that cannot be verified here.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let is_one = text.split_once(':').is_some_and(|(algorithm, hex)| {
            let length = match algorithm {
                "sha256" => 64,
                "sha512" => 128,
                _ => return false,
            };
            hex.len() == length && hex.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        });
        if is_one { Ok(Self(text.to_owned())) } else { Err(ReferenceError::Digest(text.to_owned())) }
    }

    /// The digest of content, in the algorithm that everybody uses.
    pub fn of(content: &[u8]) -> Self {
        Self(format!("sha256:{}", hexadecimal(&Sha256::digest(content))))
    }

    /// The digest of content in the algorithm of this one: equal to it only when the content is what it names.
    pub fn same_algorithm_of(&self, content: &[u8]) -> Self {
        if self.0.starts_with("sha512:") { Self(format!("sha512:{}", hexadecimal(&Sha512::digest(content)))) } else { Self::of(content) }
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A tag: `[A-Za-z0-9_][A-Za-z0-9._-]{0,127}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tag(String);

impl Tag {
    /// Reads a tag.
    ///
    /// # Errors
    /// [`ReferenceError::Tag`].
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        // The grammar of tags stands in the model, behind that of names.
        match ImageReference::parse(&format!("a:{text}")) {
            Ok(image) if image.tag() == Some(text) => Ok(Self(text.to_owned())),
            _ => Err(ReferenceError::Tag(text.to_owned())),
        }
    }

    /// The text of it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a manifest of a repository is asked by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reference {
    /// A name that may mean something else tomorrow.
    Tag(Tag),
    /// One image for ever.
    Digest(Digest),
}

impl Reference {
    /// Reads a tag or a digest, which has a colon.
    ///
    /// # Errors
    /// [`ReferenceError::Tag`], [`ReferenceError::Digest`].
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        if text.contains(':') {
            return Digest::parse(text).map(Self::Digest);
        }
        Tag::parse(text).map(Self::Tag)
    }

    /// What of an image is fetched: its digest, else its tag.
    ///
    /// # Errors
    /// [`ReferenceError::Digest`], where the digest is of an algorithm that cannot be verified here.
    pub fn of(image: &ImageReference) -> Result<Self, ReferenceError> {
        match image.digest() {
            Some(digest) => Digest::parse(digest).map(Self::Digest),
            None => Self::parse(image.version()),
        }
    }

    /// The text of it, as it stands in the address of a manifest.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Tag(tag) => tag.as_str(),
            Self::Digest(digest) => digest.as_str(),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of nothing, as `sha256sum` and `sha512sum` print it.
    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    const EMPTY_512: &str = "sha512:cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

    #[test]
    fn digests_are_computed_in_the_algorithm_that_was_asked_for() {
        assert_eq!(Digest::of(b"").as_str(), EMPTY);
        for known in [EMPTY, EMPTY_512] {
            let digest = Digest::parse(known).unwrap();
            assert_eq!(digest.same_algorithm_of(b""), digest);
            assert_ne!(digest.same_algorithm_of(b"x"), digest);
        }
    }

    #[test]
    fn what_cannot_be_verified_is_no_digest() {
        let upper = EMPTY.to_uppercase();
        for odd in ["", "sha256", "sha256:", "sha256:ab", "md5:d41d8cd98f00b204e9800998ecf8427e", &upper, &format!("{EMPTY}0")] {
            assert_eq!(Digest::parse(odd), Err(ReferenceError::Digest(odd.to_owned())), "{odd}");
        }
    }

    #[test]
    fn a_reference_is_a_tag_or_a_digest() {
        assert_eq!(Reference::parse("1.2_x-y"), Ok(Reference::Tag(Tag("1.2_x-y".into()))));
        assert_eq!(Reference::parse(EMPTY).unwrap().as_str(), EMPTY);
        for odd in ["", "-a", "a b", "a/b", "a@b", "a?b", "..", &"a".repeat(129)] {
            assert!(Reference::parse(odd).is_err(), "{odd}");
        }
        let of = |image: &str| Reference::of(&ImageReference::parse(image).unwrap()).unwrap().to_string();
        assert_eq!(of("nginx"), "latest");
        assert_eq!(of("nginx:1"), "1");
        assert_eq!(of(&format!("nginx:1@{EMPTY}")), EMPTY);
    }
}
