//! What `letterpress hook explain --format json` prints. Scripts read it: keys are added, never changed or removed.

use crate::dto::Finding;
use lp_model::{EventFacts, Message};
use serde::Serialize;

/// What a delivery of a webhook means: one JSON document.
#[derive(Debug, Clone, Serialize)]
pub struct ExplainedDelivery {
    /// Version of this format.
    pub version: u32,
    /// The forge that it comes from: `gogs`, `gitea`, `forgejo`, `github` or `gitlab`.
    pub forge: &'static str,
    /// The event as the forge calls it.
    pub event: String,
    /// What names the delivery.
    pub delivery: Option<String>,
    /// Whether who sent it knows the secret.
    pub verified: bool,
    /// Why it is not verified.
    pub not_verified: Option<Message>,
    /// The dialect of pipeline files that the rest is said for: `drone08`, `drone1` or `woodpecker`.
    pub dialect: &'static str,
    /// Why the dialect's program makes nothing of it.
    pub ignored: Option<Message>,
    /// Whether its message asks that nothing is run.
    pub skip: bool,
    /// What it says, in words that are the same for every forge and dialect.
    pub facts: serde_json::Value,
    /// The event as the dialect sees it; nothing where it is ignored.
    pub seen: Option<SeenEvent>,
    /// Why nothing at all starts.
    pub nothing_starts: Option<Message>,
    /// The pipelines of the project, in the order of its files; none where no project is known.
    pub workflows: Vec<ExplainedWorkflow>,
    /// What else there is to know.
    pub notes: Vec<Message>,
    /// What is wrong with the pipeline files, where that keeps them from being looked at.
    #[serde(skip)]
    pub findings: Vec<Finding>,
}

/// An event as a dialect sees it.
#[derive(Debug, Clone, Serialize)]
pub struct SeenEvent {
    /// The dialect's word for it.
    pub word: &'static str,
    /// Login of who did it, as its program knows them.
    pub sender: String,
    /// Its facts.
    pub facts: EventFacts,
}

/// A pipeline of the project.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExplainedWorkflow {
    /// Its name.
    pub name: String,
    /// Whether it would start, were the delivery received now.
    pub starts: bool,
    /// Why not.
    pub reason: Option<Message>,
    /// Steps that would not run, each with why.
    pub left_out: Vec<crate::dto::LeftOut>,
}
