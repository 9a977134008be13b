//! A picture as the library reads it.

use crate::media::Picture;

/// Blue, green and red planes of `width x height`, the picture at the top left and 0 around it.
pub(super) fn planes(picture: &Picture, width: usize, height: usize) -> Vec<f32> {
    let mut out = vec![0.0; 3 * width * height];
    let channels = picture.channels;
    for (plane, out) in out.chunks_exact_mut(width * height).enumerate() {
        let channel = if channels == 3 { 2 - plane } else { 0 };
        for (row, out) in
            picture.pixels.chunks_exact(picture.width * channels).zip(out.chunks_exact_mut(width))
        {
            for (to, pixel) in out.iter_mut().zip(row.chunks_exact(channels)) {
                *to = f32::from(pixel[channel]);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_blue_first_and_padded() {
        let picture = Picture { width: 1, height: 2, channels: 3, pixels: vec![1, 2, 3, 4, 5, 6] };
        let found = planes(&picture, 2, 3);
        assert_eq!(found, [3., 0., 6., 0., 0., 0., 2., 0., 5., 0., 0., 0., 1., 0., 4., 0., 0., 0.]);
        let grey = Picture { width: 1, height: 1, channels: 1, pixels: vec![9] };
        assert_eq!(planes(&grey, 1, 1), [9., 9., 9.]);
    }
}
