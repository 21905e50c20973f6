//! What runs leave behind.

use bollard::Docker;
use lp_tests::docker::labelled;
use lp_tests::press::Press;
use rustix::process::Pid;
use std::path::Path;

/// Fails when the engine holds a container, network or volume of that data folder.
pub async fn assert_engine_is_empty(docker: &Docker, press: &Press, whose: &str) {
    let owner = std::fs::read_to_string(press.data().join("folder-id")).unwrap();
    assert_eq!(labelled(docker, "letterpress.owner", owner.trim()).await, Vec::<String>::new(), "{whose}");
}

/// Fails when a step of that data folder still has processes or files on this computer.
pub fn assert_host_is_empty(press: &Press, whose: &str) {
    let processes: Vec<String> = processes_of_steps(press)
        .into_iter()
        .map(|pid| std::fs::read_to_string(format!("/proc/{}/cmdline", pid.as_raw_nonzero())).unwrap_or_default().replace('\0', " "))
        .collect();
    assert_eq!(processes, Vec::<String>::new(), "{whose}");
    let folders = std::fs::read_dir(press.data().join("host")).into_iter().flatten().flatten();
    let folders: Vec<String> = folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    assert_eq!(folders, Vec::<String>::new(), "{whose}");
}

/// Processes of steps that run on this computer: their environment says to which data folder they belong.
pub fn processes_of_steps(press: &Press) -> Vec<Pid> {
    let data = std::fs::canonicalize(press.data()).unwrap();
    let mark = format!("LETTERPRESS_ROOT={}", data.join("host").display());
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let marked = processes.filter(|entry| {
        let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
    });
    marked.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)).collect()
}

/// Fails when a file below the folder holds the bytes.
pub fn assert_no_file_holds(folder: &Path, bytes: &[u8]) {
    // What is read while others write may be gone in the next moment: that is no finding.
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => assert_no_file_holds(&path, bytes),
            Ok(kind) if kind.is_file() => {
                let content = std::fs::read(&path).unwrap_or_default();
                assert!(!content.windows(bytes.len()).any(|part| part == bytes), "{} holds the secret", path.display());
            }
            _ => {}
        }
    }
}
