//! A face where it was photographed: what comes before cutting it out.

use crate::media::{FaceBox, Landmarks, Picture};

/// A picture before it is cut, and where the face of an item lies in it.
#[derive(Debug, Clone, PartialEq)]
pub struct FaceScene {
    /// The whole picture.
    pub picture: Picture,
    /// The face's box, where the set has one.
    pub face_box: Option<FaceBox>,
    /// Its landmarks, where the set has them.
    pub landmarks: Option<Landmarks>,
}
