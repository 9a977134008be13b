//! The list that im2rec packed a file from: lines `key<tab>label[<tab>label...]<tab>path`. It says which records belong to a set,
//! what they are labelled and which file each one was.

use std::fs::File;
use std::path::Path;

use super::places::{LIMIT, Places};
use crate::data::lines::{Lines, open_regular};
use crate::data::tree::read_some_at;
use crate::data::{DataError, SkipLog, quoted};

/// Longest line, in bytes.
const MAX_LINE: u64 = 4096;

/// A list, joined with the records by key: one entry for each record, in the list's order.
pub(super) struct List {
    file: File,
    /// Where each entry's line begins.
    lines: Vec<u64>,
    /// Each entry's first label.
    labels: Vec<f32>,
}

impl List {
    /// Reads a list and takes its records out of those that there are; a line without a record is a bad item.
    ///
    /// # Errors
    /// It cannot be read, is a list of another form, or names no record that is there.
    pub fn join(path: &Path, records: &Places, skips: &SkipLog) -> Result<(Self, Places), DataError> {
        let file = open_regular(path)?;
        let mut by_key: Vec<u32> = (0..records.len() as u32).collect();
        by_key.sort_by_key(|&index| records.get(index as usize).0);
        let offset_of = |key: u64| {
            let at = by_key.partition_point(|&index| records.get(index as usize).0 < key);
            let (found, offset) = records.get(*by_key.get(at)? as usize);
            (found == key).then_some(offset)
        };
        let mut list = Self { file, lines: Vec::new(), labels: Vec::new() };
        let mut items = Places::default();
        let mut lines = Lines::open(path, MAX_LINE)?;
        while let Some(line) = lines.next()? {
            let (number, start, text) = (line.number, line.offset, line.text());
            if text.trim().is_empty() {
                continue;
            }
            let parsed = parse(&text);
            let first_is_bad = number == 1 && parsed.is_err();
            let joined = parsed.and_then(|(key, label)| {
                let offset = offset_of(key).ok_or_else(|| format!("there is no record {key}"))?;
                Ok((key, label, offset))
            });
            match joined {
                Ok((key, label, offset)) => {
                    items.push(key, offset);
                    list.lines.push(start);
                    list.labels.push(label);
                }
                // The first line tells whether it is such a list at all.
                Err(reason) if first_is_bad => return Err(lines.error(1, reason)),
                Err(reason) => lines.skip(number, reason, skips)?,
            }
        }
        if items.is_empty() {
            return Err(DataError::format(path, "", "it names no record that is there"));
        }
        Ok((list, items.shrunk()))
    }

    /// An entry's first label.
    pub fn label(&self, index: usize) -> f64 {
        f64::from(self.labels[index])
    }

    /// The file that an entry was packed from, as the list calls it.
    pub fn file_name(&self, index: usize) -> Option<String> {
        let mut bytes = vec![0; MAX_LINE as usize];
        let read = read_some_at(&self.file, &mut bytes, self.lines[index]).ok()?;
        let line = bytes[..read].split(|&byte| byte == b'\n').next()?;
        let text = String::from_utf8_lossy(line);
        Some(quoted(text.trim_end().rsplit('\t').next()?))
    }

    /// Leaves out the entries that `keep` does not want.
    pub fn retain(&mut self, keep: &[bool]) {
        let mut kept = keep.iter();
        self.lines.retain(|_| *kept.next().unwrap_or(&false));
        let mut kept = keep.iter();
        self.labels.retain(|_| *kept.next().unwrap_or(&false));
    }
}

/// Key and first label of a line.
fn parse(line: &str) -> Result<(u64, f32), String> {
    let mut fields = line.split('\t').map(str::trim);
    let error = |what: &str| {
        format!("{what} in `{}`; a list of im2rec has lines key<tab>label<tab>path", quoted(line))
    };
    let (Some(key), Some(label), Some(_path)) = (fields.next(), fields.next(), fields.next()) else {
        return Err(error("fewer than three fields"));
    };
    let key = key.parse().ok().filter(|key| *key < LIMIT).ok_or_else(|| error("no key"))?;
    let label = label.parse().ok().filter(|label: &f32| label.is_finite());
    Ok((key, label.ok_or_else(|| error("no label"))?))
}
