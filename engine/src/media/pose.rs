//! How a head is turned, from five landmarks.
//!
//! The landmarks of a head that looks straight ahead are `ArcFace`'s template; the nose lies before the plane of eyes and mouth,
//! by as much as in an average head. The pose is that of the scaled orthographic camera that fits best (`DeMenthon` and Davis 1995,
//! one step): five points, six numbers, least squares. A nose that is longer than average looks turned further than it is.

use super::align::ARCFACE;
use super::face::Landmarks;

/// How far the tip of the nose lies before the plane of eyes and mouth's corners, in pixels of the template, in which the eyes are
/// 35.2 pixels apart: 0.45 of that, as in generic head models.
const NOSE: f64 = 16.0;

/// How a head is turned, in degrees.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct HeadPose {
    /// Turned to the side: positive to the picture's right, -90 to 90.
    pub yaw: f32,
    /// Nodded: positive up, -90 to 90.
    pub pitch: f32,
    /// Tilted in the picture's plane: positive clockwise, -180 to 180.
    pub roll: f32,
}

impl HeadPose {
    /// Most degrees to the side at which a face counts as frontal.
    pub const FRONTAL_YAW: f32 = 30.0;
    /// Most degrees up or down at which a face counts as frontal.
    pub const FRONTAL_PITCH: f32 = 25.0;

    /// The pose that fits landmarks best; `None` where they coincide or are not finite.
    pub fn of(landmarks: &Landmarks) -> Option<Self> {
        let middle = |axis: usize| landmarks.iter().map(|p| f64::from(p[axis])).sum::<f64>() / 5.0;
        let (x, y) = (middle(0), middle(1));
        let seen = landmarks.map(|p| [f64::from(p[0]) - x, f64::from(p[1]) - y]);
        let head = head();
        // Normal equations of both rows of the camera: the same 3x3 matrix.
        let mut normal = [[0.0; 3]; 3];
        let mut right = [[0.0; 3]; 2];
        for (p, s) in head.iter().zip(&seen) {
            for i in 0..3 {
                for j in 0..3 {
                    normal[i][j] += p[i] * p[j];
                }
                right[0][i] += p[i] * s[0];
                right[1][i] += p[i] * s[1];
            }
        }
        let [across, down] = [solve(&normal, &right[0])?, solve(&normal, &right[1])?];
        let across = unit(across)?;
        let overlap = dot(&across, &down);
        let down = unit([0, 1, 2].map(|i| down[i] - overlap * across[i]))?;
        // The picture's y points down and the head's z to the camera, so the third row is the cross product turned round.
        let ahead = cross(&across, &down).map(|v| -v);
        let yaw = across[2].atan2(-ahead[2]);
        let pitch = (-down[2]).clamp(-1.0, 1.0).asin();
        let roll = down[0].atan2(across[0]);
        Some(Self { yaw: degrees(yaw), pitch: degrees(pitch), roll: degrees(roll) })
    }

    /// Whether the face is turned so little that the model has learned from the like of it.
    pub fn is_frontal(&self) -> bool {
        self.yaw.abs() <= Self::FRONTAL_YAW && self.pitch.abs() <= Self::FRONTAL_PITCH
    }
}

/// The five points of a head that looks straight ahead, about their middle: x to the picture's right, y down, z to the camera.
fn head() -> [[f64; 3]; 5] {
    let mut points = ARCFACE.map(|[x, y]| [f64::from(x), f64::from(y), 0.0]);
    points[2][2] = NOSE;
    // The template's halves differ by a fraction of a pixel; a head's do not.
    for (a, b) in [(0, 1), (3, 4)] {
        let half = (points[b][0] - points[a][0]) / 2.0;
        let y = f64::midpoint(points[a][1], points[b][1]);
        (points[a], points[b]) = ([-half, y, 0.0], [half, y, 0.0]);
    }
    points[2][0] = 0.0;
    let middle = [0, 1, 2].map(|axis| points.iter().map(|p| p[axis]).sum::<f64>() / 5.0);
    points.map(|p| [p[0] - middle[0], p[1] - middle[1], p[2] - middle[2]])
}

fn degrees(radians: f64) -> f32 {
    radians.to_degrees() as f32
}

fn dot(a: &[f64; 3], b: &[f64; 3]) -> f64 {
    a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
}

fn cross(a: &[f64; 3], b: &[f64; 3]) -> [f64; 3] {
    [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]]
}

fn unit(v: [f64; 3]) -> Option<[f64; 3]> {
    let length = dot(&v, &v).sqrt();
    (length > 1e-9 && length.is_finite()).then(|| v.map(|x| x / length))
}

/// Cramer's rule.
fn solve(m: &[[f64; 3]; 3], b: &[f64; 3]) -> Option<[f64; 3]> {
    let columns = |at: usize| {
        let column = |j: usize| if j == at { *b } else { [m[0][j], m[1][j], m[2][j]] };
        dot(&column(0), &cross(&column(1), &column(2)))
    };
    let whole = columns(3);
    (whole.abs() > 1e-12).then(|| [0, 1, 2].map(|at| columns(at) / whole))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::random::{Address, Purpose, Random};

    /// A head as a camera sees it: the points turned by yaw, pitch and roll, in perspective, with errors of `noise` interocular
    /// distances; people's noses, eyes and mouths differ by `differ`.
    fn seen(pose: &HeadPose, noise: f64, differ: f64, rng: &mut Random) -> Landmarks {
        let mut points = head();
        let mut factor = || 1.0 + differ * f64::from(rng.normal());
        let (nose, wide, long) = (factor(), factor(), factor());
        for p in &mut points {
            *p = [p[0] * wide, p[1] * long, p[2] * nose];
        }
        let [yaw, pitch, roll] = [pose.yaw, pose.pitch, pose.roll].map(|d| f64::from(d).to_radians());
        points.map(|[x, y, z]| {
            // Nodded about the ears, turned about the neck, tilted in the picture.
            let (y, z) = (y * pitch.cos() - z * pitch.sin(), z * pitch.cos() + y * pitch.sin());
            let (x, z) = (x * yaw.cos() + z * yaw.sin(), z * yaw.cos() - x * yaw.sin());
            let (x, y) = (x * roll.cos() - y * roll.sin(), x * roll.sin() + y * roll.cos());
            // The camera is ten interocular distances away: 60 cm.
            let near = 352.0 / (352.0 - z);
            let mut off = || noise * 35.2 * f64::from(rng.normal());
            [(300.0 + 2.0 * (x * near + off())) as f32, (200.0 + 2.0 * (y * near + off())) as f32]
        })
    }

    /// Mean errors of yaw, pitch and roll over heads turned up to 40, 25 and 20 degrees.
    fn errors(noise: f64, differ: f64) -> [f32; 3] {
        let mut rng = Address { seed: 9, purpose: Purpose::Synthesis, step: 1, item: 2 }.rng();
        let mut sums = [0.0; 3];
        for _ in 0..2000 {
            let truth = HeadPose {
                yaw: rng.between(-40.0, 40.0),
                pitch: rng.between(-25.0, 25.0),
                roll: rng.between(-20.0, 20.0),
            };
            let found = HeadPose::of(&seen(&truth, noise, differ, &mut rng)).unwrap();
            for (sum, off) in sums.iter_mut().zip([
                found.yaw - truth.yaw,
                found.pitch - truth.pitch,
                found.roll - truth.roll,
            ]) {
                *sum += off.abs() / 2000.0;
            }
        }
        sums
    }

    #[test]
    fn the_turn_of_generated_heads_is_found_within_a_few_degrees() {
        let [exact, real] = [errors(0.0, 0.0), errors(0.02, 0.1)];
        assert!(exact.iter().all(|&e| e < 4.0), "average heads, exact landmarks: {exact:?}");
        assert!(real[0] < 6.0 && real[1] < 7.0 && real[2] < 4.0, "people, landmarks 2 % off: {real:?}");
        assert!(real[0] > exact[0] && real[1] > exact[1], "noise is seen: {exact:?} {real:?}");
        println!("mean errors in degrees: exact {exact:?}, people {real:?}");
    }

    #[test]
    fn the_template_looks_straight_ahead_and_each_angle_has_its_sign() {
        let straight = HeadPose::of(&ARCFACE).unwrap();
        assert!(straight.yaw.abs() < 0.5 && straight.pitch.abs() < 0.5 && straight.roll.abs() < 0.5);
        assert!(straight.is_frontal());
        let moved = |x: f32, y: f32| {
            let mut points = ARCFACE;
            points[2] = [points[2][0] + x, points[2][1] + y];
            HeadPose::of(&points).unwrap()
        };
        assert!(moved(8.0, 0.0).yaw > 15.0, "a nose to the right");
        assert!(moved(0.0, -8.0).pitch > 15.0, "a nose up");
        assert!(!moved(14.0, 0.0).is_frontal());
        let (sin, cos) = 0.5f32.sin_cos();
        let tilted = ARCFACE.map(|[x, y]| [x * cos - y * sin, x * sin + y * cos]);
        let tilted = HeadPose::of(&tilted).unwrap();
        assert!((tilted.roll - 28.65).abs() < 0.5 && tilted.yaw.abs() < 0.5, "{tilted:?}");
    }

    #[test]
    fn points_that_are_one_have_no_pose() {
        assert_eq!(HeadPose::of(&[[3.0, 4.0]; 5]), None);
        assert_eq!(HeadPose::of(&[[f32::NAN, 4.0]; 5]), None);
    }
}
