//! Where a film is while it plays: position, length, and a line to go elsewhere.

use eframe::egui::{RichText, Ui};

use super::live::Live;
use super::look::Look;
use super::ribbons::{Axis, track};
use super::timeline::{MARGIN, clock};

/// Speed below which a film is said to play slowly.
const SLOW: f64 = 0.9;

/// Draws the line, and asks the film to go where it was clicked or dragged to.
pub fn draw(ui: &mut Ui, live: &mut Live, length: f64, look: &Look) {
    let place = format!("{} / {}", clock(live.position()), clock(length));
    ui.horizontal_wrapped(|ui| {
        ui.label(RichText::new(place).monospace().size(12.0));
        if let Some(words) = live.speed().and_then(slowly) {
            ui.label(RichText::new(words).small())
                .on_hover_text("every frame of a film is read; to keep up, choose a faster model or backend");
        }
    });
    let axis = Axis::of(ui, length, MARGIN);
    let top = ui.max_rect().top();
    let (wanted, response) = track(ui, &axis, live.position(), (None, top), look);
    // A film is opened anew at each place, so dragging goes where it ends; the handle follows at once.
    let dragged = response.dragged() && !response.drag_stopped();
    live.scrub(wanted.filter(|_| dragged));
    if let Some(seconds) = wanted.filter(|_| response.clicked() || response.drag_stopped()) {
        live.seek(seconds);
    }
}

/// What is said of a film that does not keep up.
fn slowly(speed: f64) -> Option<String> {
    (speed < SLOW).then(|| format!("plays at {speed:.1}x, slower than real time: reading takes longer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_slow_is_said_to_be() {
        assert_eq!((slowly(1.0), slowly(0.95)), (None, None));
        assert!(slowly(0.42).is_some_and(|words| words.contains("0.4x, slower than real time")));
    }
}
