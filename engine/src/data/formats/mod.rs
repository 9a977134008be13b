//! Which formats there are. A new format is one file in this folder and one line in [`Formats::files`] or
//! [`ClipFormats::files`]; clips serve as pictures too, through [`frames_of`].

use std::sync::Arc;

use super::format::{add, find};
use super::{AlignedFaces, ClipFormat, ClipFrames, DataError, Dataset, Format, SkipLog, Spec};

mod affectnet;
pub(super) mod affwild2;
mod clip_folder;
mod clip_formats;
mod expw;
mod fer2013;
pub(super) mod ferplus;
mod image_folder;
mod labelled_clips;
mod picture_list;
mod rafdb;
pub mod recordio;
mod webdataset;

pub use clip_formats::ClipFormats;

/// The formats of pictures that a program understands.
#[derive(Debug, Clone)]
pub struct Formats(Vec<Format>);

impl Formats {
    /// Every format that is read from files.
    pub fn files() -> Self {
        let pictures = vec![
            ferplus::format(),
            image_folder::format(),
            fer2013::format(),
            recordio::format(),
            recordio::ms1mv2_format(),
            picture_list::format(),
            affectnet::format(),
            expw::format(),
            rafdb::format(),
            webdataset::format(),
        ];
        ClipFormats::files().iter().fold(Self(pictures), |formats, clips| formats.with(frames_of(clips)))
    }

    /// Adds a format, or replaces the one of its name.
    #[must_use]
    pub fn with(mut self, format: Format) -> Self {
        add(&mut self.0, format);
        self
    }

    /// All of them, for help texts.
    pub fn iter(&self) -> impl Iterator<Item = &Format> {
        self.0.iter()
    }

    /// Finds the SPEC's format and checks its option keys, without touching the disk.
    ///
    /// # Errors
    /// Unknown format (lists the formats) or unknown key (lists the keys).
    pub fn check(&self, spec: &Spec) -> Result<&Format, DataError> {
        let format = find(spec, "formats", &self.0)?;
        format.check_options(spec, Spec::COMMON_OPTIONS)?;
        Ok(format)
    }

    /// Opens the dataset a SPEC names.
    ///
    /// # Errors
    /// As [`Formats::check`]; the files cannot be read or are damaged; a bad item where `skips` is strict.
    pub fn open(&self, spec: &Spec, skips: &SkipLog) -> Result<Arc<dyn Dataset>, DataError> {
        let dataset = self.check(spec)?.open(spec, skips)?;
        Ok(if spec.align { Arc::new(AlignedFaces::new(dataset)?) } else { dataset })
    }
}

/// The frames of a form of clips as pictures; the option `every=N` takes every N-th frame alone.
pub fn frames_of(clips: &ClipFormat) -> Format {
    let options = std::iter::once("every".into()).chain(clips.options().map(|key| key.to_owned().into()));
    let about = format!("single frames of: {}; every=N takes each Nth frame", clips.about());
    let clips = clips.clone();
    Format::with_options(clips.name().to_owned(), about, options.collect(), move |spec, skips| {
        let every = ClipFrames::every(spec)?;
        Ok(Arc::new(ClipFrames::new(clips.open(spec, skips)?, every)?))
    })
}

/// Opens a dataset of one of [`Formats::files`] with a skip log of its own.
///
/// # Errors
/// As [`Formats::open`].
pub fn open(spec: &Spec, strict: bool) -> Result<Arc<dyn Dataset>, DataError> {
    Formats::files().open(spec, &SkipLog::new(strict))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::data::{Annotation, MemoryFaces};
    use crate::media::Picture;

    fn refusal(spec: &str) -> String {
        Formats::files().check(&spec.parse().unwrap()).unwrap_err().to_string()
    }

    #[test]
    fn an_unknown_format_lists_the_formats() {
        let message = refusal("ferpuls:a.tar");
        assert!(message.contains("ferplus, folder, fer2013, recordio"), "{message}");
    }

    #[test]
    fn an_unknown_option_lists_the_keys() {
        let message = refusal("recordio:a?clases=x");
        assert!(message.contains("`clases`") && message.contains("classes"), "{message}");
        assert!(message.contains("labels_per_class"), "{message}");
    }

    #[test]
    fn a_missing_path_names_it() {
        let message = open(&"folder:/nowhere/at/all".parse().unwrap(), false).err().unwrap().to_string();
        assert!(message.contains("/nowhere/at/all"), "{message}");
    }

    #[test]
    fn a_format_may_hold_state_have_options_and_replace_another() {
        let tone = 7;
        let mine =
            Format::with_options(String::from("folder"), "mine", vec!["tone".into()], move |spec, _| {
                let tone = spec.options.get("tone").map_or(tone, |text| text.len() as u8);
                let faces = [(Picture::filled(4, 4, 1, tone), Annotation::None)];
                Ok(Arc::new(MemoryFaces::new(spec.to_string(), [""; 0], faces)?))
            });
        let formats = Formats::files().with(mine);
        let first = |spec: &str| {
            let open = formats.open(&spec.parse().unwrap(), &SkipLog::new(true));
            open.map(|faces| faces.picture(0).unwrap().pixels[0])
        };
        assert_eq!((first("folder:x").unwrap(), first("folder:x?tone=abc").unwrap()), (7, 3));
        assert!(first("folder:x?tune=1").unwrap_err().to_string().contains("`tune`"));
        assert_eq!(formats.iter().filter(|format| format.name() == "folder").count(), 1);
    }
}
