//! What an engine or a registry says about a build or a push, in words that a person can act on. The texts are those of Docker 20.10 and newer,
//! Harbor and docker's registry.

use lp_model::{Message, message};

type Plain = fn() -> Message;

/// The first text that is found counts.
const TROUBLES: [(&str, Plain); 23] = [
    ("no basic auth credentials", || {
        message!("no login was sent for this registry: give the step `username` and `password`, or log in with `docker login`")
    }),
    ("incorrect username or password", || message!("the registry does not know this name and password")),
    ("unauthorized: authentication required", || message!("the name or the password is wrong, or the login has expired")),
    ("will exceed the configured upper limit", || {
        message!("the project at the registry is full (quota): remove old images there, or ask for more room")
    }),
    ("configured as immutable", || message!("this tag may not be pushed again (immutable): choose another tag")),
    ("immutable", || message!("this tag may not be pushed again (immutable): choose another tag")),
    ("requested access to the resource is denied", || {
        message!("the login is right or missing, but it may not push there, or the repository does not exist")
    }),
    ("unauthorized to access repository", || message!("the login is right, but it may not push there, or the project does not exist")),
    ("unauthorized", || message!("the name or the password is wrong, or the login has expired")),
    ("denied", || message!("the registry refuses it: look at the rights of the login")),
    ("signed by unknown authority", || {
        message!(
            "the container engine does not know who signed the certificate of the registry: put it at `/etc/docker/certs.d/HOST:PORT/ca.crt` on the engine's computer"
        )
    }),
    ("certificate is valid for", || message!("the certificate of the registry was made for another name")),
    ("relies on legacy Common Name field", || {
        message!(
            "the certificate of the registry has no name in the place where names are looked for (subjectAltName): have a new one made"
        )
    }),
    ("server gave HTTP response to HTTPS client", || {
        message!("the registry speaks plain http, which the engine allows only for registries on its list `insecure-registries`")
    }),
    ("toomanyrequests", || message!("Docker Hub allows no more for now: wait, or sign in")),
    ("no such host", || message!("the engine finds no computer of this name")),
    ("connection refused", || message!("the registry does not answer: nobody listens there")),
    ("i/o timeout", || message!("the registry does not answer in time")),
    ("manifest unknown", || message!("the registry has no image of this name and version")),
    ("manifest for", || message!("the registry has no image of this name and version")),
    ("pull access denied", || message!("there is no such image, or only a login may have it")),
    ("no space left on device", || message!("the disk of the engine is full: remove old images there")),
    ("invalid reference format", || message!("the name or the tag of the image is none that a registry takes")),
];

/// What that means; `None` for what explains itself.
pub(super) fn meaning(text: &str) -> Option<Message> {
    TROUBLES.iter().find(|(part, _)| text.contains(part)).map(|(_, plain)| plain())
}

/// Whether the same may go well a moment later: the line to the registry was lost, or the registry has too much to do.
pub(super) fn may_pass(text: &str) -> bool {
    const PASSING: [&str; 14] = [
        "connection refused",
        "connection reset",
        "broken pipe",
        "i/o timeout",
        "TLS handshake timeout",
        "unexpected EOF",
        ": EOF",
        "toomanyrequests",
        "500 Internal Server Error",
        "502 Bad Gateway",
        "503 Service Unavailable",
        "504 Gateway",
        "received unexpected HTTP status: 5",
        "server misbehaving",
    ];
    PASSING.iter().any(|part| text.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_engines_have_a_meaning_and_some_of_them_pass() {
        let table = [
            ("unauthorized: authentication required", true, false),
            (
                "denied: adding 1.2 MiB of storage resource, which when updated to current usage of 2 GiB will exceed the configured upper limit of 2 GiB.",
                true,
                false,
            ),
            ("Get \"https://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused", true, true),
            ("received unexpected HTTP status: 503 Service Unavailable", false, true),
            ("The command '/bin/sh -c false' returned a non-zero code: 1", false, false),
        ];
        for (text, has_meaning, passes) in table {
            assert_eq!((meaning(text).is_some(), may_pass(text)), (has_meaning, passes), "{text}");
        }
        let quota = meaning(table[1].0).unwrap().to_string();
        assert!(quota.contains("quota"), "the more exact one comes first: {quota}");
    }
}
