//! Reads faces in pictures by themselves, or in what a camera shows: looks for them first, then says what they express.

use std::error::Error;
use std::sync::PoisonError;
use std::time::Duration;

use affekt_engine::media::detect::BuiltIn;
use affekt_engine::media::source::Frame;
use affekt_engine::media::{Picture, PixelFormat};
use affekt_engine::output::FrameLine;
use affekt_engine::world::Model;
use affekt_engine::world::live::{Clock, LiveSettings, Recognizer};

use crate::given::{Given, GivenBackend};

/// A model and a detector at work.
pub struct Reader {
    recognizer: Recognizer,
    /// Answers of the page's GPU about the faces at hand.
    given: Given,
    frames: u64,
    /// Whether a picture was looked at and not read yet, and stands by itself.
    alone: Option<bool>,
}

impl Reader {
    /// With the built-in detector.
    ///
    /// # Errors
    /// The model is no network over pictures.
    pub fn new(model: &Model) -> Result<Self, Box<dyn Error>> {
        let given = Given::default();
        let backend = GivenBackend::new(&given)?;
        // Nothing here looks at how long a stage takes: the page measures whole frames.
        let clock = Clock::of(|| Duration::ZERO);
        let settings = LiveSettings { cuts: false, ..LiveSettings::default() };
        let detector = Box::new(BuiltIn::new()?);
        let recognizer = Recognizer::new(model, None, detector, &backend, &settings, clock)?;
        Ok(Self { recognizer, given, frames: 0, alone: None })
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        self.recognizer.classes()
    }

    /// Looks for the faces of a picture, `width x height` pixels of red, green, blue and opacity: their input, one face's after the
    /// other's. Below 0 seconds the picture stands by itself; else a camera showed it at that time from its beginning: who was there
    /// before keeps the number, and labels are voted on over the last 30 frames.
    ///
    /// # Errors
    /// The pixels are no picture of that size.
    pub fn look(
        &mut self,
        width: usize,
        height: usize,
        pixels: &[u8],
        seconds: f64,
    ) -> Result<&[f32], Box<dyn Error>> {
        let alone = seconds < 0.0;
        if self.alone.take().is_some() {
            self.recognizer.complete()?;
        }
        if alone {
            self.restart()?;
        }
        let picture = Picture::new(width, height, PixelFormat::Rgba, 4 * width, pixels)?;
        let frame = Frame { index: self.frames, seconds: seconds.max(0.0), picture };
        self.frames += 1;
        let input = self.recognizer.begin(vec![frame])?;
        self.alone = Some(alone);
        Ok(input)
    }

    /// What the faces of the picture that was looked at express, by these logits or, where there are none, by the processor.
    ///
    /// # Errors
    /// No picture was looked at.
    pub fn read(&mut self, logits: &[f32]) -> Result<FrameLine, Box<dyn Error>> {
        let alone = self.alone.take().ok_or("no picture was looked at")?;
        self.give(logits);
        let readings = self.recognizer.complete();
        self.give(&[]);
        let reading = readings?.pop().ok_or("the frame was not read")?;
        let line = FrameLine::new(&reading, self.recognizer.classes());
        if alone {
            self.restart()?;
        }
        Ok(line)
    }

    fn give(&self, logits: &[f32]) {
        logits.clone_into(&mut self.given.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The faces of a picture by itself, by the processor.
    ///
    /// # Errors
    /// The pixels are no picture of that size.
    pub fn picture(
        &mut self,
        width: usize,
        height: usize,
        pixels: &[u8],
    ) -> Result<FrameLine, Box<dyn Error>> {
        self.look(width, height, pixels, -1.0)?;
        self.read(&[])
    }

    /// Forgets everybody.
    ///
    /// # Errors
    /// The recognizer failed before.
    pub fn restart(&mut self) -> Result<(), Box<dyn Error>> {
        if self.alone.take().is_some() {
            self.recognizer.complete()?;
        }
        self.frames = 0;
        self.recognizer.finish()?;
        Ok(())
    }
}
