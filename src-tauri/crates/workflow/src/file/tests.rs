use super::*;

const FILE: &str = ".letterpress.yml";

fn errors(text: &str) -> Vec<String> {
    parse(FILE, text.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn a_full_file_is_read() {
    let text = "workflows:
  - name: release
    title: {zh-CN: 发布, en: Release}
    description: Builds and publishes
    pipeline: ./ci/.drone.yml
    event: promote
    target: production
    inputs:
      - {name: CHANNEL, label: 渠道, options: [stable, beta], default: stable, required: yes}
      - {name: DRY_RUN, type: boolean, default: on, help: {en: Changes nothing}}
      - {name: COUNT, type: number, default: 1.50}
      - {name: TICKET, pattern: 'REL-\\d+'}
  - name: run
    pipeline: .woodpecker/
";
    let (workflows, warnings) = parse(FILE, text.as_bytes()).unwrap();
    assert_eq!(warnings, []);
    let release = &workflows[0];
    assert_eq!((release.title.pick("zh-CN"), release.title.pick("en")), ("发布", "Release"));
    assert_eq!((release.pipeline.as_deref(), release.target.as_deref()), (Some("ci/.drone.yml"), Some("production")));
    assert_eq!(release.event, EventKind::Promote);
    let defaults: Vec<_> = release.inputs.iter().map(|i| (i.kind, i.default.as_deref())).collect();
    assert_eq!(
        defaults,
        [
            (InputType::Choice, Some("stable")),
            (InputType::Boolean, Some("true")),
            (InputType::Number, Some("1.50")),
            (InputType::Text, None)
        ]
    );
    assert!(release.inputs[0].required);
    assert_eq!((workflows[1].event, workflows[1].pipeline.as_deref()), (EventKind::Push, Some(".woodpecker")));
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "workflows:
  - name: a b
    event: pussh
    pipeline: ../x.yml
  - title: x
  - name: c
    inputs:
      - {name: 1x, type: choise, options: [a]}
      - {name: A, type: choice}
      - {name: A, secret: true}
      - {name: P, pattern: '('}
  - name: c
";
    let codes: Vec<String> = parse(FILE, text.as_bytes()).unwrap_err().into_iter().map(|d| d.code).collect();
    assert_eq!(
        codes,
        [
            "invalid-name",
            "unknown-event",
            "invalid-path",
            "missing-name",
            "invalid-name",
            "unknown-type",
            "missing-options",
            "duplicate-input",
            "secret-input",
            "invalid-pattern",
            "duplicate-workflow"
        ]
    );
    assert!(errors(text)[1].ends_with("did you mean `push`?"));
}

#[test]
fn defaults_are_checked() {
    for (input, expected) in [
        ("{name: A, options: [a], default: b}", "must be one of"),
        ("{name: A, type: number, default: x}", "must be a number"),
        ("{name: A, pattern: '[a-z]+', default: A1}", "[a-z]+"),
        ("{name: A, type: boolean, default: maybe}", "`true` or `false`"),
    ] {
        let found = errors(&format!("workflows:\n- name: w\n  inputs: [{input}]\n"));
        assert!(found.len() == 1 && found[0].contains(expected), "{found:?}");
    }
}

#[test]
fn slips_are_warnings_and_emptiness_is_an_error() {
    let (_, warnings) = parse(FILE, b"workflows:\n- {name: a, titel: x, target: y}\nversoin: 1\n").unwrap();
    let shown: Vec<String> =
        warnings.iter().map(|d| format!("{} {}", d.code, d.help.as_ref().map(ToString::to_string).unwrap_or_default())).collect();
    assert_eq!(
        shown,
        ["unknown-key did you mean `title`?", "target-without-effect write `event: promote`", "unknown-key did you mean `version`?"]
    );
    for text in ["", "workflows: []\n", "a: 1\n", "workflows: {a: b}\n", "- a\n", "workflows: [\n"] {
        assert!(!errors(text).is_empty(), "{text:?}");
    }
}

#[test]
fn hostile_files_end_in_findings() {
    let many = format!("workflows:\n{}", "- {name: a}\n".repeat(50_000));
    assert!(errors(&many)[0].contains("too-many-workflows"));
    let pattern = format!("workflows:\n- name: w\n  inputs: [{{name: A, pattern: '{}'}}]\n", "(a{1000}){1000}");
    assert!(errors(&pattern)[0].contains("invalid-pattern"));
    assert!(!errors(&"[".repeat(100_000)).is_empty());
}

#[test]
fn the_version_of_the_format_is_read() {
    assert!(parse(FILE, b"version: 1\nworkflows: [{name: a}]\n").is_ok());
    assert!(parse(FILE, b"version: '1'\nworkflows: [{name: a}]\n").is_ok());
    let found = errors("version: 2\nworkflows: [{name: a, later: key}]\n");
    assert_eq!(found.len(), 1, "what a later version means is not judged: {found:?}");
    assert!(found[0].starts_with(".letterpress.yml:1:10: error[unknown-version]"), "{found:?}");
}
