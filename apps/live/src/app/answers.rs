//! What buttons, keys and settings do.

use std::path::{Path, PathBuf, absolute};

use eframe::egui::Context;

use super::bars::Weight;
use super::commands::{Command, Next};
use super::settings::{Asked, Editing, Serve};
use super::{Tab, Window, analyse, correct, faces};
use crate::dialog::{Dialog, Wish};
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
            (Command::Camera, _) => self.go(Next::Play(SourceSpec::Auto), ctx),
            (Command::Synth, _) => self.play(SourceSpec::Synth, None),
            (Command::Ask(wish), _) => self.ask(wish),
            (Command::Recent(place), _) => {
                if let Some(file) = self.state.recent.get(place).cloned() {
                    self.play_there(SourceSpec::File(file));
                }
            }
            (Command::Undo, Some(_)) => self.undo(false),
            (Command::Redo, Some(_)) => self.undo(true),
            (Command::StretchEnd(is_start), Some(film)) => {
                film.mark_end(is_start);
                self.tab = Tab::Correct;
            }
            (Command::Save | Command::Leave { saved: true }, Some(_)) => self.save(),
            (Command::Leave { saved: false }, _) => self.leave_without(),
            (Command::Stay, _) => self.leaving = None,
            (Command::Defaults, _) => {
                self.state.recognizer = RecognizerChoice::default();
                self.editing = Editing::of(&self.state);
                self.live.recognize(&self.state.recognizer);
            }
            (Command::Quit, _) => self.go(Next::Quit, ctx),
            (Command::Step(frames), Some(film)) => film.viewer.step(frames),
            (Command::Leap(seconds), Some(film)) => {
                let to = film.viewer.seconds() + seconds as f64;
                film.viewer.seek(to.max(0.0), now);
            }
            (Command::Start, Some(film)) => film.viewer.seek(0.0, now),
            (Command::End, Some(film)) => film.viewer.seek(f64::MAX, now),
            (Command::Step(seconds) | Command::Leap(seconds), None) => {
                self.live.seek(self.live.position() + seconds as f64);
            }
            (Command::Start, None) => self.live.seek(0.0),
            (Command::End, None) => self.live.seek(f64::MAX),
            (Command::Tab, _) => self.tab = if self.tab == Tab::Faces { Tab::Settings } else { Tab::Faces },
            (Command::Theme, _) => self.set_theme(self.state.theme.next()),
            (Command::Help, _) => self.help = !self.help,
            (Command::Dismiss, _) => self.line = None,
            (Command::Close, _) if self.help => self.help = false,
            (Command::Viewer | Command::Close, Some(_)) => self.go(Next::Live, ctx),
            (Command::Viewer, None) => self.view_results(),
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

    fn view_results(&mut self) {
        if let (Some(table), Some(video)) = (self.table.clone(), self.live.source.file()) {
            let video = video.to_owned();
            self.view(&table, &video);
            return;
        }
        let words = match self.live.source.file() {
            Some(_) => {
                format!("{} has no results yet: Analyse what plays, in the tab Analyse", self.live.name())
            }
            None => "V shows a film with its results; open a film that was analysed".into(),
        };
        self.line = Some((Weight::Note, words));
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

    /// One file that is dropped plays, several are analysed.
    pub(super) fn take_dropped(&mut self, ctx: &Context) {
        let dropped: Vec<PathBuf> =
            ctx.input(|input| input.raw.dropped_files.iter().map(|file| file.path().to_owned()).collect());
        let mut files: Vec<PathBuf> =
            dropped.into_iter().filter(|file| !file.as_os_str().is_empty()).collect();
        match files.len() {
            0 => {}
            1 => self.play_there(SourceSpec::File(files.remove(0))),
            _ => self.enqueue(files),
        }
    }

    /// Opens the desktop's dialog, unless it is open.
    fn ask(&mut self, wish: Wish) {
        if self.dialog.is_none() {
            match Dialog::open(wish, &self.ask, self.wake()) {
                Ok(dialog) => self.dialog = Some(dialog),
                Err(error) => self.line = Some((Weight::Problem, format!("no thread for a dialog: {error}"))),
            }
        }
    }

    /// Takes what was chosen in the dialog.
    pub(super) fn take_chosen(&mut self) {
        let Some((wish, answer)) = self.dialog.as_ref().and_then(Dialog::poll) else { return };
        self.dialog = None;
        match (wish, answer) {
            (_, Err(problem)) => self.line = Some((Weight::Problem, problem)),
            (Wish::Analyse, Ok(files)) if !files.is_empty() => self.enqueue(files),
            (_, Ok(files)) => {
                if let Some(file) = files.into_iter().next() {
                    self.play_there(SourceSpec::File(file));
                }
            }
        }
    }

    /// Adds files to the queue, and shows it.
    pub(super) fn enqueue(&mut self, files: Vec<PathBuf>) {
        self.tab = Tab::Analyse;
        if let Err(error) = self.queue.add(files) {
            self.line = Some((Weight::Problem, format!("no thread to look at the files: {error}")));
        }
    }

    pub(super) fn handle_queue(&mut self, asked: analyse::Asked, ctx: &Context) {
        match asked {
            analyse::Asked::Choose => self.ask(Wish::Analyse),
            analyse::Asked::Add(file) => self.enqueue(vec![file]),
            analyse::Asked::Typed if Path::new(self.queued.trim()).exists() => {
                let file = std::mem::take(&mut self.queued);
                self.enqueue(vec![file.trim().into()]);
            }
            analyse::Asked::Typed => {
                let problem = format!("{}: there is no such file", self.queued.trim());
                self.line = Some((Weight::Problem, problem));
            }
            analyse::Asked::Stop(id) => self.queue.stop(id),
            analyse::Asked::Open(table, video) => self.go(Next::View(table, video), ctx),
            analyse::Asked::Clear => self.queue.clear(),
        }
    }

    pub(super) fn handle_correction(&mut self, asked: correct::Asked) {
        match asked {
            correct::Asked::Edit(edit) => {
                let problem = self.film.as_mut().and_then(|film| film.correct(edit));
                self.line = problem.map(|problem| (Weight::Problem, problem));
            }
            correct::Asked::Undo => self.undo(false),
            correct::Asked::Redo => self.undo(true),
            correct::Asked::Save => self.save(),
        }
    }

    fn undo(&mut self, again: bool) {
        let Some(film) = &mut self.film else { return };
        self.line = match film.undo(again) {
            Ok(said) => said.map(|said| (Weight::Note, said)),
            Err(problem) => Some((Weight::Problem, problem)),
        };
    }

    /// Keeps the corrections; where there are none, leaves if that was asked for.
    fn save(&mut self) {
        let wake = self.wake();
        let Some(Ok(draft)) = self.film.as_mut().map(|film| &mut film.viewer.draft) else { return };
        if draft.is_saved() {
            return;
        }
        if let Err(error) = draft.save(wake) {
            self.line = Some((Weight::Problem, format!("no thread to save: {error}; close other programs")));
        }
    }

    /// Plays a source that somebody has named. One that is not there is told, and what plays goes on.
    pub(super) fn play_there(&mut self, source: SourceSpec) {
        if let Some(file) = source.file().filter(|file| !file.exists()) {
            let problem = format!("{}: there is no such file; what plays goes on", file.display());
            self.line = Some((Weight::Problem, problem));
            return;
        }
        self.editing.source_plays();
        let ctx = self.context.clone();
        self.go(Next::Play(source), &ctx);
    }

    pub(super) fn handle_order(&mut self, asked: Asked) {
        if let Some(source) = asked.source {
            match source.parse() {
                Ok(source) => self.play_there(source),
                Err(problem) => self.line = Some((Weight::Problem, problem)),
            }
        }
        if let Some(folder) = asked.results {
            let folder = Some(folder).filter(|folder| !folder.as_os_str().is_empty());
            self.state.results = folder.map(|folder| absolute(&folder).unwrap_or(folder));
        }
        if let Some(choice) = asked.recognizer {
            let choice = choice.anchored();
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
