//! What a network is given, for people to look at.

use crate::media::Picture;
use crate::net::InputContract;

/// The first `most` of some inputs, normalised NHWC values one after the other, side by side in one picture: the normalisation is
/// taken back. `None` where there is none of them.
///
/// # Panics
/// The values are no whole inputs under the contract, which is a mistake of the program.
pub fn strip(values: &[f32], contract: &InputContract, most: usize) -> Option<Picture> {
    let (size, channels) = (contract.size, contract.channels);
    let len = size * size * channels;
    assert!(values.len().is_multiple_of(len), "whole inputs");
    let count = most.min(values.len() / len);
    if count == 0 {
        return None;
    }
    let width = count * size;
    let mut strip = Picture { width, height: size, channels, pixels: vec![0; width * size * channels] };
    for (place, input) in values.chunks_exact(len).take(count).enumerate() {
        let level = |(at, value): (usize, &f32)| {
            let channel = at % channels;
            // Rounded to nearest; a conversion cuts what lies outside of 0 to 255.
            ((value * contract.std[channel] + contract.mean[channel]) * 255.0).round() as u8
        };
        let pixels = input.iter().enumerate().map(level).collect();
        strip.paste(&Picture { width: size, height: size, channels, pixels }, place * size, 0);
    }
    Some(strip)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::augment::Program;

    #[test]
    fn what_was_normalised_looks_as_it_did() {
        for channels in [1, 3] {
            let contract = InputContract {
                size: 4,
                channels,
                mean: vec![0.4; channels],
                std: vec![0.3; channels],
                template: "crop".into(),
            };
            let len = 4 * 4 * channels;
            let picture = |salt: usize| {
                let pixels = (0..len).map(|at| ((at * 37 + salt * 11) % 256) as u8).collect();
                Picture { width: 4, height: 4, channels, pixels }
            };
            let mut values = vec![0.0; 3 * len];
            for (salt, out) in values.chunks_exact_mut(len).enumerate() {
                Program::stretch((4, 4), 4).render(&picture(salt), &contract, out);
            }
            let strip = strip(&values, &contract, 2).expect("two");
            assert_eq!((strip.width, strip.height), (8, 4));
            for salt in [0, 1] {
                assert_eq!(strip.cropped(4 * salt as i64, 0, 4, 4).expect("inside"), picture(salt));
            }
            assert_eq!(super::strip(&[], &contract, 2), None);
        }
    }
}
