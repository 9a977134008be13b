//! The live side: the pipeline, and what it has shown so far.

use std::net::SocketAddr;
use std::time::Duration;

use affekt_engine::media::source::SourceInfo;
use eframe::egui::{Context, TextureHandle, TextureOptions};

use super::rate::{Rate, Speed};
use crate::history::History;
use crate::pipeline::{About, Event, Latency, Pipeline, Play, Setup, Shown, Tally};
use crate::recognize::RecognizerChoice;
use crate::source::opener;
use affekt_engine::world::live::SourceSpec;

/// Where the source is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playing {
    /// It is being opened.
    Opening,
    /// It gives frames.
    On,
    /// It has no more frames.
    Ended,
    /// It could not be opened or read on.
    Failed(String),
}

/// The live side.
pub struct Live {
    /// The stages.
    pub pipeline: Pipeline,
    /// The source that plays.
    pub source: SourceSpec,
    /// Where it is.
    pub playing: Playing,
    /// What the source says of itself, once it is open.
    pub info: Option<SourceInfo>,
    /// When the film's last frame is shown, in seconds, where it is known.
    pub length: Option<f64>,
    /// What people should know about the source.
    pub note: Option<String>,
    /// Whether it stands still.
    pub paused: bool,
    /// The recognizer that is wanted.
    pub wanted: RecognizerChoice,
    /// The last one that could be opened.
    pub good: RecognizerChoice,
    /// What is at work; `None` before the first one is open.
    pub about: Option<About>,
    /// Whether one is being opened.
    pub opening: bool,
    /// Why the recognizer could not be opened or has failed.
    pub refused: Option<String>,
    /// Since when is recorded; `None` where it is not.
    pub recording: Option<Duration>,
    /// What came of the last recording, until somebody takes it: its line, and whether something went wrong.
    pub recorded: Option<(String, bool)>,
    /// Where other programs are told what is read, or why not.
    pub served: Option<Result<SocketAddr, String>>,
    /// Why a face could not be looked at at rest, until somebody takes it.
    pub not_at_rest: Option<String>,
    /// The last frame that came.
    pub last: Option<Shown>,
    /// The last seconds of every face.
    pub history: History,
    /// Latencies.
    pub latency: Latency,
    rate: Rate,
    speed: Speed,
    /// Where the film was asked to go, until a frame has come from there.
    sought: Option<f64>,
    /// Where somebody is dragging to.
    scrubbed: Option<f64>,
    texture: Option<TextureHandle>,
    /// Whether `last` has not been drawn yet.
    fresh: bool,
    /// When the present pass began.
    began: Duration,
}

impl Live {
    /// Starts the stages and asks for a recognizer; no source plays yet.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn start(setup: Setup, wanted: RecognizerChoice, smoothing: usize) -> std::io::Result<Self> {
        let mut pipeline = Pipeline::start(setup)?;
        pipeline.set_smoothing(smoothing);
        pipeline.recognize(wanted.clone());
        Ok(Self {
            pipeline,
            source: SourceSpec::Synth,
            playing: Playing::Ended,
            info: None,
            length: None,
            note: None,
            paused: false,
            wanted,
            good: RecognizerChoice::default(),
            about: None,
            opening: true,
            refused: None,
            recording: None,
            recorded: None,
            served: None,
            not_at_rest: None,
            last: None,
            history: History::default(),
            latency: Latency::default(),
            rate: Rate::default(),
            speed: Speed::default(),
            sought: None,
            scrubbed: None,
            texture: None,
            fresh: false,
            began: Duration::ZERO,
        })
    }

    /// Plays a source from its start; `note` is shown with it.
    pub fn play(&mut self, source: SourceSpec, note: Option<String>) {
        self.info = None;
        self.length = None;
        self.sought = None;
        self.note.clone_from(&note);
        self.source = source;
        self.set_paused(false);
        self.forget();
        self.open(note, 0.0);
    }

    /// Plays the film from another moment on. The picture before stays until there is one from there; where the film is paused, that
    /// one is shown and it goes on standing.
    pub fn seek(&mut self, seconds: f64) {
        let Some(length) = self.length else { return };
        let to = seconds.clamp(0.0, length);
        self.sought = Some(to);
        self.history.clear();
        self.latency.clear();
        self.rate = Rate::default();
        self.speed = Speed::default();
        self.open(self.note.clone(), to);
    }

    fn open(&mut self, note: Option<String>, from: f64) {
        let play = Play { how: self.source.overflow(), first: self.paused };
        self.playing = match self.pipeline.play(opener(&self.source, note, from), play) {
            Ok(_) => Playing::Opening,
            Err(error) => {
                Playing::Failed(format!("no thread to read the source: {error}; close other programs"))
            }
        };
    }

    /// Somebody drags to another moment, and has not let go yet; `None` where nobody does.
    pub fn scrub(&mut self, to: Option<f64>) {
        self.scrubbed = to;
    }

    /// Where the film is, in seconds: where it was asked to go, else the frame that is seen.
    pub fn position(&self) -> f64 {
        self.scrubbed.or(self.sought).or(self.last.as_ref().map(|shown| shown.seconds)).unwrap_or(0.0)
    }

    /// How fast the film plays, 1 for as fast as it should; `None` where that cannot be told, as of a camera.
    pub fn speed(&self) -> Option<f64> {
        let plays = self.playing == Playing::On && !self.paused && self.source.file().is_some();
        self.speed.now().filter(|_| plays)
    }

    /// The name of what plays.
    pub fn name(&self) -> String {
        match (&self.source, &self.info) {
            (SourceSpec::Auto, Some(info)) => info.name.clone(),
            (source, _) => source.name(),
        }
    }

    /// Plays the same source again from its start.
    pub fn again(&mut self) {
        self.play(self.source.clone(), None);
    }

    /// Ends the source, so that another part of the window has the machine for itself.
    pub fn end(&mut self) {
        self.pipeline.end();
        self.playing = Playing::Ended;
        self.forget();
    }

    fn forget(&mut self) {
        self.last = None;
        self.history.clear();
        self.latency.clear();
        self.rate = Rate::default();
        self.speed = Speed::default();
        self.fresh = false;
    }

    /// Pauses or goes on.
    pub fn set_paused(&mut self, paused: bool) {
        self.paused = paused;
        self.pipeline.pause(paused);
        self.rate = Rate::default();
        self.speed = Speed::default();
    }

    /// Asks for another recognizer, if it is another one.
    pub fn recognize(&mut self, wanted: &RecognizerChoice) {
        if *wanted != self.wanted || self.refused.is_some() {
            self.wanted = wanted.clone();
            self.opening = true;
            self.refused = None;
            self.pipeline.recognize(wanted.clone());
        }
    }

    /// Whether there is something to record.
    pub fn can_record(&self) -> bool {
        self.playing == Playing::On && self.last.as_ref().is_some_and(|shown| shown.faces.is_some())
    }

    /// Begins to record to a video and its table, or ends that.
    pub fn record(&mut self, video: impl FnOnce(u64) -> std::path::PathBuf) {
        if self.recording.take().is_some() {
            self.pipeline.end_recording();
        } else if let Some(shown) = self.last.as_ref().filter(|_| self.can_record()) {
            self.recording = Some(self.pipeline.now());
            self.pipeline.record(video(shown.frame));
        }
    }

    /// Tells other programs what is read, or no more.
    pub fn serve(&mut self, address: Option<String>) {
        self.served = None;
        self.pipeline.serve(address);
    }

    /// Looks at the faces in sight for so many seconds in which they are at rest.
    pub fn look_at_rest(&mut self, seconds: f64) {
        for card in self.cards().into_iter().filter(|card| card.neutral.is_some()) {
            self.pipeline.look_at_rest(card.person, Some(seconds));
        }
    }

    /// A pass of the window begins: takes what has come. `pass` is how long the last pass took.
    pub fn begin(&mut self, pass: Option<Duration>) {
        self.latency.drawn(pass.unwrap_or_default());
        self.began = self.pipeline.now();
        let (shown, events) = self.pipeline.poll();
        let run = self.pipeline.run();
        for shown in shown.into_iter().filter(|shown| shown.run == run) {
            if self.last.as_ref().is_some_and(|last| last.reader != shown.reader) {
                self.history.clear();
            }
            self.rate.push(self.began);
            self.speed.push(self.began, shown.seconds);
            self.sought = None;
            self.history.push(&shown);
            self.last = Some(shown);
            self.fresh = true;
        }
        for event in events {
            self.hear(event);
        }
    }

    fn hear(&mut self, event: Event) {
        let present = self.pipeline.run();
        match event {
            Event::Opened { run, info, length, note } if run == present => {
                self.playing = Playing::On;
                self.length = length.filter(|_| !info.still);
                self.info = Some(info);
                self.note = note;
            }
            Event::Ended { run } if run == present => self.playing = Playing::Ended,
            Event::Failed { run, problem } if run == present => self.playing = Playing::Failed(problem),
            Event::Ready(about) => {
                self.about = Some(about);
                self.opening = false;
                self.refused = None;
                self.good = self.wanted.clone();
                if self.playing == Playing::Ended && self.info.as_ref().is_some_and(|info| info.still) {
                    // A picture has no next frame that could show what changed.
                    self.again();
                }
            }
            Event::Refused { problem, goes_on } => {
                if !goes_on {
                    self.about = None;
                }
                self.opening = false;
                self.refused = Some(problem);
            }
            Event::Served(at) => self.served = Some(at),
            Event::NotAtRest(problem) => self.not_at_rest = Some(problem),
            Event::Recorded { video, frames, dropped, problem } => {
                self.recording = None;
                let lost = if dropped > 0 { format!(", {dropped} left out") } else { String::new() };
                let line = match &problem {
                    Some(problem) => format!("recording ended: {problem}"),
                    None => format!("recorded: {} ({frames} frames{lost}) and its .csv", video.display()),
                };
                self.recorded = Some((line, problem.is_some()));
            }
            // Of a source that was left meanwhile.
            Event::Opened { .. } | Event::Ended { .. } | Event::Failed { .. } => {}
        }
    }

    /// The last frame's texture and size; uploads it where it is new, and books that it is drawn.
    pub fn texture(&mut self, ctx: &Context) -> Option<(eframe::egui::TextureId, [usize; 2])> {
        let shown = self.last.as_ref()?;
        if self.fresh {
            self.fresh = false;
            let image = std::sync::Arc::clone(&shown.image);
            match &mut self.texture {
                Some(texture) => texture.set(image, TextureOptions::LINEAR),
                None => self.texture = Some(ctx.load_texture("camera", image, TextureOptions::LINEAR)),
            }
            if shown.faces.is_some() {
                self.latency.drawing(shown.captured, self.began);
            }
        }
        let size = [shown.picture.width, shown.picture.height];
        self.texture.as_ref().map(|texture| (texture.id(), size))
    }

    /// Frames a second that are shown just now.
    pub fn rate(&mut self) -> f64 {
        let now = self.pipeline.now();
        self.rate.per_second(now)
    }

    /// Writes the numbers of the present source to the log.
    pub fn log_numbers(&self) {
        let ms = |d: Option<Duration>| d.map_or(f64::NAN, |d| d.as_secs_f64() * 1e3);
        let Tally { captured, dropped, damaged } = self.tally();
        let stages = self.pipeline.times().unwrap_or_default();
        let stages: Vec<String> =
            stages.per_frame_ms().map(|(stage, ms)| format!("{stage} {ms:.1}")).collect();
        log::info!(
            "{captured} frames captured, {dropped} dropped, {damaged} damaged, {} drawn; latency of the last {}: median {:.1} ms, \
             last {:.1} ms; ms a frame: {}",
            self.latency.in_all(),
            self.latency.frames(),
            ms(self.latency.median()),
            ms(self.latency.last()),
            stages.join(", ")
        );
    }

    /// Numbers about the present source.
    pub fn tally(&self) -> Tally {
        self.pipeline.tally()
    }
}
