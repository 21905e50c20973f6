//! What an answer means that is no success.

use super::registry::Ask;
use super::transport::Answer;
use crate::Credentials;
use crate::error::{Action, ErrorKind, RateLimits};
use reqwest::header::LOCATION;
use serde_json::Value;

/// How much of what a registry said is kept, in characters.
const MOST_SAID: usize = 300;

/// What an answer says of its problem: the first entry of `errors` (distribution-spec, "Error Codes"; Harbor's API has the same form).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Problem {
    pub code: String,
    /// For people; cut, on one line, without anything of the login.
    pub said: String,
    /// A digest that it names.
    pub digest: Option<String>,
}

impl Problem {
    pub(crate) fn read(answer: &Answer, login: Option<&Credentials>) -> Self {
        let clean = |text: &str| said(text, login);
        let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else {
            // Pages for browsers say nothing in their first line.
            let is_text = answer.header("content-type").is_none_or(|media_type| media_type.starts_with("text/plain"));
            let text = if is_text { std::str::from_utf8(&answer.body).unwrap_or_default() } else { "" };
            return Self { said: clean(text), ..Self::default() };
        };
        let first = &body["errors"][0];
        let text = |key: &str| first[key].as_str().unwrap_or_default();
        let digest = first["detail"]["digest"].as_str().or_else(|| first["detail"]["Digest"].as_str());
        Self { code: text("code").to_owned(), said: clean(text("message")), digest: digest.map(clean) }
    }
}

fn said(text: &str, login: Option<&Credentials>) -> String {
    let secret = match login {
        Some(Credentials::Password { password, .. }) => password,
        Some(Credentials::IdentityToken(token) | Credentials::RegistryToken(token)) => token,
        None => return one_line(text),
    };
    let secret = secret.expose();
    if secret.is_empty() { one_line(text) } else { one_line(&text.replace(secret, "***")) }
}

fn one_line(text: &str) -> String {
    let line: String = text.trim().chars().take(MOST_SAID).map(|c| if c.is_control() { ' ' } else { c }).collect();
    line.trim_end().to_owned()
}

/// What it means.
pub(super) fn kind(answer: &Answer, problem: &Problem, ask: &Ask<'_>) -> ErrorKind {
    let status = answer.status.as_u16();
    let (code, said) = (problem.code.as_str(), problem.said.clone());
    let has = |part: &str| said.contains(part);
    match (status, code) {
        (429, _) | (_, "TOOMANYREQUESTS") => ErrorKind::TooManyRequests { limits: RateLimits::read(&answer.headers) },
        (_, "MANIFEST_BLOB_UNKNOWN" | "BLOB_UNKNOWN") => ErrorKind::NoBlob { digest: problem.digest.clone().unwrap_or(said) },
        (405, _) | (400 | 404, "UNSUPPORTED") if ask.action == Action::Delete => ErrorKind::DeleteOff,
        (_, "NAME_UNKNOWN") => ErrorKind::NoRepository,
        // Harbor's `/v2` names the kind of thing only in words.
        (404, "NOT_FOUND") if said.starts_with("repository ") => ErrorKind::NoRepository,
        (404, _) => with_said(&ask.missing, said),
        (412, _) if has("immutable") => ErrorKind::ImmutableTag { tag: ask.tag.unwrap_or_default().to_owned() },
        (412, _) if code == "PROJECTPOLICYVIOLATION" || has("configured policy") => ErrorKind::Policy { said },
        (_, "PROJECTPOLICYVIOLATION") => ErrorKind::Policy { said },
        (403, _) if has("will exceed the configured upper limit") => ErrorKind::Quota { said },
        (403, _) => ErrorKind::Denied { action: ask.action, said },
        (409, _) => ErrorKind::Exists { said },
        (400, _) if has("HTTP request to an HTTPS server") => ErrorKind::EncryptionWanted,
        (300..=399, _) => match answer.header(LOCATION.as_str()).and_then(|text| answer.url.join(text).ok()) {
            Some(target) if target.origin() != answer.url.origin() => ErrorKind::OtherHost { other: super::transport::place(&target) },
            _ => ErrorKind::Refused { status, said },
        },
        _ => ErrorKind::Refused { status, said },
    }
}

fn with_said(missing: &ErrorKind, said: String) -> ErrorKind {
    match missing {
        ErrorKind::Missing { .. } => ErrorKind::Missing { said },
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::transport::Call;
    use super::*;
    use reqwest::{Method, StatusCode};
    use url::Url;

    fn answer(status: u16, media_type: &str, body: &str) -> Answer {
        Answer {
            status: StatusCode::from_u16(status).unwrap(),
            headers: [("content-type".parse().unwrap(), media_type.parse().unwrap())].into_iter().collect(),
            body: body.to_owned().into(),
            url: Url::parse("https://r.example.com/v2/").unwrap(),
        }
    }

    fn kind_of(status: u16, action: Action, body: &str) -> ErrorKind {
        let answer = answer(status, "application/json", body);
        let call = Call::new(Method::PUT, answer.url.clone(), 0);
        let missing = ErrorKind::NoManifest { reference: "1".into() };
        let ask = Ask { call, repository: Some("a"), scopes: Vec::new(), action, missing, tag: Some("1") };
        kind(&answer, &Problem::read(&answer, None), &ask)
    }

    fn error(code: &str, message: &str) -> String {
        serde_json::json!({"errors": [{"code": code, "message": message, "detail": null}]}).to_string()
    }

    #[test]
    fn answers_of_registries_have_a_meaning() {
        let no_manifest = || ErrorKind::NoManifest { reference: "1".into() };
        let quota = "adding 1 MiB of storage resource, which when updated to current usage of 1 GiB will exceed the configured upper limit of 1 GiB.";
        let policy = "current image with 37 vulnerabilities cannot be pulled due to configured policy in 'x'.";
        let table = [
            (404, Action::Pull, error("NAME_UNKNOWN", "repository name not known to registry"), ErrorKind::NoRepository),
            (404, Action::Pull, error("MANIFEST_UNKNOWN", "manifest unknown"), no_manifest()),
            (404, Action::Pull, error("NOT_FOUND", "repository team/x not found"), ErrorKind::NoRepository),
            (404, Action::Pull, error("NOT_FOUND", "artifact team/x:1 not found"), no_manifest()),
            (404, Action::Pull, "404 page not found".into(), no_manifest()),
            (405, Action::Delete, error("UNSUPPORTED", "The operation is unsupported."), ErrorKind::DeleteOff),
            (400, Action::Delete, error("UNSUPPORTED", "The operation is unsupported."), ErrorKind::DeleteOff),
            (405, Action::Pull, String::new(), ErrorKind::Refused { status: 405, said: String::new() }),
            (403, Action::Push, error("DENIED", quota), ErrorKind::Quota { said: quota.into() }),
            (403, Action::Push, error("DENIED", "no"), ErrorKind::Denied { action: Action::Push, said: "no".into() }),
            (
                412,
                Action::Push,
                error("PRECONDITION", "Failed to process request due to 'a:1' configured as immutable."),
                ErrorKind::ImmutableTag { tag: "1".into() },
            ),
            (412, Action::Pull, error("PROJECTPOLICYVIOLATION", policy), ErrorKind::Policy { said: policy.into() }),
            (429, Action::Pull, error("TOOMANYREQUESTS", "x"), ErrorKind::TooManyRequests { limits: RateLimits::default() }),
            (409, Action::Push, error("CONFLICT", "x"), ErrorKind::Exists { said: "x".into() }),
            (500, Action::Push, error("UNKNOWN", "unknown error"), ErrorKind::Refused { status: 500, said: "unknown error".into() }),
            (
                400,
                Action::Push,
                r#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"x","detail":{"digest":"sha256:ab"}}]}"#.into(),
                ErrorKind::NoBlob { digest: "sha256:ab".into() },
            ),
        ];
        for (status, action, body, expected) in table {
            assert_eq!(kind_of(status, action, &body), expected, "{status} {body}");
        }
    }

    #[test]
    fn what_a_registry_says_is_cut_and_cleared_of_the_login() {
        let login = Credentials::password("ann", "hunter2");
        let long = format!("no\n\u{1b}[31m {} hunter2", "x".repeat(400));
        let read = |body: &str, media_type: &str| Problem::read(&answer(400, media_type, body), Some(&login)).said;
        assert_eq!(read("password hunter2 is wrong\r\n", "text/plain; charset=utf-8"), "password *** is wrong");
        assert_eq!(read(&error("X", "hunter2"), "application/json"), "***");
        assert_eq!(read(&long, "text/plain").chars().count(), 300);
        assert!(read(&long, "text/plain").starts_with("no  [31m xx"));
        assert_eq!(read("<html>hunter2", "text/html"), "");
        let token = Credentials::RegistryToken(lp_secret::SecretValue::new("hunter2"));
        assert_eq!(Problem::read(&answer(400, "text/plain", "hunter2"), Some(&token)).said, "***");
    }
}
