//! The surest mistakes of a model, as pictures.

use std::path::{Path, PathBuf};

use affekt_engine::files::write_atomically;
use affekt_engine::output::{Tile, sheet};
use affekt_engine::world::Evaluation;
use anyhow::Context as _;
use clap::Args;
use serde::Serialize;

use crate::report::{ERRORS_FILE, ERRORS_PICTURE};

/// Mistakes that a sheet shows.
const SHOWN: usize = 100;
/// Tiles a row, and a tile's side in pixels.
const COLUMNS: usize = 10;
const SIDE: usize = 112;

/// Mistakes as pictures.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scores that stand up")]
pub struct ErrorArgs {
    /// Write the 100 surest mistakes into a folder, as errors.png and errors.json; affekt report FOLDER shows them.
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["ablation", "from", "compare", "folds"])]
    errors: Option<PathBuf>,
}

#[derive(Serialize)]
struct Sheet<'a> {
    /// Pictures measured, and how many of them are mistakes.
    items: usize,
    mistakes: usize,
    columns: usize,
    side: usize,
    picture: &'a str,
    shown: Vec<Mistake<'a>>,
}

#[derive(Serialize)]
struct Mistake<'a> {
    item: &'a str,
    truth: &'a str,
    answer: &'a str,
    /// Of the answer, and of the truth.
    probability: f32,
    probability_of_truth: f32,
}

impl ErrorArgs {
    /// Whether a sheet is asked for.
    pub fn is_asked(&self) -> bool {
        self.errors.is_some()
    }

    /// Writes the sheet, where it is asked for; gives its place.
    ///
    /// # Errors
    /// A file cannot be written, or a picture not be read again.
    pub fn write(&self, evaluation: &Evaluation) -> anyhow::Result<Option<PathBuf>> {
        let Some(folder) = &self.errors else { return Ok(None) };
        let table = &evaluation.answers;
        let probability =
            |at: usize, class: usize| table.rows[at].probabilities.get(class).copied().unwrap_or(0.0);
        let wrong = table.labelled().filter(|(_, row, truth)| row.answer != *truth);
        let mut wrong: Vec<(usize, usize)> = wrong.map(|(at, _, truth)| (at, truth)).collect();
        let sure = |at: usize| probability(at, table.rows[at].answer);
        wrong.sort_by(|a, b| sure(b.0).total_cmp(&sure(a.0)).then(a.0.cmp(&b.0)));
        let mistakes = wrong.len();
        wrong.truncate(SHOWN);
        let mut tiles = vec![];
        for &(at, truth) in &wrong {
            let row = &table.rows[at];
            let lines = vec![
                format!("{} {:.0} %", table.classes[row.answer], 100.0 * sure(at)),
                format!("is {}", table.classes[truth]),
            ];
            tiles.push(Tile { picture: evaluation.pool.picture(evaluation.places[at])?, lines });
        }
        let shown = wrong.iter().map(|&(at, truth)| {
            let row = &table.rows[at];
            Mistake {
                item: &row.item,
                truth: &table.classes[truth],
                answer: &table.classes[row.answer],
                probability: sure(at),
                probability_of_truth: probability(at, truth),
            }
        });
        let told = Sheet {
            items: table.labelled().count(),
            mistakes,
            columns: COLUMNS,
            side: SIDE,
            picture: ERRORS_PICTURE,
            shown: shown.collect(),
        };
        std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
        let save = |name: &str, bytes: &[u8]| -> anyhow::Result<()> {
            let path: &Path = &folder.join(name);
            write_atomically(path, bytes).with_context(|| path.display().to_string())
        };
        if !tiles.is_empty() {
            save(ERRORS_PICTURE, &sheet(&tiles, COLUMNS, SIDE)?.to_png()?)?;
        }
        save(ERRORS_FILE, serde_json::to_string_pretty(&told)?.as_bytes())?;
        Ok(Some(folder.join(if tiles.is_empty() { ERRORS_FILE } else { ERRORS_PICTURE })))
    }
}
