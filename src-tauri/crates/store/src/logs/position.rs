//! The file beside a log that says how much of a step's output is in it, so that another process can go on at the very byte where one that
//! was killed had stopped. Two slots of fixed size are overwritten in turn: a slot that is half written leaves the one before.
//!
//! The position stays until its run is over, not until the log is: between the end of the log and the stored end of its step the process
//! may die, and the next process has to know that nothing is missing.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// How much of a step's output was taken, as raw bytes of its two streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogPosition {
    /// Of its standard output, or of both where a place does not tell them apart.
    pub stdout: u64,
    /// Of its standard error.
    pub stderr: u64,
}

/// A length of the log and the position that it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pair {
    pub log_bytes: u64,
    pub position: LogPosition,
}

/// Little-endian: turn, bytes of the log, standard output, standard error, check sum; 8 bytes each.
const SLOT: usize = 40;

/// The file, open for writing.
#[derive(Debug)]
pub(super) struct PositionFile {
    file: File,
    /// Counts the writes; its last bit is the slot.
    turn: u64,
}

impl PositionFile {
    /// Takes the file in, and makes it as long as it will ever be, so that writing to it needs no more room on the disk. The pair is the newest whole
    /// one that speaks of bytes that the log (`log_bytes` long) has; `None` when there is none.
    pub fn open(mut file: File, log_bytes: u64) -> io::Result<(Self, Option<Pair>)> {
        let mut bytes = Vec::with_capacity(2 * SLOT);
        (&mut file).take(2 * SLOT as u64).read_to_end(&mut bytes)?;
        let whole: Vec<(u64, Pair)> = bytes.chunks_exact(SLOT).filter_map(decode).collect();
        // Counted on from the newest one, believed or not.
        let turn = whole.iter().map(|(turn, _)| *turn).max().unwrap_or_default();
        let newest = whole.into_iter().filter(|(_, pair)| pair.log_bytes <= log_bytes).max_by_key(|(turn, _)| *turn);
        let Some((believed, pair)) = newest else {
            file.seek(SeekFrom::Start(0))?;
            file.write_all(&[0; 2 * SLOT])?;
            return Ok((Self { file, turn: 0 }, None));
        };
        // The slot of the believed pair is the one that is not written next.
        let mut positions = Self { file, turn: if believed % 2 == turn % 2 { turn } else { turn + 1 } };
        // Over what was not believed, so that it is not taken for true when the log has grown again.
        positions.set(pair)?;
        Ok((positions, Some(pair)))
    }

    /// Writes a pair over the one before the last. After an error the last one still holds.
    pub fn set(&mut self, pair: Pair) -> io::Result<()> {
        let turn = self.turn + 1;
        self.file.seek(SeekFrom::Start(turn % 2 * SLOT as u64))?;
        self.file.write_all(&encode(turn, pair))?;
        self.turn = turn;
        Ok(())
    }
}

fn encode(turn: u64, pair: Pair) -> [u8; SLOT] {
    let mut out = [0; SLOT];
    let words = [turn, pair.log_bytes, pair.position.stdout, pair.position.stderr];
    for (place, word) in out.chunks_exact_mut(8).zip(words) {
        place.copy_from_slice(&word.to_le_bytes());
    }
    let sum = check_sum(&out[..32]);
    out[32..].copy_from_slice(&sum.to_le_bytes());
    out
}

/// `None` for anything that [`encode`] has not written.
fn decode(slot: &[u8]) -> Option<(u64, Pair)> {
    let word = |at: usize| slot.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    if word(32)? != check_sum(&slot[..32]) {
        return None;
    }
    let position = LogPosition { stdout: word(16)?, stderr: word(24)? };
    Some((word(0)?, Pair { log_bytes: word(8)?, position }))
}

/// FNV-1a, never 0 for the zeros of a fresh file.
fn check_sum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, &byte| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn pair(n: u64) -> Pair {
        Pair { log_bytes: n, position: LogPosition { stdout: 2 * n, stderr: 3 * n } }
    }

    fn open(path: &Path, log_bytes: u64) -> (PositionFile, Option<Pair>) {
        let file = File::options().create(true).truncate(false).read(true).write(true).open(path).unwrap();
        PositionFile::open(file, log_bytes).unwrap()
    }

    fn newest(path: &Path) -> Option<Pair> {
        open(path, u64::MAX).1
    }

    #[test]
    fn the_newest_pair_is_read_back() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pos");
        let (mut file, none) = open(&path, 0);
        assert_eq!(none, None);
        for n in 1..=5 {
            file.set(pair(n)).unwrap();
            assert_eq!(newest(&path), Some(pair(n)));
        }
        drop(file);
        let (mut file, found) = open(&path, 5);
        assert_eq!(found, Some(pair(5)));
        file.set(pair(6)).unwrap();
        assert_eq!(newest(&path), Some(pair(6)));
        assert_eq!(std::fs::metadata(&path).unwrap().len(), 80, "it never grows");
    }

    #[test]
    fn a_torn_slot_leaves_the_one_before() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pos");
        for last in [6, 7] {
            for torn in 1..SLOT {
                let _was_not_there = std::fs::remove_file(&path);
                let (mut file, _) = open(&path, 0);
                for n in 1..last {
                    file.set(pair(n)).unwrap();
                }
                // Killed in the middle of the write of the next one.
                let whole = encode(file.turn + 1, pair(last));
                file.file.seek(SeekFrom::Start((file.turn + 1) % 2 * SLOT as u64)).unwrap();
                file.file.write_all(&whole[..torn]).unwrap();
                drop(file);
                let (mut file, found) = open(&path, last);
                assert!(found == Some(pair(last - 1)), "torn after {torn}: {found:?}");
                file.set(pair(last)).unwrap();
                assert_eq!(newest(&path), Some(pair(last)));
            }
        }
    }

    #[test]
    fn a_pair_that_speaks_of_more_than_there_is_is_not_believed_and_not_written_from() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.pos");
        let (mut file, _) = open(&path, 0);
        file.set(pair(10)).unwrap();
        file.set(pair(20)).unwrap();
        drop(file);
        let (mut file, found) = open(&path, 15);
        assert_eq!(found, Some(pair(10)));
        // Killed while writing: what was believed is still there.
        file.file.seek(SeekFrom::Start((file.turn + 1) % 2 * SLOT as u64)).unwrap();
        file.file.write_all(&[9; 20]).unwrap();
        drop(file);
        let (mut file, found) = open(&path, 15);
        assert_eq!(found, Some(pair(10)));
        file.set(pair(12)).unwrap();
        drop(file);
        assert_eq!(open(&path, 15).1, Some(pair(12)));
        assert_eq!(open(&path, 5).1, None);
    }
}
