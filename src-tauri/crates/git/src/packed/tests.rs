//! Objects out of packs that git itself made, whole and damaged.

use super::*;
use crate::{CommitSpec, FileSpec, create};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use tempfile::TempDir;

fn git(folder: &Path, arguments: &[&str]) {
    let status = Command::new("git").arg("-C").arg(folder).args(arguments).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "git {arguments:?}");
}

/// A text that no compression makes much smaller, so that versions of it are stored as deltas.
fn text(seed: u64, words: u64) -> String {
    (0..words).map(|word| format!("{:x} ", (seed + word).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20)).collect()
}

/// Versions of some files, each with a word more in the middle and one less at the end; a large file and an empty one.
fn repository() -> (TempDir, Vec<(Oid, Vec<u8>)>) {
    let folder = tempfile::tempdir().unwrap();
    let file = |path: String, text: String| FileSpec { path, bytes: text.into_bytes(), executable: false };
    let commits: Vec<CommitSpec> = (0..12_u64)
        .map(|version| {
            let changed = |number: u64| {
                let whole = text(number * 1_000, 300 + version * 40);
                let middle = whole.len() / 2;
                format!("{}version {version} {}", &whole[..middle], &whole[middle..whole.len() - version as usize])
            };
            let mut files: Vec<FileSpec> = (0..8).map(|number| file(format!("d{}/{number}.txt", number % 3), changed(number))).collect();
            files.push(file("large".into(), text(7, 200_000)));
            files.push(file("empty".into(), String::new()));
            CommitSpec {
                message: version.to_string(),
                author_name: "A".into(),
                author_email: "a@example.test".into(),
                time_ms: 1_700_000_000_000,
                offset_min: 0,
                branch: "main".into(),
                files,
                deletes: vec![],
                tag: None,
            }
        })
        .collect();
    create(&folder.path().join("r"), &commits).unwrap();
    let opened = git2::Repository::open(folder.path().join("r")).unwrap();
    let odb = opened.odb().unwrap();
    let mut files = Vec::new();
    odb.foreach(|id| {
        let object = odb.read(*id).unwrap();
        if object.kind() == git2::ObjectType::Blob {
            files.push((*id, object.data().to_vec()));
        }
        true
    })
    .unwrap();
    (folder, files)
}

fn deltas(packed: &mut PackedObjects, files: &[(Oid, Vec<u8>)]) -> usize {
    let is_delta = |(id, _): &&(Oid, Vec<u8>)| {
        let place = packed.find(*id).unwrap();
        matches!(packed.entry(place).unwrap().kind, Kind::Delta(_))
    };
    files.iter().filter(is_delta).count()
}

#[test]
fn every_file_is_found_however_it_is_stored() {
    let (folder, files) = repository();
    let root = folder.path().join("r");
    let mut seen = PackedObjects::of(&[root.join(".git/objects")]);
    assert!(seen.find(files[0].0).is_none(), "nothing is packed yet");
    for (how, arguments, bases) in [
        ("whole", &["-c", "pack.compression=0", "repack", "-adfq", "--depth=0"][..], 0),
        ("to an offset", &["repack", "-adfq", "--depth=50", "--window=50"], 50),
        ("to a name", &["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=50", "--window=50"], 50),
    ] {
        git(&root, arguments);
        let mut packed = PackedObjects::of(&[root.join(".git/objects")]);
        let found = deltas(&mut packed, &files);
        assert!(found >= bases && (bases > 0 || found == 0), "{how}: {found} deltas");
        // Twice, so that what is remembered is used as well.
        for (id, bytes) in files.iter().chain(&files) {
            let place = packed.find(*id).unwrap();
            assert_eq!(*packed.read(place, *id).unwrap().bytes, *bytes, "{how}");
            if let Some(size) = packed.whole_size(place) {
                let mut streamed = Vec::new();
                packed.stream(place).unwrap().take(size).read_to_end(&mut streamed).unwrap();
                assert_eq!(streamed, *bytes, "{how}");
            }
        }
        let unknown = Oid::from_str(&"12".repeat(20)).unwrap();
        assert!(packed.find(unknown).is_none());
        let other = packed.find(files[0].0).unwrap();
        assert!(packed.read(other, files[1].0).is_none(), "what lies there has another name");
    }
}

#[test]
fn an_index_of_a_pack_file_beyond_two_gigabytes() {
    let (folder, files) = repository();
    let root = folder.path().join("r");
    git(&root, &["repack", "-adfq"]);
    let packs = root.join(".git/objects/pack");
    let pack = fs::read_dir(&packs)
        .unwrap()
        .map(|found| found.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "pack"))
        .unwrap();
    // Offsets from 1 on are written as if they were large.
    git(&root, &["index-pack", "--index-version=2,0x1", pack.to_str().unwrap()]);
    let mut packed = PackedObjects::of(&[root.join(".git/objects")]);
    for (id, bytes) in &files {
        let place = packed.find(*id).unwrap();
        assert_eq!(*packed.read(place, *id).unwrap().bytes, *bytes);
    }
}

#[test]
fn damage_never_gives_other_bytes() {
    let (folder, files) = repository();
    let root = folder.path().join("r");
    git(&root, &["repack", "-adfq", "--depth=50"]);
    let packs = fs::read_dir(root.join(".git/objects/pack")).unwrap().map(|found| found.unwrap().path());
    let (mut right, mut none) = (0, 0);
    for path in packs.filter(|path| path.extension().is_some_and(|extension| extension == "pack" || extension == "idx")) {
        let whole = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        // All of the head and the first entries, then here and there.
        for at in (0..1_200).chain((1_200..whole.len()).step_by(whole.len() / 150)) {
            for mask in [0x80, 0x11] {
                let mut damaged = whole.clone();
                damaged[at] ^= mask;
                fs::write(&path, damaged).unwrap();
                let mut packed = PackedObjects::of(&[root.join(".git/objects")]);
                for (id, bytes) in files.iter().filter(|(_, bytes)| bytes.len() < 1 << 20).step_by(7) {
                    match packed.find(*id).and_then(|place| packed.read(place, *id)) {
                        Some(read) => {
                            assert_eq!(*read.bytes, *bytes);
                            right += 1;
                        }
                        None => none += 1,
                    }
                }
            }
        }
        fs::write(&path, whole).unwrap();
    }
    assert!(right > 0 && none > 0, "{right} were right, {none} were not there");
}
