//! `lp-backend-host`: see `ARCHITECTURE.md`.
