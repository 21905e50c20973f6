//! Mirrors: other places where the images of a host are too. Plain data: nothing is asked here.

use crate::host;
use crate::reference::Digest;
use lp_model::image::ReferenceError;
use lp_model::{ImageReference, Message, message};
use std::collections::BTreeMap;

/// A place with the images of another host: a host, and a path where it has them below one (`harbor.example.com/hub`, a proxy project of Harbor).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mirror {
    host: String,
    path: String,
}

impl Mirror {
    /// Reads `host` or `host/path`.
    ///
    /// # Errors
    /// [`ReferenceError`], which says what part of it is wrong.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        let text = text.trim_end_matches('/');
        let (host, path) = text.split_once('/').unwrap_or((text, ""));
        let host = host::parse(host)?;
        let path = match path {
            "" => String::new(),
            // Not by `repository`, which would put `library/` before a path at Docker Hub.
            path => host::repository(&host, &format!("{path}/a"))?.strip_suffix("/a").unwrap_or_default().to_owned(),
        };
        Ok(Self { host, path })
    }

    /// Where it is, as it is written.
    pub fn text(&self) -> String {
        if self.path.is_empty() { self.host.clone() } else { format!("{}/{}", self.host, self.path) }
    }

    /// The image as it is called here. Images of Docker Hub keep their `library/`, under which mirrors have them.
    fn name_of(&self, image: &ImageReference) -> Option<ImageReference> {
        let mut name = format!("{}/{}", self.text(), image.repository());
        for (sign, version) in [(':', image.tag()), ('@', image.digest())] {
            if let Some(version) = version {
                name.push(sign);
                name.push_str(version);
            }
        }
        ImageReference::parse(&name).ok()
    }
}

/// Which hosts have mirrors, each in the order in which they are tried.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Mirrors {
    by_host: BTreeMap<String, Vec<Mirror>>,
}

impl Mirrors {
    /// Sets the mirrors of a host; all names of Docker Hub mean the same. A mirror that is there twice counts once.
    ///
    /// # Errors
    /// [`ReferenceError`] when the host is none.
    pub fn set(&mut self, of_host: &str, mirrors: impl IntoIterator<Item = Mirror>) -> Result<(), ReferenceError> {
        let mut list: Vec<Mirror> = Vec::new();
        for mirror in mirrors {
            if !list.contains(&mirror) {
                list.push(mirror);
            }
        }
        self.by_host.insert(host::parse(of_host)?, list);
        Ok(())
    }

    /// Where an image is looked for, first to last: at the mirrors of its host, then at the host itself. A digest is asked for at every place, so that no
    /// mirror can give something else; a name that would be too long at a mirror is not tried there.
    pub fn places(&self, image: &ImageReference) -> Vec<ImageReference> {
        let mirrors = self.by_host.get(host::one_name(image.host())).map(Vec::as_slice).unwrap_or_default();
        let mut places: Vec<ImageReference> = Vec::new();
        for place in mirrors.iter().filter_map(|mirror| mirror.name_of(image)).chain([image.clone()]) {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        places
    }
}

/// What to tell when places that should have the same image do not: a mirror is behind, or somebody changed it. `None` where all agree, or fewer than two
/// answered.
pub fn disagreement(answers: &[(ImageReference, Digest)]) -> Option<Message> {
    let (first, digest) = answers.first()?;
    let (other, other_digest) = answers.iter().find(|(_, other)| other != digest)?;
    Some(message!("`{}` has {} where `{}` has {}", first.canonical(), digest.as_str(), other.canonical(), other_digest.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "3fc9b689459d738f8c88a3a48aa9e33542016b7a4052e001aaa536fca74813cb";

    fn places(table: &[(&str, &[&str])], image: &str) -> Vec<String> {
        let mut mirrors = Mirrors::default();
        for (host, list) in table {
            mirrors.set(host, list.iter().map(|text| Mirror::parse(text).unwrap())).unwrap();
        }
        let image = ImageReference::parse(image).unwrap_or_else(|error| panic!("{image}: {error}"));
        mirrors.places(&image).iter().map(ImageReference::canonical).collect()
    }

    #[test]
    fn mirrors_are_tried_in_their_order_and_the_host_at_last() {
        let table: &[(&str, &[&str])] = &[
            ("index.docker.io", &["mirror.example.com:5000", "harbor.example.com/hub/", "mirror.example.com:5000"]),
            ("quay.io", &["harbor.example.com/quay"]),
            ("gone.example.com", &["docker.io/copies"]),
        ];
        let hub = ["mirror.example.com:5000/library/nginx:1", "harbor.example.com/hub/library/nginx:1", "docker.io/library/nginx:1"];
        for name in ["nginx:1", "library/nginx:1", "docker.io/nginx:1", "index.docker.io/library/nginx:1"] {
            assert_eq!(places(table, name), hub, "{name}");
        }
        assert_eq!(places(table, "quay.io/a/b"), ["harbor.example.com/quay/a/b:latest", "quay.io/a/b:latest"]);
        assert_eq!(places(table, "gone.example.com/a:1"), ["docker.io/copies/a:1", "gone.example.com/a:1"]);
        assert_eq!(places(table, "ghcr.io/a/b:1"), ["ghcr.io/a/b:1"]);
        assert_eq!(places(&[("a.b", &["a.b"])], "a.b/c:1"), ["a.b/c:1"], "a host that is its own mirror is asked once");
    }

    #[test]
    fn the_hub_by_the_name_of_its_api_is_the_hub() {
        let table: &[(&str, &[&str])] = &[("docker.io", &["m.example.com"])];
        let found = places(table, "registry-1.docker.io/library/nginx:1");
        assert_eq!(found, ["m.example.com/library/nginx:1", "registry-1.docker.io/library/nginx:1"]);
    }

    #[test]
    fn tag_and_digest_go_along() {
        let table: &[(&str, &[&str])] = &[("docker.io", &["m.example.com"])];
        let found = places(table, &format!("nginx:1@sha256:{HEX}"));
        assert_eq!(found[0], format!("m.example.com/library/nginx:1@sha256:{HEX}"));
        assert_eq!(places(table, &format!("nginx@sha256:{HEX}"))[0], format!("m.example.com/library/nginx@sha256:{HEX}"));
    }

    #[test]
    fn a_name_that_is_too_long_for_a_mirror_is_left_out() {
        let long = "a".repeat(240);
        let table: &[(&str, &[&str])] = &[("q.io", &["a-long-name.example.com/path"])];
        assert_eq!(places(table, &format!("q.io/{long}:1")), [format!("q.io/{long}:1")]);
    }

    #[test]
    fn what_is_no_mirror_is_refused() {
        for odd in
            ["", "mirror", "https://m.example.com", "m.example.com/Path", "m.example.com/a//b", "m.example.com/a:1", "m.example.com/../x"]
        {
            assert!(Mirror::parse(odd).is_err(), "{odd}");
        }
        assert!(Mirrors::default().set("mirror", []).is_err());
    }

    #[test]
    fn places_that_differ_are_told() {
        let answer = |image: &str, content: &str| (ImageReference::parse(image).unwrap(), Digest::of(content.as_bytes()));
        assert_eq!(disagreement(&[]), None);
        assert_eq!(disagreement(&[answer("m.io/a", "x"), answer("a", "x")]), None);
        let told = disagreement(&[answer("m.io/a", "x"), answer("m.io/b", "x"), answer("a", "y")]).unwrap();
        assert!(told.to_string().starts_with("`m.io/a:latest` has sha256:2d711642"), "{told}");
        assert_eq!(told.untranslated(), None);
    }
}
