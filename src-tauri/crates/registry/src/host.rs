//! Hosts of registries, and the several names of Docker Hub.

use lp_model::ImageReference;
use lp_model::image::{DEFAULT_HOST, ReferenceError};

/// Where Docker Hub's API answers; images are never called after it.
const HUB_API: &str = "registry-1.docker.io";

/// The one name of a host: Docker Hub is called `index.docker.io` in logins, `registry-1.docker.io` by its API and `docker.io` in names of images.
pub fn one_name(host: &str) -> &str {
    match host {
        "index.docker.io" | HUB_API | "registry.hub.docker.com" => DEFAULT_HOST,
        other => other,
    }
}

/// Where the API of a host answers.
pub(crate) fn api_of(host: &str) -> &str {
    if host == DEFAULT_HOST { HUB_API } else { host }
}

/// Reads a host as it is written before names of images: a name or an IPv4 address, with a port where it is not the usual one.
///
/// # Errors
/// [`ReferenceError::Empty`]; [`ReferenceError::Part`] with what is no host, also a name that would not be read as one in front of an image (`registry`
/// without a dot, a port or upper case letters).
pub fn parse(text: &str) -> Result<String, ReferenceError> {
    if text.is_empty() {
        return Err(ReferenceError::Empty);
    }
    let no_host = || ReferenceError::Part { name: text.to_owned(), part: text.to_owned() };
    let image = ImageReference::parse(&format!("{text}/a")).map_err(|_| no_host())?;
    let port_is_one = text.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_ok_and(|port| port > 0));
    // Else it was taken for the first part of a name at Docker Hub.
    let is_host = image.host() == text || (one_name(text) == image.host() && image.repository() == "library/a");
    if port_is_one && is_host { Ok(one_name(text).to_owned()) } else { Err(no_host()) }
}

/// Reads the name of a repository at a host; `nginx` at Docker Hub is `library/nginx`.
///
/// # Errors
/// [`ReferenceError`], which says what part of it is wrong.
pub fn repository(host: &str, name: &str) -> Result<String, ReferenceError> {
    let image = ImageReference::parse(&format!("{host}/{name}"))?;
    // A tag or a digest behind it belongs to an image, not to a repository.
    match name.find([':', '@']) {
        Some(at) => Err(ReferenceError::Part { name: name.to_owned(), part: name[at..].to_owned() }),
        None => Ok(image.repository().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn docker_hub_has_one_name_here() {
        for name in ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"] {
            assert_eq!(parse(name).unwrap(), "docker.io", "{name}");
        }
        assert_eq!(api_of("docker.io"), "registry-1.docker.io");
        assert_eq!(api_of("quay.io"), "quay.io");
        assert_eq!(repository("docker.io", "nginx").unwrap(), "library/nginx");
        assert_eq!(repository("quay.io", "nginx").unwrap(), "nginx");
    }

    #[test]
    fn what_is_no_host_is_refused_and_named() {
        for host in ["quay.io", "localhost", "localhost:5000", "127.0.0.1:443", "a-b.example.com:8443"] {
            assert_eq!(parse(host).unwrap(), host);
        }
        for odd in ["registry", "a.b/c", "https://a.b", "a.b:", "a.b:x", "a.b:0", "a.b:99999", "user@a.b", "a b.c", "a.b?c", "-a.b"] {
            let error = parse(odd).unwrap_err();
            assert!(error.to_string().contains(odd), "{odd}: {error}");
        }
        assert_eq!(parse(""), Err(ReferenceError::Empty));
    }

    #[test]
    fn a_repository_is_a_name_without_a_version() {
        assert_eq!(repository("a.b", "team/app/web").unwrap(), "team/app/web");
        for odd in ["", "a:1", "a@sha256:12", "A", "a//b", "../a", "a/..", "a b", "a?b", "a%2fb"] {
            assert!(repository("a.b", odd).is_err(), "{odd}");
        }
    }
}
