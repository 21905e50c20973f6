//! What editors need to help with a file: a JSON schema per dialect (draft 7, for one document), with words about every key.
//!
//! The schemas are written by hand in `schema/`. They complain where the compiler has an error or knows a key or a word not; what
//! needs more than one place of the file to be judged (names that must exist, circles) is left to the compiler.
//!
//! Generating the schemas from decoders that are written by hand would be a third description. A test holds the schemas against the
//! decoders' key lists both ways, and lets them complain only where the compiler has something to say.

use crate::{drone1, drone08, woodpecker};
use lp_model::Dialect;

/// The JSON schema of a dialect's file.
pub fn schema(dialect: Dialect) -> &'static str {
    match dialect {
        Dialect::Drone08 => include_str!("../schema/drone08.json"),
        Dialect::Drone1 => include_str!("../schema/drone1.json"),
        Dialect::Woodpecker => include_str!("../schema/woodpecker.json"),
    }
}

/// All keys that the compiler knows, by the place (a JSON pointer) of their `properties` in the schema.
pub fn keys(dialect: Dialect) -> Vec<(&'static str, Vec<&'static str>)> {
    match dialect {
        Dialect::Drone08 => drone08::keys(),
        Dialect::Drone1 => drone1::keys(),
        Dialect::Woodpecker => woodpecker::keys(),
    }
}
