//! Drone 0.8 as the rest of the crate sees it.

use super::{container, keys, when};
use crate::detect::Evidence;
use crate::dialect::{Certainty, FrontEnd, Keys};
use crate::shared::draft::StageDraft;
use crate::shared::expand;
use crate::shared::reasons::Reasons;
use crate::shared::substitute::Backslashes;
use crate::shared::when::Flavour;
use crate::source::{AllFindings, Sources};
use lp_model::{Dialect, EventFacts, Message, Stage, message};
use lp_yaml::Style;

/// The front end.
#[derive(Debug)]
pub(crate) struct Drone08;

/// How variables are replaced.
pub(super) const EXPANSION: expand::Flavour = expand::Flavour {
    backslashes: Backslashes::Eat,
    parameter: container::parameter,
    for_secret: |parameter, name| {
        message!("for a secret write `secrets: [{{source: {}, target: plugin_{}}}]` in place of it", name, parameter)
    },
    secret_variable: |name, secret| {
        message!("write `secrets: [{{source: {}, target: {}}}]` in the step, and `$${{{}}}`", secret, name, name)
    },
};

impl FrontEnd for Drone08 {
    fn dialect(&self) -> Dialect {
        Dialect::Drone08
    }

    fn detect(&self, evidence: &Evidence<'_>) -> Option<(Certainty, Message)> {
        evidence.key("pipeline").map(|span| (Certainty::Possible, message!("line {} has `pipeline:`", span.line)))
    }

    // 0.8: a fork of yaml.v2, where the last one of two keys counts; sections are a `yaml.MapSlice`, so that both steps of a name run.
    fn style(&self) -> Style {
        Style { splices: false, names: &["pipeline", "steps", "services", "clone"], last_counts: true }
    }

    fn read<'a>(&self, sources: &Sources<'a>, facts: &EventFacts, findings: &mut AllFindings<'_>) -> Vec<(&'a str, StageDraft)> {
        let source = sources.only();
        let read = super::read(source, facts, findings.only());
        read.into_iter().flat_map(|(drafts, _)| drafts).map(|draft| (source.path, draft)).collect()
    }

    fn compile(&self, sources: &Sources<'_>, facts: &EventFacts, reasons: &mut Reasons, findings: &mut AllFindings<'_>) -> Vec<Stage> {
        super::compile(sources.only(), facts, reasons, findings.only())
    }

    fn when(&self) -> &'static Flavour {
        &when::FLAVOUR
    }

    fn keys(&self) -> Keys {
        keys::keys()
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }
}
