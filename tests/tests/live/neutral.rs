//! Resting faces.

use std::sync::Arc;

use affekt_engine::media::source::{Frame, FrameSource as _};
use affekt_engine::synth::SynthCamera;
use affekt_engine::world::Model;
use affekt_engine::world::live::{FrameReading, LiveSettings, NeutralState};

use crate::scene::{Encoder, model, read, recognizer, room};

/// The same network, one of whose classes is called neutral.
fn with_neutral(class: usize) -> Model {
    let mut model = model("crop");
    model.card.classes[class] = "Neutral".into();
    model
}

#[test]
fn a_resting_face_is_taken_off_that_persons_readings_and_nobody_elses() {
    let room = room();
    // Person 1 must be read as something else at first, or this test proves nothing.
    let plain = read(&mut recognizer(&with_neutral(0), &room, &LiveSettings::default(), None), &room, 30, 1);
    let first = plain[3].faces[0].frame_label;
    let neutral = (first + 1) % 4;
    let mut with = recognizer(&with_neutral(neutral), &room, &LiveSettings::default(), None);
    let mut camera = SynthCamera::new(Arc::clone(&room), 30, 25.0);
    let (mut readings, mut states) = (vec![], vec![]);
    while let Some(frame) = camera.next_frame().unwrap() {
        readings.extend(with.read(vec![frame]).unwrap());
        if readings.len() == 2 {
            with.calibrate_neutral(1, 0.4).unwrap();
        }
        states.push(with.neutral(1));
    }
    assert_eq!(states[0], NeutralState::Unknown);
    // Frames 2 to 12 are looked at: at 25 a second the eleventh is 0.4 s after the first.
    assert!(
        matches!(states[5], NeutralState::Gathering { part } if (0.2..0.4).contains(&part)),
        "{:?}",
        states[5]
    );
    assert!(
        matches!(states[11], NeutralState::Gathering { .. })
            && matches!(states[12], NeutralState::Known { .. })
    );
    assert_eq!(with.neutral(2), NeutralState::Unknown);
    let face = |readings: &[FrameReading], frame: usize, id: u32| {
        readings[frame].faces.iter().find(|f| f.face == id).cloned().unwrap()
    };
    let mut lead = (0.0, 0.0);
    for frame in 0..30 {
        assert_eq!(face(&readings, frame, 2), face(&plain, frame, 2), "the other person, frame {frame}");
        let (now, before) = (face(&readings, frame, 1), face(&plain, frame, 1));
        if frame <= 12 {
            assert_eq!(now, before, "frame {frame}");
            continue;
        }
        let sum: f32 = now.probabilities.iter().sum();
        assert!((sum - 1.0).abs() < 1e-5 && now.frame_label < 4);
        let of = |p: &[f32]| f64::from((p[neutral] / p[first]).ln());
        lead = (lead.0 + of(&now.probabilities) / 17.0, lead.1 + of(&before.probabilities) / 17.0);
    }
    assert!(lead.0 > 0.0 && lead.0 > lead.1 + 0.1, "neutral leads where it did not: {lead:?}");

    // Forgotten, it is as it was; and the person's end is its end.
    with.forget_neutral(1);
    assert_eq!(with.neutral(1), NeutralState::Unknown);
    with.calibrate_neutral(1, 5.0).unwrap();
    with.finish().unwrap();
    assert_eq!(with.neutral(1), NeutralState::Unknown);
    let gone = with.calibrate_neutral(1, 1.0).unwrap_err().to_string();
    assert!(gone.contains("face 1 is not in sight"), "{gone}");
}

#[test]
fn a_resting_face_is_taken_off_what_the_encoder_says_too() {
    let (room, model) = (room(), with_neutral(2));
    let temporal = Encoder::of(&model, false);
    let open = || temporal.open(&model);
    let plain = read(&mut recognizer(&model, &room, &LiveSettings::default(), Some(open())), &room, 60, 1);
    let mut with = recognizer(&model, &room, &LiveSettings::default(), Some(open()));
    let mut camera = SynthCamera::new(Arc::clone(&room), 60, 25.0);
    let mut readings = vec![];
    while let Some(frame) = camera.next_frame().unwrap() {
        let number = frame.index;
        readings.extend(with.read(vec![frame]).unwrap());
        if number == 0 {
            with.calibrate_neutral(1, 0.4).unwrap();
        }
    }
    readings.extend(with.finish().unwrap());
    let same = |frame: usize| {
        let of = |readings: &[FrameReading]| readings[frame].faces.iter().find(|f| f.face == 1).cloned();
        of(&readings).map(|f| (f.probabilities, f.temporal_label))
            == of(&plain).map(|f| (f.probabilities, f.temporal_label))
    };
    // The looking begins with the first answer, and by the frame's own time it ends 0.4 s later.
    assert!((0..=10).all(same), "not yet");
    assert!((11..25).any(|frame| !same(frame)), "then it is taken off");
}

#[test]
fn a_model_without_neutral_and_a_time_out_of_range_are_refused() {
    let room = room();
    let mut none = recognizer(&model("crop"), &room, &LiveSettings::default(), None);
    let frame = |index| Frame { index, seconds: 0.0, picture: room.picture(index) };
    none.push(frame(0)).unwrap();
    let error = none.calibrate_neutral(1, 3.0).unwrap_err().to_string();
    assert!(error.contains("no class of that name"), "{error}");
    let mut with = recognizer(&with_neutral(0), &room, &LiveSettings::default(), None);
    with.push(frame(0)).unwrap();
    for seconds in [0.0, -3.0, f64::NAN, 600.0] {
        assert!(with.calibrate_neutral(1, seconds).is_err(), "{seconds}");
    }
}
