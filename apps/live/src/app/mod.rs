//! The window: what is drawn where, and what buttons and keys do. Nothing in it waits for a stage, a file or a model.
//!
//! `live` holds the pipeline and what it has shown (`rate`: how fast, `sight`: the faces in it), `film` the viewer. `layout` says
//! what is drawn where: `picture`, `faces` and `timeline` draw either, `bars` the buttons, news and numbers, `settings` the other
//! tab, `help` the overlay of keys, `look` their colours. `commands` is what keys and buttons ask for, `answers` what that leads
//! to; `open` puts the window on the screen.

mod answers;
mod bars;
mod commands;
mod faces;
mod film;
mod help;
mod layout;
mod live;
mod look;
mod open;
mod picture;
mod rate;
mod settings;
mod sight;
mod timeline;

use std::path::{Path, PathBuf};
use std::time::Duration;

use affekt_engine::media::camera::{self, CameraName};
use crossbeam_channel::{Receiver, Sender, bounded};
use eframe::egui::{Context, ThemePreference};

use crate::pipeline::Setup;
use crate::state::{State, Theme};
use crate::viewer::{Opening, Viewer, table_of};
use affekt_engine::world::live::SourceSpec;
use bars::Weight;
use film::Film;
pub use live::{Live, Playing};
use look::Look;
pub use open::show;
use settings::Editing;

/// What the right side shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Faces,
    Settings,
}

/// Where a snapshot was written, or why not.
type Written = Result<PathBuf, String>;

/// How the window begins.
pub struct Start {
    /// What is remembered, with what arguments have changed of it.
    pub state: State,
    /// Where that is written when the window closes; `None` for nowhere.
    pub file: Option<PathBuf>,
    /// The source to play, and what people should know about the choice.
    pub source: (SourceSpec, Option<String>),
    /// A table to view the source with.
    pub table: Option<PathBuf>,
    /// Folder of snapshots.
    pub snapshots: PathBuf,
    /// Where other programs are told what is read: `HOST:PORT` or a `PORT` of this computer.
    pub serve: Option<String>,
    /// A line to be shown at once.
    pub line: Option<String>,
}

/// The window.
pub struct Window {
    state: State,
    file: Option<PathBuf>,
    snapshots: PathBuf,
    live: Live,
    film: Option<Film>,
    opening: Option<Opening>,
    /// The table of the film that plays, where there is one.
    table: Option<PathBuf>,
    look: Look,
    tab: Tab,
    editing: Editing,
    help: bool,
    /// A line of news that stays until it is closed or replaced.
    line: Option<(Weight, String)>,
    /// Cameras that were found, and where they are told once they are.
    cameras: Vec<CameraName>,
    listed: Receiver<Vec<CameraName>>,
    written: (Sender<Written>, Receiver<Written>),
    context: Context,
}

impl Window {
    /// Begins to play.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(ctx: &Context, start: Start, setup: Setup) -> std::io::Result<Self> {
        let Start { state, file, source: (source, note), table, snapshots, serve, line } = start;
        let mut live = Live::start(setup, state.recognizer.clone(), state.smoothing)?;
        if serve.is_some() {
            live.serve(serve);
        }
        let mut window = Self {
            editing: Editing::of(&state.recognizer),
            state,
            file,
            snapshots,
            live,
            film: None,
            opening: None,
            table: None,
            look: Look::default(),
            tab: Tab::Faces,
            help: false,
            line: line.map(|line| (Weight::Problem, line)),
            cameras: vec![],
            listed: list_cameras(ctx.clone())?,
            written: bounded(4),
            context: ctx.clone(),
        };
        window.set_theme(window.state.theme);
        match (table, source.file().map(Path::to_path_buf)) {
            (Some(table), Some(video)) => {
                window.live.source = source;
                window.table = Some(table.clone());
                window.view(&table, &video);
            }
            _ => window.play(source, note),
        }
        Ok(window)
    }

    /// The live side, for tests.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The viewer, where it is open.
    pub fn viewer(&self) -> Option<&Viewer> {
        self.film.as_ref().map(|film| &film.viewer)
    }

    fn wake(&self) -> impl Fn() + Send + 'static {
        let context = self.context.clone();
        move || context.request_repaint()
    }

    fn play(&mut self, source: SourceSpec, note: Option<String>) {
        self.state.source = source.to_string();
        if let Some(file) = source.file() {
            self.state.remember(file);
        }
        self.table = source.file().and_then(table_of);
        self.film = None;
        self.opening = None;
        self.live.play(source, note);
    }

    /// Opens a table and its video in the viewer.
    fn view(&mut self, table: &Path, video: &Path) {
        match Opening::begin(table, video, self.wake()) {
            Ok(opening) => self.opening = Some(opening),
            Err(error) => {
                self.line = Some((Weight::Problem, format!("no thread to read the table: {error}")));
            }
        }
    }

    fn set_theme(&mut self, theme: Theme) {
        self.state.theme = theme;
        self.context.set_theme(match theme {
            Theme::System => ThemePreference::System,
            Theme::Light => ThemePreference::Light,
            Theme::Dark => ThemePreference::Dark,
        });
    }

    /// What a pass begins with, drawn or not: takes what the stages have sent. `pass` is how long the last pass took.
    pub fn logic(&mut self, pass: Option<Duration>) {
        self.live.begin(pass);
        if let Some(film) = &mut self.film {
            film.viewer.poll(self.live.pipeline.now());
        }
        match self.opening.as_ref().and_then(Opening::poll) {
            None => {}
            Some(Err(problem)) => {
                self.line = Some((Weight::Problem, problem));
                self.opening = None;
                if self.live.playing == Playing::Ended {
                    self.live.again();
                }
            }
            Some(Ok(results)) => {
                let video = self.opening.take().map(|opening| opening.video).unwrap_or_default();
                match Viewer::new(results, &video, self.wake()) {
                    Ok(viewer) => {
                        self.live.end();
                        self.film = Some(Film::new(viewer));
                    }
                    Err(error) => {
                        self.line = Some((Weight::Problem, format!("no thread to decode: {error}")));
                    }
                }
            }
        }
        self.line = self.live.not_at_rest.take().map(|line| (Weight::Problem, line)).or(self.line.take());
        if let Some((line, bad)) = self.live.recorded.take() {
            self.line = Some((if bad { Weight::Problem } else { Weight::Note }, line));
        }
        if let Ok(cameras) = self.listed.try_recv() {
            self.cameras = cameras;
        }
        for written in self.written.1.try_iter() {
            self.line = Some(match written {
                Ok(path) => (Weight::Note, format!("written: {} (and .json, .csv)", path.display())),
                Err(problem) => (Weight::Problem, format!("no snapshot: {problem}")),
            });
        }
    }

    /// Writes what is remembered.
    pub fn remember(&self) {
        let Some(file) = &self.file else { return };
        let mut state = self.state.clone();
        if self.live.refused.is_some() {
            // What could not be opened today is not tried first tomorrow.
            state.recognizer = self.live.good.clone();
        }
        if let Err(error) = state.write(file) {
            log::warn!("settings are not remembered: {error:#}");
        }
    }
}

/// Lists the cameras in a thread of its own, because some systems take their time.
fn list_cameras(ctx: Context) -> std::io::Result<Receiver<Vec<CameraName>>> {
    let (sender, listed) = bounded(1);
    let list = move || {
        let cameras = camera::list().inspect_err(|error| log::warn!("{error}"));
        // Nobody listens any more where the window was closed.
        let _ = sender.send(cameras.unwrap_or_default());
        ctx.request_repaint();
    };
    std::thread::Builder::new().name("cameras".into()).spawn(list)?;
    Ok(listed)
}
