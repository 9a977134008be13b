//! The kinds of files: how one is made as it should be, how it is broken, what reads it.

mod detector;
mod learned;
mod lists;
mod pictures;
mod planted;
mod program;
mod scores;
mod sets;
mod settings;
mod work;

use std::io;
use std::path::Path;

use crate::draws::Draws;
use crate::{bytes, tensors, text};

/// Files of a format that is read together.
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// Seeds of the short run; 0 leaves it out.
    pub short: u64,
    /// Whether messages are looked at too.
    pub own: bool,
    /// Files that are broken, by their path in the folder, and how.
    files: &'static [(&'static str, Form)],
    /// Writes them as they should be, and what else is read with them.
    make: fn(&Path) -> io::Result<()>,
    /// Reads them; gives the message where they are refused.
    pub(crate) read: fn(&Path) -> Result<(), String>,
}

/// How a file is broken.
#[derive(Clone, Copy)]
enum Form {
    /// As bytes.
    Bytes,
    /// As bytes from the four letters on, mostly: of a box with the index of all others.
    From(&'static [u8; 4]),
    /// As lines and tokens.
    Text,
    /// As JSON.
    Json,
    /// As safetensors with JSON in the named entry of its metadata.
    Tensors(&'static str),
    /// As safetensors, of which nothing but that JSON is broken.
    Metadata(&'static str),
    /// As a tree that the format knows how to write.
    Tree(fn(&mut Draws) -> Vec<u8>),
}

/// All of them.
pub const FORMATS: &[Format] = &[
    learned::MODEL,
    learned::CARD,
    learned::CHECKPOINT,
    learned::FEATURES,
    detector::DETECTOR,
    sets::RECORDIO,
    sets::RECORDIO_LIST,
    sets::KEPT_HASHES,
    sets::AFFECTNET,
    sets::AFFECTNET_2021,
    sets::EXPW,
    sets::LIST,
    sets::FERPLUS,
    sets::FERPLUS_TAR,
    sets::FER2013,
    sets::AFF_WILD2,
    sets::PREDICTIONS,
    scores::TABLE,
    scores::GROUPS,
    work::PACK,
    work::ALIGN,
    settings::SPEC,
    settings::CONFIG,
    settings::RESULTS,
    pictures::JPEG,
    pictures::PNG,
    pictures::WEBP,
    pictures::BMP,
    pictures::VIDEO,
    pictures::PLAIN_VIDEO,
    lists::EXPW,
    lists::AFFECTNET,
    lists::NPY,
    lists::RAFDB,
    lists::WEBDATASET,
    lists::CLIPS,
    lists::DFEW,
    lists::VOCABULARY,
    lists::LAYER,
    program::REPORT,
    program::KEPT,
    planted::PLANTED,
];

/// A format's files as they should be.
pub(crate) struct Honest {
    files: Vec<(&'static str, Form, Vec<u8>)>,
}

impl Honest {
    /// Writes them to a folder.
    pub(crate) fn make(format: &Format, folder: &Path) -> io::Result<Self> {
        (format.make)(folder)?;
        let files =
            format.files.iter().map(|&(name, form)| Ok((name, form, std::fs::read(folder.join(name))?)));
        Ok(Self { files: files.collect::<io::Result<_>>()? })
    }

    /// Breaks one of them.
    pub(crate) fn mutate(&self, folder: &Path, draws: &mut Draws) -> io::Result<()> {
        let (name, form, honest) = draws.pick(&self.files);
        let mut content = honest.clone();
        match form {
            Form::Bytes => bytes::mutate(&mut content, draws),
            Form::From(mark) => {
                let start = content.windows(4).position(|four| four == *mark).unwrap_or(0);
                let start = if draws.one_in(4) { 0 } else { start };
                let mut rest = content.split_off(start);
                bytes::mutate(&mut rest, draws);
                content.append(&mut rest);
            }
            Form::Text => text::mutate(&mut content, draws),
            Form::Json => match serde_json::from_slice(&content) {
                Ok(mut value) if !draws.one_in(4) => {
                    crate::json::mutate(&mut value, draws);
                    content = value.to_string().into_bytes();
                }
                _ => text::mutate(&mut content, draws),
            },
            Form::Tensors(entry) => tensors::mutate(&mut content, entry, draws),
            Form::Metadata(entry) => tensors::mutate_metadata(&mut content, entry, draws),
            Form::Tree(_) if draws.one_in(5) => bytes::mutate(&mut content, draws),
            Form::Tree(broken) => content = broken(draws),
        }
        std::fs::write(folder.join(name), content)
    }

    /// Puts them back.
    pub(crate) fn restore(&self, folder: &Path) -> io::Result<()> {
        self.files.iter().try_for_each(|(name, _, honest)| std::fs::write(folder.join(name), honest))
    }
}

/// An error of the engine as an error of the harness.
fn other(error: impl std::fmt::Display) -> io::Error {
    io::Error::other(error.to_string())
}

/// An error of the engine as its message.
fn message(error: impl std::fmt::Display) -> String {
    error.to_string()
}
