//! Agreeing on a version of the API with engines older and newer than the one of this machine.

use crate::docker;
use lp_backend::{Backend, BackendError};
use lp_backend_docker::{DockerBackend, DockerOptions};
use lp_tests::claims::Claims;
use lp_tests::conformance::{Bench, plan_stage, shell};
use lp_tests::docker::require_socket;
use std::sync::Arc;

type Version = (u32, u32);

/// An engine that speaks from `oldest` to `newest`, a backend of it, and a folder that lives as long.
async fn engine(newest: Version, oldest: Version) -> (Claims, Arc<DockerBackend>, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let claims = Claims::open(&folder.path().join("engine.sock"), require_socket().await, newest, oldest);
    let backend = DockerBackend::new(DockerOptions::new(vec![claims.address()], uuid::Uuid::now_v7().to_string()));
    (claims, Arc::new(backend), folder)
}

#[tokio::test]
async fn every_call_is_made_in_the_newest_version_that_both_speak() {
    let place = docker::place().await;
    for (newest, oldest, agreed) in [((1, 52), (1, 44), "1.52"), ((1, 41), (1, 12), "1.41"), ((1, 70), (1, 44), "1.53")] {
        let (claims, backend, _folder) = engine(newest, oldest).await;
        assert_eq!(backend.probe(None).await.unwrap().api_version, agreed);
        let asked_without = claims.calls().len();
        let bench = Bench::of(backend, &place.image, plan_stage(1, vec![shell(1, "a", "echo ran")]), None);
        bench.prepare().await.unwrap();
        assert_eq!(bench.output(1).await, "ran\n");
        bench.clear(&place).await;
        let calls = claims.calls().split_off(asked_without);
        let prefix = format!("/v{agreed}/");
        assert!(calls.len() > 5 && calls.iter().all(|path| path.starts_with(&prefix)), "{agreed}: {calls:?}");
    }
}

#[tokio::test]
async fn an_engine_that_cannot_be_understood_is_named_with_both_versions() {
    let table = [
        ((1, 40), (1, 12), ["Docker 99.9.9 is too old", "API 1.40", "needs 1.41", "install Docker 20.10 or newer there"]),
        ((1, 70), (1, 54), ["Docker 99.9.9 is too new", "API 1.54 or newer", "1.53 or older", "install the newest Letterpress"]),
    ];
    for (newest, oldest, parts) in table {
        let (claims, backend, _folder) = engine(newest, oldest).await;
        match backend.probe(None).await {
            Err(BackendError::Unreachable { message, .. }) => {
                for part in parts.iter().copied().chain([claims.address().url.as_str()]) {
                    assert!(message.to_string().contains(part), "{part} is not in {message}");
                }
            }
            other => panic!("{other:?}"),
        }
    }
}
