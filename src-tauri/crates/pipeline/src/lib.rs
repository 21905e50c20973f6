//! `lp-pipeline`: see `ARCHITECTURE.md`.
