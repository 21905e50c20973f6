//! Runs the steps of a stage as processes of this computer, each stage in a private folder and each step in a session of
//! its own, so that everything that a step has started can be found and ended. Nothing is isolated: a step may read and
//! write whatever the person may. Linux only (`/proc`, pidfd).
//!
//! Steps need no app: a few lines of shell start the program and write down how it ended, others bring its output to a file, and
//! [`run_step`](Backend::run_step) only follows. So the app may be killed at any moment, and another process finds out what has become of
//! the step. The output lies in the stage's folder as it came, secrets and all, until the stage is destroyed or swept.
//!
//! It knows nothing about containers, pipeline files, scheduling or the store. What nobody takes over is found by
//! [`HostBackend::sweep`](Backend::sweep), by the marks in the environment of the processes.
//!
//! Read in this order: [`HostBackend`], `folder` (what is on the disk), `unpack`, `environment`, `step` (one step from start to
//! end), `carrier` (what carries it without us: `supervisor.sh`, `pump.sh`), `records` (what is written down of it), `output`, `program`
//! (what can be started at all), `process_tree` (which processes belong to a step, and how they are ended).

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod carrier;
mod environment;
mod folder;
mod mark;
mod output;
mod process_tree;
mod program;
mod records;
mod step;
mod unpack;

use async_trait::async_trait;
use folder::{Root, StageFolder};
use lp_backend::{
    Backend, BackendError, Cancel, CancelStage, Claims, EngineInfo, Files, Keep, KeptFiles, KeptStage, Notes, StageContext, StepContext,
    StepExit, StepSink, SweepReport,
};
use lp_model::{BackendKind, EngineId};
use lp_model::{Message, message};
use process_tree::{ProcessTree, Scope};
use std::io;
use std::path::PathBuf;
use tokio_util::io::InspectReader;

/// The files of a stage are counted up to here, in about a second.
const MOST_COUNTED: usize = 500_000;

/// Steps as processes under one folder of this computer.
#[derive(Debug, Clone)]
pub struct HostBackend {
    root: PathBuf,
}

impl HostBackend {
    /// A backend that keeps its stages under `root`, a folder of its own in the data folder: it is made when it is needed, for its
    /// owner alone. Processes are told apart by it, so two data folders do not sweep each other's steps.
    pub fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// This computer and this data folder: stages of another folder are not ours to find.
    fn id(&self) -> EngineId {
        EngineId::new(format!("host:{}", self.root.display()))
    }

    /// A stage that is on another computer or in another data folder is not ours to look for here.
    fn must_be_meant(&self, stage: &StageContext) -> Result<(), BackendError> {
        self.must_be(stage.engine.as_ref())
    }

    fn must_be(&self, engine: Option<&EngineId>) -> Result<(), BackendError> {
        match engine.is_none_or(|engine| *engine == self.id()) {
            true => Ok(()),
            false => Err(BackendError::unreachable(message!("its steps are processes of another computer or of another data folder"))
                .hinted(message!("go on with it there, where it was begun"))),
        }
    }

    /// All processes of a stage.
    fn tree_of(&self, root: &Root, stage: &StageContext) -> ProcessTree {
        ProcessTree::new(root, Scope::Stage { run: stage.run.clone(), stage: stage.stage.number })
    }

    /// The root as it really is; asked each time, because it may not exist yet.
    async fn root(&self) -> Result<Root, BackendError> {
        let path = self.root.clone();
        blocking(message!("find the folder of the stages"), move || Root::find(&path)).await
    }
}

#[async_trait]
impl Backend for HostBackend {
    fn kind(&self) -> BackendKind {
        BackendKind::Host
    }

    async fn probe(&self, engine: Option<&EngineId>) -> Result<EngineInfo, BackendError> {
        self.must_be(engine)?;
        let arch = match std::env::consts::ARCH {
            "x86_64" => "amd64",
            "aarch64" => "arm64",
            other => other,
        };
        Ok(EngineInfo {
            id: self.id(),
            name: "this computer".to_owned(),
            version: String::new(),
            api_version: String::new(),
            address: String::new(),
            platform: format!("{}/{arch}", std::env::consts::OS),
            isolated: false,
        })
    }

    async fn prepare(&self, stage: &StageContext, notes: &dyn Notes, cancel: &Cancel) -> Result<(), BackendError> {
        if cancel.is_asked() {
            return Err(BackendError::Cancelled);
        }
        self.must_be_meant(stage)?;
        let root = self.root().await?;
        let folder = root.stage(&stage.name());
        if stage.files == Files::Kept {
            let taken = folder.clone();
            return match blocking(message!("look for the files of the stage"), move || taken.take()).await? {
                true => Ok(()),
                false => Err(BackendError::files_gone(message!("folder `{}` is not there, or not whole", folder.path().display()))),
            };
        }
        if folder.path().exists() {
            // Of an earlier attempt, or of one that came to nothing.
            let left = self.tree_of(&root, stage).kill().await?;
            if !left.is_empty() {
                let message = message!("still there: {}", Message::joined(left, ", "));
                return Err(
                    BackendError::call(message!("end what was left of the stage"), message).hinted(message!("end it by hand and retry"))
                );
            }
        }
        let (made, workspace) = (folder.clone(), stage.stage.workspace.clone());
        blocking(message!("make the folder of the stage"), move || made.create(&workspace)).await?;
        if let Some(source) = &stage.source {
            let target = folder.dir(&stage.stage.workspace);
            let reader = source.open().await.map_err(|error| source_error(&error))?;
            let mut copied = 0;
            let mut reader = InspectReader::new(reader, |piece| {
                copied += piece.len() as u64;
                notes.progress(message!("copying the files of the commit: {} MB", copied / 1_000_000));
            });
            let stop = cancel.reached(CancelStage::Ask);
            if !unpack::unpack(&mut reader, target, stop).await.map_err(|error| source_error(&error))? {
                return Err(BackendError::Cancelled);
            }
        }
        blocking(message!("finish the folder of the stage"), move || folder.set_ready()).await
    }

    async fn run_step(
        &self,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        cancel: &Cancel,
    ) -> Result<StepExit, BackendError> {
        self.must_be_meant(stage)?;
        let root = self.root().await?;
        step::run(&root, stage, step, sink, cancel).await
    }

    async fn destroy(&self, stage: &StageContext, keep: Keep) -> Result<Vec<Message>, BackendError> {
        self.must_be_meant(stage)?;
        let root = self.root().await?;
        let mut left = self.tree_of(&root, stage).kill().await?;
        let folder = root.stage(&stage.name());
        left.extend(remove(folder, keep).await?.err());
        Ok(left)
    }

    async fn sweep(&self, claims: &Claims) -> Result<SweepReport, BackendError> {
        let root = self.root().await?;
        let tree = ProcessTree::new(&root, Scope::RunsBut(claims.live.clone()));
        let mut report = SweepReport { failed: tree.kill().await?, ..SweepReport::default() };
        let listed = root.clone();
        let folders = blocking(message!("list the folders of the stages"), move || listed.stages()).await?;
        for (run, _, folder) in folders {
            if claims.live.contains(&run) {
                continue;
            }
            let keep = if claims.kept.contains(&run) { Keep::Files } else { Keep::Nothing };
            let (name, path) = (folder.name().to_owned(), folder.path().to_owned());
            match remove(folder, keep).await? {
                // Kept, as it was before.
                Ok(()) if path.exists() => {}
                Ok(()) => report.removed.push(name),
                Err(why) => report.failed.push(why),
            }
        }
        Ok(report)
    }

    async fn kept(&self) -> Result<KeptFiles, BackendError> {
        let (root, engine) = (self.root().await?, self.id());
        blocking(message!("look at the files that are kept"), move || {
            let kept = root.stages()?.into_iter().filter(|(_, _, folder)| folder.is_kept());
            let stages =
                kept.map(|(run, stage, folder)| KeptStage { run, stage, bytes: folder.bytes(MOST_COUNTED), is_clean: true }).collect();
            Ok(KeptFiles { engine, stages })
        })
        .await
    }
}

/// Removes a stage's folder, or all but its files; the inner error says in words why it is still there.
async fn remove(folder: StageFolder, keep: Keep) -> Result<Result<(), Message>, BackendError> {
    blocking(message!("remove the folder of the stage"), move || {
        let removed = match keep {
            Keep::Nothing => folder.remove(),
            Keep::Files => folder.keep(),
        };
        Ok(removed.map_err(|error| message!("folder `{}`: {}", folder.path().display(), error)))
    })
    .await
}

/// Does file work away from the runtime's workers.
async fn blocking<T: Send + 'static>(action: Message, work: impl FnOnce() -> io::Result<T> + Send + 'static) -> Result<T, BackendError> {
    let done = tokio::task::spawn_blocking(work).await.map_err(io::Error::other).flatten();
    done.map_err(|error| call_error(action, &error))
}

fn call_error(action: Message, error: &io::Error) -> BackendError {
    match full(error) {
        Some(full) => full,
        None => BackendError::call(action, Message::of_error(error)),
    }
}

/// The program of a step cannot be started.
fn not_started(step: &str, message: Message) -> BackendError {
    BackendError::start(step, message).hinted(message!("check `commands`, `entrypoint` and the working folder of the step"))
}

fn source_error(error: &io::Error) -> BackendError {
    full(error).unwrap_or_else(|| {
        BackendError::source_unreadable(causes(error)).hinted(message!("check that the repository is readable and has the commit"))
    })
}

/// A full disk is told apart wherever it shows: it is the one thing that the person can do something about.
fn full(error: &io::Error) -> Option<BackendError> {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded).then(|| BackendError::disk_full(causes(error)))
}

/// The error with its causes: `tar` keeps the system's words in the source.
fn causes(error: &io::Error) -> Message {
    if let Some(message) = Message::in_error(error) {
        return message;
    }
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    Message::verbatim(text)
}
