//! Which processes belong to a step, a stage or a dead run, and how they are ended.
//!
//! A process is kin when it carries our marks in the environment it was started with, when it is in the session of the step's own
//! process or of another kin, or when it descends from such a one. The marks find what has left the session (`setsid`) and what
//! is left after a crash of the app; session and descent find what was started with an empty environment. Only what cleans its
//! environment, leaves the session *and* loses its parent escapes. Making the app the reaper of all orphans
//! (`PR_SET_CHILD_SUBREAPER`) would find that too, but holds for the whole process: the app would then have to reap the
//! orphans of the window's web view as well.

use crate::folder::Root;
use crate::mark;
use lp_backend::BackendError;
use lp_model::{RunId, StageNumber};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, getpid, pidfd_open, pidfd_send_signal};
use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::time::{Instant, timeout, timeout_at};

/// A killed process ends at once, unless the kernel holds it (a dead network file system): then we say so instead of waiting.
const KILL_DEADLINE: Duration = Duration::from_secs(10);

/// A new program's memory is filled in microseconds, or a little later on a busy machine. What has really no environment and computes
/// all the time holds us up for as long.
const EXEC_DEADLINE: Duration = Duration::from_millis(500);

/// How often it is looked whether something new has come while all are asked to end.
const ASK_AGAIN: Duration = Duration::from_millis(100);

/// What ties the processes together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One attempt of a step, by its name.
    Step(String),
    /// All steps of a stage.
    Stage {
        /// Of this run.
        run: RunId,
        /// Its number.
        stage: StageNumber,
    },
    /// Steps of all runs but these.
    RunsBut(Vec<RunId>),
}

/// A description of processes that belong together: not a list, because they come and go.
#[derive(Debug, Clone)]
pub(crate) struct Kin {
    root: Root,
    scope: Scope,
    leader: Option<Pid>,
}

/// A process as it was seen. Its number alone may belong to another process a moment later; with its start time it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    pid: Pid,
    start: u64,
    /// Kin have made it: the step's own process has one for itself. Nobody else gets its number while one of them is in it.
    session: Option<Pid>,
    /// Name of its program as the kernel keeps it: another one after `exec`.
    name: [u8; 15],
}

impl Kin {
    pub(crate) fn new(root: &Root, scope: Scope) -> Self {
        Self { root: root.clone(), scope, leader: None }
    }

    /// Also what is in the session that `leader` made. Only while `leader` is not reaped: then no other session has its number.
    pub(crate) fn with_session(mut self, leader: Pid) -> Self {
        self.leader = Some(leader);
        self
    }

    /// Asks all to end (TERM), also those that appear meanwhile, and returns when none is left. For ever, when one does not want to.
    ///
    /// Each program is asked once: to many a second TERM means "at once". But a process that has become another program since is
    /// asked again, because between fork and exec a shell's child takes a signal with the shell's own trap, and loses it.
    pub(crate) async fn ask(&self) -> Result<(), BackendError> {
        let mut asked = HashSet::new();
        let mut seen = Vec::new();
        loop {
            seen = self.find(&seen).await?;
            if seen.is_empty() {
                return Ok(());
            }
            let handles = open(&seen)?;
            for (seen, handle) in &handles {
                if asked.insert(*seen) {
                    signal(handle, Signal::TERM)?;
                }
            }
            // Too long means only that it is time to look again.
            timeout(ASK_AGAIN, gone(handles)).await.unwrap_or(Ok(()))?;
        }
    }

    /// Kills all, also those that appear meanwhile. Returns in words what could not be ended.
    pub(crate) async fn kill(&self) -> Result<Vec<String>, BackendError> {
        let deadline = Instant::now() + KILL_DEADLINE;
        let mut seen = Vec::new();
        loop {
            seen = self.find(&seen).await?;
            if seen.is_empty() {
                return Ok(Vec::new());
            }
            let mut handles = open(&seen)?;
            // What runs as somebody else (`sudo`) we may not end.
            let mut refused = Vec::new();
            for index in (0..handles.len()).rev() {
                if !signal(&handles[index].1, Signal::KILL)? {
                    refused.push(handles.swap_remove(index).0);
                }
            }
            let killed = !handles.is_empty() || refused.is_empty();
            if !killed || timeout_at(deadline, gone(handles)).await.is_err() {
                return Ok(seen.iter().map(|seen| format!("process {}", seen.pid.as_raw_nonzero())).collect());
            }
        }
    }

    /// Those that are there now and have not ended. `before` is what was found a moment ago: what one of these has started while it
    /// was being ended has no parent any more, but it is in the same session.
    async fn find(&self, before: &[Seen]) -> Result<Vec<Seen>, BackendError> {
        let kin = self.clone();
        let sessions = self.leader.into_iter().chain(before.iter().filter_map(|seen| seen.session)).collect();
        crate::blocking("list the processes of the step", move || kin.scan(&sessions)).await
    }

    fn scan(&self, sessions: &HashSet<Pid>) -> io::Result<Vec<Seen>> {
        let me = getpid();
        let mut members = Vec::new();
        let mut children: HashMap<Pid, Vec<Seen>> = HashMap::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else { continue };
            // Ended since the list was made.
            let Some(stat) = Stat::read(pid) else { continue };
            if pid == me || stat.is_zombie {
                continue;
            }
            let seen = Seen { pid, start: stat.start, session: stat.session, name: stat.name };
            if let Some(parent) = stat.parent {
                children.entry(parent).or_default().push(seen);
            }
            if stat.session.is_some_and(|session| sessions.contains(&session)) || self.is_marked(pid) {
                members.push(seen);
            }
        }
        let mut known: HashSet<Pid> = members.iter().map(|seen| seen.pid).collect();
        // The step's own process counts as a parent also as a zombie, which is no member any more.
        let mut parents: Vec<Pid> = known.iter().copied().chain(self.leader).collect();
        while let Some(parent) = parents.pop() {
            for child in children.get(&parent).into_iter().flatten() {
                if known.insert(child.pid) {
                    members.push(*child);
                    parents.push(child.pid);
                }
            }
        }
        Ok(members)
    }

    /// Whether it was started with the marks of our scope. What may not be read belongs to somebody else.
    fn is_marked(&self, pid: Pid) -> bool {
        let Some(environment) = environment(pid) else { return false };
        let value = |name: &str| {
            let mut lines = environment.split(|byte| *byte == 0);
            lines.find_map(|line| line.strip_prefix(name.as_bytes())?.strip_prefix(b"="))
        };
        let Some(step) = value(mark::STEP_VARIABLE).and_then(|step| std::str::from_utf8(step).ok()) else { return false };
        if value(mark::ROOT_VARIABLE) != Some(self.root.path().as_os_str().as_bytes()) {
            return false;
        }
        match &self.scope {
            Scope::Step(name) => step == name,
            Scope::Stage { run, stage } => mark::parse_step(step).is_some_and(|(r, s)| r == *run && s == *stage),
            Scope::RunsBut(live) => mark::parse_step(step).is_some_and(|(run, _)| !live.contains(&run)),
        }
    }
}

/// What a process was started with; nothing when it has ended or belongs to somebody else.
///
/// In the middle of an exec the kernel shows nothing, or only a part: the old program's memory is gone, the new one's not filled yet.
/// Then it is read again, or a step that happens to become another program at that moment would not be found, and live on.
fn environment(pid: Pid) -> Option<Vec<u8>> {
    let deadline = std::time::Instant::now() + EXEC_DEADLINE;
    loop {
        let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_nonzero())).ok()?;
        let stat = Stat::read(pid)?;
        let is_whole = match stat.environment {
            Some(bytes) if bytes > 0 => environment.len() as u64 == bytes,
            // Started without any. In an exec it looks so too for a moment, but then it runs (or waits for the disk), it never sleeps.
            Some(_) => environment.is_empty() && stat.is_asleep,
            None => stat.is_kernel_thread,
        };
        if is_whole || std::time::Instant::now() > deadline {
            return Some(environment);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Becomes readable when the process has ended, before anyone has reaped it.
pub(crate) fn watch(pid: Pid) -> io::Result<AsyncFd<OwnedFd>> {
    #[allow(deprecated, reason = "its successor is `unsafe` for types that may change their descriptor; `OwnedFd` never does")]
    AsyncFd::with_interest(pidfd_open(pid, PidfdFlags::empty())?, Interest::READABLE)
}

/// Handles on those that are still there: from here on no other process can be meant.
fn open(seen: &[Seen]) -> Result<Vec<(Seen, AsyncFd<OwnedFd>)>, BackendError> {
    let mut handles = Vec::new();
    for seen in seen {
        match watch(seen.pid) {
            Ok(handle) => {
                // Opened by number: it is the one that was seen only if its start time still stands there now.
                if Stat::read(seen.pid).is_some_and(|stat| stat.start == seen.start) {
                    handles.push((*seen, handle));
                }
            }
            Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => {}
            Err(error) => return Err(crate::call_error("watch a process of the step", &error)),
        }
    }
    Ok(handles)
}

/// Sends a signal. False when we may not.
fn signal(handle: &AsyncFd<OwnedFd>, signal: Signal) -> Result<bool, BackendError> {
    match pidfd_send_signal(handle.get_ref(), signal) {
        Ok(()) | Err(Errno::SRCH) => Ok(true),
        Err(Errno::PERM) => Ok(false),
        Err(error) => Err(crate::call_error("signal a process of the step", &error.into())),
    }
}

/// Waits until all have ended.
async fn gone(handles: Vec<(Seen, AsyncFd<OwnedFd>)>) -> Result<(), BackendError> {
    for (_, handle) in handles {
        handle.readable().await.map_err(|error| crate::call_error("wait for a process of the step", &error))?.retain_ready();
    }
    Ok(())
}

/// What `/proc/PID/stat` says, as far as it is needed.
struct Stat {
    is_zombie: bool,
    parent: Option<Pid>,
    session: Option<Pid>,
    start: u64,
    name: [u8; 15],
    /// Bytes of the environment that it was started with; `None` while it has none yet.
    environment: Option<u64>,
    /// It neither runs nor waits for the disk.
    is_asleep: bool,
    is_kernel_thread: bool,
}

/// Flag of the kernel's own threads, which have no memory, from the kernel's `include/linux/sched.h`.
const PF_KTHREAD: u64 = 0x0020_0000;

impl Stat {
    fn read(pid: Pid) -> Option<Self> {
        Self::parse(&fs::read(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?)
    }

    /// `PID (name) STATE PPID PGRP SESSION …`, see proc(5). The name is anything at all, so fields count from its last bracket.
    fn parse(stat: &[u8]) -> Option<Self> {
        let before = stat.iter().position(|byte| *byte == b'(')? + 1;
        let after = stat.iter().rposition(|byte| *byte == b')')?;
        let text = std::str::from_utf8(&stat[after + 1..]).ok()?;
        let mut name = [0; 15];
        name.iter_mut().zip(stat.get(before..after)?).for_each(|(kept, byte)| *kept = *byte);
        let fields: Vec<&str> = text.split_ascii_whitespace().collect();
        let pid = |index: usize| fields.get(index)?.parse().ok().and_then(Pid::from_raw);
        let number = |index: usize| fields.get(index)?.parse::<u64>().ok();
        Some(Self {
            is_zombie: matches!(*fields.first()?, "Z" | "X"),
            parent: pid(1),
            session: pid(3),
            start: fields.get(19)?.parse().ok()?,
            name,
            environment: number(47).filter(|start| *start > 0).and_then(|start| number(48)?.checked_sub(start)),
            is_asleep: !matches!(*fields.first()?, "R" | "D"),
            is_kernel_thread: number(6).is_none_or(|flags| flags & PF_KTHREAD != 0),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stat_line_is_read_past_any_name() {
        let line = b"42 (a) R 1 (\xff) S 7 42 41 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 987654 1 1 1";
        let stat = Stat::parse(line).unwrap();
        assert_eq!((stat.is_zombie, stat.start, &stat.name), (false, 987_654, b"a) R 1 (\xff\0\0\0\0\0\0"));
        assert_eq!((stat.parent, stat.session), (Pid::from_raw(7), Pid::from_raw(41)));
        assert!(Stat::parse(b"42 (a) Z 0 0 0 0 -1 0 1 0 0 0 0 0 0 0 20 0 1 0 5 1 1 1").unwrap().is_zombie);
        assert!(Stat::parse(b"").is_none() && Stat::parse(b"42 (a) S 1").is_none());
    }

    #[test]
    fn what_becomes_another_program_just_now_is_found() {
        let temp = tempfile::tempdir().unwrap();
        let root = Root::find(temp.path()).unwrap();
        let kin = Kin::new(&root, Scope::RunsBut(Vec::new()));
        let script = temp.path().join("again.sh");
        fs::write(&script, "exec /bin/sh \"$0\"\n").unwrap();
        let mut child = std::process::Command::new("/bin/sh")
            .arg(&script)
            .env(mark::STEP_VARIABLE, "lp-run-1-1-1-1")
            .env(mark::ROOT_VARIABLE, root.path())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        let found = (0..800).filter(|_| kin.scan(&HashSet::new()).unwrap().iter().any(|seen| seen.pid == pid)).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, 800);
    }

    #[test]
    fn our_own_process_is_never_kin() {
        let temp = tempfile::tempdir().unwrap();
        let root = Root::find(temp.path()).unwrap();
        let session = rustix::process::getsid(None).unwrap();
        let kin = Kin::new(&root, Scope::RunsBut(Vec::new()));
        assert!(kin.scan(&HashSet::from([session])).unwrap().iter().all(|seen| seen.pid != getpid()));
        assert!(kin.scan(&HashSet::new()).unwrap().is_empty());
    }
}
