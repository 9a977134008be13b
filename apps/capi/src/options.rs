//! What is opened.

use std::ffi::c_char;

use affekt_engine::backend::BackendSpec;
use affekt_engine::world::live::{LiveSettings, RecognizerSpec};

use crate::status::{Trouble, text};

/// What a recognizer is made of. Zero everything but `size`, and every default is taken:
/// `AffektOptions options = {0}; options.size = sizeof options;`. Texts are UTF-8.
#[repr(C)]
#[derive(Debug, Clone, Copy)]
pub struct AffektOptions {
    /// `sizeof(AffektOptions)`, so that later versions can add fields.
    pub size: usize,
    /// A model's file, or the folder of a finished run; NULL: the model that is built in.
    pub model: *const c_char,
    /// A temporal encoder's file that reads this model's features; NULL: none.
    pub temporal: *const c_char,
    /// "builtin", "guide" (a fixed box in the middle), or a `YuNet` model's file; NULL: the one that is found.
    pub detector: *const c_char,
    /// "cpu", "wgpu" or "auto"; NULL: "cpu".
    pub backend: *const c_char,
    /// Threads; results do not depend on them. 0: one for each core.
    pub threads: u32,
    /// The detector looks at every N-th frame of a video, between them faces are carried on. 0: at every one.
    pub detect_every: u32,
    /// Frames that vote on a label. 0: as the encoder's card says, else 30.
    pub window: u32,
    /// Not 0: the model sees each face's mirror image too and the mean counts, at twice the work; not with an encoder.
    pub flip: u32,
}

impl AffektOptions {
    /// Every default.
    const DEFAULT: Self = Self {
        size: size_of::<Self>(),
        model: std::ptr::null(),
        temporal: std::ptr::null(),
        detector: std::ptr::null(),
        backend: std::ptr::null(),
        threads: 0,
        detect_every: 0,
        window: 0,
        flip: 0,
    };
}

/// The recognizer that is asked for.
///
/// # Safety
/// `options` is null or leads to as many bytes as its first field says, and its texts are null or end in a NUL.
pub unsafe fn spec(options: *const AffektOptions) -> Result<RecognizerSpec, Trouble> {
    let mut asked = AffektOptions::DEFAULT;
    if !options.is_null() {
        // SAFETY: not null, so the first field can be read.
        let size = unsafe { options.cast::<usize>().read_unaligned() };
        let most = size_of::<AffektOptions>();
        if size < size_of::<usize>() || size > most {
            return Err(Trouble::argument(format!(
                "options.size is {size}; set it to sizeof(AffektOptions), which is at most {most} in this version"
            )));
        }
        // SAFETY: both are at least `size` bytes long, and any bytes make numbers and pointers.
        unsafe {
            let to = (&raw mut asked).cast::<u8>();
            std::ptr::copy_nonoverlapping(options.cast::<u8>(), to, size);
        }
    }
    // SAFETY: null or ended by a NUL, as the caller promises.
    let (model, temporal, detector, backend) = unsafe {
        (
            text(asked.model, "options.model")?,
            text(asked.temporal, "options.temporal")?,
            text(asked.detector, "options.detector")?,
            text(asked.backend, "options.backend")?,
        )
    };
    let defaults = RecognizerSpec::default();
    let backend = BackendSpec {
        name: backend.map_or(defaults.backend.name, str::to_owned),
        threads: asked.threads as usize,
        ..defaults.backend
    };
    Ok(RecognizerSpec {
        model: model.map(Into::into),
        temporal: temporal.map(Into::into),
        // Any text names a detector; whether it is one is found out when it is opened.
        detector: detector.and_then(|text| text.parse().ok()).unwrap_or_default(),
        backend,
        detect_every: Some(u64::from(asked.detect_every.max(1))),
        window: (asked.window > 0).then_some(asked.window as usize),
        settings: LiveSettings { flip: asked.flip != 0, ..defaults.settings },
        ..defaults
    })
}
