//! Whether a plan can be scheduled at all. The compiler makes no other ones; a plan may also come from the store or a file.

use super::progress::index;
use lp_model::{Message, Plan, message};

/// A plan that nobody could carry out.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.told())]
pub enum BadPlan {
    /// Stages or steps are not numbered by their position.
    Numbering {
        /// `stage \`name\`` or `step \`name\``.
        what: Message,
    },
    /// It needs something that is not there.
    UnknownNeed {
        /// `stage \`name\`` or `step \`name\``.
        what: Message,
        /// The number it asks for.
        need: u32,
    },
    /// It waits for itself, perhaps by way of others.
    Cycle {
        /// `stage \`name\`` or `step \`name\``.
        what: Message,
    },
}

impl BadPlan {
    /// What is wrong, and with which stage or step.
    pub fn told(&self) -> Message {
        match self {
            Self::Numbering { what } => message!("{} is not numbered by its position", what),
            Self::UnknownNeed { what, need } => message!("{} needs number {}, which does not exist", what, need),
            Self::Cycle { what } => message!("{} waits for itself", what),
        }
    }
}

/// A stage or step, reduced to what matters here.
struct Node {
    what: Message,
    number: u32,
    needs: Vec<u32>,
}

pub(super) fn check(plan: &Plan) -> Result<(), BadPlan> {
    let stages = plan.stages.iter().map(|stage| Node {
        what: message!("stage `{}`", stage.name),
        number: stage.number.0,
        needs: stage.needs.iter().map(|n| n.0).collect(),
    });
    check_nodes(&stages.collect::<Vec<_>>())?;
    for stage in &plan.stages {
        let steps = stage.steps.iter().map(|step| Node {
            what: message!("step `{}`", step.name),
            number: step.number.0,
            needs: step.needs.iter().map(|n| n.0).collect(),
        });
        check_nodes(&steps.collect::<Vec<_>>())?;
    }
    Ok(())
}

fn check_nodes(nodes: &[Node]) -> Result<(), BadPlan> {
    for (node, position) in nodes.iter().zip(1..) {
        if node.number != position {
            return Err(BadPlan::Numbering { what: node.what.clone() });
        }
        if let Some(&need) = node.needs.iter().find(|&&need| nodes.get(index(need)).is_none()) {
            return Err(BadPlan::UnknownNeed { what: node.what.clone(), need });
        }
    }
    // Take away whatever waits for nothing that is left. Each need is looked at once, in whatever order they stand in the file.
    let mut left = vec![true; nodes.len()];
    let mut waits: Vec<usize> = nodes.iter().map(|node| node.needs.len()).collect();
    let behind = behind(nodes.len(), nodes.iter().map(|node| node.needs.iter().map(|&need| index(need))));
    let mut free: Vec<usize> = (0..nodes.len()).filter(|&i| waits[i] == 0).collect();
    while let Some(i) = free.pop() {
        left[i] = false;
        for &next in &behind[i] {
            waits[next] -= 1;
            if waits[next] == 0 {
                free.push(next);
            }
        }
    }
    match left.iter().position(|&is_left| is_left) {
        Some(i) => Err(BadPlan::Cycle { what: nodes[i].what.clone() }),
        None => Ok(()),
    }
}

/// Who waits for each of `count` things, from what each needs, in the order of the things.
pub(super) fn behind<N: IntoIterator<Item = usize>>(count: usize, needs: impl IntoIterator<Item = N>) -> Vec<Vec<usize>> {
    let mut behind = vec![Vec::new(); count];
    for (i, needs) in needs.into_iter().enumerate() {
        for need in needs {
            behind[need].push(i);
        }
    }
    behind
}
