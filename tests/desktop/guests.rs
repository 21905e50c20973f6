//! A window beside a terminal: what the terminal does is seen while it does it.

use super::NO_ENGINE;
use super::runs::{project_that_waits, step_says};
use lp_tests::desktop::Desk;
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[tokio::test]
async fn a_run_of_a_terminal_is_followed_live_in_a_window_opened_later() {
    for (language, name, not_owner) in [
        ("zh_CN.UTF-8", "guest-zh", "另一个 Letterpress 正在使用这些数据"),
        ("en_US.UTF-8", "guest-en", "Another Letterpress is working with this data"),
    ] {
        let desk = Desk::new(language, &[NO_ENGINE]);
        let (press, folder, go) = project_that_waits(&desk);
        let mut terminal =
            press.command(&["run", &folder, "--backend", "host"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut printed = BufReader::new(terminal.stdout.take().expect("piped")).lines();
        assert!(printed.any(|line| line.expect("text") == "before"), "the run is under way");

        let window = desk.open().await;
        window.says(not_owner).await;
        window.click("history-link").await;
        window.css("[data-testid=\"history-row\"][data-state=\"running\"]").await.click().await.expect("a row can be opened");
        window.css("[data-testid=\"run-state\"][data-state=\"running\"]").await;
        window.says("\nbefore\n").await;
        window.screenshot(&format!("{name}-1-running")).await;

        // From here on nobody touches the window until the run is over: what it shows it has heard.
        std::fs::write(&go, "").expect("our own file");
        assert!(printed.any(|line| line.expect("text") == "checked"), "the terminal goes on");
        window.css("[data-testid=\"run-state\"][data-state=\"passed\"]").await;
        assert!(terminal.wait().expect("it is ours").success());
        // The data folder is the window's now; without the word about it everything moves up, and a click would meet another step.
        window.css("body:not(:has([data-testid=\"not-owner\"]))").await;
        step_says(&window, 1, "\nafter").await;
        step_says(&window, 2, "\nchecked").await;

        // What a terminal sets is seen as well.
        press.say(&["trust", &folder]).expect(0);
        let listed = window.invoke("project_list", serde_json::json!({})).await;
        let id = listed["ok"][0]["id"].as_str().expect("an id").to_owned();
        window.css(&format!("[data-testid=\"project-link\"][data-project=\"{id}\"]")).await.click().await.expect("a link can be pressed");
        window.css("[data-testid=\"trust\"][data-trusted=\"true\"]").await;
        press.say(&["trust", &folder, "--off"]).expect(0);
        window.css("[data-testid=\"trust\"][data-trusted=\"false\"]").await;
        window.screenshot(&format!("{name}-2-over")).await;
        window.close().await;
    }
}
