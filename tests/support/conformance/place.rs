//! The tools of the cases: a backend with what it can do, a stage to run things in, and a sink that listens.

use async_trait::async_trait;
use lp_backend::{
    Backend, BackendError, Before, Cancel, CancelHandle, EnvText, Files, Keep, NoNotes, Notes, Position, SinkError, Source, StageContext,
    StepContext, StepExit, StepSink,
};
use lp_model::Message;
use lp_model::{BackendKind, EnvValue, PullPolicy, RunId, RunOn, Stage, StageNumber, Step, StepKey, StepKind, StepNumber, Workspace};
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncRead;
use tokio::sync::watch;

/// What a backend can do beyond the least.
#[derive(Debug, Clone, Copy)]
pub struct Abilities {
    /// Services and host names of steps.
    pub services: bool,
    /// Limits of memory.
    pub memory_limit: bool,
}

/// A backend under test.
#[async_trait]
pub trait Place: Send + Sync {
    /// The backend.
    fn backend(&self) -> Arc<dyn Backend>;

    /// A backend of the same data folder that knows nothing yet, as the next process has it.
    fn backend_of_the_next_process(&self) -> Arc<dyn Backend> {
        self.backend()
    }

    /// The backend of another data folder on the same machine.
    fn neighbour(&self) -> Arc<dyn Backend>;

    /// Image of the steps; empty where there are none.
    fn image(&self) -> String;

    /// What it can do.
    fn abilities(&self) -> Abilities;

    /// Everything of a stage that is in the place now, in words.
    async fn left_of(&self, stage: &StageContext) -> Vec<String>;
}

/// Fails the test when something takes longer than it can need; a hang must have a name.
pub async fn within<T>(seconds: u64, what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(Duration::from_secs(seconds), future).await {
        Ok(value) => value,
        Err(_) => panic!("{what} did not end within {seconds} seconds"),
    }
}

/// A stage with the steps, without files.
pub fn plan_stage(number: u32, steps: Vec<Step>) -> Stage {
    Stage {
        number: StageNumber(number),
        name: format!("stage {number}"),
        backend: BackendKind::Docker,
        needs: Vec::new(),
        run_on: RunOn::default(),
        workspace: Workspace { base: "/drone".into(), path: "src/a".into() },
        source: false,
        checkout: None,
        concurrency: None,
        file: String::new(),
        matrix: Default::default(),
        volumes: Vec::new(),
        steps,
    }
}

/// A step that runs a shell script in the working copy.
pub fn shell(number: u32, name: &str, script: &str) -> Step {
    let mut step = Step::new(number, name, StepKind::Commands);
    step.entrypoint = Some(vec!["/bin/sh".into(), "-c".into()]);
    step.command = Some(vec![script.into()]);
    step.pull = PullPolicy::Never;
    step.working_dir = Some("/drone/src/a".into());
    step
}

/// A step that runs after the one before it, and so never beside another of a stage that is made only of these.
pub fn then(mut step: Step) -> Step {
    if step.number.0 > 1 {
        step.needs = vec![StepNumber(step.number.0 - 1)];
    }
    step
}

/// The same in the words of the backend in memory, which runs no scripts (`lp_backend::fake`). They mean nothing to a real program.
pub fn in_memory(mut step: Step, words: &[(&str, &str)]) -> Step {
    step.environment.extend(words.iter().map(|(name, value)| ((*name).to_owned(), EnvValue::Text((*value).to_owned()))));
    step
}

/// A stage of its own run in a place. `destroy` is called by [`Bench::clear`], which each case ends with.
pub struct Bench {
    /// The backend.
    pub backend: Arc<dyn Backend>,
    /// The stage.
    pub stage: StageContext,
}

impl Bench {
    /// A stage with these steps and files, not prepared yet.
    pub fn new(place: &dyn Place, steps: Vec<Step>, source: Option<Arc<dyn Source>>) -> Self {
        Self::of(place.backend(), &place.image(), plan_stage(1, steps), source)
    }

    /// The same, on a given backend.
    pub fn of(backend: Arc<dyn Backend>, image: &str, mut stage: Stage, source: Option<Arc<dyn Source>>) -> Self {
        for step in stage.steps.iter_mut().filter(|step| step.image.is_empty()) {
            step.image = image.to_owned();
        }
        stage.source = source.is_some();
        stage.backend = backend.kind();
        let run = RunId::parse(&uuid::Uuid::now_v7().simple().to_string()).expect("hexadecimal digits");
        Self { backend, stage: StageContext { run, stage: Arc::new(stage), source, engine: None, files: Files::Fresh } }
    }

    /// Prepared.
    pub async fn ready(place: &dyn Place, steps: Vec<Step>) -> Self {
        let bench = Self::new(place, steps, None);
        bench.prepare().await.expect("a stage without files can be prepared");
        bench
    }

    /// Calls `prepare`.
    pub async fn prepare(&self) -> Result<(), BackendError> {
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
        within(60, "prepare", self.backend.prepare(&self.stage, &NoNotes, &cancel)).await
    }

    /// The same as for a stage on whose files steps have worked already.
    pub async fn prepare_kept(&self) -> Result<(), BackendError> {
        let stage = StageContext { files: Files::Kept, ..self.stage.clone() };
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
        within(60, "prepare", self.backend.prepare(&stage, &NoNotes, &cancel)).await
    }

    /// The first attempt of a step, with a small environment and the step's own texts.
    pub fn context(&self, number: u32) -> StepContext {
        let step = &self.stage.stage.steps[number as usize - 1];
        let key = StepKey::first(self.stage.stage.number, step.number);
        let mut env = vec![("CI".to_owned(), EnvText::Plain("true".into()))];
        env.extend(step.environment.iter().filter_map(|(name, value)| match value {
            EnvValue::Text(text) => Some((name.clone(), EnvText::Plain(text.clone()))),
            _ => None,
        }));
        StepContext { key, step: Arc::new(step.clone()), env, before: Before::Nothing }
    }

    /// The same, of a step that an earlier process may have started.
    pub fn context_after(&self, number: u32) -> StepContext {
        StepContext { before: Before::Created, ..self.context(number) }
    }

    /// Runs a step until its output contains the text, as a process does that dies then; gives what it had heard. The program goes on.
    pub async fn die_at(&self, number: u32, text: &str) -> Heard {
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
        let sink = Sink::new();
        let context = self.context(number);
        tokio::select! {
            exit = self.run_with(&context, &sink, &cancel) => panic!("it ended with {exit:?}: {:?}", sink.heard()),
            () = sink.until_output(text) => {}
        }
        sink.heard()
    }

    /// Goes on with a step that another process had started; gives how it ended and all output, of both.
    pub async fn go_on(&self, number: u32, before: &Heard) -> (Result<StepExit, BackendError>, Vec<u8>) {
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
        let sink = Sink::after(before);
        let exit = self.run_with(&self.context_after(number), &sink, &cancel).await;
        let heard = sink.heard();
        assert_eq!(heard.created, 0, "a step that is taken over is not created");
        (exit, [before.bytes.as_slice(), heard.bytes.as_slice()].concat())
    }

    /// Runs a step to its end.
    pub async fn run(&self, number: u32) -> (Result<StepExit, BackendError>, Heard) {
        self.run_context(&self.context(number)).await
    }

    /// Runs a step that must end with code 0; returns its output.
    pub async fn output(&self, number: u32) -> String {
        let (exit, heard) = self.run(number).await;
        let text = heard.text();
        match exit {
            Ok(StepExit::Code(0)) => text,
            other => panic!("step {number} ended with {other:?}: {text}"),
        }
    }

    /// Runs a step context to its end.
    pub async fn run_context(&self, context: &StepContext) -> (Result<StepExit, BackendError>, Heard) {
        let (_handle, cancel) = CancelHandle::new(Duration::from_secs(10));
        let sink = Sink::new();
        let exit = self.run_with(context, &sink, &cancel).await;
        (exit, sink.heard())
    }

    /// Runs a step context with everything given.
    pub async fn run_with(&self, context: &StepContext, sink: &dyn StepSink, cancel: &Cancel) -> Result<StepExit, BackendError> {
        within(120, "the step", self.backend.run_step(&self.stage, context, sink, cancel)).await
    }

    /// Destroys the stage, which must leave nothing.
    pub async fn clear(self, place: &dyn Place) {
        let leftovers = within(100, "destroy", self.backend.destroy(&self.stage, Keep::Nothing)).await.expect("destroy reaches the place");
        assert_eq!(leftovers, Vec::<Message>::new());
        assert_eq!(place.left_of(&self.stage).await, Vec::<String>::new());
    }
}

/// What a sink was told.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// Output.
    pub bytes: Vec<u8>,
    /// Notes.
    pub notes: Vec<String>,
    /// What it was told about how far something is.
    pub progress: Vec<String>,
    /// How often it was told that output is missing.
    pub gaps: u32,
    /// How often `created` was called.
    pub created: u32,
    /// How often `started` was called.
    pub started: u32,
    /// The position after the newest output.
    pub upto: Position,
    /// Whether `started` or output came before `created`, of a step that was not taken over.
    pub early_start: bool,
    /// Whether output came before `started`.
    pub early_output: bool,
}

impl Heard {
    /// The output as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }
}

/// A sink that keeps everything and lets a test wait for it.
pub struct Sink {
    heard: Mutex<Heard>,
    changed: watch::Sender<u64>,
    refuse_after: usize,
    refuses_created: bool,
    position: Position,
}

impl Default for Sink {
    fn default() -> Self {
        Self::new()
    }
}

impl Sink {
    /// Takes everything.
    pub fn new() -> Self {
        Self::full_after(usize::MAX)
    }

    /// Refuses output as soon as it has taken that many bytes, like a full disk.
    pub fn full_after(bytes: usize) -> Self {
        Self {
            heard: Mutex::new(Heard::default()),
            changed: watch::channel(0).0,
            refuse_after: bytes,
            refuses_created: false,
            position: Position::default(),
        }
    }

    /// Goes on where another one has stopped.
    pub fn after(before: &Heard) -> Self {
        Self { position: before.upto, heard: Mutex::new(Heard { upto: before.upto, ..Heard::default() }), ..Self::new() }
    }

    /// Cannot write down that a step was created.
    pub fn forgetful() -> Self {
        Self { refuses_created: true, ..Self::new() }
    }

    /// What it was told so far.
    pub fn heard(&self) -> Heard {
        self.heard.lock().expect("no test panics while it holds this").clone()
    }

    /// Waits until the condition holds.
    pub async fn until(&self, what: &str, condition: impl Fn(&Heard) -> bool) {
        let mut changes = self.changed.subscribe();
        let wait = async {
            while !condition(&self.heard.lock().expect("no test panics while it holds this")) {
                if changes.changed().await.is_err() {
                    return;
                }
            }
        };
        match tokio::time::timeout(Duration::from_secs(60), wait).await {
            Ok(()) => {}
            Err(_) => panic!("{what} was not seen within 60 seconds; heard: {:?}", self.heard()),
        }
    }

    /// Waits until the output contains the text.
    pub async fn until_output(&self, text: &str) {
        self.until(&format!("output `{text}`"), |heard| heard.text().contains(text)).await;
    }

    fn hear(&self, change: impl FnOnce(&mut Heard)) {
        change(&mut self.heard.lock().expect("no test panics while it holds this"));
        self.changed.send_modify(|count| *count += 1);
    }
}

#[async_trait]
impl StepSink for Sink {
    async fn created(&self) -> Result<(), SinkError> {
        self.hear(|heard| {
            heard.created += 1;
            heard.early_start |= heard.started > 0 || !heard.bytes.is_empty();
        });
        if self.refuses_created {
            Err(SinkError { message: Message::verbatim("the disk of the test is full"), hint: Message::default() })
        } else {
            Ok(())
        }
    }

    async fn started(&self) {
        self.hear(|heard| heard.started += 1);
    }

    fn position(&self) -> Position {
        self.position
    }

    async fn write(&self, bytes: &[u8], upto: Position) -> Result<(), SinkError> {
        let mut full = false;
        self.hear(|heard| {
            heard.early_output |= heard.started == 0;
            heard.bytes.extend_from_slice(bytes);
            // Every byte is counted once, in one of the two.
            assert_eq!(
                upto.stdout + upto.stderr,
                heard.upto.stdout + heard.upto.stderr + bytes.len() as u64,
                "{upto:?} after {:?}",
                heard.upto
            );
            heard.upto = upto;
            full = heard.bytes.len() > self.refuse_after;
        });
        if full { Err(SinkError { message: Message::verbatim("the disk of the test is full"), hint: Message::default() }) } else { Ok(()) }
    }

    async fn gap(&self, upto: Option<Position>) -> Result<(), SinkError> {
        self.hear(|heard| {
            heard.gaps += 1;
            heard.upto = upto.unwrap_or(heard.upto);
        });
        Ok(())
    }
}

#[async_trait]
impl Notes for Sink {
    async fn note(&self, note: Message) {
        self.hear(|heard| heard.notes.push(note.to_string()));
    }

    fn progress(&self, sentence: Message) {
        self.hear(|heard| heard.progress.push(sentence.to_string()));
    }
}

/// Files for a stage, as a tar in memory; may break off after some bytes.
pub struct TarSource {
    bytes: Vec<u8>,
    end: End,
}

enum End {
    Complete,
    Fails,
    Never,
}

impl TarSource {
    /// Whole.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, end: End::Complete }
    }

    /// Fails after the bytes with the message "the pack is broken".
    pub fn failing(bytes: Vec<u8>) -> Self {
        Self { bytes, end: End::Fails }
    }

    /// Waits for ever after the bytes.
    pub fn endless(bytes: Vec<u8>) -> Self {
        Self { bytes, end: End::Never }
    }
}

#[async_trait]
impl Source for TarSource {
    async fn open(&self) -> io::Result<Box<dyn AsyncRead + Send + Unpin>> {
        use futures_util::StreamExt as _;
        let bytes = futures_util::stream::iter([Ok(bytes::Bytes::from(self.bytes.clone()))]);
        let end = match self.end {
            End::Complete => futures_util::stream::empty().boxed(),
            End::Fails => futures_util::stream::iter([Err(io::Error::other("the pack is broken"))]).boxed(),
            End::Never => futures_util::stream::pending().boxed(),
        };
        Ok(Box::new(tokio_util::io::StreamReader::new(bytes.chain(end))))
    }
}
