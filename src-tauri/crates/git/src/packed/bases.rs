//! Bases of deltas that were read, for the next deltas to them.

use super::{Object, Place};
use std::collections::{BTreeMap, HashMap};

/// How much is remembered of the bases of deltas.
const BASES_BYTES: usize = 64 << 20;

/// Number of a pack file and the offset of an object in it.
type PackPlace = (usize, u64);

/// Bases of deltas; the one that was not needed for the longest time is forgotten first.
#[derive(Default)]
pub(super) struct Bases {
    /// Each with the time of its last use, a count.
    known: HashMap<PackPlace, Known>,
    used: BTreeMap<u64, PackPlace>,
    clock: u64,
    bytes: usize,
}

type Known = (Object, u64);

impl Bases {
    pub fn get(&mut self, place: Place) -> Option<Object> {
        let (object, used) = self.known.get_mut(&(place.pack, place.offset))?;
        self.used.remove(used);
        self.clock += 1;
        *used = self.clock;
        self.used.insert(self.clock, (place.pack, place.offset));
        Some(object.clone())
    }

    pub fn put(&mut self, place: Place, object: &Object) {
        // A few large ones must not drive out all others.
        if object.bytes.len() > BASES_BYTES / 8 {
            return;
        }
        self.clock += 1;
        self.bytes += object.bytes.len();
        let before = self.known.insert((place.pack, place.offset), (object.clone(), self.clock));
        debug_assert!(before.is_none(), "what is known is not read again");
        self.used.insert(self.clock, (place.pack, place.offset));
        while self.bytes > BASES_BYTES
            && let Some((_, oldest)) = self.used.pop_first()
            && let Some((gone, _)) = self.known.remove(&oldest)
        {
            self.bytes -= gone.bytes.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use git2::ObjectType;
    use std::rc::Rc;

    #[test]
    fn what_was_needed_long_ago_is_forgotten_first() {
        let mut bases = Bases::default();
        let at = |offset| Place { pack: 0, offset };
        let blob = |bytes| Object { kind: ObjectType::Blob, bytes: Rc::new(vec![0; bytes]) };
        let block = blob(BASES_BYTES / 10);
        for offset in 0..10 {
            bases.put(at(offset), &block);
        }
        assert!(bases.get(at(0)).is_some());
        bases.put(at(10), &block);
        assert!(bases.get(at(0)).is_some() && bases.get(at(1)).is_none() && bases.get(at(10)).is_some());
        assert!(bases.bytes <= BASES_BYTES && bases.known.len() == bases.used.len());
        bases.put(at(11), &blob(BASES_BYTES / 2));
        assert!(bases.get(at(11)).is_none(), "too large to be remembered");
    }
}
