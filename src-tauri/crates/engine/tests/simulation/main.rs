//! The engine in a world where everything goes wrong: random plans, several runs at once, faults at every port and every call of the backend,
//! crashes at any of these moments, restarts of the container engine, cancels, retries. Everything that happens follows from a seed, on a
//! clock that does not really pass. What must hold in any such world stands in `check`.
//!
//! A failure names its seed. To see that one alone, with all its calls and events:
//!
//! ```text
//! SIMULATION_SEED=17 cargo test --release -p lp-engine --test simulation -- --nocapture
//! ```
//!
//! `SIMULATION_SEEDS=100000` runs that many instead of as many as the time of an ordinary test allows.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

mod check;
mod dice;
mod person;
mod plans;
mod ports;
mod tap;
mod world;

use dice::Dice;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};
use world::{End, World};

/// How many seeds an ordinary test runs at most, and how long it goes on.
const SEEDS: u64 = 6000;
const TIME: Duration = Duration::from_secs(25);

/// No world may need more processes than this to come to its end: faults run out after some of them.
const PROCESSES: usize = 60;

/// Plays the world of a seed to its end.
fn play(seed: u64, is_loud: bool) -> Result<world::Counts, String> {
    let world = Arc::new(World::new(seed, is_loud));
    for process in 0.. {
        if process == PROCESSES {
            return Err("the runs are not over after so many processes".to_owned());
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
        let end = runtime.block_on(person::one_process(&world, process));
        // As when a process is killed: all its tasks are gone, wherever they were.
        drop(runtime);
        match end? {
            End::NextProcess => {}
            End::AllOver => break,
        }
    }
    check::at_the_end(&world)?;
    Ok(world.counts())
}

fn outcome(seed: u64, is_loud: bool) -> Result<world::Counts, String> {
    let played = std::panic::catch_unwind(AssertUnwindSafe(|| play(seed, is_loud)));
    let text = |panic: Box<dyn std::any::Any + Send>| {
        let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
        text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_else(|| "it panicked".to_owned())
    };
    played.unwrap_or_else(|panic| Err(text(panic)))
}

#[test]
fn whatever_happens_every_run_ends_once_and_in_order() {
    let variable = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().expect("a number"));
    if let Some(seed) = variable("SIMULATION_SEED") {
        if let Err(problem) = outcome(seed, true) {
            panic!("seed {seed}: {problem}");
        }
        return;
    }
    // Panics are part of this world; those that count come back as errors.
    std::panic::set_hook(Box::new(|_| {}));
    let asked = variable("SIMULATION_SEEDS");
    let seeds = asked.unwrap_or(SEEDS);
    let next = AtomicU64::new(1);
    let began = Instant::now();
    let in_time = || asked.is_some() || began.elapsed() < TIME;
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let results: Vec<(u64, Result<world::Counts, String>)> = std::thread::scope(|scope| {
        let work = || {
            let mut results = Vec::new();
            while in_time() {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed > seeds {
                    break;
                }
                results.push((seed, outcome(seed, false)));
            }
            results
        };
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("its panics are caught")).collect()
    });
    let _ = std::panic::take_hook();

    let mut total = world::Counts::default();
    let mut problems = Vec::new();
    for (seed, result) in results {
        match result {
            Ok(counts) => total.add(&counts),
            Err(problem) => problems.push((seed, problem)),
        }
    }
    problems.sort();
    println!("{} worlds in {:.1} s: {total:?}", total.worlds, began.elapsed().as_secs_f64());
    if let Some((seed, problem)) = problems.first() {
        let others: Vec<u64> = problems.iter().map(|(seed, _)| *seed).take(20).collect();
        panic!(
            "seed {seed}: {problem}\n\n{} worlds went wrong: {others:?}\n\
             alone: SIMULATION_SEED={seed} cargo test --release -p lp-engine --test simulation -- --nocapture",
            problems.len()
        );
    }
    // A simulation in which nothing happens proves nothing.
    assert!(total.worlds >= 200, "too few worlds: {total:?}");
    for (what, count) in total.each() {
        assert!(count > 0, "no {what} in any world");
    }
}

/// The same seed tells the same story, or a failure could not be looked at again.
#[test]
fn a_seed_tells_the_same_story_twice() {
    for seed in [3, 4, 5] {
        let story = || {
            let world = Arc::new(World::new(seed, false));
            let mut process = 0;
            loop {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
                let end = runtime.block_on(person::one_process(&world, process));
                drop(runtime);
                process += 1;
                if !matches!(end, Ok(End::NextProcess)) {
                    return world.story();
                }
            }
        };
        assert_eq!(story(), story(), "seed {seed}");
    }
    assert_ne!(Dice::new(1).next(), Dice::new(2).next());
}
