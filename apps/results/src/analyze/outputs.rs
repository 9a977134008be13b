//! Which files are written of an input, and which of them only its frames can give.

use affekt_engine::media::Hiding;
use affekt_engine::output::Summary;

/// Endings of what is written of an input, the summary's first.
pub const ENDINGS: [&str; 15] = [
    "json",
    "csv",
    "segments.csv",
    "people.csv",
    "bins.csv",
    "jsonl",
    "parquet",
    "eaf",
    "boris",
    "srt",
    "vtt",
    "annotated.mp4",
    "annotated.jpg",
    "predictions.txt",
    "edits.json",
];

/// What is written beside the tables and the summary.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each file is asked for by itself")]
pub struct Outputs {
    /// `<name>.jsonl`.
    pub json_lines: bool,
    /// `<name>.bins.csv` with bins of so many seconds.
    pub bins: Option<f64>,
    /// `<name>.parquet`.
    pub parquet: bool,
    /// `<name>.eaf`.
    pub elan: bool,
    /// `<name>.boris`.
    pub boris: bool,
    /// `<name>.srt`.
    pub srt: bool,
    /// `<name>.vtt`.
    pub vtt: bool,
    /// `<name>.annotated.mp4`, of a picture `.jpg`.
    pub annotated: bool,
    /// How faces are hidden in it.
    pub anonymise: Option<Hiding>,
    /// `<name>.predictions.txt` as the ABAW challenges take it.
    pub abaw: bool,
}

impl Outputs {
    /// Whether a file of this ending is written.
    pub fn holds(self, ending: &str) -> bool {
        match ending {
            "jsonl" => self.json_lines,
            "bins.csv" => self.bins.is_some(),
            "parquet" => self.parquet,
            "eaf" => self.elan,
            "boris" => self.boris,
            "srt" => self.srt,
            "vtt" => self.vtt,
            "annotated.mp4" | "annotated.jpg" => self.annotated,
            "predictions.txt" => self.abaw,
            "edits.json" => false,
            _ => true,
        }
    }

    /// How faces are hidden in the copy, as the summary says it.
    pub fn anonymised(self) -> &'static str {
        self.anonymise.map_or("", Hiding::name)
    }

    /// Of a picture: without subtitles, for it lasts no time.
    #[must_use]
    pub fn of_still(self) -> Self {
        Self { srt: false, vtt: false, ..self }
    }

    /// Together with what stands there already.
    #[must_use]
    pub fn with_those_of(self, before: &Summary) -> Self {
        let there = |ending: &str| before.files.iter().any(|file| file == ending);
        Self {
            json_lines: self.json_lines || there("jsonl"),
            bins: self.bins.or(before.bins),
            parquet: self.parquet || there("parquet"),
            elan: self.elan || there("eaf"),
            boris: self.boris || there("boris"),
            srt: self.srt || there("srt"),
            vtt: self.vtt || there("vtt"),
            anonymise: self.anonymise,
            annotated: self.annotated || there("annotated.mp4") || there("annotated.jpg"),
            abaw: self.abaw || there("predictions.txt"),
        }
    }
}
