//! The viewer's part of the window: a film, its table, and where in it we are.

use eframe::egui::{Context, RichText, Slider, TextureHandle, TextureId, TextureOptions, Ui};

use super::faces::Card;
use super::look::Look;
use super::picture::Mark;
use super::timeline::{self, Ribbons, clock};
use crate::viewer::{Still, Viewer};

/// A viewer with what is drawn of it.
pub struct Film {
    /// The viewer.
    pub viewer: Viewer,
    ribbons: Ribbons,
    texture: Option<(TextureHandle, u64)>,
}

impl Film {
    /// Draws nothing yet.
    pub fn new(viewer: Viewer) -> Self {
        Self { viewer, ribbons: Ribbons::default(), texture: None }
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
        let mark = |face: &crate::viewer::Face| Mark {
            person: face.person,
            face_box: face.face_box,
            label: usize::from(face.label),
            share: face.confidence,
            unsure: face.unsure,
            detected: true,
        };
        faces.map(|(face, _)| mark(face)).collect()
    }

    /// A card for each face of the frame that is there.
    pub fn cards(&self) -> Vec<Card> {
        let faces = self.viewer.results.faces(self.viewer.place());
        let card = |(face, probabilities): (&crate::viewer::Face, &[u8])| Card {
            person: face.person,
            label: usize::from(face.label),
            share: face.confidence,
            unsure: face.unsure,
            vote: None,
            name: self.viewer.results.called(face.person),
            neutral: None,
            probabilities: probabilities.iter().map(|&p| f32::from(p) / 255.0).collect(),
        };
        faces.map(card).collect()
    }

    /// Draws the line to scrub on and the ribbons of all people.
    pub fn draw(&mut self, ui: &mut Ui, look: &Look, now: std::time::Duration) {
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
            let (mut seconds, room) = (self.viewer.seconds(), ui.available_width());
            ui.spacing_mut().slider_width = (room - 210.0).max(60.0);
            let slider = Slider::new(&mut seconds, 0.0..=length).show_value(false);
            if ui.add(slider).changed() {
                self.viewer.seek(seconds, now);
            }
            ui.label(RichText::new(place).monospace().size(12.0));
        });
        ui.add_space(4.0);
        if let Some(seconds) = timeline::film(ui, &self.viewer, &mut self.ribbons, look) {
            self.viewer.seek(seconds, now);
        }
    }
}
