//! Containers of Podman, over its socket: the whole suite, as for Docker.

use async_trait::async_trait;
use bollard::Docker;
use lp_backend::{Backend, StageContext};
use lp_backend_docker::{DockerBackend, DockerOptions, labels};
use lp_tests::conformance::{Abilities, Place};
use lp_tests::podman::Podman;
use lp_tests::{docker, images};
use std::sync::Arc;

/// A Podman, with two data folders of ours on it.
struct Containers {
    podman: Podman,
    client: Docker,
    image: String,
    ours: Arc<DockerBackend>,
    theirs: Arc<DockerBackend>,
}

async fn place() -> Containers {
    let podman = Podman::start().await;
    let client = podman.client().await;
    let image = images::busybox_image_in(&client).await.to_owned();
    let backend =
        || Arc::new(DockerBackend::new(DockerOptions::new(vec![podman.address()], uuid::Uuid::now_v7().to_string())));
    let (ours, theirs) = (backend(), backend());
    Containers { podman, client, image, ours, theirs }
}

#[async_trait]
impl Place for Containers {
    fn backend(&self) -> Arc<dyn Backend> {
        self.ours.clone()
    }

    fn neighbour(&self) -> Arc<dyn Backend> {
        self.theirs.clone()
    }

    fn image(&self) -> String {
        self.image.clone()
    }

    fn abilities(&self) -> Abilities {
        Abilities { services: true, memory_limit: true }
    }

    async fn left_of(&self, stage: &StageContext) -> Vec<String> {
        docker::labelled(&self.client, labels::RUN, stage.run.as_str()).await
    }
}

mod conforms {
    lp_tests::conformance!(super::place().await);
}

#[tokio::test]
async fn it_says_who_it_is() {
    let place = place().await;
    let found = place.backend().probe().await.unwrap();
    assert_eq!((found.name.as_str(), found.address), ("Podman", place.podman.address().url));
    assert!(found.isolated && !found.version.is_empty() && found.api_version.starts_with("1."), "{:?}", found.version);
}
