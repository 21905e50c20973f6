//! What files mean where the originals surprise: each case is a file, and what becomes of it.
#![allow(clippy::unwrap_used)]

use lp_model::{BackendKind, Diagnostic, EventFacts, EventKind, Plan, Severity};
use lp_pipeline::{Effect, PipelineFile, Report, compile, lint, report};

const DRONE: &str = ".drone.yml";
const WOODPECKER: &str = ".woodpecker.yml";

fn facts() -> EventFacts {
    let mut facts = EventFacts::new(EventKind::Push);
    facts.commit.branch = "main".into();
    facts.repo.default_branch = "main".into();
    facts
}

fn compiled(path: &str, text: &str) -> Result<(Plan, Vec<Diagnostic>), Vec<Diagnostic>> {
    compile(&[PipelineFile { path, bytes: text.as_bytes() }], &facts())
}

fn plan(path: &str, text: &str) -> (Plan, Vec<Diagnostic>) {
    compiled(path, text).unwrap_or_else(|found| panic!("{text}\n{}", found.iter().map(|d| format!("{d}\n")).collect::<String>()))
}

fn codes(found: &[Diagnostic]) -> Vec<&str> {
    found.iter().map(|found| found.code.as_str()).collect()
}

fn reported(path: &str, text: &str) -> Report {
    report(&[PipelineFile { path, bytes: text.as_bytes() }], &Default::default())
}

/// The names of the steps that each step waits for, as `name<need,need`.
fn order(plan: &Plan) -> String {
    let stage = &plan.stages[0];
    let steps = stage.steps.iter().map(|step| {
        let needs: Vec<&str> = step.needs.iter().filter_map(|need| stage.step(*need)).map(|step| step.name.as_str()).collect();
        format!("{}<{}", step.name, needs.join(","))
    });
    steps.collect::<Vec<_>>().join(" ")
}

#[test]
fn a_step_called_clone_is_one_that_others_can_wait_for() {
    let own = "kind: pipeline\nclone: {disable: true}\nsteps:\n- {name: clone, image: a}\n- {name: build, image: b, depends_on: [clone]}\n- {name: test, image: c, depends_on: [build]}\n";
    assert_eq!(order(&plan(DRONE, own).0), "clone< build<clone test<build");
}

#[test]
fn waiting_for_the_clone_step_makes_a_graph_too() {
    let parallel = "kind: pipeline\nsteps:\n- {name: lint, image: a, depends_on: [clone]}\n- {name: test, image: b, depends_on: [clone]}\n";
    assert_eq!(order(&plan(DRONE, parallel).0), "lint< test<");
    let disabled = parallel.replace("steps:", "clone: {disable: true}\nsteps:");
    assert_eq!(order(&plan(DRONE, &disabled).0), "lint< test<");
    let empty = "kind: pipeline\nsteps:\n- {name: lint, image: a, depends_on: []}\n- {name: test, image: b}\n";
    assert_eq!(order(&plan(DRONE, empty).0), "lint< test<lint", "an empty list says nothing in 1.x");
    // Whichever of them run.
    let left_out = "kind: pipeline\nsteps:\n- {name: a, image: a}\n- {name: b, image: b}\n- {name: c, image: c, depends_on: [a], when: {event: tag}}\n";
    assert_eq!(order(&plan(DRONE, left_out).0), "a< b<");
}

#[test]
fn the_status_of_nothing_is_not_asked() {
    let text = "kind: pipeline\nname: a\ntrigger: {status: [failure]}\nsteps:\n- {name: a, image: a}\n";
    let run_on = |text: &str| plan(DRONE, text).0.stages.last().unwrap().run_on;
    assert!(run_on(text).success);
    let kept_out = "kind: pipeline\nname: first\ntrigger: {event: tag}\nsteps:\n- {name: a, image: a}\n---\nkind: pipeline\nname: a\ndepends_on: [first]\ntrigger: {status: [failure]}\nsteps:\n- {name: a, image: a}\n";
    assert!(run_on(kept_out).success, "what it waited for is left out");
    let after = kept_out.replace("trigger: {event: tag}\n", "");
    assert!(!run_on(&after).success && run_on(&after).failure);
}

#[test]
fn a_key_that_occurs_twice_counts_once_in_drone() {
    let old = "pipeline:\n  a:\n    image: x\n    image: y\n    environment: {A: b, A: c}\n  a: {image: z}\n";
    let (made, found) = plan(DRONE, old);
    let images: Vec<&str> = made.stages[0].steps.iter().map(|step| step.image.as_str()).collect();
    assert_eq!(images, ["y", "z"]);
    assert_eq!(codes(&found), ["duplicate-key", "duplicate-key", "duplicate-step"]);
    let new = "kind: pipeline\nname: a\nname: b\nsteps:\n- {name: a, image: x, image: y, commands: [ls], commands: [pwd]}\n";
    let (made, found) = plan(DRONE, new);
    assert_eq!((made.stages[0].name.as_str(), made.stages[0].steps[0].image.as_str()), ("b", "y"));
    assert_eq!(codes(&found), ["duplicate-key"; 3]);
    assert!(found.iter().all(|found| found.severity == Severity::Warning));
    // With a variable in the file it is read again.
    let (made, found) = plan(DRONE, &new.replace("[pwd]", "['${DRONE_BRANCH}']"));
    assert_eq!((made.stages[0].name.as_str(), found.len()), ("b", 3));
}

#[test]
fn a_name_that_occurs_twice_is_two_steps_in_woodpecker() {
    for text in [
        "when: {event: push}\nsteps:\n  a: {image: x}\n  b: {image: y}\n  a: {image: z}\n",
        "pipeline:\n  a: {image: x}\n  a: {image: z}\n",
    ] {
        let (made, found) = plan(WOODPECKER, text);
        assert_eq!(made.stages[0].steps.len(), text.matches("image").count(), "{text}");
        assert_eq!(codes(&found), ["duplicate-step"], "{text}");
    }
    let found = compiled(WOODPECKER, "when: {event: push}\nsteps:\n  a: {image: x, image: y}\n").unwrap_err();
    assert_eq!(codes(&found), ["duplicate-key"], "woodpecker refuses any other key that occurs twice");
}

#[test]
fn a_pipeline_for_windows_keeps_no_other_from_running() {
    let text = "kind: pipeline\nname: linux\nsteps:\n- {name: a, image: x}\n---\nkind: pipeline\nname: windows\nplatform: {os: windows}\nworkspace: {base: 'C:\\src'}\nvolumes: [{name: v, host: {path: 'C:\\x'}}]\nsteps:\n- {name: b, image: y, shell: powershell, volumes: [{name: v, path: 'C:\\v'}], privileged: true}\n---\nkind: pipeline\nname: after\ndepends_on: [linux, windows]\nsteps:\n- {name: c, image: z}\n";
    let (made, found) = plan(DRONE, text);
    assert_eq!(made.stages.iter().map(|stage| stage.name.as_str()).collect::<Vec<_>>(), ["linux", "after"]);
    assert_eq!(codes(&found), ["unsupported-type"]);
    let files = [
        (".woodpecker/linux.yml", "when: {event: push}\nsteps:\n- {name: a, image: x}\n"),
        (
            ".woodpecker/windows.yml",
            "when: {event: push}\nlabels: {platform: windows/amd64}\nsteps:\n- {name: a, image: x, volumes: ['C:\\x:C:\\y'], privileged: true}\n",
        ),
    ];
    let files = files.map(|(path, text)| PipelineFile { path, bytes: text.as_bytes() });
    let (made, found) = compile(&files, &facts()).unwrap();
    assert_eq!((made.stages.len(), made.stages[0].backend), (1, BackendKind::Docker));
    assert_eq!(codes(&found), ["unsupported-type"]);
}

#[test]
fn nothing_behind_the_end_of_the_documents_is_read_in_1x() {
    let text = "kind: pipeline\nname: a\nsteps:\n- {name: a, image: x}\n...\n---\nkind: pipeline\nname: b\nsteps:\n- {name: a, image: x}\n";
    let (made, found) = plan(DRONE, text);
    assert_eq!((made.stages.len(), codes(&found)), (1, vec!["second-document"]));
}

#[test]
fn a_file_for_1x_without_kind_says_so() {
    let found = compiled(DRONE, "name: default\nsteps:\n- name: a\n  image: x\n").unwrap_err();
    assert_eq!(codes(&found), ["missing-kind"]);
    assert!(found[0].help.as_ref().unwrap().to_string().contains("kind: pipeline"));
}

#[test]
fn a_condition_that_woodpecker_cannot_read_refuses_the_file() {
    for when in
        ["{branch: {include: [[a]]}}", "{branch: {exclude: {a: b}}}", "{branch: {a: b}, event: {include: {a: b}}}", "text", "[text]"]
    {
        let text = format!("steps:\n- name: a\n  image: x\n  when: {when}\n");
        assert!(compiled(WOODPECKER, &text).is_err(), "{text}");
    }
}

#[test]
fn parameters_beside_the_image_are_settings_in_woodpecker_015() {
    let (made, found) = plan(WOODPECKER, "pipeline:\n  a: {image: plugins/x, repo: a/b, dry-run: true, settings: {tags: [1, 2]}}\n");
    let environment = &made.stages[0].steps[0].environment;
    for name in ["PLUGIN_REPO", "PLUGIN_DRY_RUN", "PLUGIN_TAGS"] {
        assert!(environment.contains_key(name), "{name}");
    }
    assert_eq!(codes(&found), ["parameter-like-key"; 2]);
    assert!(found.iter().all(|found| found.severity == Severity::Note));
    let found = compiled(WOODPECKER, "pipeline:\n  a: {image: x, commands: [ls], repo: a/b}\n").unwrap_err();
    assert_eq!(codes(&found), ["commands-and-parameters"]);
}

#[test]
fn the_matrix_of_a_whole_workflow_is_not_looked_at() {
    let text = "when: {event: push, matrix: {A: '2'}}\nmatrix: {A: [1, 2]}\nsteps:\n- {name: a, image: x}\n- {name: b, image: x, when: {matrix: {A: '2'}}}\n";
    let (made, found) = plan(WOODPECKER, text);
    assert_eq!(made.stages.iter().map(|stage| stage.steps.len()).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(codes(&found), ["condition-without-effect"]);
}

#[test]
fn globs_are_those_of_each_library() {
    let runs = |path: &str, text: &str, branch: &str| {
        let mut facts = facts();
        facts.commit.branch = branch.into();
        !compile(&[PipelineFile { path, bytes: text.as_bytes() }], &facts).unwrap().0.stages.is_empty()
    };
    for (pattern, branch, old, new, woodpecker) in [
        ("[!m]*", "main", true, true, false),
        ("[!m]*", "develop", false, false, true),
        ("release/**", "release", false, false, true),
        ("release/**", "release/1/2", false, true, true),
        ("{feature/*,fix/*}", "fix/x", false, false, true),
        ("{main,develop}", "main", false, true, true),
        ("*\\/*", "release/1.2", true, false, true),
    ] {
        let files = [
            (DRONE, format!("pipeline:\n  a: {{image: x, when: {{branch: '{pattern}'}}}}\n"), old),
            (DRONE, format!("kind: pipeline\nsteps:\n- {{name: a, image: x, when: {{branch: ['{pattern}']}}}}\n"), new),
            (WOODPECKER, format!("steps:\n- {{name: a, image: x, when: {{branch: '{pattern}', event: push}}}}\n"), woodpecker),
        ];
        for (path, text, expected) in files {
            assert_eq!(runs(path, &text, branch), expected, "{pattern} {branch}\n{text}");
        }
    }
}

#[test]
fn an_axis_may_lack_where_the_step_does_not_run() {
    let file = |when: &str| {
        format!(
            "matrix:\n  include:\n  - {{A: 1, B: 2}}\n  - {{A: 3}}\npipeline:\n  all: {{image: 'x:${{A}}'}}\n  some: {{image: 'y:${{B}}'{when}}}\n"
        )
    };
    let of = |text: &str| codes(&plan(DRONE, text).1).into_iter().map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(of(&file(", when: {matrix: {B: 2}}")), Vec::<String>::new());
    assert_eq!(of(&file("")), ["unknown-variable"]);
    let woodpecker = file(", when: {event: push, matrix: {B: '2'}}").replace("pipeline:", "when: {event: push}\nsteps:");
    assert_eq!(codes(&plan(WOODPECKER, &woodpecker).1), Vec::<&str>::new());
}

#[test]
fn what_a_person_must_do_is_said_once() {
    let text = "kind: pipeline\nsteps:\n- {name: a, image: x, environment: {A: {from_secret: token}}}\n- {name: b, image: x, environment: {A: {from_secret: token}}}\n- {name: c, image: x, mem_limit: 1, build: a, push: b}\n- {name: d, image: x, build: a}\n- {name: e, image: x}\n";
    let report = reported(DRONE, text);
    let said: Vec<String> = report.entries.iter().map(|entry| entry.title.to_string()).collect();
    assert_eq!(said.iter().filter(|said| said.contains("token")).count(), 1, "{said:#?}");
    assert_eq!(said.iter().filter(|said| said.contains("`build`")).count(), 1, "{said:#?}");
    assert!(said.iter().any(|said| said.contains("`build`") && said.contains("line 6")), "{said:#?}");
    let clean: Vec<&str> = report.steps.iter().filter(|step| step.runs_as_is).map(|step| step.name.as_str()).collect();
    assert_eq!(clean, ["e"], "the second use of the secret is not forgotten");
}

#[test]
fn what_only_a_server_knows_is_named() {
    let text = "kind: pipeline\nsteps:\n- {name: a, image: x, commands: ['echo ${DRONE_BUILD_LINK} $DRONE_BUILD_LINK', 'echo $DRONE_BUILD_LINKS']}\n- {name: b, image: x}\n";
    let report = reported(DRONE, text);
    let said: Vec<&str> = report.entries.iter().map(|entry| entry.code.as_str()).collect();
    assert_eq!(said, ["empty-without-server", "runs-as-is"]);
    assert!(!codes(&lint(&[PipelineFile { path: DRONE, bytes: text.as_bytes() }], &Default::default())).contains(&"empty-without-server"));
}

#[test]
fn a_file_of_which_nothing_runs_says_so_first() {
    let text = "kind: pipeline\ntype: kubernetes\nname: a\nsteps: []\n---\nkind: pipeline\ntype: kubernetes\nname: b\nsteps: []\n";
    let report = reported(DRONE, text);
    let said: Vec<&str> = report.entries.iter().map(|entry| entry.code.as_str()).collect();
    assert_eq!(said, ["nothing-runs", "unsupported-type"]);
    assert_eq!(report.entries[0].title.to_string(), "nothing in this file runs here");
}

#[test]
fn a_report_that_was_cut_knows_of_nothing_that_it_runs() {
    let keys: String = (0..300).map(|n| format!("    unknown{n}: x\n")).collect();
    let text =
        format!("when: {{event: push}}\nsteps:\n  a:\n    image: x\n{keys}  b: {{image: y}}\n  c: {{image: z, depends_on: [nobody]}}\n");
    let found = lint(&[PipelineFile { path: WOODPECKER, bytes: text.as_bytes() }], &Default::default());
    assert!(found.iter().any(|found| found.code == "unknown-step"), "an error has its own room");
    let many = "when: {event: push}\nsteps:\n".to_owned()
        + &(0..250).map(|n| format!("  s{n}: {{image: x, comands: [ls]}}\n")).collect::<String>()
        + "  last: {image: x}\n";
    let found = lint(&[PipelineFile { path: WOODPECKER, bytes: many.as_bytes() }], &Default::default());
    assert_eq!(found.last().map(|found| found.message.to_string()).as_deref(), Some("at least 50 more warnings are not shown"));
    let report = reported(WOODPECKER, &many);
    assert!(report.entries.iter().any(|entry| entry.code == "unknown"));
    assert!(report.entries.iter().all(|entry| entry.effect != Effect::Runs));
    assert!(report.steps.iter().all(|step| !step.runs_as_is));
}

#[test]
fn a_parameter_wins_over_what_the_run_knows_in_08() {
    let mut facts = facts();
    facts.inputs.insert("DRONE_BRANCH".into(), "given".into());
    facts.inputs.insert("DRY".into(), "false".into());
    let text = "pipeline:\n  a: {image: x, environment: {DRONE_BRANCH: file, DRY: file}}\n";
    let (plan, _) = compile(&[PipelineFile { path: DRONE, bytes: text.as_bytes() }], &facts).unwrap();
    let environment = &plan.stages[0].steps[0].environment;
    let text = |name: &str| serde_json::to_string(&environment[name]).unwrap();
    assert_eq!((text("DRONE_BRANCH"), text("DRY")), ("{\"text\":\"given\"}".to_owned(), "{\"text\":\"false\"}".to_owned()));
}

#[test]
fn a_variable_that_is_the_name_of_a_secret_is_told() {
    let said = |text: &str, secrets: &[&str]| {
        let mut facts = facts();
        facts.known_secrets = secrets.iter().map(|name| (*name).to_owned()).collect();
        let (_, found) = compile(&[PipelineFile { path: DRONE, bytes: text.as_bytes() }], &facts).unwrap();
        found.iter().map(|found| format!("{} {}", found.code, found.help.as_ref().unwrap())).collect::<Vec<_>>().join("\n")
    };
    let plugin = "pipeline:\n  a: {image: plug, password: '${HARBOR_PASSWORD}'}\n";
    assert!(!said(plugin, &["other"]).contains("is set"));
    let known = said(plugin, &["harbor_password"]);
    assert!(known.starts_with("unknown-parameter the secret `harbor_password` is set"), "{known}");
    assert!(known.contains("secrets: [{source: harbor_password, target: plugin_password}]"), "{known}");
    // A name that is close to a known one is still the secret's.
    let command = "kind: pipeline\nsteps:\n- {name: a, image: x, commands: ['echo ${DRONE_TAGS}']}\n";
    assert!(said(command, &[]).contains("did you mean `DRONE_TAG`"));
    assert!(
        said(command, &["drone_tags"]).contains("environment: {DRONE_TAGS: {from_secret: drone_tags}}"),
        "{}",
        said(command, &["drone_tags"])
    );
}

#[test]
fn a_file_with_errors_runs_nothing_as_it_is() {
    let text = "kind: pipeline\nname: a\nsteps:\n- {name: a, image: x}\n- {name: b, image: y, commands: make}\n";
    let report = reported(DRONE, text);
    let said: Vec<&str> = report.entries.iter().map(|entry| entry.code.as_str()).collect();
    assert_eq!(said, ["nothing-runs", "wrong-type"]);
    assert!(report.entries[0].title.to_string().contains("1 of its 2 steps run as they are then"), "{}", report.entries[0].title);
    assert!(report.steps.iter().all(|step| !step.runs_as_is));
    // What the user can give is no error of the file.
    let trust = reported(DRONE, "kind: pipeline\nname: a\nsteps:\n- {name: a, image: x}\n- {name: b, image: y, privileged: true}\n");
    assert!(trust.entries.iter().any(|entry| entry.effect == Effect::Runs), "{:#?}", trust.entries);
}

#[test]
fn a_secret_in_a_parameter_beside_the_image_is_needed_too() {
    let report = reported(WOODPECKER, "pipeline:\n  a: {image: plugins/x, token: {from_secret: hook}}\n");
    assert!(report.entries.iter().any(|entry| entry.code == "needs-secret" && entry.title.to_string().contains("`hook`")));
}

#[test]
fn an_expression_over_what_is_always_empty_is_told() {
    let report =
        reported(WOODPECKER, "when: {event: push}\nsteps:\n- {name: a, image: x, when: {evaluate: 'CI_FORGE_TYPE == \"gitea\"'}}\n");
    assert!(report.entries.iter().any(|entry| entry.code == "empty-without-server"), "{:#?}", report.entries);
}
