//! What carries one attempt of a step without the app: the program below a supervisor, and the pump that brings its output to a file.
//! Started here, or found again by what they have written down.
//!
//! Both are a few lines for `/bin/sh`: the app's own binary would bring the libraries of a window into each step. What the shell
//! cannot do: it drops variables whose names are no names to it, as it does for the script of a step anyway.

use crate::folder::{Root, StageFolder};
use crate::process_tree::{self, Process, ProcessTree, Scope, Watch};
use crate::records::{Exit, Records, Start};
use crate::{blocking, call_error, environment, mark, output, program};
use lp_backend::{BackendError, StageContext, StepContext, StepSink};
use lp_model::Step;
use lp_model::{Message, message};
use process_wrap::tokio::{ChildWrapper, CommandWrap, ProcessSession};
use rustix::process::Pid;
use std::ffi::OsString;
use std::future::pending;
use std::io;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Runs the scripts. Every Linux has it there.
const SHELL: &str = "/bin/sh";

/// Gives the program a session and a group of its own, as if it were started by a terminal: `kill 0` in a script then means the script.
/// Where a computer does not have it, program and supervisor share theirs.
const SETSID: &str = "setsid";

/// How soon it is looked whether the program has started; doubled with each look in vain, up to the second one.
const START_PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(16));

/// How often, a short pause apart, it is looked for the line of a pump: a second is more than it takes.
const PUMP_LOOKS: u32 = 64;

/// How long a supervisor may live after the pump when both end because the program has.
const PIPE_DEADLINE: Duration = Duration::from_secs(1);

/// A killed process that does not end within this time hangs in the kernel.
const END_DEADLINE: Duration = Duration::from_secs(10);

/// The processes of one attempt.
pub(crate) struct Carrier {
    root: Root,
    name: String,
    records: Records,
    supervisor: Side,
    pump: Side,
    /// What the supervisor has written down, also when it is from before a restart of the computer.
    program: Option<Process>,
    is_of_this_boot: bool,
}

/// One of the two that carry the program.
struct Side {
    process: Option<Process>,
    /// `None` when it has ended before we looked.
    watch: Option<Watch>,
    /// Ours to reap, if we have started it.
    child: Option<Box<dyn ChildWrapper>>,
}

impl Side {
    fn spawn(mut command: CommandWrap) -> io::Result<Self> {
        let child = command.spawn()?.into_inner();
        // The command holds our copies of the pipe: with them open the output would never end.
        drop(command);
        // There until we reap it, so the number cannot mean anybody else.
        let process = child.id().and_then(|id| Pid::from_raw(id.cast_signed())).and_then(Process::of);
        let process = process.ok_or_else(|| io::Error::other(message!("it has no process number")))?;
        Ok(Self { process: Some(process), watch: process.watch()?, child: Some(child) })
    }

    fn find(process: Option<Process>) -> Result<Self, BackendError> {
        let watch = process.map(Process::watch).transpose().map_err(|error| call_error(message!("watch the step"), &error))?;
        Ok(Self { process, watch: watch.flatten(), child: None })
    }

    /// Whether it has ended by now.
    fn has_ended(&self) -> bool {
        self.watch.as_ref().is_none_or(process_tree::has_ended)
    }

    async fn end(&self) -> Result<(), BackendError> {
        match &self.watch {
            Some(watch) => process_tree::end_of(watch).await,
            None => Ok(()),
        }
    }
}

/// What can be found of an attempt that may have been started before.
pub(crate) enum Found {
    /// It runs or has run.
    Carrier(Box<Carrier>),
    /// It never ran, and from now on cannot be started by anyone but us.
    NeverStarted,
    /// Nothing is written down of it.
    Nothing,
    /// Nobody can say.
    Lost(Message),
}

impl Carrier {
    /// Makes everything, says so to the sink unless it `is_told` already, and starts it. Returns once the program is there.
    pub(crate) async fn start(
        root: &Root,
        folder: &StageFolder,
        stage: &StageContext,
        step: &StepContext,
        sink: &dyn StepSink,
        is_told: bool,
    ) -> Result<Self, BackendError> {
        let name = stage.step_name(step.key);
        let refuse = |message: Message| crate::not_started(&step.step.name, message);
        let arguments: Vec<String> = step.step.entrypoint.iter().chain(&step.step.command).flatten().cloned().collect();
        let first = arguments.first().cloned().ok_or_else(|| refuse(message!("it has no commands")))?;
        let working_folder = working_folder(folder, stage, &step.step)?;
        let made = working_folder.clone();
        // A container engine makes a missing working folder too.
        let made = tokio::task::spawn_blocking(move || std::fs::create_dir_all(made)).await.map_err(io::Error::other).flatten();
        made.map_err(|error| refuse(message!("working folder `{}`: {}", working_folder.display(), error)))?;

        let env = environment::build(std::env::vars_os(), root, folder, &stage.stage.workspace, step, &name);
        let (path, from) = (env.get(&OsString::from("PATH")).cloned(), working_folder.clone());
        let found = blocking(message!("find the program of the step"), move || Ok(program::find(&first, path.as_deref(), &from))).await?;
        found.map_err(refuse)?;

        let (of_stage, of_step) = (folder.clone(), name.clone());
        let (records, setsid) = blocking(message!("write down the start of the step"), move || {
            let path = std::env::var_os("PATH");
            let setsid = program::find(SETSID, path.as_deref(), "/".as_ref()).or_else(|_| program::find(SETSID, None, "/".as_ref()));
            Ok((Records::make(&of_stage, &of_step)?, setsid.ok()))
        })
        .await?;
        if !is_told {
            sink.created().await?;
        }

        let started = |error: io::Error| start_error(&step.step, &error);
        let (reader, writer) = io::pipe().map_err(|error| call_error(message!("make a pipe"), &error))?;
        let file = records.output_to_append().map_err(started)?;
        let words = records.words_to_append().map_err(started)?;
        let mut command = CommandWrap::with_new(SHELL, |command| {
            command.arg(records.file("pump.sh")).arg(records.path());
            command.current_dir("/").env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
            command.env(mark::STEP_VARIABLE, &name).env(mark::ROOT_VARIABLE, root.path());
            command.stdin(reader).stdout(file).stderr(Stdio::null());
        });
        command.wrap(ProcessSession);
        let pump = Side::spawn(command).map_err(started)?;

        let mut command = CommandWrap::with_new(SHELL, |command| {
            command.arg(records.file("supervisor.sh")).arg(records.path());
            command.args(setsid.iter().flat_map(|setsid| [setsid.as_os_str(), "--".as_ref()])).args(&arguments);
            command.current_dir(&working_folder).env_clear().envs(&env);
            command.stdin(Stdio::null()).stdout(writer).stderr(words);
        });
        command.wrap(ProcessSession);
        let supervisor = Side::spawn(command).map_err(|error| match error.kind() {
            io::ErrorKind::ArgumentListTooLong => refuse(message!("its commands and environment are too long")),
            _ => started(error),
        })?;
        let mut carrier = Self { root: root.clone(), name, records, supervisor, pump, program: None, is_of_this_boot: true };
        if !carrier.wait_for_program().await? {
            let words = read(&carrier.records, Records::words).await?;
            carrier.kill_all().await?;
            read(&carrier.records, Records::try_disk).await?;
            return Err(refuse(if words.is_empty() {
                message!("what watches over it was ended at once")
            } else {
                Message::verbatim(words)
            }));
        }
        Ok(carrier)
    }

    /// Looks for what was started before.
    pub(crate) async fn find(root: &Root, folder: &StageFolder, stage: &StageContext, step: &StepContext) -> Result<Found, BackendError> {
        let name = stage.step_name(step.key);
        let (of_stage, of_step) = (folder.clone(), name.clone());
        let records = blocking(message!("find the records of the step"), move || Records::find(&of_stage, &of_step)).await?;
        let Some(records) = records else { return Ok(Found::Nothing) };
        let is_of_this_boot = read(&records, Records::is_of_this_boot).await?;
        let supervisor = loop {
            match read(&records, Records::start).await? {
                Start::Claimed { supervisor, .. } => break supervisor,
                // What was written before the computer went down may not have reached the disk.
                _ if !is_of_this_boot => {
                    return Ok(Found::Lost(message!("this computer was restarted while step `{}` was under way", step.step.name)));
                }
                Start::Void => return Ok(Found::NeverStarted),
                // Nobody can start it any more once we have made the file. If somebody else has just made it, we look again.
                Start::Open => {
                    if read(&records, Records::make_void).await? {
                        return Ok(Found::NeverStarted);
                    }
                }
                // A line is written in no time, if its writer is still there at all. If it is not whole then, nobody makes it whole.
                Start::Torn => {
                    sleep(START_PAUSES.1).await;
                    ProcessTree::new(root, Scope::Step(name.clone())).kill().await?;
                    if read(&records, Records::start).await? == Start::Torn {
                        return Ok(Found::NeverStarted);
                    }
                }
            }
        };
        let mut pump = read(&records, Records::pump).await?;
        // Started first, and yet it may not have come to write its line.
        for _ in 0..PUMP_LOOKS {
            if pump.is_some() || !is_of_this_boot {
                break;
            }
            sleep(START_PAUSES.1).await;
            pump = read(&records, Records::pump).await?;
        }
        // After a restart the numbers belong to others.
        let now = |process: Option<Process>| Side::find(process.filter(|_| is_of_this_boot));
        let (supervisor, pump) = (now(Some(supervisor))?, now(pump)?);
        let mut carrier = Self { root: root.clone(), name, records, supervisor, pump, program: None, is_of_this_boot };
        // Whoever was there before may have died between the two lines.
        carrier.wait_for_program().await?;
        Ok(Found::Carrier(Box::new(carrier)))
    }

    /// Waits until it is written down that the program is there. False when it never will be, because the supervisor has ended.
    async fn wait_for_program(&mut self) -> Result<bool, BackendError> {
        let mut pause = START_PAUSES.0;
        loop {
            let has_ended = self.supervisor.has_ended();
            // Read after the look: what has ended writes no more.
            if let Start::Claimed { program: Some(program), .. } = read(&self.records, Records::start).await? {
                self.program = Some(program);
                return Ok(true);
            }
            if has_ended {
                return Ok(false);
            }
            sleep(pause).await;
            pause = START_PAUSES.1.min(pause * 2);
        }
    }

    /// Whether the program was started. If not, it never will be.
    pub(crate) fn has_started(&self) -> bool {
        self.program.is_some()
    }

    pub(crate) fn is_of_this_boot(&self) -> bool {
        self.is_of_this_boot
    }

    pub(crate) fn records(&self) -> &Records {
        &self.records
    }

    /// The program and everything that it has made, as things are now.
    pub(crate) async fn tree(&self) -> Result<ProcessTree, BackendError> {
        let ended = self.exit().await?.map(|exit| exit.at);
        let tree = ProcessTree::new(&self.root, Scope::Step(self.name.clone()));
        let leaders = self.running_program().into_iter().chain(self.supervisor.process);
        Ok(tree.with_sessions(leaders, ended).sparing(self.supervisor.process.into_iter().chain(self.pump.process)))
    }

    pub(crate) async fn exit(&self) -> Result<Option<Exit>, BackendError> {
        read(&self.records, Records::exit).await
    }

    /// Waits until the program has ended and that is written down, if it ever will be.
    pub(crate) async fn ended(&self) -> Result<(), BackendError> {
        self.supervisor.end().await?;
        // Somebody has ended the supervisor alone.
        if self.exit().await?.is_none()
            && let Some(program) = self.running_program()
            && let Some(watch) = program.watch().map_err(|error| call_error(message!("watch the step"), &error))?
        {
            process_tree::end_of(&watch).await?;
        }
        Ok(())
    }

    /// Waits for the supervisor, which writes its last line when the program has been killed.
    pub(crate) async fn end_supervisor(&self) -> Result<(), BackendError> {
        match (timeout(END_DEADLINE, self.supervisor.end()).await, &self.supervisor.watch) {
            (Ok(ended), _) => ended,
            (Err(_), Some(watch)) => process_tree::kill(watch),
            (Err(_), None) => Ok(()),
        }
    }

    /// Waits until the output has come to its end: nobody can write any more.
    pub(crate) async fn output_ended(&self) -> Result<(), BackendError> {
        self.pump.end().await
    }

    /// Waits for it when everybody who could write has been ended, as far as we can find them. True when the output had to be cut off,
    /// because somebody still holds it open.
    pub(crate) async fn drain_output(&self) -> Result<bool, BackendError> {
        match (self.pump.process, &self.pump.watch) {
            (Some(process), Some(watch)) => output::drain(process, watch).await,
            _ => Ok(false),
        }
    }

    /// Waits until the output is not kept any more, and finds out why: then the program should not go on. For ever when all is well.
    ///
    /// The supervisor holds the pipe open as long as it lives, so a pump that ends well before it cannot write, or was ended.
    pub(crate) async fn output_failed(&self) -> BackendError {
        if let Err(error) = self.pump.end().await {
            return error;
        }
        // What ends lets go of its pipes a moment before it has ended.
        match timeout(PIPE_DEADLINE, self.supervisor.end()).await {
            Ok(_) => pending().await,
            Err(_) => self.output_error().await,
        }
    }

    async fn output_error(&self) -> BackendError {
        match read(&self.records, Records::try_disk).await {
            Ok(()) => call_error(message!("keep the output of the step"), &io::Error::other(message!("its `cat` was ended"))),
            Err(error) => error,
        }
    }

    /// Ends everything, also what carries it.
    pub(crate) async fn kill_all(&mut self) -> Result<(), BackendError> {
        let killed = self.tree().await?.sparing_nobody().kill().await;
        // Ours are reaped also when others could not be ended.
        self.reap(true).await?;
        killed.map(|_| ())
    }

    /// Takes the processes that have ended from the system's table. An error when the pump was not able to do its work, unless its output
    /// `was_cut` off.
    pub(crate) async fn reap(&mut self, was_cut: bool) -> Result<(), BackendError> {
        if let Some(child) = &mut self.supervisor.child {
            reap(child.as_mut()).await?;
        }
        if let Some(child) = &mut self.pump.child {
            let status = reap(child.as_mut()).await?;
            if !status.success() && !was_cut {
                return Err(self.output_error().await);
            }
        }
        Ok(())
    }

    fn running_program(&self) -> Option<Process> {
        self.program.filter(|_| self.is_of_this_boot)
    }
}

async fn reap(child: &mut dyn ChildWrapper) -> Result<ExitStatus, BackendError> {
    let action = message!("end what carries the step");
    match timeout(END_DEADLINE, child.wait()).await {
        Ok(status) => status.map_err(|error| call_error(action, &error)),
        Err(_) => Err(call_error(action, &io::Error::other(message!("its process does not react to KILL")))),
    }
}

async fn read<T: Send + 'static>(records: &Records, read: fn(&Records) -> io::Result<T>) -> Result<T, BackendError> {
    let records = records.clone();
    blocking(message!("read what is written down of the step"), move || read(&records)).await
}

/// The step's working folder on this computer; the working copy when it has none.
fn working_folder(folder: &StageFolder, stage: &StageContext, step: &Step) -> Result<PathBuf, BackendError> {
    let workspace = &stage.stage.workspace;
    let Some(planned) = &step.working_dir else { return Ok(folder.dir(workspace)) };
    folder.map(workspace, planned).ok_or_else(|| {
        let base = &workspace.base;
        let message = message!("its working folder `{}` lies outside the workspace `{}`, which only a container can give", planned, base);
        crate::not_started(&step.name, message)
    })
}

fn start_error(step: &Step, error: &io::Error) -> BackendError {
    crate::not_started(&step.name, Message::of_error(error))
}
