//! Other programs that run such pipelines, where this machine has them.

use crate::measure::median;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Programs and the arguments that come before the file.
const PEERS: [(&str, &[&str]); 2] = [("drone", &["exec"]), ("woodpecker-cli", &["exec"])];

/// Seconds for a pipeline of so many steps with `true`, clean-up included, per peer; `None` where it is not installed. Blocks.
pub fn measure(steps: u32, times: usize) -> Vec<(&'static str, Option<f64>)> {
    PEERS.into_iter().map(|(program, arguments)| (program, is_installed(program).then(|| run(program, arguments, steps, times)))).collect()
}

fn is_installed(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

fn run(program: &str, arguments: &[&str], steps: u32, times: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let repository = folder.path().join("bench");
    std::fs::create_dir(&repository).expect("our own folder");
    git2::Repository::init(&repository).expect("git works");
    // The oldest form, which all of them read.
    let step = |number| format!("  s{number}: {{image: alpine, pull: false, commands: ['true']}}\n");
    let pipeline = format!("clone: {{}}\npipeline:\n{}", (1..=steps).map(step).collect::<String>());
    lp_tests::press::commit(&repository, &[(".drone.yml", &pipeline)]);
    median((0..times).map(|_| exec(program, arguments, &repository)))
}

fn exec(program: &str, arguments: &[&str], repository: &Path) -> Duration {
    let begun = Instant::now();
    let status = Command::new(program).args(arguments).arg(".drone.yml").current_dir(repository).stdout(Stdio::null()).status();
    assert!(status.is_ok_and(|status| status.success()), "`{program}` runs the pipeline");
    begun.elapsed()
}
