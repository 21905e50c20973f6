//! What the shell knows of the page, without the window: a test harness of the binary itself would compile all of the window a second time.
#![allow(missing_docs, dead_code)] // the rest of the module is called by the window

#[path = "../src/page.rs"]
mod page;
