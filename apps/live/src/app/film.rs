//! The viewer's part of the window: a film, its table, and where in it we are.

use std::path::Path;

use affekt_engine::output::Edit;
use affekt_engine::signal::most_probable;
use affekt_results::analyze::in_words;
use eframe::egui::{Context, Label, RichText, TextureHandle, TextureId, TextureOptions, Ui};

use super::correct::{Asked, Desk};
use super::faces::Card;
use super::look::Look;
use super::picture::Mark;
use super::ribbons::{self, Axis, Pointed, Ribbons};
use super::timeline::clock;
use crate::viewer::{Face, Opened, Still, Viewer};

/// A viewer with what is drawn of it.
pub struct Film {
    /// The viewer.
    pub viewer: Viewer,
    /// Where corrections are made.
    pub desk: Desk,
    ribbons: Ribbons,
    texture: Option<(TextureHandle, u64)>,
}

impl Film {
    /// Draws nothing yet.
    ///
    /// # Errors
    /// The system gives no thread.
    pub fn new(opened: Opened, video: &Path, wake: impl Fn() + Send + 'static) -> std::io::Result<Self> {
        let viewer = Viewer::new(opened, video, wake)?;
        Ok(Self { viewer, desk: Desk::default(), ribbons: Ribbons::default(), texture: None })
    }

    /// The texture and size of the frame that is there; uploads it where it is new.
    pub fn texture(&mut self, ctx: &Context) -> Option<(TextureId, [usize; 2])> {
        let Still { frame, size, image } = self.viewer.still()?;
        match &mut self.texture {
            Some((texture, there)) if there != frame => {
                texture.set(std::sync::Arc::clone(image), TextureOptions::LINEAR);
                *there = *frame;
            }
            Some(_) => {}
            None => {
                let texture = ctx.load_texture("film", std::sync::Arc::clone(image), TextureOptions::LINEAR);
                self.texture = Some((texture, *frame));
            }
        }
        self.texture.as_ref().map(|(texture, _)| (texture.id(), *size))
    }

    /// The faces of the frame that is there, to be marked in it.
    pub fn marks(&self) -> Vec<Mark> {
        let faces = self.viewer.results.faces(self.viewer.place());
        let mark = |(face, probabilities): (&Face, &[u8])| Mark {
            who: self.viewer.results.who(face.person),
            face_box: face.face_box,
            label: usize::from(face.label),
            now: now(face, probabilities),
            unsure: face.unsure() || face.excluded,
            detected: !face.excluded,
            by: by(face),
        };
        faces.map(mark).collect()
    }

    /// A card for each face of the frame that is there.
    pub fn cards(&self) -> Vec<Card> {
        let faces = self.viewer.results.faces(self.viewer.place());
        let card = |(face, probabilities): (&Face, &[u8])| Card {
            person: face.person,
            label: usize::from(face.label),
            now: now(face, probabilities),
            unsure: face.unsure(),
            vote: None,
            name: self.viewer.results.called(face.person),
            neutral: None,
            probabilities: probabilities.iter().map(|&p| f32::from(p) / 255.0).collect(),
            by: by(face),
        };
        faces.map(card).collect()
    }

    /// Makes a correction; gives a line where it does not fit.
    pub fn correct(&mut self, edit: Edit) -> Option<String> {
        let done = self.viewer.correct(edit);
        self.changed();
        done.err()
    }

    /// Takes the last correction back or makes it again; gives a line about it.
    pub fn undo(&mut self, again: bool) -> Result<Option<String>, String> {
        let done = self.viewer.undo(again);
        self.changed();
        let words = if again { "made again" } else { "taken back" };
        done.map(|edit| edit.map(|edit| format!("{words}: {}", in_words(&edit))))
    }

    fn changed(&mut self) {
        self.ribbons = Ribbons::default();
        self.desk.forget_names();
    }

    /// Takes the present moment as an end of the stretch.
    pub fn mark_end(&mut self, is_start: bool) {
        if is_start { self.desk.start_here(&self.viewer) } else { self.desk.end_here(&self.viewer) }
    }

    /// Draws the line to scrub on and the ribbons of all people; what is said of them stands above `top`.
    pub fn draw(&mut self, ui: &mut Ui, look: &Look, now: std::time::Duration, top: f32) {
        let length = self.viewer.results.seconds();
        ui.horizontal(|ui| {
            let sign = if self.viewer.playing() { "Pause" } else { "Play" };
            if ui.button(sign).clicked() {
                self.viewer.play(!self.viewer.playing(), now);
            }
            if ui.button("<").on_hover_text("one frame back (Left)").clicked() {
                self.viewer.step(-1);
            }
            if ui.button(">").on_hover_text("one frame on (Right)").clicked() {
                self.viewer.step(1);
            }
            let frame = self.viewer.results.frame(self.viewer.place()).map_or(0, |frame| frame.number);
            let place = format!("{} / {}  frame {frame}", clock(self.viewer.seconds()), clock(length));
            ui.add(Label::new(RichText::new(place).monospace().size(12.0)).selectable(false));
        });
        ui.add_space(2.0);
        let axis = Axis::of(ui, length, ribbons::margin(ui, &self.viewer));
        let chosen = self.desk.stretch();
        let (wanted, _) = ribbons::track(ui, &axis, self.viewer.seconds(), (chosen, top), look);
        if let Some(seconds) = wanted {
            self.viewer.seek(seconds, now);
        }
        let whose = (chosen, self.desk.who());
        match ribbons::film(ui, &self.viewer, &mut self.ribbons, (&axis, top), whose, look) {
            Some(Pointed::At(seconds)) => self.viewer.seek(seconds, now),
            Some(Pointed::Stretch(person, from, to)) => self.desk.choose(person, from, to),
            Some(Pointed::Segment(person, seconds)) => {
                self.viewer.seek(seconds, now);
                let place = self.viewer.results.place_at(seconds);
                self.desk.choose_segment(&self.viewer, person, place);
            }
            None => {}
        }
    }

    /// Draws the tab of corrections; gives what was asked for.
    pub fn draw_desk(&mut self, ui: &mut Ui, look: &Look) -> Vec<Asked> {
        self.desk.draw(ui, &self.viewer, look)
    }
}

/// The most probable class of a frame, and its probability.
fn now(face: &Face, probabilities: &[u8]) -> (usize, f32) {
    let now = most_probable(probabilities).map(|(class, share)| (class, f32::from(share) / 255.0));
    now.unwrap_or((usize::from(face.label), face.confidence))
}

fn by(face: &Face) -> &'static str {
    match (face.excluded, face.by_hand) {
        (true, _) => "excluded",
        (false, true) => "by hand",
        (false, false) => "",
    }
}
