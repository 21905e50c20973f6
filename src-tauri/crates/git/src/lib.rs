//! `lp-git`: see `ARCHITECTURE.md`.
