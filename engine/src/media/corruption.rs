//! What cameras, codecs and detectors do to a face before a network sees it, one at a time, to measure what a model can bear.

use super::augment::{Affine, Colour, PixelOp, Program};
use super::{MediaError, Picture};

/// One thing that goes wrong between a face and the network. Lengths are parts of the input's side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Corruption {
    /// Out of focus: a Gaussian of a 32nd of the side (1.5 of 48 pixels).
    Blur,
    /// Stored as a JPEG of quality 20.
    Jpeg,
    /// Half the light.
    HalfLight,
    /// Twice the light; what was bright is white.
    DoubleLight,
    /// The face's box a tenth too far left.
    ShiftedLeft,
    /// The box a tenth too far right.
    ShiftedRight,
    /// The box a tenth too high.
    ShiftedUp,
    /// The box a tenth too low.
    ShiftedDown,
    /// The box a tenth too small.
    Closer,
    /// The box a tenth too large.
    Farther,
    /// The head tilted by 15 degrees.
    TurnedLeft,
    /// The same to the other side.
    TurnedRight,
    /// Half the pixels, then enlarged (24 of 48).
    Small,
}

impl Corruption {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Blur,
        Self::Jpeg,
        Self::HalfLight,
        Self::DoubleLight,
        Self::ShiftedLeft,
        Self::ShiftedRight,
        Self::ShiftedUp,
        Self::ShiftedDown,
        Self::Closer,
        Self::Farther,
        Self::TurnedLeft,
        Self::TurnedRight,
        Self::Small,
    ];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Blur => "blur",
            Self::Jpeg => "jpeg 20",
            Self::HalfLight => "half light",
            Self::DoubleLight => "double light",
            Self::ShiftedLeft => "shifted left",
            Self::ShiftedRight => "shifted right",
            Self::ShiftedUp => "shifted up",
            Self::ShiftedDown => "shifted down",
            Self::Closer => "box too small",
            Self::Farther => "box too large",
            Self::TurnedLeft => "turned left",
            Self::TurnedRight => "turned right",
            Self::Small => "half the pixels",
        }
    }

    /// How the network would see a picture: `view` is how it sees it when all is well.
    ///
    /// # Errors
    /// The view cannot be stored, which no view of a picture in memory does.
    pub fn seen(self, picture: &Picture, view: &Program) -> Result<Picture, MediaError> {
        let channels = picture.channels;
        match self {
            Self::Jpeg => {
                let stored = view.render_picture(picture, channels).to_jpeg(20)?;
                Ok(super::decode(&stored)?.with_channels(channels))
            }
            Self::Small => {
                let (size, half) = (view.size, (view.size / 2).max(1));
                let step = size as f32 / half as f32;
                let enlarged = Affine([[step, 0.0, 0.0], [0.0, step, 0.0]]);
                let few = Program {
                    size: half,
                    source_from_output: view.source_from_output.after(enlarged),
                    ..view.clone()
                };
                let few = few.render_picture(picture, channels);
                Ok(Program::stretch((half, half), size).render_picture(&few, channels))
            }
            other => Ok(other.changed(view).render_picture(picture, channels)),
        }
    }

    /// The view with what can be said as a program.
    fn changed(self, view: &Program) -> Program {
        let side = view.size as f32;
        let mut seen = view.clone();
        let mut look = |map: Affine| seen.source_from_output = view.source_from_output.after(map);
        let shift = |x: f32, y: f32| Affine([[1.0, 0.0, x * side], [0.0, 1.0, y * side]]);
        let scale = |factor: f32| Affine::about(side / 2.0, [[factor, 0.0], [0.0, factor]]);
        let turn = |degrees: f32| {
            let (sin, cos) = degrees.to_radians().sin_cos();
            Affine::about(side / 2.0, [[cos, -sin], [sin, cos]])
        };
        match self {
            Self::ShiftedLeft => look(shift(-0.1, 0.0)),
            Self::ShiftedRight => look(shift(0.1, 0.0)),
            Self::ShiftedUp => look(shift(0.0, -0.1)),
            Self::ShiftedDown => look(shift(0.0, 0.1)),
            Self::Closer => look(scale(0.9)),
            Self::Farther => look(scale(1.1)),
            Self::TurnedLeft => look(turn(15.0)),
            Self::TurnedRight => look(turn(-15.0)),
            Self::HalfLight => seen.colour = seen.colour.then(Colour::brightness(0.5)),
            Self::DoubleLight => seen.colour = seen.colour.then(Colour::brightness(2.0)),
            Self::Blur => {
                let deviation = side / 32.0;
                let passes = (2.0 * deviation * deviation).round().min(255.0) as u8;
                seen.operations.push(PixelOp::Blur { passes });
            }
            Self::Jpeg | Self::Small => {}
        }
        seen
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// A bright square off the centre on a dark ground with a slope.
    fn picture() -> Picture {
        let value = |x: usize, y: usize| match (x, y) {
            (20..40, 14..26) => 120,
            _ => (20 + x / 2 + y / 3) as u8,
        };
        let pixels = (0..64 * 64).map(|i| value(i % 64, i / 64)).collect();
        Picture { width: 64, height: 64, channels: 1, pixels }
    }

    fn mean(picture: &Picture) -> f32 {
        picture.pixels.iter().map(|&v| f32::from(v)).sum::<f32>() / picture.pixels.len() as f32
    }

    /// Where the light is, as parts of the side.
    fn centre(picture: &Picture) -> (f32, f32) {
        let bright: Vec<usize> = (0..picture.pixels.len()).filter(|&i| picture.pixels[i] > 80).collect();
        let n = bright.len() as f32 * picture.width as f32;
        let (x, y) = bright.iter().fold((0, 0), |(x, y), i| (x + i % picture.width, y + i / picture.width));
        (x as f32 / n, y as f32 / n)
    }

    #[test]
    fn each_changes_what_its_name_says_and_nothing_of_the_size() {
        let (picture, view) = (picture(), Program::stretch((64, 64), 48));
        let plain = view.render_picture(&picture, 1);
        let see = |corruption: Corruption| corruption.seen(&picture, &view).unwrap();
        for corruption in Corruption::ALL {
            let seen = see(corruption);
            assert_eq!((seen.width, seen.height, seen.channels), (48, 48, 1), "{corruption:?}");
            assert_ne!(seen, plain, "{corruption:?}");
        }
        assert!((mean(&see(Corruption::HalfLight)) / mean(&plain) - 0.5).abs() < 0.01);
        assert!((mean(&see(Corruption::DoubleLight)) / mean(&plain) - 2.0).abs() < 0.1);
        for kept in [Corruption::Blur, Corruption::Jpeg, Corruption::Small] {
            assert!((mean(&see(kept)) - mean(&plain)).abs() < 1.0, "{kept:?}");
        }
        // A box too far left shows the face too far right.
        let (x, y) = centre(&plain);
        let near = |(a, b): (f32, f32), (c, d): (f32, f32)| (a - c).abs() < 0.02 && (b - d).abs() < 0.02;
        assert!(near(centre(&see(Corruption::ShiftedLeft)), (x + 0.1, y)));
        assert!(near(centre(&see(Corruption::ShiftedRight)), (x - 0.1, y)));
        assert!(near(centre(&see(Corruption::ShiftedUp)), (x, y + 0.1)));
        assert!(near(centre(&see(Corruption::ShiftedDown)), (x, y - 0.1)));
        let from_middle = |part: f32, factor: f32| 0.5 + (part - 0.5) * factor;
        let scaled = |factor: f32| (from_middle(x, factor), from_middle(y, factor));
        assert!(near(centre(&see(Corruption::Closer)), scaled(1.0 / 0.9)));
        assert!(near(centre(&see(Corruption::Farther)), scaled(1.0 / 1.1)));
        let (left, right) = (see(Corruption::TurnedLeft), see(Corruption::TurnedRight));
        assert!(centre(&left).0 < x && centre(&right).0 > x, "{:?} {:?}", centre(&left), centre(&right));
    }

    #[test]
    fn a_blur_takes_its_deviation_from_the_input_and_colour_stays() {
        let colour = Picture::filled(30, 20, 3, 90);
        let view = Program::stretch((30, 20), 96);
        let seen = Corruption::Blur.seen(&colour, &view).unwrap();
        assert_eq!((seen.width, seen.channels), (96, 3));
        assert_eq!(Corruption::Blur.changed(&view).operations, [PixelOp::Blur { passes: 18 }]);
    }
}
