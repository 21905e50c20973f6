//! What following a run costs: all computing of `letterpress run`, the printing included, and of an app whose window watches the same run.

use crate::measure::{computing, median};
use crate::ours::{self, Shop};
use crate::table::{Row, Table};
use lp_api::dto::Tag;
use lp_tests::images::busybox_image;
use lp_tests::press::Press;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const STEPS: u32 = 20;

/// How often a window looks at a run that changes.
const WINDOW_LOOKS: Duration = Duration::from_millis(120);

/// Adds the rows: 20 steps minus 1 step, by 19.
pub async fn measure(table: &mut Table, times: usize) {
    busybox_image().await;
    let press = Press::new();
    let [one, many] = [1, STEPS].map(|count| press.repository(&format!("of{count}"), &[(".drone.yml", &pipeline(count))]));
    let (mut ones, mut manys) = (Vec::new(), Vec::new());
    run(&press, &one);
    for _ in 0..times {
        ones.push(run(&press, &one));
        manys.push(run(&press, &many));
    }
    let per_step = (median(manys) - median(ones)) * 1e3 / f64::from(STEPS - 1);
    let row =
        Row::new("`letterpress run` of 20 steps with `true`: computing of the whole process per further step", format!("{per_step:.1} ms"));
    table.add(row.aim("≤ 6 ms", per_step <= 6.0));

    let (mut ones, mut manys) = (Vec::new(), Vec::new());
    for (count, costs) in [(1, &mut ones), (STEPS, &mut manys)] {
        let shop = Shop::open(&pipeline(count)).await;
        for _ in 0..times {
            costs.push(watched(&shop).await);
        }
        shop.close().await;
    }
    let per_step = (median(manys) - median(ones)) * 1e3 / f64::from(STEPS - 1);
    let row = Row::new("the same in an app whose window watches the run", format!("{per_step:.1} ms"));
    table.add(row.aim("≤ 10 ms", per_step <= 10.0));
}

fn pipeline(count: u32) -> String {
    ours::serial(count, "true").replace(", environment: {TOKEN: {from_secret: token}}", "")
}

/// Computing of one run from the terminal, by the shell's own `time`.
fn run(press: &Press, repository: &str) -> Duration {
    let letterpress = press.command(&["run", repository]);
    let mut command = Command::new("bash");
    command.arg("-c").arg("TIMEFORMAT='%U %S'; time \"$0\" \"$@\" >/dev/null 2>/dev/null").arg(letterpress.get_program());
    command.args(letterpress.get_args()).current_dir(press.folder()).stdin(Stdio::null());
    for (name, value) in letterpress.get_envs() {
        command.env(name, value.expect("the press removes no variable"));
    }
    let output = command.output().expect("bash is there");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    let seconds: Vec<f64> = told.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    assert!(output.status.success() && seconds.len() == 2, "{told}");
    Duration::from_secs_f64(seconds[0] + seconds[1])
}

/// Computing of this process for one run that is looked at as a window does: again when it has changed, but not more often than a window.
async fn watched(shop: &Shop) -> Duration {
    let app = shop.app();
    let mut notices = app.notices();
    let window = tokio::spawn(async move {
        let mut last: Option<Instant> = None;
        while let Some(notice) = notices.next().await {
            let run = notice.tags.into_iter().find_map(|tag| if let Tag::Run(run) = tag { Some(run) } else { None });
            let Some(run) = run else { continue };
            if last.is_none_or(|last| last.elapsed() >= WINDOW_LOOKS) {
                last = Some(Instant::now());
                // A run that is removed in this moment is no finding.
                let _seen = app.run(&run).await;
            }
        }
    });
    let begin = computing();
    shop.run().await;
    let took = computing() - begin;
    window.abort();
    took
}
