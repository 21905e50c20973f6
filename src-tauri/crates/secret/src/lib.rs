//! Secrets: a value that cannot be printed by accident, the vault that stores values encrypted, and the masker that keeps
//! them out of log streams.
//!
//! It knows nothing about pipelines, runs, SQLite or windows.
//!
//! Read in this order: [`SecretValue`], [`masker`], [`vault`].

mod value;

pub use value::SecretValue;
