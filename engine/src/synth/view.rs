//! Which part of the world a picture shows, and where the face lies in it.
//!
//! Pixel coordinates are continuous: a picture spans 0 to its width and 0 to its height, and the first pixel's centre
//! is at (0.5, 0.5). Face coordinates have their origin in the face's middle and half the face's height as unit.

use super::Pose;

/// A picture's frame: its size, the face in it, and the room behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Viewpoint {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// The face's middle, in pixels.
    pub centre: (f32, f32),
    /// Pixels that half the face's height takes.
    pub unit: f32,
    /// Rotation of the face, radians, clockwise.
    pub roll: f32,
    /// Room coordinates of the picture's top left corner; the room behind spans about -1 to 1.
    pub room: (f32, f32),
    /// Room coordinates a pixel.
    pub room_step: f32,
}

impl Viewpoint {
    /// A square picture around a face that is held so.
    pub fn square(pose: &Pose, size: usize) -> Self {
        let (side, unit) = (size as f32, pose.scale * size as f32);
        let (sin, cos) = pose.roll.sin_cos();
        let (x, y) = pose.shift;
        Self {
            width: size,
            height: size,
            centre: (side / 2.0 + unit * (cos * x - sin * y), side / 2.0 + unit * (sin * x + cos * y)),
            unit,
            roll: pose.roll,
            room: (-1.0, -1.0),
            room_step: 2.0 / side,
        }
    }

    /// A camera picture of which the face takes a part. `place` is the face's middle from -1 (left, top) to 1 (right,
    /// bottom) and `scale` half the face's height as a part of the shorter side.
    pub fn camera(width: usize, height: usize, place: (f32, f32), scale: f32, roll: f32) -> Self {
        let (w, h) = (width as f32, height as f32);
        let half = w.min(h) / 2.0;
        Self {
            width,
            height,
            centre: (w / 2.0 * (1.0 + place.0), h / 2.0 * (1.0 + place.1)),
            unit: scale * 2.0 * half,
            roll,
            room: (-w / (2.0 * half), -h / (2.0 * half)),
            room_step: 1.0 / half,
        }
    }

    /// What a square of this picture shows when it is scaled to `size` pixels; it may reach past the edges.
    #[must_use]
    pub fn cropped(&self, left: f32, top: f32, side: f32, size: usize) -> Self {
        let factor = size as f32 / side;
        Self {
            width: size,
            height: size,
            centre: ((self.centre.0 - left) * factor, (self.centre.1 - top) * factor),
            unit: self.unit * factor,
            roll: self.roll,
            room: (self.room.0 + left * self.room_step, self.room.1 + top * self.room_step),
            room_step: self.room_step / factor,
        }
    }

    /// Pixel coordinates of a point in face coordinates.
    pub fn pixel(&self, (x, y): (f32, f32)) -> [f32; 2] {
        let (sin, cos) = self.roll.sin_cos();
        [self.centre.0 + self.unit * (cos * x - sin * y), self.centre.1 + self.unit * (sin * x + cos * y)]
    }
}
