//! The second stage: a recognizer reads what capture brings. Another one is opened in a thread beside it.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::Builder;
use std::time::Duration;

use affekt_engine::media::{Outlet, OverflowPolicy, Picture};
use affekt_engine::output::Port;
use affekt_engine::world::live::{FrameReading, NeutralState, StageTimes};
use affekt_engine::{FaceReading, Recognizer};
use crossbeam_channel::{Receiver, never, select};

use super::capture::{CaptureEvent, CapturedFrame};
use super::controls::Controls;
use super::event::Event;
use super::opening::{Made, Make, Opening};
use super::reading::{Seen, Shown, Smoothing, image};
use super::recording::Recording;
use super::time::Time;
use crate::recognize::RecognizerChoice;

/// How often the stage looks whether it is to stop while nothing comes.
const LOOK: Duration = Duration::from_millis(50);

/// What the window asks for.
pub(super) enum Order {
    Source {
        run: u64,
        how: OverflowPolicy,
        events_in: Receiver<CaptureEvent>,
    },
    NoSource,
    Recognizer(RecognizerChoice),
    /// To record to this video, or no more.
    Record(Option<PathBuf>),
    /// To tell other programs at this address, or no more.
    Serve(Option<String>),
    /// To look at a face at rest for so many seconds; without a time, to forget it.
    Neutral(u32, Option<f64>),
}

/// The stage.
pub(super) struct Inference {
    time: Time,
    controls: Arc<Controls>,
    orders: Receiver<Order>,
    show: Outlet<Shown>,
    tell: Outlet<Event>,
    times: Arc<Mutex<StageTimes>>,
    run: u64,
    how: OverflowPolicy,
    events_in: Receiver<CaptureEvent>,
    recognizer: Option<Recognizer>,
    /// Which recognizer is at work, counted from 1; 0 for none.
    reader: u64,
    readers: u64,
    opening: Opening,
    /// Numbers and capture times of frames whose readings are due.
    due: VecDeque<(u64, Duration)>,
    smoothing: Smoothing,
    recording: Option<Recording>,
    /// Bytes of the last frame's picture.
    bytes: usize,
    port: Option<Port>,
}

impl Inference {
    pub fn new(
        time: Time,
        controls: Arc<Controls>,
        make: Make,
        orders: Receiver<Order>,
        show: Outlet<Shown>,
        tell: Outlet<Event>,
        times: Arc<Mutex<StageTimes>>,
    ) -> Self {
        Self {
            opening: Opening::new(make, time.clock().clone()),
            time,
            controls,
            orders,
            show,
            tell,
            times,
            run: 0,
            how: OverflowPolicy::DropOldest,
            events_in: never(),
            recognizer: None,
            reader: 0,
            readers: 0,
            due: VecDeque::new(),
            smoothing: Smoothing::default(),
            recording: None,
            bytes: 0,
            port: None,
        }
    }

    /// Works until the pipeline stops.
    pub fn work(mut self) {
        while !self.controls.stopped() {
            let now = self.time.now();
            if self.recording.as_ref().is_some_and(|recording| recording.is_over(now)) {
                self.recording = None;
            }
            let opening = self.opening.made();
            // A film waits for its first recognizer; a camera is shown meanwhile.
            let waits =
                self.how == OverflowPolicy::Block && self.recognizer.is_none() && self.opening.under_way();
            let events_in = if waits { never() } else { self.events_in.clone() };
            select! {
                recv(self.orders) -> order => match order {
                    Ok(order) => self.handle_order(order),
                    Err(_) => return,
                },
                recv(opening) -> made => {
                    self.opening.came();
                    self.adopt(made.unwrap_or_else(|_| Err("the recognizer could not be opened".into())));
                }
                recv(events_in) -> events_in => match events_in {
                    Ok(events_in) => self.take(events_in),
                    Err(_) => self.events_in = never(),
                },
                default(LOOK) => {}
            }
        }
    }

    fn handle_order(&mut self, order: Order) {
        match order {
            Order::Source { run, how, events_in } => {
                self.restart();
                (self.run, self.how, self.events_in) = (run, how, events_in);
            }
            Order::NoSource => {
                self.restart();
                self.events_in = never();
            }
            Order::Recognizer(choice) => {
                self.opening.want(choice);
                self.open_next();
            }
            Order::Record(None) => {
                let now = self.time.now();
                if let Some(recording) = &mut self.recording {
                    recording.end(now);
                }
            }
            Order::Record(Some(video)) => self.record(video),
            Order::Serve(address) => self.serve(address),
            Order::Neutral(face, seconds) => self.look_at_rest(face, seconds),
        }
    }

    fn record(&mut self, video: PathBuf) {
        let Some(recognizer) = &self.recognizer else {
            let problem = Some("nothing is read yet; wait for the recognizer".into());
            self.say(Event::Recorded { video, frames: 0, dropped: 0, problem });
            return;
        };
        let classes = recognizer.classes().to_vec();
        let (tell, controls) = (self.tell.clone(), Arc::clone(&self.controls));
        // One that is ending lets go of the frames before the other takes them.
        self.recording = None;
        let begun = Recording::begin(video.clone(), classes, (self.run, self.bytes), tell, controls);
        match begun {
            Ok(recording) => self.recording = Some(recording),
            Err(error) => {
                let problem = Some(format!("no thread to record: {error}; close other programs"));
                self.say(Event::Recorded { video, frames: 0, dropped: 0, problem });
            }
        }
    }

    fn serve(&mut self, address: Option<String>) {
        if let Some(port) = self.port.take() {
            // Closing gives its clients a moment, which no frame should wait for. Without a thread, one does.
            let _ = Builder::new().name("farewell".into()).spawn(move || drop(port));
        }
        let Some(address) = address else { return };
        let opened = Port::open(&address).map_err(|e| e.to_string());
        let at = opened.as_ref().map(Port::address).map_err(Clone::clone);
        self.port = opened.ok();
        self.say(Event::Served(at));
    }

    fn look_at_rest(&mut self, face: u32, seconds: Option<f64>) {
        let Some(recognizer) = &mut self.recognizer else { return };
        match seconds {
            None => recognizer.forget_neutral(face),
            Some(seconds) => {
                if let Err(error) = recognizer.calibrate_neutral(face, seconds) {
                    self.say(Event::NotAtRest(error.to_string()));
                }
            }
        }
    }

    /// Forgets the faces of the source before. A recording ends with its source.
    fn restart(&mut self) {
        self.recording = None;
        if let Some(recognizer) = &mut self.recognizer
            && let Err(error) = recognizer.finish()
        {
            self.lose(error.to_string());
        }
        self.due.clear();
        self.smoothing.clear();
    }

    fn open_next(&mut self) {
        if let Err(problem) = self.opening.begin() {
            self.refuse(problem);
        }
    }

    fn adopt(&mut self, made: Made) {
        match made {
            // The window has changed its mind meanwhile; better this one than none until the other is open.
            Ok(_) if self.opening.has_next() && self.recognizer.is_some() => {}
            Ok((recognizer, about)) => {
                if self.recording.as_ref().is_some_and(|r| r.classes != about.classes) {
                    self.recording = None;
                }
                self.recognizer = Some(recognizer);
                self.readers += 1;
                self.reader = self.readers;
                self.due.clear();
                self.smoothing.clear();
                self.say(Event::Ready(about));
            }
            Err(problem) => self.refuse(problem),
        }
        self.open_next();
    }

    fn refuse(&mut self, problem: String) {
        self.say(Event::Refused { problem, goes_on: self.recognizer.is_some() });
    }

    /// The recognizer has failed and is of no more use.
    fn lose(&mut self, problem: String) {
        self.recognizer = None;
        self.reader = 0;
        self.due.clear();
        self.refuse(problem);
    }

    fn say(&self, event: Event) {
        self.tell.put(event, OverflowPolicy::Block);
        self.controls.wake();
    }

    fn take(&mut self, events_in: CaptureEvent) {
        match events_in {
            CaptureEvent::Frame(captured_frame) => {
                self.time.sleep(self.controls.slow.inference);
                self.read(captured_frame);
            }
            CaptureEvent::Ended => {
                self.rest();
                self.events_in = never();
                self.say(Event::Ended { run: self.run });
            }
            CaptureEvent::Failed(problem) => {
                self.rest();
                self.events_in = never();
                self.say(Event::Failed { run: self.run, problem });
            }
        }
    }

    fn read(&mut self, captured_frame: CapturedFrame) {
        let CapturedFrame { frame, captured, apart } = captured_frame;
        self.bytes = frame.picture.pixels.len();
        let Some(recognizer) = &mut self.recognizer else {
            let picture = Arc::new(frame.picture);
            self.give(frame.index, frame.seconds, captured, None, picture);
            return;
        };
        recognizer.take_pictures(apart);
        self.due.push_back((frame.index, captured));
        match recognizer.read(vec![frame]) {
            Ok(readings) => {
                *self.times.lock().unwrap_or_else(PoisonError::into_inner) = recognizer.times();
                self.present(readings);
            }
            Err(error) => self.lose(error.to_string()),
        }
    }

    /// Readings that are still due when the source has ended.
    fn rest(&mut self) {
        match self.recognizer.as_mut().map(Recognizer::finish) {
            Some(Ok(readings)) => self.present(readings),
            Some(Err(error)) => self.lose(error.to_string()),
            None => {}
        }
    }

    fn present(&mut self, readings: Vec<FrameReading>) {
        for reading in readings {
            let FrameReading { frame, seconds, cut, faces, latency, picture } = reading;
            let mut captured = None;
            while let Some((_, at)) = self.due.pop_front_if(|(due, _)| *due <= frame) {
                captured = Some(at);
            }
            let (Some(captured), Some(picture)) = (captured, picture) else { continue };
            let picture = Arc::new(picture);
            let reading = FrameReading { frame, seconds, cut, faces, latency, picture: None };
            if let (Some(port), Some(recognizer)) = (&self.port, &self.recognizer) {
                port.publish(&reading, recognizer.classes());
                self.controls.clients.store(port.counts().clients, Ordering::Relaxed);
            }
            if let Some(recording) = &mut self.recording {
                recording.push(reading.clone());
            }
            let smoothed = self.smoothing.take(frame, &reading.faces, self.controls.smoothing());
            let recognizer = self.recognizer.as_ref();
            let see = |(reading, smoothed): (FaceReading, Vec<f32>)| {
                let neutral = recognizer.map_or(NeutralState::Unknown, |r| r.neutral(reading.face));
                Seen { reading, smoothed, neutral }
            };
            let seen = reading.faces.into_iter().zip(smoothed).map(see).collect();
            self.give(frame, seconds, captured, Some(seen), picture);
        }
    }

    fn give(
        &self,
        frame: u64,
        seconds: f64,
        captured: Duration,
        faces: Option<Vec<Seen>>,
        picture: Arc<Picture>,
    ) {
        let image = Arc::new(image(&picture, self.controls.view()));
        let reader = if faces.is_some() { self.reader } else { 0 };
        let shown = Shown { run: self.run, reader, frame, seconds, captured, faces, picture, image };
        self.show.put(shown, self.how);
        self.controls.wake();
    }
}
