//! The floor: what the engine itself takes when it is called directly, with nothing of ours in between.

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::errors::Error;
use bollard::models::{ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, NetworkCreateRequest, NetworkingConfig};
use bollard::query_parameters::{AttachContainerOptionsBuilder, CreateContainerOptionsBuilder, RemoveContainerOptionsBuilder};
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::BoxStream;
use lp_tests::docker;
use std::collections::HashMap;
use std::time::{Duration, Instant};

/// A line of [`lines_script`], with its newline. It begins as the secret of the measured step does, so that the masker has something to do.
pub const LINE: &str = "s3cr3t-tok [ 42%] Building CXX object src/CMakeFiles/press.dir/type_case.cc.obj";

/// Bytes of a line with its newline.
pub const LINE_BYTES: u64 = LINE.len() as u64 + 1;

/// Lines of [`lines_script`].
pub const LINES: u64 = 1_000_000;

/// Shell command that prints [`LINES`] lines of [`LINE_BYTES`] bytes.
pub fn lines_script() -> String {
    format!("yes '{LINE}' | head -n {LINES}")
}

/// A user network to put containers on.
pub struct Floor {
    docker: Docker,
    image: &'static str,
    network: String,
    /// Whose namespace containers join instead of getting one of their own.
    joined: Option<String>,
    /// How the engine keeps output: as it does for our steps.
    log: HostConfigLogConfig,
}

/// What containers one after the other take, the network that they are on made for them.
pub struct FloorTook {
    /// Making the network.
    pub network: Duration,
    /// The containers: create on the network, attach, start, wait, remove.
    pub steps: Duration,
    /// Removing the network.
    pub cleaning: Duration,
}

/// What is read from an attached container.
type Output = BoxStream<'static, Result<LogOutput, Error>>;

impl FloorTook {
    /// Until the last step is done, as a run of its own would count it.
    pub fn done(&self) -> Duration {
        self.network + self.steps
    }

    /// Until nothing is left.
    pub fn whole(&self) -> Duration {
        self.done() + self.cleaning
    }
}

/// Runs `count` containers with `true`, one after the other, on a network of their own.
pub async fn steps(count: u32) -> FloorTook {
    let begun = Instant::now();
    let floor = Floor::new().await;
    let network = begun.elapsed();
    let steps = floor.steps(count).await;
    let begun = Instant::now();
    floor.close().await;
    FloorTook { network, steps, cleaning: begun.elapsed() }
}

/// Runs `count` containers with `sleep 1` at the same time on a network of their own, until the last one has ended. With `shared` all of
/// them in the namespace of one more container, as steps that run at the same time must not be.
pub async fn parallel(count: u32, shared: bool) -> Duration {
    let mut floor = Floor::new().await;
    let network = floor.network.clone();
    let holder = format!("{network}-holder");
    if shared {
        let _output = floor.made(&holder, "sleep 600").await;
        floor.start(&holder).await;
        floor.joined = Some(format!("container:{holder}"));
    }
    let begun = Instant::now();
    let names: Vec<String> = (0..count).map(|number| format!("{}-{number}", floor.network)).collect();
    let run_one = async |name: &String| {
        let mut output = floor.made(name, "sleep 1").await;
        floor.start(name).await;
        assert_eq!(read(&mut output).await, 0, "`sleep` prints nothing");
        floor.wait(name).await;
    };
    join_all(names.iter().map(run_one)).await;
    let took = begun.elapsed();
    join_all(names.iter().map(|name| floor.remove(name))).await;
    if shared {
        floor.remove(&holder).await;
    }
    floor.close().await;
    took
}

impl Floor {
    /// Makes the network.
    pub async fn new() -> Self {
        let image = "lp-test/busybox:1";
        let docker = docker::require_engine().await;
        let network = format!("lp-bench-{}", uuid::Uuid::now_v7().simple());
        let request = NetworkCreateRequest { name: network.clone(), driver: Some("bridge".to_owned()), ..Default::default() };
        docker.create_network(request).await.expect("a network can be made");
        let log = HostConfigLogConfig {
            typ: Some("local".to_owned()),
            config: Some(HashMap::from(
                [("max-size", "1000t"), ("max-file", "1"), ("compress", "false")].map(|(key, value)| (key.to_owned(), value.to_owned())),
            )),
        };
        Self { docker, image, network, joined: None, log }
    }

    async fn steps(&self, count: u32) -> Duration {
        let begun = Instant::now();
        for number in 0..count {
            let name = format!("{}-{number}", self.network);
            let mut output = self.made(&name, "true").await;
            self.start(&name).await;
            assert_eq!(read(&mut output).await, 0, "`true` prints nothing");
            self.wait(&name).await;
            self.remove(&name).await;
        }
        begun.elapsed()
    }

    /// Bytes a second that arrive from `count` containers that print [`lines_script`] at the same time, thrown away. The clock is that of our
    /// steps: it begins when the first program runs and ends when the last has ended and its last byte is read.
    pub async fn lines(&self, count: u32) -> f64 {
        let names: Vec<String> = (0..count).map(|number| format!("{}-{number}", self.network)).collect();
        let read_one = async |name: &String| {
            let mut output = self.made(name, &lines_script()).await;
            self.start(name).await;
            let started = Instant::now();
            let bytes = read(&mut output).await;
            self.wait(name).await;
            (bytes, started, Instant::now())
        };
        let all = join_all(names.iter().map(read_one)).await;
        let bytes: u64 = all.iter().map(|(bytes, _, _)| bytes).sum();
        assert_eq!(bytes, u64::from(count) * LINES * LINE_BYTES, "every byte arrives");
        let begin = all.iter().map(|(_, started, _)| *started).min().expect("at least one");
        let end = all.iter().map(|(_, _, ended)| *ended).max().expect("at least one");
        for name in &names {
            self.remove(name).await;
        }
        bytes as f64 / (end - begin).as_secs_f64()
    }

    /// Removes the network.
    pub async fn close(self) {
        self.docker.remove_network(&self.network).await.expect("an empty network can be removed");
    }

    /// A created container, attached to.
    async fn made(&self, name: &str, script: &str) -> Output {
        let body = ContainerCreateBody {
            image: Some(self.image.to_owned()),
            entrypoint: Some(["/bin/sh", "-c"].map(str::to_owned).to_vec()),
            cmd: Some(vec![script.to_owned()]),
            host_config: Some(HostConfig {
                network_mode: Some(self.joined.clone().unwrap_or_else(|| self.network.clone())),
                log_config: Some(self.log.clone()),
                ..Default::default()
            }),
            networking_config: self
                .joined
                .is_none()
                .then(|| NetworkingConfig { endpoints_config: Some(HashMap::from([(self.network.clone(), EndpointSettings::default())])) }),
            ..Default::default()
        };
        let create = CreateContainerOptionsBuilder::new().name(name).build();
        self.docker.create_container(Some(create), body).await.expect("a container can be made");
        let attach = AttachContainerOptionsBuilder::new().stream(true).stdout(true).stderr(true).build();
        self.docker.attach_container(name, Some(attach)).await.expect("it can be attached to").output
    }

    async fn start(&self, name: &str) {
        self.docker.start_container(name, None).await.expect("it starts");
    }

    async fn wait(&self, name: &str) {
        let waited = self.docker.wait_container(name, None).next().await;
        let code = waited.expect("the engine says how it ended").map_or(-1, |answer| answer.status_code);
        assert_eq!(code, 0, "the program passes");
    }

    async fn remove(&self, name: &str) {
        let force = RemoveContainerOptionsBuilder::new().force(true).build();
        self.docker.remove_container(name, Some(force)).await.expect("it can be removed");
    }
}

/// Bytes until the output ends.
async fn read(output: &mut Output) -> u64 {
    let mut bytes = 0;
    while let Some(chunk) = output.next().await {
        bytes += chunk.expect("its output can be read").as_ref().len() as u64;
    }
    bytes
}
