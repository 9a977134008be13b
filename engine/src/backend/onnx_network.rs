//! A network over pictures that an ONNX file holds, run by the library for such files ([`crate::onnx`]) on the processor.

use rayon::prelude::*;

use super::checked::check_input;
use super::onnx_check::wanted_outputs;
use super::onnx_pictures::OnnxPictures;
use super::{BackendError, Inference, ViewBatch};
use crate::files::quoted;
use crate::net::{Architecture, ModelCard, OnnxFile, OnnxSpec, OutputPlace, ScoreForm, Shape};

/// Smallest probability, so that it has a logarithm.
const SMALLEST: f32 = 1e-12;

/// A network that an ONNX file holds. Copies share what was compiled.
#[derive(Clone)]
pub struct OnnxNetwork {
    pub(super) pictures: OnnxPictures,
    classes: usize,
    holds: ScoreForm,
    scores: Place,
    affect: Option<[Place; 2]>,
}

/// A place among the outputs that are computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    output: usize,
    at: usize,
}

impl std::fmt::Debug for OnnxNetwork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OnnxNetwork")
            .field("input", &self.pictures.input())
            .field("classes", &self.classes)
            .finish_non_exhaustive()
    }
}

impl OnnxNetwork {
    /// Puts a file to work as its card says, and runs it once.
    ///
    /// # Errors
    /// The card is not an ONNX file's; the operator set, the input or the outputs are others than the card says or than can be
    /// used; the library cannot run it, or was not built in; it gives other values than the card's golden ones.
    pub fn new(file: &OnnxFile, card: &ModelCard) -> Result<Self, String> {
        let Architecture::Onnx(spec) = &card.architecture else {
            return Err("its card is a weights file's".into());
        };
        let graph = file.graph()?;
        let names = wanted_outputs(graph, spec)?;
        let mut network = Self {
            pictures: OnnxPictures::new(file, &card.input, spec.colours, &names)?,
            classes: spec.classes,
            holds: spec.outputs.holds,
            scores: Place { output: 0, at: 0 },
            affect: None,
        };
        let outputs = network.pictures.of_known()?;
        let first = graph.output.first().map_or("", |output| &output.name);
        network.place_outputs(spec, (first, &names), &outputs)?;
        network.check_golden(spec, &names, &outputs)?;
        Ok(network)
    }

    /// Finds the places of scores, valence and arousal, which all lie within the outputs.
    fn place_outputs(
        &mut self,
        spec: &OnnxSpec,
        (first, names): (&str, &[String]),
        outputs: &[Vec<f32>],
    ) -> Result<(), String> {
        let place = |wanted: &OutputPlace, values: usize, what: &str| {
            let name = wanted.output.as_deref().unwrap_or(first);
            let output = names.iter().position(|n| n == name).unwrap_or(0);
            let there = outputs[output].len();
            if wanted.at + values > there {
                return Err(format!(
                    "its output {} has {there} values for a picture, so {what} cannot be {values} from place {} on; \
                     correct `outputs` in its card",
                    quoted(&names[output]),
                    wanted.at
                ));
            }
            Ok(Place { output, at: wanted.at })
        };
        let (classes, start) = (spec.classes, OutputPlace::default());
        self.scores = match &spec.outputs.scores {
            Some(wanted) => place(wanted, classes, "the classes")?,
            None => place(&start, classes, "the classes")?,
        };
        let there = outputs[self.scores.output].len();
        self.affect = match (&spec.outputs.valence, &spec.outputs.arousal) {
            (Some(valence), Some(arousal)) => {
                Some([place(valence, 1, "valence")?, place(arousal, 1, "arousal")?])
            }
            (None, None) if spec.outputs.scores.is_some() || there == classes => None,
            (None, None) if there == classes + 2 => {
                let at = |at| Place { output: self.scores.output, at };
                Some([at(classes), at(classes + 1)])
            }
            (None, None) => {
                return Err(format!(
                    "its output {} has {there} values for a picture, but its card names {classes} classes; {classes} \
                     values, or {} with valence and arousal, are read without more words; say in its card by `outputs` \
                     what they are",
                    quoted(&names[self.scores.output]),
                    classes + 2
                ));
            }
            _ => return Err("its card has one of valence and arousal; give both or none".into()),
        };
        Ok(())
    }

    fn check_golden(&self, spec: &OnnxSpec, names: &[String], outputs: &[Vec<f32>]) -> Result<(), String> {
        let Some(golden) = &spec.golden else { return Ok(()) };
        let (name, got) = (&names[self.scores.output], &outputs[self.scores.output]);
        if golden.values.len() != got.len() {
            return Err(format!(
                "its output {} has {} values for a picture, but its card's golden ones are {}",
                quoted(name),
                got.len(),
                golden.values.len()
            ));
        }
        for (at, (got, wanted)) in got.iter().zip(&golden.values).enumerate() {
            let off = (got - wanted).abs();
            // NaN is never near.
            if off.is_nan() || off > golden.tolerance {
                return Err(format!(
                    "value {at} of its output {} is {got} for the known input, but its card says {wanted} (tolerance {}): \
                     the file or the card is another one",
                    quoted(name),
                    golden.tolerance
                ));
            }
        }
        Ok(())
    }

    /// The row of one picture: logits, and valence and arousal where they are there.
    fn row(&self, picture: &[f32]) -> Result<Vec<f32>, BackendError> {
        let failed = |message: String| BackendError::Device { device: "ONNX model".into(), message };
        let outputs = self.pictures.of_picture(picture).map_err(failed)?;
        let Place { output, at } = self.scores;
        let scores = outputs[output].get(at..at + self.classes);
        let scores = scores.ok_or_else(|| failed("it gives fewer values than before".into()))?;
        let mut row: Vec<f32> = match self.holds {
            ScoreForm::Logits => scores.to_vec(),
            // NaN stays what it is, so that it is refused as in logits.
            ScoreForm::Probabilities => {
                scores.iter().map(|p| if *p < SMALLEST { SMALLEST.ln() } else { p.ln() }).collect()
            }
        };
        for Place { output, at } in self.affect.iter().flatten() {
            row.push(outputs[*output].get(*at).copied().unwrap_or(f32::NAN));
        }
        Ok(row)
    }
}

impl Inference for OnnxNetwork {
    fn input(&self) -> Shape {
        self.pictures.input()
    }

    fn output(&self) -> Shape {
        Shape { h: 1, w: 1, c: self.classes + if self.affect.is_some() { 2 } else { 0 } }
    }

    fn forward(&mut self, input: &[f32], items: usize) -> Result<Vec<f32>, BackendError> {
        check_input(self.input(), input, items)?;
        let rows: Vec<Vec<f32>> = input
            .par_chunks_exact(self.input().len())
            .map(|picture| self.row(picture))
            .collect::<Result<_, _>>()?;
        Ok(rows.concat())
    }

    fn forward_views(&mut self, views: &ViewBatch) -> Result<Vec<f32>, BackendError> {
        views.check(self.input())?;
        self.forward(&views.render(), views.views().len())
    }

    fn features(&mut self, _: &[f32], _: usize) -> Result<Vec<f32>, BackendError> {
        Err(BackendError::Spec("an ONNX model gives no features, which a temporal encoder reads".into()))
    }
}
