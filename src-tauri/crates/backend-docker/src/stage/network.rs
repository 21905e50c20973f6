//! Which network each step of a stage lives in: a pure function of the plan.
//!
//! Nearly half of what a container costs is its network: namespace, bridge, packet rules, name server. But what a step can
//! observe of it is little: itself and services under their names, the outside, and that a program of another step is not found on
//! `localhost` while both run. So steps that never run at the same time can share one namespace, which a holder keeps alive, and a stage in
//! which nothing runs beside a step needs no network of its own. The rules:
//!
//! 1. A step that names a network in the file gets that.
//! 2. *Beside others* live services, detached steps, and steps that may run at the same time as another: not *serial*. When there are any, the
//!    stage gets a network of its own, on which names resolve, and each of them a namespace of its own in it.
//! 3. A step is serial when for each other step that is awaited one of the two needs the other, directly or through others. Serial steps
//!    *share* a namespace if there are at least two of them, but not those with settings that belong to a namespace (name servers, lines of
//!    the hosts file) or with the rights to change it (privileged).
//! 4. Everybody else has a namespace of its own: on the stage's network if there is one, else on the engine's default bridge, where
//!    its own name is a line in its hosts file.
//! 5. Where the engine has no default bridge each stage gets a network; where the holder's program does not run nobody shares.

use lp_model::{Stage, Step, StepKind, StepNumber};
use std::collections::HashMap;

/// What an engine can do that the layout depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// It has a default bridge.
    pub bridge: bool,
    /// The holder's program runs on it.
    pub holder: bool,
}

/// The network namespace that a step lives in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Namespace {
    /// One of its own on the engine's default bridge.
    Bridge,
    /// One of its own on the stage's network.
    Stage,
    /// The holder's.
    Shared,
    /// The one that the file names.
    Given(String),
}

/// The networks of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Whether the stage has a network of its own.
    pub network: bool,
    namespaces: HashMap<StepNumber, Namespace>,
    /// Names of the steps that share a namespace, in the order of the file.
    sharing: Vec<String>,
}

impl Layout {
    /// The layout of a stage on an engine.
    pub fn of(stage: &Stage, can: Abilities) -> Self {
        let serial = serial_steps(&stage.steps);
        let joins = |step: &Step| step.network_mode.is_none();
        let beside_others = |(step, serial): (&Step, &bool)| joins(step) && !serial;
        let network = stage.steps.iter().zip(&serial).any(beside_others) || (!can.bridge && stage.steps.iter().any(joins));

        let may_share = |step: &Step| {
            let settings = !step.extra_hosts.is_empty() || !step.dns.is_empty() || !step.dns_search.is_empty();
            can.holder && joins(step) && !step.privileged && !settings
        };
        let sharing = stage.steps.iter().zip(&serial).filter(|(step, serial)| **serial && may_share(step)).count();
        let namespace = |(step, serial): (&Step, &bool)| {
            let namespace = match &step.network_mode {
                Some(given) => Namespace::Given(given.clone()),
                None if *serial && may_share(step) && sharing > 1 => Namespace::Shared,
                None if network => Namespace::Stage,
                None => Namespace::Bridge,
            };
            (step.number, namespace)
        };
        let namespaces: HashMap<_, _> = stage.steps.iter().zip(&serial).map(namespace).collect();
        let shares = |step: &&Step| namespaces.get(&step.number) == Some(&Namespace::Shared);
        let sharing = stage.steps.iter().filter(shares).map(|step| step.name.clone()).collect();
        Self { network, namespaces, sharing }
    }

    /// Whether some steps share a namespace, so that a holder is needed.
    pub fn holder(&self) -> bool {
        !self.sharing.is_empty()
    }

    /// The namespace of that step.
    pub fn namespace(&self, step: StepNumber) -> &Namespace {
        let alone = if self.network { &Namespace::Stage } else { &Namespace::Bridge };
        self.namespaces.get(&step).unwrap_or(alone)
    }

    /// Names of the steps that share a namespace.
    pub fn sharing(&self) -> &[String] {
        &self.sharing
    }
}

/// Which of the steps never run at the same time as another step that is awaited. Detached ones always may.
///
/// A step is ordered with all awaited others when those that come after it, and those that come before it, are all that there are. Both are counted in
/// one walk along the order and one against it ([`all_that_follow`]), in time that grows with steps and needs alone: a file may have
/// 10 000 steps, and a table of who comes after whom would have 100 million places.
fn serial_steps(steps: &[Step]) -> Vec<bool> {
    let positions: HashMap<StepNumber, usize> = steps.iter().enumerate().map(|(position, step)| (step.number, position)).collect();
    let mut needs = vec![Vec::new(); steps.len()];
    let mut needed_by = vec![Vec::new(); steps.len()];
    for (position, step) in steps.iter().enumerate() {
        for &needed in step.needs.iter().filter_map(|number| positions.get(number)) {
            needs[position].push(needed);
            needed_by[needed].push(position);
        }
    }
    let awaited: Vec<bool> = steps.iter().map(|step| !step.detached && step.kind != StepKind::Service).collect();
    let others = awaited.iter().filter(|awaited| **awaited).count().saturating_sub(1);
    let after = all_that_follow(&needs, &needed_by, &awaited);
    let before = all_that_follow(&needed_by, &needs, &awaited);
    let is_ordered = |(after, before): (Option<usize>, Option<usize>)| after.zip(before).is_some_and(|(a, b)| a + b == others);
    after.into_iter().zip(before).map(is_ordered).collect()
}

/// For each awaited step that all awaited steps which are still to come must follow: how many those are. `None` for the others.
///
/// The steps are taken one by one, each as soon as nothing that it waits for (`needs`) is left. When a step is taken and no other awaited one could
/// be, everything that is left waits for it, directly or through others. Steps that are not awaited are taken first, so that they only
/// pass the order on.
fn all_that_follow(needs: &[Vec<usize>], needed_by: &[Vec<usize>], awaited: &[bool]) -> Vec<Option<usize>> {
    let mut missing: Vec<usize> = needs.iter().map(Vec::len).collect();
    let mut left = awaited.iter().filter(|awaited| **awaited).count();
    let mut follow = vec![None; needs.len()];
    let (mut ready, mut passed_on): (Vec<usize>, Vec<usize>) =
        (0..needs.len()).filter(|step| missing[*step] == 0).partition(|step| awaited[*step]);
    while let Some(step) = passed_on.pop().or_else(|| {
        let step = ready.pop()?;
        left -= 1;
        follow[step] = ready.is_empty().then_some(left);
        Some(step)
    }) {
        for &next in &needed_by[step] {
            missing[next] -= 1;
            if missing[next] == 0 {
                if awaited[next] { ready.push(next) } else { passed_on.push(next) }
            }
        }
    }
    follow
}

/// Whether a resolver would ask for that name: one with blanks or in Chinese is not made known.
pub(crate) fn is_host_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 63 && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use lp_model::{BackendKind, RunOn, StageNumber, Workspace};

    const ALL: Abilities = Abilities { bridge: true, holder: true };

    fn step(number: u32, needs: &[u32]) -> Step {
        let mut step = Step::new(number, &format!("s{number}"), StepKind::Commands);
        step.needs = needs.iter().map(|number| StepNumber(*number)).collect();
        step
    }

    fn service(number: u32) -> Step {
        Step::new(number, &format!("s{number}"), StepKind::Service)
    }

    fn with(mut step: Step, change: impl FnOnce(&mut Step)) -> Step {
        change(&mut step);
        step
    }

    fn stage(steps: Vec<Step>) -> Stage {
        Stage {
            number: StageNumber(1),
            name: "a".into(),
            file: String::new(),
            backend: BackendKind::Docker,
            needs: vec![],
            run_on: RunOn::default(),
            workspace: Workspace { base: "/drone".into(), path: String::new() },
            source: false,
            checkout: None,
            concurrency: None,
            matrix: Default::default(),
            volumes: vec![],
            steps,
        }
    }

    /// "network? B(ridge) N(etwork of the stage) S(hared) G(iven)" per step.
    fn layout(steps: Vec<Step>, can: Abilities) -> String {
        let stage = stage(steps);
        let layout = Layout::of(&stage, can);
        let letter = |step: &Step| match layout.namespace(step.number) {
            Namespace::Bridge => 'B',
            Namespace::Stage => 'N',
            Namespace::Shared => 'S',
            Namespace::Given(_) => 'G',
        };
        let places: String = stage.steps.iter().map(letter).collect();
        assert_eq!(layout.holder(), places.contains('S'));
        format!("{}{places}", if layout.network { "network " } else { "" })
    }

    #[test]
    fn steps_one_after_the_other_share() {
        assert_eq!(layout(vec![], ALL), "");
        assert_eq!(layout(vec![step(1, &[])], ALL), "B");
        assert_eq!(layout(vec![step(1, &[]), step(2, &[1])], ALL), "SS");
        assert_eq!(layout(vec![step(1, &[]), step(2, &[1]), step(3, &[2])], ALL), "SSS");
        // Written in another order than they run in.
        assert_eq!(layout(vec![step(1, &[2]), step(2, &[3]), step(3, &[])], ALL), "SSS");
    }

    #[test]
    fn what_runs_beside_others_has_a_namespace_of_its_own() {
        assert_eq!(layout(vec![step(1, &[]), step(2, &[])], ALL), "network NN");
        // A diamond: its two ends are serial.
        assert_eq!(layout(vec![step(1, &[]), step(2, &[1]), step(3, &[1]), step(4, &[2, 3])], ALL), "network SNNS");
        assert_eq!(layout(vec![service(1), step(2, &[])], ALL), "network NN");
        assert_eq!(layout(vec![service(1), step(2, &[]), step(3, &[2])], ALL), "network NSS");
        let detached = with(step(1, &[]), |step| step.detached = true);
        assert_eq!(layout(vec![detached.clone(), step(2, &[1]), step(3, &[2])], ALL), "network NSS");
        // Through a detached step: the third starts when it has started, and that only after the first has ended.
        let between = with(step(2, &[1]), |step| step.detached = true);
        assert_eq!(layout(vec![step(1, &[]), between, step(3, &[2])], ALL), "network SNS");
    }

    #[test]
    fn settings_of_a_namespace_are_not_shared() {
        for change in [
            |step: &mut Step| step.privileged = true,
            |step: &mut Step| step.dns = vec!["1.1.1.1".into()],
            |step: &mut Step| step.dns_search = vec!["example.com".into()],
            |step: &mut Step| step.extra_hosts = vec!["db:10.0.0.1".into()],
        ] {
            let special = with(step(2, &[1]), change);
            assert_eq!(layout(vec![step(1, &[]), special.clone(), step(3, &[2])], ALL), "SBS");
            assert_eq!(layout(vec![step(1, &[]), special.clone()], ALL), "BB");
            assert_eq!(layout(vec![service(4), step(1, &[]), special, step(3, &[2])], ALL), "network NSNS");
        }
    }

    #[test]
    fn a_network_of_the_file_is_taken() {
        let given = |number, needs| with(step(number, needs), |step| step.network_mode = Some("host".into()));
        assert_eq!(layout(vec![given(1, &[])], ALL), "G");
        assert_eq!(layout(vec![step(1, &[]), given(2, &[1]), step(3, &[2])], ALL), "SGS");
        // It may run at the same time as the other, which therefore is not serial.
        assert_eq!(layout(vec![step(1, &[]), given(2, &[])], ALL), "network NG");
    }

    #[test]
    fn engines_that_cannot_do_everything() {
        let serial = || vec![step(1, &[]), step(2, &[1])];
        assert_eq!(layout(serial(), Abilities { bridge: false, holder: true }), "network SS");
        assert_eq!(layout(serial(), Abilities { bridge: true, holder: false }), "BB");
        assert_eq!(layout(serial(), Abilities { bridge: false, holder: false }), "network NN");
        assert_eq!(layout(vec![step(1, &[])], Abilities { bridge: false, holder: true }), "network N");
    }

    /// What the walks count, by the definition: who comes after whom, as a table.
    fn by_the_definition(steps: &[Step]) -> Vec<bool> {
        let mut after = vec![vec![false; steps.len()]; steps.len()];
        for _ in 0..=steps.len() {
            for (position, step) in steps.iter().enumerate() {
                for needed in step.needs.iter().filter_map(|number| steps.iter().position(|step| step.number == *number)) {
                    let row: Vec<bool> = (0..steps.len()).map(|other| other == needed || after[needed][other]).collect();
                    after[position].iter_mut().zip(row).for_each(|(old, new)| *old |= new);
                }
            }
        }
        let awaited = |step: usize| !steps[step].detached && steps[step].kind != StepKind::Service;
        let ordered = |one: usize, other: usize| one == other || after[one][other] || after[other][one];
        (0..steps.len()).map(|step| awaited(step) && (0..steps.len()).all(|other| !awaited(other) || ordered(step, other))).collect()
    }

    #[test]
    fn the_walks_agree_with_the_definition() {
        let mut seed = 1_u64;
        let mut chance = |one_in: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (seed >> 33).is_multiple_of(one_in)
        };
        for round in 0..2000 {
            let count = 1 + round % 9;
            let mut steps: Vec<Step> = (1..=count)
                .map(|number| {
                    let needs: Vec<u32> = (1..number).filter(|_| chance(2)).collect();
                    with(step(number, &needs), |step| step.detached = chance(5))
                })
                .collect();
            if chance(2) {
                steps.reverse();
            }
            assert_eq!(serial_steps(&steps), by_the_definition(&steps), "{steps:?}");
        }
    }

    #[test]
    fn ten_thousand_steps_are_laid_out_in_either_order() {
        const STEPS: u32 = 10_000;
        let row = |number: u32| step(number, &(1..number).rev().take(1).collect::<Vec<_>>());
        assert_eq!(layout((1..=STEPS).map(row).collect(), ALL), "S".repeat(10_000));
        assert_eq!(layout((1..=STEPS).rev().map(row).collect(), ALL), "S".repeat(10_000));
        // All at once between a first and a last one.
        let fan = |number: u32| match number {
            1 => step(1, &[]),
            STEPS => step(STEPS, &(2..STEPS).collect::<Vec<_>>()),
            other => step(other, &[1]),
        };
        assert_eq!(layout((1..=STEPS).map(fan).collect(), ALL), format!("network S{}S", "N".repeat(9_998)));
    }
}
