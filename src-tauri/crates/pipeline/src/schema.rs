//! What editors need to help with a file: a JSON schema per dialect (draft 7, for one document), with words about every key.
//!
//! The schemas are written by hand, each in the folder of its dialect. They complain where the compiler has an error or knows a key or a
//! word not; what needs more than one place of the file to be judged (names that must exist, circles) is left to the compiler.
//!
//! Generating the schemas from decoders that are written by hand would be a third description. A test holds the schemas against the
//! decoders' key lists both ways, and lets them complain only where the compiler has something to say.

use crate::dialect::front_end;
use lp_model::Dialect;

/// The JSON schema of a dialect's file.
pub fn schema(dialect: Dialect) -> &'static str {
    front_end(dialect).schema()
}

/// All keys that the compiler knows, by the place (a JSON pointer) of their `properties` in the schema.
pub fn keys(dialect: Dialect) -> Vec<(&'static str, Vec<&'static str>)> {
    front_end(dialect).keys()
}
