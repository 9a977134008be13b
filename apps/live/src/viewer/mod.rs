//! A video that was analysed before, beside its table: any frame, at once, with what was read in it.
//!
//! `results` holds the table that `affekt analyze` has written and `reading` has read, `player` decodes the frame that is wanted in a thread of its
//! own, [`Viewer`] knows which frame that is. `draft` holds corrections by hand. Nothing here draws.

mod draft;
mod player;
mod reading;
mod results;

use std::path::{Path, PathBuf};
use std::time::Duration;

use affekt_engine::output::Edit;
use affekt_results::analyze::Corrected;
use crossbeam_channel::{Receiver, bounded};

use crate::recognize::one_line;

pub use draft::Draft;
pub use player::{Player, Still};
pub use results::{Face, Person, Results, Segment, Touched};

/// The table that belongs to a video: `NAME.csv` beside it, or in a folder `results` beside it.
pub fn table_of(video: &Path) -> Option<PathBuf> {
    let folder = video.parent().unwrap_or(Path::new(""));
    // Not `with_extension`, which would cut a dot out of the stem.
    let name = format!("{}.csv", video.file_stem()?.to_string_lossy());
    [folder.join(&name), folder.join("results").join(&name)].into_iter().find(|file| file.is_file())
}

/// A table and a video, and where in it we are.
pub struct Viewer {
    /// The table.
    pub results: Results,
    /// Corrections by hand; or why none can be made.
    pub draft: Result<Draft, String>,
    /// The video.
    pub video: PathBuf,
    player: Player,
    /// The frame that is wanted: its place in the table.
    place: usize,
    /// The frame that is to be seen.
    still: Option<Still>,
    playing: bool,
    /// Where playing is, in seconds of the video, and when that was.
    clock: (f64, Duration),
    /// What went wrong, in one line.
    pub problem: Option<String>,
}

/// A viewer that is being opened: reading a long table takes a while.
pub struct Opening {
    /// The table's file.
    pub table: PathBuf,
    /// The video's file.
    pub video: PathBuf,
    read: Receiver<Result<Opened, String>>,
}

/// What was read for a viewer.
pub struct Opened {
    results: Results,
    draft: Result<Draft, String>,
}

impl Opened {
    /// Reads a table, and what corrections there are of it.
    ///
    /// # Errors
    /// The table cannot be read. That nothing can be corrected is no error.
    pub fn read(table: &Path) -> Result<Self, String> {
        let mut results = Results::read(table)?;
        let kept = Corrected::open(table).map_err(|error| one_line(&error));
        let draft = kept.and_then(|kept| Draft::new(kept, &mut results));
        Ok(Self { results, draft })
    }
}

impl Opening {
    /// Begins to read a table, in a thread of its own that calls `wake` at the end.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn begin(table: &Path, video: &Path, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let (sender, read) = bounded(1);
        let file = table.to_owned();
        std::thread::Builder::new().name("results".into()).spawn(move || {
            // Nobody listens any more where the window was closed.
            let _ = sender.send(Opened::read(&file));
            wake();
        })?;
        Ok(Self { table: table.to_owned(), video: video.to_owned(), read })
    }

    /// What has been read, once it has; never waits.
    pub fn poll(&self) -> Option<Result<Opened, String>> {
        self.read.try_recv().ok()
    }
}

impl Viewer {
    /// Shows the first frame of a video. `wake` is called when a picture is there.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(opened: Opened, video: &Path, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let player = Player::spawn(video, wake)?;
        let Opened { results, draft } = opened;
        let mut viewer = Self {
            results,
            draft,
            video: video.to_owned(),
            player,
            place: 0,
            still: None,
            playing: false,
            clock: (0.0, Duration::ZERO),
            problem: None,
        };
        viewer.go(0);
        Ok(viewer)
    }

    /// Goes to a frame, by its place in the table.
    pub fn go(&mut self, place: usize) {
        self.place = place.min(self.results.len().saturating_sub(1));
        if let Some(frame) = self.results.frame(self.place) {
            self.player.want(frame.number);
        }
    }

    /// Goes so many frames on, or back.
    pub fn step(&mut self, frames: i64) {
        self.playing = false;
        self.go((self.place as i64).saturating_add(frames).max(0) as usize);
    }

    /// Goes to a time of the video, in seconds.
    pub fn seek(&mut self, seconds: f64, now: Duration) {
        self.go(self.results.place_at(seconds));
        self.clock = (seconds, now);
    }

    /// Plays, or stops playing. At the end it plays from the start.
    pub fn play(&mut self, playing: bool, now: Duration) {
        self.playing = playing;
        if playing && self.place + 1 >= self.results.len() {
            self.go(0);
        }
        self.clock = (self.seconds(), now);
    }

    /// Whether it plays.
    pub fn playing(&self) -> bool {
        self.playing
    }

    /// Takes pictures that have come, and goes on where it plays; never waits.
    pub fn poll(&mut self, now: Duration) {
        for message in self.player.poll() {
            match message {
                Ok(still) => {
                    self.still = Some(still);
                    self.problem = None;
                }
                Err(problem) => {
                    self.playing = false;
                    self.problem = Some(problem);
                }
            }
        }
        if !self.playing {
            return;
        }
        // A decoder that is behind is waited for: the film becomes slower, and no frame is asked for twice.
        let there = self.still.as_ref().map(|still| still.frame);
        let wanted = self.results.frame(self.place).map(|frame| frame.number);
        if there < wanted {
            self.clock = (self.seconds(), now);
            return;
        }
        let (from, at) = self.clock;
        let place = self.results.place_at(from + now.saturating_sub(at).as_secs_f64());
        if place > self.place {
            self.go(place);
        }
        if self.place + 1 >= self.results.len() {
            self.playing = false;
        }
    }

    /// The picture that is there, which may still be that of another frame than the one wanted.
    pub fn still(&self) -> Option<&Still> {
        self.still.as_ref()
    }

    /// The place in the table of the frame that is to be seen; before there is one, of the frame that is wanted.
    pub fn place(&self) -> usize {
        self.still.as_ref().and_then(|still| self.results.place_of(still.frame)).unwrap_or(self.place)
    }

    /// The time of the frame that is wanted, in seconds.
    pub fn seconds(&self) -> f64 {
        self.results.frame(self.place).map_or(0.0, |frame| frame.seconds)
    }

    /// Makes a correction and shows it.
    ///
    /// # Errors
    /// It does not fit, or none can be made of this table; one line says why.
    pub fn correct(&mut self, edit: Edit) -> Result<(), String> {
        self.draft.as_mut().map_err(|why| why.clone())?.add(edit, &mut self.results)
    }

    /// Takes the last correction back, or makes it again; gives it.
    ///
    /// # Errors
    /// As [`Viewer::correct`].
    pub fn undo(&mut self, again: bool) -> Result<Option<Edit>, String> {
        let draft = self.draft.as_mut().map_err(|why| why.clone())?;
        if again { draft.redo(&mut self.results) } else { draft.undo(&mut self.results) }
    }

    /// Whether there are corrections that would be lost.
    pub fn has_unsaved(&self) -> bool {
        self.draft.as_ref().is_ok_and(|draft| !draft.is_saved())
    }

    /// Says how many columns and rows of a picture are worth drawing.
    pub fn set_view(&self, width: usize, height: usize) {
        self.player.set_view(width, height);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_videos_table_is_found_beside_it_or_in_results() {
        let folder = tempfile::tempdir().unwrap();
        let video = folder.path().join("talk.v2.mp4");
        assert_eq!(table_of(&video), None);
        std::fs::create_dir(folder.path().join("results")).unwrap();
        std::fs::write(folder.path().join("results/talk.v2.csv"), "").unwrap();
        assert_eq!(table_of(&video), Some(folder.path().join("results/talk.v2.csv")));
        std::fs::write(folder.path().join("talk.v2.csv"), "").unwrap();
        assert_eq!(table_of(&video), Some(folder.path().join("talk.v2.csv")));
    }
}
