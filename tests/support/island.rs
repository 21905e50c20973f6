//! A container engine of a test's own, with processes, network and mounts that nobody else sees: it can be killed, restarted, frozen and
//! cut from its power, and whatever was started in it ends with it. Only root can have one.

use bollard::Docker;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long an engine may take to answer. One that was killed first ends what still runs in its containers, ten seconds each.
const PATIENCE: Duration = Duration::from_secs(120);
/// How often it is asked whether it answers.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// What the world around the engine does: it only waits, and takes leave of processes that nobody else waits for.
const INIT: &str = "busybox ip link set lo up; echo up; while :; do sleep 86400 & wait; done";

/// An engine and the world around it. Its data lie on the disk and survive [`Island::cut_power`].
pub struct Island {
    /// Before the folder, so that everything has ended when that is removed.
    world: Option<World>,
    options: Vec<String>,
    folder: TempDir,
}

/// Processes, network and mounts of an island. They end with its first process.
struct World {
    unshare: Child,
    init: Pid,
    /// `nsenter`, which lives as long as the engine.
    engine: Option<Child>,
}

impl Island {
    /// An island with an engine that answers; `options` go to `dockerd`.
    ///
    /// # Panics
    /// When the test does not run as root, `dockerd`, `unshare`, `nsenter` or `busybox` is not installed, or the engine does not answer.
    pub async fn rise(options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a folder for the engine");
        let mut island = Self { world: None, options: options.iter().map(|option| (*option).to_owned()).collect(), folder };
        island.give_power().await;
        island
    }

    /// Where the engine listens, as `DOCKER_HOST` wants it.
    pub fn url(&self) -> String {
        format!("unix://{}", self.path("sock").display())
    }

    /// A client of the engine.
    pub fn docker(&self) -> Docker {
        Docker::connect_with_unix(&self.path("sock").display().to_string(), 60, bollard::API_DEFAULT_VERSION).expect("a path is an address")
    }

    /// Kills the engine and its containerd without a word. The programs in the containers go on.
    pub async fn kill_engine(&mut self) {
        for pid in self.engine_processes() {
            kill_process(pid, Signal::KILL).expect("it runs and is ours");
        }
        self.wait_for_the_end().await;
    }

    /// Asks the engine to end and waits until it has.
    pub async fn stop_engine(&mut self) {
        let daemon = self.engine_processes()[0];
        kill_process(daemon, Signal::TERM).expect("it runs and is ours");
        self.wait_for_the_end().await;
    }

    /// Stops the engine in the middle of whatever it does, without ending it: its socket takes connections and never answers.
    pub fn freeze_engine(&self) {
        kill_process(self.engine_processes()[0], Signal::STOP).expect("it runs and is ours");
    }

    /// Lets a frozen engine go on.
    pub fn thaw_engine(&self) {
        kill_process(self.engine_processes()[0], Signal::CONT).expect("it is ours");
        self.world.as_ref().expect("the engine runs").wake_nsenter();
    }

    /// Starts the engine, which must not run, and waits until it answers.
    ///
    /// # Panics
    /// When it does not answer.
    pub async fn start_engine(&mut self) {
        let log = fs::File::options().create(true).append(true).open(self.path("log")).expect("a file for its log");
        let world = self.world.as_mut().expect("an engine starts on an island that has power");
        let folder = self.folder.path();
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &world.init.as_raw_nonzero().to_string(), "--mount", "--pid", "--net", "dockerd"])
            .arg("--data-root")
            .arg(folder.join("data"))
            .arg("--exec-root")
            .arg(folder.join("exec"))
            .arg("--pidfile")
            .arg(folder.join("pid"))
            .arg("--host")
            .arg(format!("unix://{}", folder.join("sock").display()))
            // What is left of control groups after a power cut can be found and removed by this name.
            .args(["--exec-opt", "native.cgroupdriver=cgroupfs", "--cgroup-parent", &cgroup(folder)])
            .args(&self.options);
        let started = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        world.engine = Some(started.expect("`nsenter` can be started (on Debian: apt-get install util-linux)"));
        let answers = async {
            // A client needs a socket to begin with.
            while !self.path("sock").exists() || self.docker().ping().await.is_err() {
                let ended = self.world.as_mut().and_then(|world| world.engine.as_mut()?.try_wait().ok()?);
                assert!(ended.is_none(), "the engine of the island ended at once: {}", self.log());
                tokio::time::sleep(ASK_AGAIN).await;
            }
        };
        if tokio::time::timeout(PATIENCE, answers).await.is_err() {
            panic!("the engine of the island does not answer: {}", self.log());
        }
    }

    /// Ends every process of the island at once, the engine and the programs in its containers included: a computer that loses its power.
    pub fn cut_power(&mut self) {
        self.world = None;
    }

    /// The computer is switched on again: the engine starts with the data that it had.
    ///
    /// # Panics
    /// As [`Island::rise`].
    pub async fn give_power(&mut self) {
        // A computer that starts has no sockets and no numbers of processes of an earlier life.
        for leftover in ["pid", "sock"] {
            let _not_there = fs::remove_file(self.path(leftover));
        }
        let _not_there = fs::remove_dir_all(self.path("exec"));
        self.world = Some(World::begin());
        self.start_engine().await;
    }

    /// The engine's own words, for a test that fails.
    pub fn log(&self) -> String {
        let text = fs::read_to_string(self.path("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(40)..].join("\n")
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The engine, then its containerd.
    fn engine_processes(&self) -> Vec<Pid> {
        let engine = self.world.as_ref().and_then(|world| world.engine.as_ref()).expect("the engine of the island runs");
        let daemon = *children(engine.id()).first().expect("`nsenter` has the engine as its child");
        let helpers = children(daemon.as_raw_nonzero().get().unsigned_abs());
        let containerd = helpers.into_iter().filter(|pid| name_of(*pid) == "containerd");
        std::iter::once(daemon).chain(containerd).collect()
    }

    async fn wait_for_the_end(&mut self) {
        let engine = self.world.as_mut().and_then(|world| world.engine.take());
        let mut engine = engine.expect("the engine of the island runs");
        let ended = tokio::task::spawn_blocking(move || engine.wait()).await.expect("waiting does not panic");
        ended.expect("our own child");
    }
}

impl Drop for Island {
    fn drop(&mut self) {
        self.cut_power();
        remove_cgroups(&cgroup(self.folder.path()));
    }
}

impl World {
    fn begin() -> Self {
        let mut unshare = Command::new("unshare")
            .args(["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", INIT])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            // It complains when it is ended with its world.
            .stderr(Stdio::null())
            .spawn()
            .expect("`unshare` can be started (on Debian: apt-get install util-linux)");
        let mut said = String::new();
        BufReader::new(unshare.stdout.take().expect("piped")).read_line(&mut said).expect("a pipe can be read");
        assert_eq!(said, "up\n", "a test with an engine of its own runs as root, with `busybox` installed");
        let init = *children(unshare.id()).first().expect("it has just spoken");
        Self { unshare, init, engine: None }
    }

    /// `nsenter` stops when its child does, and would never take leave of it.
    fn wake_nsenter(&self) {
        let pid = self.engine.as_ref().and_then(|engine| Pid::from_raw(engine.id().cast_signed()));
        let _ended_already = pid.map(|pid| kill_process(pid, Signal::CONT));
    }
}

impl Drop for World {
    /// The kernel ends all processes of the island with the first one, before anyone can wait for that.
    fn drop(&mut self) {
        let _ended_already = kill_process(self.init, Signal::KILL);
        self.wake_nsenter();
        let _ended_already = self.unshare.wait();
        if let Some(engine) = &mut self.engine {
            let _ended_already = engine.wait();
        }
    }
}

/// Direct children of a process, oldest first.
pub(crate) fn children(process: u32) -> Vec<Pid> {
    let list = fs::read_to_string(format!("/proc/{process}/task/{process}/children")).unwrap_or_default();
    // A process whose threads make children has a list for each thread.
    let threads = fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let others = threads.filter_map(|thread| {
        let same = thread.file_name().to_str() == Some(&process.to_string());
        if same { None } else { fs::read_to_string(thread.path().join("children")).ok() }
    });
    let all: Vec<String> = std::iter::once(list).chain(others).collect();
    all.iter().flat_map(|list| list.split_whitespace()).filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
}

fn name_of(process: Pid) -> String {
    fs::read_to_string(format!("/proc/{}/comm", process.as_raw_nonzero())).unwrap_or_default().trim().to_owned()
}

/// Control group of the containers of an island.
fn cgroup(folder: &Path) -> String {
    format!("/lp-island-{}", folder.file_name().expect("a temporary folder has a name").to_string_lossy().trim_start_matches('.'))
}

/// Removes what a power cut left of control groups; they hold no processes any more.
fn remove_cgroups(name: &str) {
    let hierarchies = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
    for hierarchy in hierarchies.chain([PathBuf::from("/sys/fs/cgroup")]) {
        let group = hierarchy.join(name.trim_start_matches('/'));
        for inner in fs::read_dir(&group).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
            let _in_use_or_gone = fs::remove_dir(inner.path());
        }
        let _in_use_or_gone = fs::remove_dir(group);
    }
}
