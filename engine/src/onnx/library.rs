//! A graph run by tract, where its operations are other ones than our own kernels know. Whoever opens one has checked it;
//! should the library panic all the same, that is an error like any other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tract_onnx::prelude::*;

use super::contained::contained;
use super::proto::ModelProto;
use crate::files::printable;

/// Most shapes of inputs whose compiled forms are kept.
const KEPT: usize = 4;
/// Most characters of the library's words in an error.
const LONGEST_REASON: usize = 300;

type Compiled = Arc<TypedRunnableModel>;

/// A model and what was compiled of it.
pub(crate) struct Library {
    model: InferenceModel,
    /// Where the wanted outputs are among the model's.
    outputs: Vec<usize>,
    compiled: Mutex<BTreeMap<Vec<Vec<usize>>, Compiled>>,
}

impl Library {
    /// Reads a model whose graph was checked, for outputs by name.
    ///
    /// # Errors
    /// The library cannot read it.
    pub(crate) fn new(proto: &ModelProto, names: &[String]) -> Result<Self, String> {
        // What was checked is written anew, so that the library sees that and nothing else.
        let bytes = prost::Message::encode_to_vec(proto);
        let mut model = held(|| onnx().model_for_read(&mut bytes.as_slice()))?;
        // The files' own notes on shapes contradict any other size than theirs.
        for node in &mut model.nodes {
            if !node.inputs.is_empty() {
                node.outputs.iter_mut().for_each(|outlet| outlet.fact = InferenceFact::default());
            }
        }
        let graph = proto.graph.as_ref().ok_or("it holds no graph")?;
        let place = |name: &String| {
            graph.output.iter().position(|output| output.name == *name).ok_or("an output is missing")
        };
        let outputs = names.iter().map(place).collect::<Result<_, _>>()?;
        Ok(Self { model, outputs, compiled: Mutex::new(BTreeMap::new()) })
    }

    /// The outputs for inputs of these shapes, in the graph's order.
    ///
    /// # Errors
    /// The library cannot compile or run it.
    pub(crate) fn run(&self, inputs: &[(&[f32], &[usize])]) -> Result<Vec<Vec<f32>>, String> {
        let shapes: Vec<Vec<usize>> = inputs.iter().map(|(_, shape)| shape.to_vec()).collect();
        let compiled = self.compiled(&shapes)?;
        held(|| {
            let tensor = |(values, shape): &(&[f32], &[usize])| Tensor::from_shape(shape, values);
            let inputs = inputs.iter().map(|input| Ok(tensor(input)?.into())).collect::<TractResult<_>>()?;
            let outputs = compiled.run(inputs)?;
            let values =
                |place: &usize| Ok(outputs[*place].to_plain_array_view::<f32>()?.iter().copied().collect());
            self.outputs.iter().map(values).collect()
        })
    }

    fn compiled(&self, shapes: &[Vec<usize>]) -> Result<Compiled, String> {
        let mut kept = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = kept.get(shapes) {
            return Ok(Arc::clone(compiled));
        }
        if kept.len() == KEPT {
            kept.clear();
        }
        let mut model = self.model.clone();
        let compiled = held(|| {
            for (place, shape) in shapes.iter().enumerate() {
                model.set_input_fact(place, f32::fact(shape).into())?;
            }
            model.into_optimized().and_then(IntoRunnable::into_runnable)
        });
        let compiled = compiled.map_err(|e| format!("cannot be compiled for inputs of {shapes:?}: {e}"))?;
        kept.insert(shapes.to_vec(), Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// What the library gives; in one line why it gives nothing.
fn held<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match contained(work) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => {
            // With its causes: the outermost words do not say which operation it is.
            let text = format!("{error:#}");
            Err(printable(text.lines().next().unwrap_or_default(), LONGEST_REASON))
        }
        None => Err("the library that runs it gave up on it".into()),
    }
}
