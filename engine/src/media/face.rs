//! Where a face is: a box and, where they are known, five landmarks.

/// Five points in the order of `YuNet` and `ArcFace`: the eye on the picture's left, the eye on its right, the tip of the
/// nose, the mouth's corner on the left, the one on the right. Each is x and y in pixels from the picture's top left corner;
/// the first pixel's centre is at (0.5, 0.5).
pub type Landmarks = [[f32; 2]; 5];

/// An upright box in pixels from the picture's top left corner. It may reach past the picture.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaceBox {
    /// Left edge.
    pub x: f32,
    /// Top edge.
    pub y: f32,
    /// Width, 0 or more.
    pub w: f32,
    /// Height, 0 or more.
    pub h: f32,
}

impl FaceBox {
    /// A box with its middle at `(x, y)`.
    pub fn around((x, y): (f32, f32), w: f32, h: f32) -> Self {
        Self { x: x - w / 2.0, y: y - h / 2.0, w, h }
    }

    /// Its middle.
    pub fn centre(&self) -> (f32, f32) {
        (self.x + self.w / 2.0, self.y + self.h / 2.0)
    }

    /// Its area in square pixels.
    pub fn area(&self) -> f32 {
        self.w.max(0.0) * self.h.max(0.0)
    }

    /// The area that two boxes share, in square pixels.
    pub fn shared(&self, other: &Self) -> f32 {
        let across = (self.x + self.w).min(other.x + other.w) - self.x.max(other.x);
        let down = (self.y + self.h).min(other.y + other.h) - self.y.max(other.y);
        across.max(0.0) * down.max(0.0)
    }

    /// Intersection over union with another box, 0 to 1; 0 where either is empty.
    pub fn overlap(&self, other: &Self) -> f32 {
        let shared = self.shared(other);
        let all = self.area() + other.area() - shared;
        if shared > 0.0 && all > 0.0 { shared / all } else { 0.0 }
    }

    /// The box moved and then scaled about the picture's origin.
    #[must_use]
    pub fn scaled(&self, factor: f32) -> Self {
        Self { x: self.x * factor, y: self.y * factor, w: self.w * factor, h: self.h * factor }
    }

    /// Whether all four numbers are finite and the box has an area.
    pub fn is_valid(&self) -> bool {
        [self.x, self.y, self.w, self.h].iter().all(|v| v.is_finite()) && self.w > 0.0 && self.h > 0.0
    }
}

/// A face that a detector found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// The tight box from the hair line to the chin.
    pub face_box: FaceBox,
    /// Landmarks, where the detector gives them.
    pub landmarks: Option<Landmarks>,
    /// How sure the detector is, 0 to 1.
    pub score: f32,
}

/// Non-maximum suppression: of boxes that overlap by more than `most` only the one with the highest score is kept. The
/// result is sorted by score, highest first; equal scores keep their order.
pub fn suppress(mut found: Vec<Detection>, most: f32) -> Vec<Detection> {
    found.sort_by(|a, b| b.score.total_cmp(&a.score));
    let mut kept: Vec<Detection> = vec![];
    for candidate in found {
        if kept.iter().all(|k| k.face_box.overlap(&candidate.face_box) <= most) {
            kept.push(candidate);
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(x: f32, score: f32) -> Detection {
        Detection { face_box: FaceBox { x, y: 0.0, w: 10.0, h: 10.0 }, landmarks: None, score }
    }

    #[test]
    fn overlap_is_worked_by_hand() {
        let a = FaceBox { x: 0.0, y: 0.0, w: 4.0, h: 2.0 };
        let b = FaceBox { x: 2.0, y: 1.0, w: 4.0, h: 2.0 };
        assert!((a.overlap(&b) - 2.0 / 14.0).abs() < 1e-6);
        assert_eq!(a.overlap(&a), 1.0);
        assert_eq!(a.overlap(&FaceBox { x: 4.0, ..a }), 0.0, "touching is not overlapping");
        assert_eq!(a.overlap(&FaceBox { w: 0.0, ..a }), 0.0);
    }

    #[test]
    fn of_boxes_that_overlap_the_surest_is_kept() {
        let kept = suppress(vec![at(1.0, 0.7), at(0.0, 0.9), at(30.0, 0.6), at(9.0, 0.8)], 0.3);
        assert_eq!(kept.iter().map(|d| d.face_box.x).collect::<Vec<_>>(), [0.0, 9.0, 30.0]);
    }
}
