//! Reads faces in pictures by themselves, or in what a camera shows.

use std::error::Error;
use std::time::Duration;

use affekt_engine::backend::{self, BackendSpec};
use affekt_engine::media::detect::BuiltIn;
use affekt_engine::media::source::Frame;
use affekt_engine::media::{Picture, PixelFormat};
use affekt_engine::output::FrameLine;
use affekt_engine::world::Model;
use affekt_engine::world::live::{Clock, LiveSettings, Recognizer};

/// A model and a detector at work.
pub struct Reader {
    recognizer: Recognizer,
    frames: u64,
}

impl Reader {
    /// With the built-in detector.
    ///
    /// # Errors
    /// The model is no network over pictures.
    pub fn new(model: &Model) -> Result<Self, Box<dyn Error>> {
        let backend = backend::open(&BackendSpec { reading: true, ..BackendSpec::default() })?;
        // Nothing here looks at how long a stage takes: the page measures whole frames.
        let clock = Clock::of(|| Duration::ZERO);
        let settings = LiveSettings { cuts: false, ..LiveSettings::default() };
        let detector = Box::new(BuiltIn::new()?);
        Ok(Self {
            recognizer: Recognizer::new(model, None, detector, &*backend, &settings, clock)?,
            frames: 0,
        })
    }

    /// Names of the classes.
    pub fn classes(&self) -> &[String] {
        self.recognizer.classes()
    }

    /// The faces of a picture by itself: `width x height` pixels of red, green, blue and opacity.
    ///
    /// # Errors
    /// The pixels are no picture of that size.
    pub fn picture(
        &mut self,
        width: usize,
        height: usize,
        pixels: &[u8],
    ) -> Result<FrameLine, Box<dyn Error>> {
        self.restart()?;
        let line = self.frame(width, height, pixels, 0.0)?;
        self.restart()?;
        Ok(line)
    }

    /// The faces of what a camera shows at `seconds` from its beginning: who was there before keeps the number, and labels are
    /// voted on over the last 30 frames.
    ///
    /// # Errors
    /// The pixels are no picture of that size.
    pub fn frame(
        &mut self,
        width: usize,
        height: usize,
        pixels: &[u8],
        seconds: f64,
    ) -> Result<FrameLine, Box<dyn Error>> {
        let picture = Picture::new(width, height, PixelFormat::Rgba, 4 * width, pixels)?;
        let frame = Frame { index: self.frames, seconds, picture };
        self.frames += 1;
        let reading = self.recognizer.read(vec![frame])?.pop().ok_or("the frame was not read")?;
        Ok(FrameLine::new(&reading, self.recognizer.classes()))
    }

    /// Forgets everybody.
    ///
    /// # Errors
    /// The recognizer failed before.
    pub fn restart(&mut self) -> Result<(), Box<dyn Error>> {
        self.frames = 0;
        self.recognizer.finish()?;
        Ok(())
    }
}
