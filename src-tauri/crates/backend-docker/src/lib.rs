//! `lp-backend-docker`: see `ARCHITECTURE.md`.
