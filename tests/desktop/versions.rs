//! The form belongs to the version: one from before an input existed is run, and run again.

use super::{NO_ENGINE, open_project};
use lp_tests::desktop::{Desk, Window};
use lp_tests::press::{Press, commit};
use serde_json::json;
use std::path::Path;
use std::process::Command;

const PIPELINE: &str = "kind: pipeline
type: docker
name: default
steps:
- name: deploy
  image: alpine
  commands:
  - 'echo \"note: $NOTE, region: ${REGION:-none}\"'
";

fn workflows(inputs: &str) -> String {
    format!("workflows:\n- {{name: deploy, title: {{en: Deploy, zh-CN: 部署}}, inputs: [{{name: NOTE}}{inputs}]}}\n")
}

fn tag(folder: &str, name: &str) {
    let done = Command::new("git").args(["-C", folder, "tag", name]).status().expect("git is there");
    assert!(done.success());
}

/// A project whose newest version asks for a value that the older one does not know.
fn with_two_versions(press: &Press) -> String {
    let folder = press.repository("shop", &[(".drone.yml", PIPELINE), (".letterpress.yml", &workflows(""))]);
    tag(&folder, "1.0");
    let newer = workflows(", {name: REGION, options: [north, south], required: true}");
    commit(Path::new(&folder), &[(".letterpress.yml", &newer)]);
    tag(&folder, "2.0");
    folder
}

async fn inputs(window: &Window) -> Vec<String> {
    let mut names = Vec::new();
    for input in window.all("[data-testid=\"input\"]").await {
        names.extend(input.attr("data-name").await.expect("an attribute"));
    }
    names
}

#[tokio::test]
async fn a_version_from_before_an_input_existed_is_run_again() {
    for (language, name) in [("zh_CN.UTF-8", "version-zh"), ("en_US.UTF-8", "version-en")] {
        let desk = Desk::new(language, &[NO_ENGINE]);
        let press = Press::new().with_data(&desk.data_folder());
        let folder = with_two_versions(&press);
        let window = desk.open().await;
        open_project(&window, &folder).await;
        window.css("[data-testid=\"version-row\"][data-version=\"2.0\"]").await.click().await.expect("a version can be picked");
        window.css("[data-testid=\"input\"][data-name=\"REGION\"]").await;
        assert_eq!(inputs(&window).await, ["NOTE", "REGION"]);
        window.css("#input-NOTE").await.send_keys("back").await.expect("a field can be filled");
        window.screenshot(&format!("{name}-1-newer")).await;

        window.css("[data-testid=\"version-row\"][data-version=\"1.0\"]").await.click().await.expect("a version can be picked");
        // Its steps are shown: the form above them is that of this version.
        window.css("[data-testid=\"preview\"]:not(.stale)").await;
        assert_eq!(inputs(&window).await, ["NOTE"]);
        window.screenshot(&format!("{name}-2-older")).await;
        window.click("consent").await;
        window.css("[data-testid=\"run-button\"]:not([disabled])").await;
        window.click("run-button").await;
        window.css("[data-testid=\"run-state\"][data-state=\"passed\"]").await;
        window.says("note: back, region: none").await;
        window.click("run-again").await;
        window.says(if language.starts_with("zh") { "第 2 次" } else { "no. 2" }).await;
        window.css("[data-testid=\"run-state\"][data-state=\"passed\"]").await;
        let runs = window.invoke("run_list", json!({"filter": {"limit": 10, "states": [], "text": ""}})).await;
        let started: Vec<_> = runs["ok"]["runs"].as_array().expect("runs").iter().map(|run| run["version_name"].clone()).collect();
        assert_eq!(started, ["1.0", "1.0"], "each press is one run");
        window.screenshot(&format!("{name}-3-again")).await;
        window.close().await;
    }
}
