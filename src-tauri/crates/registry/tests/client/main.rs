//! Registries over real connections: fakes on this computer for what a registry does seldom, Debian's `docker-registry` for what it does.
#![allow(missing_docs, clippy::unwrap_used)]

mod fake;
mod harbor;
mod images;
mod logins;
mod pages;
mod push;
mod real;
mod transport;

use lp_registry::{Client, ClientOptions, Credentials, ErrorKind, Proxy, Registry, RegistryError, Repository};

/// In no error and no `Debug` may it be found, nor its form in a header.
pub const PASSWORD: &str = "hunter2";

pub fn ann() -> Credentials {
    Credentials::password("ann", PASSWORD)
}

/// Straight, and without encryption to these hosts.
pub fn client(plain_hosts: &[&str]) -> Client {
    let plain_hosts = plain_hosts.iter().map(|host| (*host).to_owned()).collect();
    Client::new(&ClientOptions { plain_hosts, proxy: Proxy::None, ..ClientOptions::default() }).unwrap()
}

pub fn registry(fake: &fake::Fake, login: Option<Credentials>) -> Registry {
    client(&[&fake.host]).registry(&fake.host, login).unwrap()
}

pub fn repository(fake: &fake::Fake, login: Option<Credentials>) -> Repository {
    registry(fake, login).repository("team/app").unwrap()
}

/// The kind of an error, which is told in both languages and tells nothing of the login.
pub fn kind<T: std::fmt::Debug>(result: Result<T, RegistryError>) -> ErrorKind {
    let error = result.unwrap_err();
    let shown = format!("{error} {} {error:?}", error.hint());
    // `ann:hunter2` in base64.
    for secret in [PASSWORD, "YW5uOmh1bnRlcjI"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(error.told().untranslated().or(error.hint().untranslated()), None, "{shown}");
    *error.kind
}
