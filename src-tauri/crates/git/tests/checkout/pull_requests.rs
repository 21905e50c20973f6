//! What a pull request makes of its branch and its target, against `git merge`.

use super::{Shop, clean, clone_by, drone1, files, git, said, working_copy};
use lp_git::{GitError, Repository, Shortfall};
use lp_model::Checkout;
use std::fs;
use std::path::Path;

/// A pull request of 1.x: its clone step merges the commit into the branch that it goes to.
fn pull_request(depth: Option<u32>) -> Checkout {
    Checkout { merged_into: Some("main".into()), depth, ..drone1("main") }
}

/// What the merge of the working copy is, but for its own id and the person and time of it, which are those of the moment.
fn merged(ours: &Path, theirs: &Path) {
    assert_eq!(files(ours), files(theirs));
    for question in [
        &["rev-parse", "HEAD^{tree}"][..],
        &["log", "-1", "--format=%P%n%B"],
        &["symbolic-ref", "HEAD"],
        &["rev-parse", "refs/remotes/origin/main"],
        &["describe", "--tags", "--always", "--long", "HEAD^"],
        &["rev-list", "--count", "HEAD"],
        &["ls-files", "--stage"],
        &["diff", "--stat", "HEAD^"],
    ] {
        assert_eq!(said(ours, question), said(theirs, question), "git {question:?}");
    }
    clean(ours);
}

#[tokio::test]
async fn a_pull_request_is_merged_into_its_target() {
    let shop = Shop::filled();
    // The branch goes on, in a file that both change at different places.
    git(&shop.root, &["checkout", "--quiet", "side"]);
    let text = fs::read_to_string(shop.root.join("a.txt")).unwrap();
    shop.write("a.txt", format!("top\n{text}"));
    fs::remove_file(shop.root.join("more/3.bin")).unwrap();
    git(&shop.root, &["mv", "源/深/文 件.txt", "moved.txt"]);
    shop.commit("more beside");
    git(&shop.root, &["checkout", "--quiet", "main"]);
    shop.write("源/深/文 件.txt", "changed where it was");
    shop.commit("in main");
    let before = git(&shop.root, &["for-each-ref"]);
    let steps = [
        "init --quiet --initial-branch=master",
        "remote add origin URL",
        "fetch --quiet origin +refs/heads/main:",
        "checkout --quiet main",
    ];
    for (name, version) in [("beside", "side"), ("behind", "main~2"), ("the same", "main")] {
        let sha = shop.sha(version);
        let (theirs, ours) = (shop.dir.path().join(format!("theirs {name}")), shop.dir.path().join(format!("ours {name}")));
        clone_by(&theirs, &shop.root, &sha, &[&steps[..], &["fetch --quiet --no-tags origin SHA", "merge --quiet SHA"]].concat());
        working_copy(&shop.root, &sha, &pull_request(None), &ours).await;
        eprintln!("{name}");
        merged(&ours, &theirs);
        let again = shop.dir.path().join(format!("again {name}"));
        working_copy(&shop.root, &sha, &pull_request(None), &again).await;
        assert_eq!(git(&ours, &["rev-parse", "HEAD"]), git(&again, &["rev-parse", "HEAD"]), "a merge is the same each time");
    }
    // A branch that is ahead of its target is where the target goes to.
    git(&shop.root, &["branch", "ahead", "main"]);
    git(&shop.root, &["update-ref", "refs/heads/main", "main~2"]);
    let sha = shop.sha("ahead");
    let (theirs, ours) = (shop.dir.path().join("theirs ahead"), shop.dir.path().join("ours ahead"));
    clone_by(&theirs, &shop.root, &sha, &[&steps[..], &["fetch --quiet --no-tags origin SHA", "merge --quiet SHA"]].concat());
    working_copy(&shop.root, &sha, &pull_request(None), &ours).await;
    merged(&ours, &theirs);
    assert_eq!(shop.sha("ahead"), git(&ours, &["rev-parse", "HEAD"]).trim());
    git(&shop.root, &["update-ref", "refs/heads/main", "ahead"]);
    git(&shop.root, &["branch", "-D", "--quiet", "ahead"]);
    // A part of the history is enough to be whole.
    let ours = shop.dir.path().join("ours, depth");
    working_copy(&shop.root, &shop.sha("side"), &pull_request(Some(2)), &ours).await;
    clean(&ours);
    assert_eq!(
        git(&ours, &["rev-list", "--count", "HEAD"]).trim(),
        "4",
        "the merge, what it is made of, and one below the branch of the remote"
    );
    assert_eq!(git(&shop.root, &["for-each-ref"]), before, "nothing is written into the repository");
    assert!(git(&shop.root, &["fsck", "--unreachable", "--no-reflogs"]).lines().all(|line| !line.contains("commit")));
}

#[tokio::test]
async fn a_pull_request_that_cannot_be_merged_says_so() {
    let shop = Shop::filled();
    git(&shop.root, &["checkout", "--quiet", "side"]);
    shop.write("a.txt", "other\n");
    let sha = shop.commit("against main");
    let repository = Repository::open(&shop.root).unwrap();
    let error = repository.shortfalls(&sha, &pull_request(None)).unwrap_err();
    assert!(matches!(&error, GitError::Conflict { branch, files, more: 0 } if branch == "main" && files == &["a.txt"]), "{error:?}");
    // What is not here, or has nothing in common, is told, and the commit stays as it is.
    git(&shop.root, &["checkout", "--quiet", "--orphan", "other"]);
    shop.commit("from nothing");
    let repository = Repository::open(&shop.root).unwrap();
    for target in ["gone", "other"] {
        let checkout = Checkout { merged_into: Some(target.into()), ..drone1(target) };
        let found = repository.shortfalls(&sha, &checkout).unwrap();
        assert!(found.iter().any(|found| matches!(found, Shortfall::NotMerged { branch } if branch == target)), "{found:?}");
        let ours = shop.dir.path().join(target);
        working_copy(&shop.root, &sha, &checkout, &ours).await;
        clean(&ours);
        assert_eq!(git(&ours, &["rev-parse", "HEAD"]).trim(), sha);
    }
}
