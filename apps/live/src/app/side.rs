//! The part beside the picture, or below it in a narrow window: tabs, and what each shows.

use eframe::egui::{Align2, FontId, RichText, Ui, vec2};

use super::film::Film;
use super::look::ink;
use super::{Tab, Window, analyse, faces};

/// Sizes of the tabs' letters, as large as there is room for; what is smaller cannot be read.
const LETTERS: [f32; 3] = [12.5, 11.0, 9.5];
/// Points between two tabs.
const BETWEEN: f32 = 2.0;

/// The size of letters with which these names stand in a row.
fn letters(ui: &Ui, names: &[(Tab, &str)]) -> f32 {
    let width = |size: f32| {
        let one = |(_, name): &(Tab, &str)| {
            let font = FontId::proportional(size);
            let text = ui.painter().layout_no_wrap((*name).to_owned(), font, ui.visuals().text_color());
            text.size().x + 2.0 * ui.spacing().button_padding.x + BETWEEN
        };
        names.iter().map(one).sum::<f32>()
    };
    LETTERS.into_iter().find(|size| width(*size) <= ui.available_width()).unwrap_or(LETTERS[2])
}

/// Draws the row of tabs. `busy` files wait or are read: a badge says how many, so that no tab moves.
fn tabs(ui: &mut Ui, tab: &mut Tab, corrects: bool, busy: usize) {
    let mut names = vec![(Tab::Faces, "Faces"), (Tab::Analyse, "Analyse"), (Tab::Settings, "Settings")];
    if corrects {
        names.insert(1, (Tab::Correct, "Correct"));
    }
    let size = letters(ui, &names);
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = BETWEEN;
        for (which, name) in names {
            let chosen = ui.selectable_value(tab, which, RichText::new(name).size(size));
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
