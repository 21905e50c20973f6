//! What Harbor knows of an image beyond `/v2`: which of its tags are immutable, and what scanners found.

use super::{Harbor, repository_path};
use crate::Repository;
use crate::error::{Action, ErrorKind, RegistryError};
use crate::reference::Reference;
use lp_model::{Message, message};
use reqwest::Method;
use serde::Deserialize;
use std::collections::BTreeMap;

/// What Harbor knows of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Artifact {
    /// Of its manifest.
    pub digest: String,
    /// Of the image, in bytes.
    pub size_bytes: u64,
    /// All tags that point to it.
    pub tags: Vec<TagState>,
    /// What a scanner found; `None`: it was never asked.
    pub scan: Option<Scan>,
}

/// A tag, and whether it may be changed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct TagState {
    /// Its name.
    pub name: String,
    /// It stays as it is.
    #[serde(default)]
    pub immutable: bool,
}

/// How far a scan is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ScanState {
    /// Waits or runs.
    Running,
    /// There are results.
    Done,
    /// It failed or was stopped: results are missing or old.
    Failed,
}

/// How bad a finding is, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Critical.
    Critical,
    /// High.
    High,
    /// Medium.
    Medium,
    /// Low.
    Low,
    /// Anything else that a scanner says.
    Other,
}

impl Severity {
    fn of(word: &str) -> Self {
        match word {
            "Critical" => Self::Critical,
            "High" => Self::High,
            "Medium" => Self::Medium,
            "Low" => Self::Low,
            _ => Self::Other,
        }
    }

    fn told(self, count: u64) -> Message {
        match self {
            Self::Critical => message!("{} critical", count),
            Self::High => message!("{} high", count),
            Self::Medium => message!("{} medium", count),
            Self::Low => message!("{} low", count),
            Self::Other => message!("{} of unknown severity", count),
        }
    }
}

/// What a scanner found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scan {
    /// How far it is.
    pub state: ScanState,
    /// How many findings there are of each severity, without those of which there is none.
    pub findings: BTreeMap<Severity, u64>,
    /// How many of them a newer version of something would end.
    pub fixable: u64,
    /// Name and version of the scanner.
    pub scanner: String,
}

impl Scan {
    /// The result, for people: `3 critical, 9 high; 30 of them can be fixed`.
    pub fn told(&self) -> Message {
        match self.state {
            ScanState::Running => return message!("the scan is under way"),
            ScanState::Failed => return message!("the scan failed"),
            ScanState::Done if self.findings.is_empty() => return message!("the scan found nothing"),
            ScanState::Done => {}
        }
        let list = Message::joined(self.findings.iter().map(|(severity, count)| severity.told(*count)), ", ");
        message!("findings of the scan: {}; {} of them can be fixed", list, self.fixable)
    }
}

#[derive(Deserialize)]
struct ArtifactAnswer {
    digest: String,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    tags: Option<Vec<TagState>>,
    #[serde(default)]
    scan_overview: Option<BTreeMap<String, Overview>>,
}

#[derive(Deserialize)]
struct Overview {
    #[serde(default)]
    scan_status: String,
    #[serde(default)]
    summary: Option<Summary>,
    #[serde(default)]
    scanner: Option<Scanner>,
}

#[derive(Deserialize)]
struct Summary {
    #[serde(default)]
    fixable: u64,
    #[serde(default)]
    summary: Option<BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
struct Scanner {
    #[serde(default)]
    name: String,
    #[serde(default)]
    version: String,
}

impl From<Overview> for Scan {
    fn from(overview: Overview) -> Self {
        let state = match overview.scan_status.as_str() {
            "Success" => ScanState::Done,
            "Error" | "Stopped" => ScanState::Failed,
            _ => ScanState::Running,
        };
        let summary = overview.summary.unwrap_or(Summary { fixable: 0, summary: None });
        let mut findings = BTreeMap::new();
        for (word, count) in summary.summary.unwrap_or_default().into_iter().filter(|(_, count)| *count > 0) {
            *findings.entry(Severity::of(&word)).or_default() += count;
        }
        let scanner = overview.scanner.map(|scanner| format!("{} {}", scanner.name, scanner.version)).unwrap_or_default();
        Self { state, findings, fixable: summary.fixable, scanner: scanner.trim().to_owned() }
    }
}

impl From<ArtifactAnswer> for Artifact {
    fn from(answer: ArtifactAnswer) -> Self {
        // Keyed by the form of the report; of several the newest form counts.
        let scan = answer.scan_overview.and_then(|all| all.into_values().next_back()).map(Scan::from);
        Self { digest: answer.digest, size_bytes: answer.size, tags: answer.tags.unwrap_or_default(), scan }
    }
}

impl Harbor {
    /// What Harbor knows of an image. `None`: it shows nothing, which does not mean that there is no image: only `/v2` tells that ([`Repository::find`]).
    ///
    /// # Errors
    /// [`RegistryError`].
    pub async fn artifact(&self, repository: &Repository, reference: &Reference) -> Result<Option<Artifact>, RegistryError> {
        let Some(path) = repository_path(repository.name()) else { return Ok(None) };
        let path = format!("{path}/artifacts/{reference}?with_tag=true&with_immutable_status=true&with_scan_overview=true");
        match self.get::<ArtifactAnswer>(&path).await {
            Err(error) if matches!(*error.kind, ErrorKind::Missing { .. } | ErrorKind::NoRepository) => Ok(None),
            answer => answer.map(|answer| Some(answer.into())),
        }
    }

    /// Asks for a scan, which goes on by itself: [`Harbor::artifact`] tells how far it is.
    ///
    /// # Errors
    /// [`ErrorKind::Denied`], [`ErrorKind::Exists`] when one is under way, and the rest of [`RegistryError`].
    pub async fn start_scan(&self, repository: &Repository, reference: &Reference) -> Result<(), RegistryError> {
        let Some(path) = repository_path(repository.name()) else {
            return Err(self.registry.failed(Some(repository.name()), ErrorKind::NoRepository));
        };
        let call = self.call(Method::POST, &format!("{path}/artifacts/{reference}/scan"))?.with_body("application/json", "{}");
        let answer = self.send(call).await?;
        self.success(answer, Action::Manage, None).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn artifact(overview: &str) -> Artifact {
        let text = format!(r#"{{"digest":"sha256:ab","size":7,"tags":null,"scan_overview":{overview}}}"#);
        serde_json::from_str::<ArtifactAnswer>(&text).unwrap().into()
    }

    fn told(overview: &str) -> String {
        let told = artifact(overview).scan.unwrap().told();
        assert_eq!(told.untranslated(), None);
        told.to_string()
    }

    #[test]
    fn findings_are_told_worst_first() {
        let summary = r#"{"x; version=1.1":{"scan_status":"Success","summary":{"total":7,"fixable":4,"summary":{"Low":2,"Critical":3,"High":0,"Negligible":1,"Unknown":1}}}}"#;
        assert_eq!(told(summary), "findings of the scan: 3 critical, 2 low, 2 of unknown severity; 4 of them can be fixed");
        assert_eq!(told(r#"{"x":{"scan_status":"Success","summary":{"total":0}}}"#), "the scan found nothing");
        assert_eq!(told(r#"{"x":{"scan_status":"Running"}}"#), "the scan is under way");
        assert_eq!(told(r#"{"x":{"scan_status":"Error"}}"#), "the scan failed");
        for never in ["null", "{}"] {
            assert_eq!(artifact(never).scan, None);
        }
    }
}
