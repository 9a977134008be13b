//! What buttons, keys and settings do.

use eframe::egui::{self, Context};

use super::bars::Weight;
use super::commands::Command;
use super::settings::{Asked, Editing, Serve};
use super::{Tab, Window, faces};
use crate::recognize::RecognizerChoice;
use crate::snapshot::{Snapshot, free_name};
use affekt_engine::world::live::SourceSpec;

impl Window {
    pub(super) fn answer(&mut self, command: Command, ctx: &Context) {
        let now = self.live.pipeline.now();
        match (command, &mut self.film) {
            (Command::Pause, _) => self.pause(),
            (Command::Snapshot, None) => self.snapshot(),
            (Command::Record, None) => self.record(),
            (Command::Neutral, None) => self.live.look_at_rest(faces::AT_REST),
            (Command::Again, _) => self.live.again(),
            (Command::Synth, _) => self.play(SourceSpec::Synth, None),
            (Command::Defaults, _) => {
                self.state.recognizer = RecognizerChoice::default();
                self.editing = Editing::of(&self.state.recognizer);
                self.live.recognize(&self.state.recognizer);
            }
            (Command::Quit, _) => ctx.send_viewport_cmd(egui::ViewportCommand::Close),
            (Command::Step(frames), Some(film)) => film.viewer.step(frames),
            (Command::Leap(seconds), Some(film)) => {
                let to = film.viewer.seconds() + seconds as f64;
                film.viewer.seek(to.max(0.0), now);
            }
            (Command::Start, Some(film)) => film.viewer.seek(0.0, now),
            (Command::End, Some(film)) => film.viewer.seek(f64::MAX, now),
            (Command::Tab, _) => self.tab = if self.tab == Tab::Faces { Tab::Settings } else { Tab::Faces },
            (Command::Theme, _) => self.set_theme(self.state.theme.next()),
            (Command::Help, _) => self.help = !self.help,
            (Command::Dismiss, _) => self.line = None,
            (Command::Close, _) if self.help => self.help = false,
            (Command::Viewer, _) | (Command::Close, Some(_)) => self.switch_viewer(),
            _ => {}
        }
    }

    pub(super) fn pause(&mut self) {
        match &mut self.film {
            Some(film) => {
                let playing = film.viewer.playing();
                film.viewer.play(!playing, self.live.pipeline.now());
            }
            None => self.live.set_paused(!self.live.paused),
        }
    }

    pub(super) fn switch_viewer(&mut self) {
        if self.film.take().is_some() {
            self.live.again();
        } else if let (Some(table), Some(video)) = (self.table.clone(), self.live.source.file()) {
            let video = video.to_owned();
            self.view(&table, &video);
        }
    }

    pub(super) fn snapshot(&mut self) {
        let (Some(shown), Some(about)) = (&self.live.last, &self.live.about) else { return };
        let snapshot = Snapshot::of(shown, &self.live.name(), &about.classes);
        let (folder, done) = (self.snapshots.clone(), self.written.0.clone());
        if let Err(error) = snapshot.write_aside(folder, done, self.wake()) {
            self.line = Some((Weight::Problem, format!("no thread to write: {error}")));
        }
    }

    pub(super) fn record(&mut self) {
        let (folder, source) = (self.snapshots.clone(), self.live.name());
        self.live.record(|frame| folder.join(format!("{}.mp4", free_name(&folder, &source, frame))));
    }

    pub(super) fn take_dropped(&mut self, ctx: &Context) {
        let dropped = ctx.input(|input| input.raw.dropped_files.first().map(|file| file.path().to_owned()));
        if let Some(path) = dropped.filter(|path| !path.as_os_str().is_empty()) {
            self.play(SourceSpec::File(path), None);
        }
    }

    pub(super) fn handle_order(&mut self, asked: Asked) {
        if let Some(source) = asked.source {
            match source.parse() {
                Ok(source) => self.play(source, None),
                Err(problem) => self.line = Some((Weight::Problem, problem)),
            }
        }
        if let Some(choice) = asked.recognizer {
            self.live.recognize(&choice);
            self.state.recognizer = choice;
        }
        if let Some(frames) = asked.smoothing {
            self.live.pipeline.set_smoothing(frames);
            self.state.smoothing = frames;
        }
        if let Some(theme) = asked.theme {
            self.set_theme(theme);
        }
        match asked.serve {
            Some(Serve::At(address)) => self.live.serve(Some(address)),
            Some(Serve::Nobody) => self.live.serve(None),
            None => {}
        }
    }
}
