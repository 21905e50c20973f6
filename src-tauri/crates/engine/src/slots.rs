//! The slots of what may only run so many at a time: stages over all runs of a project, steps over all runs of this computer.

use lp_model::{Concurrency, ProjectId};
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What is counted together: stages of a project in one group, or of one name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SlotName {
    /// `None`: of whatever project.
    project: Option<ProjectId>,
    is_group: bool,
    name: String,
}

impl SlotName {
    pub fn new(project: &ProjectId, stage: &str, concurrency: &Concurrency) -> Self {
        let name = concurrency.group.clone().unwrap_or_else(|| stage.to_owned());
        Self { project: Some(project.clone()), is_group: concurrency.group.is_some(), name }
    }
}

impl SlotName {
    /// All steps on this computer.
    pub fn steps() -> Self {
        Self { project: None, is_group: false, name: String::new() }
    }
}

/// Cheap to clone; all clones count together.
#[derive(Clone, Default)]
pub(crate) struct Slots(Arc<Mutex<BTreeMap<SlotName, Group>>>);

#[derive(Default)]
struct Group {
    taken: usize,
    /// In order of arrival, each with the limit that its own plan names.
    waiting: VecDeque<(usize, oneshot::Sender<Slot>)>,
}

/// The right of a stage to run. Dropping it gives it back.
pub(crate) struct Slot {
    slots: Slots,
    name: SlotName,
}

impl Slots {
    /// Goes to the end of those who wait for a slot of that name. Dropping the receiver leaves them.
    pub fn queue(&self, name: SlotName, limit: u32) -> oneshot::Receiver<Slot> {
        let (give, slot) = oneshot::channel();
        self.state().entry(name.clone()).or_default().waiting.push_back((limit.max(1) as usize, give));
        self.admit(&name);
        slot
    }

    /// A slot for a stage that runs already, whatever its limit says.
    pub fn take(&self, name: SlotName) -> Slot {
        self.state().entry(name.clone()).or_default().taken += 1;
        Slot { slots: self.clone(), name }
    }

    fn admit(&self, name: &SlotName) {
        loop {
            let first = {
                let mut state = self.state();
                let Some(group) = state.get_mut(name) else { return };
                group.waiting.retain(|(_, give)| !give.is_closed());
                match group.waiting.front() {
                    Some((limit, _)) if group.taken < *limit => {}
                    None if group.taken == 0 => {
                        state.remove(name);
                        return;
                    }
                    _ => return,
                }
                group.taken += 1;
                group.waiting.pop_front()
            };
            // Not under the lock: one who has left in this moment gives the slot back right here.
            if let Some((_, give)) = first {
                let _ = give.send(Slot { slots: self.clone(), name: name.clone() });
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, BTreeMap<SlotName, Group>> {
        // Nothing under this lock can leave the counts half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        if let Some(group) = self.slots.state().get_mut(&self.name) {
            group.taken -= 1;
        }
        self.slots.admit(&self.name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_waits_for_its_own_limit_and_none_overtakes() {
        let slots = Slots::default();
        let name = |group: Option<&str>| {
            let concurrency = Concurrency { limit: 1, group: group.map(str::to_owned) };
            SlotName::new(&ProjectId::parse("p").unwrap(), "deploy", &concurrency)
        };
        let mut first = slots.queue(name(None), 2);
        let mut second = slots.queue(name(None), 2);
        let mut narrow = slots.queue(name(None), 1);
        let mut wide = slots.queue(name(None), 9);
        let mut other = slots.queue(name(Some("deploy")), 1);
        let (a, b) = (first.try_recv().unwrap(), second.try_recv().unwrap());
        assert!(other.try_recv().is_ok(), "a group is not a stage of that name");
        drop(a);
        assert!(narrow.try_recv().is_err() && wide.try_recv().is_err(), "one is still there");
        drop(b);
        let c = narrow.try_recv().unwrap();
        let d = wide.try_recv().unwrap();
        drop((c, d));
        let taken = slots.take(name(None));
        let mut late = slots.queue(name(None), 1);
        assert!(late.try_recv().is_err());
        drop(late);
        drop(taken);
        assert!(slots.state().get(&name(None)).is_none(), "nothing is kept of what nobody uses");
    }
}
