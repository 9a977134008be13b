//! What a face does over time: expressions that come and go, blinks, speech.

use super::balance::Balance;
use super::motion::{ClipAddress, envelope};
use super::{Actions, Class, Stream, SynthClipSettings};

/// Frames of the stretch in which at most one expression comes and goes.
const EVENT_CELL: usize = 140;
/// Frames of the stretch that has one blink.
const BLINK_CELL: usize = 90;
/// Frames of the stretch in which the person speaks once or not.
const SPEECH_CELL: usize = 110;
/// Frames of the stretch in which something comes before the face once or not, and how long it stays on average.
const COVER_CELL: usize = 240;
const COVER_MEAN: f32 = 75.0;

/// What a face shows in a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Shown {
    pub class: Class,
    /// 0 where nothing is shown, else up to the apex's intensity.
    pub intensity: f32,
    pub actions: Actions,
}

/// The expression of a frame, without blinks and speech.
fn expression(at: ClipAddress, frame: usize, settings: &SynthClipSettings, balance: &Balance) -> Shown {
    let style = &settings.style;
    let mut rng = at.rng(Stream::Event, (frame / EVENT_CELL) as u64);
    let class = balance.draw(&mut rng);
    let rest = Actions::sample(Class::Neutral, (1.0, 1.0), style.blend, &mut rng);
    let apex = Actions::sample(class, (1.0, 1.0), style.blend, &mut rng);
    let (onset, hold, offset) = (8 + rng.below(13), 20 + rng.below(71), 10 + rng.below(21));
    let strongest = rng.between(style.intensity.0, style.intensity.1);
    let length = onset + hold + offset;
    let since = (frame % EVENT_CELL).checked_sub(rng.below(EVENT_CELL - length + 1));
    let Some(since) = since.filter(|&since| since < length && class != Class::Neutral) else {
        return Shown { class: Class::Neutral, intensity: 0.0, actions: rest };
    };
    let intensity = strongest * envelope(since, length, onset, offset);
    Shown { class, intensity, actions: rest.plus(apex, intensity) }
}

/// What the face does in a frame, all together.
pub(super) fn shown(at: ClipAddress, frame: usize, settings: &SynthClipSettings, balance: &Balance) -> Shown {
    let mut shown = expression(at, frame, settings, balance);
    // Muscles are restless: two speeds, so that neighbouring frames differ and seconds do too.
    let twitch: [f32; Actions::NOISY] = at.drift(Stream::Twitch, frame, 7);
    let mut actions = shown.actions.noisy(&twitch, 0.10 * settings.motion);
    let speaks = |rng: &mut crate::random::Random| {
        if rng.chance(settings.speech) { 40 + rng.below(61) } else { 0 }
    };
    if let Some((since, length)) = at.stretch(Stream::Speech, frame, SPEECH_CELL, speaks) {
        // Four to five syllables a second; each moves jaw, lips and corners on its own.
        let voice = envelope(since, length, 6, 6);
        let [jaw, part, stretch, press] = at.drift(Stream::Viseme, frame, 3);
        actions.jaw += voice * 0.40 * (jaw + 0.3).max(0.0);
        actions.part += voice * 0.45 * (part + 0.4).max(0.0);
        actions.stretch += voice * 0.45 * stretch;
        actions.press = actions.press * (1.0 - 0.6 * voice) + voice * 0.5 * (press - 0.6).max(0.0);
        actions.corner *= 1.0 - 0.4 * voice;
    }
    if let Some((since, length)) = at.stretch(Stream::Blink, frame, BLINK_CELL, |rng| 3 + rng.below(6)) {
        let closed = (std::f32::consts::PI * (since as f32 + 0.5) / length as f32).sin();
        actions.shut = actions.shut.max((1.4 * closed).min(1.0));
    }
    shown.actions = actions.settled();
    shown
}

/// How far something has come before the face, 0 to 1; nothing where nothing does.
pub(super) fn cover(at: ClipAddress, frame: usize, share: f32) -> Option<f32> {
    let probability = (share * COVER_CELL as f32 / COVER_MEAN).min(1.0);
    let stays = |rng: &mut crate::random::Random| {
        if rng.chance(probability) { 30 + rng.below(2 * COVER_MEAN as usize - 59) } else { 0 }
    };
    let (since, length) = at.stretch(Stream::Cover, frame, COVER_CELL, stays)?;
    Some(envelope(since, length, 8, 8))
}
