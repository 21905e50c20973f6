//! Output that never panics. The macros of the standard library do when the reader has gone (`| head`), and whoever was about to
//! clean up after a run would not get to it.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

/// Writes a line to standard output.
macro_rules! say {
    ($($text:tt)*) => { $crate::say::out(format_args!("{}\n", format_args!($($text)*))) };
}

/// Writes a line to standard error.
macro_rules! remark {
    ($($text:tt)*) => { $crate::say::err(format_args!("{}\n", format_args!($($text)*))) };
}

/// Writes to standard output; a reader that went away is fine, a full disk is said.
pub fn out(text: Arguments<'_>) {
    if let Err(problem) = std::io::stdout().write_fmt(text)
        && problem.kind() != ErrorKind::BrokenPipe
    {
        err(format_args!("error: standard output cannot be written: {problem}\n"));
    }
}

/// Writes to standard error.
pub fn err(text: Arguments<'_>) {
    let _nobody_reads = std::io::stderr().write_fmt(text);
}
