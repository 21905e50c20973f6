//! What a person typed is data: it arrives exactly, wherever the file uses it.

use lp_tests::press::Press;

const BUTTONS: &str = "workflows:\n  - name: build\n    event: push\n    inputs: [{name: SHOP, type: text, default: Corner}]\n";
const PIPELINE: &str = "kind: pipeline
type: docker
name: d
steps:
- name: a
  image: box
  environment:
    TITLE: ${SHOP}
  commands:
  - printf 'env<%s>\\n' \"$TITLE\"
  - printf 'word<%s>\\n' ${SHOP}
  - printf 'quoted<%s>\\n' \"${SHOP}\" '${SHOP}'
";

#[test]
fn any_text_arrives_exactly() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".letterpress.yml", BUTTONS), (".drone.yml", PIPELINE)]);
    for value in [
        "Tom's: tea",
        "\"Quoted\" shop",
        "C# shop # 1",
        "- list",
        "@home",
        "*star",
        "{from_secret: X}",
        " blanks ",
        "100% `id` $(id) $HOME",
        "中文：“好”",
    ] {
        let said = press.say(&["run", &repository, "--backend", "host", "--input", &format!("SHOP={value}")]).expect(0);
        for place in [format!("\nenv<{value}>\n"), format!("\nword<{value}>\n"), format!("\nquoted<{value}>\nquoted<{value}>\n")] {
            assert!(said.out.contains(&place), "{place} in {}", said.out);
        }
    }
}

#[test]
fn a_value_is_no_command_of_a_shell_in_the_shell() {
    let press = Press::without_engine();
    let pipeline = PIPELINE.split("  commands:").next().unwrap().to_owned()
        + r#"  commands:
  - sh -c "printf 'one<%s>\n' \"${SHOP}\""
  - sh -ec 'printf "two<%s>\n" ${SHOP}'
  - eval "printf 'three<%s>\n' ${SHOP}"
  - |
    sh -c '
      sh -c "printf \"four<%s>\\n\" ${SHOP}"
    '
"#;
    let repository = press.repository("shop", &[(".letterpress.yml", BUTTONS), (".drone.yml", &pipeline)]);
    for value in ["x; touch broken", "$(touch broken)", "`touch broken`", "' ; touch broken '", "\" ; touch broken \"", "a\\ b $HOME"] {
        let said = press.say(&["run", &repository, "--backend", "host", "--input", &format!("SHOP={value}")]).expect(0);
        for place in ["one", "two", "three", "four"] {
            assert!(said.out.contains(&format!("\n{place}<{value}>\n")), "{place} of {value} in {}", said.out);
        }
    }
}

#[test]
fn a_value_may_stand_in_the_image_and_lint_knows_that_it_will_come() {
    let press = Press::without_engine();
    let pipeline = "kind: pipeline\ntype: docker\nname: d\nsteps:\n- name: a\n  image: box:${BOX_TAG}\n  commands: [echo ran]\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    press.say(&["run", &repository, "--backend", "host", "--input", "BOX_TAG=1"]).expect(0);
    assert!(press.say(&["lint", &repository]).expect(0).out.contains("nothing found"));
    press
        .say(&["run", &repository, "--backend", "host"])
        .expect(2)
        .explains(&["`${BOX_TAG}` has no value in this run", "--input BOX_TAG="]);
    let plan = press.say(&["plan", &repository, "--input", "BOX_TAG=1"]).expect(0).out;
    assert!(plan.contains("image: box:1"), "{plan}");
}

#[test]
fn a_secret_that_is_written_as_a_variable_is_told() {
    let press = Press::without_engine();
    let pipeline = "pipeline:\n  publish:\n    image: plug\n    repo: shop/web\n    password: ${HARBOR_PASSWORD}\n";
    let repository = press.repository("shop", &[(".drone.yml", pipeline)]);
    let said = press.say(&["lint", &repository]).expect(0);
    assert!(said.out.contains("unknown-parameter") && said.out.contains("secrets: [{source: HARBOR_PASSWORD"), "{}", said.out);
    let report = press.say(&["lint", "--report", &repository]);
    assert!(report.out.contains("HARBOR_PASSWORD"), "{}", report.out);
}
