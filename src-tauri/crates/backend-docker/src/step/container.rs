//! What is asked of the engine for a step: a pure function from the plan to the body of the create call.

use super::ownership;
use crate::labels;
use crate::stage::network::{Namespace, is_host_name};
use crate::stage::{StageHandle, holder};
use bollard::models::{
    ContainerCreateBody, EndpointSettings, HostConfig, HostConfigLogConfig, Mount, MountType, MountVolumeOptions, NetworkingConfig,
};
use lp_backend::{StageContext, StepContext};
use lp_model::{Step, VolumeKind};
use std::collections::HashMap;

/// The engine's own copy of a log is what a crash of the app is recovered from, so it must never rotate: a limit that no disk reaches.
/// It has to be a positive number, and it has to be given: left out, the limit in the engine's configuration would hold.
const LOG_LIMIT: &str = "1000t";

/// Name of the volume of the stage's volume with that position in [`lp_model::Stage::volumes`].
pub(crate) fn volume_name(stage: &StageContext, position: usize) -> String {
    format!("{}-volume-{}", stage.name(), position + 1)
}

/// The volume with the working copy, mounted at `base`.
pub(crate) fn working_copy(stage: &StageContext, base: &str, volume_labels: Option<HashMap<String, String>>) -> Mount {
    Mount {
        typ: Some(MountType::VOLUME),
        source: Some(stage.name()),
        target: Some(base.to_owned()),
        // What an image happens to have at that path must not get into the working copy.
        volume_options: Some(MountVolumeOptions { no_copy: Some(true), labels: volume_labels, ..Default::default() }),
        ..Default::default()
    }
}

/// Names of the volumes of the stage that a step uses.
pub(crate) fn volumes_of_step(stage: &StageContext, step: &Step) -> Vec<String> {
    let is_used = |name: &str| step.mounts.iter().any(|mount| mount.volume == name);
    let temporary = stage.stage.volumes.iter().enumerate().filter(|(_, volume)| volume.kind == VolumeKind::Temp && is_used(&volume.name));
    std::iter::once(stage.name()).chain(temporary.map(|(position, _)| volume_name(stage, position))).collect()
}

/// How the engine keeps what steps print. `local` keeps bytes as they are and is faster; `json-file`, which Podman has, turns
/// what is not UTF-8 into replacement characters.
pub(crate) fn log_config(is_podman: bool) -> HostConfigLogConfig {
    let options: &[(&str, &str)] =
        if is_podman { &[("max-size", LOG_LIMIT)] } else { &[("max-size", LOG_LIMIT), ("max-file", "1"), ("compress", "false")] };
    HostConfigLogConfig {
        typ: Some(if is_podman { "json-file" } else { "local" }.to_owned()),
        config: Some(options.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()),
    }
}

/// The container of a step.
pub(crate) fn of_step(stage: &StageHandle, step: &StepContext, image: &str, owner: &str) -> ContainerCreateBody {
    let namespace = stage.layout.namespace(step.step.number);
    in_namespace(&stage.context, step, namespace, image, owner, stage.engine.is_podman())
}

/// A container that is never started, through which the files that a step sees are read: its volumes, and nothing else.
pub(crate) fn reader(stage: &StageContext, step: &StepContext, owner: &str) -> ContainerCreateBody {
    let (mounts, binds) = mounts(stage, step, &step.step.workspace(&stage.stage.workspace).base);
    ContainerCreateBody {
        // Never run, but the engine wants something to be there.
        cmd: Some(vec!["/none".to_owned()]),
        labels: Some(labels::of_step(owner, stage, step.key)),
        host_config: Some(HostConfig {
            network_mode: Some("none".to_owned()),
            mounts: Some(mounts),
            binds: (!binds.is_empty()).then_some(binds),
            ..Default::default()
        }),
        ..Default::default()
    }
}

fn in_namespace(
    stage: &StageContext,
    step: &StepContext,
    namespace: &Namespace,
    image: &str,
    owner: &str,
    is_podman: bool,
) -> ContainerCreateBody {
    let plan = &step.step;
    let workspace = plan.workspace(&stage.stage.workspace);
    let dir = workspace.dir();
    let some = |list: &[String]| (!list.is_empty()).then(|| list.to_vec());
    let bytes = |count: Option<u64>| count.map(|count| i64::try_from(count).unwrap_or(i64::MAX));
    let networking = (*namespace == Namespace::Stage).then(|| {
        let endpoint = EndpointSettings { aliases: Some(aliases(&plan.name)), ..Default::default() };
        NetworkingConfig { endpoints_config: Some(HashMap::from([(stage.name(), endpoint)])) }
    });
    let (mounts, binds) = mounts(stage, step, &workspace.base);
    let mut variables = step.env.iter().map(|(name, value)| format!("{name}={}", value.text(&workspace.base, &dir))).collect();
    ownership::trust(&stage.stage, step, &mut variables);
    let network_mode = match namespace {
        Namespace::Bridge => "bridge".to_owned(),
        Namespace::Stage => stage.name(),
        Namespace::Shared => format!("container:{}", holder::name(stage)),
        Namespace::Given(mode) => mode.clone(),
    };
    ContainerCreateBody {
        image: Some(image.to_owned()),
        entrypoint: plan.entrypoint.as_deref().map(cleared),
        cmd: plan.command.clone(),
        env: Some(variables),
        working_dir: plan.working_dir.clone(),
        user: plan.user.clone(),
        labels: Some(labels::of_step(owner, stage, step.key)),
        // Standard input is closed: a program that asks a question must see its end, not wait.
        open_stdin: Some(false),
        // Never a terminal: it would change the bytes and merge the streams in a format of its own.
        tty: Some(false),
        attach_stdin: Some(false),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        host_config: Some(HostConfig {
            network_mode: Some(network_mode),
            mounts: Some(mounts),
            binds: (!binds.is_empty()).then_some(binds),
            log_config: Some(log_config(is_podman)),
            privileged: plan.privileged.then_some(true),
            extra_hosts: hosts(plan, namespace),
            dns: some(&plan.dns),
            dns_search: some(&plan.dns_search),
            shm_size: bytes(plan.shm_bytes),
            memory: bytes(plan.memory_bytes),
            ..Default::default()
        }),
        networking_config: networking,
        ..Default::default()
    }
}

/// An empty entrypoint clears the image's own. The API wants one empty text for it: an empty list means "as in the image".
fn cleared(entrypoint: &[String]) -> Vec<String> {
    if entrypoint.is_empty() { vec![String::new()] } else { entrypoint.to_vec() }
}

/// Host names under which the other steps find this one.
fn aliases(name: &str) -> Vec<String> {
    if is_host_name(name) { vec![name.to_owned()] } else { Vec::new() }
}

/// Lines of the hosts file: those of the file, and, where no name server knows it, the step's own name.
fn hosts(step: &Step, namespace: &Namespace) -> Option<Vec<String>> {
    let mut lines = step.extra_hosts.clone();
    let is_named = |line: &String| line.split_once(':').is_some_and(|(name, _)| name == step.name);
    if *namespace == Namespace::Bridge && is_host_name(&step.name) && !lines.iter().any(is_named) {
        lines.push(format!("{}:127.0.0.1", step.name));
    }
    (!lines.is_empty()).then_some(lines)
}

/// The mounts of a step, and the folders of the engine's computer that are bound.
///
/// A bind makes its folder where it is missing, as the dialects' own engines do (`Binds` in their `convert.go`), which the newer form of a
/// mount does not. A bind is one text with colons in it, so a path that has one takes the newer form.
fn mounts(stage: &StageContext, step: &StepContext, base: &str) -> (Vec<Mount>, Vec<String>) {
    let mut all = vec![working_copy(stage, base, None)];
    let mut binds = Vec::new();
    for mount in &step.step.mounts {
        // An unknown name was refused or ignored by the compiler, whichever its dialect does.
        let Some(position) = stage.stage.volumes.iter().position(|volume| volume.name == mount.volume) else {
            continue;
        };
        let (typ, source) = match &stage.stage.volumes[position].kind {
            VolumeKind::Host(path) if ![path, &mount.path].iter().any(|path| path.contains(':')) => {
                binds.push(format!("{path}:{}{}", mount.path, if mount.read_only { ":ro" } else { "" }));
                continue;
            }
            VolumeKind::Temp => (MountType::VOLUME, Some(volume_name(stage, position))),
            VolumeKind::Host(path) => (MountType::BIND, Some(path.clone())),
            VolumeKind::Memory => (MountType::TMPFS, None),
        };
        all.push(Mount {
            typ: Some(typ),
            source,
            target: Some(mount.path.clone()),
            read_only: mount.read_only.then_some(true),
            ..Default::default()
        });
    }
    (all, binds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_backend::EnvText;
    use lp_model::{BackendKind, Mount as PlanMount, RunId, RunOn, Stage, StageNumber, StepKey, StepKind, StepNumber, Volume, Workspace};
    use lp_secret::SecretValue;
    use std::sync::Arc;

    fn stage(step: &Step) -> StageContext {
        StageContext {
            run: RunId::parse("r1").unwrap(),
            stage: Arc::new(Stage {
                number: StageNumber(2),
                name: "build".into(),
                backend: BackendKind::Docker,
                needs: vec![],
                run_on: RunOn::default(),
                workspace: Workspace { base: "/drone".into(), path: "src/a".into() },
                source: true,
                checkout: None,
                concurrency: None,
                file: String::new(),
                matrix: Default::default(),
                volumes: vec![
                    Volume { name: "cache".into(), kind: VolumeKind::Temp },
                    Volume { name: "sock".into(), kind: VolumeKind::Host("/var/run/docker.sock".into()) },
                    Volume { name: "ram".into(), kind: VolumeKind::Memory },
                ],
                steps: vec![step.clone()],
            }),
            source: None,
            engine: None,
            files: Default::default(),
        }
    }

    fn body(step: Step, env: Vec<(String, EnvText)>) -> ContainerCreateBody {
        body_at(&Namespace::Stage, step, env)
    }

    fn body_at(namespace: &Namespace, step: Step, env: Vec<(String, EnvText)>) -> ContainerCreateBody {
        body_in(stage(&step), namespace, step, env)
    }

    fn body_in(stage: StageContext, namespace: &Namespace, step: Step, env: Vec<(String, EnvText)>) -> ContainerCreateBody {
        let context = StepContext {
            key: StepKey::first(StageNumber(2), StepNumber(1)),
            step: Arc::new(step),
            env,
            before: lp_backend::Before::Nothing,
        };
        in_namespace(&stage, &context, namespace, "docker.io/library/alpine:latest", "me", false)
    }

    #[test]
    fn a_step_with_a_base_of_its_own_sees_the_working_copy_there() {
        let env = || vec![("B".to_owned(), EnvText::WorkspaceBase), ("W".to_owned(), EnvText::WorkspaceDir)];
        let seen = |step: Step| {
            let body = body(step, env());
            let mounts = body.host_config.unwrap().mounts.unwrap();
            (mounts[0].source.clone().unwrap(), mounts[0].target.clone().unwrap(), body.env.unwrap().join(" "))
        };
        let step = Step::new(1, "publish", StepKind::Plugin);
        assert_eq!(seen(step.clone()), ("lp-r1-2".into(), "/drone".into(), "B=/drone W=/drone/src/a".into()));
        let step = Step { workspace_base: Some("/woodpecker".into()), ..step };
        assert_eq!(seen(step), ("lp-r1-2".into(), "/woodpecker".into(), "B=/woodpecker W=/woodpecker/src/a".into()));
    }

    #[test]
    fn a_plain_step_asks_for_nothing_special() {
        let mut step = Step::new(1, "build", StepKind::Commands);
        step.command = Some(vec!["true".into()]);
        let body = body(step, vec![]);
        let host = body.host_config.unwrap();
        assert_eq!(host.network_mode.as_deref(), Some("lp-r1-2"));
        assert_eq!(body.networking_config.unwrap().endpoints_config.unwrap()["lp-r1-2"].aliases, Some(vec!["build".to_owned()]));
        assert_eq!((host.privileged, host.memory, host.dns, host.extra_hosts), (None, None, None, None));
        assert_eq!(body.entrypoint, None);
        assert_eq!((body.tty, body.open_stdin), (Some(false), Some(false)));
        let labels = body.labels.unwrap();
        let expected = [(labels::RUN, "r1"), (labels::STAGE, "2"), (labels::STEP, "1"), (labels::ATTEMPT, "1"), (labels::OWNER, "me")];
        for (name, value) in expected {
            assert_eq!(labels[name], value, "{name}");
        }
    }

    #[test]
    fn the_environment_is_filled_in() {
        let env = vec![
            ("A".to_owned(), EnvText::Plain("x=y z".into())),
            ("B".to_owned(), EnvText::Secret(SecretValue::new("hush"))),
            ("C".to_owned(), EnvText::WorkspaceBase),
            ("D".to_owned(), EnvText::WorkspaceDir),
        ];
        let body = body(Step::new(1, "build", StepKind::Plugin), env);
        assert_eq!(body.env.unwrap(), ["A=x=y z", "B=hush", "C=/drone", "D=/drone/src/a"]);
    }

    #[test]
    fn git_is_told_that_the_working_copy_may_be_used() {
        let asked = |checkout: bool, privileged: bool, env: &[(&str, &str)]| {
            let mut step = Step::new(1, "build", StepKind::Commands);
            step.privileged = privileged;
            let mut stage = stage(&step);
            Arc::make_mut(&mut stage.stage).checkout = checkout.then(|| lp_model::Checkout::on_branch("main"));
            let env = env.iter().map(|(name, value)| ((*name).to_owned(), EnvText::Plain((*value).to_owned()))).collect();
            body_in(stage, &Namespace::Stage, step, env).env.unwrap().join(" ")
        };
        let first = "GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0=*";
        assert_eq!(asked(true, false, &[]), first);
        assert_eq!(asked(true, false, &[("A", "b")]), format!("A=b {first}"));
        let own = [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "user.name"), ("GIT_CONFIG_VALUE_0", "x")];
        assert_eq!(
            asked(true, false, &own),
            "GIT_CONFIG_KEY_0=user.name GIT_CONFIG_VALUE_0=x GIT_CONFIG_COUNT=2 GIT_CONFIG_KEY_1=safe.directory GIT_CONFIG_VALUE_1=*"
        );
        let wrong = [("GIT_CONFIG_COUNT", "many")];
        assert_eq!(asked(true, false, &wrong), "GIT_CONFIG_COUNT=many");
        assert_eq!((asked(false, false, &[]), asked(true, true, &[])), (String::new(), String::new()));
    }

    #[test]
    fn everything_that_a_trusted_step_may_ask_for() {
        let mut step = Step::new(1, "构建", StepKind::Commands);
        step.entrypoint = Some(vec![]);
        step.privileged = true;
        step.user = Some("1000:1000".into());
        step.working_dir = Some("/drone/src/a".into());
        step.extra_hosts = vec!["db:10.0.0.1".into()];
        step.dns = vec!["1.1.1.1".into()];
        step.dns_search = vec!["example.com".into()];
        step.shm_bytes = Some(1 << 20);
        step.memory_bytes = Some(u64::MAX);
        let mount = |volume: &str, read_only| PlanMount { volume: volume.into(), path: format!("/{volume}"), read_only };
        step.mounts = vec![mount("cache", false), mount("sock", true), mount("ram", false), mount("unknown", false)];
        let body = body(step, vec![]);
        assert_eq!(body.entrypoint, Some(vec![String::new()]));
        assert_eq!(body.user.as_deref(), Some("1000:1000"));
        assert_eq!(body.working_dir.as_deref(), Some("/drone/src/a"));
        assert_eq!(body.networking_config.unwrap().endpoints_config.unwrap()["lp-r1-2"].aliases, Some(vec![]));
        let host = body.host_config.unwrap();
        assert_eq!(host.privileged, Some(true));
        assert_eq!(host.extra_hosts, Some(vec!["db:10.0.0.1".to_owned()]));
        assert_eq!(host.dns, Some(vec!["1.1.1.1".to_owned()]));
        assert_eq!(host.dns_search, Some(vec!["example.com".to_owned()]));
        assert_eq!((host.shm_size, host.memory), (Some(1 << 20), Some(i64::MAX)));
        assert_eq!(host.binds, Some(vec!["/var/run/docker.sock:/sock:ro".to_owned()]));
        let mounts: Vec<_> = host.mounts.unwrap().into_iter().map(|m| (m.typ, m.source, m.target, m.read_only)).collect();
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(
            mounts,
            [
                (Some(MountType::VOLUME), text("lp-r1-2"), text("/drone"), None),
                (Some(MountType::VOLUME), text("lp-r1-2-volume-1"), text("/cache"), None),
                (Some(MountType::TMPFS), None, text("/ram"), None),
            ]
        );
    }

    #[test]
    fn a_path_with_a_colon_is_no_bind() {
        let mut step = Step::new(1, "a", StepKind::Commands);
        step.mounts = vec![PlanMount { volume: "sock".into(), path: "/a:b".into(), read_only: false }];
        let host = body(step, vec![]).host_config.unwrap();
        assert_eq!((host.binds, host.mounts.unwrap().pop().unwrap().typ), (None, Some(MountType::BIND)));
    }

    #[test]
    fn each_place_is_asked_for_in_its_own_way() {
        let ask = |namespace: Namespace, lines: &[&str]| {
            let mut step = Step::new(1, "build", StepKind::Commands);
            step.extra_hosts = lines.iter().map(|line| (*line).to_owned()).collect();
            let body = body_at(&namespace, step, vec![]);
            let host = body.host_config.unwrap();
            (host.network_mode.unwrap(), host.extra_hosts.unwrap_or_default().join(" "), body.networking_config.is_some())
        };
        let given = |mode: &str, hosts: &str, networking| (mode.to_owned(), hosts.to_owned(), networking);
        assert_eq!(ask(Namespace::Stage, &[]), given("lp-r1-2", "", true));
        // The engine refuses lines of the hosts file where it belongs to another container.
        assert_eq!(ask(Namespace::Shared, &[]), given("container:lp-r1-2-holder", "", false));
        assert_eq!(ask(Namespace::Given("host".into()), &[]), given("host", "", false));
        assert_eq!(ask(Namespace::Bridge, &[]), given("bridge", "build:127.0.0.1", false));
        assert_eq!(ask(Namespace::Bridge, &["db:10.0.0.1"]), given("bridge", "db:10.0.0.1 build:127.0.0.1", false));
        assert_eq!(ask(Namespace::Bridge, &["build:10.0.0.1"]), given("bridge", "build:10.0.0.1", false));
    }
}
