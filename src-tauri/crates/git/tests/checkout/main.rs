//! A working copy against what the clone step of each dialect leaves: the same commands by the real git are the judge.
#![allow(clippy::unwrap_used)]

mod pull_requests;

use lp_git::{Repository, Shortfall};
use lp_model::{Checkout, Head, Submodules, Tracking};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

/// git with nobody's settings.
fn git_in(folder: &Path, arguments: &[&str]) -> Output {
    let mut git = Command::new("git");
    git.arg("-C").arg(folder).args(arguments).env_clear().env("PATH", std::env::var_os("PATH").unwrap()).env("HOME", "/nonexistent");
    for (name, value) in [
        ("GIT_CONFIG_NOSYSTEM", "1"),
        ("GIT_AUTHOR_NAME", "李雷"),
        ("GIT_AUTHOR_EMAIL", "lilei@example.test"),
        ("GIT_COMMITTER_NAME", "A"),
        ("GIT_COMMITTER_EMAIL", "a@example.test"),
        ("GIT_AUTHOR_DATE", "1700000000 +0800"),
        ("GIT_COMMITTER_DATE", "1700000000 +0800"),
        ("LC_ALL", "C"),
    ] {
        git.env(name, value);
    }
    git.output().unwrap()
}

/// What git says; it must succeed.
fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = git_in(folder, arguments);
    assert!(output.status.success(), "git {arguments:?} in {}: {}", folder.display(), String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What git says, and whether it succeeded.
fn said(folder: &Path, arguments: &[&str]) -> (bool, String) {
    let output = git_in(folder, arguments);
    (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
}

struct Shop {
    dir: TempDir,
    root: PathBuf,
}

impl Shop {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap().join("shop");
        fs::create_dir(&root).unwrap();
        git(&root, &["init", "--quiet", "--initial-branch=main"]);
        for (key, value) in [("uploadpack.allowFilter", "true"), ("uploadpack.allowAnySHA1InWant", "true")] {
            git(&root, &["config", key, value]);
        }
        Self { dir, root }
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    fn commit(&self, message: &str) -> String {
        git(&self.root, &["add", "--all", "--force"]);
        git(&self.root, &["commit", "--quiet", "--allow-empty", "-m", message]);
        self.sha("HEAD")
    }

    fn sha(&self, name: &str) -> String {
        git(&self.root, &["rev-parse", name]).trim().to_owned()
    }

    /// Some commits with tags, files of all kinds, and a branch beside.
    fn filled() -> Self {
        let shop = Self::new();
        shop.write("a.txt", "one\n");
        shop.write("bin/run", "#!/bin/sh\n");
        fs::set_permissions(shop.root.join("bin/run"), fs::Permissions::from_mode(0o755)).unwrap();
        symlink("../outside", shop.root.join("link")).unwrap();
        shop.write("源/深/文 件.txt", "x");
        shop.write("odd/quote\"tab\t.txt", "");
        shop.commit("one");
        git(&shop.root, &["tag", "light"]);
        for number in 2..6 {
            shop.write("a.txt", format!("{}\n", "line\n".repeat(number * 40)));
            shop.write(&format!("more/{number}.bin"), vec![number as u8; 3_000]);
            shop.commit(&format!("change {number}"));
            if number == 3 {
                git(&shop.root, &["tag", "-a", "v1.0", "-m", "first"]);
            }
        }
        git(&shop.root, &["checkout", "--quiet", "-b", "side", "HEAD~2"]);
        shop.write("side.txt", "beside\n");
        shop.commit("beside");
        git(&shop.root, &["tag", "-a", "v-side", "-m", "side"]);
        git(&shop.root, &["checkout", "--quiet", "main"]);
        shop.write("secret-draft", "not pushed");
        git(&shop.root, &["stash", "--quiet", "--include-untracked"]);
        shop
    }
}

/// The working copy as the app makes it.
async fn working_copy(root: &Path, sha: &str, checkout: &Checkout, into: &Path) {
    let repository = Repository::open(root).unwrap();
    let mut stream = repository.check_out(sha, checkout).unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    fs::create_dir_all(into).unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    archive.set_mask(0o022);
    archive.unpack(into).unwrap();
}

/// Everything in a folder but `.git`: kind, bytes or target, whether it may be executed.
fn files(root: &Path) -> BTreeMap<String, (char, Vec<u8>, bool)> {
    fn below(root: &Path, folder: &Path, found: &mut BTreeMap<String, (char, Vec<u8>, bool)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(root).unwrap().to_string_lossy().into_owned();
            let about = fs::symlink_metadata(&path).unwrap();
            if path.file_name().unwrap() == ".git" {
                continue;
            }
            if about.is_dir() {
                found.insert(name, ('d', Vec::new(), false));
                below(root, &path, found);
            } else if about.is_symlink() {
                found.insert(name, ('l', fs::read_link(&path).unwrap().to_string_lossy().into_owned().into_bytes(), false));
            } else {
                found.insert(name, ('f', fs::read(&path).unwrap(), about.permissions().mode() & 0o100 != 0));
            }
        }
    }
    let mut found = BTreeMap::new();
    below(root, root, &mut found);
    found
}

/// The commands of a clone step; `URL` is the address, `SHA` the commit.
fn clone_by(folder: &Path, origin: &Path, sha: &str, steps: &[&str]) {
    fs::create_dir_all(folder).unwrap();
    let url = format!("file://{}", origin.display());
    for step in steps {
        let step = step.replace("URL", &url).replace("SHA", sha);
        git(folder, &step.split(' ').collect::<Vec<_>>());
    }
}

/// Compares everything that a step can ask of the two.
fn same(ours: &Path, theirs: &Path) {
    assert_eq!(files(ours), files(theirs));
    for question in [
        &["rev-parse", "HEAD"][..],
        &["symbolic-ref", "--quiet", "HEAD"],
        &["for-each-ref"],
        &["describe", "--tags", "--always", "--dirty"],
        &["describe", "--all"],
        &["log", "--format=%H %an %s"],
        &["status", "--porcelain", "--branch"],
        &["ls-files", "--stage"],
        &["diff", "--stat", "HEAD~1"],
        &["rev-parse", "--is-shallow-repository"],
        &["rev-list", "--count", "--all"],
        &["config", "--get", "remote.origin.fetch"],
    ] {
        assert_eq!(said(ours, question), said(theirs, question), "git {question:?}");
    }
    clean(ours);
}

/// What always holds: nothing is changed, also for those that do not look again; and nothing is damaged.
fn clean(ours: &Path) {
    assert_eq!(said(ours, &["diff-index", "--quiet", "HEAD"]), (true, String::new()), "{}", git(ours, &["diff-index", "HEAD"]));
    assert_eq!(git(ours, &["status", "--porcelain"]), "");
    let checked = git_in(ours, &["fsck", "--full", "--strict"]);
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
}

fn drone1(branch: &str) -> Checkout {
    Checkout { tracking: Tracking::Branch(branch.into()), ..Checkout::on_branch(branch) }
}

fn drone08() -> Checkout {
    Checkout { tracking: Tracking::Branch("main".into()), submodules: Submodules::Filled, ..Checkout::on_branch("master") }
}

fn woodpecker() -> Checkout {
    Checkout { depth: Some(1), submodules: Submodules::FilledShallow, lfs: true, open_modes: true, ..Checkout::on_branch("main") }
}

#[tokio::test]
async fn each_dialect_finds_what_its_clone_step_leaves() {
    let shop = Shop::filled();
    git(&shop.root, &["remote", "add", "origin", &format!("file://{}", shop.root.display())]);
    let sha = shop.sha("main");
    let start = ["init --quiet --initial-branch=master", "remote add origin URL"];
    let cases = [
        ("1.x", drone1("main"), vec!["fetch --quiet origin +refs/heads/main:", "checkout --quiet SHA -b main"]),
        (
            "1.x, depth 2",
            Checkout { depth: Some(2), ..drone1("main") },
            vec!["fetch --quiet --depth=2 origin +refs/heads/main:", "checkout --quiet SHA -b main"],
        ),
        ("1.x, tag", Checkout::new(Head::Detached), vec!["fetch --quiet origin +refs/tags/v1.0:", "checkout -qf FETCH_HEAD"]),
        (
            "1.x, no branch",
            Checkout { tracking: Tracking::All, tags: true, ..Checkout::new(Head::Detached) },
            vec!["fetch --quiet origin", "checkout -qf SHA"],
        ),
        ("0.8", drone08(), vec!["fetch --quiet --no-tags origin +refs/heads/main:", "reset --hard -q SHA"]),
        (
            "0.8, depth and tags",
            Checkout { depth: Some(1), tags: true, ..drone08() },
            vec!["fetch --quiet --tags --depth=1 origin +refs/heads/main:", "reset --hard -q SHA"],
        ),
        (
            "woodpecker",
            woodpecker(),
            vec![
                "symbolic-ref HEAD refs/heads/main",
                "fetch --quiet --no-tags --depth=1 --filter=tree:0 origin +SHA:",
                "reset --hard -q SHA",
            ],
        ),
        (
            "woodpecker, tag",
            Checkout { depth: None, tags: true, ..woodpecker() },
            vec!["symbolic-ref HEAD refs/heads/main", "fetch --quiet --tags origin +SHA:", "reset --hard -q SHA"],
        ),
    ];
    for (how, preparation) in [
        ("loose", &["status"][..]),
        ("packed whole", &["repack", "-adfq", "--depth=0"]),
        ("packed as deltas", &["repack", "-adfq", "--depth=50", "--window=50"]),
        ("packed by names", &["-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq", "--depth=50", "--window=50"]),
    ] {
        git(&shop.root, preparation);
        for (name, checkout, steps) in &cases {
            let (theirs, ours) = (shop.dir.path().join(format!("theirs {how} {name}")), shop.dir.path().join(format!("ours {how} {name}")));
            let steps: Vec<&str> = start.iter().chain(steps).copied().collect();
            clone_by(&theirs, &shop.root, &sha, &steps);
            let at = if *name == "1.x, tag" { shop.sha("v1.0^{commit}") } else { sha.clone() };
            working_copy(&shop.root, &at, checkout, &ours).await;
            eprintln!("{how}, {name}");
            same(&ours, &theirs);
            assert_eq!(git(&ours, &["remote", "get-url", "origin"]), git(&theirs, &["remote", "get-url", "origin"]));
        }
    }
}

#[tokio::test]
async fn nothing_that_was_not_asked_for_gets_into_the_copy() {
    let shop = Shop::filled();
    git(&shop.root, &["repack", "-adfq", "--depth=50"]);
    let ours = shop.dir.path().join("ours");
    working_copy(&shop.root, &shop.sha("main"), &drone1("main"), &ours).await;
    for hidden in ["refs/stash", "stash^3", "side"] {
        let id = shop.sha(hidden);
        assert!(!git_in(&ours, &["cat-file", "-e", &id]).status.success(), "{hidden} is there");
    }
}

#[tokio::test]
async fn a_step_can_go_on_from_it() {
    let shop = Shop::filled();
    git(&shop.root, &["remote", "add", "origin", &format!("file://{}", shop.root.display())]);
    git(&shop.root, &["config", "remote.origin.url", &format!("file://{}", shop.root.display())]);
    let ours = shop.dir.path().join("ours");
    working_copy(&shop.root, &shop.sha("main"), &Checkout { depth: Some(1), ..drone1("main") }, &ours).await;
    assert!(!said(&ours, &["log", "-1", "HEAD~1"]).0);
    git(&ours, &["fetch", "--quiet", "--unshallow", "--tags"]);
    assert_eq!(git(&ours, &["describe", "--tags"]), git(&shop.root, &["describe", "--tags", "main"]));
    git(&ours, &["tag", "-a", "made", "-m", "in a step"]);
    fs::write(ours.join("a.txt"), "changed").unwrap();
    assert_eq!(git(&ours, &["status", "--porcelain"]), " M a.txt\n");
    assert!(git(&ours, &["diff"]).contains("+changed"));
    git(&ours, &["commit", "--quiet", "-am", "in a step"]);
    git(&ours, &["checkout", "--quiet", "HEAD~2"]);
    clean(&ours);
}

#[tokio::test]
async fn from_everywhere_that_a_repository_can_be() {
    let shop = Shop::filled();
    let dir = shop.dir.path();
    let url = format!("file://{}", shop.root.display());
    git(dir, &["clone", "--quiet", "--bare", &url, "bare.git"]);
    git(dir, &["clone", "--quiet", "--depth", "2", "--no-single-branch", &url, "shallow"]);
    git(dir, &["clone", "--quiet", "--shared", shop.root.to_str().unwrap(), "borrowing"]);
    git(&shop.root, &["worktree", "add", "--quiet", "../linked", "side"]);
    git(&dir.join("shallow"), &["worktree", "add", "--quiet", "../linked-shallow", "-b", "work"]);
    git(dir, &["clone", "--quiet", "--filter=blob:none", &url, "partial"]);
    for place in ["bare.git", "shallow", "borrowing", "linked", "linked-shallow", "partial"] {
        let from = fs::canonicalize(dir.join(place)).unwrap();
        let sha = shop.sha("main");
        let ours = dir.join(format!("ours {place}"));
        working_copy(&from, &sha, &Checkout { tags: true, ..drone1("main") }, &ours).await;
        eprintln!("{place}");
        clean(&ours);
        assert_eq!(git(&ours, &["log", "--format=%H"]), git(&from, &["log", "--format=%H", &sha]));
        assert_eq!(git(&ours, &["describe", "--tags", "--always"]), git(&from, &["describe", "--tags", "--always", &sha]));
        assert_eq!(git(&ours, &["rev-parse", "--is-shallow-repository"]).trim(), if place.contains("shallow") { "true" } else { "false" });
        let lacks = Repository::open(&from).unwrap().shortfalls(&sha, &drone1("main")).unwrap();
        assert_eq!(lacks.contains(&Shortfall::History), place.contains("shallow"), "{lacks:?}");
        if place == "partial" {
            // What this computer never fetched is fetched when a step asks for it.
            assert!(git(&ours, &["diff", "HEAD~1", "--", "a.txt"]).contains("+line"));
        }
    }
}

#[tokio::test]
async fn attributes_are_those_of_a_checkout() {
    let shop = Shop::new();
    shop.write(".gitattributes", concat!(
        "[attr]windows text eol=crlf\n", "*.bat text eol=crlf\n*.id ident\n*.u16 text working-tree-encoding=UTF-16\n*.gbk working-tree-encoding=GBK\n",
        "*.auto text=auto eol=crlf\n*.win windows\n*.bin binary eol=crlf\nsub/*.id -ident\n*.le working-tree-encoding=UTF-16LE eol=crlf\n",
        "*.jis working-tree-encoding=SHIFT-JIS\n*.latin working-tree-encoding=ISO-8859-1\n*.old crlf eol=crlf\nexported export-ignore\n*.subst export-subst\n",
    ));
    shop.write("sub/.gitattributes", "*.bat -text\n*.own eol=crlf\n[attr]windows -text\n");
    shop.write("sub/deep/.gitattributes", "*.bat !text eol=lf\n");
    for folder in ["", "sub/", "sub/deep/"] {
        shop.write(&format!("{folder}a.bat"), "one\ntwo\r\nthree");
        for (name, text) in [
            ("a.id", "$Id$ $Id: old $ $Id: two words $\n$Id: no\nend$ $Id"),
            ("a.own", "x\n"),
            ("a.win", "x\ny\n"),
            ("a.bin", "x\n"),
            ("a.old", "x\n"),
            ("exported", "x"),
            ("a.subst", "$Format:%H$\n"),
            ("a.auto", "plain\nlines\n"),
            ("b.auto", "mixed\r\nlines\n"),
            ("c.auto", "nul\0\n"),
        ] {
            shop.write(&format!("{folder}{name}"), text);
        }
    }
    shop.write("a.u16", encoded("发布 a\n", "UTF-16"));
    shop.write("a.le", encoded("发布\n", "UTF-16LE"));
    shop.write("a.gbk", encoded("修复登录问题\n", "GBK"));
    shop.write("a.jis", encoded("日本語テキスト\n", "SHIFT-JIS"));
    shop.write("a.latin", encoded("café\n", "ISO-8859-1"));
    let sha = shop.commit("attributes");
    // What is not part of a clone does not count.
    fs::write(shop.root.join(".git/info/attributes"), "* text eol=lf\n").unwrap();
    shop.write(".gitattributes", "* -text\n");
    let (theirs, ours) = (shop.dir.path().join("theirs"), shop.dir.path().join("ours"));
    clone_by(&theirs, &shop.root, &sha, &["clone --quiet URL ."]);
    working_copy(&shop.root, &sha, &drone1("main"), &ours).await;
    assert_eq!(files(&ours), files(&theirs));
    assert!(files(&ours)["a.bat"].1.starts_with(b"one\r\ntwo\r\n"), "the test has a file that changes");
    clean(&ours);
}

fn encoded(text: &str, encoding: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    fs::write(&path, text).unwrap();
    let output = Command::new("iconv").args(["-f", "UTF-8", "-t", encoding]).arg(&path).output().unwrap();
    assert!(output.status.success());
    output.stdout
}

/// A shop with a submodule that has one itself.
fn with_submodules() -> Shop {
    let shop = Shop::filled();
    let allow = ["-c", "protocol.file.allow=always"];
    let other = |name: &str| {
        let root = shop.root.parent().unwrap().join(name);
        fs::create_dir(&root).unwrap();
        git(&root, &["init", "--quiet", "--initial-branch=main"]);
        fs::write(root.join("own.txt"), name).unwrap();
        git(&root, &["add", "."]);
        git(&root, &["commit", "--quiet", "-m", name]);
        root
    };
    let inner = other("inner");
    let lib = other("lib");
    git(&lib, &[&allow[..], &["submodule", "--quiet", "add", inner.to_str().unwrap(), "deps/inner"]].concat());
    git(&lib, &["commit", "--quiet", "-m", "with inner"]);
    git(&lib, &["tag", "lib-1"]);
    git(&shop.root, &[&allow[..], &["submodule", "--quiet", "add", lib.to_str().unwrap(), "vendor/lib"]].concat());
    git(&shop.root, &[&allow[..], &["submodule", "--quiet", "update", "--init", "--recursive"]].concat());
    shop.commit("with lib");
    shop
}

#[tokio::test]
async fn submodules_are_filled_from_what_is_at_hand() {
    let shop = with_submodules();
    let sha = shop.sha("main");
    // Gone: only what lies in the repository itself may be used.
    for name in ["lib", "inner"] {
        fs::rename(shop.root.parent().unwrap().join(name), shop.root.parent().unwrap().join(format!("{name}-gone"))).unwrap();
    }
    for (checkout, history) in [(drone08(), 2), (woodpecker(), 1)] {
        let ours = shop.dir.path().join(format!("ours {history}"));
        working_copy(&shop.root, &sha, &checkout, &ours).await;
        assert_eq!(fs::read_to_string(ours.join("vendor/lib/own.txt")).unwrap(), "lib");
        assert_eq!(fs::read_to_string(ours.join("vendor/lib/deps/inner/own.txt")).unwrap(), "inner");
        clean(&ours);
        clean(&ours.join("vendor/lib"));
        clean(&ours.join("vendor/lib/deps/inner"));
        let lines = git(&ours, &["submodule", "status", "--recursive"]);
        assert!(lines.lines().count() == 2 && lines.lines().all(|line| line.starts_with(' ')), "{lines}");
        assert_eq!(git(&ours.join("vendor/lib"), &["rev-list", "--count", "HEAD"]).trim(), history.to_string());
        git(&ours, &["submodule", "update", "--init", "--recursive"]);
        assert_eq!(Repository::open(&shop.root).unwrap().shortfalls(&sha, &checkout).unwrap(), []);
    }
    let ours = shop.dir.path().join("ours 1.x");
    working_copy(&shop.root, &sha, &drone1("main"), &ours).await;
    assert!(!ours.join("vendor/lib/own.txt").exists());
    clean(&ours);
    git(&ours, &["submodule", "update", "--init"]);
    assert_eq!(fs::read_to_string(ours.join("vendor/lib/own.txt")).unwrap(), "lib");
    clean(&ours);
}

#[tokio::test]
async fn a_submodule_that_is_nowhere_is_named_and_stays_empty() {
    let shop = with_submodules();
    let sha = shop.sha("main");
    fs::remove_dir_all(shop.root.join(".git/modules")).unwrap();
    fs::remove_dir_all(shop.root.join("vendor")).unwrap();
    git(&shop.root, &["config", "--remove-section", "submodule.vendor/lib"]);
    let lacks = Repository::open(&shop.root).unwrap().shortfalls(&sha, &drone08()).unwrap();
    assert!(matches!(&lacks[..], [Shortfall::Submodule { path, url }] if path == "vendor/lib" && url.ends_with("/lib")), "{lacks:?}");
    let ours = shop.dir.path().join("ours");
    working_copy(&shop.root, &sha, &drone08(), &ours).await;
    assert_eq!(fs::read_dir(ours.join("vendor/lib")).unwrap().count(), 0, "a path that only the commit names is not followed");
    clean(&ours);
}

#[tokio::test]
async fn large_files_take_the_place_of_their_pointers_where_they_are_here() {
    let shop = Shop::new();
    let oid = "28dba81b2ea2ed6b6c0bb1a4f5a4d1e3bcf6ad4ba1bb8ba1bd8c93a55d3fc04b";
    let gone = "1".repeat(64);
    let pointer = |oid: &str| format!("version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize 10\n");
    shop.write(".gitattributes", "*.png filter=lfs diff=lfs merge=lfs -text\n*.psd filter=other\n");
    shop.write("logo.png", pointer(oid));
    shop.write("gone.png", pointer(&gone));
    shop.write("plain.txt", pointer(oid));
    shop.write("drawing.psd", "x");
    let sha = shop.commit("lfs");
    let store = shop.root.join(format!(".git/lfs/objects/{}/{}", &oid[..2], &oid[2..4]));
    fs::create_dir_all(&store).unwrap();
    fs::write(store.join(oid), "real bytes").unwrap();
    let ours = shop.dir.path().join("ours");
    working_copy(&shop.root, &sha, &woodpecker(), &ours).await;
    let read = |name: &str| fs::read_to_string(ours.join(name)).unwrap();
    assert_eq!((read("logo.png"), read("gone.png"), read("plain.txt")), ("real bytes".into(), pointer(&gone), pointer(oid)));
    clean(&ours);
    let lacks = Repository::open(&shop.root).unwrap().shortfalls(&sha, &woodpecker()).unwrap();
    let filter = Shortfall::Filter { path: "drawing.psd".into(), name: "other".into() };
    assert_eq!(lacks, [filter, Shortfall::LfsFile { path: "gone.png".into() }]);
    let plain = shop.dir.path().join("plain");
    working_copy(&shop.root, &sha, &drone1("main"), &plain).await;
    assert_eq!(fs::read_to_string(plain.join("logo.png")).unwrap(), pointer(oid));
}

/// A change of a generated repository.
#[derive(Debug, Clone)]
enum Change {
    Write(usize, Vec<u8>),
    Remove(usize),
    Link(usize, String),
    Run(usize),
    Rules(usize, String),
}

const NAMES: [&str; 8] = ["a.txt", "a.bat", "dir/b.txt", "dir/sub/c.id", "dir-x", "dir.txt", "文件/名 字.txt", "-odd;name'"];
const FOLDERS: [&str; 3] = ["", "dir/", "dir/sub/"];

fn change() -> impl Strategy<Value = Change> {
    let content = prop_oneof![
        "[a-z\\r\\n $]{0,40}".prop_map(String::into_bytes),
        "(\\$Id\\$|\\$Id: [a-z ]{0,5}\\$|\\n|\\r\\n|x){0,8}".prop_map(String::into_bytes),
        proptest::collection::vec(any::<u8>(), 0..300),
    ];
    let rules = "(\\*\\.(txt|bat|id) (text|-text|text=auto|ident|eol=crlf|eol=lf|text eol=crlf|binary|!eol)\\n){0,3}";
    prop_oneof![
        4 => (0..NAMES.len(), content).prop_map(|(name, bytes)| Change::Write(name, bytes)),
        1 => (0..NAMES.len()).prop_map(Change::Remove),
        1 => (0..NAMES.len(), "[a-z./]{1,9}").prop_map(|(name, to)| Change::Link(name, to)),
        1 => (0..NAMES.len()).prop_map(Change::Run),
        1 => (0..FOLDERS.len(), rules).prop_map(|(folder, text)| Change::Rules(folder, text)),
    ]
}

impl Change {
    fn make(&self, shop: &Shop) {
        let clear = |name: usize| {
            let path = shop.root.join(NAMES[name]);
            let _ = fs::remove_file(&path);
            path
        };
        match self {
            Self::Write(name, bytes) => {
                clear(*name);
                shop.write(NAMES[*name], bytes);
            }
            Self::Remove(name) => {
                clear(*name);
            }
            Self::Link(name, to) => {
                let path = clear(*name);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                symlink(to, path).unwrap();
            }
            Self::Run(name) => {
                clear(*name);
                shop.write(NAMES[*name], "#!/bin/sh\n");
                fs::set_permissions(shop.root.join(NAMES[*name]), fs::Permissions::from_mode(0o755)).unwrap();
            }
            Self::Rules(folder, text) => shop.write(&format!("{}.gitattributes", FOLDERS[*folder]), text),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_repository_comes_out_as_git_checks_it_out(
        commits in proptest::collection::vec(proptest::collection::vec(change(), 1..6), 1..5),
        depth in proptest::option::of(1_u32..4),
        packed in any::<bool>(),
    ) {
        let shop = Shop::new();
        for (number, changes) in commits.iter().enumerate() {
            changes.iter().for_each(|change| change.make(&shop));
            shop.commit(&number.to_string());
            if number % 2 == 0 {
                git(&shop.root, &["tag", &format!("v{number}")]);
            }
        }
        if packed {
            git(&shop.root, &["repack", "-adfq", "--depth=50", "--window=50"]);
        }
        let sha = shop.sha("main");
        let (theirs, ours) = (shop.dir.path().join("theirs"), shop.dir.path().join("ours"));
        let depth_option = depth.map(|depth| format!("--depth={depth} ")).unwrap_or_default();
        clone_by(&theirs, &shop.root, &sha, &[
            "init --quiet --initial-branch=master",
            "remote add origin URL",
            &format!("fetch --quiet --no-tags {depth_option}origin +refs/heads/main:"),
            "reset --hard -q SHA",
        ]);
        // Ends of lines that git writes and would write otherwise when it looked again: whether it does is a matter of time.
        prop_assume!(git(&theirs, &["status", "--porcelain"]).is_empty());
        let checkout = Checkout { depth, ..drone08() };
        let runtime = tokio::runtime::Runtime::new().unwrap();
        git(&shop.root, &["remote", "add", "origin", &format!("file://{}", shop.root.display())]);
        runtime.block_on(working_copy(&shop.root, &sha, &checkout, &ours));
        same(&ours, &theirs);
    }
}
