//! Woodpecker's tables: 0.15 by its own program, 3 by its own tests.

use crate::{SCENARIOS_08, cases, corpus, facts, refused, settle, text};
use lp_model::{Dialect, EnvValue, EventFacts, EventKind, Severity, what};
use lp_pipeline::environment::{Environment, woodpecker as variables};
use lp_pipeline::when::path::PathFilter;
use lp_pipeline::when::woodpecker::Reader;
use lp_pipeline::when::{Situation, When};
use lp_pipeline::{Generation, PipelineFile, compile, lint, matrix, outline, params};
use lp_yaml::{Findings, Node};
use serde_json::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

const DIALECT: Dialect = Dialect::Woodpecker;
const PATH: &str = ".woodpecker.yml";

fn node(yaml: &str) -> Arc<Node> {
    lp_yaml::parse("t", yaml.as_bytes()).expect("YAML").remove(0).root
}

/// `key: conf`, whatever form `conf` has.
fn under(key: &str, conf: &str) -> String {
    let block = !conf.starts_with(['{', '[', '\'', '"']) && conf.contains(": ");
    if block { format!("{key}:\n  {}\n", conf.replace('\n', "\n  ")) } else { format!("{key}: {conf}\n") }
}

fn read(conf: &str, generation: Generation) -> Result<When, Vec<lp_model::Diagnostic>> {
    let mut findings = Findings::new("t");
    let root = node(&format!("when:\n  {}\n", conf.replace('\n', "\n  ")));
    let when = Reader::new(generation).read(root.get("when").expect("it stands there"), what!("`{}`", "when"), &mut findings);
    if findings.has_errors() { Err(findings.into_sorted()) } else { Ok(when) }
}

fn holds(when: &When, facts: &EventFacts, cell: &[(String, String)]) -> bool {
    let variables = variables::metadata(facts, Generation::Current, "w", 1);
    when.mismatch(&Situation { dialect: DIALECT, facts, cell, variables: &variables }).is_none()
}

#[test]
fn settings_agree() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for case in cases(&folder, "own_params_oracle.json") {
        let (yaml, answer) = (text(&case, "yaml_value"), &case["woodpecker_0.15"]);
        let now = match lp_yaml::parse("t", format!("    k: {yaml}\n").as_bytes()) {
            Err(_) => Err(()),
            Ok(documents) => Ok(documents[0].root.get("k").and_then(|node| params::woodpecker(node, Generation::Early))),
        };
        let expected = if answer.get("error").is_some() {
            Err(())
        } else {
            Ok(answer["PLUGIN_K"].as_str().map(|text| EnvValue::Text(text.to_owned())))
        };
        if now != expected {
            differences.push((yaml.to_owned(), format!("{expected:?}, here {now:?}")));
        }
    }
    let reason = "a date stays as it is written, as in woodpecker 3; 0.15 put a time in quotes into the variable";
    settle(differences, &[("2017-01-01", reason), ("2001-12-14t21:59:43.10-05:00", reason)]);
}

#[test]
fn conditions_of_015_agree() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for case in cases(&folder, "own_when_oracle.json") {
        let (conf, answer) = (text(&case, "when"), &case["woodpecker_0.15"]);
        let error = answer.get("error").is_some();
        let when = match read(conf, Generation::Early) {
            Ok(when) => when,
            Err(found) => {
                if !error {
                    differences.push((conf.to_owned(), format!("no error, here {found:?}")));
                }
                continue;
            }
        };
        if error {
            differences.push((conf.to_owned(), "an error, here none".into()));
            continue;
        }
        let fits = |scenario: &&&str| holds(&when, &facts(scenario), &[]);
        let now: BTreeSet<&str> = SCENARIOS_08.iter().filter(fits).copied().collect();
        let expected: BTreeSet<&str> = answer["runs_in"].as_array().expect("a list").iter().filter_map(Value::as_str).collect();
        if now != expected {
            differences.push((conf.to_owned(), format!("{expected:?}, here {now:?}")));
        }
        if let Some(scenario) = expected.first() {
            let facts = facts(scenario);
            let run_on = when.run_on(&Situation { dialect: DIALECT, facts: &facts, cell: &[], variables: &Environment::new() });
            if (answer["on_success"] == true, answer["on_failure"] == true) != (run_on.success, run_on.failure) {
                differences.push((conf.to_owned(), format!("here {run_on:?}")));
            }
        }
    }
    settle(differences, &[("[]", "an empty list of conditions holds always, as in woodpecker 1.0 and later")]);
}

#[test]
fn lists_and_maps_of_globs_agree() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for (table, generation) in [("wp015_when_TestConstraint.json", Generation::Early), ("wp3_when_list.json", Generation::Current)] {
        for case in cases(&folder, table) {
            let mut facts = EventFacts::new(EventKind::Push);
            facts.commit.branch = text(&case, "with").into();
            let when = read(&under("branch", text(&case, "conf")), generation).expect("it can be read");
            if holds(&when, &facts, &[]) != (case["want"] == true) {
                differences.push((format!("{table} {} {}", text(&case, "conf"), text(&case, "with")), case.to_string()));
            }
        }
    }
    for (table, generation) in [("wp015_when_TestConstraintMap.json", Generation::Early), ("wp3_when_map.json", Generation::Current)] {
        for case in cases(&folder, table) {
            let cell: Vec<(String, String)> = case["with"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(axis, value)| (axis.clone(), value.as_str().unwrap_or_default().to_owned()))
                .collect();
            let when = read(&under("matrix", text(&case, "conf")), generation).expect("it can be read");
            if holds(&when, &EventFacts::new(EventKind::Push), &cell) != (case["want"] == true) {
                differences.push((format!("{table} {}", text(&case, "conf")), case.to_string()));
            }
        }
    }
    settle(differences, &[]);
}

#[test]
fn paths_agree() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for (table, generation) in [("wp015_when_TestConstraintList.json", Generation::Early), ("wp3_when_path.json", Generation::Current)] {
        for case in cases(&folder, table) {
            let mut facts = EventFacts::new(EventKind::Push);
            facts.commit.message = text(&case, "message").into();
            let files = case["with"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
            facts.changed_files = Some(files.collect());
            let when = read(&under("path", text(&case, "conf")), generation).expect("it can be read");
            if holds(&when, &facts, &[]) != (case["want"] == true) {
                differences.push((format!("{table} {}", text(&case, "conf")), case.to_string()));
            }
            facts.kind = EventKind::Tag;
            assert!(holds(&when, &facts, &[]), "files say nothing about a tag");
        }
    }
    settle(differences, &[]);
    assert!(PathFilter::default().matches(&[], ""));
}

/// The words of Woodpecker's own tests for the facts of an event.
fn facts_of(with: &Value) -> EventFacts {
    let go = |value: &Value| value["$go"].as_str().unwrap_or_default().to_owned();
    let string = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let curr = &with["Curr"];
    let mut facts = EventFacts::new(match go(&curr["Event"]).as_str() {
        "metadata.EventCron" => EventKind::Cron,
        "metadata.EventManual" => EventKind::Manual,
        "" | "metadata.EventPush" => EventKind::Push,
        other => panic!("unknown event {other}"),
    });
    facts.commit.branch = string(&curr["Commit"]["Branch"]);
    facts.commit.reference = string(&curr["Commit"]["Ref"]);
    facts.cron = curr["Cron"].as_str().map(str::to_owned);
    facts.repo.default_branch = string(&with["Repo"]["Branch"]);
    // 0.15 keeps both in one name; where a test says nothing the name is that of its defaults.
    let name = string(&with["Repo"]["Name"]);
    let (owner, name) = name.split_once('/').map_or((string(&with["Repo"]["Owner"]), name.clone()), |(a, b)| (a.into(), b.into()));
    facts.repo.owner = if owner.is_empty() { "owner".into() } else { owner };
    facts.repo.name = if name.is_empty() { "repo".into() } else { name };
    facts.inputs.insert("CI_SYSTEM_HOST".into(), string(&with["Sys"]["Host"]));
    facts
}

#[test]
fn whole_conditions_agree() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for (table, generation) in [("wp015_when_TestConstraints.json", Generation::Early), ("wp3_when_full.json", Generation::Current)] {
        for case in cases(&folder, table) {
            let mut facts = facts_of(&case["with"]);
            for (name, value) in case["env"].as_object().into_iter().flatten() {
                facts.inputs.insert(name.clone(), value.as_str().unwrap_or_default().to_owned());
            }
            let conf = text(&case, "conf").replace("${CI_REPO_DEFAULT_BRANCH}", &facts.repo.default_branch);
            let when = read(&conf, generation).expect("it can be read");
            if holds(&when, &facts, &[]) != (case["want"] == true) {
                differences.push((format!("{table} {conf}"), case.to_string()));
            }
        }
    }
    for case in cases(&folder, "wp3_when_status.json") {
        let when = read(text(&case, "conf"), Generation::Current).expect("it can be read");
        let facts = facts("pull_request");
        let run_on = when.run_on(&Situation { dialect: DIALECT, facts: &facts, cell: &[], variables: &Environment::new() });
        if (run_on.success, run_on.failure) != (case["wantSuccess"] == true, case["wantFail"] == true) {
            differences.push((format!("status {}", text(&case, "conf")), format!("{case}, here {run_on:?}")));
        }
    }
    settle(differences, &[]);
}

#[test]
fn matrices_agree() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for case in cases(&folder, "own_matrix_oracle.json") {
        let mut findings = Findings::new("t");
        let cells = matrix::cells(&node(text(&case, "yaml")), &mut findings);
        let answer = &case["woodpecker_0.15"];
        let now = if findings.has_errors() { None } else { Some(cells.iter().filter(|cell| !cell.is_empty()).count() as u64) };
        if now != answer["count"].as_u64() {
            differences.push((text(&case, "name").to_owned(), format!("{answer}, here {cells:?}")));
        }
    }
    settle(differences, &[("float axes keep text", "an axis value that says nothing is an empty text, as in drone 0.8")]);
}

#[test]
fn small_files_are_refused_where_015_refuses() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for case in cases(&folder, "own_structure_oracle.json") {
        let now = compile(&[PipelineFile { path: PATH, bytes: text(&case, "yaml").as_bytes() }], &facts("push_master"));
        let expected = refused(&case["woodpecker_0.15"]);
        if now.is_err() != expected {
            differences.push((text(&case, "name").to_owned(), format!("refused {expected}, here {now:?}")));
        }
    }
    settle(
        differences,
        &[
            ("commands with bool", "accepted, as in woodpecker 1.0 and later"),
            ("commands with int", "accepted, as in woodpecker 1.0 and later"),
            ("env map bool", "accepted with a warning that says how woodpecker 0.15 reads it"),
            ("secrets mixed", "names and pairs in one list are clear enough"),
        ],
    );
}

/// What a person gets to see about a file in a project that is not trusted.
fn findings_of(yaml: &str) -> (bool, Vec<String>) {
    let mut facts = facts("push_master");
    facts.repo.trusted = false;
    match compile(&[PipelineFile { path: PATH, bytes: yaml.as_bytes() }], &facts) {
        Ok((_, found)) => (true, found.iter().map(ToString::to_string).collect()),
        Err(found) => (false, found.iter().map(ToString::to_string).collect()),
    }
}

#[test]
fn what_the_linters_refuse_is_refused() {
    let Some(folder) = corpus() else { return };
    let mut differences = Vec::new();
    for table in ["wp015_lint_errors.json", "wp3_lint_LintErrors.json"] {
        for case in cases(&folder, table) {
            let (runs, found) = findings_of(&closed(text(&case, "from")));
            if runs {
                differences.push((text(&case, "want").to_owned(), format!("{}\n    {found:?}", text(&case, "from"))));
            }
        }
    }
    settle(
        differences,
        &[
            ("Should not configure both `environment` and `settings`", "a warning in woodpecker too"),
            ("Additional property pipeline is not allowed", "woodpecker 0.15 to 2 run such files, and so do we"),
            (
                "The formerly privileged plugin `plugins/docker` is no longer privileged by default, if required, add it to `WOODPECKER_PLUGINS_PRIVILEGED`",
                "a warning in woodpecker too",
            ),
            ("Specified clone image does not match allow list, netrc is not injected", "there is no clone step here"),
        ],
    );
    // What is only a warning there has a finding here too.
    for case in cases(&folder, "wp3_lint_LintErrors.json") {
        let yaml = closed(text(&case, "from"));
        assert!(yaml.contains("pipeline:") || !findings_of(&yaml).1.is_empty(), "{yaml}");
    }
}

#[test]
fn what_the_linters_accept_and_only_remark_is_so_here() {
    let Some(folder) = corpus() else { return };
    for case in cases(&folder, "wp3_lint_Lint.json") {
        let yaml = closed(text(&case, "Data"));
        let found = lint(&[PipelineFile { path: PATH, bytes: yaml.as_bytes() }]);
        assert!(!found.iter().any(|d| d.severity == Severity::Error), "{yaml}: {found:?}");
        assert!(!found.iter().any(|d| d.code == "not-privileged-any-more"), "{yaml}");
    }
    for (table, code) in [("wp3_lint_BadHabits.json", "no-event"), ("wp3_lint_Deprecations.json", "deprecated-variable")] {
        for case in cases(&folder, table) {
            let (runs, found) = findings_of(text(&case, "from"));
            let told = found.iter().any(|line| line.contains(&format!("[{code}]")));
            assert_eq!((runs, told), (true, !text(&case, "want").is_empty()), "{case} {found:?}");
        }
    }
}

/// Some cases have a bracket too many, which the original's parser lets pass.
fn closed(yaml: &str) -> String {
    let (open, close) = (yaml.matches('{').count(), yaml.matches('}').count());
    let mut yaml = yaml.to_owned();
    for _ in open..close {
        let at = yaml.rfind('}').expect("there is one");
        yaml.remove(at);
    }
    yaml
}

#[test]
fn steps_volumes_and_concurrency_are_read() {
    let Some(folder) = corpus() else { return };
    for case in cases(&folder, "wp3_container_parse.json") {
        let yaml = format!("steps:\n  {}\n", text(&case, "from").replace('\n', "\n  "));
        let outline = outline(&[PipelineFile { path: PATH, bytes: yaml.as_bytes() }]).expect("it can be read");
        let now: Vec<(&str, &str)> = outline.stages[0].steps.iter().map(|step| (step.name.as_str(), step.image.as_str())).collect();
        let expected: Vec<(&str, &str)> =
            case["want"].as_array().into_iter().flatten().map(|step| (text(step, "Name"), text(step, "Image"))).collect();
        assert_eq!(now, expected, "{yaml}");
    }
    for case in cases(&folder, "wp3_volume_parse.json") {
        let yaml = format!("steps:\n- name: a\n  image: x\n  volumes:\n  {}\n", text(&case, "yaml").replace('\n', "\n  "));
        let (plan, _) = compile(&[PipelineFile { path: PATH, bytes: yaml.as_bytes() }], &facts("push_master")).expect("it compiles");
        let mounts = &plan.stages[0].steps[0].mounts;
        let now: Vec<(&str, bool)> = mounts.iter().map(|mount| (mount.path.as_str(), mount.read_only)).collect();
        let expected: Vec<(&str, bool)> = case["expected"]["Volumes"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|volume| (text(volume, "Destination"), text(volume, "AccessMode") == "ro"))
            .collect();
        assert_eq!(now, expected, "{yaml}");
    }
    for case in cases(&folder, "wp3_concurrency.json") {
        let yaml = format!("{}\nsteps:\n- {{name: a, image: x}}\n", text(&case, "yaml"));
        assert!(findings_of(&yaml).0, "{yaml}");
    }
}
