//! What a registry is shown, and when.

use crate::fake::{Answer, Fake, Request};
use crate::{ann, kind, registry, repository};
use lp_registry::{Action, Credentials, ErrorKind};
use lp_secret::SecretValue;
use serde_json::json;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

const BASIC: &str = "Basic YW5uOmh1bnRlcjI=";

fn no_tags() -> Answer {
    Answer::json(200, &json!({"name": "team/app", "tags": ["1"]}))
}

/// A registry with a login service; tokens are numbered, and the registry takes those that `takes` says.
async fn with_tokens(expires_in: Option<u64>, takes: impl Fn(&str) -> bool + Send + Sync + 'static) -> Fake {
    let made = AtomicUsize::new(0);
    Fake::start(move |request| {
        if request.path.starts_with("/token") {
            let mut answer = json!({"token": format!("t{}", made.fetch_add(1, SeqCst) + 1)});
            if let Some(seconds) = expires_in {
                answer["expires_in"] = seconds.into();
            }
            return Answer::json(200, &answer);
        }
        match request.shown().strip_prefix("Bearer ") {
            Some(token) if takes(token) => no_tags(),
            _ => Answer::wants_token(request),
        }
    })
    .await
}

#[tokio::test]
async fn the_first_request_shows_nothing_and_a_token_is_kept() {
    let fake = with_tokens(None, |_| true).await;
    let app = repository(&fake, Some(ann()));
    app.tags(10).await.unwrap();
    app.tags(10).await.unwrap();
    let requests = fake.requests();
    let shown: Vec<&str> = requests.iter().map(Request::shown).collect();
    assert_eq!(shown, ["", BASIC, "Bearer t1", "Bearer t1"], "the password goes to the login service alone");
    assert_eq!(requests[1].path, "/token?tenant=x&service=fake&scope=repository%3Ateam%2Fapp%3Apull");
    // Another repository is another right.
    app.registry().repository("other").unwrap().tags(10).await.unwrap();
    assert_eq!(fake.count("GET /token"), 2);
}

#[tokio::test]
async fn a_token_that_has_expired_is_not_shown() {
    let fake = with_tokens(Some(0), |_| true).await;
    let app = repository(&fake, None);
    app.tags(10).await.unwrap();
    app.tags(10).await.unwrap();
    let requests = fake.requests();
    let shown: Vec<&str> = requests.iter().map(Request::shown).filter(|shown| !shown.is_empty()).collect();
    assert_eq!(shown, ["Bearer t1", "Bearer t2"]);
}

#[tokio::test]
async fn a_token_that_is_refused_is_replaced_once() {
    let uses = AtomicUsize::new(0);
    let fake = with_tokens(Some(300), move |token| token != "t1" || uses.fetch_add(1, SeqCst) == 0).await;
    let app = repository(&fake, Some(ann()));
    app.tags(10).await.unwrap();
    app.tags(10).await.unwrap();
    assert_eq!(fake.count("GET /token"), 2);
    assert_eq!(fake.requests().last().unwrap().shown(), "Bearer t2");
}

#[tokio::test]
async fn a_new_token_that_is_refused_is_the_last_word() {
    let fake = with_tokens(None, |_| false).await;
    let denied = kind(repository(&fake, Some(ann())).tags(10).await);
    assert_eq!(denied, ErrorKind::Denied { action: Action::Pull, said: "authentication required".into() });
    assert_eq!(fake.count("GET /v2/"), 2, "{:?}", fake.lines());
    let nobody = kind(repository(&fake, None).tags(10).await);
    assert_eq!(nobody, ErrorKind::Unauthorized { with_login: false });
}

#[tokio::test]
async fn a_login_service_that_makes_tokens_for_wrong_passwords_is_seen_through() {
    let fake = Fake::start(|request| match request.path.split_once('?').map_or(request.path.as_str(), |(path, _)| path) {
        "/token" if request.path.contains("scope=") => Answer::json(200, &json!({"token": "of-nobody"})),
        "/token" => Answer::error(401, "UNAUTHORIZED", "unauthorized"),
        _ => Answer::wants_token(request),
    })
    .await;
    assert_eq!(kind(repository(&fake, Some(ann())).tags(10).await), ErrorKind::Unauthorized { with_login: true });
}

#[tokio::test]
async fn a_registry_that_asks_for_a_password_whoever_shows_a_token_gets_a_token_again() {
    let uses = AtomicUsize::new(0);
    let fake = Fake::start(move |request| {
        if request.path.starts_with("/token") {
            return Answer::json(200, &json!({"access_token": format!("t{}", uses.load(SeqCst)), "expires_in": 1800}));
        }
        match request.shown() {
            "" => Answer::wants_token(request),
            // The first token ends early.
            "Bearer t0" if uses.fetch_add(1, SeqCst) > 0 => Answer::wants_password(),
            _ => no_tags(),
        }
    })
    .await;
    let app = repository(&fake, Some(ann()));
    app.tags(10).await.unwrap();
    app.tags(10).await.unwrap();
    let requests = fake.requests();
    assert!(requests.iter().all(|request| request.shown() != BASIC || request.path.starts_with("/token")), "{requests:?}");
    assert_eq!(requests.last().unwrap().shown(), "Bearer t2");
}

#[tokio::test]
async fn an_identity_token_is_posted() {
    let fake = Fake::start(|request| match (request.method.as_str(), request.shown()) {
        ("POST", "") => Answer::json(200, &json!({"access_token": "t1"})),
        (_, "Bearer t1") => no_tags(),
        _ => Answer::wants_token(request),
    })
    .await;
    repository(&fake, Some(Credentials::IdentityToken(SecretValue::new("eyJ0")))).tags(10).await.unwrap();
    let posted = fake.requests().into_iter().find(|request| request.method == "POST").unwrap();
    assert_eq!(posted.path, "/token?tenant=x");
    let form = "grant_type=refresh_token&client_id=letterpress&service=fake&scope=repository%3Ateam%2Fapp%3Apull&refresh_token=eyJ0";
    assert_eq!(posted.body, form.as_bytes());
}

#[tokio::test]
async fn a_registry_token_is_shown_as_it_is() {
    let fake = Fake::start(|request| if request.shown() == "Bearer abc" { no_tags() } else { Answer::wants_token(request) }).await;
    let login = |token: &str| Some(Credentials::RegistryToken(SecretValue::new(token)));
    repository(&fake, login("abc")).tags(10).await.unwrap();
    assert_eq!(kind(repository(&fake, login("hunter2")).tags(10).await), ErrorKind::Unauthorized { with_login: true });
    assert_eq!(fake.count("GET /token"), 0);
}

#[tokio::test]
async fn a_password_is_shown_where_the_registry_wants_one() {
    let fake = Fake::start(|request| if request.shown() == BASIC { no_tags() } else { Answer::wants_password() }).await;
    repository(&fake, Some(ann())).tags(10).await.unwrap();
    let wrong = Some(Credentials::password("bob", "hunter2"));
    assert_eq!(kind(repository(&fake, wrong).tags(10).await), ErrorKind::Unauthorized { with_login: true });
    assert_eq!(kind(repository(&fake, None).tags(10).await), ErrorKind::Unauthorized { with_login: false });
    assert_eq!(fake.count("GET"), 2 + 2 + 1, "a wrong password is tried once");
}

#[tokio::test]
async fn a_registry_that_wants_nothing_is_shown_nothing() {
    let fake = Fake::start(|_| no_tags()).await;
    repository(&fake, Some(ann())).tags(10).await.unwrap();
    registry(&fake, Some(ann())).check().await.unwrap();
    assert!(fake.requests().iter().all(|request| request.shown().is_empty()));
}

#[tokio::test]
async fn a_login_service_without_encryption_gets_nothing() {
    let other = Fake::start(|_| Answer::json(200, &json!({"token": "t"}))).await;
    let realm = format!(r#"Bearer realm="http://{}/token",service="x""#, other.host);
    let fake = Fake::start(move |_| Answer::new(401, "").with("WWW-Authenticate", realm.clone())).await;
    assert_eq!(kind(repository(&fake, Some(ann())).tags(10).await), ErrorKind::PlainRefused);
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn what_a_login_service_says_beside_a_token_is_an_error_of_its_own() {
    for (status, body, expected) in [
        (200, "no json hunter2", "its login service gave no token"),
        (200, r#"{"token":""}"#, "its login service gave no token"),
        (503, "", "answered with status 503"),
    ] {
        let fake = Fake::start(
            move |request| {
                if request.path.starts_with("/token") { Answer::new(status, body) } else { Answer::wants_token(request) }
            },
        )
        .await;
        let error = repository(&fake, Some(ann())).tags(10).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        kind::<()>(Err(error));
    }
}
