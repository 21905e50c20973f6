//! Logins as an engine wants them in its headers.

use lp_registry::Credentials;
use serde_json::{Value, json};

/// One of them, for images of that host.
pub(super) fn json(host: &str, login: &Credentials) -> Value {
    match login {
        Credentials::Password { username, password } => json!({"username": username, "password": password.expose(), "serveraddress": host}),
        Credentials::IdentityToken(token) => json!({"identitytoken": token.expose(), "serveraddress": host}),
        Credentials::RegistryToken(token) => json!({"registrytoken": token.expose(), "serveraddress": host}),
    }
}

/// The key under which the login of a host stands among others.
pub(super) fn key(host: &str) -> &str {
    if host == "docker.io" { lp_model::DOCKER_HUB } else { host }
}
