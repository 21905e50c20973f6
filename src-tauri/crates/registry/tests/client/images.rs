//! Manifests and what is in images.

use crate::fake::{Answer, Fake};
use crate::{ann, client, kind, repository};
use lp_registry::{Digest, ErrorKind, Platform, RateLimits, Reference, Tag};
use serde_json::json;
use std::collections::BTreeMap;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const INDEX: &str = "application/vnd.oci.image.index.v1+json";

/// Its bytes are those of nobody who writes JSON anew.
const ODD: &str = "{ \"schemaVersion\":2,\n\t\"x\":[ ] }\n";

fn tag(text: &str) -> Reference {
    Reference::parse(text).unwrap()
}

fn of(content: &str) -> Reference {
    Reference::Digest(Digest::of(content.as_bytes()))
}

#[tokio::test]
async fn a_tag_is_found_without_reading_the_manifest() {
    let digest = Digest::of(ODD.as_bytes());
    let told = digest.to_string();
    let fake = Fake::start(move |request| {
        assert!(
            ["oci.image.index", "oci.image.manifest", "manifest.list", "manifest.v2"]
                .iter()
                .all(|part| request.header("accept").unwrap().contains(part))
        );
        Answer::new(200, ODD)
            .with("Content-Type", format!("{MANIFEST}; charset=utf-8"))
            .with("Docker-Content-Digest", told.clone())
            .with("RateLimit-Limit", "100;w=21600")
    })
    .await;
    let found = repository(&fake, None).find(&tag("1")).await.unwrap();
    assert_eq!((found.digest, found.media_type.as_str(), found.size), (digest, MANIFEST, Some(ODD.len() as u64)));
    assert_eq!(found.limits.allowed, Some(100));
    assert_eq!(fake.lines(), ["HEAD /v2/team/app/manifests/1"]);
}

#[tokio::test]
async fn a_registry_that_tells_no_digest_is_read() {
    let fake = Fake::start(|_| Answer::new(200, ODD).with("Content-Type", MANIFEST)).await;
    assert_eq!(repository(&fake, None).find(&tag("1")).await.unwrap().digest, Digest::of(ODD.as_bytes()));
    assert_eq!(fake.lines(), ["HEAD /v2/team/app/manifests/1", "GET /v2/team/app/manifests/1"]);
}

#[tokio::test]
async fn bytes_that_are_not_what_was_asked_for_are_not_used() {
    let fake = Fake::start(|_| Answer::new(200, ODD).with("Content-Type", MANIFEST)).await;
    let app = repository(&fake, None);
    assert_eq!(app.manifest(&of(ODD)).await.unwrap().bytes, ODD.as_bytes());
    let expected = |expected: &str, found: &str| ErrorKind::OtherDigest {
        expected: Digest::of(expected.as_bytes()).to_string(),
        found: Digest::of(found.as_bytes()).to_string(),
    };
    assert_eq!(kind(app.manifest(&of("other")).await), expected("other", ODD));
    // The header says one thing and the bytes another.
    let fake = Fake::start(|_| Answer::new(200, ODD).with("Docker-Content-Digest", Digest::of(b"lie").as_str())).await;
    let app = repository(&fake, None);
    assert_eq!(kind(app.manifest(&tag("1")).await), expected("lie", ODD));
    assert_eq!(kind(app.manifest(&of(ODD)).await), expected("lie", ODD));
    assert_eq!(kind(app.find(&of(ODD)).await), expected(ODD, "lie"));
}

#[tokio::test]
async fn another_tag_gets_the_very_bytes() {
    let fake = Fake::start(|request| match request.method.as_str() {
        "PUT" => Answer::new(201, "").with("Docker-Content-Digest", Digest::of(&request.body).as_str()),
        _ => Answer::new(200, ODD).with("Content-Type", MANIFEST),
    })
    .await;
    let app = repository(&fake, None);
    let manifest = app.manifest(&tag("1")).await.unwrap();
    app.put_tag(&manifest, &Tag::parse("production").unwrap()).await.unwrap();
    let put = fake.requests().pop().unwrap();
    assert_eq!(put.line(), "PUT /v2/team/app/manifests/production");
    assert_eq!((put.body.as_slice(), put.header("content-type")), (ODD.as_bytes(), Some(MANIFEST)));
}

#[tokio::test]
async fn a_registry_that_takes_something_else_is_told() {
    // It says so, or shows it when it is asked.
    for with_header in [true, false] {
        let other = Digest::of(b"other");
        let expected = ErrorKind::OtherDigest { expected: Digest::of(ODD.as_bytes()).to_string(), found: other.to_string() };
        let fake = Fake::start(move |request| match request.method.as_str() {
            "GET" => Answer::new(200, ODD).with("Content-Type", MANIFEST),
            "PUT" if !with_header => Answer::new(201, ""),
            _ => Answer::new(if request.method == "PUT" { 201 } else { 200 }, "").with("Docker-Content-Digest", other.as_str()),
        })
        .await;
        let app = repository(&fake, None);
        let manifest = app.manifest(&tag("1")).await.unwrap();
        assert_eq!(kind(app.put_tag(&manifest, &Tag::parse("2").unwrap()).await), expected);
    }
}

#[tokio::test]
async fn an_image_is_deleted_by_its_digest_where_that_is_on() {
    let fake = Fake::start(|request| match request.path.ends_with(Digest::of(b"a").as_str()) {
        true => Answer::new(202, ""),
        false => Answer::error(405, "UNSUPPORTED", "The operation is unsupported."),
    })
    .await;
    let app = repository(&fake, None);
    app.delete(&Digest::of(b"a")).await.unwrap();
    assert_eq!(fake.lines(), [format!("DELETE /v2/team/app/manifests/{}", Digest::of(b"a"))]);
    assert_eq!(kind(app.delete(&Digest::of(b"b")).await), ErrorKind::DeleteOff);
}

/// An index with an image for two platforms and an attestation, whose parts lie at another host.
fn image(request_path: &str, store: &str) -> Answer {
    let config =
        json!({"os": "linux", "architecture": "arm64", "created": "2026-10-02T08:15:11Z", "config": {"Labels": {"a": "b"}}}).to_string();
    let manifest = json!({"schemaVersion": 2, "config": {"digest": Digest::of(config.as_bytes()).as_str()}}).to_string();
    let entry = |content: &str, os: &str, architecture: &str| {
        let digest = Digest::of(content.as_bytes());
        json!({"digest": digest.as_str(), "platform": {"os": os, "architecture": architecture}})
    };
    let entries = [entry("x", "unknown", "unknown"), entry("y", "linux", "amd64"), entry(&manifest, "linux", "arm64")];
    let index = json!({"schemaVersion": 2, "manifests": entries}).to_string();
    let last = request_path.rsplit('/').next().unwrap();
    match last {
        "1" => Answer::new(200, index).with("Content-Type", INDEX),
        digest if digest == Digest::of(manifest.as_bytes()).as_str() => Answer::new(200, manifest).with("Content-Type", MANIFEST),
        digest if digest == Digest::of(config.as_bytes()).as_str() => {
            if request_path.starts_with("/store/") {
                return Answer::new(200, config);
            }
            Answer::new(307, "").with("Location", format!("http://{store}/store/{digest}"))
        }
        other => Answer::error(404, "MANIFEST_UNKNOWN", other),
    }
}

#[tokio::test]
async fn labels_are_read_through_an_index_and_the_store_gets_no_login() {
    let store = Fake::start(|request| image(&request.path, "")).await;
    let host = store.host.clone();
    let fake =
        Fake::start(move |request| if request.shown().is_empty() { Answer::wants_password() } else { image(&request.path, &host) }).await;
    let client = client(&[&fake.host, &store.host]);
    let app = client.registry(&fake.host, Some(ann())).unwrap().repository("team/app").unwrap();
    let config = app.config(&tag("1"), &Platform::parse("linux/arm64").unwrap()).await.unwrap();
    assert_eq!(config.platform.to_string(), "linux/arm64");
    assert_eq!(config.labels, BTreeMap::from([("a".to_owned(), "b".to_owned())]));
    assert_eq!(config.created, "2026-10-02T08:15:11Z");
    let asked = store.requests();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].shown(), "");
    let missing = kind(app.config(&tag("1"), &Platform::parse("windows/amd64").unwrap()).await);
    let available = ["linux/amd64", "linux/arm64"].map(str::to_owned).into();
    assert_eq!(missing, ErrorKind::NoPlatform { wanted: "windows/amd64".into(), available });
}

#[tokio::test]
async fn a_redirect_to_a_place_without_encryption_is_not_followed() {
    let store = Fake::start(|_| Answer::new(200, ODD)).await;
    let address = format!("http://{}/x", store.host);
    let fake = Fake::start(move |_| Answer::new(307, "").with("Location", address.clone())).await;
    assert_eq!(kind(repository(&fake, None).manifest(&tag("1")).await), ErrorKind::PlainRefused);
    assert!(store.requests().is_empty());
    let circle = Fake::start(|request| Answer::new(302, "").with("Location", request.path.clone())).await;
    assert!(matches!(kind(repository(&circle, None).manifest(&tag("1")).await), ErrorKind::BadAnswer { .. }));
    assert_eq!(circle.requests().len(), 6);
}

#[tokio::test]
async fn too_many_requests_are_told_with_the_numbers_of_the_registry() {
    let fake = Fake::start(|_| {
        Answer::error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit.")
            .with("RateLimit-Limit", "100;w=21600")
            .with("RateLimit-Remaining", "0;w=21600")
            .with("Retry-After", "17")
    })
    .await;
    let limits = RateLimits { allowed: Some(100), window_s: Some(21600), remaining: Some(0), retry_after_s: Some(17) };
    assert_eq!(kind(repository(&fake, None).find(&tag("1")).await), ErrorKind::TooManyRequests { limits });
}

#[tokio::test]
async fn what_is_not_there_is_told_apart() {
    let fake = Fake::start(|request| match request.path.as_str() {
        "/v2/team/app/manifests/1" => Answer::error(404, "MANIFEST_UNKNOWN", "manifest unknown"),
        _ => Answer::error(404, "NAME_UNKNOWN", "repository name not known to registry"),
    })
    .await;
    let app = repository(&fake, None);
    assert_eq!(kind(app.manifest(&tag("1")).await), ErrorKind::NoManifest { reference: "1".into() });
    assert_eq!(kind(app.manifest(&tag("2")).await), ErrorKind::NoRepository);
    // An answer to HEAD has no body that could tell them apart.
    assert_eq!(kind(app.find(&tag("2")).await), ErrorKind::NoManifest { reference: "2".into() });
}
