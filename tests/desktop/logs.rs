//! Logs with lines that no terminal would show whole: every line is shown, copied and found, byte for byte.

use super::{NO_ENGINE, open_project};
use lp_tests::desktop::{Desk, Window};
use lp_tests::press::Press;
use serde_json::{Value, json};

const PIPELINE: &str = "kind: pipeline
type: docker
name: default
steps:
- name: print
  image: alpine
  commands: [cat lines.txt]
";
const LINES: usize = 300;
const LINE_BYTES: usize = 10_000;

/// 3 MB in lines that differ in every part, and end with a word of their own.
fn lines() -> Vec<String> {
    let line = |n: usize| {
        let mut line: String = (0..).map(|k| format!("{n}构{k} ")).take(LINE_BYTES / 9).collect();
        line.push_str(&format!("end-of-{n}."));
        line
    };
    (1..=LINES).map(line).collect()
}

/// Which log, as the window names it.
fn log(run: &str) -> Value {
    json!({"run": run, "stage": 1, "step": 1, "attempt": 1})
}

/// The whole log by its parts.
async fn walked(window: &Window, run: &str) -> String {
    let (mut text, mut from) = (String::new(), json!({"line": 0, "byte": 0}));
    while from != Value::Null {
        let part = window.invoke("log_part", json!({"log": log(run), "from": from})).await;
        text.push_str(part["ok"]["text"].as_str().expect("text"));
        from = part["ok"]["next"].clone();
    }
    text
}

#[tokio::test]
async fn every_line_of_three_megabytes_is_shown_copied_and_found() {
    for language in ["zh_CN.UTF-8", "en_US.UTF-8"] {
        let desk = Desk::new(language, &[NO_ENGINE]);
        let press = Press::new().with_data(&desk.data_folder());
        let lines = lines();
        let file = lines.join("\n") + "\n";
        let folder = press.repository("shop", &[(".drone.yml", PIPELINE), ("lines.txt", &file)]);
        let window = desk.open().await;
        open_project(&window, &folder).await;
        window.click("consent").await;
        window.click("run-button").await;
        window.css("[data-testid=\"run-state\"][data-state=\"passed\"]").await;
        let runs = window.invoke("run_list", json!({"filter": {"limit": 1, "states": [], "text": ""}})).await;
        let run = runs["ok"]["runs"][0]["id"].as_str().expect("a run").to_owned();
        assert!(walked(&window, &run).await == format!("+ cat lines.txt\n{file}"), "the parts are the log");

        // The first line is the command; each line has an address, which shows and marks it.
        for n in (1..=LINES).step_by(23).chain([LINES]) {
            let go = "location.hash = arguments[0]";
            let address = format!("/run/{run}/1/1/1#L{}", n + 1);
            window.client.execute(go, vec![json!(address)]).await.expect("the page has an address");
            let row = window.css(&format!(".row.current[data-row=\"{n}\"] .text:not(:empty)")).await;
            assert_eq!(row.text().await.expect("text").trim_end(), lines[n - 1].trim_end(), "line {n}");
            let key = json!({"log": log(&run), "query": format!("END-OF-{n}."), "from": 0, "limit": 10});
            let hits = window.invoke("log_find", key).await;
            let found: Vec<u64> = hits["ok"].as_array().expect("hits").iter().filter_map(|hit| hit["line"].as_u64()).collect();
            assert_eq!(found, [n as u64]);
        }
        // The button copies all of it. What a page puts on the clipboard no other program may read here: the page itself keeps it.
        let keep = "navigator.clipboard.writeText = text => { window.kept = text; return Promise.resolve(); }";
        window.client.execute(keep, vec![]).await.expect("the page can be changed");
        window.click("log-copy").await;
        window.css("[data-testid=\"toast\"]").await;
        let copied = window.client.execute("return window.kept", vec![]).await.expect("the page answers");
        let plain: String =
            std::iter::once("+ cat lines.txt").chain(lines.iter().map(String::as_str)).map(|line| format!("{line}\n")).collect();
        assert!(copied.as_str() == Some(plain.as_str()), "what is copied is the log");
        window.close().await;
    }
}
