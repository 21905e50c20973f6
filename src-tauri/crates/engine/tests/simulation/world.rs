//! What stays when a process dies: the journal, the logs, the containers. And the dice that say what goes wrong next.

use crate::dice::Dice;
use crate::plans::any_plan;
use lp_backend::Position;
use lp_backend::fake::{FakeBackend, FakePlaces};
use lp_engine::{EngineSettings, Past, QueuePlace};
use lp_model::{BackendKind, Plan, ProjectId, RunEvent, RunId, StepKey};
use std::collections::{BTreeMap, BTreeSet};
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::task::yield_now;
use tokio::time::sleep;

/// How a process ended.
pub enum End {
    NextProcess,
    AllOver,
}

/// One of the runs of this world.
pub struct Run {
    pub id: RunId,
    pub plan: Arc<Plan>,
    pub place: QueuePlace,
}

pub struct World {
    pub runs: Vec<Run>,
    pub backend: Arc<FakeBackend>,
    pub engines: usize,
    /// The process is dead: whoever calls gets no answer any more.
    dead: AtomicBool,
    pub died: Notify,
    state: Mutex<State>,
    is_loud: bool,
}

pub struct State {
    pub dice: Dice,
    /// Things that may still go wrong.
    budget: u32,
    /// By how much somebody has set back the clock of the computer.
    pub clock_back_ms: i64,
    /// The process dies at this of its moments.
    dies_in: Option<u64>,
    pub journal: BTreeMap<RunId, Vec<(i64, RunEvent)>>,
    pub logs: BTreeMap<(RunId, StepKey), Log>,
    /// Logs that refused something.
    pub hurt_logs: BTreeSet<(RunId, StepKey)>,
    /// What the program of a step had written when `run_step` returned, by the name of its container.
    pub outputs: BTreeMap<String, Vec<u8>>,
    /// Everything that the engine told of a run, as text, to look for secrets in it.
    pub told: BTreeMap<RunId, String>,
    /// Runs for which a secret could not be read once, so that it cannot be masked where an engine blurts it out.
    pub blind: BTreeSet<RunId>,
    pub problems: Vec<String>,
    pub counts: Counts,
    story: Vec<String>,
}

#[derive(Default)]
pub struct Log {
    pub bytes: Vec<u8>,
    pub mark: (usize, Position),
}

/// What goes wrong with a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    Refuse,
    Panic,
    Hang,
}

macro_rules! counts {
    ($($name:ident),+) => {
        /// How often what happened.
        #[derive(Debug, Default, Clone)]
        pub struct Counts { $(pub $name: u64),+ }

        impl Counts {
            pub fn add(&mut self, other: &Self) { $(self.$name += other.$name;)+ }

            pub fn each(&self) -> Vec<(&'static str, u64)> { vec![$((stringify!($name), self.$name)),+] }
        }
    };
}

counts!(
    worlds,
    runs,
    steps,
    crashes,
    suspends,
    resumes,
    cancels,
    retries,
    kept_files_dropped,
    refusals,
    panics,
    hangs,
    engine_restarts,
    outages,
    attached,
    lost,
    passed,
    failed,
    cancelled,
    interrupted,
    errored,
    two_engines,
    leftovers,
    pruned,
    files_missed,
    clocks_set_back,
    logs_compared,
    secrets_masked,
    waited_for_slot
);

impl World {
    pub fn new(seed: u64, is_loud: bool) -> Self {
        let mut dice = Dice::new(seed);
        let mut runs = Vec::new();
        for number in 1..=dice.pick(&[1u32, 1, 2, 3]) {
            let environment = dice.happens(300).then(|| "production".to_owned());
            let place = QueuePlace { project: ProjectId::parse(dice.pick(&["p", "p", "q"])).unwrap(), environment };
            let id = RunId::parse(&format!("r{number}")).unwrap();
            runs.push(Run { id, plan: Arc::new(any_plan(&mut dice)), place });
        }
        let time = |dice: &mut Dice| Duration::from_millis(dice.pick(&[0, 0, 100, 3000]));
        let engines = dice.pick(&[1, 1, 2]);
        let places = FakePlaces {
            engines,
            prepare_takes: time(&mut dice),
            fetch_takes: time(&mut dice),
            ahead_takes: time(&mut dice),
            destroy_takes: time(&mut dice),
            ..FakePlaces::default()
        };
        let budget = dice.pick(&[0, 3, 8, 15]);
        let counts = Counts { worlds: 1, two_engines: u64::from(engines > 1), runs: runs.len() as u64, ..Counts::default() };
        let state = State {
            dice,
            budget,
            clock_back_ms: 0,
            dies_in: None,
            journal: BTreeMap::new(),
            logs: BTreeMap::new(),
            hurt_logs: BTreeSet::new(),
            outputs: BTreeMap::new(),
            told: BTreeMap::new(),
            blind: BTreeSet::new(),
            problems: Vec::new(),
            counts,
            story: Vec::new(),
        };
        let backend = Arc::new(FakeBackend::new(BackendKind::Docker, places));
        let (dead, died) = (AtomicBool::new(false), Notify::new());
        let world = Self { runs, backend, engines, dead, died, state: Mutex::new(state), is_loud };
        if is_loud {
            for run in &world.runs {
                println!("{} {:?}\n{}", run.id, run.place, serde_text(&run.plan));
            }
        }
        world
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn counts(&self) -> Counts {
        self.state().counts.clone()
    }

    pub fn story(&self) -> Vec<String> {
        self.state().story.clone()
    }

    pub fn say(&self, what: impl FnOnce() -> String) {
        let line = format!("{:>10.3} {}", self.backend.now().as_secs_f64(), what());
        if self.is_loud {
            println!("{line}");
        }
        self.state().story.push(line);
    }

    pub fn settings(&self) -> EngineSettings {
        let max_runs = self.state().dice.pick(&[1, 2, 4]);
        let max_runs_per_project = self.state().dice.pick(&[0, 1, 2]);
        EngineSettings { max_runs, max_runs_per_project, ..EngineSettings::default() }
    }

    pub fn past(&self, run: &RunId) -> Past {
        Past { events: self.state().journal.get(run).cloned().unwrap_or_default() }
    }

    pub fn events(&self, run: &RunId) -> Vec<RunEvent> {
        self.past(run).events.into_iter().map(|(_, event)| event).collect()
    }

    /// A process begins.
    pub fn boot(&self, process: usize) {
        let later = match process {
            0 => Duration::ZERO,
            _ => Duration::from_millis(self.state().dice.pick(&[0, 1, 500, 30_000, 600_000])),
        };
        self.backend.boot(later);
        if process > 0 && self.chance(150) {
            self.say(|| "meanwhile a person has pruned containers and files".to_owned());
            self.state().counts.pruned += 1;
            self.backend.prune_containers();
            self.backend.prune_volumes();
        }
        self.dead.store(false, Ordering::Relaxed);
        let mut state = self.state();
        let will_die = state.budget > 0 && state.dice.happens(600);
        state.dies_in = will_die.then(|| state.dice.pick(&[10, 40, 150, 400])).map(|most| state.dice.below(most));
    }

    /// The process dies here: nobody gets an answer any more, and the next thing that happens is its end.
    pub fn die(&self) {
        if !self.dead.swap(true, Ordering::Relaxed) {
            self.say(|| "CRASH".to_owned());
            let mut state = self.state();
            state.counts.crashes += 1;
            state.budget = state.budget.saturating_sub(1);
            self.died.notify_one();
        }
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::Relaxed)
    }

    /// One of something that may still go wrong, if the dice say so.
    pub fn chance(&self, in_a_thousand: u64) -> bool {
        let mut state = self.state();
        let happens = state.budget > 0 && state.dice.happens(in_a_thousand);
        if happens {
            state.budget -= 1;
        }
        happens
    }

    /// A moment at which the process may die, and until which something may take time.
    pub async fn moment(&self, what: &str) {
        if self.is_dead() {
            pending::<()>().await;
        }
        let (yields, time) = {
            let mut state = self.state();
            let yields = if state.dice.happens(200) { state.dice.below(4) } else { 0 };
            let time = state.dice.happens(20).then(|| state.dice.pick(&[1, 30, 2000]));
            (yields, time)
        };
        for _ in 0..yields {
            yield_now().await;
        }
        if let Some(time) = time {
            sleep(Duration::from_millis(time)).await;
        }
        let dies = {
            let mut state = self.state();
            match &mut state.dies_in {
                Some(0) => true,
                Some(left) => {
                    *left -= 1;
                    false
                }
                None => false,
            }
        };
        if dies {
            self.say(|| format!("at {what}:"));
            self.die();
        }
        if self.is_dead() {
            pending::<()>().await;
        }
    }

    /// What goes wrong with a call, if anything.
    pub fn fault(&self, what: &str, of: &[Fault]) -> Option<Fault> {
        if !self.chance(12) {
            return None;
        }
        let fault = self.state().dice.pick(of);
        self.say(|| format!("{what}: {fault:?}"));
        let mut state = self.state();
        match fault {
            Fault::Refuse => state.counts.refusals += 1,
            Fault::Panic => state.counts.panics += 1,
            Fault::Hang => state.counts.hangs += 1,
        }
        Some(fault)
    }

    pub fn problem(&self, what: String) {
        self.say(|| format!("PROBLEM {what}"));
        self.state().problems.push(what);
    }

    pub fn now_ms(&self) -> i64 {
        1_700_000_000_000 + self.backend.now().as_millis() as i64 - self.state().clock_back_ms
    }
}

fn serde_text(plan: &Plan) -> String {
    plan.stages
        .iter()
        .map(|stage| {
            let steps = stage.steps.iter().map(|step| {
                format!(
                    "  {} needs {:?} {:?} {:?} detached {} 78 {} limit {:?} {:?}\n",
                    step.name,
                    step.needs,
                    step.run_on,
                    step.on_failure,
                    step.detached,
                    step.exit_78_ends_stage,
                    step.timeout_s,
                    step.environment
                )
            });
            let steps: String = steps.collect();
            format!(" {} needs {:?} {:?} {:?}\n{steps}", stage.name, stage.needs, stage.run_on, stage.concurrency)
        })
        .collect::<String>()
        + &format!(" limit {} clean-up {} {}", plan.timeout_s, plan.cleanup_on_cancel, plan.cleanup_timeout_s)
}
