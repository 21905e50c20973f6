//! The right to push.

use crate::fake::{Answer, Fake, Request};
use crate::{ann, client, kind, repository};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lp_registry::{Action, Credentials, ErrorKind, PushProof};
use lp_secret::SecretValue;
use serde_json::{Value, json};

/// A token of a service that tells the rights.
fn token(access: &Value) -> Answer {
    let payload = URL_SAFE_NO_PAD.encode(json!({"access": access}).to_string());
    Answer::json(200, &json!({"token": format!("e30.{payload}.c2ln")}))
}

/// What an upload is answered; `cancel` is the status of its end.
fn upload(request: &Request, cancel: u16) -> Answer {
    match request.line().as_str() {
        "POST /v2/team/app/blobs/uploads/" => Answer::new(202, "").with("Location", "/v2/team/app/blobs/uploads/7?_state=x"),
        "DELETE /v2/team/app/blobs/uploads/7?_state=x" => Answer::new(cancel, ""),
        "GET /v2/" => Answer::json(200, &json!({})),
        other => panic!("{other}"),
    }
}

async fn with_claims(access: Value) -> Fake {
    Fake::start(move |request| match request.shown() {
        _ if request.path.starts_with("/token") => token(&access),
        "" => Answer::wants_token(request),
        _ => Answer::json(200, &json!({})),
    })
    .await
}

#[tokio::test]
async fn a_token_that_tells_the_right_proves_it() {
    let fake = with_claims(json!([{"type": "repository", "name": "team/app", "actions": ["pull", "push"]}])).await;
    assert_eq!(repository(&fake, Some(ann())).can_push().await.unwrap(), PushProof::Token);
    assert_eq!(fake.count("POST"), 0, "{:?}", fake.lines());
    let asked = fake.requests().into_iter().filter(|request| request.path.contains("scope=")).map(|it| it.path).collect::<Vec<_>>();
    assert_eq!(asked, ["/token?tenant=x&service=fake&scope=repository%3Ateam%2Fapp%3Apull%2Cpush"]);
}

#[tokio::test]
async fn a_token_without_the_right_is_a_no() {
    for access in [json!([{"type": "repository", "name": "team/app", "actions": ["pull"]}]), json!([])] {
        let fake = with_claims(access.clone()).await;
        let no = kind(repository(&fake, Some(ann())).can_push().await);
        assert_eq!(no, ErrorKind::Denied { action: Action::Push, said: String::new() }, "{access}");
        assert_eq!(kind(repository(&fake, None).can_push().await), ErrorKind::Unauthorized { with_login: false });
        assert_eq!(fake.count("POST"), 0);
    }
}

#[tokio::test]
async fn a_login_service_that_makes_no_token_without_the_right_is_a_no() {
    let fake = Fake::start(|request| match request.path.starts_with("/token") {
        true if request.path.contains("scope=") => Answer::error(403, "DENIED", "denied"),
        true => Answer::json(200, &json!({"token": "opaque"})),
        false if request.shown() == "Bearer opaque" => Answer::json(200, &json!({})),
        false => Answer::wants_token(request),
    })
    .await;
    let app = repository(&fake, Some(ann()));
    assert!(matches!(kind(app.can_push().await), ErrorKind::Denied { action: Action::Push, .. }));
    assert!(matches!(kind(app.tags(1).await), ErrorKind::Denied { action: Action::Pull, .. }));
    assert_eq!(kind(repository(&fake, None).tags(1).await), ErrorKind::Unauthorized { with_login: false });
    assert_eq!(fake.count("POST"), 0);
}

#[tokio::test]
async fn a_registry_token_is_tried_as_it_is() {
    let fake = Fake::start(|request| match request.shown() {
        "Bearer abc" => upload(request, 204),
        _ => Answer::wants_token(request),
    })
    .await;
    let login = Credentials::RegistryToken(SecretValue::new("abc"));
    assert_eq!(repository(&fake, Some(login)).can_push().await.unwrap(), PushProof::Upload);
    assert_eq!(fake.count("GET /token"), 0);
}

#[tokio::test]
async fn a_wrong_password_is_told_apart_from_a_missing_right() {
    let fake = Fake::start(|request| match request.path.starts_with("/token") {
        true if request.path.contains("scope=") => token(&json!([])),
        true => Answer::error(401, "UNAUTHORIZED", "unauthorized"),
        false => Answer::wants_token(request),
    })
    .await;
    assert_eq!(kind(repository(&fake, Some(ann())).can_push().await), ErrorKind::Unauthorized { with_login: true });
}

#[tokio::test]
async fn a_token_that_tells_nothing_is_tried_with_an_upload_that_is_cancelled() {
    let fake = Fake::start(|request| match request.shown() {
        _ if request.path.starts_with("/token") => Answer::json(200, &json!({"token": "opaque"})),
        "Bearer opaque" => upload(request, 204),
        _ => Answer::wants_token(request),
    })
    .await;
    assert_eq!(repository(&fake, Some(ann())).can_push().await.unwrap(), PushProof::Upload);
    assert_eq!((fake.count("POST"), fake.count("DELETE")), (1, 1));
}

#[tokio::test]
async fn a_registry_with_passwords_is_tried_with_an_upload() {
    for (cancel, expected) in [(204, PushProof::Upload), (405, PushProof::UploadLeft)] {
        let fake =
            Fake::start(move |request| if request.shown().is_empty() { Answer::wants_password() } else { upload(request, cancel) }).await;
        assert_eq!(repository(&fake, Some(ann())).can_push().await.unwrap(), expected);
        assert_eq!(kind(repository(&fake, None).can_push().await), ErrorKind::Unauthorized { with_login: false });
    }
    let fake = Fake::start(|request| match request.method.as_str() {
        _ if request.shown().is_empty() => Answer::wants_password(),
        "POST" => Answer::error(403, "DENIED", "read only"),
        _ => Answer::json(200, &json!({})),
    })
    .await;
    let no = kind(repository(&fake, Some(ann())).can_push().await);
    assert_eq!(no, ErrorKind::Denied { action: Action::Push, said: "read only".into() });
}

#[tokio::test]
async fn an_open_registry_is_tried_with_an_upload() {
    let fake = Fake::start(|request| upload(request, 204)).await;
    assert_eq!(repository(&fake, None).can_push().await.unwrap(), PushProof::Upload);
    assert_eq!(fake.lines(), ["GET /v2/", "POST /v2/team/app/blobs/uploads/", "DELETE /v2/team/app/blobs/uploads/7?_state=x"]);
}

#[tokio::test]
async fn an_upload_at_another_host_gets_no_login() {
    let other = Fake::start(|_| Answer::new(204, "")).await;
    let address = format!("http://{}/upload", other.host);
    let fake = Fake::start(move |request| match request.method.as_str() {
        _ if request.shown().is_empty() => Answer::wants_password(),
        "POST" => Answer::new(202, "").with("Location", address.clone()),
        _ => Answer::json(200, &json!({})),
    })
    .await;
    let client = client(&[&fake.host, &other.host]);
    let app = client.registry(&fake.host, Some(ann())).unwrap().repository("team/app").unwrap();
    assert_eq!(app.can_push().await.unwrap(), PushProof::UploadLeft);
    assert!(other.requests().is_empty());
}

#[tokio::test]
async fn what_is_no_registry_proves_nothing() {
    let fake = Fake::start(|_| Answer::new(404, "<html>").with("Content-Type", "text/html")).await;
    assert!(matches!(kind(repository(&fake, Some(ann())).can_push().await), ErrorKind::BadAnswer { .. }));
    assert_eq!(fake.lines(), ["GET /v2/"]);
}
