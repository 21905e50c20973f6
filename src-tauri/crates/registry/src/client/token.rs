//! Tokens of login services.

use super::challenge::Service;
use super::transport::{Answer, Call, Transport, place};
use crate::Credentials;
use crate::error::{ErrorKind, RateLimits, RegistryError};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use lp_model::message;
use lp_secret::SecretValue;
use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use std::time::{Duration, Instant};
use url::Url;
use url::form_urlencoded::Serializer;

/// Largest answer of a login service, in bytes. Tokens for many rights have a few thousand.
const LARGEST_ANSWER: usize = 1 << 20;

/// How long a token counts whose service does not tell (docker/distribution, "Token Authentication Specification").
const LIFETIME_UNTOLD_S: u64 = 60;

/// Longest time that is believed: behind it a new one costs one request.
const LONGEST_LIFETIME_S: u64 = 3600;

/// What this program calls itself at a login service that wants to know.
const CLIENT_ID: &str = "letterpress";

/// A token, and until when it may be used.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub value: SecretValue,
    pub until: Instant,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: Option<String>,
    #[serde(default)]
    access_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// The `Authorization` of a name and a password.
pub(crate) fn basic(username: &str, password: &SecretValue) -> Option<HeaderValue> {
    let both = SecretValue::new(format!("{username}:{}", password.expose()));
    sensitive("Basic", &STANDARD.encode(both.expose()))
}

/// The `Authorization` of a token.
pub(super) fn bearer(token: &SecretValue) -> Option<HeaderValue> {
    sensitive("Bearer", token.expose())
}

/// A token that cannot stand in a header is as good as none: it is not sent, and the registry says that it wants a login.
fn sensitive(scheme: &str, value: &str) -> Option<HeaderValue> {
    let mut header = HeaderValue::from_str(&format!("{scheme} {value}")).ok()?;
    header.set_sensitive(true);
    Some(header)
}

/// Asks the service for a token with these rights, as who we are; without any it only says whether the login is right.
///
/// # Errors
/// [`ErrorKind::Unauthorized`], and whatever can happen to a request.
pub(super) async fn fetch(
    transport: &Transport,
    host: &str,
    service: &Service,
    scopes: &[String],
    login: Option<&Credentials>,
) -> Result<Token, RegistryError> {
    let failed = |kind| RegistryError::new(host, None, kind);
    let bad = |reason| failed(ErrorKind::BadAnswer { reason });
    let realm = Url::parse(&service.realm).map_err(|_| bad(message!("the address of its login service is none")))?;
    let answer = transport.send(call(realm.clone(), service, scopes, login)).await?;
    match answer.status {
        StatusCode::OK => {}
        // An identity token that is no longer accepted is a bad grant.
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN | StatusCode::BAD_REQUEST => {
            return Err(failed(ErrorKind::Unauthorized { with_login: login.is_some() }));
        }
        StatusCode::TOO_MANY_REQUESTS => return Err(too_many(&answer)),
        status => return Err(RegistryError::new(place(&realm), None, ErrorKind::Refused { status: status.as_u16(), said: String::new() })),
    }
    let unreadable = || bad(message!("its login service gave no token"));
    let read: TokenAnswer = serde_json::from_slice(&answer.body).map_err(|_| unreadable())?;
    let given = [read.token, read.access_token].into_iter().flatten().find(|token| !token.is_empty());
    let value = SecretValue::new(given.ok_or_else(unreadable)?);
    Ok(Token { value, until: Instant::now() + lifetime(read.expires_in) })
}

fn too_many(answer: &Answer) -> RegistryError {
    let limits = RateLimits::read(&answer.headers);
    RegistryError::new(place(&answer.url), None, ErrorKind::TooManyRequests { limits })
}

fn call(realm: Url, service: &Service, scopes: &[String], login: Option<&Credentials>) -> Call {
    let mut url = realm;
    if let Some(Credentials::IdentityToken(token)) = login {
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "refresh_token").append_pair("client_id", CLIENT_ID);
        if let Some(service) = &service.service {
            form.append_pair("service", service);
        }
        if !scopes.is_empty() {
            form.append_pair("scope", &scopes.join(" "));
        }
        form.append_pair("refresh_token", token.expose());
        let form = form.finish();
        return Call::new(Method::POST, url, LARGEST_ANSWER).with_body("application/x-www-form-urlencoded", form);
    }
    {
        let mut query = url.query_pairs_mut();
        if let Some(service) = &service.service {
            query.append_pair("service", service);
        }
        for scope in scopes {
            query.append_pair("scope", scope);
        }
    }
    let mut call = Call::new(Method::GET, url, LARGEST_ANSWER);
    if let Some(Credentials::Password { username, password }) = login
        && let Some(shown) = basic(username, password)
    {
        call.headers.insert(AUTHORIZATION, shown);
    }
    call
}

/// How long a token is used: a little less than it counts, because the request with it takes its time too.
fn lifetime(expires_in: Option<u64>) -> Duration {
    let seconds = expires_in.unwrap_or(LIFETIME_UNTOLD_S).min(LONGEST_LIFETIME_S);
    Duration::from_secs(seconds).saturating_sub(Duration::from_secs((seconds / 10).max(1)))
}

/// Whether a token has a right, where it tells: it is then a JWT with an `access` claim (docker/distribution, "Token Authentication Implementation"). It is
/// not verified: nothing is allowed here because of it.
pub(super) fn claims(token: &SecretValue, repository: &str, action: &str) -> Option<bool> {
    #[derive(Deserialize)]
    struct Claims {
        access: Option<Vec<Access>>,
    }
    #[derive(Deserialize)]
    struct Access {
        #[serde(default)]
        r#type: String,
        #[serde(default)]
        name: String,
        #[serde(default)]
        actions: Option<Vec<String>>,
    }
    let mut parts = token.expose().split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let access = serde_json::from_slice::<Claims>(&payload).ok()?.access?;
    let given = |access: &Access| access.actions.iter().flatten().any(|given| given == action || given == "*");
    Some(access.iter().any(|access| access.r#type == "repository" && access.name == repository && given(access)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn service(realm: &str) -> Service {
        Service { realm: realm.into(), service: Some("r s".into()) }
    }

    #[test]
    fn a_realm_keeps_its_query_and_scopes_are_repeated() {
        let scopes = ["repository:a/b:pull,push".to_owned(), "repository:c:pull".to_owned()];
        let realm = Url::parse("https://a.example.com/token?tenant=x").unwrap();
        let login = Credentials::password("ann", "hunter2");
        let call = call(realm, &service("unused"), &scopes, Some(&login));
        let query = "tenant=x&service=r+s&scope=repository%3Aa%2Fb%3Apull%2Cpush&scope=repository%3Ac%3Apull";
        assert_eq!((call.method, call.url.query()), (Method::GET, Some(query)));
        assert_eq!(call.headers[AUTHORIZATION], "Basic YW5uOmh1bnRlcjI=");
        assert!(!format!("{:?}", call.headers).contains("YW5uOmh1bnRlcjI="));
    }

    #[test]
    fn an_identity_token_is_posted_and_stands_in_no_address() {
        let realm = Url::parse("https://a.example.com/token").unwrap();
        let login = Credentials::IdentityToken(SecretValue::new("hunter2"));
        let call = call(realm, &service("unused"), &["repository:a:pull".to_owned()], Some(&login));
        assert_eq!((call.method, call.url.as_str()), (Method::POST, "https://a.example.com/token"));
        let form = "grant_type=refresh_token&client_id=letterpress&service=r+s&scope=repository%3Aa%3Apull&refresh_token=hunter2";
        assert_eq!(call.body, form.as_bytes());
    }

    #[test]
    fn a_token_is_used_a_little_shorter_than_it_counts() {
        let table = [(None, 54), (Some(300), 270), (Some(5), 4), (Some(0), 0), (Some(u64::MAX), 3240)];
        for (told, expected) in table {
            assert_eq!(lifetime(told).as_secs(), expected, "{told:?}");
        }
    }

    #[test]
    fn rights_are_read_where_a_token_tells_them() {
        let token = |claims: &str| SecretValue::new(format!("e30.{}.sig", URL_SAFE_NO_PAD.encode(claims)));
        let table = [
            (r#"{"access":[{"type":"repository","name":"a/b","actions":["pull","push"]}]}"#, Some(true)),
            (r#"{"access":[{"type":"repository","name":"a/b","actions":["*"]}]}"#, Some(true)),
            (r#"{"access":[{"type":"repository","name":"a/b","actions":["pull"]}]}"#, Some(false)),
            (r#"{"access":[{"type":"repository","name":"a","actions":["push"]}]}"#, Some(false)),
            (r#"{"access":[{"type":"registry","name":"a/b","actions":["push"]}]}"#, Some(false)),
            (r#"{"access":[{"type":"repository","name":"a/b","actions":null}]}"#, Some(false)),
            (r#"{"access":[]}"#, Some(false)),
            (r#"{"access":null}"#, None),
            (r#"{"sub":"ann"}"#, None),
        ];
        for (text, expected) in table {
            assert_eq!(claims(&token(text), "a/b", "push"), expected, "{text}");
        }
        for opaque in ["abc", "a.b", "a.!.c", ""] {
            assert_eq!(claims(&SecretValue::new(opaque), "a/b", "push"), None, "{opaque}");
        }
    }
}
