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

/// What an engine can do that the layout depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Abilities {
    /// It has a default bridge.
    pub bridge: bool,
    /// The holder's program runs on it.
    pub holder: bool,
}

/// Where a step lives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    /// In a namespace of its own on the engine's default bridge.
    Bridge,
    /// In a namespace of its own on the stage's network.
    Stage,
    /// In the holder's namespace.
    Shared,
    /// Where the file says.
    Given(String),
}

/// The networks of a stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Layout {
    /// Whether the stage has a network of its own.
    pub network: bool,
    places: Vec<(StepNumber, Place)>,
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
        let place = |(step, serial): (&Step, &bool)| {
            let place = match &step.network_mode {
                Some(given) => Place::Given(given.clone()),
                None if *serial && may_share(step) && sharing > 1 => Place::Shared,
                None if network => Place::Stage,
                None => Place::Bridge,
            };
            (step.number, place)
        };
        Self { network, places: stage.steps.iter().zip(&serial).map(place).collect() }
    }

    /// Whether some steps share a namespace, so that a holder is needed.
    pub fn holder(&self) -> bool {
        self.places.iter().any(|(_, place)| *place == Place::Shared)
    }

    /// Where that step lives.
    pub fn place(&self, step: StepNumber) -> &Place {
        let alone = if self.network { &Place::Stage } else { &Place::Bridge };
        self.places.iter().find(|(number, _)| *number == step).map_or(alone, |(_, place)| place)
    }

    /// Names of the steps that share a namespace.
    pub fn sharing<'a>(&self, stage: &'a Stage) -> Vec<&'a str> {
        stage.steps.iter().filter(|step| *self.place(step.number) == Place::Shared).map(|step| step.name.as_str()).collect()
    }
}

/// Which of the steps never run at the same time as another step that is awaited. Detached ones always may.
fn serial_steps(steps: &[Step]) -> Vec<bool> {
    // Row of a step: whether it comes after the step in that column, directly or through others. Steps need only earlier ones in most
    // files, but nothing forbids the other order, so it is repeated until nothing changes.
    let mut after = vec![vec![false; steps.len()]; steps.len()];
    let position = |number: StepNumber| steps.iter().position(|step| step.number == number);
    let needs: Vec<Vec<usize>> = steps.iter().map(|step| step.needs.iter().filter_map(|number| position(*number)).collect()).collect();
    loop {
        let mut changed = false;
        for (step, needs) in needs.iter().enumerate() {
            for &needed in needs {
                let before: Vec<usize> = (0..steps.len()).filter(|other| *other == needed || after[needed][*other]).collect();
                for other in before {
                    changed |= !std::mem::replace(&mut after[step][other], true);
                }
            }
        }
        if !changed {
            break;
        }
    }
    let awaited = |step: usize| !steps[step].detached && steps[step].kind != StepKind::Service;
    let ordered = |one: usize, other: usize| one == other || after[one][other] || after[other][one];
    (0..steps.len()).map(|step| awaited(step) && (0..steps.len()).all(|other| !awaited(other) || ordered(step, other))).collect()
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
        let letter = |step: &Step| match layout.place(step.number) {
            Place::Bridge => 'B',
            Place::Stage => 'N',
            Place::Shared => 'S',
            Place::Given(_) => 'G',
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

    #[test]
    fn two_hundred_steps_are_laid_out_at_once() {
        let steps =
            (1..=200).rev().map(|number| step(number, if number == 1 { &[] } else { std::slice::from_ref(&LAST[number as usize]) }));
        assert_eq!(layout(steps.collect(), ALL), "S".repeat(200));
    }

    /// The number before each.
    static LAST: [u32; 201] = {
        let mut last = [0; 201];
        let mut number = 1;
        while number <= 200 {
            last[number] = number as u32 - 1;
            number += 1;
        }
        last
    };
}
