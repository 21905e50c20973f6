use super::spelling::Spelling;
use super::view::View;
use super::{Automata, MASK, Masker};
use aho_corasick::automaton::StateID;
use std::mem;
use std::ops::Range;
use std::sync::Arc;

/// A line break is undone only behind so many characters of base64: a word at the end of a line is no broken value.
const RUN: usize = 16;

/// Masks one stream of bytes. What comes out is the same however the stream is cut into writes.
///
/// It holds back only bytes that can still become a secret, i.e. the longest end of the stream that is the beginning of one, in whichever
/// spelling. So there is no `flush`: whatever may be shown already has been, also when the program falls silent.
pub struct MaskStream {
    automata: Option<Arc<Automata>>,
    state: Option<StateID>,
    /// Bytes that are not written yet. Offsets count from its beginning unless they say otherwise.
    held: Vec<u8>,
    /// Bytes of the stream before `held`.
    base: usize,
    /// How many characters of base64 stand right before `held`, at most [`RUN`].
    run: usize,
    /// End of a masked range whose [`MASK`] is written already; 0 when there is none.
    swallow: usize,
    /// Masked ranges after it, in order, that neither overlap one another nor `swallow`.
    pending: Vec<Range<usize>>,
    /// Spellings that are being undone; their offsets count from the beginning of the stream.
    views: [Option<View>; Spelling::ALL.len()],
    /// Whether there is any.
    viewing: bool,
}

impl MaskStream {
    pub(super) fn new(masker: Masker) -> Self {
        let automata = masker.automata();
        let state = automata.as_ref().map(|a| a.start());
        Self {
            automata,
            state,
            held: Vec::new(),
            base: 0,
            run: 0,
            swallow: 0,
            pending: Vec::new(),
            views: [const { None }; Spelling::ALL.len()],
            viewing: false,
        }
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
        if let Some(automata) = self.automata.clone() {
            let mut found = Vec::new();
            for view in self.views.iter_mut().filter_map(Option::as_mut) {
                view.finish(&automata, &mut |range| found.push(range));
            }
            for range in found {
                self.cover(range.start - self.base..range.end - self.base);
            }
        }
        self.write(&held, held.len(), out);
        self.state = self.automata.as_ref().map(|a| a.start());
        self.views = [const { None }; Spelling::ALL.len()];
        (self.viewing, self.base, self.run) = (false, 0, 0);
    }

    /// How many bytes are held back.
    pub fn held(&self) -> usize {
        self.held.len()
    }

    /// Reads `work[known..]` and returns how many bytes of `work` no later byte can make part of a new secret.
    fn scan(&mut self, automata: &Automata, work: &[u8], known: usize) -> usize {
        let Some(mut state) = self.state else { return work.len() };
        for (index, &byte) in work.iter().enumerate().skip(known) {
            let before = state;
            state = automata.next(state, byte);
            if let Some(len) = automata.match_len(state, None) {
                self.cover(index + 1 - len..index + 1);
            }
            if self.viewing || automata.is_mark(byte) {
                self.look(automata, before, work, index);
            }
        }
        self.state = Some(state);
        let mut settled = work.len() - automata.depth(state);
        for view in self.views.iter().flatten() {
            settled = settled.min(view.held_from(automata).map_or(settled, |from| from - self.base));
        }
        settled
    }

    /// Lets the views read a byte, and begins those that it may begin. `before` is the state of the stream before the byte.
    fn look(&mut self, automata: &Automata, before: StateID, work: &[u8], index: usize) {
        if !self.viewing && automata.depth(before) == 0 && !automata.begins_spelled() {
            return;
        }
        let (byte, at) = (work[index], self.base + index);
        let mut found: Vec<Range<usize>> = Vec::new();
        for (number, spelling) in Spelling::ALL.into_iter().enumerate() {
            if self.views[number].is_none() {
                let depth = automata.depth(before);
                let may_begin = depth > 0 || automata.begins_spelled() && spelling.stands_for_bytes();
                if !automata.is_mark_of(byte, spelling) || !may_begin {
                    continue;
                }
                if spelling == Spelling::Wrapped && self.run_before(work, index) < RUN {
                    continue;
                }
                self.views[number] = Some(View::new(spelling, before, depth, at));
            }
            let needed = self.views[number].as_mut().is_some_and(|view| view.read(automata, byte, at, &mut |range| found.push(range)));
            if !needed {
                self.views[number] = None;
            }
        }
        self.viewing = self.views.iter().any(Option::is_some);
        for range in found {
            self.cover(range.start - self.base..range.end - self.base);
        }
    }

    /// How many characters of base64 stand right before `work[index]`, at most [`RUN`].
    fn run_before(&self, work: &[u8], index: usize) -> usize {
        let is_base64 = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_');
        let here = work[..index].iter().rev().take(RUN).take_while(is_base64).count();
        if here == index { (here + self.run).min(RUN) } else { here }
    }

    /// Adds a range. Ranges come nearly in the order of their ends: a spelling may be understood some bytes later.
    fn cover(&mut self, mut range: Range<usize>) {
        if range.start < self.swallow {
            self.swallow = self.swallow.max(range.end);
            let inside = self.pending.iter().take_while(|next| next.start < self.swallow).count();
            for next in self.pending.drain(..inside) {
                self.swallow = self.swallow.max(next.end);
            }
            return;
        }
        let from = self.pending.partition_point(|earlier| earlier.end <= range.start);
        let mut upto = from;
        while let Some(other) = self.pending.get(upto).filter(|other| other.start < range.end) {
            range = range.start.min(other.start)..range.end.max(other.end);
            upto += 1;
        }
        self.pending.splice(from..upto, [range]);
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
        self.run = self.run_before(work, settled);
        self.base += settled;
        self.swallow = self.swallow.saturating_sub(settled);
        for range in &mut self.pending {
            *range = range.start - settled..range.end - settled;
        }
    }
}
