//! Signals as a flag that a run looks at between steps: Ctrl-C of a person, and SIGTERM and SIGUSR1 of what runs jobs (Slurm, a
//! container's keeper), which wants the place and will give it again.

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};

use anyhow::Context as _;

/// Exit code after Ctrl-C: 128 and the signal's number, as shells have it.
pub const INTERRUPTED: u8 = 130;
/// Exit code after SIGTERM or SIGUSR1: `EX_TEMPFAIL` of `sysexits.h`, which says "try again later".
pub const REQUEUE: u8 = 75;

/// The exit code that was asked for; 0 where nobody asked.
static ASKED: AtomicU8 = AtomicU8::new(0);
static AGREED: AtomicBool = AtomicBool::new(false);

/// From now on the first Ctrl-C only sets the flag; the second ends the program at once, because a person who presses twice means
/// it. Checkpoints are written whole or not at all, so nothing is lost by that. SIGTERM and SIGUSR1 set the flag however often
/// they come: a job may get one of them from several sides, and has until SIGKILL to save.
///
/// # Errors
/// The system refuses a handler.
pub fn watch() -> anyhow::Result<()> {
    // This one takes SIGTERM too where there is no other handler for it.
    ctrlc::set_handler(|| {
        if ASKED.swap(INTERRUPTED, Ordering::SeqCst) == INTERRUPTED {
            std::process::exit(INTERRUPTED.into());
        }
    })
    .context("cannot listen for Ctrl-C")?;
    #[cfg(unix)]
    jobs::watch().context("cannot listen for SIGTERM and SIGUSR1")?;
    Ok(())
}

/// Whether a signal came since [`watch`].
pub fn asked() -> bool {
    code() != 0
}

/// The exit code that a signal asked for; 0 where none came.
pub fn code() -> u8 {
    ASKED.load(Ordering::SeqCst)
}

/// Ends the work in every process, as the signal asks that came to one of them: its exit code is `code`.
pub fn agree(code: u8) {
    ASKED.store(code, Ordering::SeqCst);
    AGREED.store(true, Ordering::SeqCst);
}

/// Whether all processes end for the same signal, each at the same step.
pub fn is_agreed() -> bool {
    AGREED.load(Ordering::SeqCst)
}

/// The exit code of work that a signal ended.
pub fn exit_code() -> u8 {
    // What was stopped otherwise was stopped by a person.
    Some(code()).filter(|&code| code != 0).unwrap_or(INTERRUPTED)
}

/// What ended the work, for a person.
pub fn in_words() -> String {
    if exit_code() == REQUEUE {
        format!("told to stop (SIGTERM or SIGUSR1; exit code {REQUEUE} says that it can go on)")
    } else {
        "interrupted".to_owned()
    }
}

/// The signals of what runs jobs.
#[cfg(unix)]
mod jobs {
    use std::ffi::c_int;
    use std::sync::atomic::Ordering;

    use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

    use super::{ASKED, REQUEUE};

    extern "C" fn requeue(_: c_int) {
        // Ctrl-C before it stands: that person waits.
        let _ = ASKED.compare_exchange(0, REQUEUE, Ordering::SeqCst, Ordering::SeqCst);
    }

    pub fn watch() -> nix::Result<()> {
        // Calls that were waiting go on, since nobody expects them to fail for a signal.
        let action = SigAction::new(SigHandler::Handler(requeue), SaFlags::SA_RESTART, SigSet::empty());
        for signal in [Signal::SIGTERM, Signal::SIGUSR1] {
            // SAFETY: the handler touches one atomic value and nothing else, which a signal may at any moment.
            unsafe { sigaction(signal, &action) }?;
        }
        Ok(())
    }
}
