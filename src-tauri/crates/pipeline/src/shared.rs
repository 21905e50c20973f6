//! What the dialects share: the mechanics of variables, conditions, steps and stages.

pub(crate) mod clone;
pub(crate) mod compose;
pub(crate) mod draft;
pub(crate) mod entered;
pub mod environment;
pub(crate) mod expand;
pub(crate) mod extent;
pub mod glob;
pub(crate) mod graph;
pub(crate) mod image;
pub mod matrix;
pub mod params;
pub(crate) mod rights;
pub mod script;
pub(crate) mod shell;
pub mod substitute;
pub mod volume;
pub mod when;
pub(crate) mod workspace;
