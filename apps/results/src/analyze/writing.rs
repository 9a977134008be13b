//! The files that an input's rows decide: while frames are read, and again from the table once people have corrected it.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use affekt_engine::data::PredictionsWriter;
use affekt_engine::files::{AtomicFile, write_atomically};
use affekt_engine::output::{
    Bins, Corrections, Edits, Form, Gathering, Person, Summary, TableForm, TableReader, TableRow, Tiers,
    boris, elan, lines, people_csv, segments_csv, subtitles,
};
use affekt_engine::world::live::FrameReading;
use anyhow::{Context as _, bail};

use super::outputs::{ENDINGS, Outputs};
use super::results::{path_of, save};

/// Tables under way.
pub struct Writing<'a> {
    out: &'a Path,
    name: &'a str,
    outputs: Outputs,
    classes: Vec<String>,
    form: TableForm,
    csv: AtomicFile,
    json_lines: Option<AtomicFile>,
    gathering: Gathering,
    bins: Option<Bins>,
    tiers: Option<Tiers>,
    corrections: Corrections,
    unsure_below: f32,
}

impl<'a> Writing<'a> {
    /// Begins the files that grow with the rows. Labels with a confidence below `unsure_below` are unsure.
    ///
    /// # Errors
    /// One cannot be written, or bins have no length.
    pub fn begin(
        (out, name): (&'a Path, &'a str),
        outputs: Outputs,
        classes: &[String],
        gathering: Gathering,
        corrections: Corrections,
        unsure_below: f32,
    ) -> anyhow::Result<Self> {
        let begin = |ending: &str| {
            let path = path_of(out, name, ending);
            AtomicFile::create(&path).with_context(|| format!("cannot write {}", path.display()))
        };
        let form = TableForm::new(name, classes);
        let mut csv = begin("csv")?;
        csv.write_all(form.header().as_bytes())?;
        Ok(Self {
            out,
            name,
            outputs,
            classes: classes.to_vec(),
            form,
            csv,
            json_lines: outputs.json_lines.then(|| begin("jsonl")).transpose()?,
            gathering,
            bins: outputs.bins.map(Bins::new).transpose().map_err(anyhow::Error::msg)?,
            tiers: outputs.elan.then(Tiers::default),
            corrections,
            unsure_below,
        })
    }

    /// Takes the rows of the next frame; `reading` is what they were made of, where it is at hand. Gives them as they are written.
    ///
    /// # Errors
    /// A file cannot be written, or corrections make one person of two faces in this frame.
    pub fn frame(
        &mut self,
        mut rows: Vec<TableRow>,
        reading: Option<&FrameReading>,
    ) -> anyhow::Result<Vec<TableRow>> {
        for row in &mut rows {
            if let Some(face) = &mut row.face {
                face.judge(self.unsure_below);
            }
            self.corrections.apply(row);
        }
        Corrections::check_frame(&rows)?;
        self.form.write(&mut self.csv, &rows)?;
        if let Some(file) = &mut self.json_lines {
            lines::write_rows(file, &rows, &self.classes)?;
        }
        self.gathering.push_rows(&rows, self.classes.len());
        if let Some(reading) = reading {
            self.gathering.keep_pictures(reading, &rows);
        }
        if let Some(bins) = &mut self.bins {
            bins.push(&rows, self.classes.len());
        }
        if let Some(tiers) = &mut self.tiers {
            tiers.push(&rows);
        }
        Ok(rows)
    }

    /// No row follows: what they came to, on top of `summary`, and the files that can now be put in their places.
    pub fn finish(self, summary: Summary) -> (Summary, Written<'a>) {
        let Self { out, name, outputs, csv, json_lines, gathering, bins, tiers, .. } = self;
        let mut summary = gathering.finish(summary);
        summary.bins = outputs.bins;
        (summary, Written { out, name, outputs, csv, json_lines, bins, tiers })
    }
}

/// Tables that hold all rows.
pub struct Written<'a> {
    out: &'a Path,
    name: &'a str,
    outputs: Outputs,
    csv: AtomicFile,
    json_lines: Option<AtomicFile>,
    bins: Option<Bins>,
    tiers: Option<Tiers>,
}

impl Written<'_> {
    /// Puts all files in their places but the summary, which the caller saves last.
    ///
    /// # Errors
    /// One cannot be written.
    pub fn place(self, summary: &Summary) -> anyhow::Result<()> {
        let Self { out, name, outputs, csv, json_lines, bins, tiers } = self;
        csv.finish().with_context(|| format!("cannot write {}", path_of(out, name, "csv").display()))?;
        json_lines.map(AtomicFile::finish).transpose()?;
        let media = PathBuf::from(&summary.state.path);
        let tiers = tiers.map(Tiers::finish);
        for ending in ENDINGS.into_iter().filter(|ending| outputs.holds(ending)) {
            let path = path_of(out, name, ending);
            let bytes = match ending {
                "bins.csv" => {
                    bins.as_ref().map(|b| b.csv(name, &summary.classes)).transpose()?.unwrap_or_default()
                }
                "eaf" => elan(summary, &tiers.clone().unwrap_or_default(), &media, out).into_bytes(),
                "parquet" => {
                    parquet(&path_of(out, name, "csv"), &path, name)?;
                    continue;
                }
                by_summary if BY_SUMMARY.contains(&by_summary) => {
                    from_summary(summary, out, name, by_summary)?;
                    continue;
                }
                _ => continue,
            };
            write_atomically(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))?;
        }
        Ok(())
    }
}

/// Endings of files that the summary alone decides.
pub const BY_SUMMARY: [&str; 6] = ["segments.csv", "people.csv", "boris", "srt", "vtt", "predictions.txt"];

/// Writes one of [`BY_SUMMARY`].
///
/// # Errors
/// It cannot be written.
pub fn from_summary(summary: &Summary, out: &Path, name: &str, ending: &str) -> anyhow::Result<()> {
    let path = path_of(out, name, ending);
    let bytes = match ending {
        "segments.csv" => segments_csv(summary, name)?,
        "people.csv" => people_csv(summary, name)?,
        "boris" => boris(summary, name, Path::new(&summary.state.path)).into_bytes(),
        "srt" => subtitles(summary, Form::Srt).into_bytes(),
        "vtt" => subtitles(summary, Form::Vtt).into_bytes(),
        _ => return predictions(summary, &path, name),
    };
    write_atomically(&path, &bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Makes the files of a finished input again from its table: with other corrections, another threshold of what is unsure, or files that
/// were not asked for before. `before` is its summary with the speakers and the threshold that count now. Nothing is changed where corrections do not fit; where they do, they are
/// written to `keep` before anything else.
///
/// # Errors
/// The table cannot be read or a file not be written, or a correction does not fit.
pub fn refresh(
    out: &Path,
    name: &str,
    before: &Summary,
    edits: &Edits,
    outputs: Outputs,
    keep: Option<&Path>,
) -> anyhow::Result<Summary> {
    let table = path_of(out, name, "csv");
    let mut reader = TableReader::open(&table)?;
    if reader.classes() != before.classes {
        bail!(
            "{}: other classes than its summary has; analyse the input again with --force",
            table.display()
        );
    }
    let corrections =
        Corrections::new(&edits.edits, &faces(before), &before.classes, before.speakers.clone())?;
    let gathering = Gathering::new(before.stride.max(1)).with_pictures_of(before);
    let unsure_below = before.read_by.unsure_below;
    let mut writing =
        Writing::begin((out, name), outputs, &before.classes, gathering, corrections, unsure_below)?;
    let mut ahead = None;
    while let Some(rows) = reader.next_frame(&mut ahead)? {
        writing.frame(rows, None)?;
    }
    drop(reader);
    let begun = Summary { edits: edits.hash(), ..before.clone() };
    let (mut summary, written) = writing.finish(begun);
    for ending in ENDINGS.into_iter().filter(|ending| outputs.holds(ending) && *ending != "json") {
        let is_copy = ending.starts_with("annotated");
        if !is_copy && !summary.files.iter().any(|file| file == ending) {
            summary.files.push(ending.to_owned());
        }
    }
    if let Some(path) = keep {
        edits.write(path)?;
    }
    // Were the program killed between two files, the next run makes them again: no corrections have this hash.
    save(&Summary { edits: "under way".into(), ..summary.clone() }, out, name)?;
    written.place(&summary)?;
    save(&summary, out, name)?;
    Ok(summary)
}

/// The numbers that the machine gave.
pub fn faces(summary: &Summary) -> BTreeSet<u32> {
    let of = |person: &Person| if person.faces.is_empty() { vec![person.face] } else { person.faces.clone() };
    summary.people.iter().flat_map(of).collect()
}

#[cfg(feature = "parquet")]
fn parquet(table: &Path, path: &Path, name: &str) -> anyhow::Result<()> {
    Ok(affekt_engine::output::parquet(table, path, name)?)
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &Path, path: &Path, _: &str) -> anyhow::Result<()> {
    bail!("{}: this build has no Parquet; build it with --features parquet", path.display())
}

/// The challenge has no contempt; its `Other` is for whatever is none of the basic classes.
pub fn in_the_challenge(classes: &[String]) -> Vec<String> {
    let other =
        |class: &String| if class.eq_ignore_ascii_case("contempt") { "Other".into() } else { class.clone() };
    classes.iter().map(other).collect()
}

/// The class of every frame of the person who is seen most, frames without them holding the nearest.
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
