//! The `live` schedule on scenes whose truth is known: who is who, what is said, when it is said.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use affekt_engine::backend::Backend as _;
use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::learn::{Answer, TemporalEncoder};
use affekt_engine::media::align::Aligner;
use affekt_engine::media::detect::{DetectError, Detector};
use affekt_engine::media::source::{Frame, FrameSource as _};
use affekt_engine::media::{Detection, Picture};
use affekt_engine::net::{
    Architecture, BoxCrop, Depth, InputContract, ModelCard, ResNetSpec, Stem, Storage, TemporalSpec, Weights,
};
use affekt_engine::signal::{VoteKind, VoteSettings, vote};
use affekt_engine::synth::{Actor, Room, Style, SynthCamera, SynthClipSettings, SynthClips, TrueFaces};
use affekt_engine::world::live::{Clock, FrameReading, LiveSettings, LiveStage, NeutralState, Recognizer};
use affekt_engine::world::{Model, ModelNetwork, TemporalModel};

const CLASSES: [&str; 4] = ["a", "b", "c", "d"];

fn card(architecture: Architecture, template: &str, student: Option<String>) -> ModelCard {
    ModelCard {
        version: 1,
        architecture,
        classes: CLASSES.map(String::from).to_vec(),
        input: InputContract {
            size: 32,
            channels: 1,
            mean: vec![0.5],
            std: vec![0.25],
            template: template.into(),
        },
        crop: 0.9,
        box_crop: BoxCrop::default(),
        licence: String::new(),
        training: String::new(),
        temperature: 0.5,
        metrics: BTreeMap::new(),
        student,
        post: None,
    }
}

/// A network that was never trained: it says different things of different faces, which is all that is asked of it.
fn model(template: &str) -> Model {
    let (depth, stem) = (Depth::ResNet18, Stem::NoPool);
    let spec = ResNetSpec { depth, size: 32, channels: 1, classes: 4, width: 0.0625, stem };
    let graph = spec.graph().unwrap();
    let mut weights = Weights::initial(&graph, 5);
    let card = card(Architecture::Resnet(spec), template, None);
    // Without a bias of its own, so that every class is the most probable one for some faces.
    let aligner = Aligner::new(&card.input, card.box_crop, card.crop);
    let mut network = CpuBackend::new().unwrap().inference(&graph, &weights).unwrap();
    let (room, mut mean) = (room(), [0.0; 4]);
    for frame in 0..30 {
        let truth = room.truth(frame)[0];
        let mut input = vec![0.0; aligner.input_len()];
        aligner.align(&room.picture(frame), &truth.face_box, Some(&truth.landmarks), &mut input).unwrap();
        let logits = network.forward(&input, 1).unwrap();
        mean.iter_mut().zip(&logits).for_each(|(sum, logit)| *sum += logit / 30.0);
    }
    let bias = &mut weights.tensors.get_mut("fc.bias").unwrap().data;
    bias.iter_mut().zip(mean).for_each(|(bias, mean)| *bias -= mean);
    let network = ModelNetwork::Own { graph, weights };
    Model { path: PathBuf::from("never trained"), card, network, hash: "h".into() }
}

/// Two people who cross; in the last frames both have left.
fn room() -> Arc<Room> {
    let style = Style { size: 72, channels: 3, occlusion: 0.0, ..Style::default() };
    let settings =
        SynthClipSettings { clips: 2, frames: 300, style, missing: 0.0, ..SynthClipSettings::default() };
    let actors = vec![
        Actor { clip: 0, start: (60.0, 90.0), step: (3.0, 0.0) },
        Actor { clip: 1, start: (300.0, 94.0), step: (-3.0, 0.0) },
    ];
    Arc::new(Room::new(SynthClips::new(settings).unwrap(), actors, (360, 180)))
}

fn recognizer(
    model: &Model,
    room: &Arc<Room>,
    settings: &LiveSettings,
    encoder: Option<(TemporalEncoder, f32)>,
) -> Recognizer {
    let backend = CpuBackend::new().unwrap();
    let detector = Box::new(TrueFaces(Arc::clone(room)));
    Recognizer::new(model, encoder, detector, &backend, settings, Clock::default()).unwrap()
}

/// Reads so many frames, some at a time.
fn read(recognizer: &mut Recognizer, room: &Arc<Room>, frames: u64, together: usize) -> Vec<FrameReading> {
    let mut camera = SynthCamera::new(Arc::clone(room), frames, 25.0);
    let (mut all, mut batch) = (vec![], vec![]);
    while let Some(frame) = camera.next_frame().unwrap() {
        batch.push(frame);
        if batch.len() == together {
            all.extend(recognizer.read(std::mem::take(&mut batch)).unwrap());
        }
    }
    all.extend(recognizer.read(batch).unwrap());
    all.extend(recognizer.finish().unwrap());
    all
}

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
fn each_face_has_a_window_of_its_own_in_the_encoder() {
    let (room, model) = (room(), model("crop"));
    let head = model.head().unwrap();
    let spec = TemporalSpec {
        frames: 16,
        width: 16,
        layers: 1,
        heads: 2,
        feed_forward: 16,
        dropout: 0.0,
        residual: true,
        ..TemporalSpec::new(head.features(), 4)
    };
    let graph = spec.graph().unwrap();
    let weights = Weights::initial(&graph, 9);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("encoder.safetensors");
    let own = card(Architecture::Temporal(spec), "crop", Some("h".into()));
    weights.write(&path, Storage::F32, Some(&own)).unwrap();
    let backend = CpuBackend::new().unwrap();
    let encoder = TemporalModel::open(&path, &model).unwrap().encoder(&backend, 8).unwrap();
    let readings =
        read(&mut recognizer(&model, &room, &LiveSettings::default(), Some(encoder)), &room, 90, 8);
    assert!(readings.iter().map(|r| r.frame).eq(0..90), "nothing is left in the windows");

    let mut student = model.inference(&backend).unwrap();
    let aligner = Aligner::new(&model.card.input, model.card.box_crop, model.card.crop);
    for id in [1, 2] {
        let network = backend.inference(&graph, &weights).unwrap();
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
    let error = TemporalModel::open(&path, &stranger).err().unwrap().to_string();
    assert!(error.contains("features of another model"), "{error}");
}

/// Takes a fixed time by a clock of its own, and finds nothing.
struct Slow(Arc<AtomicU64>);

impl Detector for Slow {
    fn describe(&self) -> String {
        "slow".into()
    }

    fn detect(&self, _: &Picture) -> Result<Vec<Detection>, DetectError> {
        self.0.fetch_add(100, Ordering::SeqCst);
        Ok(vec![])
    }
}

#[test]
fn time_is_booked_to_the_stage_that_takes_it_and_latency_is_exact() {
    let now = Arc::new(AtomicU64::new(7));
    let clock = {
        let now = Arc::clone(&now);
        Clock::of(move || Duration::from_millis(now.load(Ordering::SeqCst)))
    };
    let model = model("crop");
    let backend = CpuBackend::new().unwrap();
    let detector = Box::new(Slow(Arc::clone(&now)));
    let settings = LiveSettings::default();
    let mut recognizer = Recognizer::new(&model, None, detector, &backend, &settings, clock).unwrap();
    let frame = |index| Frame { index, seconds: 0.0, picture: Picture::filled(40, 40, 3, 0) };
    let first = recognizer.read(vec![frame(0)]).unwrap();
    assert_eq!(first[0].latency, Duration::from_millis(100));
    now.fetch_add(1000, Ordering::SeqCst);
    let more = recognizer.read(vec![frame(1), frame(2)]).unwrap();
    assert!(more.iter().all(|r| r.latency == Duration::from_millis(200)), "idle time is nobody's: {more:?}");
    let times = recognizer.times();
    assert_eq!((times.frames, times.faces), (3, 0));
    for (stage, time) in LiveStage::ALL.iter().zip(times.stages) {
        let wanted = if *stage == LiveStage::Detect { 300 } else { 0 };
        assert_eq!(time, Duration::from_millis(wanted), "{stage:?}");
    }
}

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
    let head = model.head().unwrap();
    let spec = TemporalSpec {
        frames: 16,
        width: 16,
        layers: 1,
        heads: 2,
        feed_forward: 16,
        dropout: 0.0,
        residual: true,
        ..TemporalSpec::new(head.features(), 4)
    };
    let weights = Weights::initial(&spec.graph().unwrap(), 9);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("encoder.safetensors");
    let mut own = card(Architecture::Temporal(spec), "crop", Some("h".into()));
    own.classes.clone_from(&model.card.classes);
    weights.write(&path, Storage::F32, Some(&own)).unwrap();
    let backend = CpuBackend::new().unwrap();
    let open = || TemporalModel::open(&path, &model).unwrap().encoder(&backend, 8).unwrap();
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

#[test]
fn a_reading_is_unsure_below_the_confidence_that_is_asked_for() {
    let (room, model) = (room(), model("crop"));
    let readings = |unsure_below: f32| {
        let settings = LiveSettings { unsure_below, ..LiveSettings::default() };
        read(&mut recognizer(&model, &room, &settings, None), &room, 30, 8)
    };
    let (mut sure, mut unsure) = (0, 0);
    for face in readings(0.5).iter().flat_map(|r| &r.faces) {
        assert_eq!(face.unsure, face.confidence < 0.5);
        if face.unsure { unsure += 1 } else { sure += 1 }
    }
    assert!(sure + unsure > 50 && unsure > 0, "{sure} {unsure}");
    assert!(readings(0.0).iter().flat_map(|r| &r.faces).all(|f| !f.unsure));
    let settings = LiveSettings { unsure_below: 1.5, ..LiveSettings::default() };
    let backend = CpuBackend::new().unwrap();
    let detector = Box::new(TrueFaces(Arc::clone(&room)));
    let refused = Recognizer::new(&model, None, detector, &backend, &settings, Clock::default());
    assert!(refused.err().unwrap().to_string().contains("unsure_below"));
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
fn the_shipped_model_opens_by_one_call() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models/ferplus-64.safetensors");
    let mut recognizer = Recognizer::open(&path).unwrap();
    assert_eq!(recognizer.classes().len(), 8);
    let frame = Frame { index: 0, seconds: 0.0, picture: Picture::filled(320, 240, 3, 90) };
    assert_eq!(recognizer.push(frame).unwrap(), [], "an empty wall has no face");
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

#[test]
fn with_a_causal_encoder_every_frame_is_answered_at_once() {
    let (room, model) = (room(), model("crop"));
    let spec = TemporalSpec {
        frames: 16,
        width: 16,
        layers: 1,
        heads: 2,
        feed_forward: 16,
        dropout: 0.0,
        causal: true,
        ..TemporalSpec::new(model.head().unwrap().features(), 4)
    };
    let weights = Weights::initial(&spec.graph().unwrap(), 9);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("encoder.safetensors");
    weights
        .write(&path, Storage::F32, Some(&card(Architecture::Temporal(spec), "crop", Some("h".into()))))
        .unwrap();
    let backend = CpuBackend::new().unwrap();
    let encoder = TemporalModel::open(&path, &model).unwrap().encoder(&backend, 8).unwrap();
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

#[test]
fn frames_out_of_order_and_times_that_are_none_are_refused_and_the_video_goes_on() {
    let room = room();
    let mut read = recognizer(&model("crop"), &room, &LiveSettings::default(), None);
    let frame = |index, seconds| Frame { index, seconds, picture: room.picture(0) };
    read.push(frame(5, 0.2)).unwrap();
    for (index, seconds, named) in
        [(3, 0.3, "frame.index"), (5, 0.3, "frame.index"), (6, f64::NAN, "frame.seconds")]
    {
        let error = read.push(frame(index, seconds)).unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
    let error = read.read(vec![frame(6, 0.3), frame(6, 0.3)]).unwrap_err().to_string();
    assert!(error.contains("is 6, but the frame before it is 6"), "{error}");
    read.push(frame(6, 0.3)).unwrap();
    read.finish().unwrap();
    read.push(frame(0, 0.0)).unwrap();
}
