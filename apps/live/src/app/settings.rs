//! The tab of settings. It edits a copy and says what was asked for; what happens then is others' business.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use affekt_engine::backend::{self, BackendSpec};
use affekt_engine::media::camera::CameraName;
use eframe::egui::{Checkbox, ComboBox, Response, RichText, ScrollArea, Slider, TextEdit, Ui};

use crate::pipeline::About;
use crate::recognize::RecognizerChoice;
use crate::state::{State, Theme};

/// What is being typed, and what is being dragged.
#[derive(Debug, Default)]
pub struct Editing {
    source: String,
    model: String,
    temporal: String,
    detector: String,
    adapter: String,
    vote: u32,
    every: u64,
    unsure: u32,
    results: String,
    port: String,
}

/// Where other programs are told what is read, or why not.
pub type Served = Result<SocketAddr, String>;

/// Whom to tell what is read.
#[derive(Debug, PartialEq)]
pub enum Serve {
    /// Whoever listens at this address.
    At(String),
    /// No one any more.
    Nobody,
}

/// What was asked for.
#[derive(Debug, Default, PartialEq)]
pub struct Asked {
    /// To play a source, as arguments name it.
    pub source: Option<String>,
    /// Another recognizer.
    pub recognizer: Option<RecognizerChoice>,
    /// Another smoothing.
    pub smoothing: Option<usize>,
    /// Another folder of results; an empty path for one beside each file.
    pub results: Option<PathBuf>,
    /// Another theme.
    pub theme: Option<Theme>,
    /// To tell other programs what is read, or no more.
    pub serve: Option<Serve>,
}

impl Editing {
    /// Begins with what is in use.
    pub fn of(state: &State) -> Self {
        let choice = &state.recognizer;
        let text =
            |path: &Option<PathBuf>| path.as_ref().map_or_else(String::new, |p| p.display().to_string());
        Self {
            source: String::new(),
            model: text(&choice.model),
            temporal: text(&choice.temporal),
            detector: text(&choice.detector),
            adapter: choice.adapter.clone().unwrap_or_default(),
            vote: choice.vote_tenths,
            every: choice.detect_every,
            unsure: choice.unsure_below,
            results: text(&state.results),
            port: String::new(),
        }
    }

    /// The source that was typed plays now, so there is room for another one.
    pub fn source_plays(&mut self) {
        self.source.clear();
    }

    /// Draws the tab. `playing` is the source's name, `cameras` are those that were found. `served` is where other programs are told what is read, or why not, and `clients` how many listen.
    pub fn draw(
        &mut self,
        ui: &mut Ui,
        state: &State,
        (playing, cameras): (&str, &[CameraName]),
        about: Option<&About>,
        (served, clients): (Option<&Served>, usize),
    ) -> Asked {
        let mut asked = Asked::default();
        ScrollArea::vertical().id_salt("settings").auto_shrink([false, false]).show(ui, |ui| {
            self.source(ui, state, playing, cameras, &mut asked);
            let mut choice = state.recognizer.clone();
            self.recognizer(ui, &mut choice);
            if choice != state.recognizer {
                asked.recognizer = Some(choice);
            }
            heading(ui, "Display");
            let mut smoothing = state.smoothing;
            if slider(ui, "Smoothing", "frames averaged in bars and labels", &mut smoothing, 1..=60) {
                asked.smoothing = Some(smoothing);
            }
            ui.horizontal(|ui| {
                for theme in [Theme::System, Theme::Light, Theme::Dark] {
                    if ui.selectable_label(state.theme == theme, theme.name()).clicked() {
                        asked.theme = Some(theme);
                    }
                }
            });
            heading(ui, "Results of analyses");
            if path_field(ui, &mut self.results, "folder results beside each file") {
                asked.results = Some(self.results.trim().into());
            }
            asked.serve = self.port(ui, served, clients);
            if let Some(about) = about {
                heading(ui, "In use");
                for line in [&about.model, &about.detector, &about.backend] {
                    ui.label(RichText::new(line).small().weak());
                }
            }
        });
        asked
    }

    fn port(&mut self, ui: &mut Ui, served: Option<&Served>, clients: usize) -> Option<Serve> {
        let mut asked = None;
        heading(ui, "Tell other programs");
        match served {
            Some(Ok(address)) => {
                ui.label(format!("JSON lines at {address}, {clients} listening"));
                if ui.small_button("stop").clicked() {
                    asked = Some(Serve::Nobody);
                }
            }
            refused => {
                if path_field(ui, &mut self.port, "port, such as 9000") {
                    asked = optional(&self.port).map(Serve::At);
                }
                if let Some(Err(problem)) = refused {
                    ui.label(RichText::new(problem).small());
                }
            }
        }
        asked
    }

    fn source(
        &mut self,
        ui: &mut Ui,
        state: &State,
        playing: &str,
        cameras: &[CameraName],
        asked: &mut Asked,
    ) {
        heading(ui, "Source");
        ComboBox::from_id_salt("source")
            .width(ui.available_width())
            .truncate()
            .selected_text(playing)
            .show_ui(ui, |ui| {
                for camera in cameras {
                    if ui.selectable_label(false, &camera.name).clicked() {
                        asked.source = Some(format!("camera:{}", camera.number));
                    }
                }
                if ui.selectable_label(false, "synthetic camera").clicked() {
                    asked.source = Some("synth".into());
                }
                for file in &state.recent {
                    let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
                    if ui
                        .selectable_label(false, name.as_ref())
                        .on_hover_text(file.display().to_string())
                        .clicked()
                    {
                        asked.source = Some(file.display().to_string());
                    }
                }
            });
        let done = path_field(ui, &mut self.source, "video, picture or folder");
        if done && !self.source.trim().is_empty() {
            asked.source = Some(self.source.trim().to_owned());
        }
    }

    fn recognizer(&mut self, ui: &mut Ui, choice: &mut RecognizerChoice) {
        heading(ui, "Expression model");
        if path_field(ui, &mut self.model, "built in (FER+)") {
            choice.model = optional(&self.model).map(PathBuf::from);
        }
        heading(ui, "Temporal encoder");
        if path_field(ui, &mut self.temporal, "none; a file or run of affekt refine") {
            choice.temporal = optional(&self.temporal).map(PathBuf::from);
        }
        heading(ui, "Face detector");
        let named = match choice.detector.as_deref().and_then(Path::to_str) {
            None => "found by itself",
            Some("builtin") => "built in",
            Some("guide") => "box in the middle",
            Some(_) => "YuNet file",
        };
        ComboBox::from_id_salt("detector").width(ui.available_width()).selected_text(named).show_ui(
            ui,
            |ui| {
                for (name, value) in [
                    ("found by itself", None),
                    ("built in", Some("builtin")),
                    ("box in the middle", Some("guide")),
                ] {
                    if ui.selectable_label(named == name, name).clicked() {
                        choice.detector = value.map(PathBuf::from);
                        self.detector = value.unwrap_or_default().into();
                    }
                }
            },
        );
        if path_field(ui, &mut self.detector, "YuNet file (.onnx)") {
            choice.detector = optional(&self.detector).map(PathBuf::from);
        }
        ui.label("Looks every (frames; between, faces are carried on)");
        let shown = |every: f64, _| if every < 0.5 { "auto".to_owned() } else { format!("{every:.0}") };
        if asked_by(&ui.add(Slider::new(&mut self.every, 0..=10).custom_formatter(shown))) {
            choice.detect_every = self.every;
        }
        heading(ui, "Computed by");
        ui.horizontal(|ui| {
            for name in backend::names() {
                ui.selectable_value(&mut choice.backend, name.to_owned(), name);
            }
        });
        if choice.backend != BackendSpec::default().name
            && path_field(ui, &mut self.adapter, "any GPU; or its name")
        {
            choice.adapter = optional(&self.adapter);
        }
        heading(ui, "Vote");
        if slider(ui, "Window", "tenths of a second that vote on a label", &mut self.vote, 1..=100) {
            (choice.vote_tenths, choice.vote_window) = (self.vote, None);
        }
        if slider(ui, "Unsure below", "percent of confidence", &mut self.unsure, 0..=95) {
            choice.unsure_below = self.unsure;
        }
        let words = "Mirrored view too: steadier, at twice the model's work";
        ui.add_enabled(choice.temporal.is_none(), Checkbox::new(&mut choice.flip, words));
    }
}

fn heading(ui: &mut Ui, text: &str) {
    ui.add_space(6.0);
    ui.label(RichText::new(text).strong());
}

fn optional(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// A line to type a path in; `true` where it was finished with Enter.
pub fn path_field(ui: &mut Ui, text: &mut String, hint: &str) -> bool {
    let field = TextEdit::singleline(text).hint_text(hint).desired_width(ui.available_width());
    let response = ui.add(field).on_hover_text("press Enter to use it");
    response.lost_focus() && ui.input(|i| i.key_pressed(eframe::egui::Key::Enter))
}

/// A slider that asks when it is released, not at every step.
fn slider<N: eframe::egui::emath::Numeric>(
    ui: &mut Ui,
    name: &str,
    hint: &str,
    value: &mut N,
    range: std::ops::RangeInclusive<N>,
) -> bool {
    ui.label(format!("{name} ({hint})"));
    ui.spacing_mut().slider_width = (ui.available_width() - 56.0).max(40.0);
    asked_by(&ui.add(Slider::new(value, range)))
}

fn asked_by(slider: &Response) -> bool {
    slider.drag_stopped() || (slider.changed() && !slider.dragged())
}
