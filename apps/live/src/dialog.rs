//! The desktop's own dialog for files, in a thread of its own: it may be open for minutes.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};

/// A dialog that is gone sooner than this was never there: nobody answers so fast.
const AT_ONCE: Duration = Duration::from_millis(300);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// A video or a picture to play.
    Play,
    /// A folder of pictures to play.
    Folder,
    /// Videos and pictures to analyse.
    Analyse,
}

/// Asks for files; an empty list where nobody chose one. The error is one line that says what to do.
pub type Ask = Arc<dyn Fn(Wish) -> Result<Vec<PathBuf>, String> + Send + Sync>;

/// A dialog that is open.
pub struct Dialog {
    wish: Wish,
    answer: Receiver<Result<Vec<PathBuf>, String>>,
}

impl Dialog {
    /// Opens it, in a thread that calls `wake` at the end.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn open(wish: Wish, ask: &Ask, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (sender, answer) = bounded(1);
        let ask = Arc::clone(ask);
        std::thread::Builder::new().name("dialog".into()).spawn(move || {
            // Nobody listens any more where the window was closed.
            let _ = sender.send(ask(wish));
            wake();
        })?;
        Ok(Self { wish, answer })
    }

    /// What was asked for and chosen, once it is; never waits.
    pub fn poll(&self) -> Option<(Wish, Result<Vec<PathBuf>, String>)> {
        self.answer.try_recv().ok().map(|answer| (self.wish, answer))
    }
}

/// The desktop's dialog: on Linux that of the desktop portal, else zenity's.
///
/// # Errors
/// There is neither.
pub fn ask(wish: Wish) -> Result<Vec<PathBuf>, String> {
    let began = Instant::now();
    let dialog = rfd::FileDialog::new();
    let chosen = match wish {
        Wish::Play => dialog.set_title("Open a video or a picture").pick_file().map(|file| vec![file]),
        Wish::Folder => dialog.set_title("Open a folder of pictures").pick_folder().map(|file| vec![file]),
        Wish::Analyse => dialog.set_title("Videos and pictures to analyse").pick_files(),
    };
    answered(chosen, began.elapsed())
}

/// What an answer after so long means.
fn answered(chosen: Option<Vec<PathBuf>>, took: Duration) -> Result<Vec<PathBuf>, String> {
    match chosen {
        None if took < AT_ONCE => {
            Err("no file dialog comes up: this desktop has neither a portal (xdg-desktop-portal) nor \
                                       zenity; type the path under Settings, or drop the file on the window"
                .into())
        }
        chosen => Ok(chosen.unwrap_or_default()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_that_cannot_open_is_told_from_one_that_was_closed() {
        let problem = answered(None, Duration::from_millis(20)).unwrap_err();
        assert!(problem.contains("xdg-desktop-portal") && problem.contains("under Settings"), "{problem}");
        assert_eq!(answered(None, Duration::from_secs(2)), Ok(vec![]));
        assert_eq!(answered(Some(vec!["a.mp4".into()]), Duration::ZERO), Ok(vec!["a.mp4".into()]));
    }
}
