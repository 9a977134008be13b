//! A recognizer for programs in other languages: calls from several threads wait for each other, a panic is an error, and
//! after a failure the next call opens it anew.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use rayon::{ThreadPool, ThreadPoolBuilder};

use super::open::{About, RecognizerOpener, RecognizerSpec};
use super::recognizer::Recognizer;
use crate::backend::BackendError;
use crate::clock::Clock;
use crate::media::Picture;
use crate::media::source::{Frame, ReadAhead};
use crate::world::error::WorldError;
use crate::world::reading::{FaceReading, FrameReading};

/// A [`Recognizer`] that no caller can leave in a bad state.
pub struct SharedRecognizer {
    about: About,
    /// Threads of what is not the backend's, where their number is given; else those that the whole program shares.
    threads: Option<ThreadPool>,
    state: Mutex<State>,
}

struct State {
    opener: RecognizerOpener,
    /// `None` after a failure, until the next call.
    recognizer: Option<Recognizer>,
    video: Video,
}

/// The video under way.
#[derive(Default)]
struct Video {
    /// The next frame's number.
    next: u64,
    /// The last frame's time.
    seconds: f64,
}

impl SharedRecognizer {
    /// Opens it. With a number of threads for the backend, everything else uses as many.
    ///
    /// # Errors
    /// As [`RecognizerSpec::open`], or there are no threads.
    pub fn open(spec: RecognizerSpec) -> Result<Self, WorldError> {
        WorldError::catch(|| {
            let threads = match spec.backend.threads {
                0 => None,
                threads => {
                    let builder = ThreadPoolBuilder::new().num_threads(threads);
                    let pool = builder.thread_name(|i| format!("affekt-{i}")).build();
                    Some(pool.map_err(|e| {
                        BackendError::Unavailable(format!("{threads} threads cannot be started: {e}"))
                    })?)
                }
            };
            let mut opener = RecognizerOpener::new(spec)?;
            let (recognizer, about) = opener.open(Clock::default())?;
            let state = State { opener, recognizer: Some(recognizer), video: Video::default() };
            Ok(Self { about, threads, state: Mutex::new(state) })
        })
    }

    /// What it is made of.
    pub fn about(&self) -> &About {
        &self.about
    }

    /// Reads the faces of a picture by itself, as [`Recognizer::picture`].
    ///
    /// # Errors
    /// As there; the picture is none.
    pub fn picture(&self, picture: Picture) -> Result<Vec<FaceReading>, WorldError> {
        picture.check()?;
        self.with(|recognizer, _| recognizer.picture(picture))
    }

    /// Takes the next frame of a video, shown `seconds` after its first, and gives the frames that are now read to the end,
    /// as [`Recognizer::read`]. Frames are numbered from 0.
    ///
    /// # Errors
    /// As there; the picture is none, or the time is not finite or before the last frame's. The video then goes on; after any
    /// other failure it is lost, and the next frame is the first of another one.
    pub fn push(&self, picture: Picture, seconds: f64) -> Result<Vec<FrameReading>, WorldError> {
        picture.check()?;
        self.with(|recognizer, video| {
            let first = video.next == 0;
            if !seconds.is_finite() || !first && seconds < video.seconds {
                let after = if first { String::new() } else { format!(", from {} on", video.seconds) };
                let problem = format!("is {seconds}, but must be a frame's time in seconds{after}");
                return Err(WorldError::setting("seconds", problem));
            }
            let frame = Frame { index: video.next, seconds, picture };
            *video = Video { next: video.next + 1, seconds };
            recognizer.read(vec![frame])
        })
    }

    /// Ends the video, as [`Recognizer::finish`].
    ///
    /// # Errors
    /// As there.
    pub fn finish(&self) -> Result<Vec<FrameReading>, WorldError> {
        self.with(|recognizer, video| {
            *video = Video::default();
            recognizer.finish()
        })
    }

    /// Reads a whole source, as [`Recognizer::read_source`].
    ///
    /// # Errors
    /// As there; a video is under way, whose people would be lost.
    pub fn read_source(
        &self,
        source: &mut ReadAhead,
        each: impl FnMut(Vec<FrameReading>, usize) -> Result<bool, WorldError> + Send,
    ) -> Result<bool, WorldError> {
        self.with(|recognizer, video| {
            if video.next > 0 {
                let problem = "cannot be read: a video is under way; end it by `finish` first";
                return Err(WorldError::setting("source", problem));
            }
            recognizer.read_source(source, each)
        })
    }

    fn with<T: Send>(
        &self,
        work: impl FnOnce(&mut Recognizer, &mut Video) -> Result<T, WorldError> + Send,
    ) -> Result<T, WorldError> {
        // A panic is held below and leaves no recognizer behind, so a poisoned lock says nothing.
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { opener, recognizer, video } = &mut *state;
        let known = recognizer.take();
        if known.is_none() {
            *video = Video::default();
        }
        let mut at_work = match known {
            Some(recognizer) => recognizer,
            None => WorldError::catch(|| Ok(opener.open(Clock::default())?.0))?,
        };
        let result = WorldError::catch(|| match &self.threads {
            Some(threads) => threads.install(|| work(&mut at_work, video)),
            None => work(&mut at_work, video),
        });
        match &result {
            Err(error) if !error.is_request() => {
                // What has panicked may do so again where it is put away.
                let _ = catch_unwind(AssertUnwindSafe(|| drop(at_work)));
            }
            _ => *recognizer = Some(at_work),
        }
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::detect::DetectorChoice;

    fn shared() -> SharedRecognizer {
        let spec = RecognizerSpec { detector: DetectorChoice::Guide, ..RecognizerSpec::default() };
        SharedRecognizer::open(spec).expect("the built-in model")
    }

    fn frame() -> Picture {
        Picture::filled(64, 64, 1, 90)
    }

    #[test]
    fn after_a_panic_it_reads_on_as_if_new() {
        let shared = shared();
        let before = shared.picture(frame()).expect("read");
        shared.push(frame(), 0.0).expect("read");
        let none: [u8; 0] = [];
        let panicked = shared.with(|_, _| Ok(none[std::hint::black_box(1)]));
        assert!(matches!(panicked, Err(WorldError::Panicked(_))), "{panicked:?}");
        assert_eq!(shared.picture(frame()).expect("read again"), before, "and no video is under way");
    }

    #[test]
    fn a_wrong_request_loses_nothing_of_the_video() {
        let shared = shared();
        let numbers = |readings: Vec<FrameReading>| readings.iter().map(|r| r.frame).collect::<Vec<_>>();
        assert_eq!(numbers(shared.push(frame(), 1.0).expect("read")), [0]);
        for seconds in [0.5, f64::NAN, f64::INFINITY] {
            let error = shared.push(frame(), seconds).expect_err("no time of this frame").to_string();
            assert!(error.contains("from 1 on"), "{error}");
        }
        assert!(shared.picture(frame()).expect_err("a video is under way").is_request());
        assert!(shared.push(Picture::filled(8, 8, 2, 0), 2.0).is_err());
        let more = shared.push(frame(), 2.0).expect("read");
        assert_eq!((numbers(more.clone()), more[0].faces[0].face), (vec![1], 1));
        assert_eq!(numbers(shared.finish().expect("ended")), Vec::<u64>::new());
        assert_eq!(numbers(shared.push(frame(), 0.0).expect("another video")), [0]);
    }

    #[test]
    fn threads_may_share_it() {
        let shared = shared();
        let expected = shared.picture(frame()).expect("read");
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| assert_eq!(shared.picture(frame()).expect("read"), expected));
            }
        });
    }
}
