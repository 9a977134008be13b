//! Corrections under way: those that are kept beside the results, those that are not yet, and those that were taken back.

use affekt_engine::output::Edit;
use affekt_results::analyze::Corrected;
use crossbeam_channel::{Receiver, bounded};

use super::results::Results;
use crate::recognize::one_line;

/// What came of saving: the results as they are now, or why not.
type Saved = Result<Corrected, String>;

/// Corrections of a finished input, made and taken back in the window and kept when they are saved. Undoing reaches back over what
/// was saved before.
pub struct Draft {
    kept: Corrected,
    edits: Vec<Edit>,
    undone: Vec<Edit>,
    saving: Option<Receiver<Saved>>,
}

impl Draft {
    /// Begins with what is saved, and shows that.
    ///
    /// # Errors
    /// The corrections do not fit the table, or the table has other classes than its summary.
    pub fn new(kept: Corrected, results: &mut Results) -> Result<Self, String> {
        if results.classes() != kept.summary().classes {
            return Err(format!("{}: the table is of other classes", kept.file("csv").display()));
        }
        let edits = kept.edits().to_vec();
        let draft = Self { kept, edits, undone: vec![], saving: None };
        draft.show(results)?;
        Ok(draft)
    }

    /// All corrections, in the order in which they were made.
    pub fn edits(&self) -> &[Edit] {
        &self.edits
    }

    /// How many corrections can be made again.
    pub fn undone(&self) -> usize {
        self.undone.len()
    }

    /// Whether all of it is kept.
    pub fn is_saved(&self) -> bool {
        self.edits == self.kept.edits()
    }

    /// Whether it is being saved.
    pub fn saving(&self) -> bool {
        self.saving.is_some()
    }

    fn show(&self, results: &mut Results) -> Result<(), String> {
        let corrections = self.kept.corrections(&self.edits).map_err(|e| e.to_string())?;
        results.correct(&corrections).map_err(|e| e.to_string())
    }

    /// Makes a correction and shows it.
    ///
    /// # Errors
    /// It does not fit; nothing is changed then, and the message says why.
    pub fn add(&mut self, edit: Edit, results: &mut Results) -> Result<(), String> {
        self.edits.push(edit);
        if let Err(problem) = self.show(results) {
            self.edits.pop();
            return Err(problem);
        }
        self.undone.clear();
        Ok(())
    }

    /// Takes the last correction back; gives it.
    ///
    /// # Errors
    /// What is left does not fit, which another program's doing can lead to.
    pub fn undo(&mut self, results: &mut Results) -> Result<Option<Edit>, String> {
        let Some(edit) = self.edits.pop() else { return Ok(None) };
        self.undone.push(edit.clone());
        self.show(results).map(|()| Some(edit))
    }

    /// Makes the correction again that was taken back last; gives it.
    ///
    /// # Errors
    /// As [`Draft::undo`].
    pub fn redo(&mut self, results: &mut Results) -> Result<Option<Edit>, String> {
        let Some(edit) = self.undone.pop() else { return Ok(None) };
        self.edits.push(edit.clone());
        self.show(results).map(|()| Some(edit))
    }

    /// Keeps all corrections beside the results and makes every table and the page again, in a thread of its own that calls `wake` at
    /// the end.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn save(&mut self, wake: impl Fn() + Send + 'static) -> std::io::Result<()> {
        if self.saving() {
            return Ok(());
        }
        let (sender, saved) = bounded(1);
        let (kept, edits) = (self.kept.clone(), self.edits.clone());
        std::thread::Builder::new().name("save".into()).spawn(move || {
            // Nobody listens any more where the window was closed.
            let _ = sender.send(save(&kept, edits).map_err(|error| one_line(&error)));
            wake();
        })?;
        self.saving = Some(saved);
        Ok(())
    }

    /// What came of saving, once it has; never waits.
    pub fn poll(&mut self) -> Option<Result<(), String>> {
        let saved = self.saving.as_ref()?.try_recv().ok()?;
        self.saving = None;
        Some(saved.map(|kept| self.kept = kept))
    }
}

/// Saves over what the window has read, and over nothing else.
fn save(kept: &Corrected, edits: Vec<Edit>) -> anyhow::Result<Corrected> {
    let mut now = Corrected::open(&kept.file("csv"))?;
    if now.edits() != kept.edits() {
        anyhow::bail!(
            "{}: was changed by another program meanwhile; leave the viewer and open it again",
            kept.file("edits.json").display()
        );
    }
    now.save(edits)?;
    Ok(now)
}
