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
    /// Every place that was asked for a container engine, in order of preference; the first that answers is used.
    pub engines: Vec<EngineStatus>,
    /// Room for images, volumes and logs.
    pub disk: DiskStatus,
    /// Where the key that encrypts secrets lies.
    pub key_place: KeyPlaceWord,
    /// Path of the key file when `key_place` is `file`, empty otherwise.
    pub key_path: String,
    /// Runs that were interrupted because the app ended, found at this start.
    pub interrupted_runs: Vec<String>,
    /// Id of the sample project when it is there.
    pub sample_project: Option<String>,
}

/// A place that may be a container engine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
pub struct EngineStatus {
    /// `Docker`, `Podman`, or the address when it does not answer.
    pub name: String,
    /// Its version; empty when it does not answer.
    pub version: String,
    /// API version agreed on; empty when it does not answer.
    pub api_version: String,
    /// Address of its socket.
    pub address: String,
    /// Whether it answers.
    pub answers: bool,
    /// Why not, or empty.
    pub problem: String,
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
    /// There are secrets, and the key that opens them cannot be found or read.
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
}

impl Default for Settings {
    fn default() -> Self {
        Self { language: Language::System, theme: Theme::System, grace_s: 10, max_runs: 2 }
    }
}
