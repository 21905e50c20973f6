//! Conditions of which one has to hold: `when:` as a list. Some languages have one or none.

use super::{Conditions, Flavour, Mismatch, Situation, Subject};
use lp_model::RunOn;

/// Alternatives; none at all hold always.
#[derive(Debug, Clone, Default)]
pub struct When(Vec<Conditions>);

impl From<Conditions> for When {
    fn from(conditions: Conditions) -> Self {
        Self(vec![conditions])
    }
}

impl FromIterator<Conditions> for When {
    fn from_iter<T: IntoIterator<Item = Conditions>>(conditions: T) -> Self {
        Self(conditions.into_iter().collect())
    }
}

impl When {
    /// The alternatives in file order.
    pub fn alternatives(&self) -> &[Conditions] {
        &self.0
    }

    /// What does not hold, of each alternative the first part of it; `None` when one of them holds.
    pub fn mismatch(&self, situation: &Situation<'_>) -> Option<Vec<Mismatch>> {
        let mismatches: Option<Vec<Mismatch>> = self.0.iter().map(|conditions| conditions.mismatch(situation)).collect();
        mismatches.filter(|mismatches| !mismatches.is_empty())
    }

    /// Forgets `matrix` in all of them, and says where it stood first.
    pub(crate) fn forget_matrix(&mut self) -> Option<lp_model::Span> {
        let spans: Vec<_> = self.0.iter_mut().filter_map(Conditions::forget_matrix).collect();
        spans.first().copied()
    }

    /// Whether `matrix` alone keeps everything out that runs for a combination of values.
    pub(crate) fn keeps_out(&self, flavour: &Flavour, cell: &[(String, String)]) -> bool {
        !self.0.is_empty() && self.0.iter().all(|conditions| conditions.keeps_out(flavour, cell))
    }

    /// When it runs: the sum of what the alternatives that hold say.
    pub fn run_on(&self, situation: &Situation<'_>) -> RunOn {
        if self.0.is_empty() {
            return RunOn::default();
        }
        let holding = self.0.iter().filter(|conditions| conditions.mismatch(situation).is_none());
        holding.map(|conditions| conditions.run_on(situation.flavour)).fold(RunOn { success: false, failure: false }, |sum, one| RunOn {
            success: sum.success || one.success,
            failure: sum.failure || one.failure,
        })
    }

    /// Whether every alternative names one of these subjects with what it demands of it.
    pub fn names(&self, subjects: &[Subject]) -> bool {
        let demands = |conditions: &Conditions| {
            subjects.iter().any(|subject| conditions.constraint(*subject).is_some_and(|constraint| !constraint.include.is_empty()))
        };
        !self.0.is_empty() && self.0.iter().all(demands)
    }
}
