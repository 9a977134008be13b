//! One input from the first frame to the last file.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use affekt_engine::data::PredictionsWriter;
use affekt_engine::files::{AtomicFile, write_atomically};
use affekt_engine::media::source::{FrameSource as _, OpenOptions, ReadAhead, open};
use affekt_engine::output::{Form, Gathering, Person, SUMMARY_VERSION, Summary, lines, subtitles, table};
use affekt_engine::world::live::{FrameReading, Recognizer};
use anyhow::{Context as _, bail};

use super::annotate::Annotated;

/// Frames that go through the engine together: many enough to fill threads and the network, and a multiple of how often a
/// detector looks.
const TOGETHER: usize = 12;
/// Bytes of pixels that end a batch, so that large frames do not take all memory.
const MOST_BYTES: usize = 48 << 20;
/// Frames that are decoded ahead.
const AHEAD: usize = 8;

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

/// Size of an input, which says with its name whether it is still the same.
fn size_of(input: &Path) -> u64 {
    let Ok(metadata) = std::fs::metadata(input) else { return 0 };
    if metadata.is_dir() {
        std::fs::read_dir(input).map_or(0, |list| list.count() as u64)
    } else {
        metadata.len()
    }
}

fn path_of(out: &Path, name: &str, ending: &str) -> PathBuf {
    out.join(format!("{name}.{ending}"))
}

/// The summary of an input that was finished with the same settings and whose files are all there.
fn kept(input: &Path, out: &Path, name: &str, settings: &str, outputs: Outputs) -> Option<Summary> {
    let text = std::fs::read(path_of(out, name, "json")).ok()?;
    let summary: Summary = serde_json::from_slice(&text).ok()?;
    let wanted = [
        (true, "csv"),
        (outputs.json_lines, "jsonl"),
        (outputs.srt, "srt"),
        (outputs.vtt, "vtt"),
        (outputs.abaw, "predictions.txt"),
    ];
    let whole = wanted.iter().filter(|(asked, _)| *asked).all(|(_, e)| path_of(out, name, e).is_file());
    let annotated = ["annotated.mp4", "annotated.jpg"].iter().any(|e| path_of(out, name, e).exists());
    let same = summary.version == SUMMARY_VERSION
        && summary.input == input.display().to_string()
        && summary.size == size_of(input)
        && summary.settings == settings;
    (same && whole && (annotated || !outputs.annotated)).then_some(summary)
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
    /// Takes an input through `recognizer` and writes its files under `name`; one that was finished with the same settings is
    /// left alone unless it is to be done again. `progress` hears of every batch of frames, and stops it by giving `false`.
    ///
    /// # Errors
    /// The input cannot be read, a file cannot be written, or the engine fails. The recognizer is then of no more use.
    pub fn run(
        &self,
        input: &Path,
        name: &str,
        recognizer: &mut Recognizer,
        progress: &mut dyn FnMut(usize) -> bool,
    ) -> anyhow::Result<Outcome> {
        let Self { out, settings, outputs, options, force } = *self;
        if !force && let Some(summary) = kept(input, out, name, settings, outputs) {
            return Ok(Outcome::Kept(Box::new(summary)));
        }
        // From here on the old summary would stand for files that are replaced.
        let summary_path = path_of(out, name, "json");
        match std::fs::remove_file(&summary_path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(e).with_context(|| summary_path.display().to_string());
            }
            _ => {}
        }
        let source = open(input, options)?;
        let mut source = ReadAhead::spawn(source, AHEAD).context("a thread for decoding")?;
        let info = source.info().clone();
        let classes = recognizer.classes().to_vec();
        let begin = |asked: bool, ending: &str| {
            let path = path_of(out, name, ending);
            asked
                .then(|| {
                    AtomicFile::create(&path).with_context(|| format!("cannot write {}", path.display()))
                })
                .transpose()
        };
        let Some(mut csv) = begin(true, "csv")? else { bail!("no table") };
        csv.write_all(table::header(&classes).as_bytes())?;
        let mut json_lines = begin(outputs.json_lines, "jsonl")?;
        let mut annotated = outputs.annotated.then(|| Annotated::begin(out, name, info.still)).transpose()?;
        let mut gathering = Gathering::default();
        let mut write = |readings: Vec<FrameReading>| -> anyhow::Result<()> {
            for reading in readings {
                table::write(&mut csv, &reading, &classes)?;
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
        let mut ended = false;
        while !ended {
            let mut frames = Vec::with_capacity(TOGETHER);
            let mut bytes = 0;
            while frames.len() < TOGETHER && bytes < MOST_BYTES && !ended {
                match source.next_frame()? {
                    Some(frame) => {
                        bytes += frame.picture.pixels.len();
                        frames.push(frame);
                    }
                    None => ended = true,
                }
            }
            let taken = frames.len();
            write(recognizer.read(frames)?)?;
            if !progress(taken) {
                return Ok(Outcome::Stopped);
            }
        }
        write(recognizer.finish()?)?;
        let skipped = source.skipped();
        let summary = gathering.finish(Summary {
            input: input.display().to_string(),
            size: size_of(input),
            settings: settings.to_owned(),
            classes: classes.clone(),
            reader: info.reader.clone(),
            skipped: skipped.count,
            first_skipped: skipped.first,
            ..Summary::default()
        });
        csv.finish().with_context(|| format!("cannot write {}", path_of(out, name, "csv").display()))?;
        json_lines.map(AtomicFile::finish).transpose()?;
        if let Some(annotated) = annotated {
            annotated.finish()?;
        }
        for (asked, form, ending) in [(outputs.srt, Form::Srt, "srt"), (outputs.vtt, Form::Vtt, "vtt")] {
            if asked {
                write_atomically(&path_of(out, name, ending), subtitles(&summary, form).as_bytes())?;
            }
        }
        if outputs.abaw {
            predictions(&summary, &path_of(out, name, "predictions.txt"), name)?;
        }
        write_atomically(&summary_path, &serde_json::to_vec(&summary)?)
            .with_context(|| format!("cannot write {}", summary_path.display()))?;
        Ok(Outcome::Done(Box::new(summary)))
    }
}

/// The voted class of every frame of the person who is seen most, frames without them holding the nearest.
fn predictions(summary: &Summary, path: &Path, name: &str) -> anyhow::Result<()> {
    // The challenge has no contempt; its `Other` is for whatever is none of the basic classes.
    let classes: Vec<String> = summary
        .classes
        .iter()
        .map(|c| if c.eq_ignore_ascii_case("contempt") { "Other".to_owned() } else { c.clone() })
        .collect();
    let mut writer = PredictionsWriter::create(path, &classes)?;
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

/// Every input that is finished in a folder, with its name, by name.
///
/// # Errors
/// The folder cannot be listed.
pub fn finished(out: &Path) -> anyhow::Result<Vec<(String, Summary)>> {
    let list = std::fs::read_dir(out).with_context(|| out.display().to_string())?;
    let mut found = vec![];
    for entry in list {
        let path = entry.with_context(|| out.display().to_string())?.path();
        let Some(name) = path
            .file_stem()
            .and_then(|s| s.to_str())
            .filter(|_| path.extension().is_some_and(|e| e == "json"))
        else {
            continue;
        };
        // Other JSON files may lie here, and summaries of another version, which are made anew when their input comes again.
        let Ok(bytes) = std::fs::read(&path) else { continue };
        let Ok(summary) = serde_json::from_slice::<Summary>(&bytes) else { continue };
        if summary.version == SUMMARY_VERSION && path_of(out, name, "csv").is_file() {
            found.push((name.to_owned(), summary));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}
