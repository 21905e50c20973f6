//! `./dev bench pipeline`: what it takes to read, compile and lint a file of each dialect.
#![allow(missing_docs, clippy::print_stdout)]

#[path = "../tests/hostile/bombs.rs"]
mod bombs;
#[path = "../tests/hostile/inputs.rs"]
mod inputs;

use criterion::{BatchSize, Criterion};
use inputs::{SHAPES, Shape};
use lp_model::{EventFacts, EventKind};
use lp_pipeline::{Pipeline, PipelineFile, compile};
use std::hint::black_box;
use std::time::{Duration, Instant};

fn facts() -> EventFacts {
    let mut facts = EventFacts::new(EventKind::Push);
    facts.repo.owner = "octocat".into();
    facts.repo.name = "hello-world".into();
    facts.repo.link = "https://git.example.com/octocat/hello-world".into();
    facts.repo.remote = "https://git.example.com/octocat/hello-world.git".into();
    facts.repo.default_branch = "main".into();
    facts.commit.sha = "7fd1a60b01f91b314f59955a4e4d4e80d8edf11d".into();
    facts.commit.branch = "main".into();
    facts.commit.reference = "refs/heads/main".into();
    facts.commit.message = "发布 1.2.3".into();
    facts.commit.author.name = "Octo Cat".into();
    facts.commit.author.email = "octocat@example.com".into();
    facts.run_number = 42;
    facts
}

/// Parse, compile and lint; returns the number of steps so that nothing is optimised away.
fn all(shape: Shape, text: &str, facts: &EventFacts) -> usize {
    let file = PipelineFile { path: shape.path(), bytes: text.as_bytes() };
    let pipeline = Pipeline::read(&[file]).expect("a file of ours is read");
    let (plan, found) = pipeline.compile(facts).expect("a file of ours compiles");
    let linted = pipeline.lint(&Default::default());
    black_box((found, linted));
    plan.stages.iter().map(|stage| stage.steps.len()).sum()
}

/// Time that this thread has computed, where the system tells it: a busy machine does not change it. Else the time of the clock.
fn computed(since: Instant) -> Duration {
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    let nanoseconds = told.and_then(|text| text.split(' ').next()?.parse().ok());
    nanoseconds.map_or_else(|| since.elapsed(), Duration::from_nanos)
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64() * 1000.0
}

/// One row per shape: milliseconds for 1000, 2000, 4000 and 8000 steps, and how much more eight times the file costs.
fn lines(facts: &EventFacts) {
    println!("\nparse + compile + lint, 125 bytes a step; medians of 5, in milliseconds of computing");
    let start = Instant::now();
    println!("{:<20} {:>9} {:>9} {:>9} {:>9} {:>9} {:>9}", "", "bytes", "1000", "2000", "4000", "8000", "8x/1x");
    for shape in SHAPES {
        let mut row = Vec::new();
        let mut bytes = 0;
        for steps in [1000, 2000, 4000, 8000] {
            let text = shape.file(steps);
            bytes = text.len();
            let times = (0..5).map(|_| {
                let begin = computed(start);
                assert_eq!(black_box(all(shape, &text, facts)), steps);
                computed(start) - begin
            });
            row.push(median(times.collect()));
        }
        println!(
            "{:<20} {bytes:>9} {:>9.1} {:>9.1} {:>9.1} {:>9.1} {:>9.1}",
            shape.name(),
            row[0],
            row[1],
            row[2],
            row[3],
            row[3] / row[0]
        );
    }
}

/// One row per bomb.
fn bombs() {
    println!("\nbombs: parse + compile; medians of 3, in milliseconds of computing");
    let start = Instant::now();
    for bomb in bombs::bombs() {
        let file = PipelineFile { path: bomb.path, bytes: &bomb.bytes };
        let times = (0..3).map(|_| {
            let begin = computed(start);
            drop(black_box(compile(&[file], &bomb.facts)));
            computed(start) - begin
        });
        println!("{:<36} {:>9} bytes {:>9.1} {}", bomb.name, bomb.bytes.len(), median(times.collect()), bomb.code);
    }
}

fn main() {
    let facts = facts();
    let mut criterion = Criterion::default().configure_from_args();
    for (steps, samples) in [(20, 100), (8000, 10)] {
        let mut group = criterion.benchmark_group(format!("{steps} steps"));
        group.sample_size(samples);
        for shape in SHAPES {
            let text = shape.file(steps);
            group.bench_function(shape.name(), |bencher| {
                bencher.iter_batched(|| (), |()| black_box(all(shape, &text, &facts)), BatchSize::SmallInput);
            });
        }
        group.finish();
    }
    criterion.final_summary();
    // Not when cargo only wants to see that the benchmark runs.
    if std::env::args().any(|arg| arg == "--bench") {
        lines(&facts);
        bombs();
    }
}
