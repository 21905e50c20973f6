//! A search in the logs of a thousand runs: what it finds is seen while it goes on, and it is stopped by a press.

use super::NO_ENGINE;
use lp_model::{RunEvent, RunId, RunState, StageNumber, StepKey, StepNumber};
use lp_store::{Cause, Logs, NewRun, RunFilter, Store};
use lp_tests::desktop::{Desk, Window};
use lp_tests::press::Press;
use std::path::{Path, PathBuf};

const RUNS: u64 = 1_000;
/// The older runs have one large log in common: a search for an expression is in them for minutes, so that a press on Stop is never too late.
const LARGE: u64 = 500;
const LARGE_BYTES: usize = 64 << 20;

/// Runs that are over. The log of each of the newer ones is one line that names the run; no line of the older ones does.
async fn history(data: &Path) {
    let (store, logs) = (Store::open(data).await.expect("it is made"), Logs::new(data));
    let first = store.runs(&RunFilter::default(), None, 1).await.expect("one run").remove(0);
    let plan = store.plan(&first.id).await.expect("its plan");
    let key = StepKey::first(StageNumber(1), StepNumber(1));
    let noise = "compiling the part with number 4711 of the shop\n";
    for number in 2..=RUNS {
        let mut plan = plan.clone();
        plan.event.run_number = number;
        let id = run(number);
        let new = NewRun {
            id: id.clone(),
            project: first.project.clone(),
            workflow_name: first.workflow_name.clone(),
            workflow_title: "{}".into(),
            version_name: String::new(),
            version_title: String::new(),
            plan,
            backend: "host".into(),
            cause: Cause::Person,
            actor: String::new(),
            parent: None,
            press: None,
            created_ms: number as i64,
        };
        store.create_run(&new).await.expect("it is new");
        store.append_events(&id, &[(0, RunEvent::RunEnded { state: RunState::Errored })]).await.expect("it is there");
        if number > LARGE || number == 2 {
            let mut writer = logs.writer(&id, key, 0).expect("its log is new");
            let text = if number > LARGE { format!("the needle of run {number}\n") } else { noise.repeat(LARGE_BYTES / noise.len()) };
            writer.append(text.as_bytes(), 0, None).expect("there is room");
            writer.finish().expect("there is room");
        } else {
            link(&log_folder(&logs, &run(2)), &log_folder(&logs, &id));
        }
    }
    store.close().await;
}

fn run(number: u64) -> RunId {
    RunId::parse(&format!("run-{number}")).expect("an id")
}

fn log_folder(logs: &Logs, id: &RunId) -> PathBuf {
    let log = logs.path(id, StepKey::first(StageNumber(1), StepNumber(1)));
    log.parent().expect("a log lies in a folder").to_owned()
}

/// The files of a folder once more in another folder, without room of their own.
fn link(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("our own folder");
    for file in std::fs::read_dir(from).expect("our own folder").flatten() {
        std::fs::hard_link(file.path(), to.join(file.file_name())).expect("on the same disk");
    }
}

async fn look(window: &Window, text: &str) {
    let field = window.find("log-search-text").await;
    field.clear().await.expect("a field can be emptied");
    field.send_keys(text).await.expect("a field can be filled");
    window.click("log-search-start").await;
}

#[tokio::test]
async fn over_a_thousand_runs_it_streams_and_can_be_stopped() {
    for (language, name, found, stopped) in
        [("zh_CN.UTF-8", "search-zh", "找到 1 行", "已停止"), ("en_US.UTF-8", "search-en", "1 line found", "Stopped: ")]
    {
        let desk = Desk::new(language, &[NO_ENGINE]);
        let press = Press::new().with_data(&desk.data_folder());
        let pipeline = "kind: pipeline\ntype: exec\nname: default\nsteps:\n- {name: say, commands: ['true']}\n";
        let folder = press.repository("shop", &[(".drone.yml", pipeline)]);
        press.say(&["run", &folder, "--backend", "host"]).expect(0);
        history(&desk.data_folder()).await;

        let window = desk.open().await;
        window.click("history-link").await;
        window.css(".note summary").await.click().await.expect("the search can be opened");
        // A pattern that takes its time: thirty gigabytes would be looked through.
        window.click("log-search-regex").await;
        look(&window, "needle of run|([a-z]+ ){12}nowhere").await;
        window.find("log-search-hit").await;
        window.screenshot(&format!("{name}-1-streaming")).await;
        window.click("log-search-stop").await;
        window.says(stopped).await;
        let status = window.find("log-search-status").await.text().await.expect("text");
        let heard: u64 = status.chars().filter(char::is_ascii_digit).collect::<String>().parse().expect("a number");
        assert!((1..RUNS - 1).contains(&heard), "when it was stopped: {status}");

        // To its end, for what stands in some of them only.
        let logs = Logs::new(&desk.data_folder());
        (2..=LARGE).try_for_each(|number| logs.remove(&run(number))).expect("our own folders");
        window.click("log-search-regex").await;
        look(&window, "needle of run 97").await;
        window.find("log-search-start").await;
        assert_eq!(window.all("[data-testid=\"log-search-log\"]").await.len(), 10, "970 to 979");
        look(&window, "needle of run 978").await;
        window.says(found).await;
        window.screenshot(&format!("{name}-2-found")).await;
        window.click("log-search-hit").await;
        window.css(".row.current .text:not(:empty)").await;
        window.says("the needle of run 978").await;
        window.close().await;
    }
}
