//! Woodpecker as the rest of the crate sees it.

use super::{Generation, keys, step, when};
use crate::detect::Evidence;
use crate::dialect::{Certainty, FrontEnd, Keys};
use crate::shared::draft::{StageDraft, secret_missing_from_environment};
use crate::shared::expand;
use crate::shared::reasons::Reasons;
use crate::shared::substitute::Backslashes;
use crate::shared::when::Flavour;
use crate::source::{AllFindings, Sources};
use lp_model::{Dialect, EventFacts, Message, Stage, message};
use lp_yaml::{Node, Style};

/// The front end.
#[derive(Debug)]
pub(crate) struct Woodpecker;

/// How variables are replaced.
pub(super) const EXPANSION: expand::Flavour = expand::Flavour {
    backslashes: Backslashes::Keep,
    parameter: step::parameter,
    for_secret: |parameter, name| message!("for a secret write `{}: {{from_secret: {}}}`", parameter, name),
    secret_variable: |name, secret| {
        message!("write `environment: {{{}: {{from_secret: {}}}}}` in the step, and `$${{{}}}`", name, secret, name)
    },
};

impl FrontEnd for Woodpecker {
    fn dialect(&self) -> Dialect {
        Dialect::Woodpecker
    }

    fn detect(&self, evidence: &Evidence<'_>) -> Option<(Certainty, Message)> {
        let certainty = if is_called_so(evidence.path) { Certainty::Named } else { Certainty::Possible };
        if evidence.key("pipeline").is_none() {
            let span = evidence.key("steps")?;
            return Some((certainty, message!("line {} has `steps:` and no document has `kind:`", span.line)));
        }
        if certainty == Certainty::Named {
            return Some((certainty, message!("the file is called like a woodpecker pipeline")));
        }
        let key = evidence.trees.iter().find_map(|root| own_key(root))?;
        Some((Certainty::Named, message!("a step of `pipeline:` has `{}:`", key)))
    }

    // yaml.v3, which refuses the second one of two keys; the lists of containers read the pairs of the map one by one.
    fn style(&self) -> Style {
        Style { splices: true, names: &["pipeline", "steps", "services", "clone"], last_counts: false }
    }

    fn joins_files(&self) -> bool {
        true
    }

    fn read<'a>(&self, sources: &Sources<'a>, facts: &EventFacts, findings: &mut AllFindings<'_>) -> Vec<(&'a str, StageDraft)> {
        let files = sources.all().iter().zip(super::read(sources, facts, findings));
        files.flat_map(|(source, read)| read.into_iter().flat_map(|read| read.drafts).map(|draft| (source.path, draft))).collect()
    }

    fn compile(&self, sources: &Sources<'_>, facts: &EventFacts, reasons: &mut Reasons, findings: &mut AllFindings<'_>) -> Vec<Stage> {
        super::compile(sources, facts, reasons, findings)
    }

    fn when(&self) -> &'static Flavour {
        &when::FLAVOUR
    }

    fn without_secret(&self, sources: &Sources<'_>) -> Message {
        let raw = sources.only().parts.first().and_then(|part| part.raw.as_ref().ok());
        match raw.map(|root| super::generation(root)) {
            Some(Generation::Current) => message!("without it the step ends with an error"),
            _ => secret_missing_from_environment(),
        }
    }

    fn keys(&self) -> Keys {
        keys::keys()
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }
}

fn is_called_so(path: &str) -> bool {
    path.ends_with(".woodpecker.yml")
        || path.ends_with(".woodpecker.yaml")
        || path.starts_with(".woodpecker/")
        || path.contains("/.woodpecker/")
}

/// A key in the steps of a `pipeline:` map that only the early language has: `settings:`, or a secret in the place of a value.
fn own_key(root: &Node) -> Option<&'static str> {
    let steps = root.get("pipeline").and_then(|steps| steps.entries()).unwrap_or_default();
    steps.iter().find_map(|step| {
        let settings = step.value.get("settings").is_some_and(|settings| settings.entries().is_some());
        let values = step.value.entries().unwrap_or_default().iter().map(|entry| &entry.value);
        let inner = values.clone().flat_map(|value| value.entries().unwrap_or_default()).map(|entry| &entry.value);
        let secret = values.chain(inner).any(|value| value.get("from_secret").is_some());
        if settings { Some("settings") } else { secret.then_some("from_secret") }
    })
}
