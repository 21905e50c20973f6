use lp_model::Message;
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
    pub problem: Message,
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
