//! Runs by their limits and fairly, stages and steps in order of arrival.

use super::*;

fn limits(machine: usize, project: usize, environment: usize) -> Limits {
    Limits { machine, project, environment, steps: 1 }
}

/// `project` or `project/environment`.
fn place(text: &str) -> QueuePlace {
    let (project, environment) = text.split_once('/').map_or((text, None), |(project, name)| (project, Some(name.to_owned())));
    QueuePlace { project: ProjectId::parse(project).unwrap(), environment }
}

/// People in a gate: each is called by its place and a number.
struct People {
    gate: Gate,
    waiting: Vec<(String, oneshot::Receiver<Ticket>)>,
    under_way: Vec<(String, Ticket)>,
}

impl People {
    fn new(limits: Limits) -> Self {
        Self { gate: Gate::new(limits), waiting: vec![], under_way: vec![] }
    }

    fn come(&mut self, places: &[&str]) {
        for text in places {
            let name = format!("{}-{}", text.replace('/', "-"), self.waiting.len() + self.under_way.len());
            let turn = self.gate.queue(Traveller::Run(RunId::parse(&name).unwrap(), place(text)));
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
        self.gate.waiting_runs().iter().map(|queued| format!("{} {:?}", queued.run, queued.waits_for)).collect()
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
    people.gate.set_limits(limits(3, 0, 0));
    assert_eq!(people.called(), ["a-1", "a-2"]);
    people.gate.set_limits(limits(1, 0, 0));
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
    people.gate.set_limits(limits(9, 0, 1));
    assert_eq!(people.called(), ["a-5"]);
    assert_eq!(people.list(), ["a-prod-6 Environment"]);
}

#[test]
fn one_that_is_under_way_already_counts_whatever_the_limits_say() {
    let mut people = People::new(limits(1, 0, 1));
    let taken = || people.gate.take(Traveller::Run(RunId::parse("resumed").unwrap(), place("a/prod")));
    let taken = [taken(), taken()];
    people.come(&["a/prod", "b"]);
    let [one, two] = taken;
    drop(one);
    assert_eq!(people.called(), [""; 0]);
    drop(two);
    assert_eq!(people.called(), ["a-prod-0"]);
    assert_eq!(people.list(), ["b-1 Machine"]);
}

fn stage(group: Option<&str>, limit: u32) -> Traveller {
    let concurrency = Concurrency { limit, group: group.map(str::to_owned) };
    Traveller::Stage(Group::new(&ProjectId::parse("p").unwrap(), "deploy", &concurrency), limit)
}

#[test]
fn each_stage_waits_for_its_own_limit_and_none_overtakes() {
    let gate = Gate::new(limits(1, 0, 0));
    let mut first = gate.queue(stage(None, 2));
    let mut second = gate.queue(stage(None, 2));
    let mut narrow = gate.queue(stage(None, 1));
    let mut wide = gate.queue(stage(None, 9));
    let mut other = gate.queue(stage(Some("deploy"), 1));
    let (a, b) = (first.try_recv().unwrap(), second.try_recv().unwrap());
    assert!(other.try_recv().is_ok(), "a group is not a stage of that name");
    drop(a);
    assert!(narrow.try_recv().is_err() && wide.try_recv().is_err(), "one is still there");
    drop(b);
    let c = narrow.try_recv().unwrap();
    let d = wide.try_recv().unwrap();
    drop((c, d));
    let taken = gate.take(stage(None, 1));
    let mut late = gate.queue(stage(None, 1));
    assert!(late.try_recv().is_err());
    drop(late);
    drop(taken);
    assert!(gate.state().queues.is_empty(), "nothing is kept of what nobody uses");
}

#[test]
fn a_wider_limit_reaches_the_steps_that_wait_already() {
    let gate = Gate::new(limits(9, 0, 0));
    let mut steps: Vec<_> = (0..4).map(|_| gate.queue(Traveller::Step)).collect();
    let mut running: Vec<Ticket> = steps[0].try_recv().into_iter().collect();
    assert!(steps[1].try_recv().is_err(), "one at a time");
    gate.set_limits(Limits { steps: 3, ..limits(9, 0, 0) });
    running.extend(steps[1].try_recv().into_iter().chain(steps[2].try_recv()));
    assert_eq!(running.len(), 3);
    assert!(steps[3].try_recv().is_err());
    gate.set_limits(Limits { steps: 0, ..limits(9, 0, 0) });
    running.truncate(1);
    assert!(steps[3].try_recv().is_err(), "0 counts as 1");
    running.clear();
    assert!(steps[3].try_recv().is_ok());
}
