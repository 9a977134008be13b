//! Whole pictures with one or two people in them, as faces are found in before they are cropped.

use crate::media::Picture;
use crate::random::{Address, Purpose};
use crate::synth::{Face, Geometry, Stream, Viewpoint};

/// A picture, and where each face lies in it.
pub(super) struct ScenePicture {
    pub picture: Picture,
    pub faces: Vec<Geometry>,
}

/// Items that show up together: most alone, every sixth picture with two.
pub(super) fn companies(items: usize) -> Vec<Vec<usize>> {
    let (mut companies, mut next) = (Vec::new(), 0);
    while next < items {
        let two = companies.len() % 6 == 5 && next + 1 < items;
        companies.push((next..next + 1 + usize::from(two)).collect());
        next += 1 + usize::from(two);
    }
    companies
}

/// Draws faces beside each other, each in a room of its own of `size` (columns, rows); `number` decides where they stand.
pub(super) fn draw(faces: &[Face], size: (usize, usize), channels: usize, number: usize) -> ScenePicture {
    let (width, height) = size;
    let mut picture = Picture::filled(width * faces.len(), height, channels, 0);
    let mut places = Vec::new();
    for (nth, face) in faces.iter().enumerate() {
        let item = (number * 4 + nth) as u64;
        let mut rng =
            Address { seed: 0, purpose: Purpose::Synthesis, step: Stream::Place as u64, item }.rng();
        let place = (rng.between(-0.2, 0.2), rng.between(-0.15, 0.15));
        let view = Viewpoint::camera(width, height, place, rng.between(0.22, 0.32), face.pose.roll);
        let left = nth * width;
        picture.paste(&face.draw_in(&view, channels), left, 0);
        let Geometry { mut face_box, mut landmarks } = face.geometry_in(&view);
        face_box[0] += left as f32;
        for point in &mut landmarks {
            point[0] += left as f32;
        }
        places.push(Geometry { face_box, landmarks });
    }
    ScenePicture { picture, faces: places }
}
