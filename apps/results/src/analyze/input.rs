//! One input from the first frame to the last file.

use std::collections::BTreeSet;
use std::path::Path;

use affekt_engine::data::PredictionsWriter;
use affekt_engine::media::source::{FrameSource as _, OpenOptions, ReadAhead, open};
use affekt_engine::output::{
    Appearances, Corrections, Edits, Gathering, InputState, ReadBy, SUMMARY_VERSION, Summary, TableRow, Turn,
};
use affekt_engine::world::live::{FrameReading, Recognizer};
use anyhow::{Context as _, bail};

use super::annotate::Annotated;
use super::copy::copy;
use super::names::Named;
use super::outputs::{ENDINGS, Outputs};
use super::rests::Rests;
use super::results::{path_of, save};
use super::writing::{BY_SUMMARY, Writing, faces, from_summary, in_the_challenge, refresh};

/// Frames that are decoded ahead.
const AHEAD: usize = 8;
/// How an input ended.
#[derive(Debug)]
pub enum Outcome {
    /// It is analysed.
    Done(Box<Summary>),
    /// It had been before, with the same settings.
    Kept(Box<Summary>),
    /// The caller stopped it; nothing of it is left.
    Stopped,
}

/// Whether affekt wrote a file of this ending, as a summary says. Before version 3 none says so.
fn owns(summary: &Summary, ending: &str) -> bool {
    summary.version < 3 || ending == "json" || summary.files.iter().any(|file| file == ending)
}

/// How inputs are analysed.
#[derive(Debug, Clone)]
pub struct Analysis<'a> {
    /// Folder of the results.
    pub out: &'a Path,
    /// Everything beside an input that decides what is read of it.
    pub settings: &'a str,
    /// Which files are written.
    pub outputs: Outputs,
    /// What reads them, for people, and what is unsure.
    pub read_by: &'a ReadBy,
    /// Who speaks when, where a file says it.
    pub speakers: Option<&'a [Turn]>,
    /// Whether no picture of a face may stand in what is written.
    pub no_pictures: bool,
    /// The embedding model's name, where one is asked for, and the similarity from which two people are suggested to be one.
    pub appearance: Option<(&'a str, f64)>,
    /// Whose resting face is taken off, by a reading before.
    pub rests: &'a Rests,
    /// How inputs are opened.
    pub options: OpenOptions,
    /// Whether finished inputs are analysed again.
    pub force: bool,
}

impl Analysis<'_> {
    /// What can be known to fail before the first frame: a name that `--abaw` cannot write, and a file that is not affekt's where
    /// one would be written.
    ///
    /// # Errors
    /// Such a name or file.
    pub fn check(&self, named: &Named, classes: &[String]) -> anyhow::Result<()> {
        let Named { input, name, before } = named;
        if self.outputs.abaw {
            let path = path_of(self.out, name, "predictions.txt");
            PredictionsWriter::check(&path, name, &in_the_challenge(classes)).with_context(|| {
                format!("{}: --abaw cannot write it; rename the file or leave out --abaw", input.display())
            })?;
        }
        let Some(before) = before else { return Ok(()) };
        let edits = path_of(self.out, name, "edits.json");
        let state = InputState::of(input).unwrap_or_default();
        if !self.force
            && let Some(kept) = Edits::read(&edits)?
            && !kept.edits.is_empty()
            && kept.made_for != self.made_for(&state)
        {
            bail!(
                "{}: corrections by hand that were made for other results of {} (another model or setting, or the input has \
                 changed); choose another --out, or put them aside by --force",
                edits.display(),
                input.display()
            );
        }
        for ending in ENDINGS {
            let path = path_of(self.out, name, ending);
            if self.outputs.holds(ending) && !owns(before, ending) && path.exists() {
                bail!(
                    "{} is not of affekt and would be overwritten; move it or choose another --out",
                    path.display()
                );
            }
        }
        Ok(())
    }

    /// Whether results are of what the input is now, by the same settings, and nothing is missing that only frames can give.
    fn is_kept(&self, before: &Summary, state: &InputState, name: &str) -> bool {
        let there = |ending: &str| path_of(self.out, name, ending).is_file();
        before.version == SUMMARY_VERSION
            && before.finished
            && before.state == *state
            && before.settings == self.settings
            && there("csv")
    }

    /// Results that are kept, with the files that were not asked for when they were made, and with corrections, speakers and another
    /// threshold of what is unsure that have come since.
    fn completed(&self, before: &Summary, name: &str) -> anyhow::Result<Summary> {
        let before = &self.with_similarity(before, name)?;
        let edits = Edits::read(&path_of(self.out, name, "edits.json"))?.unwrap_or_default();
        let asked = if before.seconds > 0.0 { self.outputs } else { self.outputs.of_still() };
        let outputs = asked.with_those_of(before);
        let is_copy = |ending: &str| ending.starts_with("annotated");
        let missing = |ending: &str| {
            outputs.holds(ending) && !is_copy(ending) && !path_of(self.out, name, ending).is_file()
        };
        let speakers = self.speakers.map_or_else(|| before.speakers.clone(), <[Turn]>::to_vec);
        let same = before.edits == edits.hash()
            && before.bins == outputs.bins
            && before.speakers == speakers
            && before.read_by.unsure_below == self.read_by.unsure_below;
        let missing: Vec<&str> = ENDINGS.into_iter().filter(|ending| missing(ending)).collect();
        if same && missing.iter().all(|ending| BY_SUMMARY.contains(ending)) {
            let mut summary = before.clone();
            for ending in &missing {
                from_summary(&summary, self.out, name, ending)?;
                if !owns(&summary, ending) {
                    summary.files.push((*ending).to_owned());
                }
            }
            if !missing.is_empty() {
                save(&summary, self.out, name)?;
            }
            return Ok(summary);
        }
        let before = Summary { speakers, read_by: self.read_by.clone(), ..before.clone() };
        refresh(self.out, name, &before, &edits, outputs, None)
    }

    /// Kept results with the similarity that is asked for now: it decides what is suggested and nothing that is computed.
    fn with_similarity(&self, before: &Summary, name: &str) -> anyhow::Result<Summary> {
        let mut summary = before.clone();
        if let (Some(kept), Some((_, similarity))) = (&mut summary.appearance, self.appearance) {
            kept.similarity = similarity;
        }
        if summary != *before {
            save(&summary, self.out, name)?;
        }
        Ok(summary)
    }

    /// Makes the annotated copy of a kept result where it is asked for and missing, shows faces that are to be hidden, or does not show
    /// the corrections or what is unsure now; whether it was finished.
    fn copied(
        &self,
        named: &Named,
        summary: &mut Summary,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> anyhow::Result<bool> {
        let place = |ending: &str| path_of(self.out, &named.name, ending);
        let there = ["annotated.mp4", "annotated.jpg"].into_iter().find(|ending| place(ending).is_file());
        let same = summary.anonymised == self.outputs.anonymised()
            && summary.copy_edits == summary.edits
            && summary.copy_unsure_below == summary.read_by.unsure_below;
        if !self.outputs.annotated || there.is_some() && same {
            return Ok(true);
        }
        let (out, hiding) = ((self.out, named.name.as_str()), self.outputs.anonymise);
        if !copy(out, &named.input, self.options, hiding, progress)? {
            return Ok(false);
        }
        let made = ["annotated.mp4", "annotated.jpg"].into_iter().filter(|ending| place(ending).is_file());
        for ending in made {
            if !summary.files.iter().any(|file| file == ending) {
                summary.files.push(ending.to_owned());
            }
        }
        self.outputs.anonymised().clone_into(&mut summary.anonymised);
        summary.copy_edits.clone_from(&summary.edits);
        summary.copy_unsure_below = summary.read_by.unsure_below;
        save(summary, self.out, &named.name)?;
        Ok(true)
    }

    /// What the corrections of an input are kept for.
    fn made_for(&self, state: &InputState) -> String {
        made_for(state, self.settings)
    }

    /// Corrections that are kept for what is about to be made, with the numbers of the faces they are about; none where they were kept
    /// for other results, which [`Analysis::check`] has refused unless they are forced: these are put aside.
    fn edits_of(
        &self,
        name: &str,
        state: &InputState,
        before: Option<&Summary>,
    ) -> anyhow::Result<(Edits, BTreeSet<u32>)> {
        let path = path_of(self.out, name, "edits.json");
        let none = (Edits::default(), BTreeSet::new());
        let Some(edits) = Edits::read(&path)? else { return Ok(none) };
        if let Some(before) = before
            && edits.made_for == self.made_for(state)
        {
            return Ok((edits, faces(before)));
        }
        let aside = path_of(self.out, name, "edits.old.json");
        edits.write(&aside)?;
        std::fs::remove_file(&path).with_context(|| path.display().to_string())?;
        log::warn!("{}: corrections of other results are put aside as {}", path.display(), aside.display());
        Ok(none)
    }

    /// Takes an input through `recognizer` and writes its files; one that was finished with the same settings is
    /// left alone unless it is to be done again, but for files that its summary can give. `progress` hears of every batch of
    /// frames, and stops it by giving `false`.
    ///
    /// # Errors
    /// The input cannot be read, a file cannot be written, or the engine fails. The recognizer is then of no more use.
    pub fn run(
        &self,
        named: &Named,
        recognizer: &mut Recognizer,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> anyhow::Result<Outcome> {
        let Self { out, settings, outputs, options, force, .. } = *self;
        let Named { input, name, before } = named;
        // Looked at before it is read: what changes meanwhile is read again the next time. What is missing, `open` tells.
        let state = InputState::of(input).unwrap_or_default();
        if !force
            && let Some(before) = before
            && self.is_kept(before, &state, name)
        {
            let mut summary = self.completed(before, name)?;
            if !self.copied(named, &mut summary, progress)? {
                return Ok(Outcome::Stopped);
            }
            return Ok(Outcome::Kept(Box::new(summary)));
        }
        if !self.rests.is_empty() && !self.rests.find(input, options, recognizer, progress)? {
            return Ok(Outcome::Stopped);
        }
        let source = open(input, options)?;
        let mut source = ReadAhead::spawn(source, AHEAD).context("a thread for decoding")?;
        let info = source.info().clone();
        let outputs = if info.still { outputs.of_still() } else { outputs };
        if let Some(before) = before {
            // From here on the old summary would stand for files that are replaced. It keeps the name for this input.
            let claim = Summary { finished: false, state: state.clone(), ..before.clone() };
            save(&claim, out, name)?;
        }
        let classes = recognizer.classes().to_vec();
        let (edits, known) = self.edits_of(name, &state, before.as_ref())?;
        let speakers = self.speakers.unwrap_or_default().to_vec();
        let corrections = Corrections::new(&edits.edits, &known, &classes, speakers.clone())?;
        let gathering = Gathering::new(options.span.every);
        let unsure_below = self.read_by.unsure_below;
        let mut writing =
            Writing::begin((out, name), outputs, &classes, gathering, corrections, unsure_below)?;
        // Faces can only be hidden once all of them are known.
        let at_once = outputs.annotated && outputs.anonymise.is_none();
        let mut annotated = at_once.then(|| Annotated::begin(out, name, info.still)).transpose()?;
        let mut appearances = Appearances::default();
        let mut write = |readings: Vec<FrameReading>| -> anyhow::Result<()> {
            for reading in readings {
                if self.appearance.is_some() {
                    appearances.push(&reading);
                }
                let rows = writing.frame(TableRow::of(&reading), Some(&reading))?;
                if let (Some(annotated), Some(picture)) = (&mut annotated, &reading.picture) {
                    annotated.push(picture, (reading.frame, reading.seconds), &rows, &classes)?;
                }
            }
            Ok(())
        };
        let whole = recognizer.read_source(&mut source, |readings, taken| -> anyhow::Result<bool> {
            write(readings)?;
            Ok(progress(taken))
        })?;
        if !whole {
            return Ok(Outcome::Stopped);
        }
        let skipped = source.skipped();
        let still = if info.still { "annotated.mp4" } else { "annotated.jpg" };
        let files = ENDINGS.iter().filter(|e| outputs.holds(e) && **e != still && **e != "json");
        let (mut summary, written) = writing.finish(Summary {
            input: input.display().to_string(),
            state,
            files: files.map(|&ending| ending.to_owned()).collect(),
            settings: settings.to_owned(),
            classes: classes.clone(),
            reader: info.reader.clone(),
            skipped: skipped.count,
            first_skipped: skipped.first,
            stride: options.span.every,
            no_pictures: self.no_pictures,
            anonymised: outputs.anonymised().to_owned(),
            copy_edits: edits.hash(),
            copy_unsure_below: self.read_by.unsure_below,
            read_by: self.read_by.clone(),
            speakers,
            appearance: self.appearance.map(|(model, similarity)| appearances.finish(model, similarity)),
            edits: edits.hash(),
            ..Summary::default()
        });
        // Were the program killed between two files, the next run would take them for a person's.
        let mut claim = summary.clone();
        claim.files.extend(before.iter().flat_map(|before| before.files.iter().cloned()));
        save(&claim, out, name)?;
        written.place(&summary)?;
        if let Some(annotated) = annotated {
            annotated.finish(Some(input))?;
        }
        if outputs.anonymise.is_some() && !copy((out, name), input, options, outputs.anonymise, progress)? {
            return Ok(Outcome::Stopped);
        }
        // Files of the results before that were not asked for again would say something else than the table.
        for ending in before.iter().flat_map(|before| &before.files) {
            if ENDINGS.contains(&ending.as_str()) && !summary.files.contains(ending) {
                let _ = std::fs::remove_file(path_of(out, name, ending));
            }
        }
        summary.finished = true;
        save(&summary, out, name)?;
        Ok(Outcome::Done(Box::new(summary)))
    }
}

/// What corrections are kept for: other results may number people otherwise.
pub fn made_for(state: &InputState, settings: &str) -> String {
    format!("{} {} {} {settings}", state.path, state.size, state.changed)
}
