//! A container engine that comes and goes under an open window.

use lp_tests::desktop::Desk;
use lp_tests::docker::{EngineDoor, require_socket};

#[tokio::test]
async fn an_open_window_sees_an_engine_come_and_go() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let socket = folder.path().join("engine.sock");
    let engine = require_socket().await;
    let desk = Desk::new("zh_CN.UTF-8", &[("DOCKER_HOST", &format!("unix://{}", socket.display()))]);
    let window = desk.open().await;
    window.css("[data-testid=\"engine-chip\"][data-state=\"none\"]").await;
    for _ in 0..2 {
        let door = EngineDoor::open(&socket, engine.clone());
        window.css("[data-testid=\"engine-chip\"][data-state=\"answers\"]").await;
        drop(door);
        // A Unix socket stays where it was when nobody listens to it any more.
        std::fs::remove_file(&socket).expect("our own file");
        window.css("[data-testid=\"engine-chip\"][data-state=\"none\"]").await;
    }
    window.close().await;
}
