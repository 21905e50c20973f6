//! `lp-workflow`: see `ARCHITECTURE.md`.
