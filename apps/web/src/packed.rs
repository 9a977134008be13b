//! A model for a page: 7 bits a weight, each row of a matrix or filter with a scale of its own, in a safetensors file. Stored as
//! bytes, which a page's usual compression takes to about 6 bits. What is one value a channel stays in single precision.

use std::collections::HashMap;
use std::error::Error;
use std::path::Path;

use affekt_engine::net::{HostTensor, ModelCard, Weights};
use affekt_engine::world::{Model, ModelNetwork};
use safetensors::tensor::{Dtype, SafeTensors, TensorView};

/// Levels to either side of zero.
const LEVELS: f32 = 63.0;
/// The key of the card in the file.
const CARD: &str = "affekt.card";
/// What the name of a tensor's scales ends with.
const SCALES: &str = ".scales";

/// A model's file.
///
/// # Errors
/// It is an ONNX file.
pub fn pack(model: &Model) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut tensors: Vec<(String, Dtype, Vec<usize>, Vec<u8>)> = vec![];
    for (name, tensor) in &model.own()?.1.tensors {
        let bytes = |values: &[f32]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        if tensor.shape.len() < 2 {
            tensors.push((name.clone(), Dtype::F32, tensor.shape.clone(), bytes(&tensor.data)));
            continue;
        }
        let rows = tensor.shape[0];
        let scales: Vec<f32> = tensor.data.chunks_exact(tensor.data.len() / rows).map(scale).collect();
        let of_rows = tensor.data.chunks_exact(tensor.data.len() / rows).zip(&scales);
        let levels =
            of_rows.flat_map(|(row, scale)| row.iter().map(move |v| (v / scale).round() as i8 as u8));
        tensors.push((name.clone(), Dtype::I8, tensor.shape.clone(), levels.collect()));
        tensors.push((format!("{name}{SCALES}"), Dtype::F32, vec![rows], bytes(&scales)));
    }
    let views = tensors.iter().map(|(name, kind, shape, bytes)| {
        TensorView::new(*kind, shape.clone(), bytes).map(|view| (name.as_str(), view))
    });
    let views = views.collect::<Result<Vec<_>, _>>()?;
    let card = HashMap::from([(CARD.to_owned(), serde_json::to_string(&model.card)?)]);
    Ok(safetensors::serialize(views, Some(card))?)
}

/// What a row's values are multiples of; 1 where all are zero.
fn scale(row: &[f32]) -> f32 {
    let largest = row.iter().fold(0.0f32, |most, v| most.max(v.abs()));
    if largest > 0.0 { largest / LEVELS } else { 1.0 }
}

/// The model of a file that [`pack`] made.
///
/// # Errors
/// The bytes are none, or its tensors do not fit the network of its card.
pub fn unpack(bytes: &[u8]) -> Result<Model, Box<dyn Error>> {
    let (_, metadata) = SafeTensors::read_metadata(bytes)?;
    let card = metadata.metadata().as_ref().and_then(|entries| entries.get(CARD));
    let card: ModelCard = serde_json::from_str(card.ok_or("the model has no card")?)?;
    let file = SafeTensors::deserialize(bytes)?;
    let numbers =
        |data: &[u8]| data.as_chunks::<4>().0.iter().map(|v| f32::from_le_bytes(*v)).collect::<Vec<f32>>();
    let mut weights = Weights::default();
    for (name, view) in file.tensors() {
        let data = match view.dtype() {
            Dtype::F32 if name.ends_with(SCALES) => continue,
            Dtype::F32 => numbers(view.data()),
            Dtype::I8 => {
                let scales = numbers(file.tensor(&format!("{name}{SCALES}"))?.data());
                let row = view.data().len() / scales.len().max(1);
                let rows = view.data().chunks(row.max(1)).zip(&scales);
                rows.flat_map(|(row, scale)| row.iter().map(move |&v| f32::from(v as i8) * scale)).collect()
            }
            other => return Err(format!("tensor {name} has values of type {other:?}").into()),
        };
        weights.tensors.insert(name, HostTensor { shape: view.shape().to_vec(), data });
    }
    let graph = card.architecture.graph()?;
    weights.check(&graph)?;
    let network = ModelNetwork::Own { graph, weights };
    Ok(Model { path: Path::new("the page's model").to_owned(), card, network, hash: String::new() })
}
