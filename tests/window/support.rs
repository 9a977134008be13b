//! Sources, detectors and clocks whose behaviour a test decides.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use affekt_engine::Recognizer;
use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::media::detect::{DetectError, Detector};
use affekt_engine::media::source::{Frame, FrameSource, Skipped, SourceError, SourceInfo};
use affekt_engine::media::{Detection, FaceBox, Picture};
use affekt_engine::world::Model;
use affekt_engine::world::live::OpenSource;
use affekt_engine::world::live::{Clock, LiveSettings};
use affekt_live::pipeline::{About, Event, Make, Open, Pipeline, Setup, Shown, Slow, Time};

/// Longest that a test waits for a thread before it calls it stuck.
const STUCK: Duration = Duration::from_mins(1);

/// So many frames, then an end or an error.
pub struct Film {
    info: SourceInfo,
    next: u64,
    frames: u64,
    rate: f64,
    breaks: bool,
}

impl Film {
    /// `frames` frames at `rate` a second; then it ends, or breaks.
    pub fn open(frames: u64, rate: f64, breaks: bool) -> Open {
        Self::of(frames, rate, breaks, false)
    }

    /// `pictures` pictures that have nothing to do with each other.
    pub fn photos(pictures: u64) -> Open {
        Self::of(pictures, 1000.0, false, true)
    }

    fn of(frames: u64, rate: f64, breaks: bool, still: bool) -> Open {
        let info = SourceInfo { name: "film".into(), frames: Some(frames), still, reader: "test".into() };
        let film = Self { info, next: 0, frames, rate, breaks };
        Box::new(move || {
            Ok(OpenSource { source: Box::new(film), keeps_time: false, detector: None, note: None })
        })
    }
}

impl FrameSource for Film {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.next == self.frames {
            let torn = SourceError::file(Path::new("film"), "torn; splice it");
            return if self.breaks { Err(torn) } else { Ok(None) };
        }
        let index = self.next;
        self.next += 1;
        let seconds = index as f64 / self.rate;
        Ok(Some(Frame { index, seconds, picture: Picture::filled(64, 48, 3, index as u8) }))
    }

    fn skipped(&self) -> Skipped {
        Skipped::default()
    }
}

/// Sees faces in fixed places, and takes so many milliseconds of a test's clock for it.
pub struct Fixed {
    pub boxes: Vec<FaceBox>,
    pub clock: Arc<AtomicU64>,
    pub takes: u64,
}

impl Detector for Fixed {
    fn describe(&self) -> String {
        "faces in fixed places".into()
    }

    fn detect(&self, _: &Picture) -> Result<Vec<Detection>, DetectError> {
        self.clock.fetch_add(self.takes, Ordering::SeqCst);
        let see = |face_box: &FaceBox| Detection { face_box: *face_box, landmarks: None, score: 0.9 };
        Ok(self.boxes.iter().map(see).collect())
    }
}

/// Two faces side by side in a picture of 64 x 48.
pub fn two() -> Vec<FaceBox> {
    vec![FaceBox { x: 4.0, y: 10.0, w: 20.0, h: 24.0 }, FaceBox { x: 36.0, y: 10.0, w: 20.0, h: 24.0 }]
}

/// Opens the shipped model with a detector of fixed places.
pub fn make(boxes: Vec<FaceBox>, millis: &Arc<AtomicU64>, takes: u64) -> Make {
    let millis = Arc::clone(millis);
    Arc::new(move |_, clock: Clock| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../assets/models/ferplus-64.safetensors");
        let model = Model::load(&path).map_err(|e| e.to_string())?;
        let detector = Box::new(Fixed { boxes: boxes.clone(), clock: Arc::clone(&millis), takes });
        let settings = LiveSettings { keep_frames: true, ..LiveSettings::default() };
        let backend = CpuBackend::new().map_err(|e| e.to_string())?;
        let recognizer = Recognizer::new(&model, None, detector, &backend, &settings, clock).unwrap();
        let about = About {
            classes: recognizer.classes().to_vec(),
            model: "shipped model".into(),
            detector: recognizer.detector().into(),
            backend: "cpu".into(),
            ..About::default()
        };
        Ok((recognizer, about))
    })
}

/// A clock that stands still unless it is moved.
pub fn clock(millis: &Arc<AtomicU64>) -> Clock {
    let millis = Arc::clone(millis);
    Clock::of(move || Duration::from_millis(millis.load(Ordering::SeqCst)))
}

/// The machine's time.
pub fn setup(make: Make, slow: Slow) -> Setup {
    Setup { time: Time::default(), slow, make, wake: Box::new(|| {}) }
}

/// A gate that a stage can be stopped at.
#[derive(Default)]
pub struct Gate {
    /// Whether it is open, and how many have come to it.
    state: Mutex<(bool, u32)>,
    changed: Condvar,
}

impl Gate {
    /// Waits until the gate is open.
    pub fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        self.changed.notify_all();
        let (_state, wait) = self.changed.wait_timeout_while(state, STUCK, |(open, _)| !*open).unwrap();
        assert!(!wait.timed_out(), "nobody opened the gate");
    }

    /// Opens it.
    pub fn open(&self) {
        self.state.lock().unwrap().0 = true;
        self.changed.notify_all();
    }

    /// Waits until so many have come to it.
    pub fn await_arrivals(&self, wanted: u32) {
        let state = self.state.lock().unwrap();
        let (_state, wait) =
            self.changed.wait_timeout_while(state, STUCK, |(_, came)| *came < wanted).unwrap();
        assert!(!wait.timed_out(), "nobody came to the gate");
    }

    /// How many have come to it.
    pub fn arrivals(&self) -> u32 {
        self.state.lock().unwrap().1
    }
}

/// Looks again and again until something is there.
pub fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < STUCK, "{what} does not come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Waits for the recognizer.
pub fn ready(pipeline: &mut Pipeline) {
    wait_for("the recognizer", || {
        pipeline.poll().1.iter().any(|e| matches!(e, Event::Ready(_))).then_some(())
    });
}

/// Everything that is shown up to the end of the source, and how it ended: `None` where it just did.
pub fn to_the_end(pipeline: &mut Pipeline) -> (Vec<Shown>, Option<String>) {
    let mut all = vec![];
    let mut end = None;
    wait_for("the end", || {
        // The end is told after the last frame was handed over, so one more look finds all of them.
        let over = end.is_some();
        let (shown, events) = pipeline.poll();
        all.extend(shown);
        for event in events {
            match event {
                Event::Ended { .. } => end = Some(None),
                Event::Failed { problem, .. } => end = Some(Some(problem)),
                _ => {}
            }
        }
        over.then_some(())
    });
    (all, end.unwrap())
}
