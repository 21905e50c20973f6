//! What was seen before a press, as a mark: two equal marks stand for the same run. A request carries the mark of the preview that a person
//! saw, and the core refuses it when what would run now has another one.
//!
//! A mark is hashes of JSON joined by `.`: first of everything that would run (SHA-256), then, shorter, of its parts, so that a refusal
//! can name those that changed. Numbers and times that every run has anew, and the run before, are left out; which stages and steps that
//! run lets through is not.

use crate::dto::{ApiError, ErrorCode, Finding, FindingSeverity};
use crate::run::prepare::{Chosen, Prepared, settle};
use lp_model::{Code, CommitFacts, EventFacts, Message, Plan, RepoFacts, message};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Bytes of the hash of a part: enough to tell two previews of one project apart.
const PART_BYTES: usize = 8;

/// The parts of a mark, in their order.
struct Parts {
    whole: Vec<u8>,
    version: Vec<u8>,
    inputs: Vec<u8>,
    event: Vec<u8>,
    place: Vec<u8>,
    steps: Vec<u8>,
}

/// The mark of a request that was made ready.
///
/// # Errors
/// What compiling gives: a pipeline that compiled a moment ago does so again.
pub(crate) fn mark(chosen: &Chosen, prepared: &Prepared) -> Result<String, ApiError> {
    let pipeline = chosen.sources.pipeline(Some(&prepared.workflow))?;
    let facts = EventFacts { run_number: 0, parent_number: None, created_ms: 0, previous: None, ..prepared.facts.clone() };
    let (mut plan, _) = pipeline.compile(&facts)?;
    settle(&mut plan, &prepared.project);
    Ok(Parts::of(plan, prepared).to_text())
}

impl Parts {
    /// `timeless`: the plan without what every run has anew.
    fn of(mut timeless: Plan, prepared: &Prepared) -> Self {
        let facts = std::mem::replace(&mut timeless.event, EventFacts::new(prepared.facts.kind));
        let version = hash(&facts.commit.sha);
        let inputs = hash(&facts.inputs);
        // The rest of the facts of a commit follows from the commit.
        let commit =
            CommitFacts { branch: facts.commit.branch.clone(), reference: facts.commit.reference.clone(), ..CommitFacts::default() };
        let repo = facts.repo.clone();
        let event = EventFacts { commit, repo: RepoFacts::default(), inputs: BTreeMap::new(), ..facts };
        let event = hash(&(&prepared.workflow.name, event));
        let backends: Vec<_> = prepared.plan.stages.iter().map(|stage| stage.backend).collect();
        let place = hash(&(backends, &prepared.engine));
        let shape: Vec<_> =
            prepared.plan.stages.iter().map(|stage| (&stage.name, stage.steps.iter().map(|step| &step.name).collect::<Vec<_>>())).collect();
        let steps = hash(&(timeless, repo, shape));
        let whole = hash(&[&version, &inputs, &event, &place, &steps]);
        Self { whole, version, inputs, event, place, steps }
    }

    fn to_text(&self) -> String {
        let parts = [&self.version, &self.inputs, &self.event, &self.place, &self.steps];
        let mut all = vec![hexadecimal(&self.whole)];
        all.extend(parts.map(|part| hexadecimal(&part[..PART_BYTES])));
        all.join(".")
    }
}

/// Of the canonical JSON: maps of these types are sorted, lists keep their order.
fn hash(value: &impl Serialize) -> Vec<u8> {
    Sha256::digest(serde_json::to_vec(value).expect("plain data")).to_vec()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Fails when what would run now (`now`) is not what was seen, and says what has changed. `version` is what the request calls it.
///
/// # Errors
/// `ChangedSincePreview`, with a finding for each part that changed.
pub(crate) fn must_be_same(seen: &str, now: &str, version: &str) -> Result<(), ApiError> {
    if seen == now {
        return Ok(());
    }
    let (seen, now): (Vec<&str>, Vec<&str>) = (seen.split('.').collect(), now.split('.').collect());
    let differs = |part: usize| seen.get(part) != now.get(part);
    let mut changed: Vec<Message> = Vec::new();
    if seen.len() == now.len() {
        if differs(1) {
            changed.push(match version {
                "" => message!("the commit that is checked out is another one now"),
                name => message!("the version `{}` is another commit now", name),
            });
        }
        if differs(2) {
            changed.push(message!("the values of the form are not those that were shown"));
        }
        if differs(3) {
            changed.push(message!("the event of the run, or what it goes to, is another one"));
        }
        if differs(4) {
            changed.push(message!("the steps would run in another place: the container engine changed, came or went"));
        }
        // Another commit, other values or another event have other steps as often as not: that is said already.
        if differs(5) && changed.is_empty() {
            changed.push(message!(
                "the steps are not those that were shown: trust, a setting of the project or the run before it changed them"
            ));
        }
    }
    if changed.is_empty() {
        changed.push(message!("what was shown is not known any more"));
    }
    Err(refusal(&changed))
}

fn refusal(changed: &[Message]) -> ApiError {
    let help = message!("look at the new preview, then press again");
    let finding = |message: &Message| Finding {
        code: Code::ChangedSincePreview.as_str().into(),
        severity: FindingSeverity::Error,
        message: message.clone(),
        help: Some(help.clone()),
        file: String::new(),
        excerpt: None,
    };
    let words = Message::joined(changed.iter().cloned(), "; ");
    let error = ApiError::new(ErrorCode::ChangedSincePreview, message!("what would run is not what was shown: {}", words));
    ApiError { findings: changed.iter().map(finding).collect(), ..error.hint(help) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_the_parts_that_changed() {
        let said = |seen: &str, version: &str| match must_be_same(seen, "w.v.i.e.p.s", version) {
            Ok(()) => vec![],
            Err(error) => {
                assert_eq!(error.code, ErrorCode::ChangedSincePreview);
                error.findings.into_iter().map(|finding| finding.message.to_string()).collect()
            }
        };
        assert_eq!(said("w.v.i.e.p.s", "main"), Vec::<String>::new());
        assert_eq!(said("x.x.i.e.p.x", "main"), ["the version `main` is another commit now"]);
        assert_eq!(said("x.x.i.e.p.s", ""), ["the commit that is checked out is another one now"]);
        assert_eq!(said("x.v.x.x.x.x", "main").len(), 3);
        assert!(said("x.v.i.e.p.x", "main")[0].starts_with("the steps are not"));
        assert_eq!(said("another time", "main"), ["what was shown is not known any more"]);
    }
}
