//! What a registry wants to be shown: the challenges of its `WWW-Authenticate` headers.

use http_auth::parser::ChallengeParser;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// A challenge that can be met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// Name and password with every request.
    Basic,
    /// A token of a login service (docker/distribution, "Token Authentication Specification").
    Bearer(Service),
}

/// A login service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Service {
    /// Its address, which may have a query.
    pub realm: String,
    /// For whom it makes tokens.
    pub service: Option<String>,
}

/// The answer of a registry that wants a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// How it may be met; `None`: in no way that is known here.
    pub challenge: Option<Challenge>,
    /// The rights that it names, each `TYPE:NAME:ACTIONS`.
    pub scopes: Vec<String>,
    /// It knows whoever asks, and misses a right (RFC 6750, section 3.1).
    pub insufficient: bool,
}

/// Reads the challenges of an answer. Tokens are taken before passwords, which then go to the login service alone. A header that is broken counts up to where it
/// is.
pub(crate) fn read(headers: &HeaderMap) -> Wanted {
    let mut wanted = Wanted { challenge: None, scopes: Vec::new(), insufficient: false };
    let texts = headers.get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
    for challenge in texts.flat_map(|text| ChallengeParser::new(text).map_while(Result::ok)) {
        let value = |name: &str| {
            let found = challenge.params.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
            found.map(|(_, value)| value.to_unescaped()).filter(|value| !value.is_empty())
        };
        if challenge.scheme.eq_ignore_ascii_case("bearer") {
            let Some(realm) = value("realm") else { continue };
            if matches!(wanted.challenge, Some(Challenge::Bearer(_))) {
                continue;
            }
            wanted.challenge = Some(Challenge::Bearer(Service { realm, service: value("service") }));
            wanted.scopes = value("scope").map(|scopes| scopes.split(' ').map(str::to_owned).collect()).unwrap_or_default();
            wanted.insufficient = value("error").is_some_and(|error| error == "insufficient_scope");
        } else if challenge.scheme.eq_ignore_ascii_case("basic") && wanted.challenge.is_none() {
            wanted.challenge = Some(Challenge::Basic);
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(headers: &[&str]) -> Wanted {
        read(&headers.iter().map(|text| (WWW_AUTHENTICATE, text.parse().unwrap())).collect())
    }

    fn bearer(realm: &str, service: &str) -> Option<Challenge> {
        Some(Challenge::Bearer(Service { realm: realm.into(), service: Some(service.into()) }))
    }

    #[test]
    fn scopes_have_commas_in_them() {
        let one = wanted(&[r#"Bearer realm="https://auth.docker.io/token",service="registry.docker.io",scope="repository:a/b:pull,push""#]);
        assert_eq!(one.challenge, bearer("https://auth.docker.io/token", "registry.docker.io"));
        assert_eq!(one.scopes, ["repository:a/b:pull,push"]);
        assert!(!one.insufficient);
    }

    #[test]
    fn tokens_are_taken_before_passwords_in_one_header_or_two() {
        let bearer_text = r#"bearer Realm="https://a/t?x=1", service="s", error="insufficient_scope", scope="a b""#;
        let both = format!(r#"Basic realm="harbor", {bearer_text}"#);
        for headers in [vec![both.as_str()], vec![r#"Basic realm="harbor""#, bearer_text], vec![bearer_text, "Basic"]] {
            let wanted = wanted(&headers);
            assert_eq!(wanted.challenge, bearer("https://a/t?x=1", "s"), "{headers:?}");
            assert_eq!(wanted.scopes, ["a", "b"]);
            assert!(wanted.insufficient);
        }
    }

    #[test]
    fn what_cannot_be_met_is_no_challenge() {
        assert_eq!(wanted(&[r#"Basic realm="harbor""#]).challenge, Some(Challenge::Basic));
        for odd in ["", "Negotiate", r#"Digest realm="a", nonce="b""#, r#"Bearer service="s""#, r#"Bearer realm="unclosed"#, "=,=,"] {
            assert_eq!(wanted(&[odd]).challenge, None, "{odd}");
        }
    }
}
