//! Every event that a file could react to can be pressed, each with its facts; and what a condition keeps out is named.

use lp_tests::press::{Press, Said, commit};
use std::path::Path;

fn plain(command: &str) -> String {
    format!("kind: pipeline\ntype: docker\nname: default\nsteps:\n- name: a\n  image: box\n  commands: ['{command}']\n")
}

/// Runs on this computer: what is asked here does not depend on containers.
fn run(press: &Press, repository: &str, arguments: &[&str]) -> Said {
    press.say(&[&["run", repository, "--backend", "host"], arguments].concat())
}

fn tag(repository: &str, name: &str) {
    let git = git2::Repository::open(repository).expect("a repository");
    let head = git.head().and_then(|head| head.peel(git2::ObjectType::Commit)).expect("a commit");
    git.tag_lightweight(name, &head, false).expect("a tag");
}

fn default_branch(repository: &str) -> String {
    let git = git2::Repository::open(repository).expect("a repository");
    let head = git.head().expect("a commit");
    head.shorthand().expect("plain text").to_owned()
}

#[test]
fn a_workflow_for_the_button_alone_can_be_run_beside_one_for_pushes() {
    let press = Press::without_engine();
    let workflow =
        |event: &str| format!("when: [{{event: {event}}}]\nsteps:\n- {{name: {event}, image: box, commands: [echo it was {event}]}}\n");
    let files = [(".woodpecker/build.yml", workflow("push")), (".woodpecker/deploy.yml", workflow("manual"))];
    let repository = press.repository("shop", &[(files[0].0, &files[0].1), (files[1].0, &files[1].1)]);
    let said = run(&press, &repository, &["--event", "manual"]).expect(0);
    assert!(said.out.contains("it was manual") && !said.out.contains("it was push"), "{}", said.out);
    said.explains(&["build left out: `event` does not hold (line 1): it is `manual`"]);
    let said = run(&press, &repository, &[]).expect(0);
    assert!(said.out.contains("it was push") && !said.out.contains("it was manual"), "{}", said.out);
}

#[test]
fn a_tag_is_the_event_tag_in_every_dialect() {
    let press = Press::without_engine();
    let old = "pipeline:\n  a:\n    image: box\n    commands: ['echo shop:$DRONE_TAG $DRONE_BUILD_EVENT']\n";
    let new = plain("echo \"shop:${DRONE_TAG:-latest} $DRONE_BUILD_EVENT\"");
    let woodpecker = "steps:\n- {name: a, image: box, commands: ['echo shop:$CI_COMMIT_TAG $CI_PIPELINE_EVENT']}\n";
    for (name, file, text) in [("old", ".drone.yml", old), ("new", ".drone.yml", &new), ("woodpecker", ".woodpecker.yml", woodpecker)] {
        let repository = press.repository(name, &[(file, text)]);
        tag(&repository, "v1.2.0");
        for arguments in [
            &["--version", "v1.2.0"][..],
            &["--version", "v1.2.0", "--event", "tag"],
            &["--version", "refs/tags/v1.2.0", "--workflow", "run"],
        ] {
            let said = run(&press, &repository, arguments).expect(0);
            assert!(said.out.contains("\nshop:v1.2.0 tag\n"), "{name} {arguments:?} {}", said.out);
        }
        // What is checked out is a branch, whatever tags its commit has.
        let said = run(&press, &repository, &[]).expect(0);
        assert!(said.out.contains(" push\n"), "{name} {}", said.out);
    }
}

#[test]
fn a_release_by_its_reference_can_be_run() {
    let press = Press::without_engine();
    let pipeline = format!("{}trigger: {{ref: ['refs/tags/**']}}\n", plain("echo released $DRONE_TAG"));
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    tag(&repository, "v1.3.0");
    let said = run(&press, &repository, &["--version", "v1.3.0"]).expect(0);
    assert!(said.out.contains("released v1.3.0"), "{}", said.out);
}

#[test]
fn every_event_of_the_help_can_be_made() {
    let press = Press::without_engine();
    let repository =
        press.repository("shop", &[(".drone.yml", &plain("echo \"$DRONE_BUILD_EVENT to $DRONE_DEPLOY_TO pull $DRONE_PULL_REQUEST\""))]);
    tag(&repository, "v1");
    for (arguments, expected) in [
        (&["--event", "push"][..], "push to pull"),
        (&["--event", "tag", "--version", "v1"], "tag to pull"),
        (&["--event", "manual"], "custom to pull"),
        (&["--event", "cron", "--cron", "nightly"], "cron to pull"),
        (&["--event", "pull_request", "--pull-request", "7"], "pull_request to pull 7"),
        (&["--event", "promote", "--target", "qa"], "promote to qa pull"),
        (&["--target", "qa"], "promote to qa pull"),
        (&["--event", "rollback", "--target", "qa"], "rollback to qa pull"),
    ] {
        let said = run(&press, &repository, arguments).expect(0);
        let line = said.out.lines().last().unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(line, expected, "{arguments:?}");
    }
    run(&press, &repository, &["--event", "promote"]).expect(2).explains(&["needs a target", "--target production"]);
    run(&press, &repository, &["--event", "push", "--target", "qa"])
        .expect(2)
        .explains(&["`--target` says nothing about the event `push`"]);
    run(&press, &repository, &["--branch", "dev"]).expect(2).explains(&["pull request", "--version BRANCH"]);
}

#[test]
fn a_roll_back_is_one_and_a_target_is_never_guessed() {
    let press = Press::without_engine();
    let pipeline = format!("{}trigger: {{event: [rollback], target: [production]}}\n", plain("echo $DRONE_BUILD_EVENT $DRONE_DEPLOY_TO"));
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    for arguments in [&[][..], &["--event", "rollback"], &["--workflow", "rollback-production"]] {
        let said = run(&press, &repository, arguments).expect(0);
        assert!(said.out.contains("\nrollback production\n"), "{}", said.out);
    }
    let any = format!("{}trigger: {{event: [promote]}}\n", plain("echo to $DRONE_DEPLOY_TO"));
    let beside = press.repository("any", &[(".drone.yml", &any)]);
    run(&press, &beside, &["--event", "promote"]).expect(2).explains(&["needs a target", "--target production"]);
    assert!(run(&press, &beside, &["--target", "qa"]).expect(0).out.contains("\nto qa\n"));
    let two = pipeline.replace("[production]", "[production, staging]").replace("[rollback]", "[promote, rollback]");
    commit(Path::new(&repository), &[(".drone.yml", &two)]);
    run(&press, &repository, &["--event", "promote"]).expect(2).explains(&["`production`, `staging`", "say which"]);
    let said = run(&press, &repository, &["--event", "promote", "--target", "staging"]).expect(0);
    assert!(said.out.contains("\npromote staging\n"), "{}", said.out);
}

#[test]
fn schedules_have_their_names() {
    let press = Press::without_engine();
    let workflow = "when: [{event: cron, cron: nightly}]\nsteps:\n- {name: a, image: box, commands: [echo by night]}\n- {name: b, image: box, commands: [echo by week], when: [{event: cron, cron: weekly}]}\n";
    let repository = press.repository("shop", &[(".woodpecker.yml", workflow)]);
    let said = run(&press, &repository, &["--cron", "nightly"]).expect(0);
    assert!(said.out.contains("by night") && !said.out.contains("by week"), "{}", said.out);
    run(&press, &repository, &["--cron", "yearly"]).expect(2).explains(&["nothing in this file runs", "`cron`", "it is `yearly`"]);
}

#[test]
fn a_commit_on_no_branch_is_on_none() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[("f", "good")]);
    let branch = default_branch(&repository);
    let guarded = format!("{}  when: {{branch: [{branch}]}}\n- {{name: b, image: box, commands: [echo checked]}}\n", plain("cat f"));
    commit(Path::new(&repository), &[(".drone.yml", &guarded)]);
    let git = git2::Repository::open(&repository).expect("a repository");
    let head = git.head().and_then(|head| head.peel_to_commit()).expect("a commit");
    git.set_head_detached(head.id()).expect("our own repository");
    commit(Path::new(&repository), &[("f", "experiment")]);
    let said =
        run(&press, &repository, &[]).expect(0).explains(&["is on no branch", "a left out: `branch` does not hold", "there is none"]);
    assert!(said.out.contains("checked") && !said.out.contains("experiment"), "{}", said.out);
}

#[test]
fn the_branch_of_a_tag_is_one_that_has_its_commit() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".drone.yml", &plain("echo on $DRONE_BRANCH"))]);
    let git = git2::Repository::open(&repository).expect("a repository");
    let head = git.head().and_then(|head| head.peel_to_commit()).expect("a commit");
    git.branch("release/1.0", &head, false).expect("a branch");
    let main = default_branch(&repository);
    git.set_head("refs/heads/release/1.0").expect("our own repository");
    commit(Path::new(&repository), &[("fix", "1")]);
    tag(&repository, "v1.0.1");
    git.set_head(&format!("refs/heads/{main}")).expect("our own repository");
    for event in ["push", "tag", "manual"] {
        let said = run(&press, &repository, &["--version", "v1.0.1", "--event", event]).expect(0);
        assert!(said.out.contains("\non release/1.0\n"), "{event} {}", said.out);
    }
    git.branch("v1.0.1", &head, false).expect("a branch");
    run(&press, &repository, &["--version", "v1.0.1"]).expect(0).explains(&["`v1.0.1` is a tag and a branch"]);
}

#[test]
fn steps_by_changed_folder_run_by_what_the_commit_changed() {
    let press = Press::without_engine();
    let pipeline = "when: [{event: [push, manual]}]\nsteps:\n- {name: frontend, image: box, commands: [echo deploy frontend], when: [{path: 'frontend/**'}]}\n- {name: backend, image: box, commands: [echo deploy backend], when: [{path: {include: ['backend/**'], on_empty: false}}]}\n- {name: files, image: box, commands: ['echo $CI_PIPELINE_FILES']}\n";
    let repository = press.repository("shop", &[(".woodpecker.yml", pipeline), ("frontend/a", "1"), ("backend/a", "1")]);
    let said = run(&press, &repository, &[]).expect(0);
    assert!(said.out.contains("deploy frontend") && said.out.contains("deploy backend"), "the first commit brings all: {}", said.out);
    commit(Path::new(&repository), &[("backend/a", "2")]);
    let said = run(&press, &repository, &[]).expect(0).explains(&["frontend left out: `path` does not hold"]);
    assert!(said.out.contains("deploy backend") && !said.out.contains("deploy frontend"), "{}", said.out);
    assert!(said.out.contains("[\"backend/a\"]") || said.out.contains("[backend/a]"), "{}", said.out);
    let plan = |arguments: &[&str]| press.say(&[&["plan", &repository, "--event", "push"], arguments].concat()).expect(0).out;
    assert!(!plan(&[]).contains("name: frontend") && plan(&[]).contains("name: backend"));
    assert!(plan(&["--path", "frontend/x"]).contains("name: frontend"));
}

#[test]
fn what_falls_away_with_another_workflow_is_named() {
    let press = Press::without_engine();
    let workflow = |head: &str, when: &str, name: &str| {
        format!("{head}when: [{{event: push{when}}}]\nsteps:\n- {{name: {name}, image: box, commands: [echo {name}]}}\n")
    };
    let (a, b, c) =
        (workflow("", "", "a"), workflow("", ", evaluate: 'WANTED == \"yes\"'", "b"), workflow("depends_on: [a, b]\n", "", "c"));
    let repository = press.repository("shop", &[(".woodpecker/a.yml", &a), (".woodpecker/b.yml", &b), (".woodpecker/c.yml", &c)]);
    run(&press, &repository, &[])
        .expect(0)
        .explains(&["b left out: `evaluate` does not hold", "c left out: it needs `b`, which is left out"]);
    let plan = press.say(&["plan", &repository, "--event", "push", "--format", "json"]).expect(0).json();
    let names: Vec<&str> = plan["left_out"].as_array().into_iter().flatten().filter_map(|one| one["stage"].as_str()).collect();
    assert_eq!(names, ["b", "c"]);
}

#[test]
fn when_nothing_runs_the_condition_is_named() {
    let press = Press::without_engine();
    let pipeline = format!("{}trigger: {{branch: [nobody]}}\n", plain("ls"));
    let repository = press.repository("shop", &[(".drone.yml", &pipeline)]);
    run(&press, &repository, &[])
        .expect(2)
        .explains(&["nothing in this file runs for the event `push`", "`branch` of pipeline `default` does not hold (line 8)"]);
}

#[test]
fn a_pipeline_file_that_is_a_link_counts_and_other_languages_are_named() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[("ci/drone.yml", &plain("echo through a link"))]);
    let folder = Path::new(&repository);
    let link = |target: &str| {
        let _was_not_there = std::fs::remove_file(folder.join(".drone.yml"));
        std::os::unix::fs::symlink(target, folder.join(".drone.yml")).expect("our own folder");
        let git = git2::Repository::open(folder).expect("a repository");
        let mut index = git.index().expect("an index");
        index.add_path(Path::new(".drone.yml")).expect("a path in the repository");
        index.write().expect("our own repository");
        commit(folder, &[("touched", target)]);
    };
    link("ci/drone.yml");
    let said = run(&press, &repository, &[]).expect(0);
    assert!(said.out.contains("through a link"), "{}", said.out);
    link("../elsewhere.yml");
    run(&press, &repository, &[]).expect(2).explains(&["`.drone.yml` is a link to `../elsewhere.yml`, which is outside of the repository"]);
    link("ci/none.yml");
    run(&press, &repository, &[]).expect(2).explains(&["is a link to `ci/none.yml`, which is not in this version"]);
    let other = press.repository("other", &[(".drone.star", "def main(ctx): return {}\n")]);
    run(&press, &other, &[]).expect(2).explains(&["`.drone.star`", "drone starlark"]);
    let other = press.repository("third", &[(".drone.jsonnet", "{}\n")]);
    run(&press, &other, &[]).expect(2).explains(&["`.drone.jsonnet`", "drone jsonnet"]);
}

#[test]
fn a_pull_request_runs_on_what_its_merge_gives() {
    let press = Press::without_engine();
    let repository = press.repository("shop", &[(".drone.yml", &plain("cat a b; git log -1 --format=%s; echo $DRONE_COMMIT"))]);
    let main = default_branch(&repository);
    let git = git2::Repository::open(&repository).expect("a repository");
    let head = git.head().and_then(|head| head.peel_to_commit()).expect("a commit");
    git.branch("change", &head, false).expect("a branch");
    commit(Path::new(&repository), &[("a", "from the target\n")]);
    git.set_head("refs/heads/change").expect("our own repository");
    commit(Path::new(&repository), &[("b", "from the change\n")]);
    let sha = git.head().and_then(|head| head.peel_to_commit()).expect("a commit").id().to_string();
    let request = ["--version", "change", "--event", "pull_request", "--branch", &main];
    let said = run(&press, &repository, &request).expect(0);
    let expected = format!("from the target\nfrom the change\nMerge commit '{sha}'");
    assert!(said.out.contains(&expected) && said.out.contains(&format!("\n{sha}\n")), "{}", said.out);
    // Its target may be nowhere here, or say something else at the same place.
    let request = ["--version", "change", "--event", "pull_request", "--branch", "gone"];
    run(&press, &repository, &request).explains(&["not merged into `gone`", "git fetch origin gone"]);
    commit(Path::new(&repository), &[("a", "from the change\n")]);
    let request = ["--version", "change", "--event", "pull_request", "--branch", &main];
    run(&press, &repository, &request).expect(2).explains(&["`a`", &main]);
}
