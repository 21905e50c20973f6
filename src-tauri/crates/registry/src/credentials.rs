//! Who we are for a registry, and how that is read from the file that `docker login` writes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lp_model::image::DEFAULT_HOST;
use lp_secret::SecretValue;
use serde_json::Value;

/// Name and password for a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// User name; may be shown.
    pub username: String,
    /// Password or token.
    pub password: SecretValue,
}

/// Why a `config.json` cannot be used. Says where, never what stands there: the file holds passwords.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// Not JSON.
    #[error("the registry login file is not JSON (line {line}, column {column})")]
    Syntax {
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
    },
    /// The entry of the host has another shape than it should.
    #[error("the login for `{host}` in the registry login file cannot be read")]
    Entry {
        /// The host.
        host: String,
    },
}

impl Credentials {
    /// Finds the login for a registry host ([`crate::ImageReference::host`]) in the text of a Docker `config.json`: its `auths` only
    /// (`credsStore` and `credHelpers` name programs, which a pure function does not start). `None` when there is none.
    pub fn from_docker_config(text: &str, host: &str) -> Result<Option<Self>, ConfigError> {
        let config: Value =
            serde_json::from_str(text).map_err(|error| ConfigError::Syntax { line: error.line(), column: error.column() })?;
        let Some(auths) = config.get("auths").and_then(Value::as_object) else {
            return Ok(None);
        };
        // An exact key wins over one that merely means the same host.
        let entry = auths.get(host).or_else(|| auths.iter().find(|(key, _)| host_of(key) == host_of(host)).map(|(_, entry)| entry));
        match entry {
            Some(entry) => read_entry(entry).ok_or_else(|| ConfigError::Entry { host: host.to_owned() }),
            None => Ok(None),
        }
    }
}

/// `Some(None)` is an empty entry: a credential store holds the password, we have none.
fn read_entry(entry: &Value) -> Option<Option<Credentials>> {
    let entry = entry.as_object()?;
    let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    if let Some(auth) = text("auth") {
        let decoded = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
        let (username, password) = decoded.split_once(':')?;
        // Old versions of Docker end the password with NULs.
        let password = password.trim_end_matches('\0');
        return Some(Some(Credentials { username: username.to_owned(), password: SecretValue::new(password) }));
    }
    match (text("username"), text("password")) {
        (Some(username), Some(password)) => Some(Some(Credentials { username: username.to_owned(), password: SecretValue::new(password) })),
        _ => Some(None),
    }
}

/// Host of a key of `auths`, which may be a host, or an address with scheme and path; Docker Hub has several names.
fn host_of(key: &str) -> &str {
    let without_scheme = key.split_once("://").map_or(key, |(_, rest)| rest);
    let host = without_scheme.split('/').next().unwrap_or(without_scheme);
    match host {
        "index.docker.io" | "registry-1.docker.io" | "registry.hub.docker.com" => DEFAULT_HOST,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(config: &str, host: &str) -> Option<(String, String)> {
        Credentials::from_docker_config(config, host).unwrap().map(|c| (c.username, c.password.expose().to_owned()))
    }

    #[test]
    fn finds_the_host() {
        // "ann:open:sesame"
        let config = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "YW5uOm9wZW46c2VzYW1l"},
            "harbor.example.com": {"username": "bob", "password": "x"},
            "http://localhost:5000": {"auth": "YW5uOg=="},
            "empty.example.com": {}
        }}"#;
        let pair = |user: &str, password: &str| Some((user.to_owned(), password.to_owned()));
        let table = [
            ("docker.io", pair("ann", "open:sesame")),
            ("harbor.example.com", pair("bob", "x")),
            ("localhost:5000", pair("ann", "")),
            ("localhost", None),
            ("empty.example.com", None),
            ("quay.io", None),
        ];
        for (host, expected) in table {
            assert_eq!(login(config, host), expected, "{host}");
        }
    }

    #[test]
    fn a_file_without_logins_has_none() {
        for config in ["{}", r#"{"auths": {}}"#, r#"{"auths": null}"#, r#"{"credsStore": "desktop"}"#] {
            assert_eq!(login(config, "docker.io"), None, "{config}");
        }
    }

    #[test]
    fn an_error_never_quotes_the_file() {
        let table = [
            r#"{"auths": {"x": {"auth": "hunter2 is no base64"}}}"#,
            r#"{"auths": {"x": "hunter2"}}"#,
            r#"{"auths": {"x": {"auth": "hunter2"#,
            r#"hunter2"#,
        ];
        for config in table {
            let error = Credentials::from_docker_config(config, "x").unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }
}
