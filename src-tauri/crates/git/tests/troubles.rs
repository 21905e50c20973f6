//! Each trouble of git has its own sentence, and what git itself copes with is no trouble. The real git makes them.
#![allow(clippy::unwrap_used)]

use lp_git::{Changes, GitError, Repository, Since, WhyUnknown};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(arguments).env("GIT_CONFIG_NOSYSTEM", "1").env("HOME", "/nonexistent");
    for name in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{name}_NAME"), "A").env(format!("GIT_{name}_EMAIL"), "a@example.test");
        git.env(format!("GIT_{name}_DATE"), "1700000000 +0800");
    }
    git
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = command(folder, arguments).output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// What git says to bytes on its standard input.
fn git_with(folder: &Path, arguments: &[&str], input: &[u8]) -> String {
    let mut child = command(folder, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A repository with two commits, the first of which is tagged `v1`.
fn shop(options: &[&str]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let root = fs::canonicalize(dir.path()).unwrap().join("shop");
    fs::create_dir(&root).unwrap();
    git(&root, &[&["init", "--quiet", "--initial-branch=main"], options].concat());
    for number in ["1", "2"] {
        fs::write(root.join("f"), number).unwrap();
        git(&root, &["add", "."]);
        git(&root, &["commit", "--quiet", "-m", number]);
    }
    git(&root, &["tag", "v1", "HEAD~1"]);
    (dir, root)
}

fn open_error(path: &Path) -> GitError {
    Repository::open(path).err().unwrap_or_else(|| panic!("{} opens", path.display()))
}

/// Everything that the app asks of a version.
async fn used(root: &Path, version: &str) -> Result<(), GitError> {
    let repository = Repository::open(root)?;
    repository.versions(20)?;
    let version = repository.resolve(version)?;
    repository.commit_facts(&version)?;
    repository.read_file(&version.sha, "f", 1_000)?;
    let mut bytes = Vec::new();
    let read = repository.pack(&version.sha)?.read_to_end(&mut bytes).await;
    read.map(|_| ()).map_err(|error| error.downcast::<GitError>().unwrap())
}

#[test]
fn formats_that_cannot_be_read_say_which_and_what_to_do() {
    let (_dir, root) = shop(&["--object-format=sha256"]);
    let error = open_error(&root);
    assert!(matches!(&error, GitError::ObjectFormat { format, .. } if format == "sha256"), "{error:?}");
    let (_dir, root) = shop(&["--ref-format=reftable"]);
    let error = open_error(&root);
    assert!(matches!(&error, GitError::ReferenceFormat { format, .. } if format == "reftable"), "{error:?}");
    assert!(error.hint().to_string().contains("refs migrate --ref-format=files"));
    for (key, value, expected) in [("extensions.somethingNew", "true", "somethingnew"), ("core.repositoryformatversion", "9", "9")] {
        let (_dir, root) = shop(&[]);
        git(&root, &["config", "core.repositoryformatversion", "1"]);
        git(&root, &["config", key, value]);
        let error = open_error(&root);
        assert!(matches!(&error, GitError::Unsupported { what, .. } if what.to_lowercase().contains(expected)), "{error:?}");
    }
}

#[test]
fn a_line_of_the_settings_that_is_wrong_is_named() {
    let (_dir, root) = shop(&[]);
    let file = root.join(".git/config");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, format!("{text}[remote \"origin\n")).unwrap();
    let error = open_error(&root);
    let lines = text.lines().count() as u64;
    assert!(
        matches!(&error, GitError::BadConfig { file, line } if file.ends_with("config") && (lines..=lines + 2).contains(line)),
        "{error:?}"
    );
}

#[test]
fn a_work_tree_or_a_repository_that_was_moved_says_so() {
    let (dir, root) = shop(&[]);
    let linked = fs::canonicalize(dir.path()).unwrap().join("linked");
    git(&root, &["worktree", "add", "--quiet", linked.to_str().unwrap(), "-b", "work"]);
    fs::rename(&root, dir.path().join("moved")).unwrap();
    let error = open_error(&linked);
    assert!(matches!(&error, GitError::Moved { target, .. } if target.contains("shop/.git/worktrees/linked")), "{error:?}");
    assert!(error.hint().to_string().contains("git worktree repair"));
    // A file that leads to nowhere, from a folder below it too.
    fs::create_dir(linked.join("below")).unwrap();
    assert!(matches!(open_error(&linked.join("below")), GitError::Moved { .. }));
}

#[tokio::test]
async fn borrowed_objects_that_are_gone_name_the_folder() {
    let (dir, root) = shop(&[]);
    let borrowing = dir.path().join("borrowing");
    git(dir.path(), &["clone", "--quiet", "--shared", root.to_str().unwrap(), "borrowing"]);
    assert!(used(&borrowing, "main").await.is_ok());
    fs::write(borrowing.join(".git/objects/info/alternates"), "../../../shop/.git/objects\n").unwrap();
    assert!(used(&borrowing, "main").await.is_ok(), "a relative path begins at the folder of the objects");
    fs::rename(&root, dir.path().join("moved")).unwrap();
    let error = used(&borrowing, "main").await.unwrap_err();
    assert!(matches!(&error, GitError::Borrowed { folder, .. } if folder.contains("shop/.git/objects")), "{error:?}");
}

#[tokio::test]
async fn a_partial_clone_says_what_to_fetch() {
    let (dir, root) = shop(&[]);
    git(&root, &["config", "uploadpack.allowFilter", "true"]);
    git(dir.path(), &["clone", "--quiet", "--filter=blob:none", &format!("file://{}", root.display()), "partial"]);
    let partial = dir.path().join("partial");
    assert!(used(&partial, "main").await.is_ok(), "what is checked out is there");
    let error = used(&partial, "v1").await.unwrap_err();
    assert!(matches!(error, GitError::PartialClone { .. }), "{error:?}");
    // What the hint says helps.
    git(&partial, &["fetch", "--quiet", "--refetch", "--no-filter"]);
    assert!(used(&partial, "v1").await.is_ok());
    // A clone without folders: every question says the same.
    git(dir.path(), &["clone", "--quiet", "--no-checkout", "--filter=tree:0", &format!("file://{}", root.display()), "treeless"]);
    let treeless = dir.path().join("treeless");
    let repository = Repository::open(&treeless).unwrap();
    let head = repository.head().unwrap().sha;
    for error in [repository.follow(&head, "f").map(|_| ()).unwrap_err(), repository.read_file(&head, "f", 10).map(|_| ()).unwrap_err()] {
        assert!(matches!(error, GitError::PartialClone { .. }), "{error:?}");
    }
    let changes = repository.changed_files(&head, Since::Push("")).unwrap();
    assert_eq!(changes, Changes::Unknown(WhyUnknown::NotFetched));
    assert_eq!(repository.default_branch().unwrap(), "main");
    // git until 2.23 named it as an extension of the format.
    git(&partial, &["config", "core.repositoryformatversion", "1"]);
    git(&partial, &["config", "extensions.partialClone", "origin"]);
    assert!(used(&partial, "v1").await.is_ok());
}

#[test]
fn a_folder_whose_git_folder_is_elsewhere_keeps_its_name() {
    let (dir, root) = shop(&[]);
    let linked = fs::canonicalize(dir.path()).unwrap().join("linked");
    fs::create_dir(&linked).unwrap();
    std::os::unix::fs::symlink(root.join(".git"), linked.join(".git")).unwrap();
    assert_eq!(Repository::open(&linked).unwrap().root(), linked);
}

#[tokio::test]
async fn the_end_of_a_shallow_clone_is_no_damage_in_a_work_tree_either() {
    let (dir, root) = shop(&[]);
    for number in 3..7 {
        git(&root, &["commit", "--quiet", "--allow-empty", "-m", &number.to_string()]);
    }
    git(dir.path(), &["clone", "--quiet", "--depth", "3", "--no-single-branch", &format!("file://{}", root.display()), "shallow"]);
    let shallow = dir.path().join("shallow");
    git(&shallow, &["worktree", "add", "--quiet", "../linked", "-b", "work"]);
    for place in [&shallow, &dir.path().join("linked")] {
        assert!(used(place, &git(&root, &["rev-parse", "main~1"])).await.is_ok());
        let gone = used(place, &git(&root, &["rev-parse", "main~3"])).await.unwrap_err();
        assert!(matches!(gone, GitError::UnknownVersion { .. }), "{gone:?}");
    }
}

#[tokio::test]
async fn a_commit_with_an_impossible_date_or_author_is_a_commit() {
    let (_dir, root) = shop(&[]);
    let (tree, mut parent) = (git(&root, &["rev-parse", "HEAD^{tree}"]), git(&root, &["rev-parse", "HEAD"]));
    for (number, person) in [
        "T <t@example.com> 18446744073709548016 +0100",
        "T <t@example.com> -99999999999999999999 +0100",
        "T <t@example.com> 1700000000",
        "T <t@example.com>",
        "T t@example.com 17 +5130",
        "",
        "<> 0 +0000",
        "A <b> <c@example.com> 9223372036854775807 -0000",
    ]
    .iter()
    .enumerate()
    {
        let text = format!("tree {tree}\nparent {parent}\nauthor {person}\ncommitter {person}\n\nodd {number}\n");
        parent = git_with(&root, &["hash-object", "-t", "commit", "-w", "--stdin", "--literally"], text.as_bytes());
        git(&root, &["update-ref", "refs/heads/main", &parent]);
        for version in ["HEAD", "main", "v1", &parent] {
            used(&root, version).await.unwrap_or_else(|error| panic!("{person}: {version}: {error:?}"));
        }
        assert_eq!(Repository::open(&root).unwrap().head().unwrap().title, format!("odd {number}"));
    }
}

#[test]
fn texts_of_commits_are_in_the_encoding_that_they_name() {
    let (_dir, root) = shop(&[]);
    for (encoding, text) in [
        ("GBK", "修复登录问题"),
        ("GB18030", "修复𠮷登录"),
        ("Big5", "修復登入問題"),
        ("ISO-8859-1", "Überprüfung"),
        ("latin1", "café"),
        ("latin-1", "café"),
        ("Shift_JIS", "ログイン"),
        ("EUC-KR", "로그인"),
        ("eucKR", "로그인"),
        ("eucJP", "ログイン"),
        ("KOI8-R", "Исправление"),
        ("windows-1251", "Исправление"),
        ("CP936", "登录"),
        ("UTF-8", "登录"),
    ] {
        let iconv = Command::new("iconv")
            .args(["-f", "UTF-8", "-t", &encoding.replace("latin-1", "latin1")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let mut iconv = iconv.unwrap();
        iconv.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
        let bytes = iconv.wait_with_output().unwrap().stdout;
        let tree = git(&root, &["rev-parse", "HEAD^{tree}"]);
        let mut commit = format!("tree {tree}\nauthor ").into_bytes();
        for part in
            [&bytes[..], b" <a@example.test> 1700000000 +0800\ncommitter ", &bytes, b" <a@example.test> 1700000000 +0800\nencoding "]
        {
            commit.extend(part);
        }
        commit.extend(format!("{encoding}\n\n").into_bytes());
        commit.extend(&bytes);
        commit.extend(b"\n\nmore\n");
        let sha = git_with(&root, &["hash-object", "-t", "commit", "-w", "--stdin"], &commit);
        git(&root, &["update-ref", "refs/heads/main", &sha]);
        let repository = Repository::open(&root).unwrap();
        let version = repository.head().unwrap();
        let facts = repository.commit_facts(&version).unwrap();
        assert_eq!((version.title.as_str(), version.author_name.as_str()), (text, text), "{encoding}");
        assert_eq!(facts.message, format!("{text}\n\nmore"), "{encoding}");
    }
}

#[test]
fn a_branch_without_a_commit_is_named() {
    let (_dir, root) = shop(&[]);
    git(&root, &["checkout", "--quiet", "--orphan", "fresh"]);
    let error = Repository::open(&root).unwrap().head().unwrap_err();
    assert!(matches!(&error, GitError::NoCommitYet { branch } if branch == "fresh"), "{error:?}");
    assert!(Repository::open(&root).unwrap().resolve("main").is_ok());
}

#[tokio::test]
async fn what_git_copes_with_is_no_trouble() {
    let (_dir, root) = shop(&[]);
    let head = git(&root, &["rev-parse", "HEAD"]);
    let blob = git(&root, &["rev-parse", "HEAD:f"]);
    for lock in ["index.lock", "HEAD.lock", "config.lock", "refs/heads/main.lock"] {
        fs::write(root.join(".git").join(lock), "").unwrap();
    }
    git(&root, &["update-ref", "refs/tags/of-a-file", &blob]);
    git(&root, &["update-ref", "refs/tags/of-a-folder", "HEAD^{tree}"]);
    git(&root, &["tag", "-a", "once", "-m", "once", "HEAD"]);
    git(&root, &["tag", "-a", "twice", "-m", "twice", "once"]);
    git(&root, &["symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/gone"]);
    git(&root, &["replace", "HEAD", "v1"]);
    fs::write(root.join(".git/info/grafts"), format!("{head}\n")).unwrap();
    for version in ["HEAD", "main", "v1", "once", "twice", &head[..7]] {
        used(&root, version).await.unwrap_or_else(|error| panic!("{version}: {error:?}"));
    }
    for version in ["of-a-file", "of-a-folder", &blob[..8], "gone"] {
        assert!(matches!(used(&root, version).await, Err(GitError::UnknownVersion { .. })), "{version}");
    }
    let repository = Repository::open(&root).unwrap();
    assert_eq!(repository.resolve("twice").unwrap().sha, head, "what a replacement says is not the commit");
}

#[tokio::test]
async fn damage_says_which_object_or_file() {
    let (_dir, root) = shop(&[]);
    let blob = git(&root, &["rev-parse", "v1:f"]);
    fs::remove_file(root.join(format!(".git/objects/{}/{}", &blob[..2], &blob[2..]))).unwrap();
    assert!(used(&root, "main").await.is_ok());
    let error = used(&root, "v1").await.unwrap_err();
    assert!(matches!(&error, GitError::MissingObject { object, .. } if *object == blob), "{error:?}");
    fs::write(root.join(".git/packed-refs"), "this is no reference\n").unwrap();
    assert!(matches!(used(&root, "main").await, Err(GitError::Corrupt { .. })));
}

/// A user who may not read everything: root may, so the test runs a program of its own as somebody else.
#[test]
fn files_that_may_not_be_read_are_named() {
    use std::os::unix::fs::PermissionsExt;
    let (dir, root) = shop(&[]);
    if let Ok(role) = std::env::var("READ_AS_SOMEBODY") {
        let error = Repository::open(Path::new(&role)).and_then(|repository| repository.resolve("main").map(|_| ())).unwrap_err();
        assert!(matches!(&error, GitError::Unreadable { path } if path.contains("objects/")), "{error:?}");
        return;
    }
    git(&root, &["repack", "-adfq"]);
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for found in fs::read_dir(root.join(".git/objects/pack")).unwrap() {
        fs::set_permissions(found.unwrap().path(), fs::Permissions::from_mode(0o600)).unwrap();
    }
    let program = dir.path().join("troubles");
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    let mut again = Command::new("setpriv");
    again
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&program)
        .args(["--exact", "files_that_may_not_be_read_are_named"]);
    let output = again.env("READ_AS_SOMEBODY", &root).env("HOME", "/nonexistent").output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}{}", String::from_utf8_lossy(&output.stderr));
}
