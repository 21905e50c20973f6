//! `./dev bench`: what the machine's engine takes when it is called directly (the floor), and what the same work takes through
//! Letterpress, in one run. Ratios are what counts: the machine differs.
#![allow(clippy::print_stdout)]

mod floor;
mod ours;

use std::time::Duration;

/// How often each figure is taken; the median is printed.
const TIMES: usize = 3;

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

#[tokio::main]
async fn main() {
    println!("steps that do nothing, one after the other; medians of {TIMES}");
    println!("floor: create on a user network, attach, start, wait, remove, directly through the engine's API");
    println!(
        "{:>6} {:>10} {:>16} {:>10} {:>16} {:>7} {:>20}",
        "steps", "floor s", "floor ms/step", "ours s", "ours ms/step", "ratio", "with clean-up (s)"
    );
    for steps in [1, 5, 20] {
        let (mut floors, mut done, mut whole) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..TIMES {
            floors.push(floor::floor_steps(steps).await);
            let took = ours::run_steps(steps).await;
            done.push(took.steps);
            whole.push(took.whole);
        }
        let (floor, ours, whole) = (median(floors), median(done), median(whole));
        let each = |seconds: f64| seconds * 1000.0 / f64::from(steps);
        println!("{steps:>6} {floor:>10.3} {:>16.0} {ours:>10.3} {:>16.0} {:>7.2} {whole:>20.3}", each(floor), each(ours), ours / floor);
    }
    let (lines, took) = floor::floor_lines().await;
    let floor_rate = lines as f64 / took.as_secs_f64();
    println!("\none step that prints {lines} lines of {} bytes", floor::LINE_BYTES);
    println!("floor (attach, thrown away)                    {:>8.3} s {floor_rate:>12.0} lines/s", took.as_secs_f64());
    let (stored, took) = ours::run_lines().await;
    let rate = stored as f64 / took.as_secs_f64();
    println!(
        "ours (masked, stored, indexed, announced)      {:>8.3} s {rate:>12.0} lines/s  ratio {:.2}  ({stored} lines in the log)",
        took.as_secs_f64(),
        rate / floor_rate
    );
}
