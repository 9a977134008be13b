//! Which formats there are. A new format is one file beside this one and one line in [`Formats::files`].

use std::sync::Arc;

use super::{DataError, Dataset, SkipLog, Spec, clip_frames, fer2013, ferplus, image_folder, recordio};

/// Opens a dataset; bad items found while indexing go to the log.
pub type OpenDataset = fn(&Spec, &SkipLog) -> Result<Arc<dyn Dataset>, DataError>;

/// One dataset format.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    /// First part of a SPEC.
    pub name: &'static str,
    /// What it reads, for help texts.
    pub about: &'static str,
    /// Option keys it understands beside [`Spec::COMMON_OPTIONS`].
    pub options: &'static [&'static str],
    /// Opens a SPEC of this format.
    pub open: OpenDataset,
}

/// The formats a program understands.
#[derive(Debug, Clone)]
pub struct Formats(Vec<Format>);

impl Formats {
    /// Every format that is read from files.
    pub fn files() -> Self {
        Self(vec![
            ferplus::FORMAT,
            image_folder::FORMAT,
            fer2013::FORMAT,
            recordio::FORMAT,
            clip_frames::AFFWILD2,
            clip_frames::CLIPS,
        ])
    }

    /// Adds a format that another part of the engine provides.
    #[must_use]
    pub fn with(mut self, format: Format) -> Self {
        self.0.push(format);
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
        let format = find(spec, "formats", &self.0, |format| format.name)?;
        check_options(spec, Spec::COMMON_OPTIONS, format.options)?;
        Ok(format)
    }

    /// Opens the dataset a SPEC names.
    ///
    /// # Errors
    /// As [`Formats::check`]; the files cannot be read or are damaged; a bad item where `skips` is strict.
    pub fn open(&self, spec: &Spec, skips: &SkipLog) -> Result<Arc<dyn Dataset>, DataError> {
        (self.check(spec)?.open)(spec, skips)
    }
}

/// The entry of a table that a SPEC's first part names.
pub(super) fn find<'a, F>(
    spec: &Spec,
    what: &str,
    table: &'a [F],
    name: impl Fn(&F) -> &'static str,
) -> Result<&'a F, DataError> {
    table.iter().find(|entry| name(entry) == spec.format).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(&name).collect();
        spec.error(format!("unknown format `{}`; the {what} are {}", spec.format, names.join(", ")))
    })
}

/// Refuses option keys that a format does not know.
pub(super) fn check_options(spec: &Spec, common: &[&str], own: &[&str]) -> Result<(), DataError> {
    let Some(key) = spec.options.keys().find(|key| !own.contains(&key.as_str())) else { return Ok(()) };
    let keys: Vec<&str> = common.iter().chain(own).copied().collect();
    Err(spec.error(format!("unknown option `{key}`; `{}` understands {}", spec.format, keys.join(", "))))
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
}
