#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use super::*;
use crate::data::Clips;

fn clips(change: impl FnOnce(&mut SynthClipSettings)) -> SynthClips {
    let mut settings = SynthClipSettings { seed: 5, clips: 4, frames: 2_000, ..SynthClipSettings::default() };
    change(&mut settings);
    SynthClips::new(settings).unwrap()
}

#[test]
fn a_frame_belongs_to_its_seed_clip_and_number_alone() {
    let (short, long) =
        (clips(|s| s.missing = 0.0), clips(|s| (s.frames, s.clips, s.missing) = (108_000, 40, 0.0)));
    for frame in [0, 7, 1_999] {
        assert_eq!(short.picture(3, frame).unwrap(), long.picture(3, frame).unwrap());
        assert_eq!(short.content_hash(3, frame).unwrap(), long.content_hash(3, frame).unwrap());
        assert_eq!(short.label(3, frame), long.label(3, frame));
        assert_ne!(long.picture(3, frame).unwrap(), long.picture(2, frame).unwrap());
        assert_ne!(long.picture(3, frame).unwrap(), long.picture(3, frame + 1).unwrap());
    }
    let other = clips(|s| (s.seed, s.missing) = (6, 0.0));
    assert_ne!(other.content_hash(3, 7).unwrap(), short.content_hash(3, 7).unwrap());
    long.picture(39, 107_999).unwrap();
}

/// Lengths of runs of equal values.
fn runs<T: PartialEq>(values: impl Iterator<Item = T>) -> Vec<(T, usize)> {
    let mut runs: Vec<(T, usize)> = vec![];
    for value in values {
        match runs.last_mut() {
            Some((last, length)) if *last == value => *length += 1,
            _ => runs.push((value, 1)),
        }
    }
    runs
}

#[test]
fn labels_are_the_expression_under_way_from_the_threshold_up() {
    let set = clips(|s| (s.ignored, s.frames) = (0.0, 5_000));
    let mut below = 0;
    for frame in 0..5_000 {
        let (class, intensity) = set.expression(1, frame);
        let label = Class::ALL[set.label(1, frame).unwrap()];
        assert_eq!(label, if intensity >= 0.3 { class } else { Class::Neutral });
        below += usize::from(intensity > 0.05 && intensity < 0.3);
    }
    assert!(below > 100, "{below} frames show an expression that is too faint for its label");
    let shown = runs((0..5_000).map(|frame| set.label(1, frame).unwrap()));
    // Onset, apex and offset above the threshold: at least the shortest apex, at most everything.
    for (label, length) in &shown[1..shown.len() - 1] {
        assert!(*label == 0 || (20..=140).contains(length), "{label} for {length} frames");
    }
    let kinds: std::collections::BTreeSet<usize> = shown.iter().map(|run| run.0).collect();
    assert!(kinds.len() >= 7, "{kinds:?}");
}

#[test]
fn expressions_rise_and_fall_without_jumps() {
    let set = clips(|s| s.frames = 5_000);
    for frame in 1..5_000 {
        let (before, now) = (set.expression(0, frame - 1).1, set.expression(0, frame).1);
        assert!((before - now).abs() < 0.3, "frame {frame}: {before} to {now}");
    }
}

#[test]
fn eyes_blink_for_three_to_eight_frames_every_few_seconds() {
    let set = clips(|s| (s.balance, s.frames) = ([1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0], 9_000));
    let shut = runs((0..9_000).map(|frame| set.cropped(2, frame).0.actions.shut > 0.0));
    let blinks: Vec<usize> = shut.iter().filter(|run| run.0).map(|run| run.1).collect();
    assert!((90..=100).contains(&blinks.len()), "{} blinks in 100 stretches", blinks.len());
    // Two stretches' blinks may touch.
    assert!(blinks.iter().all(|&length| (3..=16).contains(&length)), "{blinks:?}");
}

#[test]
fn speech_moves_the_mouth_and_leaves_the_label() {
    let (silent, talking) = (clips(|s| s.speech = 0.0), clips(|s| s.speech = 1.0));
    let mut moved = 0;
    for frame in 0..2_000 {
        assert_eq!(silent.label(0, frame), talking.label(0, frame));
        let jaw = |set: &SynthClips| set.cropped(0, frame).0.actions.jaw;
        moved += usize::from((jaw(&silent) - jaw(&talking)).abs() > 0.1);
    }
    assert!((300..1_500).contains(&moved), "{moved} of 2000 frames");
}

#[test]
fn missing_and_ignored_frames_come_in_runs_and_make_up_their_share() {
    for share in [0.03, 0.1, 0.3] {
        let set = clips(|s| (s.missing, s.ignored, s.frames) = (share, share, 20_000));
        let missing = (0..20_000).filter(|&frame| !set.has_face(0, frame)).count() as f32 / 20_000.0;
        let ignored = (0..20_000).filter(|&frame| set.label(0, frame).is_none()).count() as f32 / 20_000.0;
        for measured in [missing, ignored] {
            assert!((measured - share).abs() < 0.15 * share + 0.004, "{measured} instead of {share}");
        }
        let longest =
            runs((0..20_000).map(|f| set.has_face(0, f))).iter().filter(|r| !r.0).map(|r| r.1).max();
        assert!(longest > Some(1));
    }
    let set = clips(|s| s.missing = 0.1);
    let frame = (0..2_000).find(|&frame| !set.has_face(0, frame)).unwrap();
    let message = set.picture(0, frame).unwrap_err().to_string();
    assert!(message.contains(&format!("clip_0000, frame {frame}: no face")), "{message}");
    assert!(set.content_hash(0, frame).is_err());
    assert!(set.full_frame(0, frame, 64, 48).geometry.is_none());
    let whole = clips(|s| (s.missing, s.ignored) = (0.0, 0.0));
    assert!((0..2_000).all(|frame| whole.has_face(0, frame) && whole.label(0, frame).is_some()));
}

#[test]
fn clips_show_different_people_until_there_are_no_more() {
    let set = clips(|s| s.style.identities = 10..13);
    assert_eq!((0..4).map(|clip| set.person(clip)).collect::<Vec<_>>(), [10, 11, 12, 10]);
    assert_eq!(set.cropped(1, 0).0.identity, Identity::of(5, 11));
}

#[test]
fn the_crop_and_the_whole_picture_show_the_same_face() {
    let set = clips(|s| (s.jitter, s.style.camera, s.style.size) = (0.0, 0.0, 96));
    for frame in (0..600).step_by(97).filter(|&frame| set.has_face(0, frame)) {
        let whole = set.full_frame(0, frame, 640, 480);
        let geometry = whole.geometry.unwrap();
        let (face, view) = set.cropped(0, frame);
        let crop = face.geometry_in(&view);
        let factor = crop.face_box[2] / geometry.face_box[2];
        for (a, b) in crop.landmarks.iter().zip(geometry.landmarks) {
            let expected = [
                crop.face_box[0] + (b[0] - geometry.face_box[0]) * factor,
                crop.face_box[1] + (b[1] - geometry.face_box[1]) * factor,
            ];
            assert!((a[0] - expected[0]).hypot(a[1] - expected[1]) < 0.05, "{a:?} {expected:?}");
        }
        // All of the face lies in the crop, and little else.
        let [x, y, width, height] = crop.face_box;
        assert!(x > 0.0 && y > 0.0 && x + width < 96.0 && y + height < 96.0, "{:?}", crop.face_box);
        assert!(width.max(height) > 0.7 * 96.0);
    }
}

#[test]
fn the_crop_moves_a_little_from_frame_to_frame_as_a_detectors_does() {
    let steps = |jitter| {
        let set = clips(|s| (s.jitter, s.motion) = (jitter, 0.0));
        let x = |frame| set.cropped(0, frame).1.centre.0;
        (1..200).map(|frame| (x(frame) - x(frame - 1)).abs()).sum::<f32>() / 199.0
    };
    assert!(steps(0.0) < 0.05, "{}", steps(0.0));
    assert!((0.3..3.0).contains(&steps(0.02)), "{} pixels", steps(0.02));
}
