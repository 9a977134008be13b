//! The mouth: lips, teeth and tongue, moved by the corners, the upper lip and the jaw.

use super::Face;
use super::canvas::{Bounds, Canvas, around, ellipse};
use super::features::{Feature, darker};
use super::person::{Rgb, mix};

/// The mouth's form in face coordinates.
#[derive(Clone, Copy)]
pub(super) struct Mouth {
    centre: (f32, f32),
    /// Half its width, and the factor on it on the left and right: the far side is narrower.
    half: f32,
    widths: [f32; 2],
    /// How far the left and right corner are pulled up.
    lifts: [f32; 2],
    /// Thickness of the lips.
    upper: f32,
    lower: f32,
    /// Opening above and below the line between the corners.
    gap_up: f32,
    gap_down: f32,
    /// How far the upper lip is raised in the middle.
    raise: f32,
}

/// Edges of the lips in a column of the mouth.
struct Column {
    /// -1 at the left corner, 1 at the right.
    u: f32,
    top: f32,
    inner_top: f32,
    inner_bottom: f32,
    bottom: f32,
}

impl Mouth {
    pub fn of(face: &Face, feature: &Feature) -> Self {
        let (identity, actions) = (&face.identity, &face.actions);
        let corner = actions.corner + identity.resting_corner;
        let pull = 0.22 * corner.max(0.0) + 0.30 * actions.stretch - 0.12 * actions.press.min(1.0);
        // A puckered mouth pushes its lips out; a pressed one draws them in.
        let thin = (1.0 - 0.65 * actions.press).max(0.2) * (1.0 + 0.45 * (-actions.stretch).max(0.0));
        // Pressed lips do not part.
        let part = actions.part * (1.0 - 0.5 * actions.press).max(0.0);
        Self {
            centre: feature.mouth,
            half: identity.mouth_width * (1.0 + pull).max(0.45),
            widths: feature.widths,
            lifts: [(-actions.skew).max(0.0), actions.skew.max(0.0)]
                .map(|skew| 0.125 * corner + 0.15 * skew - 0.03 * actions.skew.abs()),
            upper: 0.042 * identity.lips * thin * (1.0 + 0.15 * actions.upper_lip),
            lower: 0.060 * identity.lips * thin,
            gap_up: 0.028 * part + 0.012 * actions.jaw,
            gap_down: 0.055 * part + 0.27 * actions.jaw,
            raise: 0.075 * actions.upper_lip,
        }
    }

    /// The left and right corner.
    pub fn corners(&self) -> [(f32, f32); 2] {
        let (cx, cy) = self.centre;
        [
            (cx - self.half * self.widths[0], cy - self.lifts[0]),
            (cx + self.half * self.widths[1], cy - self.lifts[1]),
        ]
    }

    fn column(&self, x: f32) -> Column {
        let (cx, cy) = self.centre;
        let side = usize::from(x > cx);
        let u = (x - cx) / (self.half * self.widths[side]);
        let arch = 1.0 - u * u;
        // Corners go where they are pulled; a raised upper lip arches the middle.
        let line = cy - self.lifts[side] * u * u;
        // The upper lip's bow dips in the middle.
        let bow = 1.0 - 0.30 * (1.0 - (u / 0.22).abs()).max(0.0);
        let square = arch * (2.0 - arch).max(0.0);
        let inner_top = line - (self.gap_up + self.raise) * arch;
        let inner_bottom = line + self.gap_down * square - 0.3 * self.raise * arch;
        Column {
            u,
            top: inner_top - self.upper * arch * bow,
            inner_top,
            inner_bottom,
            bottom: inner_bottom + self.lower * arch,
        }
    }

    fn bounds(&self) -> Bounds {
        let (cx, cy) = self.centre;
        let (reach, lift) = (self.half * 1.1, self.lifts[0].abs().max(self.lifts[1].abs()));
        let up = self.upper + self.gap_up + self.raise + lift + 0.03;
        [cx - reach, cx + reach, cy - up, cy + self.lower + self.gap_down + lift + 0.05]
    }

    /// Distance past the corners.
    fn end(&self, u: f32) -> f32 {
        (u.abs() - 1.0) * self.half
    }

    pub fn paint(&self, canvas: &mut Canvas, face: &Face) {
        let (identity, actions) = (&face.identity, &face.actions);
        let ((cx, cy), bounds) = (self.centre, self.bounds());
        let red = [identity.skin[0] * 0.82, identity.skin[1] * 0.48, identity.skin[2] * 0.50];
        let colour = mix(darker(identity.skin, 0.80), red, 0.35 + 0.65 * identity.lip_colour);
        // The shadow below the lower lip gives the chin its form.
        let chin = cy + self.gap_down + self.lower + 0.06;
        canvas.paint_soft(
            around(cx, chin, 0.2, 0.06),
            0.08,
            darker(identity.skin, 0.6),
            0.22 + 0.15 * actions.press,
            ellipse(cx, chin, self.half * 0.6, 0.025),
        );
        canvas.shade(
            bounds,
            0.0,
            1.0,
            |x, y| {
                let at = self.column(x);
                (at.top - y).max(y - at.bottom).max(self.end(at.u))
            },
            // The upper lip turns from the light, the lower one to it.
            |x, y, _| darker(colour, if y < self.column(x).inner_top { 0.84 } else { 1.05 }),
        );
        let cavity = |x: f32, y: f32| {
            let at = self.column(x);
            // A closed mouth is still a line.
            let line = 0.011;
            (at.inner_top - line - y).max(y - at.inner_bottom - line).max(self.end(at.u) - 0.02)
        };
        let inside: Rgb = [0.16, 0.05, 0.05];
        canvas.paint(bounds, inside, 0.95, cavity);
        let gap = self.gap_up + self.gap_down + self.raise;
        let teeth = (0.075 * ((gap - 0.02) / 0.06).clamp(0.0, 1.0)).min(0.8 * gap);
        if teeth > 0.005 {
            canvas.paint(bounds, [0.88, 0.86, 0.82], 0.95, |x, y| {
                let at = self.column(x);
                let lower_edge = (at.inner_top + teeth).min(at.inner_bottom - 0.005);
                (at.inner_top + 0.004 - y).max(y - lower_edge).max((at.u.abs() - 0.86) * self.half)
            });
        }
        if actions.jaw > 0.35 {
            let y = cy + self.gap_down * 0.85;
            let tongue = ellipse(cx, y, self.half * 0.55, self.gap_down * 0.30);
            canvas.paint(bounds, [0.55, 0.22, 0.22], 0.8, |x, y| tongue(x, y).max(cavity(x, y)));
        }
    }
}
