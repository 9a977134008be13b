//! Where the face lies in its picture: exact, because the drawing uses the same numbers.

use super::Face;
use super::draw::HeadShape;
use super::features::Feature;
use super::mouth::Mouth;
use super::view::Viewpoint;

/// The height above the face's middle at which the face box begins, in half faces: about where hair lines are.
const FOREHEAD: f32 = 0.62;

/// A face's place in a picture, in pixels from its top left corner. The first pixel's centre is at (0.5, 0.5).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Geometry {
    /// Left, top, width and height of the tightest upright box around the head's outline from the forehead to the chin.
    /// It may reach past the picture.
    pub face_box: [f32; 4],
    /// x and y of the eye on the picture's left, the eye on its right, the tip of the nose, the mouth's corner on the
    /// left and the one on the right: the order of `YuNet` and `ArcFace`.
    pub landmarks: [[f32; 2]; 5],
}

impl Face {
    /// The face's place in the picture that [`Face::draw`] makes.
    pub fn geometry(&self, size: usize) -> Geometry {
        self.geometry_in(&Viewpoint::square(&self.pose, size))
    }

    /// The face's place in the picture of a view.
    pub fn geometry_in(&self, view: &Viewpoint) -> Geometry {
        let shape = HeadShape::of(self);
        let (mut least, mut greatest) = ([f32::MAX; 2], [f32::MIN; 2]);
        for point in shape.outline().filter(|point| point.1 >= -FOREHEAD).chain(shape.chord(-FOREHEAD)) {
            let pixel = view.pixel(point);
            for axis in 0..2 {
                least[axis] = least[axis].min(pixel[axis]);
                greatest[axis] = greatest[axis].max(pixel[axis]);
            }
        }
        let feature = Feature::of(self);
        let [left, right] = Mouth::of(self, &feature).corners();
        Geometry {
            face_box: [least[0], least[1], greatest[0] - least[0], greatest[1] - least[1]],
            landmarks: [feature.eyes[0], feature.eyes[1], feature.nose, left, right].map(|p| view.pixel(p)),
        }
    }
}
