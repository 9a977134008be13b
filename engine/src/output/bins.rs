//! Bins of seconds: what each person showed in each stretch of equal length.

use std::collections::BTreeMap;
use std::io;

use super::cells::{Cell, CellKind, ColumnInfo, whole_csv};
use super::row::TableRow;

/// Shortest bin, in seconds.
pub const SHORTEST_BIN: f64 = 0.1;
/// Longest bin, in seconds: a day.
pub const LONGEST_BIN: f64 = 86_400.0;

/// What a person showed in one bin.
#[derive(Debug, Clone, Default)]
struct Bin {
    frames: u64,
    unsure: u64,
    by_hand: u64,
    changes: u64,
    counts: Vec<u64>,
    sums: Vec<f64>,
}

/// Counts rows by person and bin. Memory is in the number of bins in which somebody was seen.
#[derive(Debug, Clone)]
pub struct Bins {
    seconds: f64,
    by_person: BTreeMap<(u32, u64), Bin>,
    names: BTreeMap<u32, String>,
    /// Each person's last label, and the frame it was of.
    last: BTreeMap<u32, usize>,
}

impl Bins {
    /// Bins of so many seconds, from [`SHORTEST_BIN`] to [`LONGEST_BIN`].
    ///
    /// # Errors
    /// The length is out of range.
    pub fn new(seconds: f64) -> Result<Self, String> {
        if !(SHORTEST_BIN..=LONGEST_BIN).contains(&seconds) {
            return Err(format!("bins of {seconds} s: from {SHORTEST_BIN} to {LONGEST_BIN} s will do"));
        }
        Ok(Self { seconds, by_person: BTreeMap::new(), names: BTreeMap::new(), last: BTreeMap::new() })
    }

    /// Takes the rows of the next frame.
    pub fn push(&mut self, rows: &[TableRow], classes: usize) {
        for row in rows.iter().filter(|row| !row.excluded) {
            let Some(face) = &row.face else { continue };
            // A hair is added so that a frame at the very beginning of a bin is not lost to rounding.
            let at = ((row.seconds + 1e-6) / self.seconds).floor().max(0.0) as u64;
            let bin = self.by_person.entry((face.person, at)).or_insert_with(|| Bin {
                counts: vec![0; classes],
                sums: vec![0.0; classes],
                ..Bin::default()
            });
            bin.frames += 1;
            bin.unsure += u64::from(face.unsure && !face.by_hand);
            bin.by_hand += u64::from(face.by_hand);
            if let Some(count) = bin.counts.get_mut(face.label) {
                *count += 1;
            }
            for (sum, p) in bin.sums.iter_mut().zip(&face.probabilities) {
                *sum += p;
            }
            let before = self.last.insert(face.person, face.label);
            bin.changes += u64::from(before.is_some_and(|before| before != face.label));
            self.names.insert(face.person, face.name.clone());
        }
    }

    /// The table, a row a person and bin in which they were seen.
    ///
    /// # Errors
    /// None that memory would not give.
    pub fn csv(&self, input: &str, classes: &[String]) -> io::Result<Vec<u8>> {
        let row = |(&(person, at), bin): (&(u32, u64), &Bin)| {
            let frames = bin.frames.max(1) as f64;
            let name = self.names.get(&person).filter(|name| !name.is_empty());
            let mut cells = vec![
                Cell::Text(input.to_owned()),
                Cell::Integer(person.into()),
                name.map_or(Cell::Empty, |name| Cell::Text(name.clone())),
                Cell::Integer(at),
                Cell::Number(at as f64 * self.seconds),
                Cell::Number((at + 1) as f64 * self.seconds),
                Cell::Integer(bin.frames),
                Cell::Number(bin.unsure as f64 / frames),
                Cell::Number(bin.by_hand as f64 / frames),
                Cell::Integer(bin.changes),
            ];
            cells.extend(bin.counts.iter().map(|&n| Cell::Number(n as f64 / frames)));
            cells.extend(bin.sums.iter().map(|&sum| Cell::Number(sum / frames)));
            cells
        };
        whole_csv(&bin_columns(classes), self.by_person.iter().map(row))
    }
}

/// The columns of `NAME.bins.csv`.
pub fn bin_columns(classes: &[String]) -> Vec<ColumnInfo> {
    use CellKind::{Integer, Number, Text};
    let column = ColumnInfo::new;
    let mut all = vec![
        column("input", Text, true, "name of the input's files"),
        column("person", Integer, true, "number of the person"),
        column("name", Text, false, "name that was given by hand; empty without one"),
        column(
            "bin",
            Integer,
            true,
            "number of the bin, from 0; a bin in which the person is not seen has no row",
        ),
        column("start", Number(3), true, "seconds at which the bin begins"),
        column(
            "end",
            Number(3),
            true,
            "seconds at which it ends; a frame at this moment belongs to the next one",
        ),
        column("frames", Integer, true, "frames in which the person was seen"),
        column("unsure", Number(4), true, "share of those frames whose label is unsure, 0 to 1"),
        column("by_hand", Number(4), true, "share of those frames whose label was set by hand, 0 to 1"),
        column("changes", Integer, true, "changes of the label, each counted in the bin of the new label"),
    ];
    for class in classes {
        all.push(column(
            &format!("share_{class}"),
            Number(4),
            true,
            &format!("share of the frames whose label is {class}, 0 to 1"),
        ));
    }
    for class in classes {
        all.push(column(
            &format!("p_{class}"),
            Number(6),
            true,
            &format!("mean probability of {class}, 0 to 1"),
        ));
    }
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::row::FaceRow;
    use super::*;

    #[test]
    fn a_bin_counts_what_was_shown_in_it_and_excluded_frames_are_left_out() {
        let mut bins = Bins::new(1.0).unwrap();
        let row = |tenth: u64, label: usize, excluded: bool| TableRow {
            frame: tenth,
            seconds: tenth as f64 / 10.0,
            excluded,
            face: Some(FaceRow {
                face: 2,
                person: 2,
                label,
                unsure: tenth == 3,
                probabilities: vec![0.25, 0.75],
                ..FaceRow::default()
            }),
            ..TableRow::default()
        };
        for tenth in 0..25 {
            bins.push(&[row(tenth, usize::from(tenth >= 8), (10..15).contains(&tenth))], 2);
        }
        let text = String::from_utf8(bins.csv("v", &["a".into(), "b".into()]).unwrap()).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "input,person,name,bin,start,end,frames,unsure,by_hand,changes,share_a,share_b,p_a,p_b"
        );
        assert_eq!(lines[1], "v,2,,0,0.000,1.000,10,0.1000,0.0000,1,0.8000,0.2000,0.250000,0.750000");
        assert_eq!(lines[2], "v,2,,1,1.000,2.000,5,0.0000,0.0000,0,0.0000,1.0000,0.250000,0.750000");
        assert_eq!(lines.len(), 4);
    }

    #[test]
    fn no_bins_and_endless_ones_are_refused() {
        for seconds in [0.0, -1.0, 0.01, f64::NAN, f64::INFINITY, 1e9] {
            assert!(Bins::new(seconds).is_err(), "{seconds}");
        }
    }
}
