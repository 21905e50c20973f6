//! A press that comes twice, as a hand does it that is used to double clicks.

use super::runs::set;
use super::{NO_ENGINE, open_project};
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use lp_tests::desktop::{Desk, Window};
use lp_tests::press::Press;
use serde_json::json;

/// Says each time that it is asked to end, and does not: its `sleep` does, as whatever the shell waits for.
const STUBBORN: &str = "kind: pipeline
type: docker
name: default
steps:
- name: build
  image: alpine
  commands:
  - trap 'echo asked' TERM
  - echo ready
  - until test -e FILE; do sleep 0.1 || true; done
  - echo over
";

/// Two clicks on the element with that `data-testid`, as fast as they come.
async fn double_click(window: &Window, test_id: &str) {
    let selector = format!("[data-testid=\"{test_id}\"]:not([disabled]):not([data-armed=\"false\"])");
    let element = window.css(&selector).await;
    let (down, up) = (PointerAction::Down { button: MOUSE_BUTTON_LEFT }, PointerAction::Up { button: MOUSE_BUTTON_LEFT });
    let twice = MouseActions::new("mouse".to_owned()).then(PointerAction::MoveToElement { element, duration: None, x: 0.0, y: 0.0 });
    let twice = twice.then(down.clone()).then(up.clone()).then(down).then(up);
    window.client.perform_actions(twice).await.expect("there is a mouse");
}

#[tokio::test]
async fn a_double_click_on_cancel_asks_once() {
    for (language, name) in [("zh_CN.UTF-8", "cancel-zh"), ("en_US.UTF-8", "cancel-en")] {
        let desk = Desk::new(language, &[NO_ENGINE]);
        let press = Press::new().with_data(&desk.data_folder());
        let go = press.folder().join("go");
        let folder = press.repository("shop", &[(".drone.yml", &STUBBORN.replace("FILE", &go.display().to_string()))]);
        let window = desk.open().await;
        // Longer than the test: whatever ends the step was not the grace time.
        set(&window, json!({"grace_s": 600})).await;
        open_project(&window, &folder).await;
        window.click("consent").await;
        window.click("run-button").await;
        window.says("\nready\n").await;
        double_click(&window, "cancel-button").await;
        window.says("\nasked\n").await;
        window.css("[data-testid=\"cancelling\"]").await;
        window.screenshot(name).await;
        // A second wish to cancel has been heard by then, and a kill would have ended the step.
        window.invoke("run_queue", json!({})).await;
        std::fs::write(&go, "").expect("our own file");
        window.css("[data-testid=\"run-state\"][data-state=\"cancelled\"]").await;
        let log = press.say(&["logs", "last"]).expect(0).out;
        assert_eq!(log.matches("\nasked").count(), 1, "{log}");
        assert!(log.contains("\nover"), "the step ended in its own way: {log}");
        window.close().await;
    }
}
