//! One input from the first frame to the last file.

use std::io::Write as _;
use std::path::Path;

use affekt_engine::data::PredictionsWriter;
use affekt_engine::files::{AtomicFile, write_atomically};
use affekt_engine::media::source::{FrameSource as _, OpenOptions, ReadAhead, open};
use affekt_engine::output::{
    Form, Gathering, InputState, Person, SUMMARY_VERSION, Summary, lines, subtitles, table,
};
use affekt_engine::world::live::{FrameReading, Recognizer};
use anyhow::{Context as _, bail};

use super::annotate::Annotated;
use super::names::Named;
use super::results::{ENDINGS, path_of};

/// Frames that are decoded ahead.
const AHEAD: usize = 8;
/// Endings of files that the summary alone decides.
const DERIVED: [&str; 3] = ["srt", "vtt", "predictions.txt"];

/// What is written beside the table and the summary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each file is asked for by itself")]
pub struct Outputs {
    /// `<name>.jsonl`.
    pub json_lines: bool,
    /// `<name>.srt`.
    pub srt: bool,
    /// `<name>.vtt`.
    pub vtt: bool,
    /// `<name>.annotated.mp4`, of a picture `.jpg`.
    pub annotated: bool,
    /// `<name>.predictions.txt` as the ABAW challenges take it.
    pub abaw: bool,
}

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

impl Outputs {
    /// Whether a file of this ending is written.
    fn holds(self, ending: &str) -> bool {
        match ending {
            "jsonl" => self.json_lines,
            "srt" => self.srt,
            "vtt" => self.vtt,
            "annotated.mp4" | "annotated.jpg" => self.annotated,
            "predictions.txt" => self.abaw,
            _ => true,
        }
    }
}

/// Whether affekt wrote a file of this ending, as a summary says. Before version 3 none says so.
fn owns(summary: &Summary, ending: &str) -> bool {
    summary.version < 3 || ending == "json" || summary.files.iter().any(|file| file == ending)
}

/// How inputs are analysed.
#[derive(Debug, Clone, Copy)]
pub struct Analysis<'a> {
    /// Folder of the results.
    pub out: &'a Path,
    /// Everything beside an input that decides its result.
    pub settings: &'a str,
    /// Which files are written.
    pub outputs: Outputs,
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
            && (!self.outputs.json_lines || there("jsonl"))
            && (!self.outputs.annotated || there("annotated.mp4") || there("annotated.jpg"))
    }

    /// Results that are kept, with the files that were not asked for when they were made.
    fn completed(&self, before: &Summary, name: &str) -> anyhow::Result<Summary> {
        let mut summary = before.clone();
        let missing =
            |ending: &&str| self.outputs.holds(ending) && !path_of(self.out, name, ending).is_file();
        let missing: Vec<&str> = DERIVED.into_iter().filter(missing).collect();
        for ending in &missing {
            derived(&summary, self.out, name, ending)?;
            if !owns(&summary, ending) {
                summary.files.push((*ending).to_owned());
            }
        }
        if !missing.is_empty() {
            save(&summary, self.out, name)?;
        }
        Ok(summary)
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
        let Self { out, settings, outputs, options, force } = *self;
        let Named { input, name, before } = named;
        // Looked at before it is read: what changes meanwhile is read again the next time. What is missing, `open` tells.
        let state = InputState::of(input).unwrap_or_default();
        if !force
            && let Some(before) = before
            && self.is_kept(before, &state, name)
        {
            return Ok(Outcome::Kept(Box::new(self.completed(before, name)?)));
        }
        let source = open(input, options)?;
        let mut source = ReadAhead::spawn(source, AHEAD).context("a thread for decoding")?;
        let info = source.info().clone();
        if let Some(before) = before {
            // From here on the old summary would stand for files that are replaced. It keeps the name for this input.
            let claim = Summary { finished: false, state: state.clone(), ..before.clone() };
            save(&claim, out, name)?;
        }
        let (classes, affect) = (recognizer.classes().to_vec(), recognizer.gives_affect());
        let begin = |asked: bool, ending: &str| {
            let path = path_of(out, name, ending);
            asked
                .then(|| {
                    AtomicFile::create(&path).with_context(|| format!("cannot write {}", path.display()))
                })
                .transpose()
        };
        let Some(mut csv) = begin(true, "csv")? else { bail!("no table") };
        csv.write_all(table::header(&classes, affect).as_bytes())?;
        let mut json_lines = begin(outputs.json_lines, "jsonl")?;
        let mut annotated = outputs.annotated.then(|| Annotated::begin(out, name, info.still)).transpose()?;
        let mut gathering = Gathering::default();
        let mut write = |readings: Vec<FrameReading>| -> anyhow::Result<()> {
            for reading in readings {
                table::write(&mut csv, &reading, &classes, affect)?;
                if let Some(file) = &mut json_lines {
                    lines::write(file, &reading, &classes)?;
                }
                gathering.push(&reading, classes.len());
                if let Some(annotated) = &mut annotated {
                    annotated.push(&reading, &classes)?;
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
        let mut summary = gathering.finish(Summary {
            input: input.display().to_string(),
            state,
            files: files.map(|&ending| ending.to_owned()).collect(),
            settings: settings.to_owned(),
            classes: classes.clone(),
            reader: info.reader.clone(),
            skipped: skipped.count,
            first_skipped: skipped.first,
            ..Summary::default()
        });
        // Were the program killed between two files, the next run would take them for a person's.
        let mut claim = summary.clone();
        claim.files.extend(before.iter().flat_map(|before| before.files.iter().cloned()));
        save(&claim, out, name)?;
        csv.finish().with_context(|| format!("cannot write {}", path_of(out, name, "csv").display()))?;
        json_lines.map(AtomicFile::finish).transpose()?;
        if let Some(annotated) = annotated {
            annotated.finish()?;
        }
        for ending in DERIVED {
            if outputs.holds(ending) {
                derived(&summary, out, name, ending)?;
            }
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

/// Writes a summary to its place.
fn save(summary: &Summary, out: &Path, name: &str) -> anyhow::Result<()> {
    let path = path_of(out, name, "json");
    write_atomically(&path, &serde_json::to_vec(summary)?)
        .with_context(|| format!("cannot write {}", path.display()))
}

/// Writes a file that the summary alone decides.
fn derived(summary: &Summary, out: &Path, name: &str, ending: &str) -> anyhow::Result<()> {
    let path = path_of(out, name, ending);
    let form = match ending {
        "srt" => Form::Srt,
        "vtt" => Form::Vtt,
        _ => return predictions(summary, &path, name),
    };
    write_atomically(&path, subtitles(summary, form).as_bytes())
        .with_context(|| format!("cannot write {}", path.display()))
}

/// The challenge has no contempt; its `Other` is for whatever is none of the basic classes.
fn in_the_challenge(classes: &[String]) -> Vec<String> {
    let other =
        |class: &String| if class.eq_ignore_ascii_case("contempt") { "Other".into() } else { class.clone() };
    classes.iter().map(other).collect()
}

/// The voted class of every frame of the person who is seen most, frames without them holding the nearest.
fn predictions(summary: &Summary, path: &Path, name: &str) -> anyhow::Result<()> {
    let mut writer = PredictionsWriter::create(path, &in_the_challenge(&summary.classes))?;
    writer.begin(name)?;
    let main = summary.people.iter().max_by_key(|person| (person.frames, std::cmp::Reverse(person.face)));
    let runs = main.map_or(&[][..], |person: &Person| &person.runs);
    let mut next = 0;
    for run in runs {
        for _ in next..run.first {
            writer.push(None)?;
        }
        for _ in 0..run.frames {
            writer.push(Some(run.label))?;
        }
        next = run.first + run.frames;
    }
    for _ in next..summary.frames + summary.skipped {
        writer.push(None)?;
    }
    writer.finish()?;
    Ok(())
}
