//! Real repositories in temporary folders: what opens, which versions there are, what is packed.
#![allow(clippy::unwrap_used)]

use git2::{Repository as Git, Signature, Time};
use lp_git::{CommitSpec, EntryKind, FileSpec, GitError, Repository, TagSpec, Version, create};
use std::collections::BTreeMap;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};

fn file(path: &str, text: &str) -> FileSpec {
    FileSpec { path: path.into(), bytes: text.into(), executable: false }
}

fn commit(message: &str, time_s: i64, files: Vec<FileSpec>) -> CommitSpec {
    CommitSpec {
        message: message.into(),
        author_name: "李雷".into(),
        author_email: "lilei@example.test".into(),
        time_ms: time_s * 1_000,
        offset_min: 480,
        branch: "main".into(),
        files,
        deletes: vec![],
        tag: None,
    }
}

fn tag(name: &str, message: Option<&str>) -> Option<TagSpec> {
    Some(TagSpec { name: name.into(), message: message.map(Into::into) })
}

fn make(commits: &[CommitSpec]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("repo");
    create(&root, commits).unwrap();
    let root = fs::canonicalize(root).unwrap();
    (dir, root)
}

fn open_error(path: &Path) -> GitError {
    Repository::open(path).err().unwrap()
}

/// A repository with one file of a special kind, made below the working copy.
fn commit_tree(git: &Git, fill: impl Fn(&Git, &mut git2::TreeBuilder<'_>)) -> String {
    let mut tree = git.treebuilder(None).unwrap();
    fill(git, &mut tree);
    let tree = git.find_tree(tree.write().unwrap()).unwrap();
    let author = Signature::new("A", "a@example.test", &Time::new(1_700_000_000, 0)).unwrap();
    let parent = git.head().ok().map(|head| head.peel_to_commit().unwrap());
    let parents: Vec<_> = parent.iter().collect();
    git.commit(Some("HEAD"), &author, &author, "special\n", &tree, &parents).unwrap().to_string()
}

struct Unpacked {
    kind: tar::EntryType,
    mode: u32,
    mtime: u64,
    link: String,
    bytes: Vec<u8>,
}

async fn read_all(mut stream: impl AsyncRead + Send + Unpin) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    Ok(bytes)
}

fn unpack(tar: &[u8]) -> BTreeMap<String, Unpacked> {
    let mut archive = tar::Archive::new(tar);
    let read = |entry: std::io::Result<tar::Entry<'_, &[u8]>>| {
        let mut entry = entry.unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        let link = entry.link_name().unwrap().map(|p| p.display().to_string()).unwrap_or_default();
        let header = entry.header();
        let (kind, mode, mtime) = (header.entry_type(), header.mode().unwrap(), header.mtime().unwrap());
        (entry.path().unwrap().display().to_string(), Unpacked { kind, mode, mtime, link, bytes })
    };
    archive.entries().unwrap().map(read).collect()
}

fn words(versions: &[Version]) -> Vec<(String, Option<&str>, Vec<&str>)> {
    versions.iter().map(|v| (v.title.clone(), v.tag.as_deref(), v.branches.iter().map(String::as_str).collect())).collect()
}

#[test]
fn what_is_no_repository_says_so() {
    let dir = tempfile::tempdir().unwrap();
    assert!(matches!(open_error(&dir.path().join("nowhere")), GitError::NotFound { .. }));
    assert!(matches!(open_error(dir.path()), GitError::NotARepository { .. }));
    fs::write(dir.path().join("file"), "x").unwrap();
    assert!(matches!(open_error(&dir.path().join("file")), GitError::NotARepository { .. }));
    let empty = dir.path().join("empty");
    Git::init(&empty).unwrap();
    assert!(matches!(open_error(&empty), GitError::Empty { .. }));
    let damaged = dir.path().join("damaged");
    Git::init(&damaged).unwrap();
    fs::remove_file(damaged.join(".git/HEAD")).unwrap();
    assert!(matches!(open_error(&damaged), GitError::Corrupt { .. }));
}

#[test]
fn a_repository_whose_objects_are_gone_is_damaged() {
    let (_dir, root) = make(&[commit("one", 1_700_000_000, vec![file("a", "1")])]);
    fs::remove_dir_all(root.join(".git/objects")).unwrap();
    fs::create_dir(root.join(".git/objects")).unwrap();
    assert!(matches!(open_error(&root), GitError::MissingObject { .. }), "{:?}", open_error(&root));
}

#[test]
fn any_folder_of_a_repository_opens_it() {
    let (dir, root) = make(&[commit("one", 1_700_000_000, vec![file("源/深/文件.txt", "x")])]);
    for folder in ["", "源", "源/深", ".git", ".git/refs"] {
        assert_eq!(Repository::open(&root.join(folder)).unwrap().root(), root, "{folder:?}");
    }
    let git = Git::open(&root).unwrap();
    let linked = fs::canonicalize(dir.path()).unwrap().join("linked");
    git.worktree("linked", &linked, None).unwrap();
    let from_link = Repository::open(&linked.join("源")).unwrap();
    assert_eq!(from_link.root(), linked);
    assert_eq!(from_link.head().unwrap().reference, "refs/heads/linked");

    let bare = fs::canonicalize(dir.path()).unwrap().join("bare.git");
    Git::init_bare(&bare).unwrap();
    let mut remote = git.remote_anonymous(&format!("file://{}", bare.display())).unwrap();
    remote.push(&["refs/heads/main:refs/heads/main"], None).unwrap();
    let bare_again = Repository::open(&bare).unwrap();
    assert_eq!((bare_again.root(), bare_again.default_branch().unwrap()), (bare.as_path(), "main".to_owned()));
}

#[cfg(unix)]
#[test]
fn a_repository_of_someone_else_opens() {
    let (_dir, root) = make(&[commit("one", 1_700_000_000, vec![file("a", "1")])]);
    for path in [root.join(".git"), root.clone()] {
        std::os::unix::fs::chown(&path, Some(65_534), Some(65_534)).expect("giving a folder away needs the rights of root");
    }
    assert_eq!(Git::open(&root).err().unwrap().code(), git2::ErrorCode::Owner, "libgit2 would refuse it");
    assert_eq!(Repository::open(&root).unwrap().head().unwrap().title, "one");
}

#[test]
fn a_current_branch_without_commits_hides_nothing() {
    let (_dir, root) = make(&[commit("one", 1_700_000_000, vec![file("a", "1")])]);
    let git = Git::open(&root).unwrap();
    git.set_head("refs/heads/unborn").unwrap();
    let repository = Repository::open(&root).unwrap();
    assert_eq!(repository.default_branch().unwrap(), "main");
    assert!(matches!(repository.head(), Err(GitError::NoCommitYet { .. })));
    assert_eq!(words(&repository.versions(10).unwrap()), [("one".to_owned(), None, vec!["main"])]);
}

fn shop() -> Vec<CommitSpec> {
    let mut commits = vec![
        commit("first\n\nlong text", 1_700_000_000, vec![file(".drone.yml", "kind: pipeline"), file("src/a.txt", "1")]),
        commit("第二次提交", 1_700_000_100, vec![file("src/a.txt", "2")]),
        commit("on a branch", 1_700_000_150, vec![file("b.txt", "b")]),
        commit("fix", 1_700_000_200, vec![file("src/a.txt", "3")]),
        commit("newest", 1_700_000_300, vec![file("src/b.txt", "4")]),
    ];
    commits[1].tag = tag("1.9.0", Some("the ninth"));
    commits[2].branch = "feature/cart".into();
    commits[3].tag = tag("1.10.0", None);
    commits[4].deletes = vec!["src/a.txt".into()];
    commits
}

#[test]
fn versions_are_tags_then_commits_in_words() {
    let (_dir, root) = make(&shop());
    let repository = Repository::open(&root).unwrap();
    let versions = repository.versions(10).unwrap();
    assert_eq!(
        words(&versions),
        [
            ("fix".into(), Some("1.10.0"), vec!["main"]),
            ("第二次提交".into(), Some("1.9.0"), vec!["main", "feature/cart"]),
            ("newest".into(), None, vec!["main"]),
            ("on a branch".into(), None, vec!["feature/cart"]),
            ("first".into(), None, vec!["main", "feature/cart"]),
        ]
    );
    let ninth = &versions[1];
    assert_eq!((ninth.author_name.as_str(), ninth.author_email.as_str(), ninth.time_ms), ("李雷", "lilei@example.test", 1_700_000_100_000));
    assert_eq!((ninth.reference.as_str(), versions[3].reference.as_str()), ("refs/tags/1.9.0", "refs/heads/feature/cart"));
    assert_eq!(words(&repository.versions(1).unwrap()), [("fix".into(), Some("1.10.0"), vec![]), ("newest".into(), None, vec!["main"])]);
}

#[test]
fn tags_of_one_moment_go_by_their_numbers() {
    let (_dir, root) = make(&[commit("one", 1_700_000_000, vec![file("a", "1")])]);
    let git = Git::open(&root).unwrap();
    let head = git.head().unwrap().peel(git2::ObjectType::Any).unwrap();
    for name in ["v1.9.0", "v1.10.0", "v1.10.0-rc.1", "v0.1"] {
        git.tag_lightweight(name, &head, false).unwrap();
    }
    // A tag of a file is no version.
    git.tag_lightweight("a-file", git.find_blob(git.blob(b"x").unwrap()).unwrap().as_object(), false).unwrap();
    let versions = Repository::open(&root).unwrap().versions(10).unwrap();
    let tags: Vec<_> = versions.iter().map(|v| v.tag.as_deref().unwrap()).collect();
    assert_eq!(tags, ["v1.10.0", "v1.10.0-rc.1", "v1.9.0", "v0.1"]);
}

#[test]
fn a_version_is_found_by_any_of_its_names() {
    let (_dir, root) = make(&shop());
    let repository = Repository::open(&root).unwrap();
    let reference = |text: &str| repository.resolve(text).map(|v| (v.title, v.reference));
    assert_eq!(reference("HEAD").unwrap(), ("newest".into(), "refs/heads/main".into()));
    assert_eq!(reference(" 1.9.0 ").unwrap(), ("第二次提交".into(), "refs/tags/1.9.0".into()));
    assert_eq!(reference("refs/tags/1.10.0").unwrap().0, "fix");
    assert_eq!(reference("feature/cart").unwrap(), ("on a branch".into(), "refs/heads/feature/cart".into()));
    assert_eq!(reference("refs/heads/main").unwrap().0, "newest");
    let sha = repository.resolve("1.9.0").unwrap().sha;
    for prefix in [&sha[..7], sha.as_str()] {
        assert_eq!(reference(prefix).unwrap(), ("第二次提交".into(), "refs/heads/main".into()));
    }
    assert_eq!(repository.tagged(&sha).unwrap().unwrap().reference, "refs/tags/1.9.0");
    assert_eq!(repository.tagged(&repository.head().unwrap().sha).unwrap(), None);
    for unknown in ["", "nope", "../HEAD", "abc", "0123456789", "refs/heads/", "版本", "main~1"] {
        assert!(matches!(repository.resolve(unknown), Err(GitError::UnknownVersion { .. })), "{unknown:?}");
    }

    let facts = repository.commit_facts(&repository.resolve("1.9.0").unwrap()).unwrap();
    assert_eq!((facts.branch.as_str(), facts.author.name.as_str(), facts.time_ms), ("main", "李雷", 1_700_000_100_000));
    assert_eq!(facts.before, repository.resolve("main").map(|_| repository.versions(10).unwrap()[4].sha.clone()).unwrap());
    let first = repository.commit_facts(&repository.resolve(&facts.before).unwrap()).unwrap();
    assert_eq!((first.before.as_str(), first.message.as_str()), ("", "first\n\nlong text"));
}

#[test]
fn a_detached_head_and_a_branch_of_the_remote_are_versions() {
    let (_dir, root) = make(&shop());
    let git = Git::open(&root).unwrap();
    let repository = Repository::open(&root).unwrap();
    let fix = repository.resolve("1.10.0").unwrap();
    git.set_head_detached(git2::Oid::from_str(&fix.sha).unwrap()).unwrap();
    assert_eq!(repository.head().unwrap().reference, "refs/heads/main");
    let id = git2::Oid::from_str(&fix.sha).unwrap();
    git.reference("refs/remotes/origin/release", id, false, "test").unwrap();
    git.reference_symbolic("refs/remotes/origin/HEAD", "refs/remotes/origin/release", false, "test").unwrap();
    assert_eq!(repository.default_branch().unwrap(), "release");
    assert_eq!(repository.resolve("release").unwrap().reference, "refs/heads/release");
    git.remote("origin", "https://me:secret@host.test/shop.git").unwrap();
    assert_eq!(repository.origin().as_deref(), Some("https://host.test/shop.git"));
}

#[test]
fn a_shallow_clone_has_the_versions_that_it_has() {
    let (_dir, root) = make(&shop());
    let repository = Repository::open(&root).unwrap();
    let (newest, fix, second) =
        (repository.head().unwrap().sha, repository.resolve("1.10.0").unwrap(), repository.resolve("1.9.0").unwrap());
    let git = Git::open(&root).unwrap();
    git.find_reference("refs/heads/feature/cart").unwrap().delete().unwrap();
    git.find_reference("refs/tags/1.9.0").unwrap().delete().unwrap();
    fs::write(root.join(".git/shallow"), format!("{}\n", fix.sha)).unwrap();
    fs::remove_file(root.join(".git/objects").join(&second.sha[..2]).join(&second.sha[2..])).unwrap();

    let repository = Repository::open(&root).unwrap();
    assert_eq!(
        words(&repository.versions(10).unwrap()),
        [("fix".into(), Some("1.10.0"), vec!["main"]), ("newest".into(), None, vec!["main"])]
    );
    assert_eq!(repository.resolve(&newest[..8]).unwrap().reference, "refs/heads/main");
    assert_eq!(repository.commit_facts(&fix).unwrap().branch, "main");
}

#[test]
fn a_format_of_the_future_is_named() {
    let (_dir, root) = make(&shop());
    let mut config = Git::open(&root).unwrap().config().unwrap();
    config.set_i32("core.repositoryformatversion", 1).unwrap();
    config.set_str("extensions.refstorage", "reftable").unwrap();
    match open_error(&root) {
        GitError::ReferenceFormat { format, .. } => assert_eq!(format, "reftable"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn files_are_read_at_a_commit() {
    let (_dir, root) = make(&shop());
    let repository = Repository::open(&root).unwrap();
    let (old, new) = (repository.resolve("1.9.0").unwrap().sha, repository.resolve("main").unwrap().sha);
    let read = |sha: &str, path: &str| repository.read_file(sha, path, 100).unwrap().map(|b| String::from_utf8(b).unwrap());
    assert_eq!(read(&old, "src/a.txt").as_deref(), Some("2"));
    assert_eq!(read(&old, "./.drone.yml").as_deref(), Some("kind: pipeline"));
    for missing in ["src/a.txt", "src", "", "/", "../x", "src/a.txt/deeper"] {
        assert_eq!(read(&new, missing), None, "{missing:?}");
    }
    match repository.read_file(&old, ".drone.yml", 3) {
        Err(GitError::TooLarge { bytes: 14, limit: 3, .. }) => {}
        other => panic!("{other:?}"),
    }
    let list = |folder: &str| repository.list_files(&new, folder).unwrap();
    let names: Vec<_> = list("").unwrap().into_iter().map(|e| (e.name, e.kind)).collect();
    assert_eq!(names, [(".drone.yml".into(), EntryKind::File), ("src".into(), EntryKind::Folder)]);
    assert_eq!(list("src/").unwrap()[0].name, "b.txt");
    assert_eq!((list("nope"), list(".drone.yml")), (None, None));
    let unknown = repository.read_file(&"0".repeat(40), "a", 1);
    assert!(matches!(unknown, Err(GitError::UnknownVersion { .. })), "{unknown:?}");
}

#[tokio::test]
async fn a_commit_is_packed_with_all_its_kinds() {
    let dir = tempfile::tempdir().unwrap();
    let git = Git::init(dir.path()).unwrap();
    let long_name = format!("{}-长.txt", "n".repeat(180));
    let long_link = format!("../{}", "很长/".repeat(50));
    let sha = commit_tree(&git, |git, tree| {
        let blob = |bytes: &[u8]| git.blob(bytes).unwrap();
        tree.insert("脚本.sh", blob(b"#!/bin/sh\n"), 0o100_755).unwrap();
        tree.insert(long_name.as_str(), blob(b"long"), 0o100_644).unwrap();
        tree.insert("empty", blob(b""), 0o100_644).unwrap();
        tree.insert("link", blob(b"./a//b/../x"), 0o120_000).unwrap();
        tree.insert("long link", blob(long_link.as_bytes()), 0o120_000).unwrap();
        tree.insert("module", git2::Oid::from_str(&"1".repeat(40)).unwrap(), 0o160_000).unwrap();
        let mut below = git.treebuilder(None).unwrap();
        below.insert("文件.txt", blob("内容".as_bytes()), 0o100_644).unwrap();
        tree.insert("文件夹", below.write().unwrap(), 0o040_000).unwrap();
    });
    let repository = Repository::open(dir.path()).unwrap();
    let bytes = read_all(repository.pack(&sha).unwrap()).await.unwrap();
    let files = unpack(&bytes);
    let shape = |name: &str| (files[name].kind, files[name].mode);
    assert_eq!(shape("脚本.sh"), (tar::EntryType::Regular, 0o755));
    assert_eq!(shape("文件夹/文件.txt"), (tar::EntryType::Regular, 0o644));
    assert_eq!(files["文件夹/文件.txt"].bytes, "内容".as_bytes());
    assert_eq!(files[&long_name].bytes, b"long");
    assert_eq!((shape("link"), files["link"].link.as_str()), ((tar::EntryType::Symlink, 0o777), "./a//b/../x"));
    assert_eq!(files["long link"].link.trim_end_matches('/'), long_link.trim_end_matches('/'));
    let folder = |name: &str| files.keys().any(|k| k.trim_end_matches('/') == name && files[k].kind == tar::EntryType::Directory);
    assert!(folder("module") && folder("文件夹"));
    assert!(files.values().all(|f| f.mtime == 1_700_000_000));
    assert_eq!(files.len(), 8);
    assert_eq!(read_all(repository.pack(&sha).unwrap()).await.unwrap(), bytes, "the same bytes again");
}

#[tokio::test]
async fn ten_thousand_files_are_packed() {
    let files = (0..10_000).map(|n| file(&format!("d{}/e{}/f{n}.txt", n % 7, n % 91), &n.to_string())).collect();
    let (_dir, root) = make(&[commit("many", 1_700_000_000, files)]);
    let repository = Repository::open(&root).unwrap();
    let sha = repository.head().unwrap().sha;
    let files = unpack(&read_all(repository.pack(&sha).unwrap()).await.unwrap());
    assert_eq!(files.values().filter(|f| f.kind == tar::EntryType::Regular).count(), 10_000);
    assert_eq!(files["d3/e24/f9943.txt"].bytes, b"9943");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_large_file_does_not_pass_through_memory() {
    const SIZE: u64 = 300 << 20;
    let dir = tempfile::tempdir().unwrap();
    let git = Git::init(dir.path()).unwrap();
    let sha = commit_tree(&git, |git, tree| {
        let mut blob = git.blob_writer(None).unwrap();
        let zeros = vec![0; 1 << 20];
        for _ in 0..SIZE >> 20 {
            std::io::Write::write_all(&mut blob, &zeros).unwrap();
        }
        tree.insert("big.bin", blob.commit().unwrap(), 0o100_644).unwrap();
    });
    let peak_kb = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = peak_kb();
    let mut pack = Repository::open(dir.path()).unwrap().pack(&sha).unwrap();
    let copied = tokio::io::copy(&mut pack, &mut tokio::io::sink()).await.unwrap();
    assert!(copied > SIZE, "{copied}");
    let grown = peak_kb() - before;
    // Far below the file, with room for tests beside this one in the same process.
    assert!(grown < 100 << 10, "{grown} KB more memory");
}

#[tokio::test]
async fn a_pack_that_nobody_reads_ends_and_a_damaged_one_fails() {
    let (_dir, root) = make(&[commit("one", 1_700_000_000, vec![file("a", &"x".repeat(3 << 20)), file("b", "2")])]);
    let repository = Repository::open(&root).unwrap();
    let sha = repository.head().unwrap().sha;
    let mut pack = repository.pack(&sha).unwrap();
    pack.read_exact(&mut [0; 1_000]).await.unwrap();
    // The runtime of this test waits for its blocking threads: it would hang here for ever otherwise.
    drop(pack);

    let git = Git::open(&root).unwrap();
    let blob = git.find_commit(git2::Oid::from_str(&sha).unwrap()).unwrap().tree().unwrap().get_name("b").unwrap().id().to_string();
    fs::remove_file(root.join(".git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    let error = read_all(repository.pack(&sha).unwrap()).await.unwrap_err();
    assert!(error.to_string().contains("damaged"), "{error}");
    assert!(matches!(repository.pack(&"0".repeat(40)), Err(GitError::UnknownVersion { .. })));
}

#[tokio::test]
async fn an_object_that_holds_something_else_than_its_name_says_is_damage() {
    let (_dir, root) =
        make(&[commit("one", 1_700_000_000, vec![file("large", &"x".repeat(3 << 20)), file("small", "1"), file("d/e", "2")])]);
    let git = Git::open(&root).unwrap();
    let sha = git.head().unwrap().target().unwrap().to_string();
    let whole = read_all(Repository::open(&root).unwrap().pack(&sha).unwrap()).await.unwrap();
    let tree = git.find_commit(git2::Oid::from_str(&sha).unwrap()).unwrap().tree().unwrap();
    let path = |id: &str| root.join(".git/objects").join(&id[..2]).join(&id[2..]);
    let other_file = path(&git.blob(&[b'y'; 3 << 20]).unwrap().to_string());
    let other_folder = path(&git.treebuilder(None).unwrap().write().unwrap().to_string());
    // Both are objects in good order; only their names are not the right ones.
    for (name, other) in [("large", &other_file), ("small", &other_file), ("d", &other_folder)] {
        let changed = path(&tree.get_name(name).unwrap().id().to_string());
        let before = fs::read(&changed).unwrap();
        fs::remove_file(&changed).unwrap();
        fs::copy(other, &changed).unwrap();
        let repository = Repository::open(&root).unwrap();
        let error = read_all(repository.pack(&sha).unwrap()).await.unwrap_err().to_string();
        assert!(error.contains("damaged"), "{name}: {error}");
        let read = repository.read_file(&sha, if name == "d" { "d/e" } else { name }, 10 << 20);
        assert!(matches!(read, Err(GitError::Corrupt { .. })), "{name}: {read:?}");
        fs::remove_file(&changed).unwrap();
        fs::write(&changed, before).unwrap();
    }
    assert_eq!(read_all(Repository::open(&root).unwrap().pack(&sha).unwrap()).await.unwrap(), whole, "all is well again");
}

#[tokio::test]
async fn a_commit_gives_the_same_bytes_however_it_is_stored() {
    let files = |n: usize| (0..40).map(|f| file(&format!("d{}/{f}.txt", f % 3), &format!("{f} {n} ").repeat(500 + f))).collect();
    let mut commits: Vec<CommitSpec> = (0..6).map(|n| commit(&n.to_string(), 1_700_000_000 + n as i64, files(n))).collect();
    commits[0].files.push(file("large", &"large ".repeat(1 << 19)));
    let (dir, root) = make(&commits);
    let shas: Vec<String> = Repository::open(&root).unwrap().versions(10).unwrap().into_iter().map(|version| version.sha).collect();
    assert_eq!(shas.len(), 6);
    let all = async |root: &Path| {
        let mut tars = Vec::new();
        for sha in &shas {
            tars.push(read_all(Repository::open(root).unwrap().pack(sha).unwrap()).await.unwrap());
        }
        tars
    };
    let loose = all(&root).await;
    let git = |folder: &Path, arguments: &[&str]| {
        let status = std::process::Command::new("git").arg("-C").arg(folder).args(arguments).status().unwrap();
        assert!(status.success(), "git {arguments:?}");
    };
    // Some in one pack file, more in another, the rest in neither.
    for tip in ["main~4", "main~2"] {
        let mut packing = std::process::Command::new("git");
        let prefix = root.join(".git/objects/pack/pack");
        packing.arg("-C").arg(&root).args(["pack-objects", "--revs", "--quiet"]).arg(prefix).stdin(std::process::Stdio::piped());
        let mut packing = packing.stdout(std::process::Stdio::null()).spawn().unwrap();
        std::io::Write::write_all(&mut packing.stdin.take().unwrap(), format!("{tip}\n").as_bytes()).unwrap();
        assert!(packing.wait().unwrap().success());
    }
    git(&root, &["prune-packed", "--quiet"]);
    assert_eq!(all(&root).await, loose);
    git(&root, &["repack", "-adfq", "--depth=50", "--window=50"]);
    assert!(
        fs::read_dir(root.join(".git/objects")).unwrap().all(|found| found.unwrap().file_name().len() != 2),
        "nothing is loose any more"
    );
    assert_eq!(all(&root).await, loose);
    // Objects of another repository (`git clone --shared`), and a second folder of the same one.
    let shared = dir.path().join("shared");
    git(dir.path(), &["clone", "--quiet", "--shared", "--bare", root.to_str().unwrap(), shared.to_str().unwrap()]);
    assert_eq!(all(&shared).await, loose);
    let linked = dir.path().join("linked");
    git(&root, &["worktree", "add", "--quiet", "--detach", linked.to_str().unwrap()]);
    assert_eq!(all(&linked).await, loose);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_large_file_in_a_pack_file_does_not_pass_through_memory() {
    const SIZE: usize = 300 << 20;
    let dir = tempfile::tempdir().unwrap();
    let git = Git::init(dir.path()).unwrap();
    let sha = commit_tree(&git, |git, tree| {
        let mut blob = git.blob_writer(None).unwrap();
        for _ in 0..SIZE >> 20 {
            std::io::Write::write_all(&mut blob, &[0; 1 << 20]).unwrap();
        }
        tree.insert("big.bin", blob.commit().unwrap(), 0o100_644).unwrap();
    });
    let repacked = std::process::Command::new("git").arg("-C").arg(dir.path()).args(["repack", "-adfq"]).status().unwrap();
    assert!(repacked.success());
    let peak_kb = || {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap().to_owned();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = peak_kb();
    let mut pack = Repository::open(dir.path()).unwrap().pack(&sha).unwrap();
    let copied = tokio::io::copy(&mut pack, &mut tokio::io::sink()).await.unwrap();
    assert!(copied > SIZE as u64, "{copied}");
    let grown = peak_kb() - before;
    assert!(grown < 100 << 10, "{grown} KB more memory");
}

#[tokio::test]
async fn names_that_lead_out_of_the_folder_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let git = Git::init(dir.path()).unwrap();
    // libgit2 would not write such a tree, so it is written as bytes.
    for name in ["..", ".git", "a/b"] {
        let blob = git.blob(b"x").unwrap();
        let mut raw = format!("100644 {name}\0").into_bytes();
        raw.extend_from_slice(blob.as_bytes());
        let tree = git.odb().unwrap().write(git2::ObjectType::Tree, &raw).unwrap();
        let text = format!("tree {tree}\nauthor A <a@example.test> 1 +0000\ncommitter A <a@example.test> 1 +0000\n\nbad\n");
        let id = git.odb().unwrap().write(git2::ObjectType::Commit, text.as_bytes()).unwrap();
        git.reference("refs/heads/main", id, true, "test").unwrap();
        let repository = Repository::open(dir.path()).unwrap();
        let packed = read_all(repository.pack(&id.to_string()).unwrap()).await;
        assert!(packed.is_err(), "{name:?}");
    }
}

#[test]
fn a_made_repository_is_whole_and_clean() {
    let (_dir, root) = make(&shop());
    let git = Git::open(&root).unwrap();
    assert!(git.statuses(None).unwrap().is_empty(), "the working copy is that of the last commit");
    assert_eq!(fs::read_to_string(root.join("src/b.txt")).unwrap(), "4");
    assert!(!root.join("src/a.txt").exists() && !root.join("b.txt").exists());
    let annotated = git.find_reference("refs/tags/1.9.0").unwrap().peel_to_tag().unwrap();
    assert_eq!(annotated.message().unwrap(), Some("the ninth"));
    assert!(!root.with_extension("new").exists());
    assert!(matches!(create(&root, &shop()), Err(GitError::Exists { .. })));
    // A leftover of a crash in the middle is no obstacle.
    let other = root.with_file_name("other");
    fs::create_dir_all(root.with_file_name("other.new").join("x")).unwrap();
    fs::create_dir(&other).unwrap();
    create(&other, &shop()).unwrap();
    assert!(Repository::open(&other).is_ok());
}
