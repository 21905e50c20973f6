//! The data folder: shown, copied, put back, moved, cleaned up.

use crate::history::made_up;
use lp_tests::press::Press;
use std::path::Path;

const WAIT: &str = "kind: pipeline\nname: default\nsteps:\n- name: wait\n  image: alpine\n  commands: ['echo ready', 'until test -e \"$GO\"; do sleep 0.05; done']\n  environment: {GO: PATH}\n";

fn runs(press: &Press) -> usize {
    press.say(&["history", "-n", "1000", "--format", "json"]).expect(0).json()["runs"].as_array().unwrap().len()
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test]
async fn a_backup_is_made_while_a_run_goes_on_and_put_back_when_nobody_is_there() {
    let press = Press::without_engine();
    let (go, file) = (press.folder().join("go"), press.folder().join("monday.tar.gz"));
    let repository = press.repository("shop", &[(".drone.yml", &WAIT.replace("PATH", path(&go)))]);
    let mut going = press.start(&["run", &repository, "--backend", "host"]);
    going.until_out("ready").await;
    let made = press.say(&["data", "backup", path(&file), "--format", "json"]).expect(0).json();
    assert_eq!(made["bytes"].as_u64().unwrap(), std::fs::metadata(&file).unwrap().len());
    press.say(&["data", "backup", path(&file)]).expect(2).explains(&["is there already"]);
    press.say(&["data", "restore", path(&file)]).expect(1).explains(&["another Letterpress has the data folder open"]);
    press.say(&["data", "move", path(&press.folder().join("new"))]).expect(1).explains(&["another Letterpress has the data folder open"]);
    std::fs::write(&go, "").unwrap();
    going.end().await.expect(0);
    press.say(&["run", &repository, "--backend", "host"]).expect(0);
    assert_eq!(runs(&press), 2);

    let said = press.say(&["data", "restore", path(&file)]).expect(0).explains(&["before-restore-1"]);
    assert_eq!(said.out, "");
    assert_eq!(runs(&press), 1);
    let letter = press.folder().join("letter.txt");
    std::fs::write(&letter, "dear all").unwrap();
    press.say(&["data", "restore", path(&letter)]).expect(2).explains(&["is no backup", "letterpress data backup"]);
    press.say(&["data", "restore", path(&press.folder().join("none"))]).expect(1).explains(&["none"]);
    assert_eq!(runs(&press), 1);
    // What it does for the run that was under way: it is found as any other that a dead process left, and nothing of it is here.
    press.say(&["attach", "last"]);
    assert_ne!(press.say(&["history", "--format", "json"]).expect(0).json()["runs"][0]["state"], "running");
}

#[tokio::test]
async fn the_folder_is_measured_and_moved() {
    let press = Press::without_engine();
    made_up(&press, 5).await;
    let size = press.say(&["data", "size", "--format", "json"]).expect(0).json();
    let taken = |name: &str| size[name].as_u64().unwrap();
    assert!(taken("database") > 0);
    assert_eq!(taken("total"), taken("database") + taken("logs") + taken("copies") + taken("other"));
    assert!(press.say(&["data", "size"]).expect(0).out.contains("history"));

    let new = press.folder().join("elsewhere/data");
    press.say(&["data", "move", path(&new)]).expect(0).explains(&[path(&new)]);
    assert_eq!(runs(&press), 5, "the old place leads there");
    assert_eq!(press.say(&["data", "size", "--format", "json"]).expect(0).json()["folder"], path(&new));
    std::fs::create_dir(press.folder().join("full")).unwrap();
    std::fs::write(press.folder().join("full/a"), "").unwrap();
    press.say(&["data", "move", path(&press.folder().join("full"))]).expect(2).explains(&["is not empty"]);
    assert_eq!(runs(&press), 5);
}

#[tokio::test]
async fn old_runs_go_after_it_was_said_which() {
    let press = Press::without_engine();
    made_up(&press, 40).await;
    // Logs of a run that goes, and of one that nobody knows any more.
    for run in ["run-4", "gone"] {
        std::fs::create_dir_all(press.data().join("logs").join(run)).unwrap();
        std::fs::write(press.data().join("logs").join(run).join("1-1-1.log"), "x".repeat(5_000)).unwrap();
    }
    press.say(&["data", "clean"]).expect(2).explains(&["names no limit"]);
    let preview = press.say(&["data", "clean", "--keep", "5"]).expect(0).explains(&["nothing was removed", "--yes"]);
    assert!(preview.out.contains("runs to be removed, with their logs and kept files: 22 of 40, from 2026-01-01 to"), "{}", preview.out);
    assert!(preview.out.contains("runs that stay because their target is production: 8"), "{}", preview.out);
    let chinese = press.say(&["data", "clean", "--keep", "5", "--language", "zh"]).expect(0).out;
    assert!(chinese.contains("将删除的运行"), "{chinese}");
    assert_eq!(runs(&press), 40);

    let one = press.say(&["data", "clean", "--keep", "5", "--project", "docs", "--format", "json"]).expect(0).json();
    assert_eq!(one["runs"], 7, "half of the others of that project go to production");
    assert_eq!(one["bytes"], 5_000);
    press.say(&["data", "clean", "--keep", "5", "--yes"]).expect(0).explains(&["22 removed"]);
    assert_eq!(runs(&press), 18);
    assert!(!press.data().join("logs/run-4").exists() && !press.data().join("logs/gone").exists());
    press.say(&["history", "--text", "#4"]).expect(0);

    // A target that is said to be production.
    assert_eq!(press.say(&["data", "protect", "shop", "--target", "Staging"]).expect(0).out, "prod\nproduction\nstaging\n");
    let kept = press.say(&["data", "clean", "--keep", "0", "--project", "shop", "--format", "json"]).expect(0).json();
    assert_eq!(kept["runs"], 0, "every run of `shop` goes to staging");
    assert_eq!(press.say(&["data", "protect", "shop", "--none"]).expect(0).out, "prod\nproduction\n");
    let gone = press.say(&["data", "clean", "--older-than", "0", "--project", "shop", "--format", "json"]).expect(0).json();
    assert_eq!(gone["runs"], 5);
}
