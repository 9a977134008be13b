//! Eyes, brows, nose and the lines of the skin: what expressions move, beside the mouth.

use super::Face;
use super::canvas::{Canvas, Stroke, around, ellipse};
use super::person::{Rgb, mix};

/// How far a wrinkled nose goes up; its tip goes half as far.
const NOSE_RAISE: f32 = 0.045;

/// Where the features lie, after turning and nodding.
pub(super) struct Feature {
    /// Centres of the picture's left and right eye.
    pub eyes: [(f32, f32); 2],
    /// Factor on widths on the left and right half of the face: the far side is narrower.
    pub widths: [f32; 2],
    /// Tip of the nose.
    pub nose: (f32, f32),
    /// Middle of the mouth.
    pub mouth: (f32, f32),
}

impl Feature {
    pub fn of(face: &Face) -> Self {
        let (turn, nod) = (0.16 * face.pose.yaw, 0.10 * face.pose.pitch);
        let widths = [1.0 + 0.5 * turn, 1.0 - 0.5 * turn];
        let spacing = face.identity.eye_spacing;
        let eye_y = -0.08 + nod;
        Self {
            eyes: [(turn - spacing * widths[0], eye_y), (turn + spacing * widths[1], eye_y)],
            widths,
            // The nose stands out, so it moves most.
            nose: (
                1.6 * turn,
                face.identity.nose_length + 1.4 * nod - 0.5 * NOSE_RAISE * face.actions.wrinkle,
            ),
            mouth: (1.1 * turn, face.identity.mouth_height + 0.02 * face.actions.jaw + nod),
        }
    }
}

pub(super) fn darker(colour: Rgb, by: f32) -> Rgb {
    colour.map(|v| v * by)
}

const SIDES: [f32; 2] = [-1.0, 1.0];

pub(super) fn eyes(canvas: &mut Canvas, face: &Face, feature: &Feature) {
    let (identity, actions) = (&face.identity, &face.actions);
    let lid_colour = mix(darker(identity.skin, 0.45), [0.06, 0.05, 0.05], 0.5);
    let winks = [-actions.wink, actions.wink].map(|wink| wink.max(actions.shut));
    for (((cx, cy), width), shut) in feature.eyes.into_iter().zip(feature.widths).zip(winks) {
        let half = identity.eye_width * width;
        canvas.paint_soft(
            around(cx, cy - 0.03, half * 1.3, 0.15),
            0.12,
            darker(identity.skin, 0.62),
            0.28,
            ellipse(cx, cy - 0.03, half * 1.15, 0.10),
        );
        let open = identity.eye_open;
        let squint = (1.0 - 0.75 * actions.cheek).max(0.1);
        let up = (0.078 * open * (1.0 + 0.75 * actions.lid) * (1.0 - 0.35 * actions.wrinkle)).max(0.006);
        let down = 0.050 * open * squint * (1.0 + 0.25 * actions.lid.max(0.0));
        // A closing lid comes down to just above the lower one.
        let shut = shut.clamp(0.0, 1.0);
        let up = up - shut * (up + 0.8 * down);
        // The lower lid's middle rises with the cheek.
        let rise = 0.012 * actions.cheek;
        let opening = move |x: f32, y: f32| {
            let u = (x - cx) / half;
            let arch = 1.0 - u * u;
            let (top, bottom) = (cy - up * arch, cy + down * arch - rise);
            (top - y).max(y - bottom).max((u.abs() - 1.0) * half)
        };
        let bounds = [cx - half, cx + half, cy - up - 0.03, cy + down + 0.02];
        canvas.paint(bounds, [0.90, 0.88, 0.87], 1.0, opening);
        let (gx, gy) = (cx + 0.045 * face.pose.gaze.0, cy - 0.012 + 0.02 * face.pose.gaze.1);
        let within = |disc: f32, x: f32, y: f32| disc.max(opening(x, y));
        let iris = ellipse(gx, gy, 0.072, 0.072);
        canvas.paint(around(gx, gy, 0.072, 0.072), identity.iris, 1.0, |x, y| within(iris(x, y), x, y));
        let pupil = ellipse(gx, gy, 0.034, 0.034);
        canvas.paint(around(gx, gy, 0.034, 0.034), [0.02; 3], 1.0, |x, y| within(pupil(x, y), x, y));
        let glint = ellipse(gx + 0.02, gy - 0.025, 0.013, 0.013);
        canvas.paint(around(gx + 0.02, gy - 0.025, 0.013, 0.013), [1.0; 3], 0.9, |x, y| {
            within(glint(x, y), x, y)
        });
        // The upper lid's edge, with lashes, and its crease; the lower lid's edge is faint.
        let lash = Stroke {
            from: (cx - half * 1.03, cy),
            via: (cx, cy - 2.0 * up),
            to: (cx + half * 1.03, cy),
            start: 0.016,
            end: 0.016,
        };
        canvas.paint(lash.bounds(), lid_colour, 0.95, lash.distance());
        let crease = Stroke {
            from: (cx - half, cy - 0.035),
            via: (cx, cy - 2.0 * up - 0.085),
            to: (cx + half, cy - 0.035),
            start: 0.007,
            end: 0.007,
        };
        canvas.paint(crease.bounds(), darker(identity.skin, 0.5), 0.45, crease.distance());
        let lower = Stroke {
            from: (cx - half, cy - rise),
            via: (cx, cy + 2.0 * down - rise),
            to: (cx + half, cy - rise),
            start: 0.008,
            end: 0.008,
        };
        canvas.paint(lower.bounds(), darker(identity.skin, 0.5), 0.5, lower.distance());
        let bag = Stroke {
            from: (cx - half * 0.9, cy + 0.09),
            via: (cx, cy + 0.16),
            to: (cx + half * 0.9, cy + 0.09),
            start: 0.012,
            end: 0.012,
        };
        let alpha = 0.08 + 0.15 * identity.age + 0.35 * actions.cheek;
        canvas.paint_soft(bag.bounds(), 0.03, darker(identity.skin, 0.6), alpha.min(0.7), bag.distance());
    }
}

pub(super) fn brows(canvas: &mut Canvas, face: &Face, feature: &Feature) {
    let (identity, actions) = (&face.identity, &face.actions);
    let colour = mix(darker(identity.hair, 0.7), darker(identity.skin, 0.4), 0.25);
    for (side, (cx, cy)) in SIDES.into_iter().zip(feature.eyes) {
        let rest = cy - identity.brow_height;
        let lift = |action: f32, up: f32, down: f32| if action > 0.0 { action * up } else { action * down };
        let tight = 0.03 * actions.wrinkle;
        let inner = rest + 0.02 - lift(actions.inner_brow, 0.13, 0.115) + tight;
        let outer = rest + 0.03 - lift(actions.outer_brow, 0.11, 0.06) + tight;
        // One corner of the mouth often takes its brow along.
        let arch = rest
            - 0.035
            - 0.5 * (lift(actions.inner_brow, 0.09, 0.09) + lift(actions.outer_brow, 0.15, 0.03))
            + tight;
        let reach = identity.eye_width * 1.15;
        let brow = Stroke {
            from: (cx - side * (reach - 0.015 + 0.075 * actions.knit), inner),
            via: (cx + side * 0.03, arch - 0.02),
            to: (cx + side * (reach + 0.04), outer),
            start: identity.brow,
            end: identity.brow * 0.45,
        };
        canvas.paint_soft(brow.bounds(), 0.025, colour, 0.92, brow.distance());
    }
}

pub(super) fn nose(canvas: &mut Canvas, face: &Face, feature: &Feature) {
    let (identity, actions) = (&face.identity, &face.actions);
    let (tip_x, tip_y) = feature.nose;
    let raise = NOSE_RAISE * actions.wrinkle;
    let width = identity.nose_width * (1.0 + 0.15 * actions.wrinkle + 0.06 * actions.corner.max(0.0));
    let shadow = darker(identity.skin, 0.55);
    let bridge_y = feature.eyes[0].1;
    let bridge_x = f32::midpoint(feature.eyes[0].0, feature.eyes[1].0);
    // The side away from the light is darker.
    for side in SIDES {
        let away = 0.20 - 0.5 * side * face.scene.light.0;
        let flank = Stroke {
            from: (bridge_x + side * 0.055, bridge_y),
            via: (bridge_x + side * 0.05, tip_y - 0.15),
            to: (tip_x + side * width, tip_y - 0.02),
            start: 0.012,
            end: 0.03,
        };
        canvas.paint_soft(flank.bounds(), 0.05, shadow, away.clamp(0.05, 0.45), flank.distance());
        let wing = Stroke {
            from: (tip_x + side * width * 0.95, tip_y - 0.06 - raise),
            via: (tip_x + side * width * 1.35, tip_y + 0.01 - raise),
            to: (tip_x + side * width * 0.7, tip_y + 0.03 - raise * 0.6),
            start: 0.010,
            end: 0.012,
        };
        canvas.paint(wing.bounds(), shadow, 0.65, wing.distance());
        let (nx, ny) = (tip_x + side * width * 0.48, tip_y + 0.022 - raise * 0.5);
        canvas.paint(
            around(nx, ny, 0.032, 0.016),
            darker(identity.skin, 0.28),
            0.85,
            ellipse(nx, ny, 0.032, 0.016),
        );
    }
    let highlight = ellipse(tip_x, tip_y - 0.05, 0.03, 0.04);
    let bright = mix(identity.skin, [1.0; 3], 0.4);
    canvas.paint_soft(around(tip_x, tip_y - 0.05, 0.07, 0.08), 0.06, bright, 0.45, highlight);
    // Wrinkles across the bridge.
    for row in 0..3u8 {
        let y = bridge_y + 0.02 + 0.055 * f32::from(row);
        let line = Stroke {
            from: (bridge_x - 0.075, y + 0.02),
            via: (bridge_x, y - 0.035),
            to: (bridge_x + 0.075, y + 0.02),
            start: 0.010,
            end: 0.010,
        };
        let alpha = (0.75 * actions.wrinkle - 0.1).clamp(0.0, 0.8);
        canvas.paint_soft(line.bounds(), 0.02, shadow, alpha, line.distance());
    }
}

pub(super) fn folds(canvas: &mut Canvas, face: &Face, feature: &Feature) {
    let (identity, actions) = (&face.identity, &face.actions);
    let line = darker(identity.skin, 0.55);
    let age = 0.15 * identity.age;
    let (mx, my) = feature.mouth;
    let (nx, ny) = feature.nose;
    for (side, skew) in SIDES.into_iter().zip([(-actions.skew).max(0.0), actions.skew.max(0.0)]) {
        // From the wing of the nose round the corner of the mouth.
        let smile = actions.corner.max(0.0) + 0.6 * skew;
        let pull = smile + 0.5 * actions.stretch.max(0.0);
        let fold = Stroke {
            from: (nx + side * (identity.nose_width + 0.05), ny - 0.03 - 0.04 * actions.wrinkle),
            via: (mx + side * (0.30 + 0.08 * pull), ny + 0.10 - 0.03 * actions.wrinkle),
            to: (mx + side * (identity.mouth_width + 0.08 + 0.09 * pull), my + 0.03 - 0.05 * smile),
            start: 0.012,
            end: 0.006,
        };
        let alpha = age + 0.5 * smile.max(0.8 * actions.upper_lip).max(0.7 * actions.wrinkle);
        canvas.paint_soft(fold.bounds(), 0.03, line, alpha.clamp(0.0, 0.7), fold.distance());
        // A dimple beside a tightened corner.
        let (dx, dy) = (mx + side * (identity.mouth_width + 0.075), my - 0.075);
        let dimple = Stroke {
            from: (dx, dy - 0.05),
            via: (dx + side * 0.03, dy),
            to: (dx, dy + 0.05),
            start: 0.014,
            end: 0.014,
        };
        canvas.paint_soft(dimple.bounds(), 0.025, line, (0.8 * skew).clamp(0.0, 0.8), dimple.distance());
        // Between the brows.
        let (bx, by) = (0.16 * face.pose.yaw + side * 0.05, feature.eyes[0].1 - identity.brow_height);
        let frown = Stroke {
            from: (bx - side * 0.005, by - 0.05),
            via: (bx, by + 0.02),
            to: (bx + side * 0.012, by + 0.10),
            start: 0.009,
            end: 0.007,
        };
        let alpha = 0.5 * age + 0.65 * actions.knit;
        canvas.paint_soft(frown.bounds(), 0.022, line, alpha.clamp(0.0, 0.7), frown.distance());
    }
    // Across the forehead, when the brows go up.
    let raised = (0.5 * (actions.inner_brow + actions.outer_brow)).max(0.8 * actions.inner_brow);
    for row in 0..2u8 {
        let x = 0.12 * face.pose.yaw;
        let y = feature.eyes[0].1 - identity.brow_height - 0.17 - 0.075 * f32::from(row);
        let bend = 0.05 * (actions.outer_brow - actions.inner_brow);
        let crease =
            Stroke { from: (x - 0.33, y), via: (x, y + bend), to: (x + 0.33, y), start: 0.008, end: 0.008 };
        let alpha = age + 0.45 * raised;
        canvas.paint_soft(crease.bounds(), 0.025, line, alpha.clamp(0.0, 0.6), crease.distance());
    }
}
