//! Secrets: a value that cannot be printed by accident, the masker that keeps values out of log streams, and the vault that
//! stores them encrypted.
//!
//! It knows nothing about pipelines, runs, SQLite or windows.
//!
//! Read in this order: [`SecretValue`], [`masker`], [`vault`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod masker;
mod value;
pub mod vault;

pub use masker::{MASK, MaskStream, Masker, Uncovered, uncovered};
pub use value::SecretValue;
pub use vault::{KeyHome, KeyPlace, Vault, VaultError};
