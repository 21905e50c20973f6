//! Clocks and scales: time, memory and computing of this process.

use std::fs;
use std::time::Duration;

/// Bytes in the unit that memory is shown in.
const MB: f64 = (1 << 20) as f64;

/// Clock ticks a second in `/proc`: the same on every Linux that we run on.
const TICKS: f64 = 100.0;

/// The middle one, in seconds.
pub fn median(times: impl IntoIterator<Item = Duration>) -> f64 {
    let mut times: Vec<Duration> = times.into_iter().collect();
    times.sort();
    times[times.len() / 2].as_secs_f64()
}

/// Computing of this process so far, all threads, in user and system mode. Counted in hundredths of a second: to be taken over much work.
pub fn computing() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").expect("this is Linux");
    // The name of the program, in brackets, may hold anything.
    let (_, fields) = stat.rsplit_once(')').expect("the name stands in brackets");
    let field = |number: usize| fields.split_whitespace().nth(number - 3).and_then(|text| text.parse::<f64>().ok());
    let ticks = field(14).zip(field(15)).map(|(user, system)| user + system);
    Duration::from_secs_f64(ticks.expect("two numbers") / TICKS)
}

/// Memory of this process, in megabytes.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// Now.
    pub now: f64,
    /// The most since [`Memory::begin`].
    pub most: f64,
}

impl Memory {
    /// Now; from here on the most counts anew.
    pub fn begin() -> Self {
        fs::write("/proc/self/clear_refs", "5").expect("a process may forget its own high-water mark");
        Self::read()
    }

    /// As it stands.
    pub fn read() -> Self {
        let status = fs::read_to_string("/proc/self/status").expect("this is Linux");
        let bytes = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name)).expect("the line is there");
            line.trim().trim_end_matches(" kB").parse::<f64>().expect("a number") * 1024.0 / MB
        };
        Self { now: bytes("VmRSS:"), most: bytes("VmHWM:") }
    }
}
