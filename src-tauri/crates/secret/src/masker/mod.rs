//! Keeps secrets out of text that people read: whole texts ([`Masker::mask_text`]) and log streams ([`MaskStream`]).
//!
//! Every occurrence of a secret, of one of its lines and of its usual encodings is found, also where occurrences overlap;
//! occurrences that overlap become one [`MASK`]. A stream gives the same bytes however it is cut into writes.
//!
//! # How encodings are found
//! One automaton knows the values, their lines and their base64 ([`forms`]). How programs write single bytes otherwise (percent, backslash,
//! entities, quotes of a shell, broken lines of base64: [`spelling`]) is undone while the stream is read, each in a [`view`] of the stream that
//! lives from the first undone byte until the last one lies behind everything that can still match. A list of all forms that programs
//! produce would have to know which bytes each of them keeps, and for broken lines every column; the views know neither and cost nothing
//! where a stream has no such byte inside the beginning of a secret.
//!
//! An escaped letter or digit at the very beginning of a value is not undone: no program escapes what needs no escaping, and each `%` of a
//! progress bar would have to be held back for it.

mod forms;
mod spelling;
mod stream;
mod uncovered;
mod view;

pub use stream::MaskStream;
pub use uncovered::{Uncovered, uncovered};

use crate::SecretValue;
use aho_corasick::MatchKind;
use aho_corasick::automaton::{Automaton, StateID};
use aho_corasick::nfa::contiguous::NFA;
use aho_corasick::{Anchored, PatternID};
use forms::Class;
use spelling::Spelling;
use std::fmt;
use std::sync::Arc;

/// What stands in a log where a secret stood. Its length says nothing about the secret's.
pub const MASK: &str = "********";

/// Knows the secrets of a run. Cheap to clone; all clones share one automaton. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Masker(Option<Arc<Automata>>);

/// The search automaton and what it does not tell by itself.
struct Automata {
    nfa: NFA,
    start: StateID,
    /// Number of bytes at the end of what was read that can still become a secret, by state. 0 for the start state.
    depths: Vec<u32>,
    /// By pattern.
    classes: Vec<Class>,
    /// Which spellings a byte may begin, as bits in the order of [`Spelling::ALL`].
    marks: [u8; 256],
    /// Whether a form begins with something that programs escape.
    begins_spelled: bool,
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
            .build(forms.iter().map(|form| form.text.as_bytes()))
            .expect("the secrets of a run are far smaller than the automaton's limit of 2 GiB");
        let start = nfa.start_state(Anchored::No).expect("a contiguous NFA can always search unanchored");
        let mut depths = Vec::new();
        for form in &forms {
            // The state after the first n bytes of a pattern is the trie's node for just these n bytes.
            let mut state = start;
            for (read, &byte) in form.text.as_bytes().iter().enumerate() {
                state = nfa.next_state(Anchored::No, state, byte);
                if depths.len() <= state.as_usize() {
                    depths.resize(state.as_usize() + 1, 0);
                }
                depths[state.as_usize()] = u32::try_from(read + 1).unwrap_or(u32::MAX);
            }
        }
        let has_bare = forms.iter().any(|form| form.class == Class::Bare);
        let has_latin = forms.iter().any(|form| form.text.contains(|c| ('\u{80}'..='\u{ff}').contains(&c)));
        let is_needed = |spelling| match spelling {
            Spelling::Quoted => has_bare,
            Spelling::BackslashCharacter => has_latin,
            _ => true,
        };
        let mut marks = [0_u8; 256];
        for (number, spelling) in Spelling::ALL.into_iter().enumerate() {
            for &mark in spelling.marks().iter().filter(|_| is_needed(spelling)) {
                marks[usize::from(mark)] |= 1 << number;
            }
        }
        let begins_spelled = forms.iter().any(|form| form.text.bytes().next().is_some_and(|byte| !byte.is_ascii_alphanumeric()));
        let classes = forms.iter().map(|form| form.class).collect();
        Self(Some(Arc::new(Automata { nfa, start, depths, classes, marks, begins_spelled })))
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

    fn automata(&self) -> Option<Arc<Automata>> {
        self.0.clone()
    }
}

impl fmt::Debug for Masker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Masker(…)")
    }
}

impl Automata {
    fn start(&self) -> StateID {
        self.start
    }

    fn next(&self, state: StateID, byte: u8) -> StateID {
        self.nfa.next_state(Anchored::No, state, byte)
    }

    /// Length of the longest secret that ends where `state` was reached, with that spelling undone.
    fn match_len(&self, state: StateID, undone: Option<Spelling>) -> Option<usize> {
        if !self.nfa.is_special(state) || !self.nfa.is_match(state) {
            return None;
        }
        let wanted = if undone == Some(Spelling::Quoted) { Class::Bare } else { Class::Text };
        let ids = (0..self.nfa.match_len(state)).map(|index| self.nfa.match_pattern(state, index));
        ids.filter(|id| self.classes[id.as_usize()] == wanted).map(|id: PatternID| self.nfa.pattern_len(id)).max()
    }

    /// Bytes of memory.
    #[cfg(test)]
    fn size(&self) -> usize {
        self.nfa.memory_usage() + self.depths.len() * size_of::<u32>() + self.classes.len()
    }

    /// How many of the last bytes can still become a secret.
    fn depth(&self, state: StateID) -> usize {
        self.depths.get(state.as_usize()).map_or(0, |depth| *depth as usize)
    }

    /// Whether a byte may begin something to undo.
    fn is_mark(&self, byte: u8) -> bool {
        self.marks[usize::from(byte)] != 0
    }

    /// Whether a byte may begin something to undo of that spelling.
    fn is_mark_of(&self, byte: u8, spelling: Spelling) -> bool {
        Spelling::ALL.iter().position(|known| *known == spelling).is_some_and(|number| self.marks[usize::from(byte)] & (1 << number) != 0)
    }

    /// Whether a secret may begin with something to undo.
    fn begins_spelled(&self) -> bool {
        self.begins_spelled
    }
}

#[cfg(test)]
mod tests;
