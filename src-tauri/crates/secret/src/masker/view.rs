//! A stream seen with one spelling undone, from where that made a difference until it makes none any more.

use super::Automata;
use super::spelling::{Spelling, Undone};
use aho_corasick::automaton::StateID;
use std::collections::VecDeque;
use std::ops::Range;

/// Bytes of the undone stream in a row, and where they stand in the stream.
struct Piece {
    /// Number of the first byte in the undone stream.
    first: usize,
    /// Where it stands in the stream.
    at: usize,
    /// Whether the following bytes stand one by one behind it; else all stand for what begins at `at`.
    one_by_one: bool,
}

/// One spelling that is being undone. Where nothing was undone within the last `depth` bytes, the view is in the state of the stream itself,
/// and can be left: most views live for a few bytes, and an ordinary stream has none.
pub(super) struct View {
    spelling: Spelling,
    state: StateID,
    /// Bytes of the undone stream that were read.
    read: usize,
    pieces: VecDeque<Piece>,
    /// Bytes read since something was undone.
    since: usize,
    /// Whether what was undone last, right before, stood for nothing: the break of a line.
    broken: bool,
    /// Bytes whose meaning is not known yet, and where they begin.
    pending: Vec<u8>,
    pending_at: usize,
}

impl View {
    /// A view that begins before the byte at `at`, in the state of the stream.
    pub fn new(spelling: Spelling, state: StateID, depth: usize, at: usize) -> Self {
        let pieces = VecDeque::from([Piece { first: 0, at: at - depth, one_by_one: true }]);
        Self { spelling, state, read: depth, pieces, since: depth, broken: false, pending: Vec::new(), pending_at: at }
    }

    /// Reads the byte at `at`; gives each range of the stream that is a secret to `found`. Returns whether the view is still needed.
    pub fn read(&mut self, automata: &Automata, byte: u8, at: usize, found: &mut impl FnMut(Range<usize>)) -> bool {
        if self.pending.is_empty() {
            self.pending_at = at;
        }
        self.pending.push(byte);
        self.settle(automata, false, found);
        !self.pending.is_empty() || automata.depth(self.state) > self.since
    }

    /// The stream is over: what is pending gets its meaning.
    pub fn finish(&mut self, automata: &Automata, found: &mut impl FnMut(Range<usize>)) {
        self.settle(automata, true, found);
    }

    /// Where that begins which can still become a secret.
    pub fn held_from(&self, automata: &Automata) -> Option<usize> {
        match automata.depth(self.state) {
            0 => Some(self.pending_at).filter(|_| !self.pending.is_empty()),
            depth => Some(self.place(self.read - depth)),
        }
    }

    fn settle(&mut self, automata: &Automata, end: bool, found: &mut impl FnMut(Range<usize>)) {
        while let Some(&first) = self.pending.first() {
            let undone = match self.spelling {
                // The indentation of a line that goes on.
                Spelling::Wrapped | Spelling::Backslash | Spelling::BackslashCharacter if self.broken && matches!(first, b' ' | b'\t') => {
                    Undone::nothing()
                }
                spelling if spelling.marks().contains(&first) => spelling.undo(&self.pending, end),
                _ => Undone::Itself,
            };
            let used = match undone {
                Undone::More => return,
                Undone::Itself => {
                    (self.since, self.broken) = (self.since + 1, false);
                    self.take(automata, first, true, self.pending_at + 1, found);
                    1
                }
                Undone::Bytes { bytes, used } => {
                    (self.since, self.broken) = (0, bytes.is_empty());
                    for byte in bytes {
                        self.take(automata, byte, false, self.pending_at + used, found);
                    }
                    used
                }
            };
            self.pending.drain(..used);
            self.pending_at += used;
        }
    }

    /// Takes a byte of the undone stream that stands at `pending_at` and ends before `end`.
    fn take(&mut self, automata: &Automata, byte: u8, as_it_is: bool, end: usize, found: &mut impl FnMut(Range<usize>)) {
        let goes_on = self.pieces.back().is_some_and(|piece| match (piece.one_by_one, as_it_is) {
            (true, true) => piece.at + (self.read - piece.first) == self.pending_at,
            (false, false) => piece.at == self.pending_at,
            _ => false,
        });
        if !goes_on {
            self.pieces.push_back(Piece { first: self.read, at: self.pending_at, one_by_one: as_it_is });
        }
        self.state = automata.next(self.state, byte);
        self.read += 1;
        if let Some(len) = automata.match_len(self.state, Some(self.spelling))
            // A bare value counts only where quotes were taken away.
            && (self.spelling != Spelling::Quoted || len > self.since)
        {
            found(self.place(self.read - len)..end);
        }
        let needed = self.read - automata.depth(self.state);
        while self.pieces.get(1).is_some_and(|second| second.first <= needed) {
            self.pieces.pop_front();
        }
    }

    /// Where a byte of the undone stream stands in the stream.
    fn place(&self, number: usize) -> usize {
        let after = self.pieces.partition_point(|piece| piece.first <= number);
        let Some(piece) = after.checked_sub(1).and_then(|index| self.pieces.get(index)) else { return self.pending_at };
        if piece.one_by_one { piece.at + (number - piece.first) } else { piece.at }
    }
}
