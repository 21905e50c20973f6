//! The line in which runs wait for their turn. Not a semaphore, because the number of places changes while the app runs.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// Cheap to clone; all clones are one line.
#[derive(Clone)]
pub(crate) struct Line(Arc<Mutex<State>>);

struct State {
    places: usize,
    /// May be more than there are places: a turn is not taken back.
    taken: usize,
    waiting: VecDeque<oneshot::Sender<Turn>>,
}

/// The right to be under way. Dropping it gives it back.
pub(crate) struct Turn(Line);

impl Line {
    /// With no place nothing would ever go on, so there is always one.
    pub fn new(places: usize) -> Self {
        Self(Arc::new(Mutex::new(State { places: places.max(1), taken: 0, waiting: VecDeque::new() })))
    }

    /// Goes to the end of the line at once. Dropping the receiver leaves the line.
    pub fn queue(&self) -> oneshot::Receiver<Turn> {
        let (give, turn) = oneshot::channel();
        self.state().waiting.push_back(give);
        self.admit();
        turn
    }

    /// More places let those who wait go on at once; fewer only make them wait longer.
    pub fn set_places(&self, places: usize) {
        self.state().places = places.max(1);
        self.admit();
    }

    /// Gives turns to the first in the line while there are places.
    fn admit(&self) {
        loop {
            let first = {
                let mut state = self.state();
                if state.taken >= state.places {
                    return;
                }
                let Some(first) = state.waiting.pop_front() else { return };
                if first.is_closed() {
                    continue;
                }
                state.taken += 1;
                first
            };
            // Not under the lock: one who has left in this moment gives the turn back right here.
            let _ = first.send(Turn(self.clone()));
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock can leave the counts half changed.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.state().taken -= 1;
        self.0.admit();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn has_turn(waiting: &mut oneshot::Receiver<Turn>) -> Option<Turn> {
        waiting.try_recv().ok()
    }

    #[test]
    fn first_come_first_served_and_those_who_left_are_passed_over() {
        let line = Line::new(1);
        let [mut a, b, mut c, mut d] = [(); 4].map(|()| line.queue());
        let turn = has_turn(&mut a).unwrap();
        assert!(has_turn(&mut c).is_none());
        drop(b);
        drop(turn);
        let turn = has_turn(&mut c).unwrap();
        assert!(has_turn(&mut d).is_none());
        drop(turn);
        assert!(has_turn(&mut d).is_some());
    }

    #[test]
    fn a_turn_that_was_given_but_not_fetched_goes_to_the_next() {
        let line = Line::new(1);
        let [a, mut b] = [(); 2].map(|()| line.queue());
        drop(a);
        assert!(has_turn(&mut b).is_some());
    }

    #[test]
    fn places_come_and_go() {
        let line = Line::new(0);
        let mut all = [(); 5].map(|()| line.queue());
        let mut turns: Vec<Turn> = all.iter_mut().filter_map(has_turn).collect();
        assert_eq!(turns.len(), 1, "never no place at all");
        line.set_places(3);
        turns.extend(all.iter_mut().filter_map(has_turn));
        assert_eq!(turns.len(), 3);
        line.set_places(1);
        turns.truncate(1);
        assert!(all.iter_mut().all(|waiting| has_turn(waiting).is_none()), "still one too few");
        turns.clear();
        turns.extend(all.iter_mut().filter_map(has_turn));
        assert_eq!(turns.len(), 1);
    }
}
