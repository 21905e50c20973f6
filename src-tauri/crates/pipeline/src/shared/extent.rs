//! How large a plan may become. A small file can unfold to a huge one: by aliases, by a matrix, by many documents, by steps that wait
//! for each other. Each of them has its own limit; here are those of all together.
//!
//! A limit on steps alone would either refuse real files or let a small file fill the memory: hence budgets for all environments, needs and
//! trees together.

use crate::shared::draft::StageDraft;
use crate::shared::environment::Environment;
use crate::shared::graph::MAX_NEEDS;
use lp_model::{Code, EnvValue, Volume, message};
use lp_yaml::{Findings, Node};

/// A pipeline must not need more steps and stages than the rest of the app can carry.
pub(crate) fn check_size(stages: usize, steps: usize, findings: &mut Findings<'_>) -> bool {
    if steps > crate::MAX_STEPS {
        findings.error(Code::TooManySteps, None, message!("the file describes more than {} steps", crate::MAX_STEPS));
    } else if stages > crate::MAX_STAGES {
        findings.error(Code::TooManyStages, None, message!("the file describes more than {} stages", crate::MAX_STAGES));
    }
    steps <= crate::MAX_STEPS && stages <= crate::MAX_STAGES
}

/// Most volumes of one stage.
pub(crate) const MAX_VOLUMES: usize = 500;

/// Whether a stage has no more volumes than an engine can be asked for.
pub(crate) fn few_volumes(volumes: &[Volume], findings: &mut Findings<'_>) -> bool {
    if volumes.len() > MAX_VOLUMES {
        findings.error(Code::TooManyVolumes, None, message!("a stage has more than {} volumes", MAX_VOLUMES));
    }
    volumes.len() <= MAX_VOLUMES
}

/// What the documents of a file and the combinations of its matrix unfold to, all together: each alone is within its limits, but
/// there may be many.
#[derive(Debug, Default)]
pub(crate) struct Extent {
    weight: u64,
    stages: usize,
    steps: usize,
    environment: usize,
}

/// Largest trees of all stages together, in bytes: half as much again as the largest of one.
const MAX_WEIGHT: u64 = 12 << 20;
/// Largest environment of all steps together, in bytes. Each step of a plan carries all of its own.
const MAX_ENVIRONMENT: usize = 32 << 20;

impl Extent {
    /// Whether there is room for one more stage.
    pub fn has_room(&mut self, root: &Node, metadata: &Environment, findings: &mut Findings<'_>) -> bool {
        self.weight += root.weight();
        self.stages += 1;
        self.environment += bytes(metadata);
        if self.weight > MAX_WEIGHT {
            findings
                .error(Code::TooLarge, root.span, message!("the document is too large once its aliases are written out"))
                .help(message!("aliases and merge keys multiply their targets; use fewer of them"));
            return false;
        }
        check_size(self.stages, self.steps, findings) && self.fits(findings)
    }

    /// Whether the plan can hold the stage that was read.
    pub fn holds(&mut self, stage: Option<&StageDraft>, findings: &mut Findings<'_>) -> bool {
        let Some(stage) = stage else { return true };
        let steps = stage.services.len() + stage.steps.len();
        self.steps += steps;
        self.environment = self.environment.saturating_add(steps * (bytes(&stage.metadata) + bytes(&stage.environment)));
        check_size(self.stages, self.steps, findings) && self.fits(findings)
    }

    fn fits(&self, findings: &mut Findings<'_>) -> bool {
        if self.environment > MAX_ENVIRONMENT {
            findings
                .error(Code::TooManySteps, None, message!("the environment of all steps together has more than {} bytes", MAX_ENVIRONMENT))
                .help(message!("every step carries what is known of the run, the message of the commit too; use fewer steps"));
        }
        self.environment <= MAX_ENVIRONMENT
    }
}

fn bytes(environment: &Environment) -> usize {
    let value = |value: &EnvValue| if let EnvValue::Text(text) = value { text.len() } else { 0 };
    environment.iter().map(|(name, text)| name.len() + value(text)).sum()
}

/// Whether the waits between steps on these levels can be written down: each step waits for all those of the level before.
pub(crate) fn few_needs(levels: &[usize], services: usize, findings: &mut Findings<'_>) -> bool {
    let mut members = vec![0_usize; levels.iter().max().map_or(0, |level| level + 1)];
    levels.iter().for_each(|&level| members[level] += 1);
    let first = members.first().map_or(0, |count| count * services);
    let needs = first + members.windows(2).map(|pair| pair[0] * pair[1]).sum::<usize>();
    if needs > MAX_NEEDS {
        too_many_needs(findings);
    }
    needs <= MAX_NEEDS
}

/// Tells that there are more needs than a plan can hold.
pub(crate) fn too_many_needs(findings: &mut Findings<'_>) {
    findings
        .error(Code::TooManyNeeds, None, message!("the steps of this file wait for each other in more than {} ways", MAX_NEEDS))
        .help(message!("let a step in between wait for all of one group, and all of the next group wait for that step"));
}
