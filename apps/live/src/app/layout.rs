//! What is drawn where.

use std::time::Duration;

use eframe::egui::{self, CentralPanel, Frame, Margin, Panel, Ui};

use super::bars::{self, Table, Weight};
use super::commands::{self, Command};
use super::live::Playing;
use super::look::Look;
use super::{Window, help, legend, panels, picture, position, ribbons, timeline};
use crate::viewer::Draft;

/// Points of the margin around what a panel shows, at each side and above.
const SIDES: i8 = 8;
const ABOVE: i8 = 4;
/// Part of the window's height that strips get at the most, with their legend.
const STRIPS: f32 = 0.36;

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
        let margin = Frame::new().inner_margin(Margin::symmetric(SIDES, ABOVE));
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
        let style = panels::quiet_edges(ui);
        if width >= panels::BESIDE_FROM {
            let size = self.beside.size(ui, width, panels::width_beside(width));
            let shown = Panel::right(self.beside.name())
                .frame(margin)
                .resizable(true)
                .default_size(size)
                .size_range(170.0..=(width * 0.34).max(panels::LEAST))
                .show(ui, |ui| {
                    ui.set_style(style.clone());
                    self.draw_side(ui);
                });
            self.beside.shown(shown.response.rect.width());
        } else {
            let size = self.below.size(ui, height, panels::height_below(width, height));
            let shown = Panel::bottom(self.below.name())
                .frame(margin)
                .resizable(true)
                .default_size(size)
                .show(ui, |ui| {
                    ui.set_style(style.clone());
                    ui.take_available_height();
                    self.draw_side(ui);
                });
            self.below.shown(shown.response.rect.height());
        }
        ui.set_style(style);
        self.draw_strips_below(ui, margin);
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
        let table = match (&self.film, &self.table) {
            (Some(_), _) => Table::Seen(self.before.as_ref().is_some_and(|source| source.file().is_none())),
            (None, Some(_)) => Table::There,
            (None, None) => Table::None,
        };
        let theme = self.state.theme.name();
        let mut pressed = bars::buttons(ui, &self.live, table, theme, &self.state.recent);
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

    /// The strips or ribbons with their legend, where there are any.
    fn draw_strips_below(&mut self, ui: &mut Ui, margin: Frame) {
        let legend = legend::height(ui, &self.look, ui.available_width() - 2.0 * f32::from(SIDES));
        // The line that parts the panel from the picture, and the space under the legend.
        let more = 2.0 * f32::from(ABOVE) + legend + ui.spacing().item_spacing.y + 2.0;
        let room = ui.available_height() * STRIPS - more;
        let (strip, strips) = match &self.film {
            Some(film) => (0.0, ribbons::film_height(film.viewer.results.people().len(), room)),
            // One moment has no strip.
            None if self.live.info.as_ref().is_some_and(|info| info.still) => return,
            None if self.live.history.is_empty() => return,
            None => timeline::live_heights(self.live.history.len(), room),
        };
        Panel::bottom("strips").frame(margin).exact_size(strips + more).show(ui, |ui| {
            let (now, top) = (self.live.pipeline.now(), ui.max_rect().top());
            legend::draw(ui, &self.look);
            match &mut self.film {
                Some(film) => film.draw(ui, &self.look, now, top),
                None => timeline::live(ui, &self.live.history, &self.look, strip, top),
            }
        });
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
