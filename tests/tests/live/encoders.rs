//! Each person's window of the encoder.

use std::sync::Arc;

use affekt_engine::backend::Backend as _;
use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::learn::{Answer, TemporalEncoder};
use affekt_engine::media::align::Aligner;
use affekt_engine::media::source::FrameSource as _;
use affekt_engine::synth::SynthCamera;
use affekt_engine::world::live::LiveSettings;
use affekt_engine::world::{Model, TemporalModel};

use crate::scene::{Encoder, model, read, recognizer, room};

#[test]
fn each_face_has_a_window_of_its_own_in_the_encoder() {
    let (room, model) = (room(), model("crop"));
    let (head, temporal) = (model.head().unwrap(), Encoder::of(&model, false));
    let backend = CpuBackend::new().unwrap();
    let with = Some(temporal.open(&model));
    let readings = read(&mut recognizer(&model, &room, &LiveSettings::default(), with), &room, 90, 8);
    assert!(readings.iter().map(|r| r.frame).eq(0..90), "nothing is left in the windows");

    let graph = temporal.spec.graph().unwrap();
    let mut student = model.inference(&backend).unwrap();
    let aligner = Aligner::new(&model.card.input, model.card.box_crop, model.card.crop);
    for id in [1, 2] {
        let network = backend.inference(&graph, &temporal.weights).unwrap();
        let mut encoder = TemporalEncoder::new(network, 8, false).unwrap().with_residual(head.clone());
        let mut window = encoder.window().unwrap();
        let mut logits = vec![];
        for reading in &readings {
            let face = reading.faces.iter().find(|f| f.face == id);
            let features = face.map(|face| {
                let mut input = vec![0.0; aligner.input_len()];
                aligner
                    .align(&room.picture(face.frame), &face.face_box, face.landmarks.as_ref(), &mut input)
                    .unwrap();
                student.features(&input, 1).unwrap()
            });
            logits.extend(encoder.push(&mut window, &[features.as_deref()]).unwrap());
        }
        logits.extend(encoder.finish(window).unwrap());
        for (reading, logits) in readings.iter().zip(&logits) {
            let Some(face) = reading.faces.iter().find(|f| f.face == id) else { continue };
            let answer = Answer::of(logits, 0.5).unwrap();
            assert_eq!(face.temporal_label, Some(answer.class), "frame {}", reading.frame);
            let off = answer.probabilities.iter().zip(&face.probabilities).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f32::max) < 1e-3, "frame {}", reading.frame);
        }
    }
    let stranger = Model { hash: "another".into(), ..model };
    let error = TemporalModel::open(&temporal.path(), &stranger).err().unwrap().to_string();
    assert!(error.contains("features of another model"), "{error}");
}

#[test]
fn with_a_causal_encoder_every_frame_is_answered_at_once() {
    let (room, model) = (room(), model("crop"));
    let encoder = Encoder::of(&model, true).open(&model);
    let mut recognizer = recognizer(&model, &room, &LiveSettings::default(), Some(encoder));
    let mut camera = SynthCamera::new(Arc::clone(&room), 40, 25.0);
    while let Some(frame) = camera.next_frame().unwrap() {
        let number = frame.index;
        let readings = recognizer.read(vec![frame]).unwrap();
        assert!(
            readings.iter().map(|r| r.frame).eq([number]),
            "frame {number} is answered with frame {number}"
        );
        assert!(readings[0].faces.iter().all(|face| face.temporal_label.is_some()));
    }
    assert!(recognizer.finish().unwrap().is_empty());
}
