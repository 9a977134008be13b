//! What a command can end with, and the exit code that stands for it.

use std::fmt::Write as _;

use crate::interrupt;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub enum Failure {
    /// The request itself cannot be understood or contradicts itself: exit code 2.
    Usage(anyhow::Error),
    /// The request was understood and something went wrong while doing it: exit code 1.
    Run(anyhow::Error),
    /// A signal; what was to be said has been said: exit code 130 after Ctrl-C, 75 after SIGTERM or SIGUSR1.
    Interrupted,
}

impl Failure {
    /// A usage error from any error.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self::Usage(error.into())
    }

    /// Two checks as one: what the second gives, or all that is wrong with the request.
    ///
    /// # Errors
    /// Something is; where something failed that no request is to blame for, that alone.
    pub fn and<T>(first: Result<(), Self>, second: Result<T, Self>) -> Result<T, Self> {
        match (first, second) {
            (Ok(()), second) => second,
            (Err(first), Ok(_)) => Err(first),
            (Err(Self::Usage(first)), Err(Self::Usage(second))) => {
                Err(Self::Usage(anyhow::anyhow!("{}; {}", joined(&first), joined(&second))))
            }
            (Err(Self::Usage(_)), Err(failed)) | (Err(failed), Err(_)) => Err(failed),
        }
    }

    /// Says the error once on standard error; `place` is where it happened, if that has to be said. Gives the exit code.
    pub fn report(&self, place: &str) -> u8 {
        match self {
            Self::Usage(error) => {
                note!("{place}error: {}", joined(error));
                2
            }
            Self::Run(error) => {
                note!("{place}error: {}", joined(error));
                1
            }
            Self::Interrupted => interrupt::exit_code(),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Run(error.into())
    }
}

/// The whole chain of causes in one line. A cause that the message before it already tells is not told twice.
pub fn joined(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            let _ = write!(text, ": {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_requests_are_told_together_and_a_failure_alone() {
        let wrong = |text: &'static str| Err(Failure::usage(anyhow::anyhow!(text)));
        assert!(matches!(Failure::and(Ok(()), Ok(7)), Ok(7)));
        let both = [Ok(()), wrong("no setting"), wrong("no folder")].into_iter().fold(Ok(()), Failure::and);
        assert!(matches!(both, Err(Failure::Usage(e)) if e.to_string() == "no setting; no folder"));
        let alone: Result<(), _> = Failure::and(wrong("no folder"), Err(Failure::Interrupted));
        assert!(matches!(alone, Err(Failure::Interrupted)));
    }

    #[test]
    fn a_chain_is_told_once_and_in_order() {
        let error = anyhow::anyhow!("disk full").context("run/config.toml: disk full").context("cannot save");
        assert_eq!(joined(&error), "cannot save: run/config.toml: disk full");
    }
}
