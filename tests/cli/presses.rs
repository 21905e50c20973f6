//! A press is one run, and a search finds what runs have printed.

use lp_tests::press::Press;

const PIPELINE: &str = "kind: pipeline
type: exec
name: default
steps:
- name: say
  commands: ['echo the needle']
";

#[test]
fn the_same_key_twice_is_one_run() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".drone.yml", PIPELINE)]);
    let run = ["run", repository.as_str(), "--backend", "host", "--key", "release-7"];
    press.say(&run).expect(0).explains(&["run 1 passed"]);
    let again = press.say(&run).expect(0).explains(&["run 1 passed"]);
    assert!(again.out.contains("the needle"), "it watches the run of the first: {}", again.out);
    press.say(&["run", &repository, "--backend", "host"]).expect(0).explains(&["run 2 passed"]);
    let history = press.say(&["history", "--format", "json"]).expect(0).json();
    assert_eq!(history["runs"].as_array().unwrap().len(), 2);
    press
        .say(&["run", &repository, "--backend", "host", "--key", "no key"])
        .expect(2)
        .explains(&["`no key` is no key of a press", "a UUID is one"]);
}

#[test]
fn a_text_is_looked_for_in_the_logs_of_runs() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".drone.yml", PIPELINE)]);
    for _ in 0..2 {
        press.say(&["run", &repository, "--backend", "host"]).expect(0);
    }
    let found = press.say(&["search", "NEEDLE"]).expect(0).out;
    let lines: Vec<&str> = found.lines().collect();
    assert_eq!(
        lines,
        ["shop#2 say:1: + echo the needle", "shop#2 say:2: the needle", "shop#1 say:1: + echo the needle", "shop#1 say:2: the needle"]
    );
    assert_eq!(press.say(&["search", "^the needle$", "--regex", "--run", "shop#1"]).expect(0).out, "shop#1 say:2: the needle\n");
    assert_eq!(press.say(&["search", "haystack"]).expect(1).out, "");
    press.say(&["search", "(", "--regex"]).expect(2).explains(&["cannot be searched for", "write another text"]);
    let news = press.say(&["search", "needle", "--result", "passed", "--format", "json"]).expect(0).out;
    let last: serde_json::Value = serde_json::from_str(news.lines().last().unwrap()).unwrap();
    assert_eq!((last["kind"].as_str(), last["end"].as_str()), (Some("ended"), Some("complete")));
}
