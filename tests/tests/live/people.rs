//! Who is who, and what is said of whom.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::learn::Answer;
use affekt_engine::media::align::Aligner;
use affekt_engine::media::source::Frame;
use affekt_engine::signal::{VoteKind, VoteSettings, vote};
use affekt_engine::synth::{Actor, Room, Style, SynthClipSettings, SynthClips};
use affekt_engine::world::live::LiveSettings;

use crate::scene::{model, read, recognizer, room};

#[test]
fn every_frame_is_read_once_and_people_keep_their_numbers_through_a_crossing() {
    let (room, model) = (room(), model("crop"));
    for detect_every in [1, 3] {
        let settings = LiveSettings { detect_every, ..LiveSettings::default() };
        let readings = read(&mut recognizer(&model, &room, &settings, None), &room, 130, 8);
        assert!(readings.iter().map(|r| r.frame).eq(0..130));
        assert!(readings.iter().all(|r| (r.seconds - r.frame as f64 / 25.0).abs() < 1e-9));
        let mut ids: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        for reading in readings.iter().filter(|r| r.frame % detect_every == 0) {
            let truth: Vec<_> = room.truth(reading.frame).into_iter().filter(|t| t.visible).collect();
            assert_eq!(reading.faces.len(), truth.len(), "frame {}", reading.frame);
            for face in &reading.faces {
                let near = |t: &&affekt_engine::synth::Truth| t.face_box.overlap(&face.face_box) > 0.99;
                ids.entry(truth.iter().find(near).unwrap().actor).or_default().insert(face.face);
            }
        }
        assert_eq!(
            ids,
            BTreeMap::from([(0, BTreeSet::from([1])), (1, BTreeSet::from([2]))]),
            "{detect_every}"
        );
        assert!(readings[30..50].iter().any(|r| r.faces.len() == 1), "the clip hides somebody");
        assert!(readings[129].faces.is_empty(), "a frame without a face is a reading too");
    }
}

#[test]
fn a_face_is_read_as_the_network_reads_its_crop() {
    let room = room();
    for template in ["crop", "arcface-112"] {
        let model = model(template);
        let readings = read(&mut recognizer(&model, &room, &LiveSettings::default(), None), &room, 6, 4);
        let mut network = model.inference(&CpuBackend::new().unwrap()).unwrap();
        let aligner = Aligner::new(&model.card.input, model.card.box_crop, model.card.crop);
        for face in readings.iter().flat_map(|r| &r.faces) {
            let mut input = vec![0.0; aligner.input_len()];
            let frame = room.picture(face.frame);
            aligner.align(&frame, &face.face_box, face.landmarks.as_ref(), &mut input).unwrap();
            let answer = Answer::of(&network.forward(&input, 1).unwrap(), model.card.temperature).unwrap();
            let off = answer.probabilities.iter().zip(&face.probabilities).map(|(a, b)| (a - b).abs());
            assert!(off.fold(0.0, f32::max) < 1e-4, "{answer:?} {face:?}");
            assert_eq!(face.frame_label, answer.class);
            assert_eq!(face.temporal_label, None);
            let sum: f32 = face.probabilities.iter().sum();
            assert!((sum - 1.0).abs() < 1e-4);
        }
    }
}

#[test]
fn how_many_frames_come_together_changes_nothing() {
    let (room, model) = (room(), model("crop"));
    let settings = LiveSettings { batch: 3, ..LiveSettings::default() };
    let mut one = read(&mut recognizer(&model, &room, &settings, None), &room, 40, 1);
    let mut many = read(&mut recognizer(&model, &room, &settings, None), &room, 40, 16);
    for reading in one.iter_mut().chain(&mut many) {
        reading.latency = Duration::ZERO;
    }
    assert_eq!(one, many);
}

#[test]
fn each_face_is_voted_on_by_itself() {
    let (room, model) = (room(), model("crop"));
    for kind in [VoteKind::Centred, VoteKind::Causal, VoteKind::Block] {
        let settings = LiveSettings { vote: VoteSettings { kind, window: 9 }, ..LiveSettings::default() };
        let readings = read(&mut recognizer(&model, &room, &settings, None), &room, 100, 8);
        for id in [1, 2] {
            // From the first to the last sight; a frame in which the face is hidden keeps its place.
            let (mut labels, mut rows, mut voted) = (vec![], vec![], vec![]);
            for reading in &readings {
                let face = reading.faces.iter().find(|f| f.face == id);
                labels.push(face.map(|f| f.frame_label));
                rows.extend(face.map_or(vec![0.0; 4], |f| f.probabilities.clone()));
                voted.push(face.map(|f| f.voted_label));
            }
            let wanted = vote(VoteSettings { kind, window: 9 }, &labels, &rows, 4).unwrap();
            assert_eq!(voted, wanted, "{kind:?}, person {id}");
            assert!(labels != voted, "the vote changes something, or this test proves nothing");
        }
    }
}

#[test]
fn another_video_begins_with_the_first_number() {
    let (room, model) = (room(), model("crop"));
    let mut recognizer = recognizer(&model, &room, &LiveSettings::default(), None);
    let mut first = read(&mut recognizer, &room, 20, 8);
    let mut second = read(&mut recognizer, &room, 20, 8);
    first.iter_mut().chain(&mut second).for_each(|r| r.latency = Duration::ZERO);
    assert_eq!(first, second);
}

#[test]
fn a_hard_cut_ends_every_track_and_nobody_is_carried_over() {
    let model = model("crop");
    let style = Style { size: 72, channels: 3, occlusion: 0.0, ..Style::default() };
    let settings =
        SynthClipSettings { clips: 2, frames: 60, style, missing: 0.0, ..SynthClipSettings::default() };
    // Each shot shows one person, standing at the same place.
    let shot = |clip| {
        let actor = Actor { clip, start: (180.0, 90.0), step: (0.0, 0.0) };
        Arc::new(Room::new(SynthClips::new(settings.clone()).unwrap(), vec![actor], (360, 180)))
    };
    let rooms = [shot(0), shot(1)];
    let frames = || {
        (0..40u64).map(|index| {
            let mut picture = rooms[usize::from(index >= 20)].picture(index % 20);
            if index >= 20 {
                // Another room: its colours are others. The first rows tell the detector which frame it is.
                picture.pixels.iter_mut().skip(24 * 360 * 3).for_each(|v| *v = 255 - *v / 2);
            }
            Frame { index, seconds: index as f64 / 25.0, picture }
        })
    };
    let numbers = |cuts: bool, apart: bool| {
        let settings = LiveSettings { cuts, ..LiveSettings::default() };
        let mut recognizer = recognizer(&model, &rooms[0], &settings, None);
        recognizer.take_pictures(apart);
        let mut of_frame: Vec<Vec<u32>> = vec![];
        for frame in frames() {
            for reading in recognizer.read(vec![frame]).unwrap() {
                of_frame.push(reading.faces.iter().map(|face| face.face).collect());
            }
        }
        of_frame
    };
    assert!(
        numbers(false, false).iter().all(|faces| faces == &[1]),
        "without cuts one person takes the other's place"
    );
    let with = numbers(true, false);
    assert!(
        with[..20].iter().all(|faces| faces == &[1]) && with[20..].iter().all(|faces| faces == &[2]),
        "{with:?}"
    );
    let apart = numbers(false, true);
    assert!((1..=40).map(|face| vec![face]).eq(apart.iter().cloned()), "pictures by themselves: {apart:?}");
}
