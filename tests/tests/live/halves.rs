//! Reading in two halves, before and after the student.

use std::sync::{Arc, Mutex};

use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::backend::{Backend, BackendError, BackendInfo, Inference, Training, ViewBatch};
use affekt_engine::media::source::FrameSource as _;
use affekt_engine::net::{Graph, Shape, Weights};
use affekt_engine::synth::{SynthCamera, TrueFaces};
use affekt_engine::world::live::{Clock, FrameReading, LiveSettings, Recognizer};

use crate::scene::{model, read, recognizer, room};

/// Gives answers that were handed over before; it computes none.
struct Elsewhere(Shape, Shape, Arc<Mutex<Vec<f32>>>);

impl Inference for Elsewhere {
    fn input(&self) -> Shape {
        self.0
    }

    fn output(&self) -> Shape {
        self.1
    }

    fn forward(&mut self, _: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        Ok(self.2.lock().unwrap().drain(..items * self.1.len()).collect())
    }

    fn forward_views(&mut self, _: &ViewBatch) -> Result<Vec<f32>, BackendError> {
        Err(BackendError::Order("not here"))
    }

    fn features(&mut self, _: &[f32], _: usize) -> Result<Vec<f32>, BackendError> {
        Err(BackendError::Order("not here"))
    }
}

struct ElsewhereBackend(Arc<Mutex<Vec<f32>>>);

impl BackendInfo for ElsewhereBackend {
    fn name(&self) -> &'static str {
        "elsewhere"
    }

    fn describe(&self) -> String {
        "elsewhere".into()
    }

    fn is_processor(&self) -> bool {
        false
    }
}

impl Backend for ElsewhereBackend {
    fn inference(&self, graph: &Graph, _: &Weights) -> Result<Box<dyn Inference>, BackendError> {
        Ok(Box::new(Elsewhere(graph.input(), graph.output(), Arc::clone(&self.0))))
    }

    fn training(&self, _: &Graph, _: &Weights) -> Result<Box<dyn Training>, BackendError> {
        Err(BackendError::Order("not here"))
    }
}

fn faces(readings: &[FrameReading]) -> Vec<String> {
    readings.iter().map(|reading| format!("{} {:?}", reading.frame, reading.faces)).collect()
}

#[test]
fn frames_that_are_read_in_two_halves_are_read_as_at_once() {
    let (room, model) = (room(), model("crop"));
    let settings = LiveSettings::default();
    let at_once = read(&mut recognizer(&model, &room, &settings, None), &room, 40, 1);

    let given = Arc::default();
    let backend = ElsewhereBackend(Arc::clone(&given));
    let detector = Box::new(TrueFaces(Arc::clone(&room)));
    let mut halves = Recognizer::new(&model, None, detector, &backend, &settings, Clock::default()).unwrap();
    let mut student = model.inference(&CpuBackend::new().unwrap()).unwrap();
    let mut camera = SynthCamera::new(Arc::clone(&room), 40, 25.0);
    let mut all = vec![];
    while let Some(frame) = camera.next_frame().unwrap() {
        let input = halves.begin(vec![frame]).unwrap();
        if !input.is_empty() {
            let logits = student.forward(input, input.len() / student.input().len()).unwrap();
            given.lock().unwrap().extend(logits);
        }
        all.extend(halves.complete().unwrap());
    }
    all.extend(halves.finish().unwrap());
    assert_eq!(faces(&all), faces(&at_once));
    assert_eq!(halves.times().frames, 40);
}

#[test]
fn while_frames_wait_nothing_else_is_read() {
    let (room, model) = (room(), model("crop"));
    let mut recognizer = recognizer(&model, &room, &LiveSettings::default(), None);
    let mut camera = SynthCamera::new(Arc::clone(&room), 3, 25.0);
    let mut next = || vec![camera.next_frame().unwrap().unwrap()];
    assert!(recognizer.complete().unwrap_err().to_string().contains("none were begun"));
    recognizer.begin(next()).unwrap();
    let waiting = next();
    for error in [
        recognizer.read(waiting.clone()).unwrap_err(),
        recognizer.begin(waiting.clone()).unwrap_err(),
        recognizer.finish().unwrap_err(),
    ] {
        assert!(error.to_string().contains("complete"), "{error}");
    }
    assert_eq!(recognizer.complete().unwrap().len(), 1);
    assert_eq!(recognizer.read(waiting).unwrap().len(), 1, "what was refused was not taken");
    assert_eq!(recognizer.finish().unwrap().len(), 0);
}
