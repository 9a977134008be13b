//! Which formats there are. A new format is one file beside this one and one line in [`Formats::files`].

use std::sync::Arc;

use super::{DataError, Dataset, SkipLog, Spec, fer2013, ferplus, image_folder, recordio};

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
        Self(vec![ferplus::FORMAT, image_folder::FORMAT, fer2013::FORMAT, recordio::FORMAT])
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
        let error = |reason| DataError::Spec { spec: spec.to_string(), reason };
        let Some(format) = self.0.iter().find(|format| format.name == spec.format) else {
            let names: Vec<&str> = self.0.iter().map(|format| format.name).collect();
            return Err(error(format!(
                "unknown format `{}`; the formats are {}",
                spec.format,
                names.join(", ")
            )));
        };
        if let Some(key) = spec.options.keys().find(|key| !format.options.contains(&key.as_str())) {
            let keys: Vec<&str> = Spec::COMMON_OPTIONS.iter().chain(format.options).copied().collect();
            return Err(error(format!(
                "unknown option `{key}`; `{}` understands {}",
                format.name,
                keys.join(", ")
            )));
        }
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
