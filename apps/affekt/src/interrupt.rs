//! Ctrl-C (and SIGTERM) as a flag that a run looks at between steps.

use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

static ASKED: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C only sets the flag; the second ends the program at once, because a person who
/// presses twice means it. Checkpoints are written whole or not at all, so nothing is lost by that.
///
/// # Errors
/// The system refuses a handler.
pub fn watch() -> anyhow::Result<()> {
    ctrlc::set_handler(|| {
        if ASKED.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
    })
    .context("cannot listen for Ctrl-C")
}

/// Whether Ctrl-C came since [`watch`].
pub fn asked() -> bool {
    ASKED.load(Ordering::SeqCst)
}
