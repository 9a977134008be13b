//! What is drawn where.

use std::time::Duration;

use eframe::egui::{self, CentralPanel, Frame, Margin, Panel, Ui};

use super::bars::{self, Weight};
use super::commands::{self, Command};
use super::film::Film;
use super::live::Playing;
use super::look::Look;
use super::{Tab, Window, analyse, faces, help, picture, position, ribbons, timeline};
use crate::viewer::Draft;

/// Points of width from which strips have a legend; where there is less, the bars beside them are one.
const LEGEND_FROM: f32 = 560.0;
/// Points of width from which faces and settings have room beside the picture; where there is less, they lie below it.
const BESIDE_FROM: f32 = 560.0;
/// Points that the tab of faces needs for a whole card.
const CARD: f32 = 280.0;

/// A line of news with the buttons that answer it.
type News = (Weight, String, Vec<(&'static str, Command)>);

impl Window {
    /// Draws everything.
    pub fn ui(&mut self, ui: &mut Ui) {
        let ctx = ui.ctx().clone();
        for command in commands::typed(&ctx) {
            self.answer(command, &ctx);
        }
        self.take_dropped(&ctx);
        self.watch_closing(&ctx);
        let classes = match &self.film {
            Some(film) => film.viewer.results.classes(),
            None => self.live.about.as_ref().map_or(&[][..], |about| &about.classes),
        };
        self.look = Look::of(&ctx, classes);
        // Nothing is painted twice: the window is cleared in the panels' colour. Where a processor draws, that is most of it.
        let margin = Frame::new().inner_margin(Margin::symmetric(8, 4));
        Panel::top("buttons").frame(margin).show(ui, |ui| self.draw_buttons(ui));
        Panel::bottom("numbers").frame(margin).show(ui, |ui| match &self.film {
            Some(film) => bars::of_film(ui, &film.viewer),
            None => bars::numbers(ui, &mut self.live),
        });
        if let Some(length) = self.live.length.filter(|_| self.film.is_none()) {
            Panel::bottom("position")
                .frame(margin)
                .show(ui, |ui| position::draw(ui, &mut self.live, length, &self.look));
        }
        let (width, height) = (ui.available_width(), ui.available_height());
        if width >= BESIDE_FROM {
            Panel::right("side")
                .frame(margin)
                .resizable(true)
                .default_size((width * 0.28).clamp(190.0, 300.0))
                .size_range(170.0..=(width * 0.34).max(200.0))
                .show(ui, |ui| self.draw_side(ui));
        } else {
            // Above it a picture as wide as the window, some strips, and lines that come later.
            let above = width * 0.78 + 5.0 * timeline::STRIP;
            let below = (height - above).clamp(CARD.min(height * 0.5), height * 0.6);
            Panel::bottom("below").frame(margin).resizable(true).default_size(below).show(ui, |ui| {
                ui.take_available_height();
                self.draw_side(ui);
            });
        }
        let tall = ui.available_height();
        let (faces, strips) = match &self.film {
            Some(film) => {
                let people = film.viewer.results.people().len();
                (people, ribbons::film_height(people))
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
        let mut pressed = bars::buttons(ui, &self.live, viewer, theme, &self.state.recent);
        let mut lines: Vec<News> = vec![];
        if self.leaving.is_some() {
            let saving =
                self.film.as_ref().is_some_and(|film| film.viewer.draft.as_ref().is_ok_and(Draft::saving));
            let answers = vec![
                ("save", Command::Leave { saved: true }),
                ("leave without them", Command::Leave { saved: false }),
                ("stay", Command::Stay),
            ];
            let text = if saving { "saving ..." } else { "There are corrections that are not saved." };
            lines.push((Weight::Problem, text.into(), if saving { vec![] } else { answers }));
        }
        if let Some(film) = &self.film {
            lines.extend(film.viewer.problem.clone().map(|p| (Weight::Problem, p, vec![])));
        } else {
            lines.extend(self.live.note.clone().map(|note| (Weight::Note, note, vec![])));
            match &self.live.playing {
                Playing::Failed(problem) => {
                    let answers = vec![("open again", Command::Again), ("synthetic camera", Command::Synth)];
                    lines.push((Weight::Problem, problem.clone(), answers));
                }
                Playing::Ended
                    if self.opening.is_none() && !self.live.info.as_ref().is_some_and(|i| i.still) =>
                {
                    let text = format!("{} has ended", self.live.name());
                    lines.push((Weight::Note, text, vec![("play again", Command::Again)]));
                }
                _ => {}
            }
        }
        if let Some(problem) = &self.live.refused {
            let answers = vec![("use the built-in model on the processor", Command::Defaults)];
            lines.push((Weight::Problem, problem.clone(), answers));
        }
        if let Some(opening) = &self.opening {
            lines.push((Weight::Note, format!("reading {}", opening.table.display()), vec![]));
        }
        lines.extend(
            self.line.clone().map(|(weight, text)| (weight, text, vec![("close", Command::Dismiss)])),
        );
        for (weight, text, answers) in lines {
            pressed.extend(bars::news(ui, &self.look, weight, &text, &answers));
        }
        for command in pressed {
            self.answer(command, ui.ctx());
        }
    }

    fn draw_side(&mut self, ui: &mut Ui) {
        if self.tab == Tab::Correct && self.film.is_none() {
            self.tab = Tab::Faces;
        }
        let busy = self.queue.jobs().filter(|job| !job.is_over()).count();
        let queue = if busy > 0 { format!("Analyse ({busy})") } else { "Analyse".into() };
        ui.horizontal_wrapped(|ui| {
            ui.selectable_value(&mut self.tab, Tab::Faces, "Faces");
            if self.film.is_some() {
                ui.selectable_value(&mut self.tab, Tab::Correct, "Correct");
            }
            ui.selectable_value(&mut self.tab, Tab::Analyse, queue);
            ui.selectable_value(&mut self.tab, Tab::Settings, "Settings");
        });
        ui.separator();
        match self.tab {
            Tab::Correct => {
                let look = &self.look;
                let asked = self.film.as_mut().map(|film| film.draw_desk(ui, look)).unwrap_or_default();
                for asked in asked {
                    self.handle_correction(asked);
                }
            }
            Tab::Analyse => {
                let still = self.live.info.as_ref().is_some_and(|info| info.still);
                let playing = self.live.source.file().filter(|_| self.table.is_none() && !still);
                let playing = playing.map(std::path::Path::to_path_buf);
                let asked = analyse::draw(ui, &self.queue, &self.look, &mut self.queued, playing);
                for asked in asked {
                    self.handle_queue(asked, &ui.ctx().clone());
                }
            }
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
                let playing = self.live.name();
                let served = (self.live.served.as_ref(), self.live.pipeline.clients());
                let sources = (playing.as_str(), self.cameras.as_slice());
                let asked = self.editing.draw(ui, &self.state, sources, self.live.about.as_ref(), served);
                self.handle_order(asked);
            }
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
}
