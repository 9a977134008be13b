//! The part beside the picture, or below it in a narrow window: tabs, and what each shows.

use std::sync::Arc;

use eframe::egui::{Align2, FontId, IdSalt, PanelState, RichText, Style, Ui, vec2};

use super::film::Film;
use super::timeline::STRIP;
use super::{Tab, Window, analyse, faces};

/// Points of width from which it has room beside the picture; where there is less, it lies below it.
pub const BESIDE_FROM: f32 = 560.0;
/// Points of width in which all tabs stand in a row.
pub const LEAST: f32 = 232.0;
/// Points that the tab of faces needs for a whole card.
const CARD: f32 = 280.0;

/// Width beside the picture in a window of a width, in points.
pub fn width_beside(window: f32) -> f32 {
    (window * 0.28).clamp(LEAST, 300.0)
}

/// Height below the picture in a window of a size, in points.
pub fn height_below(width: f32, height: f32) -> f32 {
    // Above it a picture as wide as the window, some strips, and lines that come later.
    let above = width * 0.78 + 5.0 * STRIP;
    (height - above).clamp(CARD.min(height * 0.5), height * 0.6)
}

/// The size of a panel that somebody may drag. It follows the window's, and what it was dragged by stays.
#[derive(Debug)]
pub struct Dragged {
    name: &'static str,
    window: f32,
    usual: f32,
    by: f32,
    shown: Option<f32>,
}

impl Dragged {
    /// Of the panel of a name, not dragged yet.
    pub fn new(name: &'static str) -> Self {
        Self { name, window: 0.0, usual: 0.0, by: 0.0, shown: None }
    }

    /// The panel's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The size to begin with in a window of a size, where `usual` is the one without dragging. What egui has kept of another window is
    /// forgotten.
    pub fn size(&mut self, ui: &Ui, window: f32, usual: f32) -> f32 {
        if self.window.to_bits() != window.to_bits() {
            (self.window, self.shown) = (window, None);
            let id = ui.scope_id().with_salt(IdSalt::new(self.name));
            ui.ctx().data_mut(|data| data.remove::<PanelState>(id));
        }
        self.usual = usual;
        usual + self.by
    }

    /// The size that it was shown in.
    pub fn shown(&mut self, size: f32) {
        // What only the window has made smaller was not dragged.
        if self.shown.is_some_and(|before| (before - size).abs() > 0.5) {
            self.by = size - self.usual;
        }
        self.shown = Some(size);
    }
}

/// Keeps the edges of panels that can be dragged from shining where the pointer comes near; gives the style that what they hold has.
pub fn quiet_edges(ui: &mut Ui) -> Arc<Style> {
    let style = Arc::clone(ui.style());
    let widgets = &mut ui.visuals_mut().widgets;
    widgets.hovered.fg_stroke = widgets.hovered.bg_stroke;
    widgets.active.fg_stroke = widgets.hovered.bg_stroke;
    style
}

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
                let (number, ink) = (busy.min(99).to_string(), super::look::ink(ground));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panel_follows_the_window_and_keeps_what_it_was_dragged_by() {
        let ctx = eframe::egui::Context::default();
        let mut beside = Dragged::new("side");
        let mut pass = |window: f32, shown: Option<f32>| {
            let mut size = 0.0;
            let _ = ctx.run_ui(eframe::egui::RawInput::default(), |ui| {
                size = beside.size(ui, window, width_beside(window));
                beside.shown(shown.unwrap_or(size));
            });
            size
        };
        assert_eq!((pass(640.0, None), pass(1280.0, None)), (LEAST, 300.0), "nobody has dragged");
        pass(1280.0, Some(340.0));
        assert_eq!((pass(1280.0, None), pass(1000.0, None)), (340.0, 320.0));
        // A small window shows less than that, and a large one all of it again.
        assert_eq!((pass(640.0, Some(232.0)), pass(1280.0, None)), (272.0, 340.0));
    }
}
