//! A dataset's faces found, aligned to a model's template and written as pictures of one size.
//!
//! The folder gets a picture a face, `<class>/<item>.png` (`unlabelled/` without a label, `-2`, `-3` for further faces of an
//! item), and `faces.csv` with a row an item: what was found where, or why nothing was. The table is also how it goes on after a
//! kill: a row stands there when its pictures do.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::Serialize;

use super::fields::FieldReader;
use super::lines::Lines;
use super::split::unique_most;
use super::unfinished::Unfinished;
use super::{Annotation, DataError, Dataset, UNLABELLED_FOLDER, is_folder_name};
use crate::files::{printable, write_atomically};
use crate::media::Detection;
use crate::media::align::Aligner;
use crate::media::detect::{DetectError, Detector};

/// The table's name.
pub const FACES_TABLE: &str = "faces.csv";
const COLUMNS: [&str; 9] = ["number", "item", "found", "faces", "file", "x", "y", "width", "height"];
/// Items that are looked at together and held in memory.
const CHUNK: usize = 64;
/// Longest line of the table.
const MAX_LINE: u64 = 1 << 20;
/// Most characters of a reason.
const LONGEST_REASON: usize = 300;

/// What is done to faces.
pub struct AlignJob<'a> {
    /// Finds them.
    pub detector: &'a dyn Detector,
    /// Frames them.
    pub aligner: &'a Aligner,
    /// Every face of a picture, not the largest alone.
    pub all: bool,
    /// The settings in words: another folder's work is not gone on with under other ones.
    pub about: String,
}

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Aligned {
    /// Items looked at.
    pub items: usize,
    /// Pictures written.
    pub faces: usize,
    /// Items without a face.
    pub not_found: usize,
    /// Items that cannot be read.
    pub unreadable: usize,
    /// Items that an earlier, killed call had done.
    pub resumed_from: usize,
}

/// A row's `found`.
const FOUND: &str = "face";
const NOT_FOUND: &str = "no face";

/// Aligns every item of a dataset into a folder, or goes on with it. `progress` hears how many items are done, and stops it by
/// giving `false`: then nothing is given back, and the same call goes on.
///
/// # Errors
/// The folder holds something else, a class's name cannot be a folder's, the detector fails, or a file cannot be written.
pub fn align_faces(
    dataset: &dyn Dataset,
    out: &Path,
    job: &AlignJob<'_>,
    progress: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<Aligned>, DataError> {
    if let Some(class) = dataset.classes().iter().find(|class| !is_folder_name(class)) {
        let reason = format!("the class `{}` cannot be a folder's name", printable(class, LONGEST_REASON));
        return Err(DataError::format(out, "", reason));
    }
    let asked = format!("{} of {} items, {}", dataset.name(), dataset.len(), job.about);
    let (work, _) = Unfinished::begin::<()>(out, "align", &asked)?;
    let path = out.join(FACES_TABLE);
    let mut found = done(&path)?;
    found.resumed_from = found.items;
    if found.items > dataset.len() {
        return Err(DataError::format(
            &path,
            "",
            "it has more rows than the dataset has items; empty the folder",
        ));
    }
    let mut table =
        OpenOptions::new().create(true).append(true).open(&path).map_err(|e| DataError::io(&path, e))?;
    if found.items == 0 && table.metadata().map_err(|e| DataError::io(&path, e))?.len() == 0 {
        writeln!(table, "{}", COLUMNS.join(",")).map_err(|e| DataError::io(&path, e))?;
    }
    if !progress(found.items) {
        return Ok(None);
    }
    for start in (found.items..dataset.len()).step_by(CHUNK) {
        let chunk = start..dataset.len().min(start + CHUNK);
        let look = |item: usize| looked(dataset, item, out, job);
        let rows: Vec<Looked> = chunk.clone().into_par_iter().map(look).collect::<Result<_, DataError>>()?;
        let mut text = csv::Writer::from_writer(vec![]);
        for row in &rows {
            found.count(&row.cells[2], row.faces);
            text.write_record(&row.cells).map_err(|e| DataError::io(&path, e.into()))?;
        }
        let bytes = text.into_inner().map_err(|e| DataError::io(&path, e.into_error()))?;
        // One write a chunk; what a kill leaves of it is cut off when the work goes on.
        table.write_all(&bytes).and_then(|()| table.sync_data()).map_err(|e| DataError::io(&path, e))?;
        if !progress(chunk.end) {
            return Ok(None);
        }
    }
    work.end()?;
    Ok(Some(found))
}

/// A row on its way.
struct Looked {
    cells: [String; 9],
    faces: usize,
}

impl Aligned {
    fn count(&mut self, found: &str, faces: usize) {
        self.items += 1;
        self.faces += faces;
        match found {
            FOUND => {}
            NOT_FOUND => self.not_found += 1,
            _ => self.unreadable += 1,
        }
    }
}

/// Looks for the faces of an item and writes them.
fn looked(dataset: &dyn Dataset, item: usize, out: &Path, job: &AlignJob<'_>) -> Result<Looked, DataError> {
    let row = |found: &str, file: String, face: Option<&Detection>, faces: usize| {
        let place = face.map_or_else(Default::default, |face| {
            let b = face.face_box;
            [b.x, b.y, b.w, b.h].map(|v| format!("{v:.1}"))
        });
        let [x, y, w, h] = place;
        // One line a row, whatever a name holds.
        let key = printable(&dataset.key(item), MAX_LINE as usize / 4);
        let cells = [(item + 1).to_string(), key, found.to_owned(), faces.to_string(), file, x, y, w, h];
        Ok(Looked { cells, faces })
    };
    let picture = match dataset.picture(item) {
        Ok(picture) => picture,
        Err(error) => return row(&printable(&error.to_string(), LONGEST_REASON), String::new(), None, 0),
    };
    let mut faces = match job.detector.detect(&picture) {
        Ok(faces) => faces,
        Err(DetectError::Picture(error)) => {
            return row(&printable(&error.to_string(), LONGEST_REASON), String::new(), None, 0);
        }
        Err(error) => return Err(DataError::TooFew(format!("{}: {error}", dataset.key(item)))),
    };
    // The largest first; of equals the surest, which the detector gives first.
    faces.sort_by(|a, b| {
        let area = |face: &Detection| face.face_box.w * face.face_box.h;
        area(b).total_cmp(&area(a))
    });
    faces.truncate(if job.all { usize::MAX } else { 1 });
    let Some(first) = faces.first() else { return row(NOT_FOUND, String::new(), None, 0) };
    let class = match dataset.annotation(item) {
        Annotation::Class(class) => Some(class),
        Annotation::Votes(votes) => unique_most(&votes),
        Annotation::None => None,
    };
    let folder = class.map_or(UNLABELLED_FOLDER, |class| dataset.classes()[class].as_str());
    let io = |path: &Path, e| DataError::io(path, e);
    std::fs::create_dir_all(out.join(folder)).map_err(|e| io(&out.join(folder), e))?;
    let name = |nth: usize| match nth {
        0 => format!("{folder}/{:07}.png", item + 1),
        _ => format!("{folder}/{:07}-{}.png", item + 1, nth + 1),
    };
    for (nth, face) in faces.iter().enumerate() {
        let path: PathBuf = out.join(name(nth));
        let aligned = job.aligner.picture(&picture, &face.face_box, face.landmarks.as_ref());
        let bytes = aligned.to_png().map_err(|e| io(&path, std::io::Error::other(e)))?;
        write_atomically(&path, &bytes).map_err(|e| io(&path, e))?;
    }
    row(FOUND, name(0), Some(first), faces.len())
}

/// What the table's whole rows say; half a last line, or a header alone, is cut off.
fn done(path: &Path) -> Result<Aligned, DataError> {
    let mut found = Aligned::default();
    if !path.exists() {
        return Ok(found);
    }
    let length = std::fs::metadata(path).map_err(|e| DataError::io(path, e))?.len();
    let mut lines = Lines::open(path, MAX_LINE)?;
    let (mut whole, mut fields) = (0, FieldReader::new());
    while let Some(line) = lines.next()? {
        let (number, end) = (line.number, line.offset + line.bytes.len() as u64 + 1);
        if end > length {
            break;
        }
        let cells = fields
            .read(line.bytes)
            .map_err(|reason| DataError::format(path, format!(", line {number}"), reason))?;
        let wrong =
            || DataError::format(path, format!(", line {number}"), "no row of this table; empty the folder");
        if cells.len() != COLUMNS.len() {
            return Err(wrong());
        }
        if number > 1 {
            let count = |at: usize| cells.get(at).and_then(|cell| cell.parse::<usize>().ok());
            let faces = count(3).filter(|_| count(0) == Some(found.items + 1)).ok_or_else(wrong)?;
            found.count(cells.get(2).unwrap_or_default(), faces);
        } else if !cells.iter().eq(COLUMNS) {
            return Err(wrong());
        }
        whole = end;
    }
    let file = OpenOptions::new().write(true).open(path).map_err(|e| DataError::io(path, e))?;
    file.set_len(whole).map_err(|e| DataError::io(path, e))?;
    Ok(found)
}
