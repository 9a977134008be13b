//! Frames in their order, their times, what is sure, and a recognizer by one call.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::media::detect::{DetectError, Detector};
use affekt_engine::media::source::Frame;
use affekt_engine::media::{Detection, Picture};
use affekt_engine::synth::TrueFaces;
use affekt_engine::world::live::{Clock, LiveSettings, LiveStage, Recognizer};

use crate::scene::{model, read, recognizer, room};

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
fn the_shipped_model_opens_by_one_call() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../assets/models/ferplus-64.safetensors");
    let mut recognizer = Recognizer::open(&path).unwrap();
    assert_eq!(recognizer.classes().len(), 8);
    let frame = Frame { index: 0, seconds: 0.0, picture: Picture::filled(320, 240, 3, 90) };
    assert_eq!(recognizer.push(frame).unwrap(), [], "an empty wall has no face");
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
