//! Generated clips as a format of clips.

use std::sync::Arc;

use super::clip::SynthClips;
use super::clip_settings::SynthClipSettings;
use super::spec_options::{balance, count, set, style};
use crate::data::{ClipFormat, ClipFormats, DataError, Spec};

/// Name of the format of generated clips.
pub const SYNTH_CLIPS: &str = "synth-clips";

/// Options of `synth-clips` SPECs.
pub const SYNTH_CLIP_OPTIONS: &[&str] = &[
    "seed",
    "size",
    "channels",
    "identities",
    "people",
    "intensity",
    "blend",
    "variation",
    "camera",
    "occlusion",
    "balance",
    "frames",
    "threshold",
    "speech",
    "motion",
    "missing",
    "ignored",
    "jitter",
];

/// Every form of clips there is.
pub fn clip_formats() -> ClipFormats {
    ClipFormats::files().with(synth_clip_format())
}

pub(super) fn synth_clip_format() -> ClipFormat {
    let about = "generated clips: synth-clips:COUNT?seed=1&frames=900, where another seed gives other people";
    ClipFormat::new(SYNTH_CLIPS, about, SYNTH_CLIP_OPTIONS, |spec, _| Ok(Arc::new(synth_clips(spec)?)))
}

/// Clips that `synth-clips:COUNT[?KEY=VALUE&...]` names, with the keys of [`SYNTH_CLIP_OPTIONS`].
///
/// # Errors
/// The SPEC has a split, no count, or a value that is no number or out of its range.
pub fn synth_clips(spec: &Spec) -> Result<SynthClips, DataError> {
    let mut settings = SynthClipSettings {
        name: spec.to_string(),
        clips: count(spec, 100_000, "synth-clips:20")?,
        labelled: !spec.unlabelled,
        ..SynthClipSettings::default()
    };
    set(spec, "seed", &mut settings.seed)?;
    set(spec, "frames", &mut settings.frames)?;
    set(spec, "threshold", &mut settings.threshold)?;
    set(spec, "speech", &mut settings.speech)?;
    set(spec, "motion", &mut settings.motion)?;
    set(spec, "missing", &mut settings.missing)?;
    set(spec, "ignored", &mut settings.ignored)?;
    set(spec, "jitter", &mut settings.jitter)?;
    style(spec, &mut settings.style)?;
    balance(spec, &mut settings.balance)?;
    SynthClips::new(settings)
}

#[cfg(test)]
mod tests {
    use super::super::spec_options::SYNTH_OPTIONS;
    use super::*;
    use crate::data::{Clips, SkipLog};

    fn open(text: &str) -> Result<Arc<dyn Clips>, DataError> {
        clip_formats().open(&text.parse()?, &SkipLog::new(true))
    }

    #[test]
    fn a_spec_says_how_many_clips_of_what_length_and_whose() {
        let clips = open("synth-clips:3?frames=40&size=32&identities=5..9&missing=0").expect("a good SPEC");
        assert_eq!((clips.len(), clips.frames(2), clips.classes().len()), (3, 40, 8));
        let picture = clips.picture(2, 39).expect("drawn");
        assert_eq!((picture.width, picture.channels), (32, 1));
        let unlabelled = open("synth-clips:3?unlabelled=true").expect("a good SPEC");
        assert!(unlabelled.classes().is_empty() && unlabelled.label(0, 0).is_none());
    }

    #[test]
    fn what_is_wrong_with_a_spec_is_said() {
        let refusal = |text: &str| open(text).err().expect("a bad SPEC").to_string();
        assert!(refusal("synth-clips:many").contains("synth-clips:COUNT"));
        assert!(refusal("synth-clips:3?frames=none").contains("frames takes a number"));
        assert!(refusal("synth-clips:3?frames=0").contains("frames = 0"));
        assert!(refusal("synth-clips:3?threshold=0.9").contains("least intensity"));
        assert!(refusal("synth-clips:3?missing=0.5").contains("missing"));
        assert!(refusal("synth-clips:3#Train").contains("another seed"));
    }

    #[test]
    fn every_option_of_faces_is_one_of_clips() {
        assert!(SYNTH_OPTIONS.iter().all(|key| SYNTH_CLIP_OPTIONS.contains(key)));
    }
}
