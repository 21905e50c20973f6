//! `lp-registry`: see `ARCHITECTURE.md`.
