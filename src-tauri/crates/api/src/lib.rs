//! `lp-api`: see `ARCHITECTURE.md`.
