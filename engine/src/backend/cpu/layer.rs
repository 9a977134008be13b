//! A plan's step made ready for this backend: extents, gather tables and how its gradients are cut.

use super::attention::Attention;
use super::conv::Extents;
use super::matmul::Gather;
use super::pool::MaxPool;
use super::weight_grad::WeightGradient;
use crate::net::{Epilogue, Norm, ParamId, Plan, PlanPurpose, Shape, StepKind, ValueId};

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
    /// A product with bias, and what ends it; the residual is the epilogue's.
    Linear(Box<ConvLayer>, Epilogue),
    Pointwise(Epilogue),
    LayerNorm {
        scale: ParamId,
        shift: ParamId,
        epsilon: f32,
    },
    Attention(Attention),
    MaxPool(MaxPool),
    Mean(Shape),
}

impl Work {
    /// The other value that it reads beside its input: a residual, or what masks attention's keys.
    pub(super) fn added(&self) -> Option<ValueId> {
        match self {
            Self::Conv(conv) => conv.residual,
            Self::Linear(_, epilogue) | Self::Pointwise(epilogue) => epilogue.residual,
            Self::Attention(attention) => attention.presence(),
            Self::LayerNorm { .. } | Self::MaxPool(_) | Self::Mean(_) => None,
        }
    }
}

/// A step with its values.
pub(super) struct Layer {
    pub work: Work,
    pub input: ValueId,
    pub output: ValueId,
    /// In the backward pass, whether its input's gradient already holds a later reader's part.
    pub adds_to_input: bool,
    /// The same for the residual's gradient.
    pub adds_to_residual: bool,
}

/// Makes the layers of a plan.
pub(super) fn layers(plan: &Plan, purpose: PlanPurpose) -> Vec<Layer> {
    // Nobody asks for the gradient of the network's input, and for none where nothing is trained.
    let ends_here = |input| input == 0 || purpose == PlanPurpose::Inference;
    plan.steps
        .iter()
        .zip(plan.accumulate_flags())
        .map(|(step, (adds_to_input, adds_to_residual))| {
            let (input, output) = (plan.shapes[step.input], plan.shapes[step.output]);
            let work = match step.kind {
                StepKind::Conv { weight, kernel, stride, padding, norm, residual, relu } => {
                    let extents = Extents { input, output, kernel, stride, padding };
                    let parts = ConvParts { weight, bias: None, norm, residual, relu };
                    Work::Conv(conv(parts, extents, ends_here(step.input)))
                }
                StepKind::Linear { weight, bias, epilogue } => {
                    let parts =
                        ConvParts { weight, bias: Some(bias), norm: None, residual: None, relu: false };
                    let positions = output.pixels();
                    let extents = Extents::linear(positions, input.len() / positions, output.c);
                    Work::Linear(conv(parts, extents, ends_here(step.input)), epilogue)
                }
                StepKind::Pointwise { epilogue } => Work::Pointwise(epilogue),
                StepKind::LayerNorm { scale, shift, epsilon } => Work::LayerNorm { scale, shift, epsilon },
                StepKind::Attention { heads, causal, presence } => {
                    let presence = presence.map(|value| (value, plan.shapes[value].c));
                    Work::Attention(Attention::new(output, heads, causal, presence))
                }
                StepKind::MaxPool { kernel, stride, padding } => {
                    Work::MaxPool(MaxPool { input, output, kernel, stride, padding })
                }
                StepKind::GlobalAveragePool => Work::Mean(input),
            };
            Layer { work, input: step.input, output: step.output, adds_to_input, adds_to_residual }
        })
        .collect()
}

#[derive(Clone, Copy)]
struct ConvParts {
    weight: ParamId,
    bias: Option<ParamId>,
    norm: Option<Norm>,
    residual: Option<ValueId>,
    relu: bool,
}

fn conv(
    ConvParts { weight, bias, norm, residual, relu }: ConvParts,
    extents: Extents,
    without_input_gradient: bool,
) -> Box<ConvLayer> {
    Box::new(ConvLayer {
        weight,
        bias,
        norm,
        residual,
        relu,
        extents,
        forward: extents.forward(),
        input_gradient: if without_input_gradient { (vec![], vec![]) } else { extents.input_gradient() },
        weight_gradient: WeightGradient::new(extents),
    })
}
