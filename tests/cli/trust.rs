//! What only a trusted project may do.

use lp_tests::images::busybox_image;
use lp_tests::press::Press;

#[tokio::test]
async fn a_pipeline_reaches_the_computer_only_when_its_project_is_trusted() {
    busybox_image().await;
    let press = Press::new();
    let shared = press.folder().join("shared");
    std::fs::create_dir(&shared).unwrap();
    let pipeline = format!(
        "pipeline:\n  deploy:\n    image: alpine\n    volumes: ['{}:/shared']\n    commands: [echo here > /shared/a.txt]\n",
        shared.display()
    );
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    let refused = ["`shop` is not trusted", "`volumes`", "`deploy`", "letterpress trust"];
    press.say(&["run", &repository]).expect(2).explains(&refused);
    press.say(&["trust", &repository]).expect(0).explains(&["`shop` is trusted"]);
    press.say(&["run", &repository]).expect(0);
    assert_eq!(std::fs::read_to_string(shared.join("a.txt")).unwrap(), "here\n");
    press.say(&["trust", &repository, "--off"]).expect(0).explains(&["not trusted"]);
    press.say(&["run", &repository]).expect(2).explains(&refused);
}
