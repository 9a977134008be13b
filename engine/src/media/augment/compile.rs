//! Drawing a program from a policy. The number and order of draws depends on the policy and the view alone.

use serde::{Deserialize, Serialize};

use super::{Affine, Colour, Framing, Operation, PixelOp, Policy, Program};
use crate::net::InputContract;
use crate::random::{Address, Purpose, Random};

/// Which view of a picture.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// For evaluation and live use: nothing is drawn.
    Plain,
    /// Flip, colour jitter, random crop.
    Weak,
    /// The weak view's geometry, then `RandAugment` and removal.
    Strong,
}

impl Policy {
    /// How evaluation and use see a picture of `source_dims` (width, height): the part `crop` of its sides, centred.
    pub fn plain_view(crop: f32, source_dims: (usize, usize), contract: &InputContract) -> Program {
        let policy = Self { crop, plain: Framing::Centre, ..Self::default() };
        // The plain view draws nothing; any address will do.
        let address = Address { seed: 0, purpose: Purpose::AugmentWeak, step: 0, item: 0 };
        policy.compile(View::Plain, source_dims, contract, &mut address.rng())
    }

    /// Draws a program for a picture of `source_dims` (width, height).
    ///
    /// Weak and strong views of one sample take their streams from different addresses
    /// ([`Purpose::AugmentWeak`](crate::random::Purpose::AugmentWeak),
    /// [`Purpose::AugmentStrong`](crate::random::Purpose::AugmentStrong)). The plain view draws nothing.
    pub fn compile(
        &self,
        view: View,
        source_dims: (usize, usize),
        contract: &InputContract,
        rng: &mut Random,
    ) -> Program {
        let size = contract.size as f32;
        let crop = if view == View::Plain && self.plain == Framing::Whole { 1.0 } else { self.crop };
        let frame = size / crop;
        let spare = frame - size;
        let (left, top) = match view {
            View::Plain => (spare / 2.0, spare / 2.0),
            View::Weak | View::Strong => (spare * rng.uniform(), spare * rng.uniform()),
        };
        let (across, down) = (source_dims.0 as f32 / frame, source_dims.1 as f32 / frame);
        let mut draft = Draft {
            size,
            map: Affine([[across, 0.0, left * across], [0.0, down, top * down]]),
            colour: Colour::IDENTITY,
            operations: Vec::new(),
        };
        match view {
            View::Plain => {}
            View::Weak => draft.weak(self, true, contract, rng),
            View::Strong => {
                draft.weak(self, self.strong.jitter, contract, rng);
                draft.strong(self, contract, rng);
            }
        }
        Program {
            size: contract.size,
            source_from_output: draft.map,
            border: self.border,
            colour: draft.colour,
            operations: draft.operations,
        }
    }
}

struct Draft {
    size: f32,
    map: Affine,
    colour: Colour,
    operations: Vec<PixelOp>,
}

impl Draft {
    /// Geometry acts on what is there so far, so each map comes between the output and the maps before it.
    fn warp(&mut self, matrix: [[f32; 2]; 2]) {
        self.map = self.map.after(Affine::about(self.size / 2.0, matrix));
    }

    fn shift(&mut self, x: f32, y: f32) {
        self.map = self.map.after(Affine([[1.0, 0.0, x * self.size], [0.0, 1.0, y * self.size]]));
    }

    fn rotate(&mut self, degrees: f32) {
        let (sin, cos) = degrees.to_radians().sin_cos();
        self.warp([[cos, -sin], [sin, cos]]);
    }

    fn scale(&mut self, factor: f32) {
        self.warp([[1.0 / factor, 0.0], [0.0, 1.0 / factor]]);
    }

    fn weak(&mut self, policy: &Policy, jitter: bool, contract: &InputContract, rng: &mut Random) {
        let weak = &policy.weak;
        if rng.chance(weak.flip) {
            self.map = self.map.after(Affine::mirror(self.size));
        }
        if weak.rotate > 0.0 {
            self.rotate(rng.between(-weak.rotate, weak.rotate));
        }
        if weak.scale > 0.0 {
            self.scale(rng.between(1.0 - weak.scale, 1.0 + weak.scale));
        }
        if jitter {
            let mut factor = |strength: f32| rng.between(1.0 - strength, 1.0 + strength);
            self.colour = self.colour.then(Colour::brightness(factor(weak.brightness)));
            self.colour = self.colour.then(Colour::contrast(factor(weak.contrast)));
            if contract.channels == 3 {
                self.colour = self.colour.then(Colour::saturation(factor(weak.saturation)));
                self.colour = self.colour.then(Colour::hue(rng.between(-weak.hue, weak.hue)));
            }
        }
    }

    fn strong(&mut self, policy: &Policy, contract: &InputContract, rng: &mut Random) {
        let strong = &policy.strong;
        let noisy = strong.operations.contains(&Operation::Noise);
        for _ in 0..strong.operations_per_picture {
            let operation = strong.operations[rng.below(strong.operations.len())];
            let portion = if strong.random_magnitude { rng.uniform() } else { 1.0 };
            let sign = if rng.chance(0.5) { 1.0 } else { -1.0 };
            // Drawn for every operation, so that the stream is the same whichever comes.
            let mut half = || rng.below(1 << 16) as u32;
            let seed = if noisy { half() | (half() << 16) } else { 0 };
            self.operation(operation, strong.magnitude / 30.0 * portion, sign, seed, policy);
        }
        let erase = &strong.erase;
        let mut side = || (rng.between(erase.min_side, erase.max_side) * self.size).round() as usize;
        let (width, height) = (side(), side());
        let (across, down) = (rng.uniform(), rng.uniform());
        if rng.chance(erase.probability) && width > 0 && height > 0 {
            let spare = |side: usize| contract.size - side.min(contract.size) + 1;
            let mean = |c: usize| contract.mean.get(c).or(contract.mean.first()).copied().unwrap_or(0.5);
            let value = match erase.value {
                Some(value) => [value; 3],
                None => std::array::from_fn(|c| (mean(c) * 255.0).round() as u8),
            };
            self.operations.push(PixelOp::Erase {
                left: (across * spare(width) as f32) as usize,
                top: (down * spare(height) as f32) as usize,
                width: width.min(contract.size),
                height: height.min(contract.size),
                value,
            });
        }
    }

    /// One operation at `level` (0 to 1) of its reach, in the direction of `sign`; noise has a seed of its own.
    fn operation(&mut self, operation: Operation, level: f32, sign: f32, seed: u32, policy: &Policy) {
        let reach = &policy.strong.reach;
        let signed = level * sign;
        let factor = 1.0 + signed * reach.factor;
        let shear = signed * reach.shear;
        match operation {
            Operation::Identity => {}
            Operation::Rotate => self.rotate(signed * reach.rotate),
            Operation::ShearX => self.warp([[1.0, shear], [0.0, 1.0]]),
            Operation::ShearY => self.warp([[1.0, 0.0], [shear, 1.0]]),
            Operation::TranslateX => self.shift(signed * reach.translate, 0.0),
            Operation::TranslateY => self.shift(0.0, signed * reach.translate),
            Operation::Scale => self.scale(1.0 + signed * reach.scale),
            Operation::Brightness => self.colour = self.colour.then(Colour::brightness(factor)),
            Operation::Contrast => self.colour = self.colour.then(Colour::contrast(factor)),
            Operation::Saturation => self.colour = self.colour.then(Colour::saturation(factor)),
            Operation::Sharpness => self.operations.push(PixelOp::Sharpness { factor }),
            Operation::Posterize => {
                let removed = (level * reach.posterize).round() as u8;
                self.operations.push(PixelOp::Posterize { bits: 8 - removed.min(7) });
            }
            Operation::Solarize => {
                let threshold = (256.0 * (1.0 - level * reach.solarize)).round() as u16;
                self.operations.push(PixelOp::Solarize { threshold });
            }
            Operation::AutoContrast => self.operations.push(PixelOp::AutoContrast),
            Operation::Equalize => self.operations.push(PixelOp::Equalize),
            Operation::Blur => {
                let passes = (level * reach.blur).round() as u8;
                self.operations.push(PixelOp::Blur { passes });
            }
            Operation::Noise => {
                let amplitude = (level * reach.noise).round() as u8;
                self.operations.push(PixelOp::Noise { amplitude, seed });
            }
        }
    }
}
