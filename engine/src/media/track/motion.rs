//! The motion of one box: constant velocity, corrected by what is seen (an alpha-beta filter).

use crate::media::face::FaceBox;

/// Part of a surprise that goes into the velocity.
const BETA: f32 = 0.35;
/// What is left of the velocity after each frame in which nothing was seen.
const DAMPING: f32 = 0.985;

/// A box that moves. Its place is what was last seen: detectors are exact, and a smoothed box would lag behind.
#[derive(Debug, Clone)]
pub(super) struct Motion {
    place: FaceBox,
    velocity: (f32, f32),
    /// How often it was seen.
    seen: u32,
}

impl Motion {
    /// A box at rest.
    pub fn at(face_box: &FaceBox) -> Self {
        Self { place: *face_box, velocity: (0.0, 0.0), seen: 1 }
    }

    /// Where it is now.
    pub fn face_box(&self) -> FaceBox {
        self.place
    }

    /// Goes on by one frame.
    pub fn advance(&mut self) {
        self.place.x += self.velocity.0;
        self.place.y += self.velocity.1;
        self.velocity.0 *= DAMPING;
        self.velocity.1 *= DAMPING;
    }

    /// Takes the box that was seen, `frames` after the last one.
    pub fn correct(&mut self, found: &FaceBox, frames: u64) {
        let (expected, seen) = (self.place.centre(), found.centre());
        let step = 1.0 / frames.max(1) as f32;
        // The second sight says all there is to know about the velocity; later ones correct it.
        let gain = if self.seen == 1 { 0.6 } else { BETA };
        self.velocity.0 += gain * step * (seen.0 - expected.0);
        self.velocity.1 += gain * step * (seen.1 - expected.1);
        self.place = *found;
        self.seen += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_steady_motion_is_learned_and_goes_on_unseen() {
        let at = |frame: u64| FaceBox::around((100.0 + 3.0 * frame as f32, 80.0 - frame as f32), 40.0, 50.0);
        let mut motion = Motion::at(&at(0));
        for frame in 1..=12 {
            motion.advance();
            motion.correct(&at(frame), 1);
        }
        for _ in 0..15 {
            motion.advance();
        }
        let (x, y) = motion.face_box().centre();
        let (wanted_x, wanted_y) = at(27).centre();
        assert!((x - wanted_x).abs() < 8.0 && (y - wanted_y).abs() < 4.0, "{x} {y}");
    }
}
