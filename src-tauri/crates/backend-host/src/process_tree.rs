//! Which processes belong to a step, a stage or a dead run, and how they are ended.
//!
//! A process belongs to a step when it carries our marks in the environment it was started with, when it is in the session of the step's program
//! or supervisor or of another process of it, or when it descends from such a one. The marks find what has left the session (`setsid`) and what
//! is left after a crash of the app; session and descent find what was started with an empty environment. Only what cleans its
//! environment, leaves the session *and* loses its parent escapes. Making the app the reaper of all orphans
//! (`PR_SET_CHILD_SUBREAPER`) would find that too, but holds for the whole process: the app would then have to reap the
//! orphans of the window's web view as well.

use crate::folder::Root;
use crate::mark;
use lp_backend::BackendError;
use lp_model::{Message, message};
use lp_model::{RunId, StageNumber};
use rustix::event::{PollFd, PollFlags, Timespec};
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
pub(crate) struct ProcessTree {
    root: Root,
    scope: Scope,
    leaders: Vec<Process>,
    ended: Option<u64>,
    spared: Vec<Process>,
}

/// One process for good: its number alone may belong to another one a moment later. Only within one start of the computer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    pid: Pid,
    /// When it was made, in ticks (hundredths of a second) since the computer was started.
    start: u64,
}

/// Becomes readable when the process has ended, also before anyone has reaped it.
pub(crate) type Watch = AsyncFd<OwnedFd>;

impl Process {
    /// From a line as in `/proc/PID/stat`.
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        let number = line.split(|byte| *byte == b' ').next()?;
        let pid = Pid::from_raw(std::str::from_utf8(number).ok()?.parse().ok()?)?;
        Some(Self { pid, start: Stat::parse(line)?.start })
    }

    /// The one that has this number now.
    pub(crate) fn of(pid: Pid) -> Option<Self> {
        Some(Self { pid, start: Stat::read(pid)?.start })
    }

    pub(crate) fn pid(self) -> Pid {
        self.pid
    }

    /// A handle on it; `None` when it has ended and was reaped.
    pub(crate) fn watch(self) -> io::Result<Option<Watch>> {
        match watch(self.pid) {
            // Opened by number: it is the one that is meant only if its start time still stands there now.
            Ok(handle) => Ok((Self::of(self.pid) == Some(self)).then_some(handle)),
            Err(error) if Errno::from_io_error(&error) == Some(Errno::SRCH) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether it waits for something other than the disk.
    pub(crate) fn is_asleep(self) -> bool {
        Stat::read(self.pid).is_some_and(|stat| stat.start == self.start && stat.is_asleep)
    }
}

/// Waits until the process has ended.
pub(crate) async fn end_of(watch: &Watch) -> Result<(), BackendError> {
    watch.readable().await.map_err(|error| crate::call_error(message!("wait for a process of the step"), &error))?.retain_ready();
    Ok(())
}

/// Whether the process has ended by now. Asked of the system: the runtime may not have heard yet.
pub(crate) fn has_ended(watch: &Watch) -> bool {
    // An error says that there is nothing to wait for.
    let mut poll = [PollFd::new(watch.get_ref(), PollFlags::IN)];
    rustix::event::poll(&mut poll, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })) != Ok(0)
}

/// Ends it at once, without any chance to react.
pub(crate) fn kill(watch: &Watch) -> Result<(), BackendError> {
    signal(watch, Signal::KILL).map(|_| ())
}

/// A process as it was seen. Its number alone may belong to another process a moment later; with its start time it does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Seen {
    pid: Pid,
    start: u64,
    /// ProcessTree have made it: the step's own process has one for itself. Nobody else gets its number while one of them is in it.
    session: Option<Pid>,
    /// Name of its program as the kernel keeps it: another one after `exec`.
    name: [u8; 15],
}

impl ProcessTree {
    pub(crate) fn new(root: &Root, scope: Scope) -> Self {
        Self { root: root.clone(), scope, leaders: Vec::new(), ended: None, spared: Vec::new() }
    }

    /// Also what is in the sessions that `leaders` made, or descends from them. `ended` tells when the
    /// last of them has ended, in ticks.
    pub(crate) fn with_sessions(mut self, leaders: impl IntoIterator<Item = Process>, ended: Option<u64>) -> Self {
        self.leaders.extend(leaders);
        self.ended = ended;
        self
    }

    /// But not these.
    pub(crate) fn sparing(mut self, spared: impl IntoIterator<Item = Process>) -> Self {
        self.spared.extend(spared);
        self
    }

    /// Really all of them.
    pub(crate) fn sparing_nobody(mut self) -> Self {
        self.spared.clear();
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
    pub(crate) async fn kill(&self) -> Result<Vec<Message>, BackendError> {
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
                return Ok(seen.iter().map(|seen| message!("process {}", seen.pid.as_raw_nonzero().get())).collect());
            }
        }
    }

    /// Those that are there now and have not ended. `before` is what was found a moment ago: what one of these has started while it
    /// was being ended has no parent any more, but it is in the same session.
    async fn find(&self, before: &[Seen]) -> Result<Vec<Seen>, BackendError> {
        let tree = self.clone();
        let sessions = before.iter().filter_map(|seen| seen.session).collect();
        crate::blocking(message!("list the processes of the step"), move || tree.scan(&sessions)).await
    }

    fn scan(&self, sessions: &HashSet<Pid>) -> io::Result<Vec<Seen>> {
        let me = getpid();
        let mut all = Vec::new();
        let mut children: HashMap<Pid, Vec<Seen>> = HashMap::new();
        let mut leaders = HashSet::new();
        for entry in fs::read_dir("/proc")? {
            let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse().ok()).and_then(Pid::from_raw) else { continue };
            // Ended since the list was made.
            let Some(stat) = Stat::read(pid) else { continue };
            let process = Process { pid, start: stat.start };
            // Also as a zombie, which is no member any more: while it is there, nobody else has its number.
            if self.leaders.contains(&process) {
                leaders.insert(pid);
            }
            if pid == me || stat.is_zombie || self.spared.contains(&process) {
                continue;
            }
            let seen = Seen { pid, start: stat.start, session: stat.session, name: stat.name };
            if let Some(parent) = stat.parent {
                children.entry(parent).or_default().push(seen);
            }
            all.push(seen);
        }
        let own = self.own_sessions(&leaders, &all);
        let is_ours = |session: Pid| sessions.contains(&session) || own.contains(&session);
        let mut members: Vec<Seen> = all.into_iter().filter(|seen| seen.session.is_some_and(is_ours) || self.is_marked(seen.pid)).collect();
        let mut known: HashSet<Pid> = members.iter().map(|seen| seen.pid).collect();
        let mut parents: Vec<Pid> = known.iter().copied().chain(leaders).collect();
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

    /// Sessions that the leaders made and nobody else has now. A session's number belongs to it while anyone is in it; after that the system
    /// gives it to somebody else. So either the leader itself is there, or somebody who came in while it lived: such a one was never
    /// in another session, and has held the number since.
    fn own_sessions(&self, present: &HashSet<Pid>, all: &[Seen]) -> HashSet<Pid> {
        let is_held = |leader: &Process| {
            let came_in = |seen: &Seen| {
                seen.session == Some(leader.pid) && seen.start >= leader.start && self.ended.is_some_and(|ended| seen.start <= ended)
            };
            present.contains(&leader.pid) || all.iter().any(came_in)
        };
        self.leaders.iter().filter(|leader| is_held(leader)).map(|leader| leader.pid).collect()
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

fn watch(pid: Pid) -> io::Result<Watch> {
    #[allow(deprecated, reason = "its successor is `unsafe` for types that may change their descriptor; `OwnedFd` never does")]
    AsyncFd::with_interest(pidfd_open(pid, PidfdFlags::empty())?, Interest::READABLE)
}

/// Handles on those that are still there: from here on no other process can be meant.
fn open(seen: &[Seen]) -> Result<Vec<(Seen, Watch)>, BackendError> {
    let mut handles = Vec::new();
    for seen in seen {
        let process = Process { pid: seen.pid, start: seen.start };
        let handle = process.watch().map_err(|error| crate::call_error(message!("watch a process of the step"), &error))?;
        handles.extend(handle.map(|handle| (*seen, handle)));
    }
    Ok(handles)
}

/// Sends a signal. False when we may not.
fn signal(handle: &Watch, signal: Signal) -> Result<bool, BackendError> {
    match pidfd_send_signal(handle.get_ref(), signal) {
        Ok(()) | Err(Errno::SRCH) => Ok(true),
        Err(Errno::PERM) => Ok(false),
        Err(error) => Err(crate::call_error(message!("signal a process of the step"), &error.into())),
    }
}

/// Waits until all have ended.
async fn gone(handles: Vec<(Seen, Watch)>) -> Result<(), BackendError> {
    for (_, handle) in handles {
        end_of(&handle).await?;
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
        let tree = ProcessTree::new(&root, Scope::RunsBut(Vec::new()));
        let script = temp.path().join("again.sh");
        fs::write(&script, "exec /bin/sh \"$0\"\n").unwrap();
        let mut child = std::process::Command::new("/bin/sh")
            .arg(&script)
            .env(mark::STEP_VARIABLE, "lp-run-1-1-1-1")
            .env(mark::ROOT_VARIABLE, root.path())
            .spawn()
            .unwrap();
        let pid = Pid::from_child(&child);
        let found = (0..800).filter(|_| tree.scan(&HashSet::new()).unwrap().iter().any(|seen| seen.pid == pid)).count();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(found, 800);
    }

    #[test]
    fn a_session_is_ours_only_while_one_of_ours_holds_its_number() {
        let temp = tempfile::tempdir().unwrap();
        let root = Root::find(temp.path()).unwrap();
        let pid = |number| Pid::from_raw(number).unwrap();
        let member = |number, start| Seen { pid: pid(number), start, session: Some(pid(50)), name: [0; 15] };
        let leader = Process { pid: pid(50), start: 1000 };
        let sessions = |ended: Option<u64>, present: &[Pid], all: &[Seen]| {
            let tree = ProcessTree::new(&root, Scope::RunsBut(Vec::new())).with_sessions([leader], ended);
            !tree.own_sessions(&present.iter().copied().collect(), all).is_empty()
        };
        assert!(sessions(None, &[pid(50)], &[]), "it is there itself");
        assert!(sessions(Some(2000), &[], &[member(60, 1500)]), "one that it has made");
        assert!(sessions(Some(2000), &[], &[member(70, 2500), member(60, 1500)]), "and who came later is with that one");
        assert!(!sessions(Some(2000), &[], &[member(70, 2500)]), "the number was given to somebody else");
        assert!(!sessions(Some(2000), &[], &[member(70, 500)]), "and had been somebody else's before");
        assert!(!sessions(None, &[], &[member(60, 1500)]), "nobody knows");
    }

    #[test]
    fn our_own_process_is_never_kin() {
        let temp = tempfile::tempdir().unwrap();
        let root = Root::find(temp.path()).unwrap();
        let session = rustix::process::getsid(None).unwrap();
        let tree = ProcessTree::new(&root, Scope::RunsBut(Vec::new()));
        assert!(tree.scan(&HashSet::from([session])).unwrap().iter().all(|seen| seen.pid != getpid()));
        assert!(tree.scan(&HashSet::new()).unwrap().is_empty());
    }
}
