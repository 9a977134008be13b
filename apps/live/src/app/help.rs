//! The overlay that says which key does what.

use eframe::egui::{Align2, Context, Grid, Key, RichText, Window, vec2};

/// Keys and what they do, in the order in which help lists them.
pub const KEYS: [(&str, &str); 12] = [
    ("Space", "pause, go on"),
    ("S", "snapshot: picture, JSON and CSV"),
    ("R", "record: video and CSV; again to end"),
    ("N", "calibrate: look neutral for three seconds"),
    ("F", "faces or settings"),
    ("V", "viewer: the film with its analysed table"),
    ("Left, Right", "viewer: one frame back, on (with Shift a second)"),
    ("Home, End", "viewer: to the start, to the end"),
    ("T", "theme: system, light, dark"),
    ("H or ?", "this help"),
    ("Esc", "close help, leave the viewer"),
    ("Ctrl+Q", "close the window"),
];

/// Draws the overlay; `open` becomes false where it is closed.
pub fn draw(ctx: &Context, open: &mut bool) {
    let mut stays = *open;
    Window::new("Keys")
        .open(&mut stays)
        .collapsible(false)
        .resizable(false)
        .anchor(Align2::CENTER_CENTER, vec2(0.0, 0.0))
        .show(ctx, |ui| {
            Grid::new("keys").num_columns(2).spacing([18.0, 6.0]).show(ui, |ui| {
                for (key, what) in KEYS {
                    ui.label(RichText::new(key).strong().monospace());
                    ui.label(what);
                    ui.end_row();
                }
            });
            ui.add_space(8.0);
            ui.label("Drop a video, a picture or a folder on the window to open it.");
            ui.label(RichText::new("An expression is what a face shows, not what a person feels.").weak());
        });
    *open = stays;
}

/// What a key asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// Pause or go on.
    Pause,
    /// Write a snapshot.
    Snapshot,
    /// Record, or end that.
    Record,
    /// Look at all faces at rest.
    Neutral,
    /// The other tab.
    Tab,
    /// Into the viewer or out of it.
    Viewer,
    /// So many frames on or back.
    Step(i64),
    /// A second on or back.
    Leap(i64),
    /// To the start.
    Start,
    /// To the end.
    End,
    /// The next theme.
    Theme,
    /// Help.
    Help,
    /// Close what lies on top.
    Close,
    /// Close the window.
    Quit,
}

/// What was asked for by keys in this pass; nothing while somebody types.
pub fn wishes(ctx: &Context) -> Vec<Wish> {
    if ctx.egui_wants_keyboard_input() {
        return vec![];
    }
    ctx.input(|input| {
        let shift = input.modifiers.shift;
        let plain = !input.modifiers.command && !input.modifiers.alt;
        let step = |frames: i64| if shift { Wish::Leap(frames) } else { Wish::Step(frames) };
        let keys = [
            (Key::Space, Wish::Pause),
            (Key::S, Wish::Snapshot),
            (Key::R, Wish::Record),
            (Key::N, Wish::Neutral),
            (Key::F, Wish::Tab),
            (Key::V, Wish::Viewer),
            (Key::ArrowLeft, step(-1)),
            (Key::ArrowRight, step(1)),
            (Key::Home, Wish::Start),
            (Key::End, Wish::End),
            (Key::T, Wish::Theme),
            (Key::H, Wish::Help),
            (Key::Questionmark, Wish::Help),
            (Key::Escape, Wish::Close),
        ];
        let mut wishes: Vec<Wish> = keys
            .into_iter()
            .filter(|(key, _)| plain && input.key_pressed(*key))
            .map(|(_, wish)| wish)
            .collect();
        if input.modifiers.command && input.key_pressed(Key::Q) {
            wishes.push(Wish::Quit);
        }
        wishes
    })
}
