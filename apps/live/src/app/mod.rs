//! The window: what is drawn where, and what buttons and keys do. Nothing in it waits for a stage, a file or a model.
//!
//! `live` holds the pipeline and what it has shown (`rate`: how fast, `sight`: the faces in it), `film` the viewer. `layout` says
//! what is drawn where: `picture`, `faces` and `timeline` draw either, `ribbons` a film's time, `position` the line of one that plays, `bars` the buttons,
//! news and numbers, `panels` and `side` the part beside the picture with its tabs, of which `correct`, `analyse` and `settings` are some, `legend` what colours mean, `help` the overlay of
//! keys, `look` their colours. `events` takes what the stages have sent, `commands` is what keys and buttons ask for, `answers` what that
//! leads to, `leave` asks about corrections that are not saved; `open` puts the window on the screen.

mod analyse;
mod answers;
mod bars;
mod commands;
mod correct;
mod events;
mod faces;
mod film;
mod help;
mod layout;
mod leave;
mod legend;
mod live;
mod look;
mod open;
mod panels;
mod picture;
mod position;
mod rate;
mod ribbons;
mod settings;
mod side;
mod sight;
mod timeline;

use std::path::{Path, PathBuf, absolute};

use affekt_engine::media::camera::{self, CameraName};
use crossbeam_channel::{Receiver, Sender, bounded};
use eframe::egui::{Context, ThemePreference};

use crate::dialog::{Ask, Dialog};
use crate::pipeline::Setup;
use crate::queue::Queue;
use crate::state::{State, Theme};
use crate::viewer::{Opening, Viewer, table_of};
use affekt_engine::world::live::SourceSpec;
use bars::Weight;
use commands::Next;
use film::Film;
pub use live::{Live, Playing};
use look::{Look, readable};
pub use open::show;
use panels::Dragged;
use settings::Editing;

/// What the right side shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Faces,
    Correct,
    Analyse,
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
    /// The source to play, and what people should know about the choice: then it stands in for the one that is remembered, which stays
    /// remembered.
    pub source: (SourceSpec, Option<String>),
    /// A table to view the source with.
    pub table: Option<PathBuf>,
    /// Folder of snapshots.
    pub snapshots: PathBuf,
    /// Where other programs are told what is read: `HOST:PORT` or a `PORT` of this computer.
    pub serve: Option<String>,
    /// A line to be shown at once.
    pub line: Option<String>,
    /// Asks for files.
    pub ask: Ask,
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
    /// What played before the viewer was opened on something else.
    before: Option<SourceSpec>,
    look: Look,
    beside: Dragged,
    below: Dragged,
    tab: Tab,
    editing: Editing,
    help: bool,
    queue: Queue,
    /// A path that is typed for the queue.
    queued: String,
    ask: Ask,
    dialog: Option<Dialog>,
    /// Where to go once it is said what becomes of the corrections.
    leaving: Option<Next>,
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
        let Start { state, file, source: (source, note), table, snapshots, serve, line, ask } = start;
        let mut live = Live::start(setup, state.recognizer.clone(), state.smoothing)?;
        if serve.is_some() {
            live.serve(serve);
        }
        let mut window = Self {
            editing: Editing::of(&state),
            state,
            file,
            snapshots,
            live,
            film: None,
            opening: None,
            table: None,
            before: None,
            look: Look::default(),
            beside: Dragged::new("side"),
            below: Dragged::new("below"),
            tab: Tab::Faces,
            help: false,
            queue: Queue::new({
                let context = ctx.clone();
                move || context.request_repaint()
            }),
            queued: String::new(),
            ask,
            dialog: None,
            leaving: None,
            line: line.map(|line| (Weight::Problem, line)),
            cameras: vec![],
            listed: list_cameras(ctx.clone())?,
            written: bounded(4),
            context: ctx.clone(),
        };
        readable(ctx);
        window.set_theme(window.state.theme);
        if let (Some(table), Some(video)) = (table, source.file().map(Path::to_path_buf)) {
            window.live.source = source;
            window.table = Some(table.clone());
            window.view(&table, &video);
        } else {
            let remembered = note.is_some().then(|| window.state.source.clone());
            window.play(source, note);
            if let Some(remembered) = remembered {
                window.state.source = remembered;
            }
        }
        Ok(window)
    }

    /// The live side, for tests.
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// The files that are analysed.
    pub fn queue(&self) -> &Queue {
        &self.queue
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
        // By its whole path, so that it is found wherever the program is started next.
        let source = match source {
            SourceSpec::File(file) => SourceSpec::File(absolute(&file).unwrap_or(file)),
            source => source,
        };
        self.state.source = source.to_string();
        if let Some(file) = source.file() {
            self.state.remember(file);
        }
        self.table = source.file().and_then(table_of);
        self.film = None;
        self.opening = None;
        self.before = None;
        self.live.play(source, note);
    }

    /// Opens another film with its table in the viewer.
    fn view_of(&mut self, table: PathBuf, video: PathBuf) {
        let source = SourceSpec::File(absolute(&video).unwrap_or(video));
        self.state.source = source.to_string();
        if let Some(video) = source.file() {
            self.state.remember(video);
            self.view(&table, video);
        }
        if self.film.is_none() && self.live.source != source {
            self.before = Some(self.live.source.clone());
        }
        self.live.end();
        self.live.source = source;
        self.table = Some(table);
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
