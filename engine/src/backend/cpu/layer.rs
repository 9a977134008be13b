//! A plan's step made ready for this backend: extents, gather tables and how its gradients are cut.

use super::attention::Attention;
use super::conv::Extents;
use super::matmul::Gather;
use super::pool::MaxPool;
use super::weight_grad::WeightGradient;
use crate::net::{Norm, ParamId, Plan, Shape, StepKind, ValueId};

/// A convolution or linear layer with what is fused into it.
pub(super) struct ConvLayer {
    pub weight: ParamId,
    pub bias: Option<ParamId>,
    pub norm: Option<Norm>,
    pub residual: Option<ValueId>,
    pub relu: bool,
    pub extents: Extents,
    pub forward: Gather,
    /// Products of the input's gradient and the positions none of them reaches.
    pub input_gradient: (Vec<Gather>, Vec<u32>),
    pub weight_gradient: WeightGradient,
}

/// What a step does.
pub(super) enum Work {
    Conv(Box<ConvLayer>),
    MaxPool(MaxPool),
    Mean(Shape),
    AddPositions(ParamId),
    LayerNorm {
        scale: ParamId,
        shift: ParamId,
        epsilon: f32,
    },
    /// With the value that says which positions are present.
    Attention(Attention, ValueId),
    Gelu,
    Dropout {
        rate: f32,
        site: u32,
    },
    /// With the other summand.
    Add(ValueId),
}

/// A step with its values.
pub(super) struct Layer {
    pub work: Work,
    pub input: ValueId,
    pub output: ValueId,
    /// In the backward pass, whether its input's gradient already holds a later reader's part.
    pub adds_to_input: bool,
    /// The same for the residual's gradient, or the other summand's.
    pub adds_to_residual: bool,
}

impl Layer {
    /// A second value whose gradient the layer gives.
    fn second_input(&self) -> Option<ValueId> {
        match &self.work {
            Work::Conv(conv) => conv.residual,
            Work::Add(other) => Some(*other),
            _ => None,
        }
    }
}

/// Makes the layers of a plan.
pub(super) fn layers(plan: &Plan) -> Vec<Layer> {
    let mut layers: Vec<Layer> = plan
        .steps
        .iter()
        .map(|step| {
            let (input, output) = (plan.shapes[step.input], plan.shapes[step.output]);
            let work = match step.kind {
                StepKind::Conv { weight, kernel, stride, padding, norm, residual, relu } => {
                    let extents = Extents { input, output, kernel, stride, padding };
                    conv(ConvParts { weight, bias: None, norm, residual, relu }, extents, step.input == 0)
                }
                StepKind::Linear { weight, bias } => {
                    let parts =
                        ConvParts { weight, bias: Some(bias), norm: None, residual: None, relu: false };
                    conv(parts, Extents::linear(input.len(), output.len()), step.input == 0)
                }
                StepKind::PositionLinear { weight, bias } => {
                    let parts =
                        ConvParts { weight, bias: Some(bias), norm: None, residual: None, relu: false };
                    let extents = Extents { input, output, kernel: 1, stride: 1, padding: 0 };
                    conv(parts, extents, step.input == 0)
                }
                StepKind::AddPositions { positions } => Work::AddPositions(positions),
                StepKind::LayerNorm { scale, shift, epsilon } => Work::LayerNorm { scale, shift, epsilon },
                StepKind::Attention { heads, causal, presence } => {
                    Work::Attention(Attention::new(output, plan.shapes[presence], heads, causal), presence)
                }
                StepKind::Gelu => Work::Gelu,
                StepKind::Dropout { rate, site } => Work::Dropout { rate, site },
                StepKind::Add { other } => Work::Add(other),
                StepKind::MaxPool { kernel, stride, padding } => {
                    Work::MaxPool(MaxPool { input, output, kernel, stride, padding })
                }
                StepKind::GlobalAveragePool => Work::Mean(input),
            };
            Layer {
                work,
                input: step.input,
                output: step.output,
                adds_to_input: false,
                adds_to_residual: false,
            }
        })
        .collect();
    let mut written = vec![false; plan.shapes.len()];
    for layer in layers.iter_mut().rev() {
        if let Some(second) = layer.second_input() {
            layer.adds_to_residual = std::mem::replace(&mut written[second], true);
        }
        layer.adds_to_input = std::mem::replace(&mut written[layer.input], true);
    }
    layers
}

#[derive(Clone, Copy)]
struct ConvParts {
    weight: ParamId,
    bias: Option<ParamId>,
    norm: Option<Norm>,
    residual: Option<ValueId>,
    relu: bool,
}

fn conv(ConvParts { weight, bias, norm, residual, relu }: ConvParts, extents: Extents, first: bool) -> Work {
    Work::Conv(Box::new(ConvLayer {
        weight,
        bias,
        norm,
        residual,
        relu,
        extents,
        forward: extents.forward(),
        // Nobody asks for the gradient of the network's input.
        input_gradient: if first { (vec![], vec![]) } else { extents.input_gradient() },
        weight_gradient: WeightGradient::new(extents),
    }))
}
