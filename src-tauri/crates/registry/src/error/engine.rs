//! What container engines say of registries, as errors of the same kinds.

use super::{Action, Asker, ErrorKind, RateLimits, RegistryError};
use lp_model::Message;

/// Makes the kind of what was said.
type Kind = fn(&str) -> ErrorKind;

/// What stands in a text, and the kind that it means. The first that is found counts. Texts of Docker 20.10 and newer (moby `distribution`,
/// `registry`), of containerd, Podman and Harbor.
const TEXTS: [(&str, Kind); 27] = [
    ("no basic auth credentials", |_| ErrorKind::Unauthorized { with_login: false }),
    ("toomanyrequests", |_| ErrorKind::TooManyRequests { limits: RateLimits::default() }),
    ("too many requests", |_| ErrorKind::TooManyRequests { limits: RateLimits::default() }),
    ("will exceed the configured upper limit", |said| ErrorKind::Quota { said: said.to_owned() }),
    ("configured as immutable", |_| ErrorKind::ImmutableTag { tag: String::new() }),
    ("due to configured policy", |said| ErrorKind::Policy { said: said.to_owned() }),
    ("requested access to the resource is denied", denied),
    ("unauthorized to access repository", denied),
    ("insufficient_scope", denied),
    ("incorrect username or password", |_| ErrorKind::Unauthorized { with_login: true }),
    ("authentication required", |_| ErrorKind::Unauthorized { with_login: true }),
    ("unauthorized", |_| ErrorKind::Unauthorized { with_login: true }),
    ("certificate signed by unknown authority", |_| ErrorKind::UnknownAuthority),
    ("certificate is valid for", |said| ErrorKind::WrongName { reason: Message::verbatim(said) }),
    ("relies on legacy Common Name", |said| ErrorKind::WrongName { reason: Message::verbatim(said) }),
    ("cannot validate certificate for", |said| ErrorKind::WrongName { reason: Message::verbatim(said) }),
    ("x509:", |said| ErrorKind::Certificate { reason: Message::verbatim(said) }),
    ("server gave HTTP response to HTTPS client", |_| ErrorKind::PlainAnswer),
    ("HTTP request to an HTTPS server", |_| ErrorKind::EncryptionWanted),
    ("connection refused", unreachable),
    ("no such host", unreachable),
    ("no route to host", unreachable),
    ("i/o timeout", unreachable),
    ("TLS handshake timeout", unreachable),
    ("Client.Timeout exceeded", unreachable),
    ("name unknown", |_| ErrorKind::NoRepository),
    ("manifest unknown", |said| ErrorKind::NoManifest { reference: said.to_owned() }),
];

fn unreachable(said: &str) -> ErrorKind {
    ErrorKind::Unreachable { reason: Message::verbatim(said) }
}

fn denied(said: &str) -> ErrorKind {
    ErrorKind::Denied { action: Action::Pull, said: said.to_owned() }
}

impl RegistryError {
    /// What an engine said when it was to pull an image from a registry or to push one, `reference` being its tag or digest. `None` when nothing is known of such a text.
    pub fn of_engine(host: &str, repository: &str, reference: &str, action: Action, said: &str) -> Option<Self> {
        let said = said.trim();
        let (_, kind) = TEXTS.iter().find(|(part, _)| said.contains(part))?;
        let kind = match kind(said) {
            ErrorKind::Denied { said, .. } => ErrorKind::Denied { action, said },
            ErrorKind::NoManifest { .. } => ErrorKind::NoManifest { reference: reference.to_owned() },
            ErrorKind::ImmutableTag { .. } => ErrorKind::ImmutableTag { tag: reference.to_owned() },
            kind => kind,
        };
        Some(Self { asker: Asker::Engine, ..Self::new(host, Some(repository), kind) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_engines_have_a_meaning() {
        let table = [
            ("no basic auth credentials", "`r.io` wants a login, and there is none"),
            ("unauthorized: authentication required", "`r.io` does not accept the login"),
            (
                "denied: requested access to the resource is denied",
                "the login may not push to `r.io/a/b`: denied: requested access to the resource is denied",
            ),
            (
                "unauthorized: unauthorized to access repository: a/b, action: push: unauthorized to access repository: a/b, action: push",
                "the login may not push to `r.io/a/b`: unauthorized: unauthorized to access repository: a/b, action: push: unauthorized to access repository: a/b, action: push",
            ),
            (
                "Get \"https://r.io/v2/\": x509: certificate signed by unknown authority",
                "the container engine does not know the authority that signed the certificate of `r.io`",
            ),
            (
                "Get \"https://r.io/v2/\": http: server gave HTTP response to HTTPS client",
                "`r.io` answers the container engine without encryption",
            ),
            (
                "dial tcp 10.0.0.1:443: connect: connection refused",
                "the container engine cannot reach `r.io`: dial tcp 10.0.0.1:443: connect: connection refused",
            ),
            ("manifest for a/b:1 not found: manifest unknown: manifest unknown", "there is no image `r.io/a/b:1`"),
            ("toomanyrequests: You have reached your pull rate limit", "`r.io` was asked too often"),
            (
                "unknown: Failed to process request due to 'b:1' configured as immutable.",
                "the tag `1` in `r.io/a/b` is immutable and stays as it is",
            ),
            (
                "denied: adding 1 MiB of storage resource, which when updated to current usage of 1 GiB will exceed the configured upper limit of 1 GiB.",
                "there is no room left for `r.io/a/b`: denied: adding 1 MiB of storage resource, which when updated to current usage of 1 GiB will exceed the configured upper limit of 1 GiB.",
            ),
        ];
        for (said, expected) in table {
            let error = RegistryError::of_engine("r.io", "a/b", "1", Action::Push, said).unwrap_or_else(|| panic!("{said}"));
            assert_eq!(error.to_string(), expected);
            assert_eq!(error.asker, Asker::Engine);
        }
        assert_eq!(RegistryError::of_engine("r.io", "a/b", "1", Action::Pull, "something else"), None);
    }
}
