//! Containers of a real engine.

use async_trait::async_trait;
use bollard::Docker;
use lp_backend::{Backend, BackendError, CancelHandle, CancelStage, Claims, EnvText, StageContext, StepExit};
use lp_backend_docker::{DockerBackend, DockerOptions, labels};
use lp_model::{Mount, StepKind, Volume, VolumeKind};
use lp_secret::SecretValue;
use lp_tests::conformance::{Abilities, Bench, Heard, Place, Sink, plan_stage, shell, then, within};
use lp_tests::{docker, images};
use std::sync::Arc;
use std::time::Duration;

/// An engine, with two data folders of ours on it.
pub struct Containers {
    pub engine: Docker,
    pub image: String,
    owner: String,
    ours: Arc<DockerBackend>,
    theirs: Arc<DockerBackend>,
}

/// Each test has owners of its own: a sweep in one must not see another's things.
pub async fn place() -> Containers {
    let image = images::busybox_image().await.to_owned();
    let owner = uuid::Uuid::now_v7().to_string();
    let ours = Arc::new(backend_of(&owner));
    Containers { engine: docker::require_engine().await, image, owner, ours, theirs: Arc::new(backend()) }
}

pub fn backend() -> DockerBackend {
    backend_of(&uuid::Uuid::now_v7().to_string())
}

fn backend_of(owner: &str) -> DockerBackend {
    DockerBackend::new(DockerOptions::new(docker::addresses(), owner))
}

#[async_trait]
impl Place for Containers {
    fn backend(&self) -> Arc<dyn Backend> {
        self.ours.clone()
    }

    fn backend_of_the_next_process(&self) -> Arc<dyn Backend> {
        Arc::new(backend_of(&self.owner))
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
        docker::labelled(&self.engine, labels::RUN, stage.run.as_str()).await
    }
}

mod asked;
mod holder;
mod removed;

mod conforms {
    lp_tests::conformance!(super::place().await);
}

#[tokio::test]
async fn the_engine_says_who_it_is() {
    let place = place().await;
    let found = place.backend().probe(None).await.unwrap();
    assert!(found.name == "Docker" || found.name == "Podman", "{found:?}");
    assert!(found.isolated && !found.version.is_empty() && found.api_version.starts_with("1."), "{found:?}");
    assert!(found.platform.starts_with("linux/"), "{found:?}");
}

#[tokio::test]
async fn things_in_the_engine_carry_our_labels_and_no_folder_of_the_machine() {
    let place = place().await;
    let bench = Bench::ready(&place, vec![shell(1, "a", "trap 'exit 0' TERM; echo ready; while :; do sleep 0.1; done")]).await;
    let sink = Sink::new();
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    let context = bench.context(1);
    let found = tokio::select! {
        exit = bench.run_with(&context, &sink, &cancel) => panic!("it ended with {exit:?}"),
        found = async {
            sink.until_output("ready").await;
            place.engine.inspect_container(&bench.stage.step_name(context.key), None).await.unwrap()
        } => found,
    };
    let config = found.config.unwrap();
    let found_labels = config.labels.unwrap();
    for (label, value) in [(labels::RUN, bench.stage.run.as_str()), (labels::STAGE, "1"), (labels::STEP, "1"), (labels::ATTEMPT, "1")] {
        assert_eq!(found_labels[label], value, "{label}");
    }
    assert!(found_labels.contains_key(labels::OWNER));
    assert_eq!(config.open_stdin, Some(false));
    assert_eq!(config.tty, Some(false));
    let host = found.host_config.unwrap();
    assert_eq!((host.binds.unwrap_or_default(), host.privileged), (vec![], Some(false)));
    let mounts: Vec<_> = found.mounts.unwrap().into_iter().map(|mount| (mount.name.unwrap(), mount.destination.unwrap())).collect();
    assert_eq!(mounts, [(bench.stage.name(), "/drone".to_owned())]);
    let log = host.log_config.unwrap();
    assert_eq!(log.typ.as_deref(), Some("local"));
    assert!(log.config.unwrap().contains_key("max-size"));
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_missing_image_is_said_to_be_missing() {
    let place = place().await;
    let mut never = shell(1, "a", "true");
    never.image = "lp-test/no-such-image:1".into();
    let mut misspelt = shell(2, "b", "true");
    misspelt.image = "Alpine".into();
    let mut unknown = shell(3, "c", "true");
    // Port 9 of this machine: refused at once, on every network.
    unknown.image = "127.0.0.1:9/no/such:1".into();
    unknown.pull = lp_model::PullPolicy::IfMissing;
    let bench = Bench::ready(&place, vec![never, misspelt, unknown]).await;
    for (number, image, part) in
        [(1, "lp-test/no-such-image:1", "not on this computer"), (2, "Alpine", "upper case"), (3, "127.0.0.1:9/no/such:1", "refused")]
    {
        match bench.run(number).await.0 {
            Err(BackendError::Image { image: named, message, .. }) => {
                assert_eq!(named, image);
                assert!(message.to_string().contains(part), "{message}");
            }
            other => panic!("{image}: {other:?}"),
        }
    }
    bench.clear(&place).await;
}

#[tokio::test]
async fn what_cannot_be_started_has_a_reason_to_act_on() {
    let place = place().await;
    let mut user = shell(1, "user", "true");
    user.user = Some("ann".into());
    let mut folder = shell(2, "folder", "true");
    folder.working_dir = Some("/bin/busybox".into());
    let mut program = shell(3, "program", "true");
    program.entrypoint = Some(vec!["nope".into()]);
    let mut not_executable = shell(4, "not executable", "true");
    not_executable.entrypoint = Some(vec!["/etc/passwd".into()]);
    let bench = Bench::ready(&place, vec![user, folder, program, not_executable]).await;
    for (number, part) in
        [(1, "no user `ann`"), (2, "/bin/busybox"), (3, "no program `nope`"), (4, "`/etc/passwd` is not an executable file")]
    {
        match bench.run(number).await.0 {
            Err(BackendError::Start { message, .. }) => assert!(message.to_string().contains(part), "{message}"),
            other => panic!("step {number}: {other:?}"),
        }
    }
    bench.clear(&place).await;
}

#[tokio::test]
async fn an_image_without_its_program_has_a_reason_to_act_on() {
    let place = place().await;
    let image = format!("lp-test/{}:1", uuid::Uuid::now_v7().simple());
    // A tar ends with two blocks of zeros: no file at all, not even a shell.
    let nothing = futures_util::stream::iter([Ok(bytes::Bytes::from_static(&[0; 1024]))]);
    images::import(&place.engine, &image, vec!["ENTRYPOINT [\"/gone\"]".to_owned()], nothing).await;
    let mut own = shell(1, "own", "");
    (own.image, own.entrypoint, own.command, own.working_dir) = (image.clone(), None, None, None);
    let mut commands = shell(2, "commands", "true");
    commands.image = image.clone();
    let mut service = own.clone();
    (service.number, service.kind) = (lp_model::StepNumber(3), StepKind::Service);
    let bench = Bench::ready(&place, vec![own, commands, service]).await;
    for (number, program) in [(1, "/gone"), (2, "/bin/sh"), (3, "/gone")] {
        match bench.run(number).await {
            (Err(BackendError::Start { message, .. }), heard) => {
                assert_eq!(message.to_string(), format!("the image has no program `{program}`"));
                assert_eq!((heard.started, heard.text().as_str()), (0, ""));
            }
            (other, _) => panic!("step {number}: {other:?}"),
        }
    }
    bench.clear(&place).await;
    place.engine.remove_image(&image, None::<bollard::query_parameters::RemoveImageOptions>, None).await.unwrap();
}

#[tokio::test]
async fn the_users_settings_of_a_step_take_effect() {
    let place = place().await;
    let mut writer =
        shell(1, "writer", "id -u; id -g; pwd; echo kept > /cache/file; df /dev/shm | grep -c 2048; cat /etc/hosts | grep -c 10.9.8.7");
    writer.user = Some("65534:65534".into());
    writer.working_dir = Some("/tmp".into());
    writer.shm_bytes = Some(2 << 20);
    writer.extra_hosts = vec!["db:10.9.8.7".into()];
    // A fresh volume belongs to root, like everywhere.
    let opener = shell(2, "opener", "chmod 777 /cache");
    let mut reader = shell(3, "reader", "cat /cache/file; touch /cache/x 2>/dev/null || echo read-only");
    let mut all = vec![opener, writer, reader.clone()];
    reader = all.remove(2);
    for (step, number) in all.iter_mut().zip(1..) {
        step.number = lp_model::StepNumber(number);
        step.mounts = vec![Mount { volume: "cache".into(), path: "/cache".into(), read_only: false }];
    }
    reader.mounts = vec![Mount { volume: "cache".into(), path: "/cache".into(), read_only: true }];
    all.push(reader);
    let mut stage = plan_stage(1, all);
    stage.volumes = vec![Volume { name: "cache".into(), kind: VolumeKind::Temp }];
    let bench = Bench::of(place.backend(), &place.image, stage, None);
    bench.prepare().await.unwrap();
    bench.output(1).await;
    assert_eq!(bench.output(2).await, "65534\n65534\n/tmp\n1\n1\n");
    assert_eq!(bench.output(3).await, "kept\nread-only\n");
    bench.clear(&place).await;
}

#[tokio::test]
async fn the_images_own_entrypoint_and_command_are_kept() {
    let place = place().await;
    // The image's command is a shell, whose standard input is empty.
    let mut plain = shell(1, "plain", "");
    (plain.entrypoint, plain.command) = (None, None);
    let mut command = shell(2, "command", "");
    (command.entrypoint, command.command) = (None, Some(vec!["echo".into(), "from".into(), "command".into()]));
    let bench = Bench::ready(&place, vec![plain, command]).await;
    assert_eq!(bench.output(1).await, "");
    assert_eq!(bench.output(2).await, "from command\n");
    bench.clear(&place).await;
}

#[tokio::test]
async fn a_secret_is_in_no_error() {
    let place = place().await;
    let mut step = shell(1, "a", "true");
    step.entrypoint = Some(vec!["nope".into()]);
    let bench = Bench::ready(&place, vec![step]).await;
    let mut context = bench.context(1);
    context.env = vec![("TOKEN".into(), EnvText::Secret(SecretValue::new("hunter2")))];
    let (exit, _) = bench.run_context(&context).await;
    let text = format!("{exit:?} {context:?}", context = context.env);
    assert!(exit.is_err() && !text.contains("hunter2"), "{text}");
    bench.clear(&place).await;
}

#[tokio::test]
async fn another_data_folder_cannot_be_mistaken_for_ours() {
    let place = place().await;
    let stranger = Bench::of(place.neighbour(), &place.image, plan_stage(1, vec![shell(1, "a", "true")]), None);
    stranger.prepare().await.unwrap();
    let report = within(60, "the sweep", place.backend().sweep(&Claims::default())).await.unwrap();
    assert_eq!(report, Default::default());
    stranger.clear(&place).await;
}

/// What the engine has of the stage, without the run's id.
async fn things(place: &Containers, bench: &Bench) -> Vec<String> {
    let name = bench.stage.name();
    let short = |thing: String| thing.replacen(&name, "NAME", 1);
    place.left_of(&bench.stage).await.into_iter().map(short).collect()
}

#[tokio::test]
async fn a_stage_gets_no_more_than_its_steps_need() {
    let place = place().await;
    let mut service = shell(3, "db", "true");
    (service.kind, service.detached) = (StepKind::Service, true);
    let row = || vec![shell(1, "a", "true"), then(shell(2, "b", "true"))];
    // What fills the working copy is removed beside the first step.
    let table = [
        (vec![shell(1, "a", "true")], "container NAME-source, volume NAME"),
        (row(), "container NAME-holder, container NAME-source, volume NAME"),
        ([row(), vec![service]].concat(), "container NAME-holder, container NAME-source, network NAME, volume NAME"),
        (vec![shell(1, "a", "true"), shell(2, "b", "true")], "container NAME-source, network NAME, volume NAME"),
    ];
    for (steps, expected) in table {
        let bench = Bench::ready(&place, steps).await;
        assert_eq!(things(&place, &bench).await.join(", "), expected);
        bench.output(1).await;
        let expected = expected.replace("container NAME-source", "container NAME-1-1");
        let mut found = things(&place, &bench).await;
        found.sort();
        let mut expected: Vec<_> = expected.split(", ").collect();
        expected.sort_unstable();
        assert_eq!(found, expected);
        bench.clear(&place).await;
    }
}

/// Made, not started: not every machine may run privileged containers, but what is asked for can be seen everywhere.
#[tokio::test]
async fn a_privileged_step_asks_for_all_rights_and_a_namespace_of_its_own() {
    let place = place().await;
    let mut privileged = then(shell(2, "b", "true"));
    privileged.privileged = true;
    let bench = Bench::ready(&place, vec![shell(1, "a", "true"), privileged, then(shell(3, "c", "true"))]).await;
    let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
    for (number, privileged) in [(1, false), (2, true), (3, false)] {
        let context = bench.context(number);
        bench.backend.make_ahead(&bench.stage, &context, &cancel).await;
        let host = place.engine.inspect_container(&bench.stage.step_name(context.key), None).await.unwrap().host_config.unwrap();
        assert_eq!(host.privileged, Some(privileged), "step {number}");
        assert_eq!(host.network_mode.unwrap().starts_with("container:"), !privileged, "step {number}");
    }
    bench.clear(&place).await;
}

#[tokio::test]
async fn sizes_of_kept_files_are_known() {
    let place = place().await;
    let mut step = shell(1, "a", "head -c 3000000 /dev/zero > large; head -c 2000000 /dev/zero > /cache/large");
    step.mounts = vec![Mount { volume: "cache".into(), path: "/cache".into(), read_only: false }];
    let mut stage = plan_stage(1, vec![step]);
    stage.volumes = vec![Volume { name: "cache".into(), kind: VolumeKind::Temp }];
    let bench = Bench::of(place.backend(), &place.image, stage, None);
    bench.prepare().await.unwrap();
    bench.output(1).await;
    bench.backend.destroy(&bench.stage, lp_backend::Keep::Files).await.unwrap();
    let kept = bench.backend.kept().await.unwrap().stages;
    let sizes: Vec<_> = kept.iter().map(|one| one.bytes.unwrap()).collect();
    assert!(matches!(sizes[..], [5_000_000..5_100_000]), "{kept:?}");
    bench.clear(&place).await;
}

/// A folder of the computer that is not there yet is made by the engine, as the dialects' own engines have it.
#[tokio::test]
async fn a_bound_folder_that_is_missing_is_made() {
    bound_folders(&place().await).await;
}

/// The case for any engine on this computer.
pub async fn bound_folders(place: &dyn Place) {
    let folder = tempfile::tempdir().unwrap();
    let text = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    std::fs::create_dir(folder.path().join("there")).unwrap();
    std::fs::write(folder.path().join("there/file"), "kept\n").unwrap();
    let mut step = shell(1, "a", "echo new > /missing/file; cat /there/file; touch /there/x 2>/dev/null || echo read-only");
    let mount = |volume: &str, read_only| Mount { volume: volume.into(), path: format!("/{volume}"), read_only };
    step.mounts = vec![mount("missing", false), mount("there", true)];
    let mut stage = plan_stage(1, vec![step]);
    let host = |name: &str, path: &str| Volume { name: name.into(), kind: VolumeKind::Host(text(path)) };
    stage.volumes = vec![host("missing", "not/yet/there"), host("there", "there")];
    let bench = Bench::of(place.backend(), &place.image(), stage, None);
    bench.prepare().await.unwrap();
    assert_eq!(bench.output(1).await, "kept\nread-only\n");
    assert_eq!(std::fs::read_to_string(folder.path().join("not/yet/there/file")).unwrap(), "new\n");
    bench.clear(place).await;
}
