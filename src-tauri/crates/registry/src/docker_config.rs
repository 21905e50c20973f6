//! The files in which `docker login` and `podman login` keep logins: Docker's `config.json` and the `auth.json` of the containers tools, which
//! has the same form. Which entry counts is decided in the order of the `docker` command (docker/cli `cli/config/configfile`,
//! `cli/config/credentials`): a helper of the host, else the helper for all, else what stands in the file.

use crate::Credentials;
use crate::host::one_name;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lp_model::image::DEFAULT_HOST;
use lp_model::{ImageReference, Message, message};
use lp_secret::SecretValue;
use serde_json::{Map, Value};

/// The key of Docker Hub wherever logins are kept.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// The name that a helper gives for a secret that is an identity token.
const TOKEN_NAME: &str = "<token>";

/// What a helper says when it has no login, on its standard output, with exit code 1 (docker-credential-helpers, `credentials/error.go`).
const NOT_FOUND: &str = "credentials not found in native keychain";

/// Why a file with logins cannot be used. Says where, never what stands there: the file holds passwords.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum ConfigError {
    /// Not JSON.
    Syntax {
        /// Line from 1.
        line: usize,
        /// Column from 1.
        column: usize,
    },
    /// The entry of the host has another shape than it should.
    Entry {
        /// The host.
        host: String,
    },
    /// The file names a helper that can be no program.
    HelperName {
        /// As written.
        helper: String,
    },
}

impl ConfigError {
    /// Where the file cannot be used.
    pub fn told(&self) -> Message {
        match self {
            Self::Syntax { line, column } => message!("the registry login file is not JSON (line {}, column {})", line, column),
            Self::Entry { host } => message!("the login for `{}` in the registry login file cannot be read", host),
            Self::HelperName { helper } => {
                message!("`{}` in the registry login file is no name of a credential helper", helper)
            }
        }
    }
}

/// Where the login for an image is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Login {
    /// Nowhere.
    None,
    /// In the file.
    Here(Credentials),
    /// A program knows it.
    Helper(Helper),
}

/// A program that keeps logins: it is started with the argument `get`, reads [`Helper::server`] and answers on its standard output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Helper {
    /// `docker-credential-NAME`.
    pub program: String,
    /// What it is asked for.
    pub server: String,
}

/// What a helper answered, when it is of no use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum HelperError {
    /// It failed; these are its own words, which it means for people.
    Refused(String),
    /// Its answer has another form than it should.
    Form,
}

impl HelperError {
    /// Why the answer is of no use.
    pub fn told(&self) -> Message {
        match self {
            Self::Refused(said) => message!("it says: {}", said),
            Self::Form => message!("its answer cannot be read"),
        }
    }
}

impl Helper {
    /// Reads what it printed, and whether its exit code was 0. `None`: it has no login for the server, which is no failure.
    ///
    /// # Errors
    /// When it failed for another reason, or answered in another form. The answer itself is never told: it holds a password.
    pub fn read(&self, printed: &str, succeeded: bool) -> Result<Option<Credentials>, HelperError> {
        if !succeeded {
            let said = printed.trim();
            return if said.contains(NOT_FOUND) { Ok(None) } else { Err(HelperError::Refused(said.chars().take(200).collect())) };
        }
        let answer: Value = serde_json::from_str(printed).map_err(|_| HelperError::Form)?;
        let text = |key: &str| answer.get(key).and_then(Value::as_str);
        let (username, secret) = text("Username").zip(text("Secret")).ok_or(HelperError::Form)?;
        Ok(match (username, secret) {
            ("", "") => None,
            (TOKEN_NAME, token) => Some(Credentials::IdentityToken(SecretValue::new(token))),
            (username, password) => Some(Credentials::password(username, password)),
        })
    }
}

/// A file with logins.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DockerConfig {
    auths: Map<String, Value>,
    cred_helpers: Map<String, Value>,
    creds_store: String,
}

impl DockerConfig {
    /// Reads its text.
    ///
    /// # Errors
    /// [`ConfigError::Syntax`].
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let config: Value =
            serde_json::from_str(text).map_err(|error| ConfigError::Syntax { line: error.line(), column: error.column() })?;
        let map = |key: &str| config.get(key).and_then(Value::as_object).cloned().unwrap_or_default();
        let creds_store = config.get("credsStore").and_then(Value::as_str).unwrap_or_default().to_owned();
        Ok(Self { auths: map("auths"), cred_helpers: map("credHelpers"), creds_store })
    }

    /// Where the login for an image is.
    ///
    /// # Errors
    /// [`ConfigError::Entry`], [`ConfigError::HelperName`].
    pub fn login(&self, image: &ImageReference) -> Result<Login, ConfigError> {
        let host = image.host();
        let server = if host == DEFAULT_HOST { HUB_KEY } else { host };
        let helper = self.cred_helpers.get(server).and_then(Value::as_str).filter(|name| !name.is_empty());
        if let Some(name) = helper.or(Some(self.creds_store.as_str()).filter(|name| !name.is_empty())) {
            return Ok(Login::Helper(Helper { program: program(name)?, server: server.to_owned() }));
        }
        let Some(entry) = self.entry(image, server) else { return Ok(Login::None) };
        let read = read_entry(entry).ok_or_else(|| ConfigError::Entry { host: host.to_owned() })?;
        Ok(read.map_or(Login::None, Login::Here))
    }

    /// The entry that means an image: the one for the longest beginning of its name (`quay.io/team/app`, `quay.io/team`, `quay.io`, as containers/image
    /// has them), else the one for the registry's address, else the only one for its host.
    fn entry(&self, image: &ImageReference, server: &str) -> Option<&Value> {
        let host = image.host();
        let whole = format!("{host}/{}", image.repository());
        let mut part = whole.as_str();
        loop {
            let meant = |(key, _): &(&String, &Value)| !key.contains("://") && canonical(key) == part;
            if let Some((_, entry)) = self.auths.iter().find(meant) {
                return Some(entry);
            }
            match part.rsplit_once('/') {
                Some((shorter, _)) => part = shorter,
                None => break,
            }
        }
        if let Some(entry) = self.auths.get(server) {
            return Some(entry);
        }
        let of_host = || self.auths.iter().filter(|(key, _)| host_of(key) == host);
        // An address of the registry as a whole counts for all of its images.
        let registry = of_host().find(|(key, _)| key.contains("://") || is_api(key));
        let mut all = of_host();
        let only = all.next().filter(|_| all.next().is_none());
        registry.or(only).map(|(_, entry)| entry)
    }

    /// All hosts that the file has a login for, or a helper, each once, in the order of their names.
    pub fn hosts(&self) -> Vec<&str> {
        let mut hosts: Vec<&str> = self.auths.keys().chain(self.cred_helpers.keys()).map(|key| host_of(key)).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts
    }
}

fn program(name: &str) -> Result<String, ConfigError> {
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if is_name { Ok(format!("docker-credential-{name}")) } else { Err(ConfigError::HelperName { helper: name.to_owned() }) }
}

/// `Some(None)` is an empty entry: a credential store held the password.
fn read_entry(entry: &Value) -> Option<Option<Credentials>> {
    let entry = entry.as_object()?;
    let text = |key: &str| entry.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    // What stands beside a token is a made-up name and an empty password.
    if let Some(token) = text("identitytoken") {
        return Some(Some(Credentials::IdentityToken(SecretValue::new(token))));
    }
    if let Some(token) = text("registrytoken") {
        return Some(Some(Credentials::RegistryToken(SecretValue::new(token))));
    }
    if let Some(auth) = text("auth") {
        let decoded = String::from_utf8(STANDARD.decode(auth.trim()).ok()?).ok()?;
        let (username, password) = decoded.split_once(':')?;
        // Old versions of Docker end the password with NULs.
        return Some(Some(Credentials::password(username, password.trim_end_matches('\0'))));
    }
    Some(text("username").zip(text("password")).map(|(username, password)| Credentials::password(username, password)))
}

/// A key of `auths` without the last slash, and with the one name of Docker Hub.
fn canonical(key: &str) -> String {
    let key = key.trim_end_matches('/');
    let (host, rest) = key.split_once('/').map_or((key, None), |(host, rest)| (host, Some(rest)));
    let host = one_name(host);
    rest.map_or_else(|| host.to_owned(), |rest| format!("{host}/{rest}"))
}

/// Host of a key of `auths`, which may be a host, a beginning of an image's name, or an address with scheme and path.
fn host_of(key: &str) -> &str {
    let without_scheme = key.split_once("://").map_or(key, |(_, rest)| rest);
    one_name(without_scheme.split('/').next().unwrap_or(without_scheme))
}

/// Whether a key without a scheme is the address of a registry's API.
fn is_api(key: &str) -> bool {
    key.split_once('/').is_some_and(|(_, path)| matches!(path.trim_end_matches('/'), "v1" | "v2"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn login(config: &str, image: &str) -> String {
        let image = ImageReference::parse(image).unwrap();
        match DockerConfig::parse(config).unwrap().login(&image).unwrap() {
            Login::None => "none".to_owned(),
            Login::Here(Credentials::Password { username, password }) => format!("{username}:{}", password.expose()),
            Login::Here(Credentials::IdentityToken(token)) => format!("identity {}", token.expose()),
            Login::Here(Credentials::RegistryToken(token)) => format!("registry {}", token.expose()),
            Login::Helper(helper) => format!("{} {}", helper.program, helper.server),
        }
    }

    #[test]
    fn the_entry_of_the_host_counts() {
        // "ann:open:sesame"
        let config = r#"{"auths": {
            "https://index.docker.io/v1/": {"auth": "YW5uOm9wZW46c2VzYW1l"},
            "harbor.example.com": {"username": "bob", "password": "x"},
            "http://localhost:5000": {"auth": "YW5uOg=="},
            "old.example.com/v2/": {"username": "eve", "password": "y"},
            "empty.example.com": {}
        }}"#;
        let table = [
            ("node", "ann:open:sesame"),
            ("harbor.example.com/a/b:1", "bob:x"),
            ("localhost:5000/a", "ann:"),
            ("old.example.com/team/app", "eve:y"),
            ("localhost/a", "none"),
            ("empty.example.com/a", "none"),
            ("quay.io/a", "none"),
        ];
        for (image, expected) in table {
            assert_eq!(login(config, image), expected, "{image}");
        }
    }

    #[test]
    fn the_longest_beginning_of_the_name_counts() {
        let config = r#"{"auths": {
            "quay.io": {"username": "all", "password": "1"},
            "quay.io/a": {"username": "a", "password": "2"},
            "quay.io/a/b": {"username": "ab", "password": "3"},
            "one.example.com/team": {"username": "one", "password": "4"},
            "two.example.com/a": {"username": "x", "password": "5"},
            "two.example.com/b": {"username": "y", "password": "6"},
            "docker.io/library": {"username": "hub", "password": "7"}
        }}"#;
        let table = [
            ("quay.io/a/b/c", "ab:3"),
            ("quay.io/a/x", "a:2"),
            ("quay.io/ab", "all:1"),
            ("one.example.com/other/app", "one:4"),
            ("two.example.com/b/c", "y:6"),
            ("two.example.com/c", "none"),
            ("node", "hub:7"),
        ];
        for (image, expected) in table {
            assert_eq!(login(config, image), expected, "{image}");
        }
    }

    #[test]
    fn a_token_counts_before_what_stands_beside_it() {
        let config = r#"{"auths": {
            "x.azurecr.io": {"auth": "MDAwMDAwMDAtMDAwMC0wMDAwLTAwMDAtMDAwMDAwMDAwMDAwOg==", "identitytoken": "eyJ0"},
            "r.example.com": {"registrytoken": "abc"}
        }}"#;
        assert_eq!(login(config, "x.azurecr.io/app"), "identity eyJ0");
        assert_eq!(login(config, "r.example.com/app"), "registry abc");
    }

    #[test]
    fn a_helper_is_asked_instead_of_the_file() {
        let config = r#"{"auths": {"a.example.com": {"username": "in", "password": "file"}, "https://index.docker.io/v1/": {}},
            "credHelpers": {"gcr.io": "gcloud"}, "credsStore": "desktop"}"#;
        let table = [
            ("gcr.io/x/y", "docker-credential-gcloud gcr.io"),
            ("a.example.com/x", "docker-credential-desktop a.example.com"),
            // The only name of the Hub that helpers know.
            ("node", "docker-credential-desktop https://index.docker.io/v1/"),
        ];
        for (image, expected) in table {
            assert_eq!(login(config, image), expected, "{image}");
        }
        let only_one = config.replace(r#""desktop""#, r#""""#);
        assert_eq!(login(&only_one, "a.example.com/x"), "in:file");
        let odd = DockerConfig::parse(r#"{"credsStore": "../../bin/sh"}"#).unwrap().login(&ImageReference::parse("a").unwrap());
        assert_eq!(odd, Err(ConfigError::HelperName { helper: "../../bin/sh".into() }));
    }

    #[test]
    fn answers_of_helpers() {
        let helper = Helper { program: "docker-credential-x".into(), server: "a".into() };
        let password = helper.read(r#"{"ServerURL":"a","Username":"ann","Secret":"x"}"#, true);
        assert_eq!(password, Ok(Some(Credentials::password("ann", "x"))));
        let token = helper.read(r#"{"ServerURL":"a","Username":"<token>","Secret":"x"}"#, true);
        assert_eq!(token, Ok(Some(Credentials::IdentityToken(SecretValue::new("x")))));
        assert_eq!(helper.read("credentials not found in native keychain\n", false), Ok(None));
        assert_eq!(helper.read("the keychain is locked\n", false), Err(HelperError::Refused("the keychain is locked".into())));
        for odd in ["hunter2", r#"{"Secret":"hunter2"}"#] {
            assert_eq!(helper.read(odd, true), Err(HelperError::Form));
        }
    }

    #[test]
    fn a_file_without_logins_has_none() {
        for config in ["{}", r#"{"auths": {}}"#, r#"{"auths": null}"#, r#"{"credsStore": ""}"#] {
            assert_eq!(login(config, "node"), "none", "{config}");
        }
    }

    #[test]
    fn an_error_never_quotes_the_file() {
        let table = [
            r#"{"auths": {"x.y": {"auth": "hunter2 is no base64"}}}"#,
            r#"{"auths": {"x.y": "hunter2"}}"#,
            r#"{"auths": {"x.y": {"auth": "hunter2"#,
            r#"hunter2"#,
        ];
        for config in table {
            let image = ImageReference::parse("x.y/a").unwrap();
            let error = DockerConfig::parse(config).and_then(|config| config.login(&image)).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        }
    }

    #[test]
    fn hosts_are_named_once() {
        let config = r#"{"auths": {"https://index.docker.io/v1/": {}, "quay.io/a": {}, "quay.io/b": {}}, "credHelpers": {"gcr.io": "x"}}"#;
        assert_eq!(DockerConfig::parse(config).unwrap().hosts(), ["docker.io", "gcr.io", "quay.io"]);
    }
}
