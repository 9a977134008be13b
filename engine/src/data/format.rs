//! One format of data: how a SPEC calls it and what opens it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::{Clips, DataError, Dataset, SkipLog, Spec};
use crate::files::explained;

type Open<D> = dyn Fn(&Spec, &SkipLog) -> Result<Arc<D>, DataError> + Send + Sync;

/// A format of pictures ([`Format`]) or of clips ([`ClipFormat`]).
pub struct FormatOf<D: ?Sized> {
    name: Cow<'static, str>,
    about: Cow<'static, str>,
    options: Vec<Cow<'static, str>>,
    open: Arc<Open<D>>,
}

/// A dataset format. Whatever a program can turn into a [`Dataset`] can be one:
///
/// ```
/// use std::sync::Arc;
/// use affekt_engine::data::{Annotation, Dataset, Format, Formats, MemoryFaces, SkipLog};
/// use affekt_engine::media::Picture;
///
/// let faces = [(Picture::filled(48, 48, 1, 90), Annotation::Class(1))];
/// let mine = Arc::new(MemoryFaces::new("mine", ["sad", "happy"], faces)?);
/// let formats = Formats::files().with(Format::new("mine", "my faces", &[], move |_spec, _skips| Ok(mine.clone())));
/// assert_eq!(formats.open(&"mine:all".parse()?, &SkipLog::new(true))?.len(), 1);
/// # Ok::<(), affekt_engine::data::DataError>(())
/// ```
pub type Format = FormatOf<dyn Dataset>;

/// A form of clips, as [`Format`] is one of pictures.
pub type ClipFormat = FormatOf<dyn Clips>;

impl<D: ?Sized> FormatOf<D> {
    /// A format. `name` is the first part of a SPEC, `about` says in a line what it reads, `options` are the keys it
    /// understands beside those that all formats do. `open` indexes what a SPEC names; bad items it finds go to the log.
    pub fn new(
        name: impl Into<Cow<'static, str>>,
        about: impl Into<Cow<'static, str>>,
        options: &[&'static str],
        open: impl Fn(&Spec, &SkipLog) -> Result<Arc<D>, DataError> + Send + Sync + 'static,
    ) -> Self {
        Self::with_options(name, about, options.iter().map(|&key| key.into()).collect(), open)
    }

    /// As [`FormatOf::new`], with option keys that are made at run time.
    pub fn with_options(
        name: impl Into<Cow<'static, str>>,
        about: impl Into<Cow<'static, str>>,
        options: Vec<Cow<'static, str>>,
        open: impl Fn(&Spec, &SkipLog) -> Result<Arc<D>, DataError> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.into(), about: about.into(), options, open: Arc::new(open) }
    }

    /// First part of a SPEC.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it reads, for help texts.
    pub fn about(&self) -> &str {
        &self.about
    }

    /// Option keys it understands beside those that all formats do.
    pub fn options(&self) -> impl Iterator<Item = &str> {
        self.options.iter().map(AsRef::as_ref)
    }

    /// Opens what a SPEC names, whatever format the SPEC says.
    ///
    /// # Errors
    /// The files cannot be read or are damaged; a bad item where `skips` is strict.
    pub fn open(&self, spec: &Spec, skips: &SkipLog) -> Result<Arc<D>, DataError> {
        (self.open)(spec, skips).map_err(|error| match error {
            DataError::Io { path, source } => DataError::Io { source: explained(&path, source), path },
            other => other,
        })
    }

    /// Refuses option keys that this format does not know; `common` are those that all formats do.
    pub(super) fn check_options(&self, spec: &Spec, common: &[&str]) -> Result<(), DataError> {
        let known = |key: &str| self.options().any(|own| own == key);
        let Some(key) = spec.options.keys().find(|key| !known(key)) else { return Ok(()) };
        let keys: Vec<&str> = common.iter().copied().chain(self.options()).collect();
        Err(spec.error(format!("unknown option `{key}`; `{}` understands {}", self.name, keys.join(", "))))
    }
}

// Derived, these would ask the same of `D`, which is shared and needs neither.
impl<D: ?Sized> Clone for FormatOf<D> {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            about: self.about.clone(),
            options: self.options.clone(),
            open: Arc::clone(&self.open),
        }
    }
}

impl<D: ?Sized> fmt::Debug for FormatOf<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Format")
            .field("name", &self.name)
            .field("about", &self.about)
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}

/// Puts a format into a table; one of the same name makes way, so that a program can replace a format.
pub(super) fn add<D: ?Sized>(table: &mut Vec<FormatOf<D>>, format: FormatOf<D>) {
    match table.iter_mut().find(|known| known.name == format.name) {
        Some(known) => *known = format,
        None => table.push(format),
    }
}

/// The entry of a table that a SPEC's first part names.
pub(super) fn find<'a, D: ?Sized>(
    spec: &Spec,
    what: &str,
    table: &'a [FormatOf<D>],
) -> Result<&'a FormatOf<D>, DataError> {
    table.iter().find(|format| format.name == spec.format).ok_or_else(|| {
        let names: Vec<&str> = table.iter().map(FormatOf::name).collect();
        spec.error(format!("unknown format `{}`; the {what} are {}", spec.format, names.join(", ")))
    })
}
