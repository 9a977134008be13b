//! What a camera's compression leaves of a picture.

use crate::media::{self, Picture};

/// The picture after a trip through JPEG; a strength of 0 leaves it as it is, 1 is quality 15.
pub(super) fn compressed(picture: Picture, strength: f32) -> Picture {
    if strength <= 0.0 {
        return picture;
    }
    let quality = 95.0 - 80.0 * strength.min(1.0);
    // What was just written can be read; a picture too large for JPEG stays uncompressed.
    let trip = picture.to_jpeg(quality as u8).and_then(|bytes| media::decode(&bytes));
    trip.unwrap_or(picture)
}
