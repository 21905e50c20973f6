//! `lp-store`: see `ARCHITECTURE.md`.
