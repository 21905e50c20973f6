use super::{Automata, MASK, Masker};
use aho_corasick::automaton::StateID;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

/// Masks one stream of bytes. What comes out is the same however the stream is cut into writes.
///
/// It holds back only bytes that can still become a secret, i.e. the longest end of the stream that is the beginning of one.
/// So there is no `flush`: whatever may be shown already has been, also when the program falls silent.
pub struct MaskStream {
    automata: Option<Arc<Automata>>,
    state: Option<StateID>,
    /// Bytes that are not written yet. All offsets below count from its beginning.
    held: Vec<u8>,
    /// End of a masked range whose [`MASK`] is written already; 0 when there is none.
    swallow: usize,
    /// Masked ranges after it, in order, that neither overlap one another nor `swallow`.
    pending: Vec<Range<usize>>,
}

impl MaskStream {
    pub(super) fn new(masker: Masker) -> Self {
        let automata = masker.automata();
        let state = automata.as_ref().map(|a| a.start());
        Self { automata, state, held: Vec::new(), swallow: 0, pending: Vec::new() }
    }

    /// Takes the next bytes and appends to `out` what may be shown now.
    pub fn push(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        let Some(automata) = self.automata.clone() else {
            out.extend_from_slice(bytes);
            return;
        };
        let mut held = mem::take(&mut self.held);
        if held.is_empty() {
            let settled = self.scan(&automata, bytes, 0);
            self.write(bytes, settled, out);
            held.extend_from_slice(&bytes[settled..]);
        } else {
            let known = held.len();
            held.extend_from_slice(bytes);
            let settled = self.scan(&automata, &held, known);
            self.write(&held, settled, out);
            held.drain(..settled);
        }
        self.held = held;
    }

    /// The stream is over: appends the rest. The stream can be used again from the beginning.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        let held = mem::take(&mut self.held);
        self.write(&held, held.len(), out);
        self.state = self.automata.as_ref().map(|a| a.start());
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Reads `work[known..]` and returns how many bytes of `work` no later byte can make part of a new secret.
    fn scan(&mut self, automata: &Automata, work: &[u8], known: usize) -> usize {
        let Some(mut state) = self.state else { return work.len() };
        for (offset, &byte) in work[known..].iter().enumerate() {
            state = automata.next(state, byte);
            if let Some(len) = automata.match_len(state) {
                let end = known + offset + 1;
                self.cover(end - len..end);
            }
        }
        self.state = Some(state);
        work.len() - automata.depth(state)
    }

    /// Adds a range. Ranges come in order of their ends; one that overlaps others becomes one with them.
    fn cover(&mut self, mut range: Range<usize>) {
        if range.start < self.swallow {
            // What is pending lies behind `swallow` and ends before this one: it is inside.
            self.swallow = range.end;
            self.pending.clear();
            return;
        }
        while let Some(last) = self.pending.pop_if(|last| last.end > range.start) {
            range.start = range.start.min(last.start);
        }
        self.pending.push(range);
    }

    /// Writes `work[..settled]`. A secret that is still to come begins at `settled` or later, so a range that begins there or
    /// before keeps its beginning: its mask is written now, even while its end may still grow.
    fn write(&mut self, work: &[u8], settled: usize, out: &mut Vec<u8>) {
        let mut cursor = self.swallow.min(settled);
        let begun = self.pending.iter().take_while(|range| range.start <= settled).count();
        for range in self.pending.drain(..begun) {
            out.extend_from_slice(&work[cursor..range.start]);
            out.extend_from_slice(MASK.as_bytes());
            self.swallow = range.end;
            cursor = range.end.min(settled);
        }
        out.extend_from_slice(&work[cursor..settled]);
        self.swallow = self.swallow.saturating_sub(settled);
        for range in &mut self.pending {
            *range = range.start - settled..range.end - settled;
        }
    }
}
