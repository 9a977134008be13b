//! How large the panels are that somebody may drag: the one beside the picture, or below it in a narrow window.

use std::sync::Arc;

use eframe::egui::{IdSalt, PanelState, Style, Ui};

use super::timeline::STRIP;

/// Points of width from which it has room beside the picture; where there is less, it lies below it.
pub const BESIDE_FROM: f32 = 560.0;
/// Points of width in which all tabs stand in a row of letters that can be read.
pub const LEAST: f32 = 240.0;
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
        assert_eq!((pass(640.0, Some(LEAST)), pass(1280.0, None)), (LEAST + 40.0, 340.0));
    }
}
