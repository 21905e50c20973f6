//! Asking all programs of a step to end, not only the first one.
//!
//! The engine's `stop` sends TERM to the first process of the container alone, and the kernel withholds it from a first process that has
//! no reaction of its own to it. For a step with commands that is the shell: `npm test` below it would never hear of the cancel, and
//! each cancel would take the whole grace time. So a second shell in the same container sends it to everyone.

use crate::connect::ContainerEngine;
use crate::error;
use bollard::errors::Error;
use bollard::exec::StartExecResults;
use bollard::models::ExecConfig;
use futures_util::StreamExt as _;
use std::time::Duration;

/// Running a program in a container takes a tenth of a second. Whoever takes much longer gets the engine's own `stop` instead.
const ASK_LIMIT: Duration = Duration::from_secs(10);

/// First to the first process: a trap of its shell must have the signal before it sees what it waited for end. Then to all others
/// but this shell, immediately, so that what a trap starts to clean up is not asked to end too. Everyone gets it once: to many programs
/// a second TERM means "at once".
const ASK_ALL: &str = "kill -TERM 1 || exit 1; kill -TERM -1; exit 0";

/// Sends TERM to all processes of a container that has a shell. False when it could not be done or did not work.
pub(crate) async fn ask_all(engine: &ContainerEngine, container: &str) -> bool {
    match tokio::time::timeout(ASK_LIMIT, signal_all(engine, container)).await {
        Ok(Ok(asked)) => asked,
        Ok(Err(refused)) => {
            tracing::debug!(container, "cannot ask its programs to end: {}", error::message(&refused));
            false
        }
        Err(_) => false,
    }
}

async fn signal_all(engine: &ContainerEngine, container: &str) -> Result<bool, Error> {
    let found = engine.docker.inspect_container(container, None).await?;
    let processes = found.host_config.and_then(|host| host.pid_mode);
    if !has_processes_of_its_own(processes.as_deref()) {
        return Ok(false);
    }
    let shell = ["/bin/sh", "-c", ASK_ALL].map(str::to_owned).to_vec();
    let config = ExecConfig { cmd: Some(shell), attach_stdout: Some(true), attach_stderr: Some(true), ..Default::default() };
    let exec = engine.docker.create_exec(container, config).await?;
    if let StartExecResults::Attached { mut output, .. } = engine.docker.start_exec(&exec.id, None).await? {
        // It prints nothing that anyone needs; the end of its output is its end.
        while let Some(Ok(_)) = output.next().await {}
    }
    Ok(engine.docker.inspect_exec(&exec.id).await?.exit_code == Some(0))
}

/// Whether "all processes" are those of the container. Podman can be configured to let containers see the computer's: there it would be
/// everything that the user runs.
fn has_processes_of_its_own(pid_mode: Option<&str>) -> bool {
    matches!(pid_mode, None | Some("" | "private"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_containers_own_processes_are_asked() {
        let table = [(None, true), (Some(""), true), (Some("private"), true), (Some("host"), false), (Some("container:x"), false)];
        for (mode, expected) in table {
            assert_eq!(has_processes_of_its_own(mode), expected, "{mode:?}");
        }
    }
}
