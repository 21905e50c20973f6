//! The floor: what the engine itself takes when it is called directly, with nothing of ours in between.

use bollard::Docker;
use bollard::models::{ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, NetworkCreateRequest, NetworkingConfig};
use bollard::query_parameters::{AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::StreamExt as _;
use lp_tests::{docker, images};
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// Bytes of a line in [`floor_lines`], with its newline.
pub const LINE_BYTES: u64 = 80;

/// Lines in [`floor_lines`].
pub const LINES: u64 = 1_000_000;

/// Shell command that prints [`LINES`] lines of [`LINE_BYTES`] bytes.
pub fn lines_script() -> String {
    format!("yes {} | head -n {LINES}", "x".repeat(LINE_BYTES as usize - 1))
}

/// Time for `steps` containers with `true`, one after the other: create on a user-defined network, attach, start, wait, remove.
/// Making and removing the network is not counted.
pub async fn floor_steps(steps: u32) -> Duration {
    let floor = Floor::new().await;
    let begin = Instant::now();
    for number in 0..steps {
        let (bytes, code) = floor.container(number, "true").await;
        assert_eq!((bytes, code), (0, 0), "`true` prints nothing and passes");
    }
    let took = begin.elapsed();
    floor.remove().await;
    took
}

/// Lines that arrived, and the time from the start of one container that prints [`LINES`] lines until the last byte was read through an
/// attached connection.
pub async fn floor_lines() -> (u64, Duration) {
    let floor = Floor::new().await;
    let begin = Instant::now();
    let (bytes, code) = floor.container(0, &lines_script()).await;
    let took = begin.elapsed();
    assert_eq!(code, 0, "the program passes");
    floor.remove().await;
    (bytes / LINE_BYTES, took)
}

struct Floor {
    docker: Docker,
    image: &'static str,
    network: String,
}

impl Floor {
    async fn new() -> Self {
        let image = images::busybox_image().await;
        let docker = docker::require_engine().await;
        let network = format!("lp-bench-{}", uuid::Uuid::now_v7().simple());
        let request = NetworkCreateRequest { name: network.clone(), driver: Some("bridge".to_owned()), ..Default::default() };
        docker.create_network(request).await.expect("a network can be made");
        Self { docker, image, network }
    }

    /// Bytes of output and the exit code.
    async fn container(&self, number: u32, script: &str) -> (u64, i64) {
        let name = format!("{}-{number}", self.network);
        let log = HostConfigLogConfig {
            typ: Some("local".to_owned()),
            config: Some(HashMap::from([("max-size".to_owned(), "1000t".to_owned())])),
        };
        let body = ContainerCreateBody {
            image: Some(self.image.to_owned()),
            entrypoint: Some(["/bin/sh", "-c"].map(str::to_owned).to_vec()),
            cmd: Some(vec![script.to_owned()]),
            host_config: Some(HostConfig { network_mode: Some(self.network.clone()), log_config: Some(log), ..Default::default() }),
            networking_config: Some(NetworkingConfig {
                endpoints_config: Some(HashMap::from([(self.network.clone(), EndpointSettings::default())])),
            }),
            ..Default::default()
        };
        let create = CreateContainerOptionsBuilder::new().name(&name).build();
        self.docker.create_container(Some(create), body).await.expect("a container can be made");
        let attach = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
        let mut output = self.docker.attach_container(&name, Some(attach)).await.expect("it can be attached to").output;
        self.docker.start_container(&name, None).await.expect("it starts");
        let mut bytes = 0;
        while let Some(chunk) = output.next().await {
            bytes += chunk.expect("its output can be read").as_ref().len() as u64;
        }
        let waited = self.docker.wait_container(&name, None).next().await;
        let code = waited.expect("the engine says how it ended").map_or(-1, |answer| answer.status_code);
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        self.docker.remove_container(&name, Some(force)).await.expect("it can be removed");
        (bytes, code)
    }

    async fn remove(self) {
        self.docker.remove_network(&self.network).await.expect("an empty network can be removed");
    }
}
