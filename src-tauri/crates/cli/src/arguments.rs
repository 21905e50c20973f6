mod data;
mod history;
mod hook;
mod images;

pub use data::{Clean, Data, DataAction};
pub use history::{Filter, History, RunResult, Search};
pub use hook::{ExplainDelivery, Hook, HookAction, word_of};
pub use images::{Builder, ImageBuilder, ImageContext, Images, ImagesAction};

use crate::language::Language;
use clap::{Args, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Run build and deploy workflows in containers, from the terminal.
#[derive(Debug, Parser)]
#[command(
    name = "letterpress",
    version,
    after_help = "Exit codes: 0 passed, 1 failed, 2 bad usage or file, 3 no container engine, 130 cancelled."
)]
pub struct Arguments {
    /// Data folder (history, logs, secrets); the window's own when not given.
    #[arg(long, global = true, value_name = "FOLDER", env = "LETTERPRESS_HOME")]
    pub data: Option<PathBuf>,
    /// Language of everything that is said but for this help, which is in English; that of the system (LC_ALL, LC_MESSAGES, LANG) when not given.
    #[arg(long, global = true, value_enum, value_name = "LANGUAGE", env = "LETTERPRESS_LANGUAGE")]
    pub language: Option<Language>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the pipeline of a project and watch it.
    Run(Run),
    /// Print all findings about pipeline files and `.letterpress.yml`.
    Lint(Lint),
    /// Print what would run for an event.
    Plan(Plan),
    /// Look at what the images of a project are built of.
    Images(Images),
    /// Print what the code of a finding means.
    Explain(Explain),
    /// Print the JSON schema of a file, for editors.
    Schema(Schema),
    /// Webhooks of forges: what their deliveries mean.
    Hook(Hook),
    /// Watch a run from its beginning; go on with it where nobody drives it.
    Attach(Attach),
    /// Go on from where a run went wrong, without running again what passed.
    Retry(Attach),
    /// Ask a run to stop: its steps get their grace time, and clean-up steps run.
    Cancel(Stop),
    /// End the steps of a run at once: no grace time, no clean-up steps.
    Kill(Stop),
    /// Show runs that are under way or wait, and what they wait for.
    Queue(Queue),
    /// Let the pipelines of a project reach this computer: its folders, devices and network, privileged containers.
    Trust(Trust),
    /// Show the settings, or change one of them.
    Settings(ChangeSettings),
    /// Show runs, newest first.
    History(History),
    /// Look for a text in the logs of a run, or of all runs.
    Search(Search),
    /// Print the log of a run or of one step.
    Logs(Logs),
    /// Set, list and remove secrets, and say which project may have which.
    Secret(Secret),
    /// Show, copy, restore, move and clean up the data folder.
    Data(Data),
    /// Check what there is on this computer.
    Doctor(Doctor),
    /// Write completions for shells and manual pages, for who makes a package.
    #[command(hide = true)]
    GenerateFiles(GenerateFiles),
}

/// How to print.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON document, the same as the window gets.
    Json,
}

/// Where the steps may run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Place {
    /// In containers; the sample project also on this computer when no engine answers.
    #[default]
    Auto,
    /// In containers, or not at all.
    Docker,
    /// Directly on this computer, not isolated.
    Host,
}

/// `letterpress run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Folder of the project (any folder inside the repository), or `sample`.
    #[arg(default_value = ".")]
    pub folder: String,
    /// Tag, branch or commit; the commit that is checked out when not given.
    #[arg(long, value_name = "VERSION")]
    pub version: Option<String>,
    /// Workflow of `.letterpress.yml`; the first with the event when not given.
    #[arg(long, value_name = "NAME")]
    pub workflow: Option<String>,
    /// Event to make: push, tag (of a version with a tag), pull_request, promote and rollback (with `--target`), cron (with `--cron`), manual;
    /// the one that the other facts belong to when not given, else that of the workflow.
    #[arg(long, value_name = "EVENT", default_value = "", hide_default_value = true)]
    pub event: String,
    /// Target environment of a promotion or roll back.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub target: String,
    /// Name of the schedule.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub cron: String,
    /// Number of the pull request; 1 when not given.
    #[arg(long, value_name = "NUMBER")]
    pub pull_request: Option<u32>,
    /// Branch that a pull request comes from; that of the version when not given.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "BRANCH")]
    pub source: String,
    /// Branch that a pull request goes to; the default one when not given.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "BRANCH")]
    pub branch: String,
    /// A value of the form; may be repeated.
    #[arg(long = "input", short = 'i', value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// Where the steps may run.
    #[arg(long, value_enum, default_value_t)]
    pub backend: Place,
    /// Names this press, for scripts: the same key twice is one run, and the second command watches the run of the first. 1 to 100 letters,
    /// digits, `-`, `_`, `.` and `:`.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
}

/// `letterpress attach` and `letterpress retry`.
#[derive(Debug, Args)]
#[command(
    after_help = "Ctrl-C cancels the run, as with `letterpress run`. A run rests when the process that drives it ends otherwise: programs that were \
                  started go on, and what comes after them waits for the window or the next `letterpress attach`."
)]
pub struct Attach {
    /// `last`, the run's number in the project of the current folder, `PROJECT#NUMBER`, or the run's id.
    pub run: String,
}

/// `letterpress cancel` and `letterpress kill`.
#[derive(Debug, Args)]
pub struct Stop {
    /// `last`, the run's number in the project of the current folder, `PROJECT#NUMBER`, or the run's id.
    pub run: String,
}

/// `letterpress queue`.
#[derive(Debug, Args)]
pub struct Queue {
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `letterpress trust`.
#[derive(Debug, Args)]
pub struct Trust {
    /// Folder of the project (any folder inside the repository).
    #[arg(default_value = ".")]
    pub folder: String,
    /// Take the trust back.
    #[arg(long)]
    pub off: bool,
}

/// `letterpress settings`.
#[derive(Debug, Args)]
pub struct ChangeSettings {
    /// Which setting; all of them when none is named.
    pub name: Option<String>,
    /// What it is to be from now on; shown as it is when nothing is given.
    pub value: Option<String>,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `letterpress logs`.
#[derive(Debug, Args)]
pub struct Logs {
    /// `last`, the run's number in the project of the current folder, `PROJECT#NUMBER`, or the run's id.
    pub run: String,
    /// Name or number of a step, or `STAGE/STEP`; all steps when not given.
    pub step: Option<String>,
    /// Attempt of the step, from 1; the newest when not given.
    #[arg(long, value_name = "NUMBER")]
    pub attempt: Option<u32>,
}

/// `letterpress secret`.
#[derive(Debug, Args)]
pub struct Secret {
    /// What to do with it.
    #[command(subcommand)]
    pub action: SecretAction,
}

/// What to do with a secret.
#[derive(Debug, Subcommand)]
pub enum SecretAction {
    /// Set a secret. The value is typed without being shown, or read from standard input; never from the command line.
    Set {
        /// Its name.
        name: String,
        /// Whose it is.
        #[command(flatten)]
        owner: SecretOwner,
    },
    /// List names of secrets.
    List {
        /// How to print.
        #[arg(long, value_enum, default_value_t)]
        format: Format,
    },
    /// Remove a secret.
    Remove {
        /// Its name.
        name: String,
        /// Whose it is.
        #[command(flatten)]
        owner: SecretOwner,
    },
    /// Let runs of a project have a secret of all projects.
    Allow {
        /// Its name.
        name: String,
        /// Folder of the project; the current one when not given.
        #[arg(long, value_name = "FOLDER")]
        project: Option<String>,
    },
    /// Let runs of a project go on without a secret of all projects.
    Deny {
        /// Its name.
        name: String,
        /// Folder of the project; the current one when not given.
        #[arg(long, value_name = "FOLDER")]
        project: Option<String>,
    },
    /// Take back what was decided about a project and a secret of all projects.
    Forget {
        /// Its name.
        name: String,
        /// Folder of the project; the current one when not given.
        #[arg(long, value_name = "FOLDER")]
        project: Option<String>,
    },
}

/// Whose secret is meant; when nothing is given, that of the project around the current folder, else one of all projects.
#[derive(Debug, Args)]
pub struct SecretOwner {
    /// The project in this folder.
    #[arg(long, value_name = "FOLDER", conflicts_with = "everywhere")]
    pub project: Option<String>,
    /// All projects; each is asked about before its runs get it.
    #[arg(long)]
    pub everywhere: bool,
}

/// `letterpress explain`.
#[derive(Debug, Args)]
pub struct Explain {
    /// The code that stands in square brackets behind a finding, e.g. `not-trusted`.
    pub code: String,
}

/// `letterpress doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
}

/// `letterpress generate-files`.
#[derive(Debug, Args)]
pub struct GenerateFiles {
    /// Folder that gets `bash`, `zsh`, `fish` and `man`; it is made where there is none.
    pub folder: PathBuf,
}

/// `letterpress lint`.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 no errors, 1 errors (with `--strict` warnings too), 2 bad usage or a file that cannot be read.")]
pub struct Lint {
    /// Files, or folders that have some; a folder `.woodpecker` is one pipeline.
    #[arg(default_value = ".")]
    pub paths: Vec<PathBuf>,
    /// Instead of findings: what of the pipeline runs here as it is, what needs something from you, what is not supported, and what
    /// means something different.
    #[arg(long)]
    pub report: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: Format,
    /// Warnings count as errors.
    #[arg(long)]
    pub strict: bool,
}

/// `letterpress schema`.
#[derive(Debug, Args)]
pub struct Schema {
    /// Of which file: of Drone 0.5 to 0.8, of Drone 1.x and 2.x, of Woodpecker, or `.letterpress.yml`.
    #[arg(value_enum)]
    pub of: SchemaName,
}

/// The languages that files are written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SchemaName {
    /// `.drone.yml` of Drone 0.5 to 0.8.
    Drone08,
    /// `.drone.yml` of Drone 1.x and 2.x.
    Drone1,
    /// `.woodpecker.yml` and `.woodpecker/*.yml`.
    Woodpecker,
    /// `.letterpress.yml`.
    Workflow,
}

/// How to print a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum PlanFormat {
    /// For reading.
    #[default]
    Yaml,
    /// For programs.
    Json,
}

/// `letterpress plan`.
#[derive(Debug, Args)]
pub struct Plan {
    /// The pipeline file, or a folder that has one; a folder `.woodpecker` is one pipeline.
    #[arg(default_value = ".")]
    pub file: PathBuf,
    /// Event: push, tag, pull_request, promote, rollback, cron, manual; the one that the other facts belong to when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub event: String,
    /// Branch, of a pull request the one it goes to; that of the repository around the file when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub branch: String,
    /// Tag.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub tag: String,
    /// Target environment.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub target: String,
    /// Message of the commit.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    pub message: String,
    /// A file that changed; may be repeated.
    #[arg(long = "path", value_name = "FILE")]
    pub changed_files: Vec<String>,
    /// Name of the schedule.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "NAME")]
    pub cron: String,
    /// Number of the pull request.
    #[arg(long, value_name = "NUMBER")]
    pub pull_request: Option<u32>,
    /// Branch that the pull request comes from; the one that is checked out when not given.
    #[arg(long, default_value = "", hide_default_value = true, value_name = "BRANCH")]
    pub source: String,
    /// What happened to the pull request; `opened` when not given.
    #[arg(long, default_value = "", hide_default_value = true)]
    pub action: String,
    /// A value of the form; may be repeated.
    #[arg(long = "input", short = 'i', value_name = "NAME=VALUE")]
    pub inputs: Vec<String>,
    /// As for a project that is trusted with the machine.
    #[arg(long)]
    pub trusted: bool,
    /// How to print.
    #[arg(long, value_enum, default_value_t)]
    pub format: PlanFormat,
}
