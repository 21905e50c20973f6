//! The sample project that comes with the app becomes a real repository: how its `commits.json` is read, and that it is well made.
#![allow(clippy::unwrap_used)]

use lp_git::{CommitSpec, FileSpec, Repository, TagSpec, create};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;

/// `commits.json`: the commits in order, each with a folder of files that are laid over what is there.
#[derive(Deserialize)]
struct List {
    branch: String,
    /// The authors' offset from UTC, `+08:00`.
    offset: String,
    commits: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    folder: String,
    message: String,
    author: Author,
    /// `-2d14:20`: two days before today, at 14:20 by the authors' clock.
    when: String,
    #[serde(default)]
    delete: Vec<String>,
    tag: Option<Tag>,
}

#[derive(Deserialize)]
struct Author {
    name: String,
    email: String,
}

#[derive(Deserialize)]
struct Tag {
    name: String,
    message: String,
}

/// Reads `commits.json`; `files` gives all files below a folder of the sample, with paths relative to that folder.
fn parse(json: &[u8], now_ms: i64, files: impl Fn(&str) -> Vec<FileSpec>) -> Result<Vec<CommitSpec>, String> {
    let list: List = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    let offset_min = minutes(&list.offset).ok_or_else(|| format!("`{}` is no offset", list.offset))?;
    let offset_ms = i64::from(offset_min) * MINUTE_MS;
    let midnight_ms = (now_ms + offset_ms).div_euclid(DAY_MS) * DAY_MS - offset_ms;
    let commit = |item: Item| {
        let when = || {
            let (days, clock) = item.when.strip_prefix('-')?.split_once('d')?;
            Some(midnight_ms - days.parse::<i64>().ok()? * DAY_MS + i64::from(minutes(clock)?) * MINUTE_MS)
        };
        Ok(CommitSpec {
            time_ms: when().ok_or_else(|| format!("`{}` is no time", item.when))?,
            message: item.message,
            author_name: item.author.name,
            author_email: item.author.email,
            offset_min,
            branch: list.branch.clone(),
            files: files(&item.folder),
            deletes: item.delete,
            tag: item.tag.map(|tag| TagSpec { name: tag.name, message: Some(tag.message) }),
        })
    };
    list.commits.into_iter().map(commit).collect()
}

/// `+08:00`, `-03:30` or `14:20` in minutes.
fn minutes(text: &str) -> Option<i32> {
    let (hours, rest) = text.trim_start_matches(['+', '-']).split_once(':')?;
    let minutes = hours.parse::<i32>().ok()? * 60 + rest.parse::<i32>().ok()?;
    Some(if text.starts_with('-') { -minutes } else { minutes })
}

fn sample() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../sample")
}

fn files_below(folder: &Path, prefix: &str, out: &mut Vec<FileSpec>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = format!("{prefix}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            files_below(&entry.path(), &format!("{path}/"), out);
        } else {
            out.push(FileSpec { path, bytes: fs::read(entry.path()).unwrap(), executable: false });
        }
    }
}

fn commits(now_ms: i64) -> Vec<CommitSpec> {
    let files = |folder: &str| {
        let mut files = Vec::new();
        files_below(&sample().join(folder), "", &mut files);
        files
    };
    parse(&fs::read(sample().join("commits.json")).unwrap(), now_ms, files).unwrap()
}

#[test]
fn the_sample_is_a_repository_with_a_history() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("letterpress-sample");
    // 2026-11-23 00:30 by the authors' clock: today has only just begun.
    let now_ms = 1_795_365_000_000;
    create(&root, &commits(now_ms)).unwrap();
    let repository = Repository::open(&root).unwrap();
    let versions = repository.versions(50).unwrap();
    assert!(versions.len() >= 5);
    let tags: Vec<_> = versions.iter().filter_map(|version| version.tag.as_deref()).collect();
    assert_eq!(tags, ["1.1.0", "1.0.0"]);
    let tagged = repository.resolve("1.1.0").unwrap();
    assert_eq!((tagged.title.as_str(), tagged.author_name.as_str()), ("Fix the cart total", "李雷"));
    assert_eq!(tagged.time_ms, now_ms - 30 * MINUTE_MS - 2 * DAY_MS + (14 * 60 + 20) * MINUTE_MS);
    let head = repository.head().unwrap();
    assert!(head.tag.is_none() && head.time_ms > tagged.time_ms && head.time_ms < now_ms);
    assert!(versions.iter().any(|version| version.title.is_ascii()) && versions.iter().any(|version| !version.title.is_ascii()));

    // Each version can be run: it has its pipeline, its buttons, and a lock file.
    for version in &versions {
        for path in [".drone.yml", ".letterpress.yml", "package-lock.json", "README.md", "tests/cart.test.js", "scripts/check-dist.js"] {
            assert!(repository.read_file(&version.sha, path, 1 << 20).unwrap().is_some(), "{path} in {}", version.title);
        }
    }
}

#[test]
fn every_folder_of_the_sample_is_a_commit_that_changes_something() {
    let list: List = serde_json::from_slice(&fs::read(sample().join("commits.json")).unwrap()).unwrap();
    let used: BTreeSet<String> = list.commits.into_iter().map(|item| item.folder).collect();
    let entries = fs::read_dir(sample()).unwrap().map(Result::unwrap);
    let there: BTreeSet<String> =
        entries.filter(|entry| entry.file_type().unwrap().is_dir()).map(|entry| entry.file_name().into_string().unwrap()).collect();
    assert_eq!(used, there);

    let mut before: std::collections::BTreeMap<String, Vec<u8>> = Default::default();
    for commit in commits(1_795_365_000_000) {
        for file in commit.files {
            let old = before.insert(file.path.clone(), file.bytes.clone());
            assert_ne!(old.as_ref(), Some(&file.bytes), "`{}` is not changed by {:?}", file.path, commit.message);
        }
    }
}

#[test]
fn the_lock_file_names_no_place() {
    let lock: serde_json::Value =
        serde_json::from_slice(&fs::read(sample().join("01-shop-with-a-cart/package-lock.json")).unwrap()).unwrap();
    let packages = lock["packages"].as_object().unwrap();
    assert!(packages.len() > 10);
    for (name, package) in packages {
        assert!(package.get("resolved").is_none(), "{name}");
        assert!(name.is_empty() || package.get("integrity").is_some(), "{name}");
    }
}
