//! The table as a file.

use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use rayon::prelude::*;

use super::{Manifest, Use};
use crate::data::hashes::HashReader;
use crate::data::label::label;
use crate::data::pool::Member;
use crate::data::{DataError, Spec};
use crate::files::stream_atomically;

/// Lines that are compressed together, and pieces that are in memory at a time.
const PIECE: usize = 8 << 10;
const PIECES: usize = 8;

enum Failed {
    Data(DataError),
    Io(std::io::Error),
}

impl From<std::io::Error> for Failed {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl Manifest {
    /// Writes the table, compressed in pieces that are made side by side; the same bytes for the same run.
    ///
    /// # Errors
    /// The file cannot be written, or the hashes can no longer be read.
    pub fn write(&self, path: &Path) -> Result<(), DataError> {
        let failed = |error: Failed| match error {
            Failed::Data(error) => error,
            Failed::Io(error) => DataError::io(path, error),
        };
        stream_atomically(path, |file| {
            file.write_all(&compressed("set,item,use,class,hash,of\n")?)?;
            for (number, set) in self.sets.iter().enumerate() {
                let items = set.uses.len();
                // So many pieces at a time that memory stays small.
                for start in (0..items).step_by(PIECE * PIECES) {
                    let pieces: Vec<usize> =
                        (start..items.min(start + PIECE * PIECES)).step_by(PIECE).collect();
                    let pieces: Vec<Vec<u8>> = pieces
                        .into_par_iter()
                        .map(|start| compressed(&self.lines(number, start..items.min(start + PIECE))?))
                        .collect::<Result<_, Failed>>()?;
                    pieces.iter().try_for_each(|piece| file.write_all(piece))?;
                }
            }
            Ok(())
        })
        .map_err(failed)
    }

    /// A stretch of a set as text.
    fn lines(&self, number: usize, items: std::ops::Range<usize>) -> Result<String, Failed> {
        let set = &self.sets[number];
        let member = &set.member;
        let mut reader = HashReader::new([&member.hashes]);
        let root = root(member);
        let mut text = String::with_capacity(items.len() * 64);
        for item in items {
            let used = set.uses[item];
            if used == Use::NotDrawn {
                continue;
            }
            let _ = write!(text, "{number},");
            field(&mut text, below(&member.dataset().key(item), &root));
            let _ = write!(text, ",{},", used.name());
            if matches!(used, Use::Labelled | Use::Valid)
                && let Some((Some(class), _)) =
                    label(&member.source, &member.mapping, self.classes.len(), item)
            {
                field(&mut text, &self.classes[class]);
            }
            text.push(',');
            if member.hashes.are_known() && used != Use::Unreadable {
                let hash = reader.get(0, item as u32).map_err(Failed::Data)?;
                text.extend(hash[..8].iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit));
            }
            text.push(',');
            if let Some(&(other, item)) = self.of.get(&(number, item as u32)) {
                let member = &self.sets[other].member;
                let key = member.dataset().key(item as usize);
                let of = format!("{other}:{}", below(&key, &self::root(member)));
                field(&mut text, &of);
            }
            text.push('\n');
        }
        Ok(text)
    }
}

/// A gzip file of its own; files behind one another are one, as `zcat` and every library read them.
fn compressed(text: &str) -> Result<Vec<u8>, Failed> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes())?;
    Ok(encoder.finish()?)
}

fn hex_digit(value: u8) -> char {
    char::from(b"0123456789abcdef"[usize::from(value)])
}

/// What keys of a set begin with and need not say again.
fn root(member: &Member) -> String {
    let name = member.dataset().name();
    name.parse::<Spec>().map_or_else(|_| name.to_owned(), |spec| spec.path.to_string_lossy().into_owned())
}

fn below<'a>(key: &'a str, root: &str) -> &'a str {
    let rest = key.strip_prefix(root).unwrap_or(key).trim_start_matches(['/', '\\', ',', ' ']);
    if rest.is_empty() { key } else { rest }
}

/// A field of a table with commas.
fn field(text: &mut String, value: &str) {
    if value.contains([',', '"', '\n', '\r']) {
        let _ = write!(text, "\"{}\"", value.replace('"', "\"\""));
    } else {
        text.push_str(value);
    }
}
