//! WebDataset: tar shards, each whole or absent.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{Sink, State, Stored};
use crate::data::{DataError, Dataset};
use crate::files::AtomicFile;

/// The shards on their way.
pub(super) struct Shards<'a> {
    dataset: &'a dyn Dataset,
    out: PathBuf,
    size: usize,
    shard: Option<(PathBuf, tar::Builder<AtomicFile>)>,
    /// Items in the open shard, and shards that are whole.
    items: usize,
    whole: usize,
}

/// A member's `.json`.
#[derive(Serialize)]
struct About<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    label: Option<&'a str>,
    /// The person or video.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<&'a str>,
    /// What the dataset calls it.
    item: String,
}

impl<'a> Shards<'a> {
    pub fn open(dataset: &'a dyn Dataset, out: &Path, size: usize, state: &State) -> Self {
        Self { dataset, out: out.to_owned(), size, shard: None, items: 0, whole: state.shards }
    }

    fn close(&mut self) -> Result<(), DataError> {
        let Some((path, builder)) = self.shard.take() else { return Ok(()) };
        let finish = || builder.into_inner()?.finish();
        finish().map_err(|e| DataError::io(&path, e))?;
        (self.items, self.whole) = (0, self.whole + 1);
        Ok(())
    }
}

impl Sink for Shards<'_> {
    fn push(&mut self, stored: &Stored, state: &State) -> Result<(), DataError> {
        let (path, builder) = match &mut self.shard {
            Some(shard) => shard,
            empty => {
                let path = self.out.join(format!("shard-{:06}.tar", self.whole));
                let file = AtomicFile::create(&path).map_err(|e| DataError::io(&path, e))?;
                empty.insert((path, tar::Builder::new(file)))
            }
        };
        let failed = |e| DataError::io(path, e);
        let ending = if stored.bytes.starts_with(b"\x89PNG") { "png" } else { "jpg" };
        let about = About {
            label: stored.class.map(|class| self.dataset.classes()[class].as_str()),
            group: stored.group.as_deref(),
            item: self.dataset.key(stored.item),
        };
        let about = serde_json::to_vec(&about).map_err(|e| failed(e.into()))?;
        for (ending, bytes) in [(ending, stored.bytes.as_slice()), ("json", &about)] {
            let mut header = tar::Header::new_ustar();
            header.set_size(bytes.len() as u64);
            header.set_mode(0o644);
            let name = format!("{:09}.{ending}", state.written);
            builder.append_data(&mut header, name, bytes).map_err(failed)?;
        }
        self.items += 1;
        Ok(())
    }

    fn keep(&mut self, state: &mut State, _: bool) -> Result<bool, DataError> {
        if self.items < self.size {
            return Ok(false);
        }
        self.close()?;
        state.shards = self.whole;
        Ok(true)
    }

    fn finish(mut self: Box<Self>, state: &mut State) -> Result<(), DataError> {
        self.close()?;
        state.shards = self.whole;
        Ok(())
    }
}
