//! The overlay that says which key does what.

use eframe::egui::{Align2, Context, Grid, RichText, ScrollArea, Window, vec2};

/// Keys and what they do, in the order in which help lists them.
pub const KEYS: [(&str, &str); 15] = [
    ("Space", "pause, go on"),
    ("S", "snapshot: picture, JSON and CSV"),
    ("R", "record: video and CSV; again to end"),
    ("N", "calibrate: look neutral for three seconds"),
    ("F", "faces or settings"),
    ("V", "viewer: the film with its analysed table"),
    ("Left, Right", "film: one second back, on; viewer: one frame (with Shift a second)"),
    ("Home, End", "film, viewer: to the start, to the end"),
    ("I, O", "viewer: the stretch to correct begins, ends here"),
    ("Ctrl+S, Ctrl+Z, Ctrl+Y", "viewer: save, undo, redo corrections"),
    ("T", "theme: system, light, dark"),
    ("H or ?", "this help"),
    ("Esc", "close help, leave the viewer"),
    ("Ctrl+O", "open a file"),
    ("Ctrl+Q", "close the window"),
];

/// Points of width from which keys stand in a column of their own.
const TWO_COLUMNS: f32 = 640.0;

/// Draws the overlay; `open` becomes false where it is closed.
pub fn draw(ctx: &Context, open: &mut bool) {
    let mut stays = *open;
    let room = ctx.content_rect().size();
    Window::new("Keys")
        .open(&mut stays)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, vec2(0.0, 0.0))
        .max_width(room.x - 32.0)
        .default_height(room.y - 48.0)
        .show(ctx, |ui| {
            ScrollArea::vertical().max_height((room.y - 80.0).max(80.0)).show(ui, |ui| {
                if room.x >= TWO_COLUMNS {
                    Grid::new("keys").num_columns(2).spacing([18.0, 6.0]).show(ui, |ui| {
                        for (key, what) in KEYS {
                            ui.label(RichText::new(key).strong().monospace());
                            ui.label(what);
                            ui.end_row();
                        }
                    });
                } else {
                    for (key, what) in KEYS {
                        ui.horizontal_wrapped(|ui| {
                            ui.label(RichText::new(key).strong().monospace());
                            ui.label(what);
                        });
                    }
                }
                ui.add_space(8.0);
                ui.label(
                    "Drop a video, a picture or a folder on the window to open it; several are analysed.",
                );
                ui.label(
                    RichText::new("An expression is what a face shows, not what a person feels.").weak(),
                );
            });
        });
    *open = stays;
}
