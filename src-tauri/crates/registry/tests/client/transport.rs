//! Connections that do not come about, and answers without end.

use crate::fake::{Answer, Fake};
use crate::{ann, client, kind, repository};
use lp_registry::{Client, ClientOptions, ErrorKind, LARGEST_ANSWER, Proxy, Reference};
use std::time::Duration;
use tokio::net::TcpListener;

#[tokio::test]
async fn nobody_listens() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    drop(listener);
    let registry = client(&[]).registry(&host, Some(ann())).unwrap();
    let error = registry.check().await.unwrap_err();
    assert!(error.may_pass());
    assert!(error.to_string().starts_with(&format!("this program cannot reach `{host}`: ")), "{error}");
    assert!(matches!(kind::<()>(Err(error)), ErrorKind::Unreachable { .. }));
}

#[tokio::test]
async fn somebody_listens_and_says_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = listener.local_addr().unwrap().to_string();
    let silence_limit = Duration::from_millis(50);
    let plain_hosts = [host.clone()].into();
    let options = ClientOptions { plain_hosts, silence_limit, proxy: Proxy::None, ..ClientOptions::default() };
    let registry = Client::new(&options).unwrap().registry(&host, None).unwrap();
    assert_eq!(kind(registry.check().await), ErrorKind::Silent { limit: silence_limit });
    drop(listener);
}

#[tokio::test]
async fn no_host_is_spoken_to_without_encryption_that_is_not_on_the_list() {
    let fake = Fake::start(|_| Answer::new(200, "{}")).await;
    let registry = client(&[]).registry(&fake.host, Some(ann())).unwrap();
    assert_eq!(kind(registry.check().await), ErrorKind::PlainAnswer);
    assert!(fake.requests().is_empty());
}

#[tokio::test]
async fn an_answer_is_read_up_to_its_limit() {
    let fake = Fake::start(|request| match request.path.ends_with("/1") {
        true => Answer::new(200, vec![b'x'; LARGEST_ANSWER]),
        false => Answer::new(200, vec![b'x'; LARGEST_ANSWER + 1]),
    })
    .await;
    let app = repository(&fake, None);
    let reference = |text: &str| Reference::parse(text).unwrap();
    assert_eq!(app.manifest(&reference("1")).await.unwrap().bytes.len(), LARGEST_ANSWER);
    assert_eq!(kind(app.manifest(&reference("2")).await), ErrorKind::TooLarge { limit_bytes: LARGEST_ANSWER });
}

#[tokio::test]
async fn a_client_and_what_it_makes_show_no_login() {
    let client = client(&[]);
    let registry = client.registry("r.example.com", Some(ann())).unwrap();
    let shown = format!("{client:?} {registry:?} {:?}", registry.repository("a").unwrap());
    assert!(shown.contains("r.example.com") && !shown.contains(crate::PASSWORD), "{shown}");
}

#[tokio::test]
async fn an_error_of_a_web_server_says_what_to_do() {
    let fake = Fake::start(|_| Answer::new(503, "<html>busy").with("Content-Type", "text/html")).await;
    let error = repository(&fake, None).tags(1).await.unwrap_err();
    assert!(error.may_pass());
    assert_eq!(error.repository.as_deref(), Some("team/app"));
    assert_eq!(kind::<()>(Err(error)), ErrorKind::Refused { status: 503, said: String::new() });
}
