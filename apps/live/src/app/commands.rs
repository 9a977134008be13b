//! What the window can be asked for, and the keys that ask.

use std::path::PathBuf;

use affekt_engine::world::live::SourceSpec;
use eframe::egui::{Context, Event, Key, Modifiers};

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
    /// The first camera there is.
    Camera,
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

/// Where to go from the viewer.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// To what played before.
    Live,
    /// To another source.
    Play(SourceSpec),
    /// To another table and its video.
    View(PathBuf, PathBuf),
    /// Out of the window.
    Quit,
}

/// What was asked for by keys in this pass, each once; nothing while somebody types.
pub fn typed(ctx: &Context) -> Vec<Command> {
    if ctx.egui_wants_keyboard_input() {
        return vec![];
    }
    let mut commands = vec![];
    ctx.input(|input| {
        for event in &input.events {
            // As the keys were held when this one was pressed: where passes are slow, they may be released by now.
            if let Event::Key { key, pressed: true, modifiers, .. } = event
                && let Some(command) = command(*key, *modifiers)
                && !commands.contains(&command)
            {
                commands.push(command);
            }
        }
    });
    commands
}

fn command(key: Key, held: Modifiers) -> Option<Command> {
    let step = |frames: i64| if held.shift { Command::Leap(frames) } else { Command::Step(frames) };
    Some(match (key, held.command, held.alt) {
        (Key::Q, true, false) => Command::Quit,
        (Key::O, true, false) => Command::Ask(Wish::Play),
        (Key::S, true, false) => Command::Save,
        (Key::Z, true, false) if !held.shift => Command::Undo,
        (Key::Z | Key::Y, true, false) => Command::Redo,
        (_, true, _) | (_, _, true) => return None,
        (Key::Space, ..) => Command::Pause,
        (Key::S, ..) => Command::Snapshot,
        (Key::R, ..) => Command::Record,
        (Key::N, ..) => Command::Neutral,
        (Key::F, ..) => Command::Tab,
        (Key::V, ..) => Command::Viewer,
        (Key::ArrowLeft, ..) => step(-1),
        (Key::ArrowRight, ..) => step(1),
        (Key::Home, ..) => Command::Start,
        (Key::End, ..) => Command::End,
        (Key::I, ..) => Command::StretchEnd(true),
        (Key::O, ..) => Command::StretchEnd(false),
        (Key::T, ..) => Command::Theme,
        (Key::H | Key::Questionmark, ..) => Command::Help,
        (Key::Escape, ..) => Command::Close,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_asks_for_what_was_held_with_it() {
        let held = |ctrl, shift| Modifiers { command: ctrl, ctrl, shift, ..Modifiers::NONE };
        assert_eq!(command(Key::O, held(true, false)), Some(Command::Ask(Wish::Play)));
        assert_eq!(command(Key::O, held(false, false)), Some(Command::StretchEnd(false)));
        assert_eq!(command(Key::Z, held(true, false)), Some(Command::Undo));
        assert_eq!(command(Key::Z, held(true, true)), Some(Command::Redo));
        assert_eq!(command(Key::ArrowLeft, held(false, true)), Some(Command::Leap(-1)));
        assert_eq!(command(Key::R, held(true, false)), None, "Ctrl+R is not R");
    }
}
