//! The commands of the window, one module per noun. Each is an adapter: unpack, one call into `lp-api`, return.

pub mod app;
pub mod kept;
pub mod log;
pub mod project;
pub mod run;
pub mod secret;
