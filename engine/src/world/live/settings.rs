//! How frames are read.

use crate::media::track::TrackerSettings;
use crate::signal::{VoteKind, VoteSettings};

/// Default of [`LiveSettings::unsure_below`]: where the model that is built in is wrong nearly as often as right. Of FER+'s validation
/// set 87.7 % of its answers are at least this confident and 89.9 % of those right; of the others 53.0 %.
pub const UNSURE_BELOW: f32 = 0.6;

/// How frames are read.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveSettings {
    /// The detector looks at every N-th frame, from 1; between, faces are carried on by their motion.
    pub detect_every: u64,
    /// How faces are followed.
    pub tracker: TrackerSettings,
    /// Whether every track and vote ends at a hard cut, as edited films have them; a camera has none.
    pub cuts: bool,
    /// How labels are voted on. A causal vote answers at once; a centred one half a window later.
    pub vote: VoteSettings,
    /// Seconds of the frames that vote, the frame and those before it, whatever their rate: instead of `vote`'s window, and causal. Above
    /// 0 and at most 600.
    pub vote_seconds: Option<f64>,
    /// Confidence of the voted label below which a reading is unsure, 0 to 1; with 0 nothing ever is.
    pub unsure_below: f32,
    /// Whether the model sees each face's mirror image too and gives the mean of both answers: steadier, at twice the work. Not
    /// with a temporal encoder, which reads the features of one view.
    pub flip: bool,
    /// Most faces a pass of the network, from 1.
    pub batch: usize,
    /// Whether readings carry their frame.
    pub keep_frames: bool,
    /// Seconds between two thumbnails of a face and their side in pixels; `None` for no thumbnails.
    pub thumbnails: Option<(f64, usize)>,
}

impl Default for LiveSettings {
    /// Every frame is looked at, tracks end at cuts, a causal vote over 30 frames, 16 faces a pass, no pictures.
    fn default() -> Self {
        Self {
            detect_every: 1,
            tracker: TrackerSettings::default(),
            cuts: true,
            vote: VoteSettings { kind: VoteKind::Causal, ..VoteSettings::default() },
            vote_seconds: None,
            unsure_below: UNSURE_BELOW,
            flip: false,
            batch: 16,
            keep_frames: false,
            thumbnails: None,
        }
    }
}
