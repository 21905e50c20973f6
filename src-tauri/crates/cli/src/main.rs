//! `lp-cli`: see `ARCHITECTURE.md`.
fn main() {}
