//! Several workflows, each in a file of its own, are one run.

use lp_tests::images::busybox_image;
use lp_tests::press::Press;

const BUILD: &str = "steps:
  - name: make
    image: alpine
    commands: [echo made it]
";
const DEPLOY: &str = "depends_on: [build]
steps:
  - name: make
    image: alpine
    commands: [echo moved it]
  - name: send
    image: alpine
    commands: [echo sent it]
";

const FILES: [(&str, &str); 3] =
    [(".woodpecker/build.yml", BUILD), (".woodpecker/deploy.yaml", DEPLOY), (".woodpecker/README.md", "no workflow\n")];

#[tokio::test]
async fn the_workflows_of_a_folder_run_as_one() {
    busybox_image().await;
    let press = Press::new();
    let repository = press.repository("shop", &FILES);
    let said = press.say(&["run", &repository]).expect(0);
    let at = |text: &str| said.err.find(text).unwrap_or_else(|| panic!("`{text}` is missing in:\n{}", said.err));
    assert!(at("✓ build/make passed") < at("▸ deploy/make"), "deploy waits for build:\n{}", said.err);
    assert!(at("▸ deploy/make") < at("✓ deploy/send passed"), "{}", said.err);

    let log = |step: &str| press.say(&["logs", "shop#1", step]).expect(0).out;
    assert_eq!(log("deploy/make"), "+ echo moved it\nmoved it\n");
    assert_eq!(log("2/1"), log("deploy/make"));
    assert_eq!(log("send"), "+ echo sent it\nsent it\n");
    assert_eq!(log("make"), "── build/make ──\n+ echo made it\nmade it\n── deploy/make ──\n+ echo moved it\nmoved it\n");
    press.say(&["logs", "last", "build/send"]).expect(2).explains(&["no step `build/send`", "build/make, deploy/make, deploy/send"]);
}

#[tokio::test]
async fn a_failing_workflow_skips_those_that_need_it() {
    busybox_image().await;
    let press = Press::new();
    let broken = BUILD.replace("echo made it", "exit 3");
    let repository = press.repository("shop", &[(".woodpecker/build.yml", &broken), (".woodpecker/deploy.yaml", DEPLOY)]);
    press.say(&["run", &repository]).expect(1).explains(&[
        "✗ build/make failed with exit code 3",
        "– deploy/make skipped (something failed before it)",
        "run 1 failed",
    ]);
}

#[test]
fn a_workflow_of_letterpress_may_name_a_folder_or_one_of_its_files() {
    let press = Press::without_engine();
    let buttons = "workflows:\n- {name: all, pipeline: .woodpecker}\n- {name: build, pipeline: .woodpecker/build.yml}\n- {name: none, pipeline: ci}\n";
    let mut files = FILES.to_vec();
    files.push((".letterpress.yml", buttons));
    let repository = press.repository("shop", &files);
    let run = |workflow: &str| press.say(&["run", &repository, "--backend", "host", "--workflow", workflow]);
    run("all").expect(2).explains(&["this version has no file or folder `ci`"]);
    let named = buttons.replace("pipeline: ci}", "pipeline: docs/}");
    lp_tests::press::commit(repository.as_ref(), &[(".letterpress.yml", named.as_str()), ("docs/a.md", "words\n")]);
    run("all").expect(2).explains(&["the folder `docs` has no file that ends in `.yml` or `.yaml`"]);
    let named = buttons.replace("- {name: none, pipeline: ci}\n", "");
    lp_tests::press::commit(repository.as_ref(), &[(".letterpress.yml", named.as_str())]);
    let all = run("all").expect(0);
    assert!(all.out.contains("made it") && all.out.contains("sent it"), "{}", all.out);
    let build = run("build").expect(0).explains(&["✓ make passed"]);
    assert!(build.out.contains("made it") && !build.out.contains("sent it"), "{}", build.out);
}
