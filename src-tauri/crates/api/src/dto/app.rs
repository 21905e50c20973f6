use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What there is on this computer: the first screen and the settings page.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct AppStatus {
    /// Version of Letterpress.
    pub version: String,
    /// Folder with the database, the logs and the keys.
    pub data_folder: String,
    /// Whether this process drives runs; `false` while another Letterpress owns the data folder.
    pub is_owner: bool,
    /// Every container engine that this computer may know, those that may be used first, in order of preference.
    pub engines: Vec<EngineStatus>,
    /// Room for images, volumes and logs.
    pub disk: DiskStatus,
    /// Where the key that encrypts secrets lies.
    pub key_place: KeyPlaceWord,
    /// Path of the key file when `key_place` is `file`, empty otherwise.
    pub key_path: String,
    /// Runs that an earlier Letterpress left under way and that go on now.
    pub resumed_runs: Vec<String>,
    /// Runs that an earlier Letterpress left under way and that cannot go on: each says why.
    pub interrupted_runs: Vec<String>,
    /// Id of the sample project when it is there.
    pub sample_project: Option<String>,
}

/// A place that may be a container engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EngineStatus {
    /// What `Settings::engine` has to be for it to be used: the name of its docker context, else its address.
    pub choice: String,
    /// Name of its docker context; empty when it has none.
    pub context: String,
    /// What its docker context says about it, or empty.
    pub description: String,
    /// `Docker`, `Podman`, or the address when it does not answer.
    pub name: String,
    /// Its version; empty when it does not answer.
    pub version: String,
    /// API version agreed on; empty when it does not answer.
    pub api_version: String,
    /// Its address: of a socket of this computer, or of another computer.
    pub address: String,
    /// Whether steps run there (or would, if it answered).
    pub used: bool,
    /// Whether it was asked. Engines that are not used are asked only on request.
    pub asked: bool,
    /// Whether it answers.
    pub answers: bool,
    /// Why it does not answer, or empty.
    pub problem: String,
    /// Whether it is the service of Podman, started by Letterpress because no other engine answered.
    pub started_by_app: bool,
}

/// Free space.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
pub struct DiskStatus {
    /// Free bytes for this user where the data folder lies.
    #[ts(type = "number")]
    pub free_bytes: u64,
    /// Size of that file system in bytes.
    #[ts(type = "number")]
    pub total_bytes: u64,
    /// Whether it is less than a gigabyte.
    pub low: bool,
}

/// Where the key of the vault lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum KeyPlaceWord {
    /// In the key store of the operating system.
    OsKeyStore,
    /// In a file that only this user may read, because there is no key store.
    File,
    /// Nowhere yet: no secret was stored.
    NotYet,
    /// There are secrets, and the key is fetched from the key store of the system when one is needed.
    NotFetched,
    /// There are secrets, and the key that opens them could not be found or read the last time.
    Unavailable,
}

/// Language of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
pub enum Language {
    /// As the system says.
    #[default]
    #[serde(rename = "system")]
    System,
    /// Simplified Chinese.
    #[serde(rename = "zh-CN")]
    ZhCn,
    /// English.
    #[serde(rename = "en")]
    En,
}

/// Colours of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
pub enum Theme {
    /// As the system says.
    #[default]
    System,
    /// Dark text on light.
    Light,
    /// Light text on dark.
    Dark,
}

/// What the user set; kept in the data folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(default)]
pub struct Settings {
    /// Language of the window.
    pub language: Language,
    /// Colours of the window.
    pub theme: Theme,
    /// Seconds between asking a step to end and killing it, 1 to 600.
    pub grace_s: u32,
    /// How many runs may go on at once, 1 to 16.
    pub max_runs: u32,
    /// How many runs of one project may go on at once, 0 to 16; 0: as many as `max_runs` allows.
    pub max_runs_per_project: u32,
    /// How many runs to one environment of a project may go on at once, 0 to 16; 0: as many as the others allow.
    pub max_runs_per_environment: u32,
    /// How many steps may run at once on this computer, of all runs together, 0 to 1000; 0: four for each processor. Services do not count.
    pub max_steps: u32,
    /// How many megabytes the log of one step may have, 1 to 1 000 000. What its program writes beyond that is not kept.
    pub max_log_mb: u32,
    /// For how many days the files of a run that did not pass are kept for a retry, 0 to 365; 0: not at all.
    pub keep_failed_days: u32,
    /// How many megabytes of such files are kept, 0 to 1 000 000: the oldest go first. 0: none.
    pub keep_failed_mb: u32,
    /// How many seconds a step waits for a container engine that went away, 0 to 3600.
    pub engine_patience_s: u32,
    /// Which container engine: the name of a docker context, or an address such as `ssh://user@host`. Empty: found as the `docker` command
    /// does it, else the first of the usual places that answers.
    pub engine: String,
}

/// Files of runs that did not pass, kept for a retry.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeptFiles {
    /// The runs, newest first.
    pub runs: Vec<KeptRun>,
    /// What all of them take, in bytes, as far as it is known.
    #[ts(type = "number")]
    pub bytes: u64,
}

/// A run whose files are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct KeptRun {
    /// Its id.
    pub run: String,
    /// Its number in the project.
    pub number: u32,
    /// The project's id.
    pub project: String,
    /// The project's name.
    pub project_name: String,
    /// When it ended, RFC 3339.
    pub ended: Option<String>,
    /// What its files take, in bytes; `None` where the engine cannot say.
    #[ts(type = "number | null")]
    pub bytes: Option<u64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            language: Language::System,
            theme: Theme::System,
            grace_s: 10,
            max_runs: 2,
            max_runs_per_project: 0,
            max_runs_per_environment: 1,
            max_steps: 0,
            max_log_mb: 2000,
            keep_failed_days: 7,
            keep_failed_mb: 5000,
            engine_patience_s: 300,
            engine: String::new(),
        }
    }
}
