//! Images that steps build: what a plan says of them, and what a build sends.

pub(crate) mod builds;
pub(crate) mod context;
pub(crate) mod dto;
