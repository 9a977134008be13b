//! Corrections by hand as they are applied to rows, in the order in which they were made. The machine's own columns never change, so
//! that everything can be undone.

use std::collections::{BTreeMap, BTreeSet};

use super::edits::{Edit, EditsError};
use super::row::TableRow;
use super::speakers::{Turn, speaker_at};
use crate::files::printable;

/// Longest name of a person, in letters.
const LONGEST_NAME: usize = 80;

/// A stretch of time of some faces, or of everything.
#[derive(Debug, Clone)]
struct Stretch {
    faces: Option<BTreeSet<u32>>,
    from: f64,
    to: f64,
}

impl Stretch {
    fn holds(&self, face: Option<u32>, seconds: f64) -> bool {
        // A table's times have six digits.
        let within = seconds + 1e-6 >= self.from && seconds + 1e-6 < self.to;
        let of = self.faces.as_ref().is_none_or(|faces| face.is_some_and(|face| faces.contains(&face)));
        within && of
    }
}

/// Corrections as they are applied to rows.
#[derive(Debug, Clone, Default)]
pub struct Corrections {
    /// Faces that belong to a person of another number.
    person_of: BTreeMap<u32, u32>,
    names: BTreeMap<u32, String>,
    labels: Vec<(Stretch, usize)>,
    excluded: Vec<Stretch>,
    speakers: Vec<Turn>,
}

impl Corrections {
    /// Goes through corrections in their order. `faces` are the numbers that the machine gave, `speakers` who speaks when, in the order
    /// of time.
    ///
    /// # Errors
    /// One names somebody who is not there, a class that is none, or a stretch that is none; the message says which one.
    pub fn new(
        edits: &[Edit],
        faces: &BTreeSet<u32>,
        classes: &[String],
        speakers: Vec<Turn>,
    ) -> Result<Self, EditsError> {
        let mut all = Self { speakers, ..Self::default() };
        for (at, edit) in edits.iter().enumerate() {
            all.take(edit, faces, classes)
                .map_err(|problem| EditsError::Unfit(format!("correction {}: {problem}", at + 1)))?;
        }
        Ok(all)
    }

    fn take(&mut self, edit: &Edit, faces: &BTreeSet<u32>, classes: &[String]) -> Result<(), String> {
        let of = |all: &Self, person: u32| {
            let own: BTreeSet<u32> =
                faces.iter().copied().filter(|&face| all.person(face) == person).collect();
            if own.is_empty() {
                Err(format!("there is no person {person}{}", all.who(person)))
            } else {
                Ok(own)
            }
        };
        match edit {
            Edit::Merge { people } => {
                let [first, rest @ ..] = people.as_slice() else { return Err("merges nobody".into()) };
                let different: BTreeSet<u32> = people.iter().copied().collect();
                if rest.is_empty() || different.len() != people.len() {
                    return Err("two or more different people can be merged".into());
                }
                of(self, *first)?;
                for person in rest {
                    for face in of(self, *person)? {
                        self.person_of.insert(face, *first);
                    }
                    if let Some(name) = self.names.remove(person) {
                        self.names.entry(*first).or_insert(name);
                    }
                }
            }
            Edit::Rename { person, name } => {
                of(self, *person)?;
                let name = name.trim();
                if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
                    return Err(format!(
                        "`{}` is no name (at most {LONGEST_NAME} letters)",
                        printable(name, 40)
                    ));
                }
                if name.is_empty() {
                    self.names.remove(person);
                } else {
                    self.names.insert(*person, name.to_owned());
                }
            }
            Edit::Exclude { from, to, person } => {
                let faces = person.map(|person| of(self, person)).transpose()?;
                self.excluded.push(Stretch { faces, ..stretch(*from, *to)? });
            }
            Edit::Label { person, from, to, label } => {
                let faces = Some(of(self, *person)?);
                let class =
                    classes.iter().position(|class| class.eq_ignore_ascii_case(label)).ok_or_else(|| {
                        let known = classes.join(", ");
                        format!("`{}` is no class of the model; it knows {known}", printable(label, 40))
                    })?;
                self.labels.push((Stretch { faces, ..stretch(*from, *to)? }, class));
            }
        }
        Ok(())
    }

    /// Where somebody went who was merged into another one.
    fn who(&self, person: u32) -> String {
        self.person_of.get(&person).map_or(String::new(), |to| format!(" (merged into {to})"))
    }

    /// Sets what people say of a row, whatever it held before.
    pub fn apply(&self, row: &mut TableRow) {
        let face = row.face.as_ref().map(|face| face.face);
        row.excluded = self.excludes(face, row.seconds);
        row.speaker = speaker_at(&self.speakers, row.seconds).map(str::to_owned);
        let Some(face) = &mut row.face else { return };
        face.person = self.person(face.face);
        self.name(face.person).clone_into(&mut face.name);
        let set = self.label(face.face, row.seconds);
        face.by_hand = set.is_some();
        face.label = set.unwrap_or(face.voted_label);
    }

    /// The person that a face belongs to, by number.
    pub fn person(&self, face: u32) -> u32 {
        self.person_of.get(&face).copied().unwrap_or(face)
    }

    /// The name that a person was given; empty without one.
    pub fn name(&self, person: u32) -> &str {
        self.names.get(&person).map_or("", String::as_str)
    }

    /// Whether a moment of a face, or of a frame without one, does not count.
    pub fn excludes(&self, face: Option<u32>, seconds: f64) -> bool {
        self.excluded.iter().any(|stretch| stretch.holds(face, seconds))
    }

    /// The class that somebody has set for a moment of a face. The correction that was made last counts.
    pub fn label(&self, face: u32, seconds: f64) -> Option<usize> {
        let set = self.labels.iter().rev().find(|(stretch, _)| stretch.holds(Some(face), seconds));
        set.map(|(_, class)| *class)
    }

    /// Two faces of one frame that would be one person.
    ///
    /// # Errors
    /// There are two: nobody can be seen twice in a frame.
    pub fn check_frame(rows: &[TableRow]) -> Result<(), EditsError> {
        let mut seen: BTreeMap<u32, u32> = BTreeMap::new();
        for (row, face) in rows.iter().filter_map(|row| Some((row, row.face.as_ref()?))) {
            if let Some(other) = seen.insert(face.person, face.face) {
                return Err(EditsError::Unfit(format!(
                    "{other} and {} cannot be one person: both are seen in frame {} at {:.2} s",
                    face.face, row.frame, row.seconds
                )));
            }
        }
        Ok(())
    }
}

fn stretch(from: f64, to: f64) -> Result<Stretch, String> {
    let good = from.is_finite() && to.is_finite() && from >= 0.0 && to > from;
    good.then_some(Stretch { faces: None, from, to }).ok_or_else(|| {
        format!("from {from} to {to} s is no stretch of time; the end comes after the beginning")
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::row::FaceRow;
    use super::*;

    fn corrections(edits: &[Edit]) -> Result<Corrections, String> {
        let classes = ["calm", "glad"].map(String::from);
        Corrections::new(edits, &[1, 2, 5].into(), &classes, vec![]).map_err(|e| e.to_string())
    }

    fn row(face: u32, seconds: f64) -> TableRow {
        let face =
            FaceRow { face, person: 9, name: "old".into(), label: 1, by_hand: true, ..FaceRow::default() };
        TableRow { seconds, face: Some(face), excluded: true, ..TableRow::default() }
    }

    fn applied(edits: &[Edit], face: u32, seconds: f64) -> (u32, String, usize, bool, bool) {
        let mut row = row(face, seconds);
        corrections(edits).unwrap().apply(&mut row);
        let face = row.face.unwrap();
        (face.person, face.name, face.label, face.by_hand, row.excluded)
    }

    #[test]
    fn corrections_count_in_their_order_and_what_is_taken_back_leaves_the_machines_word() {
        let label = |person, label: &str| Edit::Label { person, from: 3.0, to: 8.0, label: label.into() };
        let edits = [
            Edit::Rename { person: 5, name: " Ada ".into() },
            Edit::Merge { people: vec![2, 5] },
            label(2, "glad"),
            Edit::Exclude { from: 10.0, to: 20.0, person: Some(2) },
        ];
        assert_eq!(applied(&[], 5, 4.0), (5, String::new(), 0, false, false));
        assert_eq!(applied(&edits, 5, 4.0), (2, "Ada".into(), 1, true, false));
        assert_eq!(applied(&edits, 2, 8.0), (2, "Ada".into(), 0, false, false), "an end is not part of it");
        assert!(applied(&edits, 2, 10.0).4 && !applied(&edits, 1, 10.0).4);
        let again = [edits.as_slice(), &[label(2, "Calm")]].concat();
        assert_eq!(applied(&again, 5, 4.0), (2, "Ada".into(), 0, true, false), "the last one counts");
        let all = Edit::Exclude { from: 0.0, to: 1.0, person: None };
        let mut nobody = TableRow { seconds: 0.5, ..TableRow::default() };
        corrections(&[all]).unwrap().apply(&mut nobody);
        assert!(nobody.excluded, "a frame without a face, too");
    }

    #[test]
    fn what_does_not_fit_says_which_one_and_why() {
        let label = |label: &str, to| Edit::Label { person: 1, from: 3.0, to, label: label.into() };
        for (edits, words) in [
            (vec![Edit::Merge { people: vec![2, 7] }], "correction 1: there is no person 7"),
            (vec![Edit::Merge { people: vec![2, 2] }], "different people"),
            (vec![Edit::Merge { people: vec![] }], "nobody"),
            (
                vec![Edit::Merge { people: vec![2, 5] }, Edit::Rename { person: 5, name: "B".into() }],
                "correction 2: there is no person 5 (merged into 2)",
            ),
            (vec![label("angry", 8.0)], "`angry` is no class of the model; it knows calm, glad"),
            (vec![label("calm", 3.0)], "is no stretch of time"),
            (vec![label("calm", f64::NAN)], "is no stretch of time"),
            (vec![Edit::Rename { person: 1, name: "a\nb".into() }], "is no name"),
        ] {
            let error = corrections(&edits).unwrap_err();
            assert!(error.contains(words), "{error}");
        }
        let mut rows = [row(2, 1.0), row(5, 1.0)];
        let merged = corrections(&[Edit::Merge { people: vec![2, 5] }]).unwrap();
        for row in &mut rows {
            merged.apply(row);
        }
        let error = Corrections::check_frame(&rows).unwrap_err().to_string();
        assert!(error.contains("2 and 5 cannot be one person"), "{error}");
        corrections(&[]).unwrap().apply(&mut rows[1]);
        assert!(Corrections::check_frame(&rows).is_ok());
    }
}
