//! Engines of other computers: by TLS on a port and by ssh, over this machine's loopback; and what each says that cannot be reached.

use async_trait::async_trait;
use bollard::Docker;
use lp_backend::{Backend, BackendError, CancelHandle, StageContext};
use lp_backend_docker::{DockerBackend, DockerOptions, EngineAddress, Tls, labels};
use lp_tests::conformance::{self, Abilities, Bench, Place, Sink, plan_stage, shell, within};
use lp_tests::docker::{self, require_engine, require_socket};
use lp_tests::images;
use lp_tests::press::Press;
use lp_tests::remote::{Authority, SshServer, TlsEngine, free_port};
use std::sync::Arc;
use std::time::Duration;

/// An engine that backends reach by one way and the test looks into by another.
struct Remote<Way> {
    /// Held as long as it is needed.
    way: Way,
    engine: Docker,
    ours: Arc<DockerBackend>,
    theirs: Arc<DockerBackend>,
}

fn backend(address: &EngineAddress) -> Arc<DockerBackend> {
    Arc::new(DockerBackend::new(DockerOptions::new(vec![address.clone()], uuid::Uuid::now_v7().to_string())))
}

#[async_trait]
impl<Way: Send + Sync> Place for Remote<Way> {
    fn backend(&self) -> Arc<dyn Backend> {
        self.ours.clone()
    }

    fn neighbour(&self) -> Arc<dyn Backend> {
        self.theirs.clone()
    }

    fn image(&self) -> String {
        "lp-test/busybox:1".to_owned()
    }

    fn abilities(&self) -> Abilities {
        Abilities { services: true, memory_limit: true }
    }

    async fn left_of(&self, stage: &StageContext) -> Vec<String> {
        docker::labelled(&self.engine, labels::RUN, stage.run.as_str()).await
    }
}

/// The machine's engine behind an ssh server.
async fn by_ssh() -> Remote<SshServer> {
    images::busybox_image().await;
    let server = SshServer::start().await;
    let address = server.address(&require_socket().await);
    Remote { engine: require_engine().await, ours: backend(&address), theirs: backend(&address), way: server }
}

/// Why an address does not answer.
async fn refusal(address: EngineAddress) -> String {
    let url = address.url.clone();
    match within(30, "the answer", backend(&address).probe(None)).await {
        Err(BackendError::Unreachable { message, .. }) => {
            assert!(message.to_string().starts_with(&format!("`{url}`: ")), "{message}");
            message.to_string()
        }
        other => panic!("{url}: {other:?}"),
    }
}

#[track_caller]
fn contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

/// What an engine does it does in the same way whoever asks it: over ssh those cases in which the connection itself can go wrong.
mod ssh {
    lp_tests::conformance! { super::by_ssh().await =>
        exit_codes_are_reported
        bytes_pass_unchanged
        ten_megabytes_arrive_whole
        both_streams_arrive
        a_log_that_cannot_be_written_ends_the_step
        the_source_is_in_the_working_copy
        files_stay_for_later_steps
        started_is_called_once_and_first
        two_steps_run_at_once
        services_are_found_by_name
        an_asked_program_ends_in_its_own_way
        killed_at_once
        a_second_cancel_does_not_wait_for_the_grace_time
        prepare_can_be_cancelled
        destroying_leaves_nothing
        a_sweep_removes_only_our_dead_runs
        a_step_is_taken_over_while_it_runs
        a_step_is_taken_over_after_its_end
        a_step_that_is_gone_is_lost
        output_goes_on_at_the_byte
        what_was_taken_over_can_be_cancelled
        a_prepare_that_was_broken_off_begins_again
        what_is_made_ahead_is_used
    }
}

#[tokio::test]
async fn the_docker_commands_own_choice_is_asked_for_when_ssh_names_no_socket() {
    let server = SshServer::start().await;
    let address = EngineAddress { ssh_config: Some(server.config()), ..EngineAddress::new(server.url(None)) };
    let found = backend(&address).probe(None).await.unwrap();
    assert_eq!((found.name.as_str(), found.address), ("Docker", address.url));
}

#[tokio::test]
async fn ssh_that_does_not_let_us_in_says_why() {
    let server = SshServer::start().await;
    let socket = require_socket().await;
    let by = |name: &str| EngineAddress { ssh_config: Some(server.bad_config(name)), ..server.address(&socket) };
    contains(&refusal(by("unknown")).await, &["does not know host `127.0.0.1` yet", "log in once with `ssh -p"]);
    contains(&refusal(by("changed")).await, &["not the one that ssh knows", "`ssh-keygen -R"]);
    contains(&refusal(by("stranger")).await, &["does not let us in", "Permission denied (publickey)", "ssh-copy-id"]);
    contains(
        &refusal(server.address("/no/such.sock".as_ref())).await,
        &["gives no connection to an engine", "/no/such.sock", "docker version"],
    );
    let nobody = EngineAddress { ssh_config: Some(server.config()), ..EngineAddress::new(format!("ssh://127.0.0.1:{}", free_port())) };
    contains(&refusal(nobody).await, &["cannot reach host `127.0.0.1`", "Connection refused", "works in a terminal"]);
}

#[tokio::test]
async fn a_host_without_the_docker_command_says_so() {
    let server = SshServer::start_with("command=\"/no/such/docker system dial-stdio\"").await;
    let reason = refusal(server.address(&require_socket().await)).await;
    contains(&reason, &["host `127.0.0.1` has no program `docker` (18.09 or newer)", "install it there"]);
}

/// In a process of its own, because only that can have another `PATH`.
#[test]
fn a_computer_without_ssh_says_so() {
    let press = Press::with_engine_at("ssh://build.example");
    let mut command = press.command(&["doctor"]);
    command.env("PATH", "/nonexistent");
    let said = lp_tests::press::Said::from(command.output().unwrap()).expect(3);
    contains(&said.out, &["ssh://build.example", "the program `ssh` is not installed on this computer; install the OpenSSH client"]);
}

#[tokio::test]
async fn an_ssh_connection_that_breaks_is_no_end_of_a_step() {
    let mut place = by_ssh().await;
    let mut options = DockerOptions::new(vec![place.way.address(&require_socket().await)], "test");
    options.heartbeat = Duration::from_millis(500);
    let script = "echo ready; while :; do sleep 0.1; done";
    let stage = plan_stage(1, vec![shell(1, "a", script)]);
    let bench = Bench::of(Arc::new(DockerBackend::new(options)), &place.image(), stage, None);
    bench.prepare().await.unwrap();
    let (sink, context) = (Sink::new(), bench.context(1));
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(600));
    let way = &mut place.way;
    let (exit, ()) = tokio::join!(within(60, "a step without its connection", bench.run_with(&context, &sink, &cancel)), async {
        sink.until_output("ready").await;
        way.cut();
    });
    assert!(matches!(exit, Err(BackendError::Unreachable { .. })), "{exit:?}");
    Bench { backend: backend(&docker::addresses()[0]), stage: bench.stage.clone() }.clear(&place).await;
}

/// One engine for all of it: a second one takes half a minute of this machine.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn by_tls() {
    let engine = TlsEngine::start().await;
    let address = engine.address();
    steps_run(&engine).await;

    // Without a certificate of ours, with one of a stranger, of an engine that is not the right one, and of one that is, unasked.
    let strangers = Authority::new(engine.folder().join("strangers"));
    let stranger = strangers.certificates("stranger", "clientAuth");
    let with = |folder: &std::path::Path, verify| EngineAddress { tls: Some(Tls { folder: folder.to_owned(), verify }), ..address.clone() };
    let bare = engine.folder().join("bare");
    std::fs::create_dir(&bare).unwrap();
    std::fs::copy(engine.certificates().join("ca.pem"), bare.join("ca.pem")).unwrap();
    contains(&refusal(with(&bare, true)).await, &["does not accept our certificate", "`cert.pem` and `key.pem`", "/bare`"]);
    contains(&refusal(with(&stranger, true)).await, &["was not signed by the authority in", "stranger/ca.pem", "invalid peer certificate"]);
    std::fs::copy(stranger.join("cert.pem"), bare.join("cert.pem")).unwrap();
    contains(&refusal(with(&bare, true)).await, &["key.pem` is missing beside", "copy it there"]);
    std::fs::copy(stranger.join("key.pem"), bare.join("key.pem")).unwrap();
    contains(&refusal(with(&bare, true)).await, &["does not accept our certificate"]);
    let unverified = engine.folder().join("unverified");
    std::fs::create_dir(&unverified).unwrap();
    for file in ["cert.pem", "key.pem"] {
        std::fs::copy(engine.certificates().join(file), unverified.join(file)).unwrap();
    }
    contains(&refusal(with(&unverified, true)).await, &["was not signed"]);
    assert_eq!(backend(&with(&unverified, false)).probe(None).await.unwrap().name, "Docker");
    std::fs::write(unverified.join("ca.pem"), "nothing").unwrap();
    contains(&refusal(with(&unverified, true)).await, &["there is no certificate in", "unverified/ca.pem"]);
    let renamed = EngineAddress { url: engine.url().replace("127.0.0.1", "localhost"), ..address.clone() };
    contains(&refusal(renamed).await, &["made for another name"]);
    contains(&refusal(EngineAddress::new(engine.url())).await, &["wants a secured connection", "`DOCKER_TLS_VERIFY=1`"]);
}

/// The cases whose connections differ: attached, answered late, sent in pieces, held for long, many at a time.
async fn steps_run(engine: &TlsEngine) {
    let address = engine.address();
    let client = engine.client().await;
    images::busybox_image_in(&client).await;
    let place = Remote { way: (), engine: client, ours: backend(&address), theirs: backend(&address) };
    conformance::exit_codes_are_reported(&place).await;
    conformance::bytes_pass_unchanged(&place).await;
    conformance::ten_megabytes_arrive_whole(&place).await;
    conformance::both_streams_arrive(&place).await;
    conformance::the_source_is_in_the_working_copy(&place).await;
    conformance::files_stay_for_later_steps(&place).await;
    conformance::two_steps_run_at_once(&place).await;
    conformance::an_asked_program_ends_in_its_own_way(&place).await;
    conformance::killed_at_once(&place).await;
    conformance::prepare_can_be_cancelled(&place).await;
    conformance::a_sweep_removes_only_our_dead_runs(&place).await;
}
