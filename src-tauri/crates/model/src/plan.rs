//! The plan: a pipeline compiled for one event. Plain, versioned, printable data between the compiler, the engine and the
//! store. It holds *names* of secrets, never values, and no condition that would have to be evaluated later:
//! `when`, `failure`, groups and graphs have become [`Step::needs`], [`Step::run_on`] and [`Step::on_failure`].

use crate::build_image::{BuildImage, RealPlugin};
use crate::checkout::Checkout;
use crate::facts::EventFacts;
use crate::ids::{StageNumber, StepNumber};
use crate::message::Message;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Newest version of the plan's shape, stored with every run. An app that meets a newer one refuses to run it again.
pub const PLAN_VERSION: u32 = 2;

/// Version of a plan in which no step builds an image: earlier versions of the app can run it.
pub const PLAN_VERSION_WITHOUT_BUILDS: u32 = 1;

/// [`Plan::cleanup_timeout_s`] where nothing else is said.
pub const CLEANUP_TIMEOUT_S: u64 = 300;

fn default_cleanup_timeout_s() -> u64 {
    CLEANUP_TIMEOUT_S
}

fn is_default_cleanup_timeout_s(seconds: &u64) -> bool {
    *seconds == CLEANUP_TIMEOUT_S
}

/// Which language the pipeline file is written in (`drone.md` §0.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dialect {
    /// Drone 0.5 to 0.8: `pipeline:` as a map.
    Drone08,
    /// Drone 1.x and 2.x: documents with `kind:`.
    Drone1,
    /// Woodpecker: `steps:` without `kind:`, or `.woodpecker.yml`.
    Woodpecker,
}

/// What kind of place a stage runs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackendKind {
    /// Containers of an engine (Docker, Podman).
    Docker,
    /// Child processes on this computer, not isolated.
    Host,
}

/// A pipeline compiled for one event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`], or an older one that has everything that the plan needs.
    pub version: u32,
    /// The language of the file.
    pub dialect: Dialect,
    /// Path of the pipeline file in the repository.
    pub file: String,
    /// The facts it was compiled for.
    pub event: EventFacts,
    /// Time limit of the whole run in seconds (the dialects' default is 60 minutes).
    pub timeout_s: u64,
    /// Whether steps that run on failure still run after the user cancelled (differs between dialects, `drone.md` §2.2).
    #[serde(default)]
    pub cleanup_on_cancel: bool,
    /// How long those steps may take, in seconds from the end of the grace time on; 0 is no limit of their own.
    #[serde(default = "default_cleanup_timeout_s", skip_serializing_if = "is_default_cleanup_timeout_s")]
    pub cleanup_timeout_s: u64,
    /// Stages in file order.
    pub stages: Vec<Stage>,
    /// What the file describes and a condition keeps out of this run, in file order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub left_out: Vec<LeftOut>,
}

/// A stage or step that does not run for the event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// Name of the stage, or of the one that the step would belong to.
    pub stage: String,
    /// Name of the step; empty for a whole stage.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub step: String,
    /// Path of the file that it stands in, where a plan has several; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// The condition that does not hold, and what it was compared with.
    pub reason: Message,
}

impl Plan {
    /// The stage with that number.
    pub fn stage(&self, number: StageNumber) -> Option<&Stage> {
        self.stages.iter().find(|s| s.number == number)
    }

    /// Names of all secrets that any step asks for, sorted, without repetition.
    pub fn secret_names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .stages
            .iter()
            .flat_map(|stage| &stage.steps)
            .flat_map(|step| step.environment.values())
            .flat_map(EnvValue::secret_names)
            .map(str::to_owned)
            .collect();
        names.sort();
        names.dedup();
        names
    }
}

/// A part of a plan with one working copy on one backend (a Drone 1.x pipeline, a Woodpecker workflow, a matrix cell).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Position in the plan, from 1.
    pub number: StageNumber,
    /// Name as in the file; unique in the plan.
    pub name: String,
    /// Path of the file that it comes from, where a plan has several; else empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub file: String,
    /// Where it runs.
    pub backend: BackendKind,
    /// Stages that must have ended before.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<StageNumber>,
    /// After which results of the stages in `needs` it runs.
    #[serde(default)]
    pub run_on: RunOn,
    /// Where the working copy lies.
    pub workspace: Workspace,
    /// Whether the commit's files are put into the working copy (`clone: disable: true` and `skip_clone` say no).
    pub source: bool,
    /// The repository that the working copy is; `None` gives the files alone (plans of earlier versions of the app).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkout: Option<Checkout>,
    /// How many such stages may run at the same time, over all runs of the project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concurrency: Option<Concurrency>,
    /// Values of the matrix cell, empty otherwise.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub matrix: BTreeMap<String, String>,
    /// Volumes that its steps may mount, besides the working copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<Volume>,
    /// Services and steps in file order (services first). `steps[i].number` is `i + 1`.
    pub steps: Vec<Step>,
}

impl Stage {
    /// The step with that number.
    pub fn step(&self, number: StepNumber) -> Option<&Step> {
        self.steps.iter().find(|s| s.number == number)
    }
}

/// A limit for stages that run at the same time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Concurrency {
    /// Most of them at a time, at least 1.
    pub limit: u32,
    /// Stages of the project that name the same group are counted together; without a group those of the same name are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// Where the working copy of a stage is seen by its steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Mount point of the volume in every container: an absolute path.
    pub base: String,
    /// Folder of the working copy relative to the base, possibly empty.
    pub path: String,
}

impl Workspace {
    /// Absolute path of the working copy: `base` joined with `path`.
    pub fn dir(&self) -> String {
        let base = self.base.trim_end_matches('/');
        match self.path.trim_matches('/') {
            "" if base.is_empty() => "/".to_owned(),
            "" => base.to_owned(),
            path => format!("{base}/{path}"),
        }
    }
}

/// A volume that belongs to a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Volume {
    /// Name that [`Mount`] refers to.
    pub name: String,
    /// Where it comes from.
    pub kind: VolumeKind,
}

/// Where a volume comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VolumeKind {
    /// Lives as long as the stage.
    Temp,
    /// A path of the machine: only for trusted projects.
    Host(String),
    /// Memory: only for trusted projects.
    Memory,
}

/// A volume mounted in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    /// [`Volume::name`].
    pub volume: String,
    /// Absolute path in the container.
    pub path: String,
    /// Whether the step may not write there.
    #[serde(default)]
    pub read_only: bool,
}

/// What a step is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// Runs the commands of the file in a shell.
    Commands,
    /// Runs the program of the image, steered by its environment.
    Plugin,
    /// Runs beside the steps until the stage ends; its own result does not count.
    Service,
}

/// After which results something runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RunOn {
    /// While nothing has failed.
    pub success: bool,
    /// After something has failed.
    pub failure: bool,
}

impl Default for RunOn {
    fn default() -> Self {
        Self { success: true, failure: false }
    }
}

/// What a failing step means for its stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// The stage fails.
    #[default]
    Fail,
    /// The step is shown as failed, the stage goes on as if it had passed.
    Ignore,
    /// The whole run is cancelled at once (1.x `failure: fast`, Woodpecker 3 `failure: cancel`).
    CancelRun,
}

/// What happens when a secret that a step asks for does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingSecret {
    /// Its variable is not set, which is noted (Drone).
    #[default]
    Unset,
    /// The step does not start (Woodpecker from 1.0 on).
    Error,
}

impl MissingSecret {
    /// Whether nothing was said.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// When an image is fetched from its registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PullPolicy {
    /// Only when it is not on the machine.
    #[default]
    IfMissing,
    /// Before every run of the step; without it the step does not run (`always` of Drone 1.x).
    Always,
    /// Before every run of the step; an image that cannot be fetched but is present is used, with a note, unless there is a login for its registry
    /// (`pull: true` of Drone 0.8 and Woodpecker, whose engines go on where nobody is logged in: `ImagePull` in their `docker.go`).
    Refresh,
    /// Never: it must be there.
    Never,
    /// Always when the tag is `latest`, else if missing (the default of Drone 1.x); one that cannot be fetched
    /// but is present is used, with a note.
    Latest,
}

/// The value of an environment variable of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvValue {
    /// The text itself.
    Text(String),
    /// The value of the secret with that name; when there is none, [`Step::missing_secret`] counts.
    Secret(String),
    /// Known only when the step starts.
    Runtime(RuntimeFact),
    /// A text with secrets in it (Woodpecker's `from_secret` inside a list or map); when one of them does not exist,
    /// [`Step::missing_secret`] counts.
    Template(Vec<EnvPiece>),
}

impl EnvValue {
    /// The secrets that it asks for.
    pub fn secret_names(&self) -> Vec<&str> {
        match self {
            Self::Secret(name) => vec![name],
            Self::Template(pieces) => pieces.iter().filter_map(EnvPiece::secret_name).collect(),
            Self::Text(_) | Self::Runtime(_) => Vec::new(),
        }
    }
}

/// A piece of an [`EnvValue::Template`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnvPiece {
    /// The text itself.
    Text(String),
    /// The value of the secret with that name.
    Secret(String),
    /// The value of the secret with that name as it stands between the quotes of a JSON text.
    JsonSecret(String),
}

impl EnvPiece {
    /// The secret that it asks for.
    pub fn secret_name(&self) -> Option<&str> {
        match self {
            Self::Secret(name) | Self::JsonSecret(name) => Some(name),
            Self::Text(_) => None,
        }
    }
}

/// Facts that are known only when a step starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuntimeFact {
    /// `success` or `failure`: the run so far.
    RunStatus,
    /// `success` or `failure`: the stage so far.
    StageStatus,
    /// Start of the run, seconds since 1970 UTC.
    RunStartedS,
    /// Start of the stage, seconds since 1970 UTC.
    StageStartedS,
    /// Start of the step, seconds since 1970 UTC.
    StepStartedS,
    /// Now, as a stand-in for "finished" (Drone sets it at the start of each step), seconds since 1970 UTC.
    NowS,
    /// Names of the failed steps, joined with commas; empty while nothing failed.
    FailedSteps,
    /// Path of [`Workspace::base`] as the step sees it.
    WorkspaceBase,
    /// Path of [`Workspace::dir`] as the step sees it.
    WorkspaceDir,
    /// Name of the machine that the backend runs on.
    Machine,
}

/// One container (or process) of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Position in the stage, from 1.
    pub number: StepNumber,
    /// Name as in the file; also the host name of a service or step on the stage's network.
    pub name: String,
    /// What it is.
    pub kind: StepKind,
    /// Image as written in the file; empty on the host backend.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub image: String,
    /// When to fetch the image.
    #[serde(default)]
    pub pull: PullPolicy,
    /// Overrides the image's entrypoint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Overrides the image's command. For `commands` of the file, entrypoint and command together carry the shell and
    /// the wrapped script (`drone.md` §2.3); standard input is always empty.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Environment, all of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, EnvValue>,
    /// What it means when one of the secrets in the environment does not exist.
    #[serde(default, skip_serializing_if = "MissingSecret::is_default")]
    pub missing_secret: MissingSecret,
    /// Absolute working folder as the container sees it; `None` keeps the image's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_dir: Option<String>,
    /// Mount point of the working copy in this step's container, where it is not the stage's ([`Workspace::base`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workspace_base: Option<String>,
    /// Steps that must have ended before this one starts; of a detached step: that it has started.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<StepNumber>,
    /// After which results of the stage so far it runs.
    #[serde(default)]
    pub run_on: RunOn,
    /// What its failure means.
    #[serde(default)]
    pub on_failure: OnFailure,
    /// Started, not waited for; ended with the stage. Services are always detached.
    #[serde(default)]
    pub detached: bool,
    /// Whether exit code 78 ends the stage early as passed (Drone 1.x, `drone.md` §2.2).
    #[serde(default)]
    pub exit_78_ends_stage: bool,
    /// Time limit in seconds, besides the run's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout_s: Option<u64>,
    /// Asks for all rights on the machine; only for trusted projects.
    #[serde(default)]
    pub privileged: bool,
    /// User (and group) in the container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Volumes besides the working copy.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mounts: Vec<Mount>,
    /// Lines `name:address` for the hosts file; only for trusted projects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extra_hosts: Vec<String>,
    /// Name servers; only for trusted projects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns: Vec<String>,
    /// Search domains; only for trusted projects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_search: Vec<String>,
    /// Joins this network instead of the stage's; only for trusted projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network_mode: Option<String>,
    /// Size of `/dev/shm` in bytes; only for trusted projects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shm_bytes: Option<u64>,
    /// Limit of memory in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes: Option<u64>,
    /// The image that the step builds, instead of running a container.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub build_image: Option<Box<BuildImage>>,
    /// Of an image plugin whose container runs: why it does, and what it is told to build.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub real_plugin: Option<Box<RealPlugin>>,
    /// First line of the step in the pipeline file, from 1 (0: not from the file).
    #[serde(default)]
    pub line: u32,
}

impl Step {
    /// A step with that number, name and kind and nothing else set: for the compiler and for tests to fill in.
    pub fn new(number: u32, name: &str, kind: StepKind) -> Self {
        Self {
            number: StepNumber(number),
            name: name.to_owned(),
            kind,
            image: String::new(),
            pull: PullPolicy::default(),
            entrypoint: None,
            command: None,
            environment: BTreeMap::new(),
            missing_secret: MissingSecret::default(),
            working_dir: None,
            workspace_base: None,
            needs: Vec::new(),
            run_on: RunOn::default(),
            on_failure: OnFailure::default(),
            detached: kind == StepKind::Service,
            exit_78_ends_stage: false,
            timeout_s: None,
            privileged: false,
            user: None,
            mounts: Vec::new(),
            extra_hosts: Vec::new(),
            dns: Vec::new(),
            dns_search: Vec::new(),
            network_mode: None,
            shm_bytes: None,
            memory_bytes: None,
            build_image: None,
            real_plugin: None,
            line: 0,
        }
    }

    /// Where the step sees the working copy of a stage that has it at `workspace`.
    pub fn workspace(&self, workspace: &Workspace) -> Workspace {
        let base = self.workspace_base.as_ref().unwrap_or(&workspace.base);
        Workspace { base: base.clone(), path: workspace.path.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::EventKind;
    use crate::message;

    #[test]
    fn workspace_joins_base_and_path() {
        let dir = |base: &str, path: &str| Workspace { base: base.into(), path: path.into() }.dir();
        assert_eq!(dir("/drone/src", ""), "/drone/src");
        assert_eq!(dir("/drone", "src/github.com/a/b"), "/drone/src/github.com/a/b");
        assert_eq!(dir("/go/", "/src/"), "/go/src");
        assert_eq!(dir("/", ""), "/");
    }

    #[test]
    fn a_step_of_an_earlier_version_builds_nothing_by_itself() {
        let stored = r#"{"number":1,"name":"publish","kind":"plugin","image":"plugins/docker","line":3}"#;
        let step: Step = serde_json::from_str(stored).expect("a step as it was stored before there were builds");
        assert_eq!((step.build_image, step.real_plugin), (None, None));
    }

    #[test]
    fn a_plan_survives_being_written_down() {
        let mut step = Step::new(1, "build", StepKind::Commands);
        step.environment.insert("TOKEN".into(), EnvValue::Secret("token".into()));
        step.environment.insert("DRONE_BUILD_STATUS".into(), EnvValue::Runtime(RuntimeFact::RunStatus));
        let pieces = vec![EnvPiece::Text("a,".into()), EnvPiece::Secret("pin".into()), EnvPiece::JsonSecret("token".into())];
        step.environment.insert("PLUGIN_LIST".into(), EnvValue::Template(pieces));
        let plan = Plan {
            version: PLAN_VERSION,
            dialect: Dialect::Drone1,
            file: ".drone.yml".into(),
            event: EventFacts::new(EventKind::Push),
            timeout_s: 3600,
            cleanup_on_cancel: false,
            cleanup_timeout_s: CLEANUP_TIMEOUT_S,
            stages: vec![Stage {
                number: StageNumber(1),
                name: "default".into(),
                file: String::new(),
                backend: BackendKind::Docker,
                needs: vec![],
                run_on: RunOn::default(),
                workspace: Workspace { base: "/drone/src".into(), path: String::new() },
                source: true,
                checkout: Some(Checkout::on_branch("main")),
                concurrency: None,
                matrix: BTreeMap::new(),
                volumes: vec![],
                steps: vec![step],
            }],
            left_out: vec![LeftOut { stage: "default".into(), step: "deploy".into(), file: String::new(), reason: message!("x") }],
        };
        let text = serde_json::to_string(&plan).expect("plain data");
        assert_eq!(serde_json::from_str::<Plan>(&text).expect("reads back"), plan);
        assert_eq!(plan.secret_names(), ["pin", "token"]);
    }
}
