//! What the window can be asked for, and the keys that ask.

use eframe::egui::{Context, Key};

use crate::dialog::Wish;

/// What a key or a button asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
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
    /// Play the source again from its start.
    Again,
    /// The synthetic camera in place of a source that failed.
    Synth,
    /// The recognizer that is built in, in place of one that could not be opened.
    Defaults,
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
    /// To choose a file, a folder, or files to analyse in a dialog.
    Ask(Wish),
    /// One of the recent files.
    Recent(usize),
    /// Keep the corrections and make all tables again.
    Save,
    /// Take the last correction back.
    Undo,
    /// Make it again.
    Redo,
    /// The stretch to correct begins (`true`) or ends with the frame that is seen.
    StretchEnd(bool),
    /// Leave although corrections are not saved: after saving them, or without them.
    Leave {
        /// Whether they are saved first.
        saved: bool,
    },
    /// Do not leave.
    Stay,
    /// The next theme.
    Theme,
    /// Help.
    Help,
    /// Close the line of news.
    Dismiss,
    /// Close what lies on top.
    Close,
    /// Close the window.
    Quit,
}

/// What was asked for by keys in this pass; nothing while somebody types.
pub fn typed(ctx: &Context) -> Vec<Command> {
    if ctx.egui_wants_keyboard_input() {
        return vec![];
    }
    ctx.input(|input| {
        let shift = input.modifiers.shift;
        let plain = !input.modifiers.command && !input.modifiers.alt;
        let step = |frames: i64| if shift { Command::Leap(frames) } else { Command::Step(frames) };
        let keys = [
            (Key::Space, Command::Pause),
            (Key::S, Command::Snapshot),
            (Key::R, Command::Record),
            (Key::N, Command::Neutral),
            (Key::F, Command::Tab),
            (Key::V, Command::Viewer),
            (Key::ArrowLeft, step(-1)),
            (Key::ArrowRight, step(1)),
            (Key::Home, Command::Start),
            (Key::End, Command::End),
            (Key::I, Command::StretchEnd(true)),
            (Key::O, Command::StretchEnd(false)),
            (Key::T, Command::Theme),
            (Key::H, Command::Help),
            (Key::Questionmark, Command::Help),
            (Key::Escape, Command::Close),
        ];
        let mut commands: Vec<Command> = keys
            .into_iter()
            .filter(|(key, _)| plain && input.key_pressed(*key))
            .map(|(_, command)| command)
            .collect();
        let undo = if shift { Command::Redo } else { Command::Undo };
        let with_command = [
            (Key::Q, Command::Quit),
            (Key::O, Command::Ask(Wish::Play)),
            (Key::S, Command::Save),
            (Key::Z, undo),
            (Key::Y, Command::Redo),
        ];
        let held = input.modifiers.command && !input.modifiers.alt;
        let pressed = with_command.into_iter().filter(|(key, _)| held && input.key_pressed(*key));
        commands.extend(pressed.map(|(_, command)| command));
        commands
    })
}
