//! Keeps secrets out of text that people read: whole texts ([`Masker::mask_text`]) and log streams ([`MaskStream`]).
//!
//! Every occurrence of a secret, of one of its lines and of its usual encodings is found, also where occurrences overlap;
//! occurrences that overlap become one [`MASK`]. A stream gives the same bytes however it is cut into writes.

mod forms;
mod stream;

pub use stream::MaskStream;

use crate::SecretValue;
use aho_corasick::MatchKind;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, PatternID};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// What stands in a log where a secret stood. Its length says nothing about the secret's.
pub const MASK: &str = "********";

/// Knows the secrets of a run. Cheap to clone; all clones share one automaton. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Masker(Option<Arc<Automata>>);

/// The search automaton and what it does not tell by itself.
pub(crate) struct Automata {
    nfa: NFA,
    start: StateID,
    /// Number of bytes at the end of what was read that can still become a secret, by state. The start state is not in it.
    depths: HashMap<StateID, usize>,
}

impl Masker {
    /// A masker for these secrets. What is shorter than 4 characters is not masked: it would be found everywhere, and a
    /// log full of masks tells where it stood anyway.
    pub fn new(secrets: &[SecretValue]) -> Self {
        let forms = forms::forms(secrets);
        if forms.is_empty() {
            return Self(None);
        }
        // The contiguous NFA and not the DFA: a few certificates have 10^5 states, which as a DFA are tens of megabytes.
        // Without prefilter: it looks for whole secrets and would jump over the beginning of one at the end of a write.
        let nfa = NFA::builder()
            .match_kind(MatchKind::Standard)
            .prefilter(false)
            .build(forms.iter().map(|form| form.as_bytes()))
            .expect("the secrets of a run are far smaller than the automaton's limit of 2 GiB");
        let start = nfa.start_state(Anchored::No).expect("a contiguous NFA can always search unanchored");
        let mut depths = HashMap::new();
        for form in &forms {
            // The state after the first n bytes of a pattern is the trie's node for just these n bytes.
            let mut state = start;
            for (read, &byte) in form.as_bytes().iter().enumerate() {
                state = nfa.next_state(Anchored::No, state, byte);
                depths.insert(state, read + 1);
            }
        }
        Self(Some(Arc::new(Automata { nfa, start, depths })))
    }

    /// A masker that masks nothing.
    pub fn none() -> Self {
        Self(None)
    }

    /// Begins a stream, e.g. the log of one step.
    pub fn stream(&self) -> MaskStream {
        MaskStream::new(self.clone())
    }

    /// The text without secrets: for messages, notes and excerpts.
    pub fn mask_text(&self, text: &str) -> String {
        let mut out = Vec::with_capacity(text.len());
        let mut stream = self.stream();
        stream.push(text.as_bytes(), &mut out);
        stream.finish(&mut out);
        String::from_utf8(out).expect("patterns are UTF-8, so they begin and end between two characters of a UTF-8 text")
    }

    pub(crate) fn automata(&self) -> Option<Arc<Automata>> {
        self.0.clone()
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(…)")
    }
}

impl Automata {
    pub(crate) fn start(&self) -> StateID {
        self.start
    }

    pub(crate) fn next(&self, state: StateID, byte: u8) -> StateID {
        self.nfa.next_state(Anchored::No, state, byte)
    }

    /// Length of the longest secret that ends where `state` was reached.
    pub(crate) fn match_len(&self, state: StateID) -> Option<usize> {
        if !self.nfa.is_special(state) || !self.nfa.is_match(state) {
            return None;
        }
        let ids = (0..self.nfa.match_len(state)).map(|index| self.nfa.match_pattern(state, index));
        ids.map(|id: PatternID| self.nfa.pattern_len(id)).max()
    }

    /// How many of the last bytes can still become a secret.
    pub(crate) fn depth(&self, state: StateID) -> usize {
        self.depths.get(&state).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests;
