//! The engine: carries out a [`lp_model::Plan`] on backends. A pure [`scheduler`] (fact in, orders out) decides; a driver on
//! tokio does.
//!
//! It knows nothing about pipeline files and nothing about SQLite: events and logs leave through the traits in [`ports`].
//!
//! Read in this order: [`ports`], `scheduler`, `driver`.

pub mod ports;
