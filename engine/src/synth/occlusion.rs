//! What hides part of a face: a hand, a mask, dark glasses, a strand of hair.

use super::Face;
use super::canvas::{Canvas, Stroke, around, ellipse};
use super::features::{Feature, darker};
use super::person::{Rgb, mix};
use crate::random::Random;

/// What is in front of the face.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    /// The person's hand, from below.
    Hand,
    /// A mask over mouth and nose.
    Mask,
    /// Dark glasses.
    Shades,
    /// Hair over one eye.
    Strand,
}

/// Something in front of the face.
#[derive(Debug, Clone, PartialEq)]
pub struct Occlusion {
    /// What it is.
    pub cover: Cover,
    /// The picture's right (1) or left (-1) half of the face, where it takes sides.
    pub side: f32,
    /// How high it reaches, 0 to 1.
    pub reach: f32,
    /// Its colour, where it is not the person's own.
    pub colour: [f32; 3],
    /// How far it has come: 0 is out of the picture, 1 in place.
    pub arrival: f32,
}

impl Occlusion {
    /// Draws one that is in place.
    pub fn sample(rng: &mut Random) -> Self {
        let cover = [Cover::Hand, Cover::Hand, Cover::Mask, Cover::Shades, Cover::Strand][rng.below(5)];
        let masks: [Rgb; 3] = [[0.55, 0.75, 0.85], [0.9, 0.9, 0.92], [0.12, 0.12, 0.14]];
        Self {
            cover,
            side: if rng.chance(0.5) { 1.0 } else { -1.0 },
            reach: rng.uniform(),
            colour: masks[rng.below(masks.len())],
            arrival: 1.0,
        }
    }

    pub(super) fn paint(&self, canvas: &mut Canvas, face: &Face, feature: &Feature) {
        let away = 1.0 - self.arrival;
        match self.cover {
            Cover::Hand => self.hand(canvas, face.identity.skin, 1.6 * away),
            Cover::Mask => self.mask(canvas, face, feature, 1.4 * away),
            Cover::Shades => self.shades(canvas, face, feature, -1.2 * away),
            Cover::Strand => self.strand(canvas, face, away),
        }
    }

    /// A palm and four fingers that lie on the cheek or the mouth.
    fn hand(&self, canvas: &mut Canvas, skin: Rgb, drop: f32) {
        let side = self.side;
        let (x, y) = (side * (0.62 - 0.45 * self.reach), 0.95 - 0.2 * self.reach + drop);
        let (light, dark) = (darker(skin, 0.95), darker(skin, 0.62));
        let arm = Stroke {
            from: (x, y),
            via: (x, y + 0.8),
            to: (x + 0.25 * side, y + 1.8),
            start: 0.24,
            end: 0.28,
        };
        canvas.paint(arm.bounds(), darker(skin, 0.85), 1.0, arm.distance());
        canvas.paint(around(x, y, 0.3, 0.3), light, 1.0, ellipse(x, y, 0.29, 0.3));
        for finger in 0..4u8 {
            let across = (f32::from(finger) - 1.5) * 0.155;
            let long = 0.62 - 0.05 * (f32::from(finger) - 1.5).abs();
            let tip = (x + across * 1.15 - 0.12 * side, y - long);
            let stroke = Stroke {
                from: (x + across, y - 0.05),
                via: (x + across * 1.1, y - 0.35),
                to: tip,
                start: 0.08,
                end: 0.068,
            };
            let distance = stroke.distance();
            canvas.paint(stroke.bounds(), dark, 0.8, |x, y| distance(x, y) - 0.012);
            canvas.paint(stroke.bounds(), light, 1.0, stroke.distance());
        }
    }

    fn mask(&self, canvas: &mut Canvas, face: &Face, feature: &Feature, drop: f32) {
        let ((mx, my), (_, ny)) = (feature.mouth, feature.nose);
        let (top, bottom) = (ny - 0.1 + drop, my + 0.36 + drop);
        let width = face.identity.head_width * 0.8;
        let outline = move |x: f32, y: f32| {
            let u = (x - mx) / width;
            ((top + 0.16 * u * u) - y).max(y - (bottom - 0.22 * u * u)).max((u.abs() - 1.0) * width)
        };
        let colour = self.colour;
        canvas.shade([mx - width, mx + width, top, bottom], 0.0, 1.0, outline, move |_, y, _| {
            // Three pleats.
            darker(colour, 0.93 + 0.07 * (18.0 * (y - top)).sin())
        });
        for side in [-1.0, 1.0] {
            let band = Stroke {
                from: (mx + side * width, top + 0.2),
                via: (mx + side * (width + 0.05), top + 0.1),
                to: (side * face.identity.head_width, drop),
                start: 0.014,
                end: 0.014,
            };
            canvas.paint(band.bounds(), colour, 0.9, band.distance());
        }
    }

    fn shades(&self, canvas: &mut Canvas, face: &Face, feature: &Feature, rise: f32) {
        let lens = 0.235 + 0.03 * self.reach;
        for (x, y) in feature.eyes {
            let y = y + 0.03 + rise;
            canvas.shade(
                around(x, y, lens, lens * 0.85),
                0.0,
                0.97,
                ellipse(x, y, lens, lens * 0.82),
                move |_, below, _| mix([0.16; 3], [0.05; 3], ((below - y) / lens + 0.8).clamp(0.0, 1.0)),
            );
        }
        let [(lx, y), (rx, _)] = feature.eyes;
        let y = y + rise;
        let width = face.identity.head_width;
        for (from, to) in [(lx, rx), (-width, lx), (rx, width)] {
            let bar = Stroke {
                from: (from, y),
                via: (f32::midpoint(from, to), y - 0.02),
                to: (to, y),
                start: 0.02,
                end: 0.02,
            };
            canvas.paint(bar.bounds(), [0.06; 3], 0.95, bar.distance());
        }
    }

    fn strand(&self, canvas: &mut Canvas, face: &Face, away: f32) {
        let width = face.identity.head_width;
        let (side, hair) = (self.side, face.identity.hair);
        for lock in 0..4u8 {
            let across = 0.09 * f32::from(lock);
            let stroke = Stroke {
                from: (-side * 0.05, -0.95),
                via: (side * (width * 0.55 + across), -0.7),
                to: (side * (width * 0.5 + across + 0.5 * away), 0.05 + 0.3 * self.reach - 0.6 * away),
                start: 0.075,
                end: 0.03,
            };
            let tone = 0.88 + 0.07 * f32::from(lock);
            canvas.paint_soft(stroke.bounds(), 0.02, darker(hair, tone), 1.0, stroke.distance());
        }
    }
}
