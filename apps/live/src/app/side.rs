//! The part beside the picture, or below it in a narrow window: tabs, and what each shows.

use eframe::egui::{Align2, FontId, RichText, Ui, vec2};

use super::film::Film;
use super::look::ink;
use super::panels::LEAST;
use super::{Tab, Window, analyse, faces};

/// Draws the row of tabs. `busy` files wait or are read: a badge says how many, so that no tab moves.
fn tabs(ui: &mut Ui, tab: &mut Tab, corrects: bool, busy: usize) {
    let small = ui.available_width() < LEAST - 20.0;
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (which, name) in [
            (Tab::Faces, "Faces"),
            (Tab::Correct, "Correct"),
            (Tab::Analyse, "Analyse"),
            (Tab::Settings, "Settings"),
        ] {
            if which == Tab::Correct && !corrects {
                continue;
            }
            let text = if small { RichText::new(name).size(10.5) } else { RichText::new(name) };
            let chosen = ui.selectable_value(tab, which, text);
            if which == Tab::Analyse && busy > 0 {
                let at = chosen.rect.right_top() + vec2(-1.0, 3.0);
                let ground = ui.visuals().selection.bg_fill;
                ui.painter().circle_filled(at, 7.0, ground);
                let (number, ink) = (busy.min(99).to_string(), ink(ground));
                ui.painter().text(at, Align2::CENTER_CENTER, number, FontId::proportional(9.5), ink);
                chosen.on_hover_text(format!("{busy} to go"));
            }
        }
    });
}

impl Window {
    /// Draws the tabs and the one that is chosen.
    pub(super) fn draw_side(&mut self, ui: &mut Ui) {
        if self.tab == Tab::Correct && self.film.is_none() {
            self.tab = Tab::Faces;
        }
        let busy = self.queue.jobs().filter(|job| !job.is_over()).count();
        tabs(ui, &mut self.tab, self.film.is_some(), busy);
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
}
