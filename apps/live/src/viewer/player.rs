//! Any frame of a video, decoded in a thread of its own: the frame that was asked for last wins.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use affekt_engine::media::source::{Frame, FrameSource, OpenOptions, SourceError, open};
use affekt_engine::media::{Outlet, OverflowPolicy, bounded_outlet};
use crossbeam_channel::Receiver;
use eframe::egui::ColorImage;

use crate::pipeline::image;

/// Frames ahead that are reached by decoding on rather than by going back to a key frame.
const AHEAD: u64 = 48;
/// A frame that takes longer to reach is given up where another one is wanted meanwhile.
const PATIENCE: Duration = Duration::from_millis(250);

/// A frame that was decoded.
#[derive(Debug, Clone)]
pub struct Still {
    /// Its number.
    pub frame: u64,
    /// Columns and rows of the video.
    pub size: [usize; 2],
    /// The picture, at a size worth drawing.
    pub image: Arc<ColorImage>,
}

/// The window's hold on the thread.
pub struct Player {
    wanted: Outlet<u64>,
    stills: Receiver<Result<Still, String>>,
    view: Arc<[AtomicUsize; 2]>,
    stop: Arc<AtomicBool>,
}

impl Drop for Player {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Player {
    /// Starts a thread, which calls `wake` when it has something.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn spawn(video: &Path, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (wanted, asked) = bounded_outlet(1, Arc::clone(&stop));
        let (give, stills) = bounded_outlet(2, Arc::clone(&stop));
        let view = Arc::new([AtomicUsize::new(1280), AtomicUsize::new(1280)]);
        let seeker = Seeker { path: video.to_owned(), source: None, next: 0 };
        let work = Work { asked, give, view: Arc::clone(&view), stop: Arc::clone(&stop), seeker };
        std::thread::Builder::new().name("player".into()).spawn(move || work.run(&wake))?;
        Ok(Self { wanted, stills, view, stop })
    }

    /// Asks for a frame; one that was asked for before and is not reached yet is forgotten.
    pub fn want(&self, frame: u64) {
        self.wanted.put(frame, OverflowPolicy::DropOldest);
    }

    /// What has come; never waits.
    pub fn poll(&self) -> Vec<Result<Still, String>> {
        self.stills.try_iter().collect()
    }

    /// Says how many columns and rows of a picture are worth drawing.
    pub fn set_view(&self, width: usize, height: usize) {
        self.view[0].store(width.max(16), Ordering::Relaxed);
        self.view[1].store(height.max(16), Ordering::Relaxed);
    }
}

/// What the thread holds.
struct Work {
    asked: Receiver<u64>,
    give: Outlet<Result<Still, String>>,
    view: Arc<[AtomicUsize; 2]>,
    stop: Arc<AtomicBool>,
    seeker: Seeker,
}

impl Work {
    fn run(mut self, wake: &dyn Fn()) {
        while !self.stop.load(Ordering::Relaxed) {
            let Ok(target) = self.asked.recv_timeout(Duration::from_millis(50)) else { continue };
            let start = Instant::now();
            let asked = self.asked.clone();
            let stop = Arc::clone(&self.stop);
            let give_up =
                || stop.load(Ordering::Relaxed) || (start.elapsed() > PATIENCE && !asked.is_empty());
            let message = match self.seeker.reach(target, &give_up) {
                Ok(Some(frame)) => Ok(self.still(&frame)),
                Ok(None) => continue,
                Err(problem) => Err(problem),
            };
            self.give.put(message, OverflowPolicy::DropOldest);
            wake();
        }
    }

    fn still(&self, frame: &Frame) -> Still {
        let most = (self.view[0].load(Ordering::Relaxed), self.view[1].load(Ordering::Relaxed));
        let size = [frame.picture.width, frame.picture.height];
        Still { frame: frame.index, size, image: Arc::new(image(&frame.picture, most)) }
    }
}

/// A source that can go back.
struct Seeker {
    path: PathBuf,
    source: Option<Box<dyn FrameSource>>,
    /// One past the frame that was decoded last.
    next: u64,
}

impl Seeker {
    /// The frame with this number, or the next one that can be decoded; `None` where it was given up.
    fn reach(&mut self, target: u64, give_up: &dyn Fn() -> bool) -> Result<Option<Frame>, String> {
        self.go(target).map_err(|e| e.to_string())?;
        while let Some(source) = &mut self.source {
            match source.next_frame() {
                Ok(Some(frame)) => {
                    self.next = frame.index + 1;
                    if frame.index >= target {
                        return Ok(Some(frame));
                    }
                }
                Ok(None) => {
                    self.source = None;
                    return Err(format!(
                        "{}: frame {target} of the table is not in the video; give the video that was analysed",
                        self.path.display()
                    ));
                }
                Err(error) => {
                    self.source = None;
                    return Err(error.to_string());
                }
            }
            if give_up() {
                break;
            }
        }
        Ok(None)
    }

    /// Brings the source to a frame, or before it.
    fn go(&mut self, target: u64) -> Result<(), SourceError> {
        if let Some(source) = &mut self.source {
            if (self.next..self.next + AHEAD).contains(&target) || source.seek(target)? {
                return Ok(());
            }
            if target >= self.next {
                return Ok(());
            }
        }
        // What cannot go back begins again.
        let mut source = open(&self.path, OpenOptions::default())?;
        self.next = 0;
        if target >= AHEAD {
            source.seek(target)?;
        }
        self.source = Some(source);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use affekt_engine::media::Picture;

    #[test]
    fn frames_of_a_folder_are_reached_forwards_and_backwards() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..120u8 {
            let file = folder.path().join(format!("{number}.png"));
            Picture::filled(8, 8, 3, number).write_png(&file).unwrap();
        }
        let mut seeker = Seeker { path: folder.path().to_owned(), source: None, next: 0 };
        for target in [5, 6, 90, 3, 119, 0] {
            let frame = seeker.reach(target, &|| false).unwrap().unwrap();
            assert_eq!((frame.index, frame.picture.pixels[0]), (target, target as u8));
        }
        let problem = seeker.reach(120, &|| false).unwrap_err();
        assert!(problem.contains("frame 120"), "{problem}");
        assert_eq!(seeker.reach(2, &|| false).unwrap().unwrap().index, 2, "and it goes on after that");
    }
}
