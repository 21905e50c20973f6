//! Containers of Podman, over its socket: the whole suite, as for Docker.
//!
//! What Podman 4.3 does in another way, and why nothing can be done about it here; each is tried by the test of its name, which fails when it
//! is no longer so:
//!
//! | test | difference | reason |
//! | --- | --- | --- |
//! | `a_program_that_takes_too_much_memory_is_killed_without_the_reason` | a step that breaks its memory limit fails with code 137 | its monitor (conmon 2.1) leaves the note that memory was the reason in the folder where Podman was started, and Podman looks elsewhere |

use async_trait::async_trait;
use bollard::Docker;
use lp_backend::{Backend, StageContext, StepExit};
use lp_backend_docker::{DockerBackend, DockerOptions, labels};
use lp_tests::conformance::{Abilities, Bench, Place, shell};
use lp_tests::podman::Podman;
use lp_tests::{docker, images};
use std::sync::Arc;

/// A Podman, with two data folders of ours on it.
pub struct Containers {
    podman: Podman,
    client: Docker,
    image: String,
    ours: Arc<DockerBackend>,
    theirs: Arc<DockerBackend>,
}

pub async fn place() -> Containers {
    let podman = Podman::start().await;
    let client = podman.client().await;
    let image = images::busybox_image_in(&client).await.to_owned();
    let backend = || Arc::new(DockerBackend::new(DockerOptions::new(vec![podman.address()], uuid::Uuid::now_v7().to_string())));
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
        // The limit holds, but see the table above.
        Abilities { services: true, memory_limit: false }
    }

    async fn left_of(&self, stage: &StageContext) -> Vec<String> {
        docker::labelled(&self.client, labels::RUN, stage.run.as_str()).await
    }
}

mod conforms {
    lp_tests::conformance!(super::place().await);
}

#[tokio::test]
async fn a_program_that_takes_too_much_memory_is_killed_without_the_reason() {
    let place = place().await;
    let mut step = shell(1, "a", "tail /dev/zero");
    step.memory_bytes = Some(16 << 20);
    let bench = Bench::ready(&place, vec![step]).await;
    let (exit, _) = bench.run(1).await;
    assert_eq!(exit.unwrap(), StepExit::Code(137));
    assert!(place.podman.folder().join("oom").exists(), "the note lies somewhere else now");
    bench.clear(&place).await;
}

#[tokio::test]
async fn it_says_who_it_is() {
    let place = place().await;
    let found = place.backend().probe(None).await.unwrap();
    assert_eq!((found.name.as_str(), found.address), ("Podman", place.podman.address().url));
    assert!(found.isolated && !found.version.is_empty() && found.api_version.starts_with("1."), "{:?}", found.version);
}

#[tokio::test]
async fn a_bound_folder_that_is_missing_is_made() {
    crate::docker::bound_folders(&place().await).await;
}
