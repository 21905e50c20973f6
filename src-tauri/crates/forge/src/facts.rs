//! What a delivery says, in the same words for every forge and apart from what any dialect makes of it.
//!
//! What only git or the forge can tell is said to be unknown, with whom to ask, and never guessed: a push of a forge that does not count its
//! commits may be longer than its list.

mod filling;

pub(crate) use filling::done_to_pull_request;

use crate::payload::Payload;
use serde::{Serialize, Serializer};

/// What a delivery says of one thing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Fact<T> {
    /// Deliveries of this kind do not speak of it; it is left out of the JSON.
    #[default]
    Silent,
    /// There is none; `null`.
    Nothing,
    /// This.
    Is(T),
    /// It is not, or not completely, in the delivery: the forge or git has to be asked.
    AskForge,
    /// Git tells it by this reference.
    AskGit(String),
}

impl<T> Fact<T> {
    /// Whether nothing is said.
    pub fn is_silent(&self) -> bool {
        matches!(self, Self::Silent)
    }

    /// What is known.
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Is(value) => Some(value),
            _ => None,
        }
    }

    /// This, or none.
    fn of(value: Option<T>) -> Self {
        value.map_or(Self::Nothing, Self::Is)
    }
}

/// Empty texts say nothing.
fn filled(text: &str) -> Fact<String> {
    Fact::of(Some(text.to_owned()).filter(|text| !text.is_empty()))
}

impl<T: Serialize> Serialize for Fact<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Silent | Self::Nothing => serializer.serialize_none(),
            Self::Is(value) => value.serialize(serializer),
            Self::AskForge => serializer.serialize_str("unknown, ask API"),
            Self::AskGit(reference) => serializer.serialize_str(&format!("unknown, ask git ({reference})")),
        }
    }
}

/// What a delivery says. As JSON each field has its name but `reference`, which is `ref`.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Facts {
    /// `owner/name` of the repository.
    pub repository: String,
    /// Its default branch.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub default_branch: Fact<String>,
    /// `push`, `tag`, `pull_request`, `release`, `deployment`, or what else the forge calls it.
    pub event: String,
    /// What was done: `pushed`, `created`, `deleted`, `test`, `opened`, `synchronized`, …
    pub action: Fact<String>,
    /// Full reference; of a deployment the text that was asked for.
    #[serde(rename = "ref", skip_serializing_if = "Fact::is_silent")]
    pub reference: Fact<String>,
    /// Branch: the pushed one, or the one that a pull request goes to.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub branch: Fact<String>,
    /// Tag.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub tag: Fact<String>,
    /// Number of the pull request.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub number: Fact<u64>,
    /// Commit before.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub before: Fact<String>,
    /// Commit after.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub after: Fact<String>,
    /// Object of an annotated tag.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub tag_object: Fact<String>,
    /// Text of an annotated tag.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub tag_message: Fact<String>,
    /// Branch that a pull request comes from.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub source_branch: Fact<String>,
    /// Branch that it goes to.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub target_branch: Fact<String>,
    /// Newest commit of that.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub base_commit: Fact<String>,
    /// Whether it comes from another repository.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub is_fork: Fact<bool>,
    /// `owner/name` of that.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub source_repository: Fact<String>,
    /// Title of a pull request or release.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub title: Fact<String>,
    /// Message of the newest commit; of a pull request its title where the forge does not tell the message.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub message: Fact<String>,
    /// Text of a pull request.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub body: Fact<String>,
    /// Login of who wrote it.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub author: Fact<String>,
    /// Name of who wrote the newest commit.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub author_name: Fact<String>,
    /// E-mail address of who wrote the newest commit.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub author_email: Fact<String>,
    /// Login of who did it.
    pub sender: Fact<String>,
    /// Name of who did it.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub sender_name: Fact<String>,
    /// Whether the pull request was merged.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub merged: Fact<bool>,
    /// Whether it is a draft.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub draft: Fact<bool>,
    /// Whether it is a prerelease.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub prerelease: Fact<bool>,
    /// Names of labels.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub labels: Fact<Vec<String>>,
    /// Whether the push was forced.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub forced: Fact<bool>,
    /// How many commits are listed.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub commits_in_payload: Fact<usize>,
    /// How many there are.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub commits_total: Fact<u64>,
    /// Paths that changed.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub changed_files: Fact<Vec<String>>,
    /// Paths of the listed commits, where these may not be all.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub changed_files_in_payload: Fact<Vec<String>>,
    /// Target environment of a deployment.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub deploy_to: Fact<String>,
    /// What is to be done there.
    #[serde(skip_serializing_if = "Fact::is_silent")]
    pub deploy_task: Fact<String>,
}

impl Facts {
    /// What the payload says.
    pub fn of(payload: &Payload) -> Self {
        filling::facts_of(payload)
    }

    /// As one JSON document.
    pub fn json(&self) -> serde_json::Value {
        serde_json::to_value(self).expect("plain data")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_is_left_out_null_known_or_to_be_asked_for() {
        let facts = Facts {
            repository: "a/b".into(),
            event: "push".into(),
            before: Fact::Nothing,
            after: Fact::AskGit("refs/pull/2/head".into()),
            branch: Fact::Is("main".into()),
            changed_files: Fact::AskForge,
            ..Facts::default()
        };
        let expected = serde_json::json!({
            "repository": "a/b", "event": "push", "action": null, "sender": null, "before": null, "branch": "main",
            "after": "unknown, ask git (refs/pull/2/head)", "changed_files": "unknown, ask API"
        });
        assert_eq!(facts.json(), expected);
        assert_eq!(facts.branch.known().map(String::as_str), Some("main"));
    }
}
