//! The data folder as a whole: copied while runs go on, put back, moved.
#![allow(clippy::unwrap_used)]

mod common;

use common::*;
use lp_model::{RunEvent, RunState};
use lp_store::{Lock, Logs, Ownership, RunFilter, Store, StoreError, folder};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

async fn with_a_log(data: &Path) -> Store {
    let store = store_with_run(data).await;
    let Ownership::Owner(owner) = Lock::try_own(data).unwrap() else { panic!("nobody has it") };
    owner.folder_id("the-id").unwrap();
    let mut log = Logs::new(data).writer(&run_id("r"), key(2), 1).unwrap();
    log.append(b"hello\n", 1, None).unwrap();
    log.finish().unwrap();
    store
}

async fn count(store: &Store) -> usize {
    store.runs(&RunFilter::default(), None, 500).await.unwrap().len()
}

#[tokio::test]
async fn a_backup_is_made_while_runs_go_on_and_is_put_back() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let store = with_a_log(&data).await;
    let file = dir.path().join("backups/monday.tar.gz");
    // Somebody writes meanwhile.
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for number in 2..60 {
                store.create_run(&new_run("p", &format!("later-{number}"), number, 100)).await.unwrap();
            }
        })
    };
    let backup = store.back_up(&file, |_, _| true).await.unwrap();
    writer.await.unwrap();
    assert_eq!((backup.path.as_path(), backup.bytes), (file.as_path(), fs::metadata(&file).unwrap().len()));
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "nothing half");
    assert!(matches!(store.back_up(&file, |_, _| true).await, Err(StoreError::Io { .. })), "an older one is not overwritten");
    let stopped = dir.path().join("backups/tuesday.tar.gz");
    let refusal = store.back_up(&stopped, |done, total| done * 2 < total).await;
    assert!(matches!(refusal, Err(StoreError::Stopped)), "{refusal:?}");
    assert_eq!(fs::read_dir(file.parent().unwrap()).unwrap().count(), 1, "one that is stopped leaves nothing");
    assert_eq!(count(&store).await, 59);
    fs::write(data.join("vault.key"), "key").unwrap();

    let Ownership::Owner(owner) = Lock::try_own(&data).unwrap() else { panic!("nobody has it") };
    assert!(matches!(folder::restore(&data, &file).await, Err(StoreError::Owned { pid: Some(_) })));
    drop(owner);
    store.close().await;
    let replaced = folder::restore(&data, &file).await.unwrap().unwrap();
    let store = Store::open(&data).await.unwrap();
    assert!((1..=59).contains(&count(&store).await));
    assert_eq!(fs::read_to_string(data.join("vault.key")).unwrap(), "key", "it is in no backup, and stays");
    assert_eq!(Logs::new(&data).reader(&run_id("r"), key(2)).unwrap().summary().lines, 1);
    store.close().await;
    // And what was there can be had back.
    let before = Store::open(&replaced).await.unwrap();
    assert_eq!(count(&before).await, 59);
    assert!(Logs::new(&replaced).path(&run_id("r"), key(2)).exists());
    before.close().await;
    assert!(folder::Size::of(&data).unwrap().copies > 0);

    // Into a folder that was never used.
    let fresh = dir.path().join("fresh");
    assert_eq!(folder::restore(&fresh, &file).await.unwrap(), None);
    assert_eq!(Lock::folder_id(&fresh).unwrap().as_deref(), Some("the-id"));
}

#[tokio::test]
async fn a_file_that_is_no_backup_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    with_a_log(&data).await.close().await;
    let packed = |entries: &[(&str, &[u8])]| {
        let mut archive = tar::Builder::new(flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast()));
        for (name, bytes) in entries {
            let mut header = tar::Header::new_gnu();
            // Set by hand: the library itself refuses to write names that lead out of the folder.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_size(bytes.len() as u64);
            header.set_mode(0o600);
            header.set_cksum();
            archive.append(&header, *bytes).unwrap();
        }
        archive.into_inner().unwrap().finish().unwrap()
    };
    let whole = packed(&[("letterpress.db", b"")]);
    for (name, bytes) in [
        ("text", b"this is a letter".to_vec()),
        ("empty", packed(&[])),
        ("damaged", packed(&[("letterpress.db", &b"a letter again ".repeat(500))])),
        ("cut", whole[..whole.len() / 2].to_vec()),
        ("out", packed(&[("letterpress.db", b""), ("../out.txt", b"x")])),
        ("deep", packed(&[("letterpress.db", b""), ("logs/a/../../../out.txt", b"x")])),
        ("stranger", packed(&[("letterpress.db", b""), ("vault.key", b"x")])),
    ] {
        let file = dir.path().join(name);
        fs::write(&file, bytes).unwrap();
        let refused = folder::restore(&data, &file).await;
        assert!(matches!(refused, Err(StoreError::NotABackup { .. })), "{name}: {refused:?}");
        assert!(!dir.path().join("out.txt").exists());
        let left: Vec<_> = fs::read_dir(&data).unwrap().flatten().map(|entry| entry.file_name()).collect();
        assert!(left.iter().all(|name| !name.to_string_lossy().contains("restore")), "{left:?}");
    }
    assert!(matches!(folder::restore(&data, &dir.path().join("none")).await, Err(StoreError::Io { .. })));
    let store = Store::open(&data).await.unwrap();
    assert_eq!(count(&store).await, 1);
    store.close().await;
}

/// All places at which a restore can be killed after its backup was found whole: the first `done` of its moves are made.
#[tokio::test]
async fn a_restore_that_was_killed_is_finished_by_the_next_opening() {
    for done in 0..=6 {
        let dir = tempfile::tempdir().unwrap();
        let (data, ready) = (dir.path().join("data"), dir.path().join("data/restore.ready"));
        let store = with_a_log(&data).await;
        store.create_run(&new_run("p", "second", 2, 100)).await.unwrap();
        store.close().await;
        fs::write(data.join("letterpress.db-wal"), "").unwrap();
        let old = dir.path().join("old");
        with_a_log(&old).await.close().await;
        fs::rename(&old, &ready).unwrap();
        fs::write(ready.join("replaced-goes-to"), "before-restore-1").unwrap();
        let replaced = data.join("before-restore-1");
        fs::create_dir(&replaced).unwrap();
        let moves = [
            (data.join("letterpress.db-wal"), replaced.join("letterpress.db-wal")),
            (data.join("letterpress.db"), replaced.join("letterpress.db")),
            (ready.join("letterpress.db"), data.join("letterpress.db")),
            (data.join("folder-id"), replaced.join("folder-id")),
            (ready.join("folder-id"), data.join("folder-id")),
            (data.join("logs"), replaced.join("logs")),
        ];
        for (from, to) in moves.iter().take(done) {
            fs::rename(from, to).unwrap();
        }
        let store = Store::open(&data).await.unwrap();
        assert_eq!(count(&store).await, 1, "after {done} moves");
        assert!(Logs::new(&data).path(&run_id("r"), key(2)).exists());
        assert!(!ready.exists());
        store.close().await;
        let before = Store::open(&replaced).await.unwrap();
        assert_eq!(count(&before).await, 2);
        before.close().await;
    }
}

#[tokio::test]
async fn a_folder_is_moved_and_found_again() {
    let dir = tempfile::tempdir().unwrap();
    let (data, new) = (dir.path().join("data"), dir.path().join("elsewhere/data"));
    let store = with_a_log(&data).await;
    store.close().await;
    let refused = folder::move_to(&data, &new).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "a run waits: {refused:?}");
    let store = Store::open(&data).await.unwrap();
    store.append_events(&run_id("r"), &[(1, RunEvent::RunEnded { state: RunState::Cancelled })]).await.unwrap();
    store.close().await;
    let full = dir.path().join("full");
    fs::create_dir(&full).unwrap();
    fs::write(full.join("a"), "").unwrap();
    for bad in [&full, &data.join("inside")] {
        assert!(matches!(folder::move_to(&data, bad).await, Err(StoreError::Conflict { .. })), "{}", bad.display());
    }
    assert_eq!(folder::resolve(&data), data);

    folder::move_to(&data, &new).await.unwrap();
    assert_eq!(folder::resolve(&data), new);
    let store = Store::open(&new).await.unwrap();
    assert_eq!(count(&store).await, 1);
    store.close().await;
    assert!(Logs::new(&new).path(&run_id("r"), key(2)).exists());
    // On to another disk, and from there to a third place.
    let disk = TinyDisk::mount(8_192);
    let far = disk.path.join("data");
    folder::move_to(&new, &far).await.unwrap();
    assert_eq!(folder::resolve(&data), far);
    assert_eq!(fs::read_dir(&new).unwrap().count(), 1, "only the note");
    let third = dir.path().join("third");
    folder::move_to(&far, &third).await.unwrap();
    assert_eq!(folder::resolve(&data), third);
    let store = Store::open(&third).await.unwrap();
    assert_eq!(count(&store).await, 1);
    store.close().await;
}

#[tokio::test]
async fn a_move_that_was_killed_before_it_could_say_so_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let (data, new) = (dir.path().join("data"), dir.path().join("new"));
    with_a_log(&data).await.close().await;
    fs::write(dir.path().join("data.moving"), format!("{}\n", new.display())).unwrap();
    assert_eq!(folder::resolve(&data), data, "it was not moved yet");
    fs::rename(&data, &new).unwrap();
    assert_eq!(folder::resolve(&data), new);
}

/// Files in a folder and below that others than its owner may read or write.
fn open_to_others(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let (path, kind) = (entry.path(), entry.file_type().unwrap());
        if kind.is_dir() {
            found.extend(open_to_others(&path));
        } else if entry.metadata().unwrap().permissions().mode() & 0o077 != 0 {
            found.push(path.display().to_string());
        }
    }
    found.sort();
    found
}

#[tokio::test]
async fn in_a_folder_that_is_open_to_others_nothing_of_ours_is() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    fs::create_dir(&data).unwrap();
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).unwrap();
    let store = with_a_log(&data).await;
    assert_eq!(open_to_others(&data), [""; 0], "while it is open");
    store.back_up(&data.join("monday.tar.gz"), |_, _| true).await.unwrap();
    store.close().await;
    // As an earlier version, or one under another mask, has left them.
    for name in ["letterpress.db", "letterpress.db.before-4", "owner.lock", "migrate.lock"] {
        let file = data.join(name);
        fs::File::options().create(true).append(true).open(&file).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    }
    let store = Store::open(&data).await.unwrap();
    let Ownership::Owner(owner) = Lock::try_own(&data).unwrap() else { panic!("nobody has it") };
    assert_eq!(open_to_others(&data), [""; 0]);
    drop(owner);
    store.close().await;
    folder::restore(&data, &data.join("monday.tar.gz")).await.unwrap().unwrap();
    assert_eq!(open_to_others(&data), [""; 0], "also what was put back, and what that replaced");
    let kept = fs::metadata(&data).unwrap().permissions().mode() & 0o777;
    assert_eq!(kept, 0o755, "the folder itself belongs to who chose it");
}
