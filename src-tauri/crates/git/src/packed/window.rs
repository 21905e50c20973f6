//! The part of a pack file that is read at once.

use super::{HEAD, PackFile, Place, damaged, read_at};
use std::io;
use std::sync::Arc;

/// How much of a pack file is read at once.
const WINDOW: usize = 64 * 1024;

/// The part of a pack file that was read last.
#[derive(Default)]
pub(super) struct Window {
    pack: usize,
    offset: u64,
    bytes: Vec<u8>,
}

impl Window {
    /// What is there from the place on: at least the head of an entry, unless the file ends before.
    pub fn at(&mut self, packs: &[Arc<PackFile>], place: Place) -> io::Result<&[u8]> {
        let skip = place.offset.checked_sub(self.offset).and_then(|skip| usize::try_from(skip).ok());
        let known = skip.filter(|skip| self.pack == place.pack && self.bytes.len().saturating_sub(*skip) >= HEAD);
        let skip = match known {
            Some(skip) => skip,
            None => {
                self.bytes.resize(WINDOW, 0);
                let count = read_at(packs[place.pack].pack(), &mut self.bytes, place.offset);
                self.bytes.truncate(*count.as_ref().unwrap_or(&0));
                (self.pack, self.offset) = (place.pack, place.offset);
                count?;
                0
            }
        };
        if skip == self.bytes.len() { Err(damaged()) } else { Ok(&self.bytes[skip..]) }
    }
}
