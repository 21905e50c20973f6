//! Reads the YAML files that people write: a tree of [`Node`]s that keeps the raw text of every scalar and its place in
//! the file, and small decoding functions that turn a tree into findings a beginner can act on.
//!
//! It knows nothing about pipelines, workflows, files or clocks. An untrusted file of any size ends in diagnostics within
//! milliseconds: size, nesting and the *expanded* weight of aliases are limited, and aliases share their target.
//!
//! Read in this order: [`source`] (bytes, documents, places), [`node`], [`parse`], [`scalar`] (what a plain text
//! means), [`findings`], [`decode`].
//!
//! serde_yaml reads nothing: it is quadratic on nested flow maps and loses positions. `granit-parser` with our node tree reads; serde_yaml
//! (its maintained fork) only writes, elsewhere. The tree is a crate of its own because `.letterpress.yml` needs it as well, and `workflow`
//! may not use `pipeline`.
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod decode;
pub mod findings;
mod merge;
pub mod node;
pub mod parse;
pub mod scalar;
pub mod source;
mod suggest;
mod syntax;
mod typography;

pub use findings::{Findings, Found};
pub use node::{Entry, Key, Node, Value};
pub use parse::{Document, Style, Tree, parse, parse_as, parse_part};
pub use scalar::{Schema, Typed};
pub use source::{MAX_BYTES, Piece, SourceMap, TextIndex, cut, end_marker, read_text};
pub use suggest::closest;
