//! What there is on this computer.

use crate::app::App;
use crate::dto::{ApiError, AppStatus, DiskStatus, KeyPlaceWord, Tag};
use crate::secret::vault_door::Known;
use lp_secret::vault::KeyPlace;
use lp_store::ProjectKind;
use std::path::Path;

/// Below this the disk counts as low: an image and a working copy need about as much.
const LOW_BYTES: u64 = 1_000_000_000;

impl App {
    /// What there is; engines as they answered last.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn status(&self) -> Result<AppStatus, ApiError> {
        self.status_with(false).await
    }

    /// The same after asking the engines again.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn probe_engines(&self) -> Result<AppStatus, ApiError> {
        self.choose_engine(&self.settings().await?.engine).await;
        let status = self.status_with(true).await?;
        self.hub.tell([Tag::Status, Tag::Plans]);
        Ok(status)
    }

    async fn status_with(&self, ask_again: bool) -> Result<AppStatus, ApiError> {
        let projects = self.store.projects().await?;
        let sample = projects.into_iter().find(|project| project.kind == ProjectKind::Sample);
        let (key_place, key_path) = self.key_place().await;
        let left = self.ownership.left();
        Ok(AppStatus {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            data_folder: self.options.data_folder.display().to_string(),
            is_owner: self.ownership.is_ours(),
            engines: self.engines.statuses(ask_again).await,
            disk: disk(&self.options.data_folder),
            key_place,
            key_path,
            resumed_runs: left.resumed,
            interrupted_runs: left.interrupted,
            sample_project: sample.map(|project| project.id.to_string()),
        })
    }

    /// Where the key lies, as far as it is known without asking for it: a key store may want a password, or never answer.
    async fn key_place(&self) -> (KeyPlaceWord, String) {
        let file = self.key_file();
        match self.vault.known() {
            Known::Open(vault) => match vault.place() {
                KeyPlace::OsKeyStore => (KeyPlaceWord::OsKeyStore, String::new()),
                KeyPlace::File(path) => (KeyPlaceWord::File, path.display().to_string()),
            },
            Known::Refused => (KeyPlaceWord::Unavailable, String::new()),
            Known::Nothing if !self.store.has_secrets().await.unwrap_or(false) => (KeyPlaceWord::NotYet, String::new()),
            // One that exists is the one that counts.
            Known::Nothing if file.exists() => (KeyPlaceWord::File, file.display().to_string()),
            Known::Nothing => (KeyPlaceWord::NotFetched, String::new()),
        }
    }
}

fn disk(folder: &Path) -> DiskStatus {
    // A file system that gives no answer is shown as empty rather than hiding everything else.
    let free_bytes = fs4::available_space(folder).unwrap_or(0);
    let total_bytes = fs4::total_space(folder).unwrap_or(0);
    DiskStatus { free_bytes, total_bytes, low: free_bytes < LOW_BYTES }
}
