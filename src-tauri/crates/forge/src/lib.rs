//! What a forge tells: the deliveries of its webhooks become facts of events, as each dialect of pipeline files sees them.
//!
//! It knows nothing about pipelines, runs, the network, clocks and files: bytes that somebody received go in, plain data comes out. Bodies
//! are untrusted. They have limits, keys that nobody needs are passed over, and a value of a wrong type ends in an error that names it.
//!
//! A delivery is read in three steps, each of which may end it: [`verify`] (is it from the forge?), [`Payload::read`] (what does it
//! say?), [`seen`] (what does a dialect make of it?). [`Facts`] is the same in neutral words, for people and for tests.
//!
//! The other way round it says what would be asked of a forge, as data that somebody else sends: [`webhook`], [`CommitStatus`]; and where
//! people look at things: [`page`].
//!
//! Read in this order: [`Forge`], [`Delivery`], [`verify`], [`Payload`], [`Facts`], [`Seen`]; [`Site`], [`Request`].
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod delivery;
mod dialect;
mod error;
mod facts;
mod field;
mod name;
mod page;
mod payload;
mod request;
mod signature;
mod site;
mod skip;
mod status;
pub mod webhook;

pub use delivery::{Delivery, LARGEST_BODY};
pub use dialect::{Event, Seen, seen};
pub use error::ForgeError;
pub use facts::{Fact, Facts};
pub use name::Forge;
pub use page::{Page, page};
pub use payload::{Commit, Deployment, Happening, Payload, PullRequest, Push, RefChange, Release, Repository};
pub use request::{Method, Request};
pub use signature::{SIGNED_AT_MOST_APART_S, Verification, verify};
pub use site::{AddressError, Site};
pub use skip::asks_to_be_skipped;
pub use status::{CommitState, CommitStatus, is_there_already};
