//! Random numbers that can be had again.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A small generator (xorshift). The same seed throws the same numbers.
pub struct Dice {
    seed: u64,
    state: u64,
}

impl Dice {
    pub fn new(seed: u64) -> Self {
        // Seeds that differ by one must not throw alike, and zero would throw nothing but zeros.
        Self { seed, state: (seed ^ 0x5DEE_CE66_D1CE_4E5B).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1 }
    }

    /// How it can be had again.
    pub fn seed(&self) -> u64 {
        self.seed
    }

    /// A number below `sides`.
    pub fn throw(&mut self, sides: u64) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        // The upper bits are the better ones.
        (self.state >> 20) % sides
    }

    /// A span below `most`.
    pub fn span(&mut self, most: Duration) -> Duration {
        Duration::from_millis(self.throw(u64::try_from(most.as_millis()).unwrap().max(1)))
    }
}

/// `LETTERPRESS_SEED`, else one of this moment.
pub fn first_seed() -> u64 {
    number("LETTERPRESS_SEED").unwrap_or_else(|| {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        u64::try_from(now.as_millis()).unwrap() % 1_000_000_000
    })
}

/// How many kills a test makes: `LETTERPRESS_KILLS`, else what fits into the ordinary tests.
pub fn kills(ordinary: u64) -> u64 {
    number("LETTERPRESS_KILLS").unwrap_or(ordinary)
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("`{variable}` is `{text}`, which is no number")))
}
