//! Rights that an image gets by its name, as the engine is asked for them: a commit that carries programs of its own, and a file that tries to get them
//! run in the place of the image's, in every dialect. Privileged containers cannot run on every machine, so they are made and looked at.

use crate::docker::{Containers, place};
use bollard::models::ContainerInspectResponse;
use lp_backend::CancelHandle;
use lp_model::{EventFacts, EventKind, Plan};
use lp_pipeline::{PipelineFile, compile};
use lp_tests::conformance::{Bench, Place as _, TarSource};
use std::sync::Arc;
use std::time::Duration;

/// Images that are trusted with all rights by their names, in one dialect or another.
const BUILDERS: [&str; 3] = ["plugins/docker", "woodpeckerci/plugin-docker", "woodpeckerci/plugin-docker-buildx"];

/// Their version here, which nobody else uses on the computer.
const TAG: &str = "lp-test";

/// A file of each dialect that hands out rights (Woodpecker up to 2: `secrets` tells it): its path, and its text around what is asked for on the level of the file (`FILE`) and of the step (`STEP`).
const DIALECTS: [(&str, &str); 4] = [
    (".drone.yml", "FILE\npipeline:\n  publish:\n    image: plugins/docker:lp-test\n    repo: shop/cart\n    STEP\n"),
    (
        ".drone.yml",
        "kind: pipeline\nname: default\nFILE\nsteps:\n- name: publish\n  image: plugins/docker:lp-test\n  settings:\n    repo: shop/cart\n  STEP\n",
    ),
    (
        ".woodpecker.yml",
        "FILE\npipeline:\n  publish:\n    image: woodpeckerci/plugin-docker:lp-test\n    settings:\n      repo: shop/cart\n    STEP\n",
    ),
    (
        ".woodpecker.yml",
        "when: {event: push}\nFILE\nsteps:\n  old:\n    image: none\n    secrets: [token]\n  publish:\n    image: woodpeckerci/plugin-docker-buildx:lp-test\n    settings:\n      repo: shop/cart\n    STEP\n",
    ),
];

/// What a stranger may try: on the level of the file, and of the step.
const TRICKS: [(&str, &str); 16] = [
    ("workspace: {base: /, path: bin}", ""),
    ("workspace: {base: /bin, path: .}", ""),
    ("workspace: {base: /usr/bin, path: x}", ""),
    ("workspace: {base: /usr/local/bin, path: x}", ""),
    ("workspace: {base: /usr, path: local}", ""),
    ("workspace: {base: /drone/../bin, path: x}", ""),
    ("workspace: {base: //bin/, path: x}", ""),
    ("workspace: {base: /etc, path: x}", ""),
    ("workspace: {base: /lib, path: x}", ""),
    ("", "entrypoint: [/drone/src/evil]"),
    ("", "command: [/drone/src/evil]"),
    ("", "commands: [./evil]"),
    ("", "environment: {LD_PRELOAD: /drone/src/evil.so}"),
    ("", "environment: {PATH: /drone/src}"),
    ("", "environment: {BASH_ENV: /drone/src/evil, ENV: /drone/src/evil}"),
    ("", "detach: true"),
];

fn text(form: &str, file: &str, step: &str) -> String {
    form.replace("STEP", step).replace("FILE", file)
}

/// The plan of an untrusted project that wants the containers of its plugins, when the file is not refused.
fn plan(path: &str, text: &str) -> Option<Plan> {
    let mut facts = EventFacts::new(EventKind::Push);
    facts.repo.real_plugins = true;
    facts.commit.branch = "main".into();
    facts.commit.reference = "refs/heads/main".into();
    compile(&[PipelineFile { path, bytes: text.as_bytes() }], &facts).ok().map(|(plan, _)| plan)
}

/// A commit with programs for every place that a workspace could be laid over.
fn commit() -> Arc<TarSource> {
    let mut builder = tar::Builder::new(Vec::new());
    for name in ["sh", "bin/sh", "bin/drone-docker", "drone-docker", "local/bin/drone-docker", "evil", "evil.so"] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_size(5);
        builder.append_data(&mut header, name, &b"evil\n"[..]).unwrap();
    }
    Arc::new(TarSource::new(builder.into_inner().unwrap()))
}

/// The containers of all steps of a plan, made and not started.
async fn made(place: &Containers, plan: &Plan) -> Vec<ContainerInspectResponse> {
    let mut made = Vec::new();
    for stage in &plan.stages {
        let bench = Bench::of(place.backend(), "", stage.clone(), Some(commit()));
        // A base over which nothing can be unpacked is as good as refused.
        if bench.prepare().await.is_ok() {
            let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
            for number in 1..=stage.steps.len() as u32 {
                let context = bench.context(number);
                bench.backend.make_ahead(&bench.stage, &context, &cancel).await;
                made.extend(place.engine.inspect_container(&bench.stage.step_name(context.key), None).await);
            }
        }
        bench.clear(place).await;
    }
    made
}

/// Whether the container would have all rights; then it must run nothing but what is in its image.
fn has_rights(container: &ContainerInspectResponse, what: &str) -> bool {
    let host = container.host_config.as_ref().unwrap();
    if host.privileged != Some(true) {
        return false;
    }
    let config = container.config.as_ref().unwrap();
    // The image of the test has a command and no entrypoint.
    assert_eq!(
        (config.entrypoint.as_deref().unwrap_or_default(), config.cmd.as_deref()),
        (&[][..], Some(&["/bin/sh".to_owned()][..])),
        "{what}"
    );
    for variable in config.env.iter().flatten() {
        let name = variable.split('=').next().unwrap_or_default();
        assert!(!name.starts_with("LD_") && !["BASH_ENV", "ENV", "SHELLOPTS"].contains(&name), "{what}: {variable}");
        assert!(name != "PATH" || !variable.contains("/drone"), "{what}: {variable}");
    }
    for mount in container.mounts.iter().flatten() {
        let at = mount.destination.as_deref().unwrap_or_default();
        assert!(at.starts_with("/drone") || at.starts_with("/woodpecker"), "{what}: a mount over `{at}`");
    }
    true
}

#[tokio::test]
async fn a_commit_never_runs_its_own_programs_with_rights() {
    let place = place().await;
    for name in BUILDERS {
        let options = bollard::query_parameters::TagImageOptionsBuilder::new().repo(name).tag(TAG).build();
        place.engine.tag_image(&place.image, Some(options)).await.unwrap();
    }
    for (path, form) in DIALECTS {
        // What the name is trusted for.
        let ordinary = plan(path, &text(form, "", "")).unwrap_or_else(|| panic!("{path}: {form}"));
        let containers = made(&place, &ordinary).await;
        let last = containers.last().unwrap_or_else(|| panic!("{path}: nothing was made"));
        assert!(has_rights(last, "ordinary"), "{path}: ordinary use keeps its rights");
        for (file, step) in TRICKS {
            let what = format!("{path}: {file}{step}");
            if let Some(plan) = plan(path, &text(form, file, step)) {
                for container in made(&place, &plan).await {
                    has_rights(&container, &what);
                }
            }
        }
    }
    for name in BUILDERS {
        let image = format!("{name}:{TAG}");
        place.engine.remove_image(&image, None::<bollard::query_parameters::RemoveImageOptions>, None).await.unwrap();
    }
}
