//! Drone 1.x as the rest of the crate sees it.

use super::{keys, step, when};
use crate::detect::Evidence;
use crate::dialect::{Certainty, FrontEnd, Keys};
use crate::shared::draft::StageDraft;
use crate::shared::expand;
use crate::shared::reasons::Reasons;
use crate::shared::substitute::Backslashes;
use crate::shared::when::Flavour;
use crate::source::{AllFindings, Sources};
use lp_model::{Dialect, EventFacts, Message, Span, Stage, message};
use lp_yaml::{Node, Style};
use std::sync::Arc;

/// The front end.
#[derive(Debug)]
pub(crate) struct Drone1;

/// How variables are replaced.
pub(super) const EXPANSION: expand::Flavour = expand::Flavour {
    backslashes: Backslashes::Keep,
    parameter: step::parameter,
    for_secret: |parameter, name| message!("for a secret write `{}: {{from_secret: {}}}`", parameter, name),
    secret_variable: |name, secret| {
        message!("write `environment: {{{}: {{from_secret: {}}}}}` in the step, and `$${{{}}}`", name, secret, name)
    },
};

/// Keys at the top that stand beside `steps:` in this dialect only: the first line of such a file is missing, which reading it says.
const OWN_KEYS: [&str; 5] = ["name", "type", "trigger", "node", "image_pull_secrets"];

/// A key that others have too, written in a form that only this dialect has.
fn own_form(root: &Node) -> Option<(&'static str, Span)> {
    let is_text = |node: Option<&Arc<Node>>| node.is_some_and(|node| node.text().is_some());
    let has_maps = |node: &Node| node.items().is_some_and(|items| items.iter().any(|item| item.entries().is_some()));
    let clone = root.get("clone").filter(|clone| ["disable", "depth"].iter().any(|key| is_text(clone.get(key))));
    let platform = root.get("platform").filter(|platform| platform.entries().is_some());
    let volumes = root.get("volumes").filter(|volumes| has_maps(volumes));
    let of_file = [("clone", clone), ("platform", platform), ("volumes", volumes)];
    let steps = ["steps", "services"].into_iter().filter_map(|section| root.get(section)?.items()).flatten();
    let of_steps = steps.flat_map(|step| {
        let pull = step.get("pull").filter(|pull| pull.text().is_some_and(|text| matches!(text, "always" | "never" | "if-not-exists")));
        [("volumes", step.get("volumes").filter(|volumes| has_maps(volumes))), ("pull", pull)]
    });
    of_file.into_iter().chain(of_steps).find_map(|(key, node)| Some((key, node?.span)))
}

impl FrontEnd for Drone1 {
    fn dialect(&self) -> Dialect {
        Dialect::Drone1
    }

    fn detect(&self, evidence: &Evidence<'_>) -> Option<(Certainty, Message)> {
        if let Some(span) = evidence.key("kind") {
            return Some((Certainty::Marked, message!("line {} has `kind:`", span.line)));
        }
        let (_, None) = (evidence.key("steps")?, evidence.key("pipeline")) else { return None };
        if let Some((key, span)) = evidence.first_of(&OWN_KEYS) {
            return Some((Certainty::Likely, message!("line {} has `{}:` beside `steps:`, as in drone 1.x", span.line, key)));
        }
        let (key, span) = evidence.trees.iter().find_map(|root| own_form(root))?;
        Some((Certainty::Likely, message!("line {} has `{}:` in the form of drone 1.x", span.line, key)))
    }

    // 1.x: a fork of yaml.v2, where the last one of two keys counts.
    fn style(&self) -> Style {
        Style { splices: false, names: &[], last_counts: true }
    }

    // 1.x: runner-go `manifest/parse.go` and drone-yaml `yaml/parse.go` read no line behind it.
    fn ends_at_marker(&self) -> bool {
        true
    }

    fn read<'a>(&self, sources: &Sources<'a>, facts: &EventFacts, findings: &mut AllFindings<'_>) -> Vec<(&'a str, StageDraft)> {
        let source = sources.only();
        super::read(source, facts, findings.only()).into_iter().map(|draft| (source.path, draft)).collect()
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
