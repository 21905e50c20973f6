//! The history with its filters, over a folder with more runs than a page has.

use lp_model::{
    BackendKind, Dialect, EventFacts, EventKind, PLAN_VERSION, Plan, ProjectId, RunEvent, RunId, RunOn, RunState, Stage, StageNumber, Step,
    StepKind, StepNumber, Workspace,
};
use lp_store::{Cause, CleanupPolicy, NewRun, Project, ProjectKind, Store};
use lp_tests::press::Press;

/// Midnight of the first day of 2026, UTC.
const NEW_YEAR_MS: i64 = 1_767_225_600_000;
const DAY_MS: i64 = 86_400_000;

fn plan(number: u64, target: &str) -> Plan {
    let mut event = EventFacts::new(EventKind::Promote);
    event.run_number = number;
    event.target = Some(target.to_owned()).filter(|target| !target.is_empty());
    event.commit.author.name = "Lin Yue".into();
    let stage = Stage {
        number: StageNumber(1),
        name: "default".into(),
        backend: BackendKind::Host,
        needs: vec![],
        run_on: RunOn::default(),
        workspace: Workspace { base: "/drone/src".into(), path: String::new() },
        source: true,
        checkout: None,
        concurrency: None,
        file: String::new(),
        matrix: Default::default(),
        volumes: vec![],
        steps: vec![Step::new(StepNumber(1).0, "hello", StepKind::Commands)],
    };
    Plan {
        version: PLAN_VERSION,
        dialect: Dialect::Drone1,
        file: ".drone.yml".into(),
        event,
        timeout_s: 3600,
        cleanup_on_cancel: false,
        cleanup_timeout_s: lp_model::CLEANUP_TIMEOUT_S,
        left_out: vec![],
        stages: vec![stage],
    }
}

/// `shop` and `docs` with `runs` runs in turn, one a day from the first day of 2026 on.
pub async fn made_up(press: &Press, runs: u64) {
    let store = Store::open(press.data()).await.unwrap();
    for name in ["shop", "docs"] {
        let project = Project {
            id: ProjectId::parse(name).unwrap(),
            name: name.into(),
            path: Some(format!("/projects/{name}")),
            kind: ProjectKind::Folder,
            added_ms: 1,
            hidden_ms: None,
            trusted: false,
            real_plugins: false,
            cleanup: CleanupPolicy::Dialect,
            cleanup_s: None,
        };
        store.add_project(&project).await.unwrap();
    }
    for number in 1..=runs {
        let odd = number % 2 == 1;
        let id = RunId::parse(&format!("run-{number}")).unwrap();
        let created_ms = NEW_YEAR_MS + (number as i64 - 1) * DAY_MS;
        let run = NewRun {
            id: id.clone(),
            project: ProjectId::parse(if odd { "shop" } else { "docs" }).unwrap(),
            workflow_name: if number % 3 == 0 { "deploy" } else { "build" }.into(),
            workflow_title: "{}".into(),
            version_name: format!("1.{number}"),
            version_title: if number % 5 == 0 { "修复购物车总价" } else { "Fix the cart" }.into(),
            plan: plan(number, ["", "staging", "production", "staging"][number as usize % 4]),
            backend: "host".into(),
            cause: Cause::Promotion,
            actor: if number % 4 == 0 { "韩梅梅" } else { "lin" }.into(),
            parent: None,
            press: None,
            created_ms,
        };
        store.create_run(&run).await.unwrap();
        let state = if number % 10 == 0 { RunState::TimedOut } else { RunState::Cancelled };
        store.append_events(&id, &[(created_ms + 1, RunEvent::RunEnded { state })]).await.unwrap();
    }
    store.close().await;
}

fn numbers(press: &Press, arguments: &[&str]) -> Vec<u64> {
    let said = press.say(&[&["history", "--format", "json"], arguments].concat()).expect(0).json();
    said["runs"].as_array().unwrap().iter().map(|run| run["number"].as_u64().unwrap()).collect()
}

#[tokio::test]
async fn a_thousand_runs_are_a_thousand_and_the_next_page_begins_behind_them() {
    let press = Press::without_engine();
    made_up(&press, 1_203).await;
    let said = press.say(&["history", "-n", "1000", "--format", "json"]).expect(0).json();
    let runs = said["runs"].as_array().unwrap();
    assert_eq!((runs.len(), runs[999]["number"].as_u64()), (1_000, Some(204)));
    let next = said["next"].as_str().unwrap().to_owned();
    assert_eq!(numbers(&press, &["-n", "1000", "--after", &next]), (1..=203).rev().collect::<Vec<_>>());
    let said = press.say(&["history", "-n", "3"]).expect(0).explains(&["there are more", "--after run-1201"]);
    assert_eq!(said.out.lines().count(), 3);
    assert_eq!(press.say(&["history", "-n", "5000"]).expect(0).err, "", "nothing more");
}

#[tokio::test]
async fn every_filter_of_the_window_is_there() {
    let press = Press::without_engine();
    made_up(&press, 40).await;
    for (arguments, expected) in [
        (&["-n", "2"][..], vec![40, 39]),
        (&["--project", "shop", "-n", "2"], vec![39, 37]),
        (&["--project", "/projects/docs", "-n", "2"], vec![40, 38]),
        (&["--workflow", "deploy", "-n", "2"], vec![39, 36]),
        (&["--environment", "production", "-n", "2"], vec![38, 34]),
        (&["--target", "production", "--project", "shop"], vec![]),
        (&["--person", "韩梅梅", "-n", "2"], vec![40, 36]),
        (&["--result", "timed_out"], vec![40, 30, 20, 10]),
        (&["--result", "timed_out", "--result", "cancelled", "-n", "3"], vec![40, 39, 38]),
        (&["--from", "2026-02-07T00:00:00Z"], vec![40, 39, 38]),
        (&["--to", "2026-01-02T00:00:00Z"], vec![1]),
        (&["--from", "2026-01-05T00:00:00Z", "--to", "2026-01-08T00:00:00Z"], vec![7, 6, 5]),
        (&["--text", "购物", "-n", "2"], vec![40, 35]),
        (&["--text", "#17"], vec![17]),
        (&["--text", "cart shop", "-n", "2"], vec![39, 37]),
        (&["--text", "nowhere"], vec![]),
    ] {
        assert_eq!(numbers(&press, arguments), expected, "{arguments:?}");
    }
    let local =
        press.command(&["history", "--format", "json", "--from", "2026-01-03", "--to", "2026-01-04"]).env("TZ", "UTC").output().unwrap();
    let runs: serde_json::Value = serde_json::from_slice(&local.stdout).unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 2, "both days are whole");
    assert_eq!(press.say(&["history", "--text", "nowhere"]).expect(0).out, "no such runs\n");

    press.say(&["history", "--project", "nobody"]).expect(2).explains(&["no project is called `nobody`"]);
    press.say(&["history", "--from", "yesterday"]).expect(2).explains(&["`yesterday` is no time", "2026-11-29"]);
    press.say(&["history", "--result", "good"]).expect(2).explains(&["good", "timed_out"]);
    press.say(&["history", "--after", "nobody"]).expect(2).explains(&["there is no run `nobody`"]);
}
