//! Podman's service, started by the app: where Podman is installed and no engine answers, steps run isolated all the same, without any set-up.
//!
//! The service listens in a folder of this data folder's own. Every process that uses it holds a shared lock there; the last one ends the service
//! with its whole process group, whoever started it. A process that is killed leaves the service behind: the next one finds it by its socket, uses
//! it, and ends it by the number that was written down, once that has proved to be a service on this very socket. The containers are not in that
//! group and go on without it.

use lp_backend_docker::EngineAddress;
use lp_model::{Message, message};
use process_wrap::tokio::{ChildWrapper, CommandWrap, ProcessSession};
use rustix::process::{Pid, Signal, kill_process_group};
use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How long it may take until it answers; usually it does after 80 ms.
const START_LIMIT: Duration = Duration::from_secs(20);
/// How long it may take to end after it was asked to.
const END_LIMIT: Duration = Duration::from_secs(5);
/// How often it is looked whether it has come or gone.
const LOOK_AGAIN: Duration = Duration::from_millis(10);
/// How long nobody tries again after it could not be started.
const PAUSE: Duration = Duration::from_secs(30);
/// Longest path of a socket that every system takes.
const LONGEST_SOCKET: usize = 100;

/// The service, of this process and of all others on the data folder.
pub(super) struct PodmanService {
    program: PathBuf,
    place: Place,
    environment: BTreeMap<String, String>,
    use_of_it: tokio::sync::Mutex<Use>,
    /// Why it could not be started.
    problem: Mutex<Option<Message>>,
}

#[derive(Default)]
struct Use {
    /// Locked as long as this process uses it.
    users: Option<File>,
    /// Ours to reap, if we have started it.
    child: Option<Box<dyn ChildWrapper>>,
    failed: Option<Instant>,
}

/// Where it lives.
#[derive(Debug, Clone)]
struct Place(PathBuf);

impl Place {
    fn socket(&self) -> PathBuf {
        self.0.join("podman.sock")
    }

    fn url(&self) -> String {
        format!("unix://{}", self.socket().display())
    }

    /// Its process number.
    fn number(&self) -> PathBuf {
        self.0.join("podman.pid")
    }

    fn words(&self) -> PathBuf {
        self.0.join("podman.log")
    }

    fn file(&self, name: &str) -> io::Result<File> {
        File::options().create(true).truncate(false).write(true).open(self.0.join(name))
    }

    fn answers(&self) -> bool {
        std::os::unix::net::UnixStream::connect(self.socket()).is_ok()
    }

    /// The process that was written down, if it is a service on this socket.
    fn process(&self) -> Option<Pid> {
        let number = fs::read_to_string(self.number()).ok()?.trim().parse().ok()?;
        let arguments = fs::read(format!("/proc/{number}/cmdline")).ok()?;
        let is_ours = arguments.split(|byte| *byte == 0).any(|argument| argument == self.url().as_bytes());
        Pid::from_raw(number).filter(|_| is_ours)
    }
}

impl PodmanService {
    /// Where Podman is installed and can run containers of this computer.
    pub fn find(environment: &BTreeMap<String, String>, data_folder: &Path, folder_id: &str) -> Option<Self> {
        let path = environment.get("PATH")?;
        let program = std::env::split_paths(path).map(|folder| folder.join("podman")).find(|file| file.is_file())?;
        // Not below the data folder where there is a place for sockets: their paths are short.
        let folder = match environment.get("XDG_RUNTIME_DIR").filter(|folder| !folder.is_empty()) {
            Some(runtime) if cfg!(target_os = "linux") => Path::new(runtime).join("letterpress").join(folder_id),
            None if cfg!(target_os = "linux") => data_folder.join("podman"),
            // Elsewhere Podman's containers run in a machine that the user starts.
            _ => return None,
        };
        let environment = environment.clone();
        Some(Self { program, place: Place(folder), environment, use_of_it: tokio::sync::Mutex::default(), problem: Mutex::default() })
    }

    /// Where it listens.
    pub fn address(&self) -> EngineAddress {
        EngineAddress::new(self.place.url())
    }

    /// Why it could not be started, the last time that was tried.
    pub fn problem(&self) -> Option<Message> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether one runs, whoever started it.
    pub fn is_up(&self) -> bool {
        self.place.answers()
    }

    /// Uses the service, starting it where it does not run. Whether it answers.
    pub async fn start(&self) -> bool {
        let mut this = self.use_of_it.lock().await;
        if this.users.is_some() && self.place.answers() {
            return true;
        }
        if this.failed.is_some_and(|failed| failed.elapsed() < PAUSE) {
            return false;
        }
        let started = self.bring_up(&mut this).await;
        this.failed = started.is_err().then(Instant::now);
        let is_up = started.is_ok();
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = started.err();
        is_up
    }

    async fn bring_up(&self, this: &mut Use) -> Result<(), Message> {
        let not_started = |problem: io::Error| message!("the service of Podman cannot be started: {}", problem);
        if self.place.socket().as_os_str().len() > LONGEST_SOCKET {
            let path = self.place.socket().display().to_string();
            return Err(message!("the service of Podman cannot be started: the path `{}` is too long for a socket", path));
        }
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.place.0).map_err(not_started)?;
        if this.users.is_none() {
            // Waits while the last user before is just ending it.
            this.users = Some(locked(self.place.file("users.lock").map_err(not_started)?, File::lock_shared).await.map_err(not_started)?);
        }
        let _one_at_a_time = locked(self.place.file("start.lock").map_err(not_started)?, File::lock).await.map_err(not_started)?;
        if self.place.answers() {
            return Ok(());
        }
        // One that is there and does not answer.
        end_group(&self.place).await;
        let words = File::create(self.place.words()).map_err(not_started)?;
        let mut command = CommandWrap::with_new(&self.program, |command| {
            command.args(["system", "service", "--time=0"]).arg(self.place.url());
            command.current_dir(&self.place.0).env_clear().envs(&self.environment);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
        });
        // A group of its own, which the app can end as a whole, and which no terminal ends with us.
        command.wrap(ProcessSession);
        let mut child = command.spawn().map_err(not_started)?;
        let number = child.id().ok_or_else(|| not_started(io::ErrorKind::NotFound.into()))?;
        fs::write(self.place.number(), number.to_string()).map_err(not_started)?;
        let begun = Instant::now();
        while !self.place.answers() {
            let has_ended = !matches!(child.try_wait(), Ok(None));
            if has_ended || begun.elapsed() > START_LIMIT {
                end_group(&self.place).await;
                let words = fs::read_to_string(self.place.words()).unwrap_or_default();
                let last = words.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or_default().trim().to_owned();
                return Err(message!("the service of Podman was started and does not answer: {}", last));
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        tracing::info!(took = ?begun.elapsed(), "the service of Podman was started");
        this.child = Some(child);
        Ok(())
    }

    /// Uses it no more; the last user ends it.
    pub async fn end(&self) {
        let mut this = self.use_of_it.lock().await;
        let Some(users) = this.users.take() else { return };
        // On some systems a shared lock does not become another one.
        let _unlocked = users.unlock();
        match users.try_lock() {
            Ok(()) => end_group(&self.place).await,
            Err(TryLockError::WouldBlock) => {}
            Err(TryLockError::Error(problem)) => tracing::warn!(%problem, "the service of Podman goes on"),
        }
        if let Some(mut child) = this.child.take() {
            let _goes_on_for_others = child.try_wait();
        }
    }
}

/// A lock that may have to be waited for.
async fn locked(file: File, lock: fn(&File) -> io::Result<()>) -> io::Result<File> {
    let file = Arc::new(file);
    let waiting = Arc::clone(&file);
    tokio::task::spawn_blocking(move || lock(&waiting)).await.map_err(io::Error::other)??;
    Arc::into_inner(file).ok_or_else(|| io::Error::other("the lock is in use"))
}

/// Ends the service that was written down, with all that it has started in its group: asked first, then killed.
async fn end_group(place: &Place) {
    for signal in [Signal::TERM, Signal::KILL] {
        let Some(process) = place.process() else { break };
        if let Err(problem) = kill_process_group(process, signal) {
            tracing::info!(%problem, "the service of Podman cannot be ended");
        }
        let asked = Instant::now();
        while place.process().is_some() && asked.elapsed() < END_LIMIT {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
    for file in [place.number(), place.socket()] {
        let _gone_already = fs::remove_file(file);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// Answers on the socket that it is told, with a child of its own, as Podman does; writes down their numbers. Every Debian has Perl.
    const STAND_IN: &str = r#"#!/usr/bin/perl
use Socket;
my $path = $ARGV[-1] =~ s{^unix://}{}r;
my $child = fork;
if (!$child) { exec "sleep", "600" }
open my $started, ">>", $ENV{STARTED};
print $started "$$ $child\n";
close $started;
socket(my $listener, AF_UNIX, SOCK_STREAM, 0);
bind($listener, sockaddr_un($path)) or die;
listen($listener, 9);
while (accept(my $guest, $listener)) { close $guest }
"#;

    struct Computer {
        folder: tempfile::TempDir,
    }

    impl Computer {
        fn with(script: &str) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let program = folder.path().join("podman");
            fs::write(&program, script).unwrap();
            fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
            Self { folder }
        }

        /// As another process on the same data folder.
        fn service(&self) -> PodmanService {
            let path = format!("{}:{}", self.folder.path().display(), std::env::var("PATH").unwrap());
            let started = self.folder.path().join("started").display().to_string();
            let environment = [("PATH".to_owned(), path), ("STARTED".to_owned(), started)].into();
            PodmanService::find(&environment, &self.folder.path().join("data"), "id").unwrap()
        }

        /// The numbers of all processes that were started.
        fn started(&self) -> Vec<Vec<String>> {
            let text = fs::read_to_string(self.folder.path().join("started")).unwrap_or_default();
            text.lines().map(|line| line.split(' ').map(str::to_owned).collect()).collect()
        }
    }

    /// Whether a process goes on; one that has only not been reaped does not.
    fn is_alive(number: &str) -> bool {
        fs::read_to_string(format!("/proc/{number}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
    }

    async fn all_end(numbers: &[String]) {
        let ended = async {
            while numbers.iter().any(|number| is_alive(number)) {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), ended).await.expect("they end");
    }

    #[tokio::test]
    async fn it_is_started_once_and_ended_by_its_last_user_with_its_whole_group() {
        let computer = Computer::with(STAND_IN);
        let (one, other) = (computer.service(), computer.service());
        let (first, second) = tokio::join!(one.start(), other.start());
        assert!(first && second && one.start().await, "{:?} {:?}", one.problem(), other.problem());
        let started = computer.started();
        assert_eq!(started.len(), 1, "once for both");
        one.end().await;
        assert!(started[0].iter().all(|number| is_alive(number)) && other.place.answers(), "the other one uses it");
        other.end().await;
        all_end(&started[0]).await;
        assert!(!other.place.socket().exists() && !other.place.number().exists());
        assert!(one.start().await, "and it can be had again");
        one.end().await;
        all_end(&computer.started()[1]).await;
    }

    #[tokio::test]
    async fn one_that_a_killed_app_left_is_used_and_ended() {
        let computer = Computer::with(STAND_IN);
        let killed = computer.service();
        assert!(killed.start().await);
        // Its lock goes with the process, and nothing else happens.
        drop(killed);
        let next = computer.service();
        assert!(next.is_up() && next.start().await);
        assert_eq!(computer.started().len(), 1);
        next.end().await;
        all_end(&computer.started()[0]).await;
    }

    #[tokio::test]
    async fn a_number_that_means_another_process_by_now_is_left_alone() {
        let computer = Computer::with(STAND_IN);
        let service = computer.service();
        assert!(service.start().await);
        let mut stranger = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let ours = computer.started();
        fs::write(service.place.number(), stranger.id().to_string()).unwrap();
        service.end().await;
        assert!(is_alive(&stranger.id().to_string()), "it is not a service on this socket");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        for number in ours.concat() {
            let process = Pid::from_raw(number.parse().unwrap()).unwrap();
            rustix::process::kill_process(process, Signal::KILL).unwrap();
        }
    }

    #[tokio::test]
    async fn one_that_cannot_be_started_says_why_and_is_not_tried_all_the_time() {
        let computer = Computer::with("#!/bin/sh\necho x >> \"$STARTED\"\necho 'Error: no room' >&2\nexit 125\n");
        let service = computer.service();
        assert!(!service.start().await && !service.start().await);
        assert!(
            service.problem().is_some_and(|problem| problem.to_string().ends_with("does not answer: Error: no room")),
            "{:?}",
            service.problem()
        );
        assert_eq!(computer.started().len(), 1);
        tokio::time::pause();
        tokio::time::advance(PAUSE).await;
        tokio::time::resume();
        assert!(!service.start().await);
        assert_eq!(computer.started().len(), 2);
    }

    #[test]
    fn without_podman_there_is_none() {
        let environment = [("PATH".to_owned(), "/nonexistent".to_owned())].into();
        assert!(PodmanService::find(&environment, Path::new("/data"), "id").is_none());
    }
}
