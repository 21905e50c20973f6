//! `./dev bench engine [--write] [--times N] [GROUP…]`: every figure that the engine is held to, as ratios in one run. What the machine's container engine
//! takes when it is called directly (the floor) and what the same work takes through Letterpress alternate, so that a machine that
//! becomes slower slows down both. Groups: `steps`, `follower`, `parallel`, `many`, `queue`, `logs`, `copy`, `recovery`, `peers`; all without any.
//!
//! `./dev bench store [--write] [--runs N]`: the history with a million generated runs. It needs no container engine, some gigabytes of the disk for
//! temporary files, and some minutes, so it is never one of all.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod copy;
mod floor;
mod follower;
mod many;
mod measure;
mod ours;
mod peers;
mod recovery;
mod store;
mod table;
mod warnings;

use floor::{Floor, FloorTook, LINE_BYTES, LINES};
use lp_tests::{docker, images};
use measure::{Memory, median};
use ours::Shop;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;
use table::{Row, Table};

const GROUPS: [&str; 9] = ["steps", "follower", "parallel", "many", "queue", "logs", "copy", "recovery", "peers"];

/// How often a figure is taken; the median is shown.
const TIMES: usize = 7;

/// The same for the other programs.
const PEER_TIMES: usize = 3;

/// Runs that are queued at once.
const QUEUED: usize = 100;

/// Runs of the generated history.
const RUNS: u64 = 1_000_000;

struct Options {
    times: usize,
    runs: u64,
    store: bool,
    write: bool,
    groups: Vec<String>,
}

impl Options {
    fn of(arguments: &[String]) -> Result<Self, String> {
        let mut options = Self { times: TIMES, runs: RUNS, store: false, write: false, groups: Vec::new() };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                // For those that have more than one kind of figures.
                "engine" => {}
                "store" => options.store = true,
                "--runs" => {
                    let runs = rest.next().and_then(|text| text.parse().ok()).filter(|runs| *runs >= 1_000);
                    options.runs = runs.ok_or("`--runs` wants a number from 1000")?;
                }
                "--write" => options.write = true,
                "--times" => {
                    let times = rest.next().and_then(|text| text.parse().ok()).filter(|times| *times > 0);
                    options.times = times.ok_or("`--times` wants a number from 1")?;
                }
                group if GROUPS.contains(&group) => options.groups.push(group.to_owned()),
                other => return Err(format!("`{other}` is no group of figures: there are {}, and `store`", GROUPS.join(", "))),
            }
        }
        Ok(options)
    }

    fn wants(&self, group: &str) -> bool {
        self.groups.is_empty() || self.groups.iter().any(|wanted| wanted == group)
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.as_slice() {
        [how, folder] if how == recovery::BEGIN => recovery::begin(Path::new(folder)).await,
        [how, folder] if how == recovery::OWN => recovery::own(Path::new(folder)).await,
        _ => match Options::of(&arguments) {
            Ok(options) if options.store => history(&options).await,
            Ok(options) => all(&options).await,
            Err(problem) => {
                eprintln!("{problem}");
                return ExitCode::from(2);
            }
        },
    }
    ExitCode::SUCCESS
}

async fn history(options: &Options) {
    let place = place(None);
    eprintln!("{place}");
    let mut table = Table::default();
    store::measure(&mut table, options.runs).await;
    println!("\n{place}\n\n{}", table.markdown());
    if options.write {
        table.write("store", &place);
    }
}

async fn all(options: &Options) {
    warnings::begin();
    images::busybox_image().await;
    let engine = docker::require_engine().await.version().await.expect("it has just answered");
    let place = place(engine.version.as_deref());
    eprintln!("{place}");
    let mut table = Table::default();
    let mut cost = None;
    if options.wants("steps") {
        cost = Some(steps(&mut table, options.times).await);
    }
    if options.wants("follower") {
        follower::measure(&mut table, options.times).await;
    }
    if options.wants("parallel") {
        let cost = match cost {
            Some(cost) => cost,
            None => one_container(options.times).await,
        };
        parallel(&mut table, options.times, cost).await;
    }
    if options.wants("many") {
        many::measure(&mut table, options.times.min(3)).await;
    }
    if options.wants("queue") {
        queue(&mut table).await;
    }
    if options.wants("logs") {
        logs(&mut table, options.times, 1).await;
        logs(&mut table, options.times, 10).await;
    }
    if options.wants("copy") {
        copy::measure(&mut table, options.times).await;
    }
    if options.wants("recovery") {
        recover(&mut table, options.times).await;
    }
    if options.wants("peers") {
        for (program, seconds) in blocking(|| peers::measure(20, PEER_TIMES)).await {
            match seconds {
                Some(seconds) => {
                    table.add(Row::new(format!("20 steps with `true`: `{program}`, clean-up included"), format!("{seconds:.2} s")))
                }
                None => table.note(format!("`{program}` is not installed here.")),
            }
        }
    }
    table.note(format!(
        "Medians of {}. Floor of steps: through the engine's API, one after the other: a user network is made, then for each container create, \
         attach, start, wait, remove. Floor of logs: attached before the start, thrown away, the engine's log kept as for our steps. Ours: from the \
         press to the end of the last step, with the store, the journal, the masker (one secret) and the log files.",
        options.times
    ));
    println!("\n{place}\n\n{}", table.markdown());
    if options.write {
        table.write("engine", &place);
    }
}

/// Steps that do nothing, one after the other. Returns what one container costs.
async fn steps(table: &mut Table, times: usize) -> f64 {
    let mut one_container = 0.0;
    let mut per_step = 0.0;
    for (count, aim) in [(1, Some(0.85)), (5, None), (20, Some(0.37))] {
        let shop = Shop::open(&ours::serial(count, "true")).await;
        floor::steps(1).await;
        let (mut floors, mut runs) = (Vec::new(), Vec::new());
        for _ in 0..times {
            floors.push(floor::steps(count).await);
            runs.push(shop.run().await);
        }
        shop.close().await;
        let floor = |part: fn(&FloorTook) -> Duration| median(floors.iter().map(part));
        let (done, whole) = (median(runs.iter().map(|run| run.steps)), median(runs.iter().map(|run| run.whole)));
        let what = if count == 1 { "1 step with `true`".to_owned() } else { format!("{count} serial steps with `true`") };
        let row =
            |what: String, ours: f64, floor: f64| Row::new(what, format!("{ours:.2} s")).floor(format!("{floor:.2} s")).ratio(ours / floor);
        let (with_network, without, cleaned) = (floor(FloorTook::done), floor(|took| took.steps), floor(FloorTook::whole));
        let mut main = row(what.clone(), done, with_network);
        if let Some(aim) = aim {
            main = main.aim(format!("≤ {aim:.2}×"), done / with_network <= aim);
        }
        table.add(main);
        table.add(row(format!("{what}, the floor's network not counted"), done, without));
        table.add(row(format!("{what}, clean-up included"), whole, cleaned));
        if count == 1 {
            one_container = without;
        }
        let computing: Duration = runs.iter().map(|run| run.computing).sum();
        per_step = computing.as_secs_f64() * 1e3 / f64::from(count) / times as f64;
    }
    let row = Row::new("our own computing per step (20 steps, all of the run divided by them)", format!("{per_step:.1} ms"));
    table.add(row.aim("≤ 4 ms", per_step <= 4.0));
    one_container
}

async fn one_container(times: usize) -> f64 {
    floor::steps(1).await;
    let mut floors = Vec::new();
    for _ in 0..times {
        floors.push(floor::steps(1).await.steps);
    }
    median(floors)
}

/// Ten steps at the same time.
async fn parallel(table: &mut Table, times: usize, one_container: f64) {
    let shop = Shop::open(&ours::parallel(10, "sleep 1")).await;
    let (mut done, mut whole, mut floors, mut shared) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..times {
        floors.push(floor::parallel(10, false).await);
        shared.push(floor::parallel(10, true).await);
        let took = shop.run().await;
        done.push(took.steps);
        whole.push(took.whole);
    }
    shop.close().await;
    let (done, whole, most) = (median(done), median(whole), 1.0 + 2.0 * one_container);
    let (floor, shared) = (median(floors), median(shared));
    let row = Row::new("10 parallel steps with `sleep 1`", format!("{done:.2} s")).floor(format!("one container: {one_container:.2} s"));
    table.add(row.aim(format!("≤ 1.0 s + 2 containers = {most:.2} s"), done <= most));
    let row = Row::new("10 parallel steps with `sleep 1`, beside the engine's API called in parallel", format!("{done:.2} s"));
    table.add(row.floor(format!("{floor:.2} s")).ratio(done / floor));
    let row = Row::new(
        "the same beside all ten in one namespace that is there before the clock starts (not for us: they would share `localhost`)",
        format!("{done:.2} s"),
    );
    table.add(row.floor(format!("{shared:.2} s")).ratio(done / shared));
    table.add(Row::new("10 parallel steps with `sleep 1`, clean-up included", format!("{whole:.2} s")));
}

/// Many runs at once.
async fn queue(table: &mut Table) {
    let shop = Shop::open(&ours::serial(1, "true")).await;
    // What grows once only (pools, caches) has grown.
    shop.run_many(10).await;
    let (warned, before) = (warnings::count(), Memory::begin());
    let (took, passed) = shop.run_many(QUEUED).await;
    let (warned, after) = (warnings::count() - warned, Memory::read());
    shop.close().await;
    let failed = QUEUED - passed + warned;
    let what = format!("{QUEUED} runs of 1 step queued at once");
    let done = format!("{:.1} s, {passed} passed, {warned} warnings", took.as_secs_f64());
    table.add(Row::new(what.clone(), done).aim("no failed call", failed == 0));
    let memory = format!("{:.0} MB before, {:.0} most, {:.0} after", before.now, after.most, after.now);
    table.add(Row::new(format!("{what}: memory"), memory).aim("< 16 MB more after", after.now - before.now < 16.0));
}

/// `count` steps at the same time that print a million lines each.
async fn logs(table: &mut Table, times: usize, count: u32) {
    let shop = Shop::open(&ours::parallel(count, &floor::lines_script())).await;
    let floor = Floor::new().await;
    let (mut floors, mut ours, mut more) = (Vec::new(), Vec::new(), 0.0_f64);
    let bytes = u64::from(count) * LINES * LINE_BYTES;
    for _ in 0..times {
        // Ours first: what the floor has left in the allocator must not hide what we need.
        let (before, announced) = (Memory::begin(), shop.announced());
        let took = shop.run().await;
        more = more.max(Memory::read().most - before.now);
        // Each step also shows its command.
        let expected = u64::from(count) * (LINES + 1);
        assert_eq!(took.log_lines(), expected, "every line is in the log");
        shop.all_announced(announced + expected).await;
        ours.push(took.rate(bytes));
        floors.push(floor.lines(count).await);
    }
    floor.close().await;
    shop.close().await;
    let (floor, our) = (median_rate(floors), median_rate(ours));
    let shown = |rate: f64| format!("{:.0} lines/s", rate / LINE_BYTES as f64);
    let what = match count {
        1 => format!("1 step that prints {LINES} lines of {LINE_BYTES} bytes"),
        count => format!("{count} such steps at the same time"),
    };
    let row = Row::new(what.clone(), shown(our)).floor(shown(floor)).ratio(our / floor);
    table.add(row.aim("rate ≥ 0.80×", our / floor >= 0.8));
    table.add(Row::new(format!("{what}: memory"), format!("{more:.0} MB more")).aim("< 64 MB more", more < 64.0));
}

fn median_rate(mut rates: Vec<f64>) -> f64 {
    rates.sort_by(f64::total_cmp);
    rates[rates.len() / 2]
}

/// A process that drives a run is killed.
async fn recover(table: &mut Table, times: usize) {
    let mut found = Vec::new();
    for _ in 0..times {
        found.push(blocking(recovery::measure).await);
    }
    let again: Vec<Duration> = found.iter().flatten().copied().collect();
    let all = again.len() == times;
    let shown = if again.is_empty() { "never".to_owned() } else { format!("{:.2} s", median(again)) };
    let row = Row::new("`kill -9` in the middle of a step: from the start of the next process until its log goes on", shown);
    table.add(row.aim("goes on each time", all));
}

async fn blocking<T: Send + 'static>(act: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(act).await.expect("it does not panic")
}

/// When, and on which machine.
fn place(engine: Option<&str>) -> String {
    let value = |path: &str, name: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().to_owned();
        line.trim_start_matches([' ', '\t', ':']).trim().to_owned()
    };
    let memory_kb: f64 = value("/proc/meminfo", "MemTotal").trim_end_matches(" kB").parse().unwrap_or_default();
    let engine = engine.map(|version| format!(", engine {version}")).unwrap_or_default();
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!(
        "{}, {} ({} virtual CPUs, {:.0} GB, Linux {}){engine}, release profile; load at the beginning {}.",
        jiff::Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        value("/proc/cpuinfo", "model name"),
        std::thread::available_parallelism().map_or(1, usize::from),
        memory_kb / (1 << 20) as f64,
        rustix::system::uname().release().to_string_lossy(),
        load.split_whitespace().next().unwrap_or_default(),
    )
}
