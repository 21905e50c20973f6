//! The command line for tests: the release binary over a data folder of its own.

use crate::desktop::{PATIENCE, binary};
use lp_api::{App, AppOptions};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// A person with a data folder and some project folders.
pub struct Press {
    folder: TempDir,
    data: PathBuf,
    docker_host: Option<String>,
}

/// What a command said.
pub struct Said {
    /// Exit code; -1 after a signal.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Said {
    /// Fails with everything that was said unless the exit code is this one.
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "out:\n{}\nerr:\n{}", self.out, self.err);
        self
    }

    /// Fails unless standard output contains each of the texts.
    pub fn prints(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.out.contains(text), "`{text}` is missing in:\n{}", self.out);
        }
        self
    }

    /// Fails unless standard error contains each of the texts.
    pub fn explains(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.err.contains(text), "`{text}` is missing in:\n{}", self.err);
        }
        self
    }

    /// Standard output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|problem| panic!("{problem} in:\n{}", self.out))
    }
}

impl Default for Press {
    fn default() -> Self {
        Self::new()
    }
}

impl Press {
    /// With the machine's container engine.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        Self { data: folder.path().join("data"), folder, docker_host: None }
    }

    /// Where no container engine answers.
    pub fn without_engine() -> Self {
        Self { docker_host: Some("unix:///nonexistent/engine.sock".into()), ..Self::new() }
    }

    /// With an engine at that address.
    pub fn with_engine_at(address: &str) -> Self {
        Self { docker_host: Some(address.into()), ..Self::new() }
    }

    /// With another data folder.
    pub fn with_data(mut self, data: &Path) -> Self {
        self.data = data.to_owned();
        self
    }

    /// The data folder.
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// A folder for this person's things.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command, ready to start.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(binary("letterpress"));
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env("LETTERPRESS_HOME", &self.data)
            .env("LETTERPRESS_KEY_STORE", "file")
            .env("HOME", self.folder.path())
            // Findings are printed in the language of the terminal.
            .env("LC_ALL", "C")
            .stdin(Stdio::null());
        if let Some(address) = &self.docker_host {
            command.env("DOCKER_HOST", address);
        }
        command
    }

    /// Runs it to its end.
    pub fn say(&self, arguments: &[&str]) -> Said {
        self.command(arguments).output().expect("the binary starts").into()
    }

    /// Starts it and lets it go on beside the test.
    pub fn start(&self, arguments: &[&str]) -> Going {
        Going::of(self.command(arguments))
    }

    /// The use cases themselves, in the test's own process: what the command line is an adapter of. One that drives goes on with the runs
    /// that it finds; one that does not only looks, or sets something.
    pub async fn app(&self, drives: bool) -> Arc<App> {
        let mut environment: BTreeMap<String, String> = std::env::vars().collect();
        if let Some(address) = &self.docker_host {
            environment.insert("DOCKER_HOST".into(), address.clone());
        }
        let options = AppOptions {
            data_folder: self.data.clone(),
            environment,
            actor: "test".into(),
            accept_guests: false,
            drives,
            use_os_key_store: false,
        };
        App::open(options).await.expect("the data folder can be opened")
    }

    /// A repository `name` with one commit of these files; returns its path.
    pub fn repository(&self, name: &str, files: &[(&str, &str)]) -> String {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).expect("our own folder");
        git2::Repository::init(&folder).expect("git works");
        commit(&folder, files);
        folder.display().to_string()
    }
}

/// A command that is under way. It is killed when it is dropped.
pub struct Going {
    child: tokio::process::Child,
    out: Heard,
    err: Heard,
}

impl Going {
    /// Starts a command.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn of(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = tokio::process::Command::from(command).kill_on_drop(true).spawn().expect("the binary starts");
        let out = Heard::listen(child.stdout.take().expect("piped"));
        let err = Heard::listen(child.stderr.take().expect("piped"));
        Self { child, out, err }
    }

    /// Waits until standard output contains the text.
    pub async fn until_out(&mut self, text: &str) {
        let found = tokio::time::timeout(PATIENCE, self.out.until(text)).await;
        assert_eq!(found, Ok(true), "`{text}` was not printed; out:\n{}\nerr:\n{}", self.out.text(), self.err.text());
    }

    /// Waits until standard error contains the text.
    pub async fn until_err(&mut self, text: &str) {
        let found = tokio::time::timeout(PATIENCE, self.err.until(text)).await;
        assert_eq!(found, Ok(true), "`{text}` was not said; out:\n{}\nerr:\n{}", self.out.text(), self.err.text());
    }

    /// Sends it a signal, if it still runs.
    pub fn signal(&self, signal: Signal) {
        if let Some(pid) = self.child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
            // It may have ended in this moment; nobody has waited for it yet, so the number is still its own.
            let _ended_already = kill_process(pid, signal);
        }
    }

    /// Kills it without a word. Returns whether that is how it ended: it may have been faster.
    pub async fn kill(mut self) -> bool {
        self.signal(Signal::KILL);
        self.child.wait().await.expect("our own child").signal() == Some(Signal::KILL.as_raw())
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it does not end within two minutes.
    pub async fn end(mut self) -> Said {
        let Ok(status) = tokio::time::timeout(2 * PATIENCE, self.child.wait()).await else {
            panic!("it does not end; out:\n{}\nerr:\n{}", self.out.text(), self.err.text());
        };
        let status = status.expect("our own child");
        Said { code: status.code().unwrap_or(-1), out: self.out.all().await, err: self.err.all().await }
    }
}

/// What was written into a pipe so far.
struct Heard {
    bytes: watch::Receiver<Vec<u8>>,
    reading: JoinHandle<()>,
}

impl Heard {
    fn listen(mut pipe: impl AsyncRead + Send + Unpin + 'static) -> Self {
        let (heard, bytes) = watch::channel(Vec::new());
        let reading = tokio::spawn(async move {
            let mut buffer = vec![0; 64 * 1024];
            while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
                heard.send_modify(|all| all.extend_from_slice(&buffer[..count]));
            }
        });
        Self { bytes, reading }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes.borrow()).into_owned()
    }

    /// Whether the text came, sooner or later.
    async fn until(&mut self, text: &str) -> bool {
        let found = self.bytes.wait_for(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()));
        found.await.is_ok()
    }

    /// Everything, once the other end is closed.
    async fn all(mut self) -> String {
        let _end = (&mut self.reading).await;
        self.text()
    }
}

impl Drop for Heard {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

/// Commits files in a repository, keeping what is there.
pub fn commit(folder: &Path, files: &[(&str, &str)]) {
    let repository = git2::Repository::open(folder).expect("a repository");
    let mut index = repository.index().expect("an index");
    for (path, content) in files {
        let full = folder.join(path);
        fs::create_dir_all(full.parent().expect("a file lies in a folder")).expect("our own folder");
        fs::write(&full, content).expect("our own file");
        index.add_path(Path::new(path)).expect("a path in the repository");
    }
    index.write().expect("our own repository");
    let tree = repository.find_tree(index.write_tree().expect("a tree")).expect("just written");
    let author = git2::Signature::new("Lin Yue", "lin@example.com", &git2::Time::new(1_760_000_000, 480)).expect("plain text");
    let parent = repository.head().ok().and_then(|head| head.peel_to_commit().ok());
    let parents: Vec<&git2::Commit> = parent.iter().collect();
    repository.commit(Some("HEAD"), &author, &author, "Test the press\n", &tree, &parents).expect("a commit");
}
