//! Putting a face together, from the background to the glasses.

use super::canvas::{Canvas, Stroke, around, ellipse};
use super::compress::compressed;
use super::features::{Feature, brows, eyes, folds, nose};
use super::mouth::Mouth;
use super::person::{Rgb, mix};
use super::view::Viewpoint;
use super::{Face, Identity, Scene};
use crate::media::Picture;

impl Face {
    /// Draws the face as a square picture with 1 or 3 channels.
    pub fn draw(&self, size: usize, channels: usize) -> Picture {
        self.draw_in(&Viewpoint::square(&self.pose, size.max(1)), channels)
    }

    /// Draws the face as part of the picture of a view, which places it instead of [`Face::pose`]'s shift, scale and roll.
    pub fn draw_in(&self, view: &Viewpoint, channels: usize) -> Picture {
        let mut canvas = self.scene.room(view);
        let shape = HeadShape::of(self);
        body(&mut canvas, self);
        hair_behind(&mut canvas, self, &shape);
        head(&mut canvas, self, &shape);
        let feature = Feature::of(self);
        beard(&mut canvas, self, &shape, &feature);
        folds(&mut canvas, self, &feature);
        nose(&mut canvas, self, &feature);
        eyes(&mut canvas, self, &feature);
        brows(&mut canvas, self, &feature);
        Mouth::of(self, &feature).paint(&mut canvas, self);
        hair_in_front(&mut canvas, self, &shape);
        glasses(&mut canvas, self, &feature);
        if let Some(occlusion) = &self.occlusion {
            occlusion.paint(&mut canvas, self, &feature);
        }
        let (across, down) = self.scene.light;
        canvas.relight(|x, y| 1.0 + across * x.clamp(-1.2, 1.2) + down * y.clamp(-1.2, 1.2));
        self.scene.photograph(canvas, view, channels)
    }
}

impl Scene {
    /// The picture of a view without anybody in it.
    pub fn draw_empty(&self, view: &Viewpoint, channels: usize) -> Picture {
        self.photograph(self.room(view), view, channels)
    }

    /// A wall with something bright on it.
    fn room(&self, view: &Viewpoint) -> Canvas {
        let [above, below] = self.background;
        let [x, y, width, height] = self.panel;
        Canvas::new(view, |across, down| {
            let wall = mix(above, below, ((down + 1.1) / 2.2).clamp(0.0, 1.0));
            let outside = ((across - x).abs() - width).max((down - y).abs() - height);
            mix(wall, self.panel_colour, (0.5 - 12.0 * outside).clamp(0.0, 0.6))
        })
    }

    /// What the camera does.
    fn photograph(&self, mut canvas: Canvas, view: &Viewpoint, channels: usize) -> Picture {
        canvas.blur(self.blur * view.unit);
        let picture = canvas.finish(channels, self.exposure, self.noise, self.noise_key);
        compressed(picture, self.compression)
    }
}

/// How square the head is above its middle, and how much it narrows towards the chin.
const ABOVE: f32 = 0.2;
const TAPER: f32 = 0.13;

/// The outline of the head: a mixture of an ellipse and a squarer curve, whose chin follows the jaw.
pub(super) struct HeadShape {
    width: f32,
    chin: f32,
    square: f32,
}

impl HeadShape {
    pub fn of(face: &Face) -> Self {
        Self {
            width: face.identity.head_width,
            chin: 1.0 + 0.10 * face.actions.jaw,
            square: 0.15 + 0.45 * face.identity.jaw_square,
        }
    }

    /// Points of the outline, a few degrees apart. The outline is where [`HeadShape::distance`] is 0.
    pub fn outline(&self) -> impl Iterator<Item = (f32, f32)> {
        const POINTS: u16 = 128;
        (0..POINTS).map(|i| {
            let (sin, cos) = (std::f32::consts::TAU * f32::from(i) / f32::from(POINTS)).sin_cos();
            let square = if sin > 0.0 { self.square } else { ABOVE };
            // Along a ray the curve is a quadratic in the squared radius.
            let (a, b) = (square * (cos.powi(4) + sin.powi(4)), 1.0 - square);
            let squared = 2.0 / (b + (b * b + 4.0 * a).sqrt());
            let (x, y) = (squared.sqrt() * cos, squared.sqrt() * sin);
            if y > 0.0 {
                let y = y * self.chin;
                (x * self.width * (1.0 - TAPER * y), y)
            } else {
                (x * self.width, y)
            }
        })
    }

    /// Both points of the outline at a height above the middle, for `y` from -1 to 0.
    pub fn chord(&self, y: f32) -> [(f32, f32); 2] {
        // (1 - s) (X + Y) + s (X X + Y Y) = 1 for squares X and Y.
        let down = y * y;
        let c = 1.0 - (1.0 - ABOVE) * down - ABOVE * down * down;
        let b = 1.0 - ABOVE;
        let x = self.width * (2.0 * c / (b + (b * b + 4.0 * ABOVE * c).sqrt())).max(0.0).sqrt();
        [(-x, y), (x, y)]
    }

    /// Signed distance, by the curve's value; close enough near the edge, where it matters.
    pub fn distance(&self) -> impl Fn(f32, f32) -> f32 + use<> {
        let (width, chin, square) = (self.width, self.chin, self.square);
        move |x, y| {
            // Below the ears the head narrows towards the chin.
            let (y, square, taper) =
                if y > 0.0 { (y / chin, square, 1.0 - TAPER * y) } else { (y, ABOVE, 1.0) };
            let x = x / (width * taper);
            let (x, y) = (x * x, y * y);
            let value = (1.0 - square) * (x + y) + square * (x * x + y * y);
            (value.sqrt() - 1.0) * 0.8
        }
    }
}

fn body(canvas: &mut Canvas, face: &Face) {
    let neck = face.identity.skin.map(|v| v * 0.72);
    canvas.paint([-0.36, 0.36, 0.5, 1.5], neck, 1.0, |x, y| (x.abs() - 0.36).max(0.5 - y));
    let shoulders = ellipse(0.0, 1.85, 1.25, 0.75);
    canvas.paint([-1.25, 1.25, 1.1, 9.0], face.scene.clothes, 1.0, |x, y| {
        shoulders(x, y).min((x.abs() - 1.25).max(1.85 - y))
    });
}

fn hair_behind(canvas: &mut Canvas, face: &Face, shape: &HeadShape) {
    let Identity { hair, bald, long_hair, .. } = face.identity;
    if bald {
        return;
    }
    let dark = hair.map(|v| v * 0.85);
    if long_hair {
        let (rx, ry) = (shape.width + 0.17, 1.1);
        canvas.paint(around(0.0, 0.05, rx, ry), dark, 1.0, ellipse(0.0, 0.05, rx, ry));
    } else {
        let (rx, ry) = (shape.width + 0.06, 0.98);
        canvas.paint(around(0.0, -0.12, rx, ry), dark, 1.0, ellipse(0.0, -0.12, rx, ry));
    }
}

fn head(canvas: &mut Canvas, face: &Face, shape: &HeadShape) {
    let skin = face.identity.skin;
    if !face.identity.long_hair {
        for side in [-1.0, 1.0] {
            let x = side * shape.width * 0.98 - 0.05 * face.pose.yaw;
            canvas.paint(
                around(x, 0.06, 0.10, 0.19),
                skin.map(|v| v * 0.86),
                1.0,
                ellipse(x, 0.06, 0.10, 0.19),
            );
        }
    }
    let width = shape.width;
    canvas.shade([-width, width, -1.02, shape.chin + 0.02], 0.0, 1.0, shape.distance(), |x, y, _| {
        // A round head is darker where it turns away.
        let (x, y) = (x / width, y);
        let away = (0.75 * x * x + 0.5 * y * y - 0.15).max(0.0);
        let shade = 1.03 - 0.30 * away;
        skin.map(|v| v * shade)
    });
    let blush = [0.80, 0.35, 0.30];
    let lift = 0.06 * face.actions.cheek.max(0.6 * face.actions.corner);
    for side in [-1.0, 1.0] {
        let (x, y) = (side * 0.42 - 0.1 * face.pose.yaw, 0.30 - lift);
        canvas.paint_soft(around(x, y, 0.2, 0.15), 0.2, blush, 0.10, ellipse(x, y, 0.14, 0.10));
    }
}

fn beard(canvas: &mut Canvas, face: &Face, shape: &HeadShape, feature: &Feature) {
    let density = face.identity.beard;
    if density == 0.0 {
        return;
    }
    let head = shape.distance();
    let (mx, my) = feature.mouth;
    let width = shape.width;
    canvas.paint_soft([-width, width, 0.1, shape.chin], 0.12, face.identity.hair, density, move |x, y| {
        // Below a curve that rises to the ears; clear skin around the lower lip is left to the mouth.
        let edge = my - 0.10 - 0.55 * ((x - mx) / width).powi(2);
        (head(x, y) + 0.05).max(edge - y)
    });
}

fn hair_in_front(canvas: &mut Canvas, face: &Face, shape: &HeadShape) {
    let identity = &face.identity;
    if identity.bald {
        return;
    }
    let width = shape.width;
    let cap = ellipse(0.0, -0.10, width + 0.07, 1.0);
    let line = -identity.hairline;
    let (parting, long) = (identity.parting, identity.long_hair);
    let hair = identity.hair;
    canvas.shade(
        [-width - 0.1, width + 0.1, -1.12, 0.25],
        0.03,
        1.0,
        move |x, y| {
            let across = (x - parting * 0.6) / width;
            let steep = if long { 1.0 } else { 0.62 };
            let edge = line - 0.12 + steep * across * across * across.abs().sqrt() + parting * 0.25 * across;
            cap(x, y).max(0.8 * (y - edge.min(0.2)))
        },
        // Strands catch the light differently.
        move |x, y, _| {
            let strand = 1.0 + 0.06 * (31.0 * x + 5.0 * y * x).sin() - 0.15 * (y + 0.6);
            hair.map(|v| v * strand)
        },
    );
}

fn glasses(canvas: &mut Canvas, face: &Face, feature: &Feature) {
    if !face.identity.glasses {
        return;
    }
    let frame: Rgb = [0.08, 0.08, 0.09];
    let radius = face.identity.glass_radius;
    for (x, y) in feature.eyes {
        let ring = ellipse(x, y + 0.02, radius, radius * 0.82);
        let bounds = around(x, y + 0.02, radius + 0.03, radius);
        canvas.paint(bounds, frame, 0.9, |x, y| ring(x, y).abs() - 0.016);
    }
    let [(lx, ly), (rx, ry)] = feature.eyes;
    let bridge = Stroke {
        from: (lx + radius, ly),
        via: (f32::midpoint(lx, rx), f32::midpoint(ly, ry) - 0.05),
        to: (rx - radius, ry),
        start: 0.016,
        end: 0.016,
    };
    canvas.paint(bridge.bounds(), frame, 0.9, bridge.distance());
}
