//! `./dev bench`: prints what the machine's engine takes when it is called directly, to measure ours against.
#![allow(clippy::print_stdout)]

mod floor;

#[tokio::main]
async fn main() {
    println!("engine API floor (create, attach, start, wait, remove; one after the other)");
    for steps in [1, 5, 20] {
        let took = floor::floor_steps(steps).await;
        println!(
            "{steps:>4} `true` steps  {:>8.3} s  {:>7.0} ms per step",
            took.as_secs_f64(),
            took.as_secs_f64() * 1000.0 / f64::from(steps)
        );
    }
    let (lines, took) = floor::floor_lines().await;
    println!(
        "{lines} lines of {} bytes  {:.3} s  {:.0} lines per second",
        floor::LINE_BYTES,
        took.as_secs_f64(),
        lines as f64 / took.as_secs_f64()
    );
}
