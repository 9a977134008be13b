//! Which forms of clips there are.

use std::sync::Arc;

use super::{affwild2, clip_folder, labelled_clips};
use crate::data::format::{add, find};
use crate::data::{Ambiguous, ClipFormat, Clips, DataError, SkipLog, Spec};

/// The forms of clips a program understands.
#[derive(Debug, Clone)]
pub struct ClipFormats(Vec<ClipFormat>);

impl ClipFormats {
    /// Option keys every form understands. What chooses or drops single pictures has no meaning for a clip.
    pub const COMMON_OPTIONS: &'static [&'static str] = &["unlabelled", "map"];

    /// Every form that is read from files.
    pub fn files() -> Self {
        Self(vec![
            affwild2::format(),
            clip_folder::format(),
            labelled_clips::dfew(),
            labelled_clips::ferv39k(),
        ])
    }

    /// Adds a form, or replaces the one of its name.
    #[must_use]
    pub fn with(mut self, format: ClipFormat) -> Self {
        add(&mut self.0, format);
        self
    }

    /// All of them, for help texts.
    pub fn iter(&self) -> impl Iterator<Item = &ClipFormat> {
        self.0.iter()
    }

    /// Finds the SPEC's form and checks its option keys, without touching the disk.
    ///
    /// # Errors
    /// Unknown form (lists the forms), unknown key (lists the keys), or an option that is for pictures.
    pub fn check(&self, spec: &Spec) -> Result<&ClipFormat, DataError> {
        let format = find(spec, "forms of clips", &self.0)?;
        format.check_options(spec, Self::COMMON_OPTIONS)?;
        if spec.labels_per_class.is_some() || spec.ambiguous != Ambiguous::Drop {
            return Err(
                spec.error("labels_per_class and ambiguous choose single pictures and cannot cut a clip")
            );
        }
        Ok(format)
    }

    /// Opens the clips a SPEC names.
    ///
    /// # Errors
    /// As [`ClipFormats::check`]; the files cannot be read or are damaged; a bad item where `skips` is strict.
    pub fn open(&self, spec: &Spec, skips: &SkipLog) -> Result<Arc<dyn Clips>, DataError> {
        self.check(spec)?.open(spec, skips)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::super::affwild2::tests::write_frames;
    use super::*;

    fn open(spec: &str) -> Result<Arc<dyn Clips>, DataError> {
        ClipFormats::files().open(&spec.parse().unwrap(), &SkipLog::new(true))
    }

    #[test]
    fn a_spec_opens_clips_and_what_is_wrong_with_it_is_said() {
        let dir = tempfile::tempdir().unwrap();
        write_frames(&dir.path().join("a"), [1, 2]);
        let spec = format!("clips:{}", dir.path().display());
        assert_eq!(open(&spec).unwrap().frames(0), 2);
        let refusal = |spec: &str| open(spec).err().unwrap().to_string();
        assert!(refusal("folder:x").contains("the forms of clips are affwild2, clips"));
        assert!(refusal("clips:x?every=2").contains("understands unlabelled, map"));
        assert!(refusal("clips:x?labels_per_class=2").contains("cannot cut a clip"));
        assert!(refusal("clips:/nowhere/at/all").contains("/nowhere/at/all"));
    }
}
