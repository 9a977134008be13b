//! A picture as a network's first step reads it.

use crate::media::Picture;

/// Blue, green and red of each of `width x height` pixels, the picture at the top left, 0 around it and in a border one pixel
/// wide.
pub(in crate::media::detect) fn frame(picture: &Picture, width: usize, height: usize) -> Vec<f32> {
    let line = (width + 2) * 3;
    let mut out = vec![0.0; (height + 2) * line];
    let channels = picture.channels;
    let rows = picture.pixels.chunks_exact(picture.width * channels);
    for (row, out) in rows.zip(out[line..].chunks_exact_mut(line)) {
        for (to, pixel) in out[3..].as_chunks_mut::<3>().0.iter_mut().zip(row.chunks_exact(channels)) {
            let last = channels - 1;
            *to = [f32::from(pixel[last]), f32::from(pixel[last / 2]), f32::from(pixel[0])];
        }
    }
    out
}
