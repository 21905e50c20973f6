//! The command line for tests: the release binary over a data folder of its own.

use crate::desktop::binary;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

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

    /// A repository `name` with one commit of these files; returns its path.
    pub fn repository(&self, name: &str, files: &[(&str, &str)]) -> String {
        let folder = self.folder.path().join(name);
        fs::create_dir_all(&folder).expect("our own folder");
        git2::Repository::init(&folder).expect("git works");
        commit(&folder, files);
        folder.display().to_string()
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
