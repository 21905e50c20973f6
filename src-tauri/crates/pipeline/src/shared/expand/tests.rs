use crate::{PipelineFile, compile, lint};
use lp_model::{EnvValue, EventFacts, EventKind, Plan};

fn facts(message: &str, inputs: &[(&str, &str)]) -> EventFacts {
    let mut facts = EventFacts::new(EventKind::Push);
    facts.commit.branch = "main".into();
    facts.commit.message = message.into();
    facts.inputs = inputs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    facts
}

fn plan(text: &str, facts: &EventFacts) -> Result<(Plan, Vec<String>), Vec<String>> {
    let shown = |found: Vec<lp_model::Diagnostic>| {
        found.into_iter().filter(|found| found.code != "no-event").map(|found| found.to_string()).collect()
    };
    let file = PipelineFile { path: ".drone.yml", bytes: text.as_bytes() };
    compile(&[file], facts).map(|(plan, found)| (plan, shown(found))).map_err(shown)
}

const HEADS: [(&str, &str); 3] =
    [("pipeline:\n  a:\n", "    "), ("kind: pipeline\nname: d\nsteps:\n- name: a\n", "  "), ("steps:\n- name: a\n", "  ")];
const VALUES: [&str; 22] = [
    "Tom's: tea",
    "\"Quoted\" shop",
    "C# shop # 1",
    "- list",
    "@home",
    "*star",
    "{from_secret: X}",
    "[a, b]",
    " blanks ",
    "two\nlines\n",
    "100%",
    "中文: \"好\"",
    "null",
    "~",
    "1.10",
    "yes",
    "0x10",
    "a\\b/c",
    "$HOME $(id) `id`",
    "&anchor",
    "!tag",
    "${SHOP}",
];

#[test]
fn what_a_person_typed_arrives_exactly_wherever_the_file_uses_it() {
    for (head, indent) in HEADS {
        for value in VALUES {
            for body in [
                "environment:\n@  TITLE: ${SHOP}",
                "environment:\n@  TITLE: \"${SHOP}\"",
                "environment:\n@  TITLE: '${SHOP}'",
                "environment:\n@  TITLE: |-\n@    ${SHOP}",
            ] {
                let text = format!("{head}{indent}image: box\n{indent}{}\n{indent}commands: [ls]\n", body.replace('@', indent));
                let (plan, found) =
                    plan(&text, &facts("m", &[("SHOP", value)])).unwrap_or_else(|found| panic!("{text} {value}: {found:?}"));
                assert_eq!(found, Vec::<String>::new(), "{text} {value}");
                let step = &plan.stages[0].steps[0];
                assert_eq!(step.environment.get("TITLE"), Some(&EnvValue::Text(value.to_owned())), "{text} {value}");
                assert_eq!(plan.secret_names(), Vec::<String>::new());
            }
        }
    }
}

#[test]
fn a_parameter_of_a_plugin_and_an_image_get_it_exactly() {
    for (head, indent) in HEADS {
        for value in VALUES {
            let settings = if head.starts_with("pipeline") {
                format!("{indent}title: ${{SHOP}}\n")
            } else {
                format!("{indent}settings: {{title: '${{SHOP}}'}}\n")
            };
            let text = format!("{head}{indent}image: box:${{SHOP}}\n{settings}");
            let (plan, _) = plan(&text, &facts("m", &[("SHOP", value)])).unwrap_or_else(|found| panic!("{text} {value}: {found:?}"));
            let step = &plan.stages[0].steps[0];
            assert_eq!(step.environment.get("PLUGIN_TITLE"), Some(&EnvValue::Text(value.to_owned())), "{text} {value}");
            assert_eq!(step.image, format!("box:{value}"));
        }
    }
}

#[test]
fn in_commands_it_is_a_variable_and_the_trace_shows_the_value() {
    for (head, indent) in HEADS {
        let text = format!("{head}{indent}image: box\n{indent}commands: ['deploy --to ${{SHOP}} \"for ${{SHOP}}\"']\n");
        let (plan, found) = plan(&text, &facts("m", &[("SHOP", "a'; rm -rf /; '")])).unwrap();
        let step = &plan.stages[0].steps[0];
        let script = &step.command.as_ref().unwrap()[0];
        assert!(script.contains("\ndeploy --to \"${LETTERPRESS_INPUT_1}\" \"for ${LETTERPRESS_INPUT_1}\"\n"), "{script}");
        assert!(script.contains("'+ deploy --to a'\\''; rm -rf /; '\\'' \"for"), "{script}");
        assert_eq!(step.environment.get("LETTERPRESS_INPUT_1"), Some(&EnvValue::Text("a'; rm -rf /; '".into())));
        assert!(found[0].contains("[one-word]"), "{found:?}");
        let refused = format!("{head}{indent}image: box\n{indent}commands: ['echo $((1 + ${{SHOP}}))']\n");
        let errors = super::tests::plan(&refused, &facts("m", &[("SHOP", "x")])).unwrap_err();
        assert!(errors[0].contains("`${SHOP}` stands in arithmetic"), "{errors:?}");
    }
}

#[test]
fn a_shell_that_a_container_is_told_to_start_gets_a_variable_too() {
    let text =
        "kind: pipeline\nname: d\nsteps:\n- name: a\n  image: box\n  entrypoint: [/bin/sh, -ec]\n  command: ['echo ${SHOP}', '${SHOP}']\n";
    let (plan, _) = plan(text, &facts("m", &[("SHOP", "; id")])).unwrap();
    let step = &plan.stages[0].steps[0];
    assert_eq!(step.command.as_deref(), Some(&["echo \"${LETTERPRESS_INPUT_1}\"".to_owned(), "; id".to_owned()][..]));
    let text = "pipeline:\n  a: {image: box, commands: [ls]}\nservices:\n  s:\n    image: db\n    command: serve --name ${SHOP} -x\n";
    let (plan, _) = super::tests::plan(text, &facts("m", &[("SHOP", "two words")])).unwrap();
    let words: Vec<&str> = plan.stages[0].steps[0].command.as_ref().unwrap().iter().map(String::as_str).collect();
    assert_eq!(words, ["serve", "--name", "two words", "-x"]);
}

#[test]
fn a_condition_takes_it_for_a_text() {
    let runs = |when: &str, value: &str| {
        let text =
            format!("steps:\n- {{name: a, image: i, commands: [x]}}\n- name: b\n  image: i\n  commands: [x]\n  when: [{{{when}}}]\n");
        plan(&text, &facts("m", &[("IN", value)])).unwrap().0.stages[0].steps.len() == 2
    };
    assert!(runs("branch: '${IN}'", "main") && !runs("branch: '${IN}'", "*") && !runs("branch: '${IN}'", "{main,x}"));
    let guard = "evaluate: '\"${IN}\" == \"admin\"'";
    assert!(runs(guard, "admin") && !runs(guard, "x\" || true || \""));
}

#[test]
fn a_bool_or_number_may_be_entered_where_one_is_wanted() {
    let text = "kind: pipeline\nname: d\nsteps:\n- {name: a, image: i, detach: '${D}'}\n- {name: b, image: i, commands: [x], detach: ${D}}\n- {name: c, image: i, commands: [x]}\n";
    let errors = plan(text, &facts("m", &[("D", "maybe")])).unwrap_err();
    assert!(errors.iter().all(|error| error.contains("must be `true` or `false`")), "{errors:?}");
    let (plan, _) = plan(text, &facts("m", &[("D", "true")])).unwrap();
    assert!(plan.stages[0].steps[1].detached);
}

#[test]
fn a_fact_that_breaks_the_file_is_named_with_its_value_and_the_line() {
    let text = "steps:\n- name: a\n  image: box\n  environment:\n    TEXT: \"deployed: ${CI_COMMIT_MESSAGE}\"\n  commands: [env]\n";
    let errors = plan(text, &facts("fix \"login\" button", &[])).unwrap_err();
    assert_eq!(errors.len(), 1);
    for part in [
        ".drone.yml:5:22: error[value-breaks-file]: `${CI_COMMIT_MESSAGE}` is `fix \"login\" button` in this run",
        "the line reads `TEXT: \"deployed: fix \"login\" button\"` then",
    ] {
        assert!(errors[0].contains(part), "{part} in {}", errors[0]);
    }
    let plain = text.replace("\"deployed: ${CI_COMMIT_MESSAGE}\"", "${CI_COMMIT_MESSAGE}");
    let errors = super::tests::plan(&plain, &facts("release: shop", &[])).unwrap_err();
    assert!(errors[0].contains("is `release: shop` in this run"), "{errors:?}");
    let (_, found) = super::tests::plan(&plain, &facts("fix # 12", &[])).unwrap();
    assert!(
        found[0].contains("[value-read-differently]: `${CI_COMMIT_MESSAGE}` is `fix # 12` in this run, and YAML makes `fix` of"),
        "{found:?}"
    );
    assert_eq!(super::tests::plan(&plain, &facts("fix it", &[])).unwrap().1, Vec::<String>::new());
    // The file's own mistake is not blamed on a value.
    let own = "steps:\n- name: a\n  image: \"box\" x\n  commands: ['echo ${CI_COMMIT_BRANCH}']\n";
    let errors = super::tests::plan(own, &facts("m", &[])).unwrap_err();
    assert!(errors[0].contains("yaml-syntax"), "{errors:?}");
}

#[test]
fn a_value_that_nobody_gave_is_named_where_it_breaks_the_file() {
    let text = "kind: pipeline\nname: d\nsteps:\n- name: a\n  image: box:${BOX_TAG}\n  commands: [ls]\n";
    let errors = plan(text, &facts("m", &[])).unwrap_err();
    assert!(
        errors.iter().any(|error| error.contains("`${BOX_TAG}` has no value in this run") && error.contains("--input BOX_TAG=")),
        "{errors:?}"
    );
    assert_eq!(lint(&[PipelineFile { path: ".drone.yml", bytes: text.as_bytes() }], &Default::default()), []);
}

#[test]
fn a_secret_that_is_written_as_a_variable_is_told_with_the_right_advice() {
    for (text, parameter, advice) in [
        (
            "pipeline:\n  p: {image: plug, repo: a/b, password: '${HARBOR_PASSWORD}'}\n",
            "password",
            "secrets: [{source: HARBOR_PASSWORD, target: plugin_password}]",
        ),
        (
            "kind: pipeline\nname: d\nsteps:\n- {name: p, image: plug, settings: {password: '${HARBOR_PASSWORD}'}}\n",
            "password",
            "password: {from_secret: HARBOR_PASSWORD}",
        ),
        ("steps:\n- {name: p, image: plug, settings: {auth: ['${HARBOR_PASSWORD}']}}\n", "auth", "auth: {from_secret: HARBOR_PASSWORD}"),
    ] {
        let file = PipelineFile { path: ".drone.yml", bytes: text.as_bytes() };
        let linted = lint(&[file], &Default::default());
        let found: Vec<String> = linted.iter().filter(|found| found.code != "no-event").map(ToString::to_string).collect();
        assert!(found[0].contains(&format!("parameter `{parameter}` of the plugin")) && found[0].contains(advice), "{found:?}");
        let (_, in_run) = plan(text, &facts("m", &[])).unwrap();
        assert!(in_run.contains(&found[0]), "{in_run:?}");
        let report = crate::report(&[file], &Default::default());
        assert!(report.entries.iter().any(|entry| entry.code == "unknown-parameter"), "{:?}", report.entries);
    }
}
