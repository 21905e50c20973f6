//! The line in which runs wait for their turn. Not a semaphore, because its limits change while the app runs, and because it is fair between
//! projects.

use lp_model::{ProjectId, RunId};
use std::collections::BTreeMap;
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

/// What a run in the line waits for: the limit that holds it back, the narrowest of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum WaitsFor {
    /// Another run of its environment.
    Environment,
    /// Other runs of its project.
    Project,
    /// Runs of whatever project: this computer is busy.
    Machine,
}

/// How many runs may be under way at once. 0 is no limit, but for the machine, where it counts as 1: with no place nothing would ever go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    pub machine: usize,
    pub project: usize,
    pub environment: usize,
}

/// Cheap to clone; all clones are one line.
#[derive(Clone)]
pub(crate) struct Line(Arc<Mutex<State>>);

struct State {
    limits: Limits,
    /// Those under way. May be more than the limits allow: a turn is not taken back.
    taken: Counts,
    /// In order of arrival.
    waiting: Vec<Waiting>,
}

struct Waiting {
    run: RunId,
    place: QueuePlace,
    give: oneshot::Sender<Turn>,
}

#[derive(Default, Clone)]
struct Counts {
    all: usize,
    projects: BTreeMap<ProjectId, usize>,
    environments: BTreeMap<(ProjectId, String), usize>,
}

impl Counts {
    fn project(&self, place: &QueuePlace) -> usize {
        self.projects.get(&place.project).copied().unwrap_or(0)
    }

    fn environment(&self, place: &QueuePlace) -> usize {
        environment(place).and_then(|name| self.environments.get(&name).copied()).unwrap_or(0)
    }

    fn add(&mut self, place: &QueuePlace) {
        self.all += 1;
        *self.projects.entry(place.project.clone()).or_default() += 1;
        if let Some(name) = environment(place) {
            *self.environments.entry(name).or_default() += 1;
        }
    }

    fn remove(&mut self, place: &QueuePlace) {
        self.all -= 1;
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

/// The right to be under way. Dropping it gives it back.
pub(crate) struct Turn {
    line: Line,
    place: QueuePlace,
}

impl Line {
    pub fn new(limits: Limits) -> Self {
        Self(Arc::new(Mutex::new(State { limits, taken: Counts::default(), waiting: Vec::new() })))
    }

    /// Goes to the end of the line at once. Dropping the receiver leaves the line.
    pub fn queue(&self, run: RunId, place: QueuePlace) -> oneshot::Receiver<Turn> {
        let (give, turn) = oneshot::channel();
        self.state().waiting.push(Waiting { run, place, give });
        self.admit();
        turn
    }

    /// A turn for a run that is under way already, whatever the limits say.
    pub fn take(&self, place: QueuePlace) -> Turn {
        self.state().taken.add(&place);
        Turn { line: self.clone(), place }
    }

    /// Wider limits let those who wait go on at once; narrower ones only make them wait longer.
    pub fn set_limits(&self, limits: Limits) {
        self.state().limits = limits;
        self.admit();
    }

    /// Those who wait, in the order in which their turns come if all of them are held back by the machine alone.
    pub fn waiting(&self) -> Vec<Queued> {
        let state = self.state();
        let mut taken = state.taken.clone();
        let mut left: Vec<&Waiting> = state.waiting.iter().filter(|waiting| !waiting.give.is_closed()).collect();
        let mut order = Vec::new();
        while let Some(next) = (0..left.len()).min_by_key(|&i| (taken.project(&left[i].place), i)) {
            let Waiting { run, place, .. } = left.remove(next);
            let waits_for = state.limits.held_back(&state.taken, place).unwrap_or(WaitsFor::Machine);
            order.push(Queued { run: run.clone(), waits_for });
            taken.add(place);
        }
        order
    }

    /// Gives turns while there are places, to the run of the project that has the fewest under way; among those to the first that came.
    fn admit(&self) {
        loop {
            let next = {
                let mut state = self.state();
                state.waiting.retain(|waiting| !waiting.give.is_closed());
                let State { limits, taken, waiting } = &*state;
                let may_go = |i: &usize| limits.held_back(taken, &waiting[*i].place).is_none();
                let Some(next) = (0..waiting.len()).filter(may_go).min_by_key(|&i| (taken.project(&waiting[i].place), i)) else { return };
                let next = state.waiting.remove(next);
                state.taken.add(&next.place);
                next
            };
            // Not under the lock: one who has left in this moment gives the turn back right here.
            let _ = next.give.send(Turn { line: self.clone(), place: next.place });
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can leave the counts half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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

impl Drop for Turn {
    fn drop(&mut self) {
        self.line.state().taken.remove(&self.place);
        self.line.admit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(machine: usize, project: usize, environment: usize) -> Limits {
        Limits { machine, project, environment }
    }

    /// `project` or `project/environment`.
    fn place(text: &str) -> QueuePlace {
        let (project, environment) = text.split_once('/').map_or((text, None), |(project, name)| (project, Some(name.to_owned())));
        QueuePlace { project: ProjectId::parse(project).unwrap(), environment }
    }

    /// People in a line: each is called by its place and a number.
    struct People {
        line: Line,
        waiting: Vec<(String, oneshot::Receiver<Turn>)>,
        under_way: Vec<(String, Turn)>,
    }

    impl People {
        fn new(limits: Limits) -> Self {
            Self { line: Line::new(limits), waiting: vec![], under_way: vec![] }
        }

        fn come(&mut self, places: &[&str]) {
            for text in places {
                let name = format!("{}-{}", text.replace('/', "-"), self.waiting.len() + self.under_way.len());
                let turn = self.line.queue(RunId::parse(&name).unwrap(), place(text));
                self.waiting.push((name, turn));
            }
        }

        /// Who has got a turn since the last time, in the order in which they came.
        fn called(&mut self) -> Vec<String> {
            let mut called = vec![];
            for (name, mut turn) in std::mem::take(&mut self.waiting) {
                match turn.try_recv() {
                    Ok(turn) => {
                        called.push(name.clone());
                        self.under_way.push((name, turn));
                    }
                    Err(_) => self.waiting.push((name, turn)),
                }
            }
            called
        }

        fn leave(&mut self, name: &str) {
            self.under_way.retain(|(who, _)| who != name);
            self.waiting.retain(|(who, _)| who != name);
        }

        fn list(&self) -> Vec<String> {
            self.line.waiting().iter().map(|queued| format!("{} {:?}", queued.run, queued.waits_for)).collect()
        }
    }

    #[test]
    fn first_come_first_served_and_those_who_left_are_passed_over() {
        let mut people = People::new(limits(1, 0, 0));
        people.come(&["a", "a", "a", "a"]);
        assert_eq!(people.called(), ["a-0"]);
        people.leave("a-1");
        people.leave("a-0");
        assert_eq!(people.called(), ["a-2"]);
        people.leave("a-2");
        assert_eq!(people.called(), ["a-3"]);
    }

    #[test]
    fn a_turn_that_was_given_but_not_fetched_goes_to_the_next() {
        let mut people = People::new(limits(1, 0, 0));
        people.come(&["a", "a"]);
        people.leave("a-0");
        assert_eq!(people.called(), ["a-1"]);
    }

    #[test]
    fn places_come_and_go() {
        let mut people = People::new(limits(0, 0, 0));
        people.come(&["a", "a", "a", "a", "a"]);
        assert_eq!(people.called(), ["a-0"], "never no place at all");
        people.line.set_limits(limits(3, 0, 0));
        assert_eq!(people.called(), ["a-1", "a-2"]);
        people.line.set_limits(limits(1, 0, 0));
        people.leave("a-0");
        people.leave("a-1");
        assert_eq!(people.called(), [""; 0], "still one too few");
        people.leave("a-2");
        assert_eq!(people.called(), ["a-3"]);
    }

    #[test]
    fn the_project_with_the_fewest_under_way_comes_first() {
        let mut people = People::new(limits(2, 0, 0));
        people.come(&["a", "a", "a", "a", "b", "c", "b"]);
        assert_eq!(people.called(), ["a-0", "a-1"]);
        assert_eq!(people.list(), ["b-4 Machine", "c-5 Machine", "b-6 Machine", "a-2 Machine", "a-3 Machine"]);
        people.leave("a-0");
        assert_eq!(people.called(), ["b-4"]);
        people.leave("a-1");
        assert_eq!(people.called(), ["a-2"], "neither it nor c has one under way, and it came first");
        people.leave("b-4");
        assert_eq!(people.called(), ["c-5"], "a has one under way");
    }

    #[test]
    fn an_environment_takes_one_at_a_time_and_holds_nobody_else_up() {
        let mut people = People::new(limits(9, 3, 1));
        people.come(&["a/prod", "a/prod", "a/test", "b/prod", "a", "a", "a/prod"]);
        assert_eq!(people.called(), ["a-prod-0", "a-test-2", "b-prod-3", "a-4"]);
        assert_eq!(people.list(), ["a-prod-1 Environment", "a-5 Project", "a-prod-6 Environment"]);
        people.leave("a-prod-0");
        assert_eq!(people.called(), ["a-prod-1"], "the first that came among those of one project");
        people.line.set_limits(limits(9, 0, 1));
        assert_eq!(people.called(), ["a-5"]);
        assert_eq!(people.list(), ["a-prod-6 Environment"]);
    }

    #[test]
    fn one_that_is_under_way_already_counts_whatever_the_limits_say() {
        let mut people = People::new(limits(1, 0, 1));
        let taken = [people.line.take(place("a/prod")), people.line.take(place("a/prod"))];
        people.come(&["a/prod", "b"]);
        let [one, two] = taken;
        drop(one);
        assert_eq!(people.called(), [""; 0]);
        drop(two);
        assert_eq!(people.called(), ["a-prod-0"]);
        assert_eq!(people.list(), ["b-1 Machine"]);
    }
}
