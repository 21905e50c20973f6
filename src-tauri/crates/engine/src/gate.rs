//! The one gate for everything that may only go on so many at a time: runs on this computer, of a project and of an environment; stages of a
//! concurrency group; steps on this computer. Not a semaphore, because limits change while the app runs, and because runs are let through
//! fairly between projects.
//!
//! Each kind has a queue of its own. A [`Ticket`] is the right to go on; dropping it lets the next one through.

use lp_model::{Concurrency, ProjectId, RunId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What a run is counted under while it is under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueuePlace {
    /// The project that it is a run of.
    pub project: ProjectId,
    /// The environment of that project that it changes, if it changes one.
    pub environment: Option<String>,
}

/// A run that waits for its turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// Which.
    pub run: RunId,
    /// What it waits for.
    pub waits_for: WaitsFor,
}

/// What a run in the queue waits for: the limit that holds it back, the narrowest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitsFor {
    /// Another run of its environment.
    Environment,
    /// Other runs of its project.
    Project,
    /// Runs of whatever project: this computer is busy.
    Machine,
}

/// How many may go on at once. 0 is no limit, but for the machine and its steps, where it counts as 1: with no place nothing would ever go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Runs on this computer.
    pub machine: usize,
    /// Runs of one project.
    pub project: usize,
    /// Runs of one environment of a project.
    pub environment: usize,
    /// Steps on this computer.
    pub steps: usize,
}

/// Stages that are counted together: of one project those of a group, or those of a name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Group {
    project: ProjectId,
    is_named: bool,
    name: String,
}

impl Group {
    pub fn new(project: &ProjectId, stage: &str, concurrency: &Concurrency) -> Self {
        let name = concurrency.group.clone().unwrap_or_else(|| stage.to_owned());
        Self { project: project.clone(), is_named: concurrency.group.is_some(), name }
    }
}

/// Who wants to go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Traveller {
    /// A run; bound by the limits of the settings, fair between projects.
    Run(RunId, QueuePlace),
    /// A stage, with the limit that its own plan names (0 counts as 1): the first that came goes first, whatever the limits of those behind it.
    Stage(Group, u32),
    /// A step; bound by the limit of the settings.
    Step,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Queue {
    Runs,
    Group(Group),
    Steps,
}

/// Cheap to clone; all clones are one gate.
#[derive(Clone)]
pub(crate) struct Gate(Arc<Mutex<State>>);

struct State {
    limits: Limits,
    /// Only queues in which somebody waits, or through which somebody went who is still there.
    queues: BTreeMap<Queue, Waiters>,
}

#[derive(Default)]
struct Waiters {
    /// Those that were let through. May be more than the limits allow: a ticket is not taken back.
    taken: Counts,
    /// In order of arrival.
    waiting: VecDeque<Waiting>,
}

struct Waiting {
    traveller: Traveller,
    give: oneshot::Sender<Ticket>,
}

#[derive(Default, Clone)]
struct Counts {
    all: usize,
    projects: BTreeMap<ProjectId, usize>,
    environments: BTreeMap<(ProjectId, String), usize>,
}

/// The right to go on. Dropping it gives it back.
pub(crate) struct Ticket {
    gate: Gate,
    traveller: Traveller,
}

impl Traveller {
    fn queue(&self) -> Queue {
        match self {
            Self::Run(..) => Queue::Runs,
            Self::Stage(group, _) => Queue::Group(group.clone()),
            Self::Step => Queue::Steps,
        }
    }

    fn place(&self) -> Option<&QueuePlace> {
        match self {
            Self::Run(_, place) => Some(place),
            Self::Stage(..) | Self::Step => None,
        }
    }
}

impl Gate {
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(State { limits, queues: BTreeMap::new() })))
    }

    /// Goes to the end of its queue at once. Dropping the receiver leaves the queue.
    pub fn queue(&self, traveller: Traveller) -> oneshot::Receiver<Ticket> {
        let (give, ticket) = oneshot::channel();
        let queue = traveller.queue();
        self.state().queues.entry(queue.clone()).or_default().waiting.push_back(Waiting { traveller, give });
        self.admit(&queue);
        ticket
    }

    /// A ticket for what goes on already, whatever the limits say.
    pub fn take(&self, traveller: Traveller) -> Ticket {
        self.state().queues.entry(traveller.queue()).or_default().taken.add(traveller.place());
        Ticket { gate: self.clone(), traveller }
    }

    /// How many steps may run at once.
    pub fn steps(&self) -> usize {
        self.state().limits.steps.max(1)
    }

    /// Wider limits let those who wait go on at once; narrower ones only make them wait longer.
    pub fn set_limits(&self, limits: Limits) {
        self.state().limits = limits;
        self.admit(&Queue::Runs);
        self.admit(&Queue::Steps);
    }

    /// The runs that wait, in the order in which their turns come if all of them are held back by the machine alone.
    pub fn waiting_runs(&self) -> Vec<Queued> {
        let state = self.state();
        let Some(Waiters { taken: now, waiting }) = state.queues.get(&Queue::Runs) else { return Vec::new() };
        let mut taken = now.clone();
        let is_there = |waiting: &&Waiting| !waiting.give.is_closed();
        let mut left: Vec<(&RunId, &QueuePlace)> = waiting.iter().filter(is_there).filter_map(Waiting::run).collect();
        let mut order = Vec::new();
        while let Some(next) = (0..left.len()).min_by_key(|&i| (taken.project(left[i].1), i)) {
            let (run, place) = left.remove(next);
            let waits_for = state.limits.held_back(now, place).unwrap_or(WaitsFor::Machine);
            order.push(Queued { run: run.clone(), waits_for });
            taken.add(Some(place));
        }
        order
    }

    /// Lets those through for whom there is a place.
    fn admit(&self, queue: &Queue) {
        loop {
            let next = {
                let mut state = self.state();
                let limits = state.limits;
                let Some(waiters) = state.queues.get_mut(queue) else { return };
                let Some(next) = waiters.next(&limits) else {
                    if waiters.waiting.is_empty() && waiters.taken.all == 0 {
                        state.queues.remove(queue);
                    }
                    return;
                };
                waiters.taken.add(next.traveller.place());
                next
            };
            // Not under the lock: one who has left in this moment gives the ticket back right here.
            let _ = next.give.send(Ticket { gate: self.clone(), traveller: next.traveller });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can leave the counts half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn run(&self) -> Option<(&RunId, &QueuePlace)> {
        match &self.traveller {
            Traveller::Run(run, place) => Some((run, place)),
            Traveller::Stage(..) | Traveller::Step => None,
        }
    }
}

impl Waiters {
    /// Takes the next one who may go on out of the queue: of runs, one of the project that has the fewest under way, among those the first that
    /// came; of all others the first that came, or nobody.
    fn next(&mut self, limits: &Limits) -> Option<Waiting> {
        let is_gone = |waiting: &Waiting| waiting.give.is_closed();
        while self.waiting.front().is_some_and(is_gone) {
            self.waiting.pop_front();
        }
        let limit = match &self.waiting.front()?.traveller {
            Traveller::Run(..) => {
                self.waiting.retain(|waiting| !is_gone(waiting));
                let places = self.waiting.iter().map(|waiting| waiting.traveller.place());
                let may_go = |(_, place): &(usize, &QueuePlace)| limits.held_back(&self.taken, place).is_none();
                let free = places.enumerate().filter_map(|(i, place)| Some((i, place?))).filter(may_go);
                let (next, _) = free.min_by_key(|(i, place)| (self.taken.project(place), *i))?;
                return self.waiting.remove(next);
            }
            Traveller::Stage(_, limit) => *limit as usize,
            Traveller::Step => limits.steps,
        };
        if self.taken.all < limit.max(1) { self.waiting.pop_front() } else { None }
    }
}

impl Limits {
    fn held_back(&self, taken: &Counts, place: &QueuePlace) -> Option<WaitsFor> {
        let is_full = |limit: usize, count: usize| limit > 0 && count >= limit;
        if is_full(self.environment, taken.environment(place)) {
            Some(WaitsFor::Environment)
        } else if is_full(self.project, taken.project(place)) {
            Some(WaitsFor::Project)
        } else {
            (taken.all >= self.machine.max(1)).then_some(WaitsFor::Machine)
        }
    }
}

impl Counts {
    fn project(&self, place: &QueuePlace) -> usize {
        self.projects.get(&place.project).copied().unwrap_or(0)
    }

    fn environment(&self, place: &QueuePlace) -> usize {
        environment(place).and_then(|name| self.environments.get(&name).copied()).unwrap_or(0)
    }

    fn add(&mut self, place: Option<&QueuePlace>) {
        self.all += 1;
        let Some(place) = place else { return };
        *self.projects.entry(place.project.clone()).or_default() += 1;
        if let Some(name) = environment(place) {
            *self.environments.entry(name).or_default() += 1;
        }
    }

    fn remove(&mut self, place: Option<&QueuePlace>) {
        self.all -= 1;
        let Some(place) = place else { return };
        take_one(&mut self.projects, &place.project);
        if let Some(name) = environment(place) {
            take_one(&mut self.environments, &name);
        }
    }
}

fn environment(place: &QueuePlace) -> Option<(ProjectId, String)> {
    Some((place.project.clone(), place.environment.clone()?))
}

fn take_one<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let queue = self.traveller.queue();
        if let Some(waiters) = self.gate.state().queues.get_mut(&queue) {
            waiters.taken.remove(self.traveller.place());
        }
        self.gate.admit(&queue);
    }
}

#[cfg(test)]
mod tests;
