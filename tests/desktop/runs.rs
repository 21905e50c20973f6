//! Runs that do not go as planned: the window is closed or killed, a project is not trusted, a step fails or is lost, others come first.

use super::{NO_ENGINE, open_project, working_copies};
use bollard::query_parameters::{ListContainersOptionsBuilder, RemoveContainerOptionsBuilder};
use lp_tests::desktop::{Desk, Window};
use lp_tests::docker::require_engine;
use lp_tests::images;
use lp_tests::press::Press;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::PathBuf;

/// A language and a theme, and the name of the pictures.
const LOOKS: [(&str, &str, &str); 2] = [("zh_CN.UTF-8", "dark", "zh"), ("en_US.UTF-8", "light", "en")];

/// Waits in the middle until somebody makes the file.
const WAITS: &str = "kind: pipeline
type: docker
name: default
steps:
- name: build
  image: alpine
  commands:
  - echo before
  - until test -e FILE; do sleep 0.1; done
  - echo after
- name: check
  image: alpine
  commands: [echo checked]
";

/// A person with a project that waits for a file, and that file.
pub(super) fn project_that_waits(desk: &Desk) -> (Press, String, PathBuf) {
    let press = Press::new().with_data(&desk.data_folder());
    let go = press.folder().join("go");
    let folder = press.repository("shop", &[(".drone.yml", &WAITS.replace("FILE", &go.display().to_string()))]);
    (press, folder, go)
}

/// Presses Run on the page of a project whose steps are not isolated.
async fn consent_and_run(window: &Window) {
    window.click("consent").await;
    window.click("run-button").await;
}

/// Changes some of the settings.
pub(super) async fn set(window: &Window, some: Value) {
    let mut settings = window.invoke("settings_get", json!({})).await["ok"].clone();
    for (name, value) in some.as_object().expect("settings have names") {
        settings[name] = value.clone();
    }
    assert!(window.invoke("settings_set", json!({"settings": settings})).await["ok"].is_object());
}

/// Shows a step and waits until its log says something.
pub(super) async fn step_says(window: &Window, number: usize, text: &str) {
    let rows = window.all("[data-testid=\"step-row\"]").await;
    rows[number - 1].click().await.expect("a step can be picked");
    window.says(text).await;
}

/// Pictures of the settings, a screen each.
async fn settings_pictures(window: &Window, name: &str) {
    window.click("settings-link").await;
    window.find("kept-now").await;
    for part in ["runs", "kept", "engines"] {
        let script = "document.getElementById(arguments[0]).scrollIntoView()";
        window.client.execute(script, vec![json!(part)]).await.expect("there is such a part");
        window.screenshot(&format!("{name}-{part}")).await;
    }
}

/// The log of the whole run without commands and headings.
fn printed(press: &Press) -> Vec<String> {
    let log = press.say(&["logs", "last"]).expect(0).out;
    log.lines().filter(|line| !line.starts_with(['+', '─'])).map(str::to_owned).collect()
}

#[tokio::test]
async fn a_run_survives_a_killed_window() {
    let desk = Desk::new("en_US.UTF-8", &[NO_ENGINE]);
    let (press, folder, go) = project_that_waits(&desk);
    let window = desk.open().await;
    open_project(&window, &folder).await;
    consent_and_run(&window).await;
    window.css("[data-testid=\"run-state\"][data-state=\"running\"]").await;
    window.says("\nbefore\n").await;
    desk.kill_app();
    drop(window);

    let window = desk.open().await;
    window.click("history-link").await;
    window.css("[data-testid=\"history-row\"][data-state=\"running\"]").await;
    window.screenshot("killed-1-history").await;
    window.click("history-row").await;
    window.says("\nbefore\n").await;
    window.find("resumed").await;
    std::fs::write(&go, "").expect("our own file");
    window.css("[data-testid=\"run-state\"][data-state=\"passed\"]").await;
    step_says(&window, 1, "\nafter").await;
    window.screenshot("killed-2-passed").await;
    window.close().await;
    assert_eq!(printed(&press), ["before", "after", "checked"]);
    assert_eq!(working_copies(&desk), 0);
}

#[tokio::test]
async fn closing_the_window_during_a_run_asks_nothing_and_loses_nothing() {
    let desk = Desk::new("zh_CN.UTF-8", &[NO_ENGINE]);
    let (press, folder, go) = project_that_waits(&desk);
    let window = desk.open().await;
    open_project(&window, &folder).await;
    consent_and_run(&window).await;
    window.says("\nbefore\n").await;
    window.press_the_cross().await;
    window.windows_are(0).await;

    window.start_again().await;
    window.windows_are(1).await;
    window.css("[data-testid=\"run-state\"][data-state=\"running\"]").await;
    window.says("\nbefore\n").await;
    window.screenshot("closed-1-again").await;

    // Closed once more: the app stays until the run is over, then it ends by itself.
    window.press_the_cross().await;
    window.windows_are(0).await;
    std::fs::write(&go, "").expect("our own file");
    window.ended().await;

    let window = desk.open().await;
    window.click("history-link").await;
    window.css("[data-testid=\"history-row\"][data-state=\"passed\"]").await.click().await.expect("a row can be opened");
    window.css("[data-testid=\"run-state\"][data-state=\"passed\"]").await;
    assert!(window.all("[data-testid=\"resumed\"]").await.is_empty(), "nobody had to take it up");
    step_says(&window, 1, "\nafter").await;
    window.screenshot("closed-2-passed").await;
    window.close().await;
    assert_eq!(printed(&press), ["before", "after", "checked"]);
    assert_eq!(working_copies(&desk), 0);
}

#[tokio::test]
async fn a_run_waits_for_its_turn_and_can_be_cancelled_there() {
    for (language, theme, name) in LOOKS {
        let name = format!("queue-{name}");
        let desk = Desk::new(language, &[NO_ENGINE]);
        let (_press, folder, go) = project_that_waits(&desk);
        let window = desk.open().await;
        set(&window, json!({"max_runs": 1, "theme": theme})).await;
        open_project(&window, &folder).await;
        consent_and_run(&window).await;
        window.css("[data-testid=\"run-state\"][data-state=\"running\"]").await;
        window.click("project-link").await;
        consent_and_run(&window).await;
        window.css("[data-testid=\"queue-card\"][data-reason=\"machine\"]").await;
        window.css("[data-testid=\"queue-card\"] [data-testid=\"history-row\"]").await;
        window.screenshot(&format!("{name}-1-waits")).await;
        window.click("cancel-button").await;
        window.css("[data-testid=\"run-state\"][data-state=\"cancelled\"]").await;
        window.screenshot(&format!("{name}-2-cancelled")).await;
        std::fs::write(&go, "").expect("our own file");
        window.click("history-link").await;
        window.css("[data-testid=\"history-row\"][data-state=\"passed\"]").await;
        window.screenshot(&format!("{name}-3-history")).await;
        window.close().await;
    }
}

/// Reaches a folder of this computer, and passes once there is a file in it.
const REACHES_THE_COMPUTER: &str = "kind: pipeline
type: docker
name: default
steps:
- name: count
  image: alpine
  pull: if-not-exists
  commands: [echo counted >> /shared/count]
  volumes: [{name: shared, path: /shared}]
- name: publish
  image: alpine
  pull: if-not-exists
  commands: [cat /shared/ready]
  volumes: [{name: shared, path: /shared}]
volumes:
- name: shared
  host: {path: FOLDER}
";

#[tokio::test]
async fn a_project_is_trusted_and_a_failed_run_goes_on_from_where_it_failed() {
    images::busybox_image().await;
    for (language, theme, name) in LOOKS {
        let refusal = if language.starts_with("zh") { "这个项目未被信任" } else { "This project is not trusted" };
        let name = format!("retry-{name}");
        let desk = Desk::new(language, &[]);
        let press = Press::new().with_data(&desk.data_folder());
        let shared = tempfile::tempdir().expect("a temporary folder");
        let pipeline = REACHES_THE_COMPUTER.replace("FOLDER", &shared.path().display().to_string());
        let folder = press.repository("shop", &[(".drone.yml", &pipeline)]);
        let window = desk.open().await;
        set(&window, json!({"theme": theme})).await;
        open_project(&window, &folder).await;
        window.find("findings-trust").await;
        window.css("[data-testid=\"run-button\"][disabled]").await;
        window.screenshot(&format!("{name}-1-refused")).await;
        for word in [refusal, "shared", ".drone.yml"] {
            window.says(word).await;
        }
        window.click("findings-trust").await;
        window.click("trust-switch").await;
        window.find("trust-question").await;
        let whole = "const {top, bottom} = document.querySelector('[data-testid=trust-question]').getBoundingClientRect();
            return top >= 0 && bottom <= innerHeight";
        assert_eq!(window.client.execute(whole, vec![]).await.expect("the page answers"), json!(true), "the whole question is seen");
        window.screenshot(&format!("{name}-2-question")).await;
        window.click("trust-confirm").await;
        window.css("[data-testid=\"trust\"][data-trusted=\"true\"]").await;
        window.click("run-button").await;
        window.css("[data-testid=\"run-state\"][data-state=\"failed\"]").await;
        window.find("run-retry").await;
        window.screenshot(&format!("{name}-3-failed")).await;

        std::fs::write(shared.path().join("ready"), "it is ready\n").expect("our own file");
        window.click("run-retry").await;
        window.css("[data-testid=\"run-state\"][data-state=\"passed\"]").await;
        window.find("run-attempt").await;
        step_says(&window, 2, "it is ready").await;
        window.screenshot(&format!("{name}-4-passed")).await;
        let counted = std::fs::read_to_string(shared.path().join("count")).expect("the first step wrote it");
        assert_eq!(counted, "counted\n", "a step that had passed is not run again");
        window.css("[data-testid=\"attempt\"][data-number=\"1\"]").await.click().await.expect("an attempt can be picked");
        window.css("[data-testid=\"step-row\"][data-state=\"failed\"]").await;
        step_says(&window, 2, "No such file").await;
        assert!(!window.text().await.contains("it is ready"), "that is the other attempt's");
        window.screenshot(&format!("{name}-5-first-attempt")).await;
        window.close().await;
    }
}

/// Hangs the first time, and says what was built the second.
const HANGS_ONCE: &str = "kind: pipeline
type: docker
name: default
steps:
- name: build
  image: alpine
  pull: if-not-exists
  commands: [echo built once >> built]
- name: deploy
  image: alpine
  pull: if-not-exists
  commands:
  - if test -e begun; then cat built; exit 0; fi
  - touch begun
  - echo it hangs
  - sleep 600
";

#[tokio::test]
async fn a_lost_step_is_told_and_a_retry_goes_on_from_it() {
    images::busybox_image().await;
    let docker = require_engine().await;
    for (language, theme, name) in LOOKS {
        let name = format!("lost-{name}");
        let desk = Desk::new(language, &[]);
        let press = Press::new().with_data(&desk.data_folder());
        let folder = press.repository("shop", &[(".drone.yml", HANGS_ONCE)]);
        let window = desk.open().await;
        set(&window, json!({"theme": theme})).await;
        open_project(&window, &folder).await;
        window.click("run-button").await;
        window.says("\nit hangs").await;
        let runs = window.invoke("run_list", json!({"filter": {"limit": 1, "states": [], "text": ""}})).await;
        let run = runs["ok"]["runs"][0]["id"].as_str().expect("a run").to_owned();
        desk.kill_app();
        drop(window);
        // While nobody looks, somebody tidies up.
        let labels = vec![format!("letterpress.run={run}"), "letterpress.step=2".to_owned()];
        let filter = HashMap::from([("label".to_owned(), labels)]);
        let found = docker.list_containers(Some(ListContainersOptionsBuilder::new().all(true).filters(&filter).build())).await;
        let found = found.expect("the engine lists what it has");
        assert_eq!(found.len(), 1, "{found:?}");
        let forced = RemoveContainerOptionsBuilder::new().force(true).build();
        docker.remove_container(found[0].id.as_deref().expect("an id"), Some(forced)).await.expect("it can be removed");

        let window = desk.open().await;
        window.click("history-link").await;
        let lost = "[data-testid=\"history-row\"][data-state=\"interrupted\"]";
        window.css(lost).await.click().await.expect("a row can be opened");
        window.css("[data-testid=\"step-row\"][data-state=\"interrupted\"]").await;
        window.find("run-retry").await;
        window.says("\nit hangs").await;
        window.screenshot(&format!("{name}-1-lost")).await;
        settings_pictures(&window, &format!("{name}-2-settings")).await;
        window.css("[data-testid=\"kept-row\"] a").await.click().await.expect("its run can be shown");
        window.click("run-retry").await;
        window.css("[data-testid=\"run-state\"][data-state=\"passed\"]").await;
        step_says(&window, 2, "\nbuilt once").await;
        window.screenshot(&format!("{name}-3-passed")).await;
        window.close().await;
        assert_eq!(printed(&press), ["built once"], "the first step is not run again");
    }
}
