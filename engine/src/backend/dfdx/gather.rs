//! Rows gathered by index on the processor, whole rows at a time: dfdx's own kernel finds the place of every value by itself.

use std::sync::Arc;

use dfdx::shapes::HasShape as _;
use dfdx::tensor::{Cpu, PutTape as _, SplitTape as _, Tape};

use super::rows::{Machine, Outcome, Rows, download, upload};

impl Machine for Cpu {
    type Index = Arc<[usize]>;

    const GATHERS_BESIDE: bool = true;

    fn index(&self, rows: Vec<usize>) -> Outcome<Self::Index, Self> {
        Ok(rows.into())
    }

    fn gather<T: Tape<f32, Self>>(x: Rows<Self, T>, index: Self::Index) -> Outcome<Rows<Self, T>, Self> {
        let (x, mut tape) = x.split_tape();
        let channels = x.shape().1;
        let (values, mut gathered) = (download(&x), Vec::with_capacity(index.len() * channels));
        for row in &*index {
            gathered.extend_from_slice(&values[row * channels..][..channels]);
        }
        let out = upload(x.device(), (index.len(), channels), &gathered)?;
        // Both are held as long as dfdx's own gather holds them, so that memory is counted alike on all devices.
        let of = out.clone();
        tape.add_backward_op(move |gradients| {
            let d_out = std::mem::take(&mut **gradients.get_or_alloc_mut(&of)?);
            let d_x = gradients.get_or_alloc_mut(&x)?;
            for (row, d_out) in index.iter().zip(d_out.chunks_exact(channels)) {
                let d_x = &mut d_x[row * channels..][..channels];
                d_x.iter_mut().zip(d_out).for_each(|(d_x, d_out)| *d_x += d_out);
            }
            **gradients.get_or_alloc_mut(&of)? = d_out;
            Ok(())
        });
        Ok(out.put_tape(tape))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use dfdx::tensor::{TensorFromVec as _, Trace as _};
    use dfdx::tensor_ops::{Backward as _, GatherTo as _, SumTo as _, TryMul as _};

    use super::*;

    /// What is gathered, and the gradient of a sum of it, each value of which counts differently.
    fn both(ours: bool) -> (Vec<f32>, Vec<f32>) {
        let device = Cpu::default();
        let (rows, channels, index) = (5, 3, vec![4, 0, 0, 2, 4, 4, 1]);
        let length = index.len();
        let values: Vec<f32> = (0..rows * channels).map(|at| (at as f32).sin()).collect();
        let x = upload(&device, (rows, channels), &values).unwrap();
        let counts: Vec<f32> = (0..length * channels).map(|at| (at as f32).cos()).collect();
        let counts = upload(&device, (length, channels), &counts).unwrap();
        let taped = x.leaky_trace();
        let out = if ours {
            Cpu::gather(taped, index.into()).unwrap()
        } else {
            taped.try_gather(device.try_tensor_from_vec(index, (length,)).unwrap()).unwrap()
        };
        let gathered = download(&out.retaped::<dfdx::tensor::NoneTape>());
        let gradients = out.try_mul(counts).unwrap().sum::<(), _>().backward();
        (gathered, download(&gradients.get(&x)))
    }

    #[test]
    fn rows_and_their_gradient_are_those_of_dfdx_bit_for_bit() {
        let (gathered, gradient) = both(true);
        assert_eq!((gathered, gradient), both(false));
    }
}
