//! The real window, driven as a person would: first start, the sample, a version, Run, the log, the history, and once more after a restart.
#![allow(missing_docs)]

mod engines;
mod guests;
mod logs;
mod opening;
mod presses;
mod runs;
mod searches;
mod versions;

use lp_tests::desktop::{Desk, Window};
use lp_tests::images;
use lp_tests::press::Press;
use serde_json::json;
use std::time::Duration;

/// An address where no engine listens: steps then run on this computer.
const NO_ENGINE: (&str, &str) = ("DOCKER_HOST", "unix:///nonexistent/engine.sock");
/// `npm ci` of the sample on a busy machine.
const WHOLE_RUN: Duration = Duration::from_secs(600);

async fn pick_and_run(window: &Window, version: &str, name: &str) {
    window.click("try-sample").await;
    window.css("[data-testid=\"workflow-card\"]").await.click().await.expect("a card can be pressed");
    let row = format!("[data-testid=\"version-row\"][data-version=\"{version}\"]");
    window.css(&row).await.click().await.expect("a version can be picked");
    window.css("[data-testid=\"run-button\"]:not([disabled])").await;
    no_bare_hash(&window.text().await);
    window.screenshot(&format!("{name}-2-project")).await;
    window.click("run-button").await;
    window.css("[data-testid=\"run-state\"][data-state=\"running\"]").await;
    window.find("log-line").await;
    window.screenshot(&format!("{name}-3-running")).await;
    window.css_within("[data-testid=\"run-state\"]:not([data-state=\"running\"]):not([data-state=\"queued\"])", WHOLE_RUN).await;
    window.screenshot(&format!("{name}-4-ended")).await;
    let state = window.find("run-state").await.attr("data-state").await.expect("an attribute");
    assert_eq!(state.as_deref(), Some("passed"), "{}", window.text().await);
}

/// No commit id on the screen: no run of seven or more hexadecimal digits with both letters and digits.
fn no_bare_hash(text: &str) {
    let hash = text.split(|c: char| !c.is_ascii_alphanumeric()).find(|word| {
        word.len() >= 7
            && word.bytes().all(|b| b.is_ascii_hexdigit())
            && word.bytes().any(|b| b.is_ascii_digit())
            && word.bytes().any(|b| b.is_ascii_alphabetic())
    });
    assert_eq!(hash, None, "a bare hash is shown in:\n{text}");
}

async fn first_start_to_history_after_a_restart(language: &str, name: &str, words: &[&str]) {
    let desk = Desk::new(language, &[NO_ENGINE]);
    let window = desk.open().await;
    window.find("try-sample").await;
    window.screenshot(&format!("{name}-1-first-start")).await;
    let text = window.text().await;
    for word in words {
        assert!(text.contains(word), "`{word}` is missing in:\n{text}");
    }
    pick_and_run(&window, "1.1.0", name).await;
    window.find("not-isolated").await;
    window.click("history-link").await;
    let run = window.css("[data-testid=\"history-row\"][data-state=\"passed\"]").await.attr("data-run").await.expect("an attribute");
    let run = run.expect("a row knows its run");
    window.screenshot(&format!("{name}-5-history")).await;
    window.close().await;

    let window = desk.open().await;
    window.click("history-link").await;
    window
        .css(&format!("[data-testid=\"history-row\"][data-run=\"{run}\"][data-state=\"passed\"]"))
        .await
        .click()
        .await
        .expect("a row can be opened");
    window.find("log-line").await;
    window.screenshot(&format!("{name}-6-after-restart")).await;
    window.click("run-again").await;
    window.css("[data-testid=\"run-state\"][data-state=\"running\"]").await;
    window.click("cancel-button").await;
    window.css("[data-testid=\"run-state\"][data-state=\"cancelled\"]").await;
    // Its files are kept for a retry, until they are thrown away here.
    window.click("settings-link").await;
    window
        .css(&format!("[data-testid=\"kept-row\"]:not([data-run=\"{run}\"]) button"))
        .await
        .click()
        .await
        .expect("a button can be pressed");
    window.screenshot(&format!("{name}-7-kept")).await;
    assert_eq!(working_copies(&desk), 1);
    window.click("confirm").await;
    window.css("[data-testid=\"kept-now\"].faint").await;
    window.close().await;
    assert_eq!(working_copies(&desk), 0);
}

/// Opens a folder (the system's dialog is no page: the command behind it is called) and shows it.
async fn open_project(window: &Window, folder: &str) {
    let opened = window.invoke("project_open", json!({"path": folder})).await;
    assert!(opened["ok"]["id"].is_string(), "{opened}");
    window.click("project-link").await;
}

/// How many stages have files on this computer.
fn working_copies(desk: &Desk) -> usize {
    std::fs::read_dir(desk.data_folder().join("host")).map(|entries| entries.count()).unwrap_or(0)
}

#[tokio::test]
async fn the_main_job_in_chinese() {
    first_start_to_history_after_a_restart("zh_CN.UTF-8", "zh", &["示例项目", "打开文件夹"]).await;
}

#[tokio::test]
async fn the_main_job_in_english() {
    first_start_to_history_after_a_restart("en_US.UTF-8", "en", &["sample project", "Open a folder"]).await;
}

#[tokio::test]
async fn the_sample_is_built_in_containers() {
    images::node_image().await;
    let desk = Desk::new("en_US.UTF-8", &[]);
    let window = desk.open().await;
    pick_and_run(&window, "1.1.0", "containers").await;
    assert!(window.all("[data-testid=\"not-isolated\"]").await.is_empty(), "containers are isolated");

    let runs = window.invoke("run_list", json!({"filter": {"limit": 10, "states": [], "text": ""}})).await;
    let run = runs["ok"]["runs"][0]["id"].as_str().expect("a run").to_owned();
    let detail = window.invoke("run_detail", json!({"run": run})).await;
    let steps = detail["ok"]["stages"][0]["steps"].as_array().expect("steps").clone();
    let log = async |name: &str| {
        let number = steps.iter().find(|step| step["name"] == name).expect("the step")["number"].clone();
        let key = json!({"log": {"run": run, "stage": 1, "step": number, "attempt": 1}, "from": 0, "count": 400});
        let range = window.invoke("log_range", key).await;
        range["ok"]["lines"].as_array().expect("lines").iter().filter_map(|line| line.as_str()).collect::<Vec<_>>().join("\n")
    };
    assert!(log("install").await.contains("added "), "npm ci says what it added");
    assert!(log("test").await.contains("passed"), "the unit tests passed");
    let checked = log("check").await;
    for file in ["index.html", ".js", ".css"] {
        assert!(checked.contains(file), "the built files were listed: {checked}");
    }

    // The terminal shows the same run in the same words, byte for byte, and a run from the terminal (handed over to the window, which
    // owns the data folder) ends the same way in every step.
    let press = Press::new().with_data(&desk.data_folder());
    for step in &steps {
        let name = step["name"].as_str().expect("a name");
        let printed = press.say(&["logs", &run, name]).expect(0).out;
        assert_eq!(printed.strip_suffix('\n').unwrap_or(&printed), log(name).await, "step `{name}`");
    }
    let said = press.say(&["run", "sample", "--version", "1.1.0"]).expect(0);
    assert!(said.err.contains("run 2 passed"), "{}", said.err);
    let states = |run: &serde_json::Value| -> Vec<(String, String)> {
        let steps = run["stages"].as_array().expect("stages").iter().flat_map(|stage| stage["steps"].as_array().expect("steps"));
        steps.map(|step| (step["name"].to_string(), step["state"].to_string())).collect()
    };
    let runs = window.invoke("run_list", json!({"filter": {"limit": 10, "states": [], "text": ""}})).await;
    let second = window.invoke("run_detail", json!({"run": runs["ok"]["runs"][0]["id"]})).await;
    assert_eq!(states(&second["ok"]), states(&detail["ok"]));
    assert_eq!(second["ok"]["run"]["number"], 2);
    let again = press.say(&["logs", runs["ok"]["runs"][0]["id"].as_str().expect("an id"), "check"]).expect(0).out;
    assert_eq!(without_sizes(&again), without_sizes(&checked), "the same files were built");
    window.close().await;
}

/// What the check lists without colours, sizes and content hashes: names of files in order.
fn without_sizes(log: &str) -> Vec<String> {
    let names = log.split(|c: char| c.is_whitespace() || c == '\u{1b}').filter(|word| word.contains('/') || word.ends_with(".html"));
    names.map(|name| name.rsplit('.').next().unwrap_or(name).to_owned()).collect()
}

/// Runs as it is but for a secret that nobody has set.
const NEEDS_A_SECRET: &str = "kind: pipeline
type: docker
name: 发布
steps:
- name: build
  image: busybox
  commands: [echo built]
- name: publish
  image: busybox
  environment: {TOKEN: {from_secret: publish_token}}
  commands: [echo published]
";

#[tokio::test]
async fn the_report_asks_for_a_missing_secret_and_takes_it() {
    for (language, name, done) in
        [("zh_CN.UTF-8", "report-zh", "密钥 publish_token 已设置"), ("en_US.UTF-8", "report-en", "The secret publish_token is set")]
    {
        let desk = Desk::new(language, &[NO_ENGINE]);
        let press = Press::new().with_data(&desk.data_folder());
        let folder = press.repository("shop", &[(".drone.yml", NEEDS_A_SECRET)]);
        let window = desk.open().await;
        open_project(&window, &folder).await;
        window.click("compatibility-button").await;
        window.css("[data-testid=\"verdict\"][data-verdict=\"needs\"]").await;
        window.screenshot(&format!("{name}-1-needs")).await;
        let place = window.find("report-place").await.text().await.expect("text");
        assert!(place.contains(".drone.yml") && place.contains("10"), "{place}");
        window.click("report-set-secret").await;
        window.find("secret-value").await.send_keys("s3cret-value").await.expect("a field can be filled");
        window.click("secret-save").await;
        window.css("[data-testid=\"verdict\"][data-verdict=\"runs\"]").await;
        window.screenshot(&format!("{name}-2-runs")).await;
        let text = window.text().await;
        assert!(text.contains(done), "{text}");
        assert!(!text.contains("s3cret-value"), "{text}");
        window.click("report-go-on").await;
        window.find("run-button").await;
        window.close().await;
    }
}
