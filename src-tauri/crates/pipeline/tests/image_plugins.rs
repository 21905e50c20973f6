//! What image plugins are told, from the file on: our own cases. The answers of the plugins' own programs are compared in `tests/corpus`.

use lp_model::{BuildImage, BuildValue, EventFacts, EventKind, Instead, Later, Step};
use lp_pipeline::{PipelineFile, compile};

fn facts(reference: &str) -> EventFacts {
    let mut facts = EventFacts::new(if reference.starts_with("refs/tags/") { EventKind::Tag } else { EventKind::Push });
    facts.repo.default_branch = "main".into();
    facts.repo.remote = "https://git.example.com/team/shop.git".into();
    facts.repo.link = "https://git.example.com/team/shop".into();
    facts.commit.sha = "5ea1ed".repeat(6) + "0000";
    facts.commit.reference = reference.into();
    facts.commit.branch = "main".into();
    facts.commit.time_ms = 1_700_000_000_000;
    facts
}

fn only_step(path: &str, text: &str, reference: &str) -> Step {
    let (mut plan, _) = compile(&[PipelineFile { path, bytes: text.as_bytes() }], &facts(reference)).expect("it compiles");
    plan.stages.remove(0).steps.remove(0)
}

/// What the only step of a file builds.
fn build(path: &str, text: &str, reference: &str) -> BuildImage {
    let step = only_step(path, text, reference);
    let builds = step.build_image.or_else(|| step.real_plugin?.builds);
    *builds.expect("it is an image plugin")
}

/// Of a step of Drone 1.x with these settings.
fn drone1(image: &str, settings: &str, reference: &str) -> BuildImage {
    build(
        ".drone.yml",
        &format!("kind: pipeline\nname: a\nsteps:\n- name: publish\n  image: {image}\n  settings: {{{settings}}}\n"),
        reference,
    )
}

fn secret(variable: &str, name: &str) -> BuildValue {
    BuildValue::Later(Later::Variable { name: variable.into(), pointer: String::new(), secrets: vec![name.into()] })
}

#[test]
fn a_login_is_named_by_its_secrets_in_every_language() {
    let old = "pipeline:\n  publish:\n    image: plugins/docker\n    repo: h.example.com/a/b\n    registry: h.example.com\n    secrets: [docker_username, docker_password]\n";
    let drone = "kind: pipeline\nname: a\nsteps:\n- name: publish\n  image: plugins/docker\n  settings:\n    repo: h.example.com/a/b\n    registry: h.example.com\n    username: {from_secret: user}\n    password: {from_secret: pw}\n";
    let woodpecker = "steps:\n- name: publish\n  image: woodpeckerci/plugin-docker-buildx\n  settings:\n    repo: h.example.com/a/b\n    registry: h.example.com\n    username: {from_secret: user}\n    password: {from_secret: pw}\nwhen: [{event: [push, tag]}]\n";
    for (path, text, username, password) in [
        (".drone.yml", old, secret("DOCKER_USERNAME", "docker_username"), secret("DOCKER_PASSWORD", "docker_password")),
        (".drone.yml", drone, secret("PLUGIN_USERNAME", "user"), secret("PLUGIN_PASSWORD", "pw")),
        (".woodpecker.yml", woodpecker, secret("PLUGIN_USERNAME", "user"), secret("PLUGIN_PASSWORD", "pw")),
    ] {
        let build = build(path, text, "refs/heads/main");
        let [login] = &build.logins[..] else { panic!("{path}: {:?}", build.logins) };
        assert_eq!((&login.registry, &login.username, &login.password), (&BuildValue::text("h.example.com"), &username, &password));
        assert_eq!((build.tags, build.push, build.remarks), (vec!["latest".to_owned()], true, vec![]), "{text}");
    }
}

#[test]
fn a_password_in_the_file_is_not_written_down_again() {
    let build = drone1("plugins/docker", "repo: a/b, username: me, password: hunter2", "refs/heads/main");
    assert!(build.holds_no_password());
    assert!(!serde_json::to_string(&build).expect("plain data").contains("hunter2"));
    let logins = "repo: a/b, logins: [{registry: h, username: me, password: hunter2}]";
    let text =
        format!("steps:\n- name: a\n  image: woodpeckerci/plugin-docker-buildx\n  settings: {{{logins}}}\nwhen: [{{event: push}}]\n");
    let build = self::build(".woodpecker.yml", &text, "refs/heads/main");
    let pointer = "/0/password".to_owned();
    let password = BuildValue::Later(Later::Variable { name: "PLUGIN_LOGINS".into(), pointer, secrets: vec![] });
    assert_eq!(build.logins[0].password, password);
    assert!(!serde_json::to_string(&build).expect("plain data").contains("hunter2"));
}

#[test]
fn tags_follow_the_version_of_the_plugin() {
    let tags = |image: &str, reference: &str| {
        let build = drone1(image, "repo: a/b, auto_tag: true", reference);
        (build.tags, build.instead)
    };
    assert_eq!(tags("plugins/docker", "refs/tags/v2.0.1").0, ["2", "2.0", "2.0.1"]);
    assert_eq!(tags("plugins/docker:17", "refs/tags/v2").0, ["latest"]);
    assert!(matches!(tags("plugins/docker:20", "refs/tags/v2").1, Some(Instead::Fails(_))));
    assert!(matches!(tags("plugins/docker", "refs/heads/topic").1, Some(Instead::Passes(_))));
    assert!(matches!(tags("plugins/kaniko", "refs/heads/topic").1, Some(Instead::Fails(_))));
    let build = drone1("thegeeklab/wp-docker-buildx", "repo: a/b, auto_tag: true", "refs/heads/topic");
    assert_eq!((build.tags.len(), build.push, build.instead), (0, false, None));
}

#[test]
fn a_name_that_no_engine_takes_fails_before_it_is_built() {
    for (settings, reference) in [
        ("dockerfile: x", "refs/heads/main"),
        ("repo: a/B", "refs/heads/main"),
        ("repo: a/b, auto_tag: true", "refs/tags/v1.0.0+meta"),
        ("repo: a/b, tags: [-x]", "refs/heads/main"),
        ("repo: a/b, dry_run: on-monday", "refs/heads/main"),
    ] {
        let build = drone1("plugins/docker", settings, reference);
        assert!(matches!(build.instead, Some(Instead::Fails(_))), "{settings}");
    }
}

#[test]
fn a_repository_of_another_registry_than_the_login_is_told() {
    let build = drone1("plugins/docker", "repo: a/b, registry: harbor.example.com, username: u, password: p", "refs/heads/main");
    assert!(build.remarks[0].to_string().contains("`harbor.example.com`") && build.remarks[0].to_string().contains("`docker.io`"));
}

#[test]
fn arguments_and_labels_come_from_where_the_plugin_takes_them() {
    let text = "kind: pipeline\nname: a\nsteps:\n- name: a\n  image: plugins/docker\n  environment:\n    TOKEN: {from_secret: token}\n    http_proxy: http://p:1\n  settings: {repo: a/b, build_args: [A=1, TOKEN], build_args_from_env: [DRONE_COMMIT_SHA], custom_labels: [org.opencontainers.image.url=mine, team=shop]}\n";
    let build = build(".drone.yml", text, "refs/heads/main");
    let argument = |name: &str| build.build_args[name].clone();
    assert_eq!((argument("A"), argument("TOKEN")), (BuildValue::text("1"), secret("TOKEN", "token")));
    assert_eq!(argument("HTTP_PROXY"), BuildValue::text("http://p:1"));
    assert_eq!(argument("DRONE_COMMIT_SHA").as_text().map(str::len), Some(40));
    let label = |name: &str| build.labels[name].clone();
    assert_eq!((label("team"), label("org.opencontainers.image.url")), (BuildValue::text("shop"), BuildValue::text("mine")));
    assert_eq!(label("org.opencontainers.image.created"), BuildValue::Later(Later::BuildTime {}));
    assert_eq!(build.automatic_labels.len(), 3);
}

#[test]
fn what_only_the_plugin_can_do_says_which_setting_it_is() {
    let why = |image: &str, settings: &str| {
        let text = format!("kind: pipeline\nname: a\nsteps:\n- name: a\n  image: {image}\n  settings: {{repo: a/b, {settings}}}\n");
        only_step(".drone.yml", &text, "refs/heads/main").real_plugin.map(|plugin| plugin.why.to_string())
    };
    for (image, settings, part) in [
        ("thegeeklab/wp-docker-buildx", "platforms: [linux/amd64, linux/arm64]", "2 platforms"),
        ("thegeeklab/wp-docker-buildx", "sbom: true", "`sbom`"),
        ("woodpeckerci/plugin-docker-buildx", "output: 'type=local,dest=out'", "`output`"),
        ("plugins/docker", "secrets_from_env: [A=B]", "`secrets_from_env`"),
        ("plugins/docker", "context: 'https://git.example.com/a.git'", "no folder"),
        ("plugins/docker", "tags: {from_secret: tags}", "`tags`"),
        ("plugins/ecr", "region: eu-central-1", "cloud"),
        ("plugins/kaniko", "tar_path: out.tar, username: u, password: p", "`tar_path`"),
    ] {
        let why = why(image, settings);
        assert!(why.as_ref().is_some_and(|why| why.contains(part)), "{image} {settings}: {why:?}");
    }
    assert_eq!(why("plugins/docker", "storage_driver: vfs, mtu: 1400, purge: true"), None);
    assert_eq!(why("thegeeklab/wp-docker-buildx", "provenance: false, platforms: linux/arm64"), None);
    assert_eq!(why("plugins/docker", "output: x"), None, "a plugin that does not know a setting leaves it alone");
}

#[test]
fn a_step_with_a_program_of_its_own_is_no_plugin() {
    let text = "kind: pipeline\nname: a\nsteps:\n- name: a\n  image: plugins/docker\n  commands: [docker version]\n- name: b\n  image: registry.example.com/plugins/docker\n- name: c\n  image: plugins/docker\n  entrypoint: [sh]\n";
    let (plan, _) =
        compile(&[PipelineFile { path: ".drone.yml", bytes: text.as_bytes() }], &facts("refs/heads/main")).expect("it compiles");
    assert!(plan.stages[0].steps.iter().all(|step| step.real_plugin.is_none() && step.build_image.is_none()));
}
