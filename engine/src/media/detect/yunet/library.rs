//! A `YuNet` run by tract, where its operations are other ones than `network` knows. The graph has been checked; should the
//! library panic all the same, that is an error like any other.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tract_onnx::pb::ModelProto;
use tract_onnx::prelude::*;

use super::contained::contained;
use super::input::planes;
use crate::files::printable;
use crate::media::Picture;

/// Most sizes of pictures whose networks are kept.
const KEPT: usize = 4;
/// Most characters of the library's words in an error.
const LONGEST_REASON: usize = 200;

type Compiled = Arc<TypedRunnableModel>;

/// A model and what was compiled of it.
pub(super) struct Library {
    model: InferenceModel,
    /// Where the wanted outputs are among the model's.
    outputs: Vec<usize>,
    compiled: Mutex<BTreeMap<(usize, usize), Compiled>>,
}

impl Library {
    /// Reads a model whose graph was checked, for outputs by name.
    ///
    /// # Errors
    /// The library cannot read it.
    pub(super) fn new(proto: &ModelProto, names: &[String]) -> Result<Self, String> {
        let mut model = held(|| onnx().model_for_proto_model(proto))?;
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

    /// The outputs for a picture in the upper left of `w x h` pixels.
    ///
    /// # Errors
    /// The library cannot compile or run it.
    pub(super) fn run(&self, picture: &Picture, w: usize, h: usize) -> Result<Vec<Vec<f32>>, String> {
        let compiled = self.compiled((w, h))?;
        let input = planes(picture, w, h);
        held(|| {
            let input = Tensor::from_shape(&[1, 3, h, w], &input)?;
            let outputs = compiled.run(tvec!(input.into()))?;
            let values =
                |place: &usize| Ok(outputs[*place].to_plain_array_view::<f32>()?.iter().copied().collect());
            self.outputs.iter().map(values).collect()
        })
    }

    fn compiled(&self, size: (usize, usize)) -> Result<Compiled, String> {
        let mut kept = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(compiled) = kept.get(&size) {
            return Ok(Arc::clone(compiled));
        }
        if kept.len() == KEPT {
            kept.clear();
        }
        let (w, h) = size;
        let model = self.model.clone();
        let compiled = held(|| {
            let model = model.with_input_fact(0, f32::fact([1, 3, h, w]).into())?;
            model.into_optimized().and_then(IntoRunnable::into_runnable)
        });
        let compiled = compiled.map_err(|e| format!("cannot be compiled for {w}x{h}: {e}"))?;
        kept.insert(size, Arc::clone(&compiled));
        Ok(compiled)
    }
}

/// What the library gives; in one line why it gives nothing.
fn held<T>(work: impl FnOnce() -> TractResult<T>) -> Result<T, String> {
    match contained(work) {
        Some(Ok(value)) => Ok(value),
        Some(Err(error)) => {
            let text = error.to_string();
            Err(printable(text.lines().next().unwrap_or_default(), LONGEST_REASON))
        }
        None => Err("the library that runs it gave up on it".into()),
    }
}
