//! The dialects: a folder for each, with everything that is true of it alone.

pub mod drone08;
pub mod drone1;
pub mod woodpecker;
