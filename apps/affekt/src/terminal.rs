//! What the program says: results on standard output, everything else on standard error. Neither may end a run: a reader that has
//! gone or a full disk behind standard error is no reason to lose what was computed, so nothing here panics.

use std::fmt::Arguments;
use std::io::{ErrorKind, Write};

use anyhow::Context as _;

use crate::failure::Failure;

/// A line on standard error; takes what `format!` takes.
macro_rules! note {
    ($($text:tt)*) => {
        $crate::terminal::note(format_args!($($text)*))
    };
}

/// A line on standard error, written at once so that threads do not mix theirs. Where nobody can read it, it is lost.
pub fn note(text: Arguments<'_>) {
    let _ = std::io::stderr().write_all(format!("{text}\n").as_bytes());
}

/// A result on standard output, with a newline.
///
/// # Errors
/// It cannot be written. A reader such as `head` that has seen enough is no error.
pub fn say(text: &str) -> Result<(), Failure> {
    written(&mut std::io::stdout().lock(), text)
}

fn written(out: &mut impl Write, text: &str) -> Result<(), Failure> {
    match writeln!(out, "{}", text.trim_end()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        result => Ok(result.context("standard output")?),
    }
}
