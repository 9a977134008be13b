//! RecordIO: two files that grow, and may be cut back to where they were whole.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::{PackForm, Sink, State, Stored};
use crate::data::recordio::Writer;
use crate::data::{Annotation, DataError, Dataset};
use crate::files::{move_atomically, write_atomically};

/// Items between two states that are kept.
const KEEP_EVERY: usize = 1024;
/// What the files are called until they are whole.
const PART: &str = "unfinished";

/// Refuses what the form cannot hold.
pub(super) fn check(dataset: &dyn Dataset, form: PackForm) -> Result<(), DataError> {
    if form != PackForm::RecordIo {
        return Ok(());
    }
    let refuse = |reason: String| {
        let rest = "pack it as webdataset";
        Err(DataError::TooFew(format!("{}: {reason}; {rest}", dataset.name())))
    };
    if let Some(class) = dataset.classes().iter().find(|class| class.contains(',')) {
        return refuse(format!(
            "the class `{class}` has a comma in its name, which a RecordIO SPEC cannot name"
        ));
    }
    let without = |item: &usize| matches!(dataset.annotation(*item), Annotation::None);
    match (0..dataset.len()).find(without).filter(|_| !dataset.classes().is_empty()) {
        Some(item) => {
            let key = dataset.key(item);
            refuse(format!("{key} has no label, which RecordIO cannot say beside labelled ones"))
        }
        None => Ok(()),
    }
}

/// Whether the files on their way are there.
pub(super) fn is_there(out: &Path) -> bool {
    ["rec", "idx"].iter().all(|ending| out.join(format!("{PART}.{ending}")).is_file())
}

/// The files on their way.
pub(super) struct Records {
    out: PathBuf,
    writer: Writer,
    classes: usize,
    /// A number for each person or video, in the order in which they come.
    people: HashMap<String, usize>,
    first: Option<(usize, usize)>,
    since: usize,
}

impl Records {
    pub fn open(dataset: &dyn Dataset, out: &Path, state: &State) -> Result<Self, DataError> {
        let prefix = out.join(PART);
        let mut writer = if state.rec == 0 {
            Writer::create(&prefix)?
        } else {
            Writer::resume(&prefix, state.rec, state.idx)?
        };
        if state.rec == 0 {
            // The number of pictures is written when it is known.
            writer.write_bounds(1, 0)?;
        }
        let mut records = Self {
            out: out.to_owned(),
            writer,
            classes: dataset.classes().len(),
            people: HashMap::new(),
            first: None,
            since: 0,
        };
        if records.classes == 0 {
            for item in 0..state.next {
                // An item that could not be read had no number either.
                if let Ok(group) = dataset.group(item) {
                    records.person(group);
                }
            }
        }
        Ok(records)
    }

    fn person(&mut self, group: Option<String>) -> usize {
        let Some(group) = group else { return 0 };
        let next = self.people.len();
        *self.people.entry(group).or_insert(next)
    }
}

impl Sink for Records {
    fn push(&mut self, stored: &Stored, state: &State) -> Result<(), DataError> {
        let label = match stored.class {
            Some(class) => class,
            // A tie of votes in a set with labels: the form has no word for it.
            None if self.classes > 0 => {
                let reason =
                    "has no label, which RecordIO cannot say beside labelled ones; pack it as webdataset";
                return Err(DataError::TooFew(format!("item {}: {reason}", stored.item)));
            }
            None => self.person(stored.group.clone()),
        };
        if self.first.is_none() {
            let decoded = crate::data::decode::decode(&stored.bytes).ok();
            self.first = decoded.map(|picture| (picture.height, picture.width));
        }
        self.writer.write(state.written as u64 + 1, label as f32, &stored.bytes)
    }

    fn keep(&mut self, state: &mut State, pause: bool) -> Result<bool, DataError> {
        self.since += 1;
        if self.since < KEEP_EVERY && !pause {
            return Ok(false);
        }
        self.since = 0;
        (state.rec, state.idx) = self.writer.sync()?;
        Ok(true)
    }

    fn finish(self: Box<Self>, state: &mut State) -> Result<(), DataError> {
        let Self { out, mut writer, classes, people, first, .. } = *self;
        writer.set_bounds(state.written as u64 + 1)?;
        writer.finish()?;
        let io = |path: &Path, e| DataError::io(path, e);
        let (height, width) = first.unwrap_or_default();
        let classes = if classes > 0 { classes } else { people.len().max(1) };
        let property = out.join("property");
        write_atomically(&property, format!("{classes},{height},{width}").as_bytes())
            .map_err(|e| io(&property, e))?;
        for ending in ["idx", "rec"] {
            let to = out.join(format!("train.{ending}"));
            move_atomically(&out.join(format!("{PART}.{ending}")), &to).map_err(|e| io(&to, e))?;
        }
        Ok(())
    }
}
