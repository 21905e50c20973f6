//! Every language that hands out rights against everything with which a file could steer what gets them.

use super::*;
use crate::{Effect, PipelineFile, compile, lint, report};
use lp_model::{Diagnostic, EventKind, Severity};

/// A file with one step of an image that has rights by its name.
#[derive(Clone, Copy, Debug)]
struct File {
    path: &'static str,
    /// What stands before the steps, with `{top}` where more keys of the file go.
    head: &'static str,
    /// The step, with `{step}` where more keys of it go.
    step: &'static str,
    /// A volume of its own.
    mounts: &'static str,
    top_mounts: &'static str,
}

const FILES: [(&str, File); 4] = [
    (
        "0.8",
        File {
            path: ".drone.yml",
            head: "{top}\npipeline:\n",
            step: "  x: {image: plugins/docker, repo: a/b{step}}\n",
            mounts: "volumes: ['/usr/local/bin']",
            top_mounts: "",
        },
    ),
    (
        "1.x",
        File {
            path: ".drone.yml",
            head: "kind: pipeline\nname: default\n{top}\nsteps:\n",
            step: "- {name: x, image: plugins/docker, settings: {repo: a/b}{step}}\n",
            mounts: "volumes: [{name: v, path: /usr/local/bin}]",
            top_mounts: "volumes: [{name: v, temp: {}}]",
        },
    ),
    (
        "Woodpecker 0.15",
        File {
            path: ".woodpecker.yml",
            head: "{top}\npipeline:\n",
            step: "  x: {image: woodpeckerci/plugin-docker, settings: {repo: a/b}{step}}\n",
            mounts: "volumes: ['/usr/local/bin']",
            top_mounts: "",
        },
    ),
    (
        "Woodpecker 2",
        File {
            path: ".woodpecker.yml",
            head: "when: {event: push}\n{top}\nsteps:\n  a: {image: b, secrets: [c]}\n",
            step: "  x: {image: woodpeckerci/plugin-docker-buildx, settings: {repo: a/b}{step}}\n",
            mounts: "volumes: ['/usr/local/bin']",
            top_mounts: "",
        },
    ),
];

fn text(file: File, top: &str, step: &str) -> String {
    let step = if step.is_empty() { String::new() } else { format!(", {step}") };
    format!("{}{}", file.head.replace("{top}", top), file.step.replace("{step}", &step))
}

fn facts() -> EventFacts {
    let mut facts = EventFacts::new(EventKind::Push);
    // The user wants the containers of plugins; without that wish no container gets rights by its name.
    facts.repo.real_plugins = true;
    facts.commit.branch = "main".into();
    facts.repo.default_branch = "main".into();
    facts
}

/// Whether the step `x` gets rights, and what is said; a file that is refused gives none.
fn rights(file: File, text: &str, facts: &EventFacts) -> (bool, Vec<Diagnostic>) {
    match compile(&[PipelineFile { path: file.path, bytes: text.as_bytes() }], facts) {
        Ok((plan, found)) => {
            let steps = plan.stages.iter().flat_map(|stage| &stage.steps);
            (steps.filter(|step| step.name == "x").any(|step| step.privileged), found)
        }
        Err(found) => (false, found),
    }
}

#[test]
fn a_plugin_that_its_settings_alone_steer_has_rights() {
    for (name, file) in FILES {
        for step in [
            "",
            "secrets: [docker_username, docker_password]",
            "secrets: [{source: dockerconfigjson, target: plugin_config}]",
            "environment: {AWS_REGION: eu-west-1, DOCKER_BUILDKIT: '1', GIT_TAG: v1, NODE_ENV: production, HTTPS_PROXY: 'http://p:1'}",
            "when: {branch: main}",
        ] {
            // 1.x has no `secrets`; it names them under `environment`.
            let step = if name == "1.x" && step.starts_with("secrets") { "environment: {DOCKER_USERNAME: {from_secret: u}}" } else { step };
            let text = text(file, "", step);
            let (has, found) = rights(file, &text, &facts());
            assert!(has, "{name}: {text}\n{found:?}");
            assert!(!found.iter().any(|found| found.code == "no-rights"), "{name}: {text}\n{found:?}");
        }
    }
}

#[test]
fn nothing_of_the_file_steers_what_gets_rights() {
    let variables = [
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "PATH",
        "ENV",
        "BASH_ENV",
        "BASH_FUNC_docker%%",
        "SHELLOPTS",
        "IFS",
        "PS4",
        "GCONV_PATH",
        "DOCKER_HOST",
        "DOCKER_CONFIG",
        "XTABLES_LIBDIR",
        "MODPROBE_OPTIONS",
        "AWS_CONFIG_FILE",
        "GIT_SSH_COMMAND",
        "HOME",
        "PLUGIN_CONFIG",
        // The container gets a list of `NAME=value`.
        "LD_PRELOAD=/drone/src/x.so:",
    ];
    for (name, file) in FILES {
        let mut cases = vec![
            (String::new(), "commands: ['make']".to_owned()),
            (String::new(), "entrypoint: ['/bin/sh', '-c', 'id']".to_owned()),
            (String::new(), "command: ['id']".to_owned()),
            (String::new(), "detach: true".to_owned()),
            (String::new(), "detach: true, entrypoint: ['/bin/sh', '-c', 'id']".to_owned()),
            (String::new(), "detach: true, command: ['id']".to_owned()),
            (file.top_mounts.to_owned(), file.mounts.to_owned()),
            ("workspace: {base: /bin}".to_owned(), String::new()),
            ("workspace: {base: /drone/../usr/local/bin}".to_owned(), String::new()),
            ("workspace: {base: /go}".to_owned(), String::new()),
            (String::new(), "environment: {ANY: '() { id; }'}".to_owned()),
        ];
        for variable in variables {
            cases.push((String::new(), format!("environment: {{'{variable}': /drone/src/x}}")));
            match name {
                "1.x" => {
                    cases.push((format!("environment: {{'{variable}': /drone/src/x}}"), String::new()));
                    if variable != "PLUGIN_CONFIG" {
                        cases.push((String::new(), format!("environment: {{'{variable}': {{from_secret: s}}}}")));
                    }
                }
                _ => cases.push((format!("matrix: {{'{variable}': [/drone/src/x]}}"), String::new())),
            }
        }
        if name != "1.x" {
            cases.push((String::new(), "secrets: [{source: s, target: ld_preload}]".to_owned()));
        }
        cases.push((
            String::new(),
            match name {
                "0.8" => "storage_path: /drone/src/x",
                _ => "environment: {PLUGIN_STORAGE_PATH: /drone/src/x}",
            }
            .to_owned(),
        ));
        for (top, step) in cases {
            let text = text(file, &top, &step);
            let (has, found) = rights(file, &text, &facts());
            assert!(!has, "{name}: {text}");
            let said = found.iter().any(|found| found.code == "no-rights" || found.severity == Severity::Error);
            assert!(said, "{name}: a refusal has its reason\n{text}\n{found:?}");
            // Without that wish there is no container at all, or one without rights.
            let (has, _) = rights(file, &text, &EventFacts { repo: Default::default(), ..self::facts() });
            assert!(!has, "{name}: {text}");
        }
    }
}

#[test]
fn an_input_of_the_repository_steers_nothing_either() {
    for (name, file) in FILES {
        let mut facts = facts();
        facts.inputs.insert("VERSION".into(), "1".into());
        assert!(rights(file, &text(file, "", ""), &facts).0, "{name}");
        facts.inputs.insert("LD_PRELOAD".into(), "/drone/src/x.so".into());
        assert!(!rights(file, &text(file, "", ""), &facts).0, "{name}");
    }
}

#[test]
fn a_trusted_project_may_mount_but_not_turn_its_plugins() {
    let mut facts = facts();
    facts.repo.trusted = true;
    for (name, file) in FILES {
        for (top, step, expected) in [
            (file.top_mounts, file.mounts, true),
            ("workspace: {base: /go}", "", true),
            ("", "environment: {LD_PRELOAD: x}", false),
            ("", "detach: true, entrypoint: [sh]", false),
        ] {
            assert_eq!(rights(file, &text(file, top, step), &facts).0, expected, "{name}: {top} {step}");
        }
    }
}

#[test]
fn woodpecker_3_gives_no_rights_by_name_and_says_so() {
    let file = "when: {event: push}\nsteps:\n  x: {image: plugins/docker, settings: {repo: a/b, env_file: x}}\n";
    let found = lint(&[PipelineFile { path: ".woodpecker.yml", bytes: file.as_bytes() }], &Default::default());
    assert_eq!(found.iter().map(|found| found.code.as_str()).collect::<Vec<_>>(), ["not-privileged-any-more"]);
}

#[test]
fn a_container_that_only_the_plugin_can_be_has_rights_where_the_user_wants_it() {
    let wants = |real_plugins, trusted| {
        let mut facts = facts();
        (facts.repo.real_plugins, facts.repo.trusted) = (real_plugins, trusted);
        facts
    };
    for (name, file) in FILES {
        let key = if name == "0.8" { "env_file: x" } else { "environment: {PLUGIN_ENV_FILE: x}" };
        let only_the_plugin = text(file, "", key);
        for (real_plugins, trusted) in [(true, false), (false, true), (true, true)] {
            assert!(rights(file, &only_the_plugin, &wants(real_plugins, trusted)).0, "{name}: {real_plugins} {trusted}");
        }
        let (has, found) = rights(file, &only_the_plugin, &wants(false, false));
        assert!(!has && found.iter().any(|found| found.code == "no-rights"), "{name}: {found:?}");
        let said = report(&[PipelineFile { path: file.path, bytes: only_the_plugin.as_bytes() }], &Default::default()).entries;
        assert!(said.iter().any(|entry| entry.effect != Effect::Runs), "{name}: the report says so");
        // The engine builds by itself: no rights, and nothing to say about them.
        for trusted in [false, true].into_iter().filter(|_| !file.step.contains("woodpeckerci/plugin-docker,")) {
            let (has, found) = rights(file, &text(file, "", ""), &wants(false, trusted));
            assert!(!has && found.iter().all(|found| found.code != "no-rights"), "{name}: {found:?}");
        }
    }
}

#[test]
fn a_base_that_1x_keeps_free_is_not_taken() {
    let file = "kind: pipeline\nworkspace: {base: /usr/bin/, path: a}\nsteps:\n- {name: x, image: plugins/docker}\n";
    let (plan, found) = compile(&[PipelineFile { path: ".drone.yml", bytes: file.as_bytes() }], &facts()).unwrap();
    assert_eq!(plan.stages[0].workspace.dir(), "/drone/src/a");
    assert_eq!(found.iter().map(|found| found.code.as_str()).collect::<Vec<_>>(), ["workspace-base", "no-rights"]);
}
