use crate::dto::Finding;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// Where a project came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum ProjectKind {
    /// A folder that the user opened.
    Folder,
    /// The sample that comes with the app.
    Sample,
}

/// A project in a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProjectSummary {
    /// Its id.
    pub id: String,
    /// Its name: the folder's.
    pub name: String,
    /// Its folder.
    pub path: String,
    /// Where it came from.
    pub kind: ProjectKind,
    /// Its newest run, if any.
    pub last_run: Option<crate::dto::RunSummary>,
    /// Whether its pipelines may reach this computer: its folders, devices and network, privileged containers.
    pub trusted: bool,
    /// Whether the containers of image plugins run, with the rights that their servers give them, instead of the engine building by itself.
    pub real_plugins: bool,
    /// What happens when one of its runs is cancelled.
    pub cleanup: Cleanup,
}

/// Whether steps that run after a failure still run when a run is cancelled.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Cleanup {
    /// Whether they do.
    pub policy: CleanupPolicy,
    /// How many seconds they may take, 1 to 86 400; `None`: as the pipeline's language says (5 minutes).
    pub seconds: Option<u32>,
}

/// See [`Cleanup`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum CleanupPolicy {
    /// As in the program that the pipeline was written for.
    #[default]
    Dialect,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// Everything that the project screen shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct ProjectDetail {
    /// The project.
    pub project: ProjectSummary,
    /// Its buttons, in the author's order.
    pub workflows: Vec<Workflow>,
    /// Versions that can be picked, newest first: tags, and commits of branches.
    pub versions: Vec<Version>,
    /// Findings about `.letterpress.yml` and the pipeline file at the newest version (errors and warnings).
    pub findings: Vec<Finding>,
    /// Values that were used last, per workflow name and input name.
    pub last_inputs: std::collections::BTreeMap<String, std::collections::BTreeMap<String, String>>,
}

/// Text in the languages that its author gave: language tag (`zh-CN`, `en`) to text; the key `""` is for all others.
pub type Localised = std::collections::BTreeMap<String, String>;

/// A button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Workflow {
    /// Its name in `.letterpress.yml`, unique in the project.
    pub name: String,
    /// Its title. For derived workflows empty: the window translates `derived`.
    pub title: Localised,
    /// One sentence, or empty.
    pub description: Localised,
    /// Whether it comes from the pipeline file alone (no `.letterpress.yml`).
    pub derived: bool,
    /// The event it makes: `push`, `tag`, `promote`, …
    pub event: String,
    /// Whether a version that is a tag makes the event `tag` instead, where the pipeline has something for it.
    pub by_version: bool,
    /// The environment it goes to, or empty.
    pub target: String,
    /// The schedule it is for, or empty.
    pub cron: String,
    /// Path of the pipeline file.
    pub pipeline: String,
    /// Fields of its form, in the author's order.
    pub inputs: Vec<Input>,
}

/// Kind of a form field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum InputKind {
    /// A line of text.
    Text,
    /// One of `options`.
    Choice,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
}

/// A form field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Input {
    /// Its name: the environment variable.
    pub name: String,
    /// What stands before it; empty: the name.
    pub label: Localised,
    /// A sentence under it, or empty.
    pub help: Localised,
    /// What can be entered.
    pub kind: InputKind,
    /// Value at first, or empty.
    pub default: String,
    /// Whether it must have a value.
    pub required: bool,
    /// For `choice`: what can be chosen.
    pub options: Vec<String>,
    /// Regular expression that the whole value must match, or empty.
    pub pattern: String,
}

/// A commit in words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct Version {
    /// What to pass in a request (the reference of a tag, else the commit's id): never shown.
    pub id: String,
    /// Name in words: the tag, else empty (the window then shows the time).
    pub name: String,
    /// First line of the commit message.
    pub title: String,
    /// Who wrote it.
    pub author: String,
    /// When, RFC 3339.
    pub time: String,
    /// Branches whose newest commit it is.
    pub branches: Vec<String>,
    /// Newest run of this version, if any.
    pub last_run: Option<crate::dto::RunSummary>,
}

/// What is wrong with a value of a form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct InputProblem {
    /// The input's name.
    pub input: String,
    /// What.
    pub message: lp_model::Message,
}
