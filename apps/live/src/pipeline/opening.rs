//! Opening recognizers, one at a time, in a thread beside the one that reads.

use std::sync::Arc;
use std::thread::Builder;

use affekt_engine::Recognizer;
use affekt_engine::world::live::Clock;
use crossbeam_channel::{Receiver, bounded, never};

use crate::recognize::RecognizerChoice;
use affekt_engine::world::live::About;

/// Opens a recognizer, in a thread of its own; the error is one line that says what to do.
pub type Make = Arc<dyn Fn(&RecognizerChoice, Clock) -> Result<(Recognizer, About), String> + Send + Sync>;

/// A recognizer that was opened, or why not.
pub(super) type Made = Result<(Recognizer, About), String>;

/// What is being opened, and what is wanted next.
pub(super) struct Opening {
    make: Make,
    clock: Clock,
    made: Option<Receiver<Made>>,
    wanted: Option<RecognizerChoice>,
}

impl Opening {
    pub fn new(make: Make, clock: Clock) -> Self {
        Self { make, clock, made: None, wanted: None }
    }

    /// Whether one is being opened.
    pub fn under_way(&self) -> bool {
        self.made.is_some()
    }

    /// Whether another one is wanted than the one being opened.
    pub fn has_next(&self) -> bool {
        self.wanted.is_some()
    }

    /// Where the one that is being opened comes; where none is, nothing ever does.
    pub fn made(&self) -> Receiver<Made> {
        self.made.clone().unwrap_or_else(never)
    }

    /// The one that was being opened has come.
    pub fn came(&mut self) {
        self.made = None;
    }

    /// Wants this one; whatever else was wanted is not any more.
    pub fn want(&mut self, choice: RecognizerChoice) {
        self.wanted = Some(choice);
    }

    /// Begins to open the one that is wanted, unless another one is being opened.
    ///
    /// # Errors
    /// The system gives no thread; one line.
    pub fn begin(&mut self) -> Result<(), String> {
        if self.under_way() {
            return Ok(());
        }
        let Some(choice) = self.wanted.take() else { return Ok(()) };
        let (sender, made) = bounded(1);
        let (make, clock) = (Arc::clone(&self.make), self.clock.clone());
        let open = move || {
            let made = make(&choice, clock);
            // Nobody listens any more where the window was closed.
            let _ = sender.send(made);
        };
        let thread = Builder::new().name("open".into()).spawn(open);
        thread.map_err(|error| format!("no thread to open the recognizer: {error}; close other programs"))?;
        self.made = Some(made);
        Ok(())
    }
}
