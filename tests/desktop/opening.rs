//! A data folder that cannot be opened at first.

use crate::NO_ENGINE;
use lp_tests::desktop::Desk;

#[tokio::test]
async fn a_data_folder_that_was_not_there_is_opened_by_another_try() {
    let desk = Desk::new("en_US.UTF-8", &[NO_ENGINE]);
    // As when its disk is not there: in its place lies something that is no folder.
    std::fs::write(desk.data_folder(), "").expect("our own file");
    let window = desk.open().await;
    let retry = "[data-testid=\"error-card\"][data-code=\"store_unavailable\"] button";
    window.css(retry).await.click().await.expect("it can be pressed");
    window.css(&format!("{retry}:not([aria-busy])")).await;

    std::fs::remove_file(desk.data_folder()).expect("our own file");
    window.css(retry).await.click().await.expect("it can be pressed");
    window.click("try-sample").await;
    window.find("workflow-card").await;
    window.close().await;
}
