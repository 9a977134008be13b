//! Embedding models: what they give, and files that are none.

use super::OnnxEmbedding;
use super::onnx_tests::{values, written};
use crate::net::{EmbeddingCard, OnnxFile, Storage};
use crate::onnx::{
    DimensionValue, GraphProto, Library, Limits, ModelProto, NodeProto, TypeValue, read_model, write_model,
};

const CARD: &str =
    r#""input": {"size": 32, "channels": 3, "mean": [0, 0, 0], "std": [1, 1, 1], "template": "crop"}"#;

/// Opens a file that affekt wrote after `change`, by a card of these fields beside that of its input.
fn opened(fields: &str, change: impl FnOnce(&mut GraphProto)) -> Result<OnnxEmbedding, String> {
    let mut model = model();
    change(model.graph.as_mut().expect("a graph"));
    let file = OnnxFile::parse(&write_model(&model))?;
    OnnxEmbedding::new(&file, &EmbeddingCard::beside_onnx(&format!("{{{CARD}{fields}}}"))?)
}

fn model() -> ModelProto {
    let limits = Limits { fields: 1 << 20, what: "network" };
    read_model(&written(3, Storage::F32, false), limits).expect("a model")
}

/// Puts operations behind the output `features`, one after the other.
fn followed(graph: &mut GraphProto, operations: &[&str]) {
    let mut from = "features".to_owned();
    for (at, op) in operations.iter().enumerate() {
        let to = if at + 1 == operations.len() { "changed".into() } else { format!("changed {at}") };
        graph.node.push(NodeProto {
            input: vec![from; if *op == "Sub" { 2 } else { 1 }],
            output: vec![to.clone()],
            name: to.clone(),
            op_type: (*op).into(),
            attribute: vec![],
            domain: String::new(),
        });
        from = to;
    }
    let features = graph.output.iter_mut().find(|output| output.name == "features").expect("features");
    features.name = from;
}

const FEATURES: &str = r#", "output": "features""#;

#[test]
fn embeddings_are_the_outputs_rows_with_length_one() {
    let network = opened(FEATURES, |_| {}).expect("an embedding model");
    let planes = values(2 * 3072);
    let library = Library::new(&model(), &["features".into()]).expect("readable");
    let wanted = library.run(&[(&planes, &[2, 3, 32, 32])]).expect("outputs").swap_remove(0);
    let mut pixels = vec![0.0; planes.len()];
    for (at, value) in planes.iter().enumerate() {
        let (item, channel, place) = (at / 3072, at % 3072 / 1024, at % 1024);
        pixels[item * 3072 + place * 3 + channel] = *value;
    }
    let got = network.embed(&pixels).expect("embeddings");
    assert_eq!((got.len(), network.values()), (2, wanted.len() / 2));
    for (got, wanted) in got.iter().zip(wanted.chunks_exact(network.values())) {
        let length = wanted.iter().map(|v| v * v).sum::<f32>().sqrt();
        assert!(got.iter().zip(wanted).all(|(got, wanted)| (got - wanted / length).abs() < 1e-5));
        assert!((got.iter().map(|v| v * v).sum::<f32>() - 1.0).abs() < 1e-5);
    }
    assert_ne!(got[0], got[1]);
}

#[test]
fn what_is_no_embedding_model_is_refused_by_name() {
    let refused = |fields: &str, change: &dyn Fn(&mut GraphProto), words: &[&str]| {
        let problem = opened(fields, change).expect_err(words[0]);
        assert!(words.iter().all(|words| problem.contains(words)), "{words:?}: {problem}");
    };
    refused("", &|_| {}, &["it has 3 outputs", "`features`", "name it by `output` in its card"]);
    refused(r#", "output": "fc1""#, &|_| {}, &["no output `fc1`", "`logits`"]);
    let sides = |graph: &mut GraphProto, change: &dyn Fn(&mut Vec<crate::onnx::Dimension>)| {
        let output = graph.output.iter_mut().find(|output| output.name == "features").expect("features");
        let Some(TypeValue::Tensor(tensor)) = output.kind.as_mut().and_then(|kind| kind.value.as_mut())
        else {
            panic!("a tensor")
        };
        change(&mut tensor.shape.as_mut().expect("a shape").dim);
    };
    let long = |graph: &mut GraphProto| sides(graph, &|dims| dims.push(dims[0].clone()));
    refused(FEATURES, &long, &["its output `features` has 3 axes", "2 (a face a row)"]);
    let lying = |graph: &mut GraphProto| {
        sides(graph, &|dims| dims[1].value = Some(DimensionValue::Length(7)));
    };
    refused(FEATURES, &lying, &["has 64 values for a face", "the file says 7"]);
    let other = CARD.replace("32", "48");
    let file = OnnxFile::parse(&write_model(&model())).expect("a file");
    let card = EmbeddingCard::beside_onnx(&format!("{{{other}{FEATURES}}}")).expect("a card");
    let problem = OnnxEmbedding::new(&file, &card).expect_err("another size");
    assert!(problem.contains("asks for 1x3x48x48"), "{problem}");
    let changed = r#", "output": "changed""#;
    refused(changed, &|graph| followed(graph, &["Sub"]), &["its output `changed` is zero everywhere"]);
}

#[test]
fn an_embedding_that_is_not_finite_is_refused_by_the_outputs_name() {
    let changed = r#", "output": "changed""#;
    // Features are rectified, so what is below 0 has no root. That of a face, with the model at work, is in tests/cli/embeddings.rs.
    let rooted = |graph: &mut GraphProto| followed(graph, &["Neg", "Sqrt"]);
    let problem = opened(changed, rooted).expect_err("no number");
    assert!(problem.contains("its output `changed` is NaN at place"), "{problem}");
}
