//! What clips show: the knobs of time.

use super::Style;

/// Which clips a [`super::SynthClips`] holds.
#[derive(Debug, Clone, PartialEq)]
pub struct SynthClipSettings {
    /// How messages call the set.
    pub name: String,
    /// Everything follows from it.
    pub seed: u64,
    /// Number of clips.
    pub clips: usize,
    /// Frames of each clip, at [`SynthClipSettings::FRAMES_PER_SECOND`].
    pub frames: usize,
    /// Size and channels of the cropped faces, and how they are drawn. Clip `c` shows person
    /// `identities.start + c`, and begins again at the first person after the last.
    pub style: Style,
    /// Relative frequency of the expressions that clips show, in the order of [`super::Class::ALL`]; the share of
    /// Neutral is that of moments in which nothing is shown. Frames between expressions are neutral besides.
    pub balance: [f32; 8],
    /// Intensity from which a frame is labelled with the expression it shows, see [`super::SynthClips`].
    pub threshold: f32,
    /// Probability that the person speaks in a stretch of about four seconds.
    pub speech: f32,
    /// Strength of head motion, light drift and restless muscles; 1 is a lively speaker.
    pub motion: f32,
    /// Share of frames in which no face is found, 0 to 0.4; they come in runs.
    pub missing: f32,
    /// Share of frames without a label, 0 to 0.4; they come in runs.
    pub ignored: f32,
    /// How far the crop is off the face box from frame to frame: standard deviation as a part of the box's side.
    pub jitter: f32,
    /// Whether labels are told.
    pub labelled: bool,
}

impl SynthClipSettings {
    /// Frames per second of all clips.
    pub const FRAMES_PER_SECOND: u32 = 30;

    /// Whether every knob is in its range; the error names the one that is not.
    pub(super) fn check(&self) -> Result<(), String> {
        self.style.check()?;
        if !(1..=100_000).contains(&self.clips) {
            return Err(format!("clips = {} is outside 1..=100000", self.clips));
        }
        if !(1..=10_000_000).contains(&self.frames) {
            return Err(format!("frames = {} is outside 1..=10000000", self.frames));
        }
        let least = self.style.intensity.0;
        if !(self.threshold > 0.0 && self.threshold <= least) {
            return Err(format!(
                "threshold = {} is outside 0..={least}, the least intensity: an expression below it has no frame",
                self.threshold
            ));
        }
        for (name, value, limit) in [
            ("speech", self.speech, 1.0),
            ("motion", self.motion, 2.0),
            ("missing", self.missing, 0.4),
            ("ignored", self.ignored, 0.4),
            ("jitter", self.jitter, 0.2),
        ] {
            if !(0.0..=limit).contains(&value) {
                return Err(format!("{name} = {value} is outside 0..={limit}"));
            }
        }
        Ok(())
    }

    /// Feeds all that decides a frame to a hash: everything but the name, the counts and whether labels are told.
    pub(super) fn hash(&self, hasher: &mut blake3::Hasher) {
        hasher.update(&self.seed.to_le_bytes());
        self.style.hash(hasher);
        let knobs = [self.threshold, self.speech, self.motion, self.missing, self.ignored, self.jitter];
        for number in self.balance.iter().chain(&knobs) {
            hasher.update(&number.to_le_bytes());
        }
    }
}

impl Default for SynthClipSettings {
    fn default() -> Self {
        Self {
            name: "synth-clips".to_owned(),
            seed: 0,
            clips: 16,
            frames: 900,
            style: Style::default(),
            balance: [1.0; 8],
            threshold: 0.3,
            speech: 0.5,
            motion: 1.0,
            missing: 0.03,
            ignored: 0.03,
            jitter: 0.02,
            labelled: true,
        }
    }
}
