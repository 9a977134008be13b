//! Which recognizer is wanted, as it is remembered; the engine opens it.

use std::path::{PathBuf, absolute};

use affekt_engine::Recognizer;
use affekt_engine::backend::{self, BackendSpec};
use affekt_engine::media::detect::DetectorChoice;
use affekt_engine::world::live::{About, Clock, LiveSettings, RecognizerSpec, UNSURE_BELOW};
use affekt_results::analyze::THUMBNAIL;
use serde::{Deserialize, Serialize};

/// Tenths of a second that vote where the settings do not say otherwise: one second, whatever the rate.
pub const VOTE_TENTHS: u32 = 10;

/// A recognizer to open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RecognizerChoice {
    /// Weights file or finished run; `None` for the built-in model.
    pub model: Option<PathBuf>,
    /// Temporal encoder that reads the model's features; `None` for none.
    pub temporal: Option<PathBuf>,
    /// What computes, one of the engine's backends.
    pub backend: String,
    /// The GPU's number or part of its name; `None` for the most capable one.
    pub adapter: Option<String>,
    /// `None` for the one that is found, else `builtin`, `guide` or a `YuNet` file.
    pub detector: Option<PathBuf>,
    /// The detector looks at every N-th frame, 1 to 100; 0 for as often as it can keep up.
    pub detect_every: u64,
    /// Tenths of a second whose frames vote on a label, 1 to 100.
    pub vote_tenths: u32,
    /// Frames that vote instead, this one and those before it, 1 to 300; settings of older versions say so.
    pub vote_window: Option<usize>,
    /// Percent of confidence below which a label is unsure, 0 to 100.
    pub unsure_below: u32,
    /// Whether the model sees each face's mirror image too; not with a temporal encoder.
    pub flip: bool,
}

impl Default for RecognizerChoice {
    fn default() -> Self {
        Self {
            model: None,
            temporal: None,
            backend: BackendSpec::default().name,
            adapter: None,
            detector: None,
            detect_every: 0,
            vote_tenths: VOTE_TENTHS,
            vote_window: None,
            unsure_below: (UNSURE_BELOW * 100.0).round() as u32,
            flip: false,
        }
    }
}

impl RecognizerChoice {
    /// Confidence below which a label is unsure, 0 to 1.
    pub fn unsure_share(&self) -> f32 {
        self.unsure_below as f32 / 100.0
    }

    /// Opens it.
    ///
    /// # Errors
    /// The model, the encoder, the detector or the GPU cannot be used; the message is one line that says what to do.
    pub fn open(&self, clock: Clock) -> Result<(Recognizer, About), String> {
        if let Some(path) = self.model.iter().chain(&self.temporal).find(|path| !path.exists()) {
            let path = path.display();
            return Err(format!(
                "{path}: there is no such file; give another, or none for the built-in model"
            ));
        }
        self.clone().within_limits().spec().open(clock).map_err(|error| one_line(&error.into()))
    }

    /// What the engine is asked for.
    fn spec(&self) -> RecognizerSpec {
        RecognizerSpec {
            model: self.model.clone(),
            temporal: self.temporal.clone(),
            detector: self.detector(),
            backend: BackendSpec {
                name: self.backend.clone(),
                adapter: self.adapter.clone().filter(|_| self.backend != BackendSpec::default().name),
                reading: true,
                ..BackendSpec::default()
            },
            detect_every: (self.detect_every > 0).then_some(self.detect_every),
            window: self.vote_window,
            settings: LiveSettings {
                unsure_below: self.unsure_share(),
                flip: self.flip && self.temporal.is_none(),
                keep_frames: true,
                vote_seconds: self.vote_window.is_none().then(|| f64::from(self.vote_tenths) / 10.0),
                ..LiveSettings::default()
            },
            ..RecognizerSpec::default()
        }
    }

    /// What the engine is asked for to analyse whole files, as `affekt analyze` does: labels by the frames around, faces looked for in
    /// every frame unless the settings say otherwise, pictures of faces for the page unless they are not wanted.
    pub fn for_files(&self, no_pictures: bool) -> RecognizerSpec {
        let live = self.spec();
        RecognizerSpec {
            detect_every: Some(self.detect_every.max(1)),
            window: None,
            live: false,
            settings: LiveSettings {
                keep_frames: false,
                vote_seconds: None,
                thumbnails: (!no_pictures).then_some((1.0, THUMBNAIL)),
                ..live.settings
            },
            ..live
        }
    }

    /// The same, with files by their whole paths, so that it can be remembered wherever the program is started next.
    #[must_use]
    pub fn anchored(self) -> Self {
        let whole = |path: Option<PathBuf>| path.map(|path| absolute(&path).unwrap_or(path));
        let named = |path: &PathBuf| ["builtin", "guide"].iter().any(|word| path.as_os_str() == *word);
        let detector =
            if self.detector.as_ref().is_some_and(named) { self.detector } else { whole(self.detector) };
        Self { model: whole(self.model), temporal: whole(self.temporal), detector, ..self }
    }

    fn detector(&self) -> DetectorChoice {
        let named = self.detector.as_ref().map(|path| path.to_string_lossy().parse());
        named.map_or_else(DetectorChoice::default, std::result::Result::unwrap_or_default)
    }

    /// The most frames from one look of any detector to the next.
    pub fn looks_away_at_most(&self) -> usize {
        self.detect_every.clamp(DetectorChoice::BuiltIn.keeps_up_every(), 100) as usize
    }

    /// The same, with what a file may have remembered wrongly put right.
    #[must_use]
    pub fn within_limits(self) -> Self {
        let known = backend::names().contains(&self.backend.as_str());
        Self {
            backend: if known { self.backend } else { BackendSpec::default().name },
            detect_every: self.detect_every.min(100),
            vote_tenths: self.vote_tenths.clamp(1, 100),
            vote_window: self.vote_window.map(|frames| frames.clamp(1, 300)),
            unsure_below: self.unsure_below.min(100),
            ..self
        }
    }
}

/// The whole chain of causes in one line; a cause that is told already is not told twice.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut text = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_model_opens_without_a_file() {
        let choice = RecognizerChoice { detector: Some("guide".into()), ..RecognizerChoice::default() };
        let (recognizer, about) = choice.open(Clock::default()).unwrap();
        assert_eq!(about.classes, recognizer.classes());
        assert!(about.model.contains("built-in FER+ model") && about.detector.contains("box"), "{about:?}");
    }

    #[test]
    fn what_is_remembered_is_what_the_engine_is_asked_for() {
        let choice = RecognizerChoice {
            temporal: Some("t".into()),
            detector: Some("builtin".into()),
            vote_window: Some(9000),
            unsure_below: 25,
            flip: true,
            adapter: Some("a GPU".into()),
            ..RecognizerChoice::default()
        };
        let spec = choice.clone().within_limits().spec();
        assert_eq!((spec.temporal, spec.detector), (Some("t".into()), DetectorChoice::BuiltIn));
        assert_eq!((spec.window, spec.detect_every, spec.live), (Some(300), None, true));
        assert_eq!(
            (spec.settings.unsure_below, spec.backend.adapter),
            (0.25, None),
            "the processor has none"
        );
        assert!(!spec.settings.flip, "an encoder reads one view");
        assert!(RecognizerChoice { temporal: None, ..choice.clone() }.spec().settings.flip);
        let odd = RecognizerChoice { backend: "abacus".into(), ..choice };
        assert_eq!(odd.within_limits().backend, "cpu");
    }

    #[test]
    fn files_are_analysed_as_the_command_does_and_remembered_by_whole_paths() {
        let choice = RecognizerChoice {
            model: Some("runs/a".into()),
            vote_window: Some(9),
            ..RecognizerChoice::default()
        };
        let spec = choice.for_files(true);
        assert_eq!((spec.window, spec.detect_every, spec.live), (None, Some(1), false));
        assert_eq!((spec.settings.vote_seconds, spec.settings.thumbnails), (None, None));
        assert!(choice.for_files(false).settings.thumbnails.is_some());
        let here = std::env::current_dir().unwrap();
        let builtin = RecognizerChoice { detector: Some("builtin".into()), ..choice.clone() }.anchored();
        assert_eq!((builtin.model, builtin.detector), (Some(here.join("runs/a")), Some("builtin".into())));
        let file = RecognizerChoice { detector: Some("yunet.onnx".into()), ..choice }.anchored();
        assert_eq!(file.detector, Some(here.join("yunet.onnx")));
    }

    #[test]
    fn an_error_is_one_line_that_names_the_file() {
        for choice in [
            RecognizerChoice { model: Some("/no/such/model".into()), ..RecognizerChoice::default() },
            RecognizerChoice { temporal: Some("/no/such/model".into()), ..RecognizerChoice::default() },
        ] {
            let problem = choice.open(Clock::default()).err().unwrap();
            assert!(problem.contains("/no/such/model") && !problem.contains('\n'), "{problem}");
        }
    }
}
