//! The window: what is drawn where, and what buttons and keys do. Nothing in it waits for a stage, a file or a model.
//!
//! `live` holds the pipeline and what it has shown, `film` the viewer; `picture`, `faces` and `timeline` draw either, `bars`
//! the buttons, news and numbers, `settings` the other tab, `help` the keys, `look` their colours.

mod bars;
mod faces;
mod film;
mod help;
mod live;
mod look;
mod picture;
mod settings;
mod timeline;

use std::path::{Path, PathBuf};
use std::time::Duration;

use affekt_engine::media::camera::{self, CameraName};
use crossbeam_channel::{Receiver, Sender, bounded};
use eframe::egui::{self, CentralPanel, Context, Frame, Margin, Panel, ThemePreference, Ui};

use crate::pipeline::Setup;
use crate::snapshot::{Snapshot, free_name};
use crate::source::Source;
use crate::state::{State, Theme};
use crate::viewer::{Opening, Viewer, table_of};
use bars::{Press, Weight};
use film::Film;
use help::Wish;
pub use live::{Live, Playing};
use look::Look;
use settings::{Asked, Editing};

/// Points of width from which strips have a legend; where there is less, the bars beside them are one.
const LEGEND_FROM: f32 = 560.0;

/// What the right side shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tab {
    Faces,
    Settings,
}

/// How the window begins.
pub struct Start {
    /// What is remembered, with what arguments have changed of it.
    pub state: State,
    /// Where that is written when the window closes; `None` for nowhere.
    pub file: Option<PathBuf>,
    /// The source to play, and what people should know about the choice.
    pub source: (Source, Option<String>),
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
    written: (Sender<Result<PathBuf, String>>, Receiver<Result<PathBuf, String>>),
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

    fn play(&mut self, source: Source, note: Option<String>) {
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
                self.line = Some((Weight::Problem, format!("no thread to read the table: {error}")))
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
                        self.line = Some((Weight::Problem, format!("no thread to decode: {error}")))
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

    /// Draws everything.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        self.answer_keys(&ctx);
        self.take_dropped(&ctx);
        let classes = match &self.film {
            Some(film) => film.viewer.results.classes(),
            None => self.live.about.as_ref().map_or(&[][..], |about| &about.classes),
        };
        self.look = Look::of(&ctx, classes);
        // Nothing is painted twice: the window is cleared in the panels' colour. Where a processor draws, that is most of it.
        let margin = Frame::new().inner_margin(Margin::symmetric(8, 4));
        Panel::top("buttons").frame(margin).show(ui, |ui| self.draw_buttons(ui));
        Panel::bottom("numbers").frame(margin).show(ui, |ui| bars::numbers(ui, &mut self.live));
        let width = ui.available_width();
        Panel::right("side")
            .frame(margin)
            .resizable(true)
            .default_size((width * 0.28).clamp(190.0, 300.0))
            .size_range(170.0..=(width * 0.34).max(200.0))
            .show(ui, |ui| self.draw_side(ui));
        let tall = ui.available_height();
        let (faces, strips) = match &self.film {
            Some(film) => {
                let people = film.viewer.results.people().len();
                (people, timeline::film_height(people) + 30.0)
            }
            // One moment has no strip.
            None if self.live.info.as_ref().is_some_and(|info| info.still) => (0, 0.0),
            None => (self.live.history.len(), timeline::live_height(self.live.history.len())),
        };
        if faces > 0 || self.film.is_some() {
            let legend = if ui.available_width() > LEGEND_FROM { 24.0 } else { 8.0 };
            let height = (strips + legend).min(tall * 0.36);
            Panel::bottom("strips").frame(margin).exact_size(height).show(ui, |ui| self.draw_strips(ui));
        }
        CentralPanel::no_frame().show(ui, |ui| self.draw_picture(ui));
        if self.help {
            help::draw(&ctx, &mut self.help);
        }
        let size = ctx.content_rect().size();
        self.state.window = [size.x, size.y];
        // Numbers grow old even where nothing comes; a film goes on by itself.
        let next = if self.film.as_ref().is_some_and(|film| film.viewer.playing()) { 10 } else { 250 };
        ctx.request_repaint_after(Duration::from_millis(next));
    }

    fn draw_buttons(&mut self, ui: &mut Ui) {
        let viewer = (self.table.is_some(), self.film.is_some());
        let theme = self.state.theme.name();
        let mut pressed = bars::buttons(ui, &self.live, viewer, theme);
        let mut lines: Vec<(Weight, String, Vec<(&str, Press)>)> = vec![];
        if let Some(film) = &self.film {
            lines.extend(film.viewer.problem.clone().map(|p| (Weight::Problem, p, vec![])));
        } else {
            lines.extend(self.live.note.clone().map(|note| (Weight::Note, note, vec![])));
            match &self.live.playing {
                Playing::Failed(problem) => {
                    let answers = vec![("open again", Press::Again), ("synthetic camera", Press::Synth)];
                    lines.push((Weight::Problem, problem.clone(), answers));
                }
                Playing::Ended
                    if self.opening.is_none() && !self.live.info.as_ref().is_some_and(|i| i.still) =>
                {
                    let text = format!("{} has ended", self.live.source.name());
                    lines.push((Weight::Note, text, vec![("play again", Press::Again)]));
                }
                _ => {}
            }
        }
        if let Some(problem) = &self.live.refused {
            let answers = vec![("use the built-in model on the processor", Press::Defaults)];
            lines.push((Weight::Problem, problem.clone(), answers));
        }
        if let Some(opening) = &self.opening {
            lines.push((Weight::Note, format!("reading {}", opening.table.display()), vec![]));
        }
        lines.extend(self.line.clone().map(|(weight, text)| (weight, text, vec![("close", Press::Dismiss)])));
        for (weight, text, answers) in lines {
            pressed.extend(bars::news(ui, &self.look, weight, &text, &answers));
        }
        pressed.into_iter().for_each(|press| self.answer(press));
    }

    fn answer(&mut self, press: Press) {
        match press {
            Press::Pause => self.pause(),
            Press::Snapshot => self.snapshot(),
            Press::Record => self.record(),
            Press::Again => self.live.again(),
            Press::Synth => self.play(Source::Synth, None),
            Press::Defaults => {
                self.state.recognizer = crate::recognize::RecognizerChoice::default();
                self.editing = Editing::of(&self.state.recognizer);
                self.live.recognize(&self.state.recognizer);
            }
            Press::Viewer => self.switch_viewer(),
            Press::Theme => self.set_theme(self.state.theme.next()),
            Press::Help => self.help = !self.help,
            Press::Dismiss => self.line = None,
        }
    }

    fn answer_keys(&mut self, ctx: &Context) {
        let now = self.live.pipeline.now();
        for wish in help::wishes(ctx) {
            match (wish, &mut self.film) {
                (Wish::Pause, _) => self.pause(),
                (Wish::Snapshot, None) => self.snapshot(),
                (Wish::Record, None) => self.record(),
                (Wish::Neutral, None) => self.live.look_at_rest(faces::AT_REST),
                (Wish::Quit, _) => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
                (Wish::Step(frames), Some(film)) => film.viewer.step(frames),
                (Wish::Leap(seconds), Some(film)) => {
                    let to = film.viewer.seconds() + seconds as f64;
                    film.viewer.seek(to.max(0.0), now);
                }
                (Wish::Start, Some(film)) => film.viewer.seek(0.0, now),
                (Wish::End, Some(film)) => film.viewer.seek(f64::MAX, now),
                (Wish::Tab, _) => self.tab = if self.tab == Tab::Faces { Tab::Settings } else { Tab::Faces },
                (Wish::Viewer, _) => self.switch_viewer(),
                (Wish::Theme, _) => self.set_theme(self.state.theme.next()),
                (Wish::Help, _) => self.help = !self.help,
                (Wish::Close, _) if self.help => self.help = false,
                (Wish::Close, Some(_)) => self.switch_viewer(),
                _ => {}
            }
        }
    }

    fn pause(&mut self) {
        match &mut self.film {
            Some(film) => {
                let playing = film.viewer.playing();
                film.viewer.play(!playing, self.live.pipeline.now());
            }
            None => self.live.set_paused(!self.live.paused),
        }
    }

    fn switch_viewer(&mut self) {
        if self.film.take().is_some() {
            self.live.again();
        } else if let (Some(table), Some(video)) = (self.table.clone(), self.live.source.file()) {
            let video = video.to_owned();
            self.view(&table, &video);
        }
    }

    fn snapshot(&mut self) {
        let (Some(shown), Some(about)) = (&self.live.last, &self.live.about) else { return };
        let snapshot = Snapshot::of(shown, &self.live.source.name(), &about.classes);
        let (folder, done) = (self.snapshots.clone(), self.written.0.clone());
        if let Err(error) = snapshot.write_aside(folder, done, self.wake()) {
            self.line = Some((Weight::Problem, format!("no thread to write: {error}")));
        }
    }

    fn record(&mut self) {
        let (folder, source) = (self.snapshots.clone(), self.live.source.name());
        self.live.record(|frame| folder.join(format!("{}.mp4", free_name(&folder, &source, frame))));
    }

    fn take_dropped(&mut self, ctx: &Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()));
        if let Some(path) = dropped.filter(|path| !path.as_os_str().is_empty()) {
            self.play(Source::File(path), None);
        }
    }

    fn draw_side(&mut self, ui: &mut Ui) {
        ui.horizontal(|ui| {
            ui.selectable_value(&mut self.tab, Tab::Faces, "Faces");
            ui.selectable_value(&mut self.tab, Tab::Settings, "Settings");
        });
        ui.separator();
        match self.tab {
            Tab::Faces => {
                let cards = self.film.as_ref().map_or_else(|| self.live.cards(), Film::cards);
                let nobody = if self.live.about.is_none() && self.film.is_none() {
                    "The recognizer is not open yet."
                } else {
                    "Nobody is seen."
                };
                if let Some((person, seconds)) = faces::draw(ui, &cards, &self.look, nobody) {
                    self.live.pipeline.look_at_rest(person, seconds);
                }
            }
            Tab::Settings => {
                let playing = self.live.source.name();
                let served = (self.live.served.as_ref(), self.live.pipeline.clients());
                let sources = (playing.as_str(), self.cameras.as_slice());
                let asked = self.editing.draw(ui, &self.state, sources, self.live.about.as_ref(), served);
                self.obey(asked);
            }
        }
    }

    fn obey(&mut self, asked: Asked) {
        if let Some(source) = asked.source {
            match source.parse() {
                Ok(source) => self.play(source, None),
                Err(problem) => self.line = Some((Weight::Problem, problem)),
            }
        }
        if let Some(choice) = asked.recognizer {
            self.live.recognize(&choice);
            self.state.recognizer = choice;
        }
        if let Some(frames) = asked.smoothing {
            self.live.pipeline.set_smoothing(frames);
            self.state.smoothing = frames;
        }
        if let Some(theme) = asked.theme {
            self.set_theme(theme);
        }
        if let Some(address) = asked.serve {
            self.live.serve(address);
        }
    }

    fn draw_strips(&mut self, ui: &mut Ui) {
        let now = self.live.pipeline.now();
        if ui.available_width() > LEGEND_FROM {
            timeline::legend(ui, &self.look);
        }
        match &mut self.film {
            Some(film) => film.draw(ui, &self.look, now),
            None => timeline::live(ui, &self.live.history, &self.look),
        }
    }

    fn draw_picture(&mut self, ui: &mut Ui) {
        let room = ui.available_rect_before_wrap();
        let scale = ui.ctx().pixels_per_point();
        let (across, down) = ((room.width() * scale) as usize, (room.height() * scale) as usize);
        let ctx = ui.ctx().clone();
        self.live.pipeline.set_view(across, down);
        let drawn = match &mut self.film {
            Some(film) => {
                film.viewer.set_view(across, down);
                film.texture(&ctx).map(|(texture, size)| (texture, size, film.marks()))
            }
            None => self.live.texture(&ctx).map(|(texture, size)| (texture, size, self.live.marks())),
        };
        match drawn {
            Some((texture, size, marks)) => picture::draw(ui, room, texture, size, &marks, &self.look),
            None => picture::nothing(ui, room, self.why_nothing()),
        }
        if self.live.paused && self.film.is_none() {
            let at = room.left_top() + egui::vec2(10.0, 10.0);
            let font = egui::FontId::proportional(15.0);
            let galley = ui.painter().layout_no_wrap("paused".into(), font, egui::Color32::WHITE);
            let back = egui::Rect::from_min_size(at, galley.size() + egui::vec2(12.0, 6.0));
            ui.painter().rect_filled(back, 3.0, egui::Color32::from_black_alpha(170));
            ui.painter().galley(at + egui::vec2(6.0, 3.0), galley, egui::Color32::WHITE);
        }
    }

    fn why_nothing(&self) -> &'static str {
        if self.film.is_some() || self.opening.is_some() {
            return "opening the film";
        }
        match self.live.playing {
            Playing::Opening => "opening the source",
            Playing::On => "waiting for the first frame",
            Playing::Ended => "no source plays; choose one under Settings, or drop a video here",
            Playing::Failed(_) => "there is nothing to see; choose another source under Settings",
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

impl eframe::App for Window {
    fn logic(&mut self, _: &Context, frame: &mut eframe::Frame) {
        let pass = frame.info().cpu_usage.map(Duration::from_secs_f32);
        Window::logic(self, pass);
    }

    fn ui(&mut self, ui: &mut Ui, _: &mut eframe::Frame) {
        Window::ui(self, ui);
    }

    fn clear_color(&self, visuals: &egui::Visuals) -> [f32; 4] {
        visuals.panel_fill.to_normalized_gamma_f32()
    }

    fn on_exit(&mut self) {
        self.remember();
        self.live.log_numbers();
    }
}

/// Opens the window and shows it until it is closed.
///
/// # Errors
/// No window can be opened; the message says what to do.
pub fn show(start: Start, setup: impl FnOnce(Context) -> Setup + 'static) -> Result<(), String> {
    let viewport = egui::ViewportBuilder::default()
        .with_title("affekt live")
        .with_app_id("affekt-live")
        .with_inner_size(start.state.window)
        .with_min_inner_size([480.0, 360.0]);
    // There are no gradients that dithering would help.
    let mut options =
        eframe::NativeOptions { viewport, dithering: false, ..eframe::NativeOptions::default() };
    // A frame that waits to be shown is a frame that grows old.
    options.wgpu_options.surface.desired_maximum_frame_latency = Some(1);
    let make = move |cc: &eframe::CreationContext<'_>| {
        let setup = setup(cc.egui_ctx.clone());
        let window = Window::new(&cc.egui_ctx, start, setup)?;
        Ok(Box::new(window) as Box<dyn eframe::App>)
    };
    eframe::run_native("affekt-live", options, Box::new(make)).map_err(|error| {
        format!(
            "no window can be opened: {error}; it needs a desktop (X11 or Wayland on Linux: is DISPLAY or \
             WAYLAND_DISPLAY set?) and a graphics driver with Vulkan, Metal or Direct3D 12 (on Debian: \
             mesa-vulkan-drivers)"
        )
    })
}
