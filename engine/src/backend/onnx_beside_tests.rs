//! ONNX files with a card beside them, and files that cannot be used.

use super::onnx_tests::{off, softmax, values, written};
use super::{Inference as _, OnnxNetwork};
use crate::net::{ModelCard, OnnxFile, Storage};
use crate::onnx::{
    DimensionValue, Limits, ModelProto, NodeProto, OperatorSetIdProto, TypeValue, read_model, write_model,
};

const BESIDE: &str = r#"{"classes": ["a", "b", "c", "d"], "input": {"size": 32, "channels": 3, "mean": [0, 0, 0],
    "std": [1, 1, 1], "template": "crop"}"#;

/// Opens a file that affekt wrote after `change`, with a card beside it that ends in `rest`.
fn opened(rest: &str, change: impl FnOnce(&mut ModelProto)) -> Result<OnnxNetwork, String> {
    let limits = Limits { fields: 1 << 20, what: "network" };
    let mut model = read_model(&written(3, Storage::F32, false), limits)?;
    change(&mut model);
    let file = OnnxFile::parse(&write_model(&model))?;
    OnnxNetwork::new(&file, &ModelCard::beside_onnx(&format!("{BESIDE}{rest}"))?)
}

/// Makes the file's first output `values` long, by joining what it gives with itself.
fn lengthened(model: &mut ModelProto, values: usize) {
    let graph = model.graph.as_mut().expect("a graph");
    let from = graph.output[0].name.clone();
    let slices = values.div_ceil(4);
    let axis = crate::onnx::AttributeProto {
        name: "axis".into(),
        i: 1,
        kind: crate::onnx::attribute_type::INT,
        ..crate::onnx::AttributeProto::default()
    };
    graph.node.push(NodeProto {
        input: vec![from; slices],
        output: vec!["long".into()],
        name: "long".into(),
        op_type: "Concat".into(),
        attribute: vec![axis],
        domain: String::new(),
    });
    graph.output[0].name = "long".into();
}

#[test]
fn a_card_beside_a_file_is_enough_and_valence_and_arousal_are_found_by_the_length() {
    let four = opened("}", |_| {}).expect("logits alone");
    assert_eq!(four.output().len(), 4);
    let rest = r#", "classes": ["a", "b", "c", "d", "e", "f"]}"#;
    let json = BESIDE.replace(r#""classes": ["a", "b", "c", "d"], "#, "") + rest;
    let limits = Limits { fields: 1 << 20, what: "network" };
    let mut model = read_model(&written(3, Storage::F32, false), limits).expect("a model");
    lengthened(&mut model, 8);
    let file = OnnxFile::parse(&write_model(&model)).expect("a file");
    let card = ModelCard::beside_onnx(&json).expect("a card");
    let mut six = OnnxNetwork::new(&file, &card).expect("six classes, valence, arousal");
    assert_eq!(six.output().len(), 8);
    let row = six.forward(&values(3072), 1).expect("a row");
    assert_eq!((row[6], row[7]), (row[2], row[3]), "the file repeats its four logits");
}

#[test]
fn blue_may_come_first_and_scores_may_be_probabilities() {
    let mut rgb = opened("}", |_| {}).expect("a network");
    let mut bgr = opened(r#", "colours": "bgr"}"#, |_| {}).expect("a network");
    let pixels = values(3072);
    let turned: Vec<f32> = pixels.chunks_exact(3).flat_map(|p| [p[2], p[1], p[0]]).collect();
    assert_eq!(rgb.forward(&pixels, 1).expect("a row"), bgr.forward(&turned, 1).expect("a row"));
    let rest = r#", "outputs": {"scores": {"output": "probabilities"}, "holds": "probabilities"}}"#;
    let mut sure = opened(rest, |_| {}).expect("a network");
    let [got, wanted] = [
        softmax(&sure.forward(&pixels, 1).expect("a row"), 1.0),
        softmax(&rgb.forward(&pixels, 1).expect("a row"), 1.7),
    ];
    assert!(off(&got, &wanted) < 1e-5, "{got:?} {wanted:?}");
}

#[test]
fn golden_values_tell_a_file_from_another_one() {
    let network = opened("}", |_| {}).expect("a network");
    let known: Vec<f32> = (0..3072).map(|i| (31 * i % 256) as f32 / 255.0).collect();
    let row = network.pictures.outputs(&known).expect("outputs").swap_remove(0);
    let golden = |values: &[f32]| format!(r#", "golden": {{"values": {values:?}}}}}"#);
    opened(&golden(&row), |_| {}).expect("its own values");
    let mut wrong = row.clone();
    wrong[2] += 0.01;
    let problem = opened(&golden(&wrong), |_| {}).expect_err("another file");
    assert!(
        problem.contains("value 2 of its output `logits`") && problem.contains("another one"),
        "{problem}"
    );
    assert!(opened(&golden(&row[..3]), |_| {}).is_err_and(|e| e.contains("golden ones are 3")));
}

#[test]
fn what_cannot_be_used_is_refused_with_the_reason() {
    type Change = (&'static str, &'static str, fn(&mut ModelProto));
    fn graph(model: &mut ModelProto) -> &mut crate::onnx::GraphProto {
        model.graph.as_mut().expect("a graph")
    }
    fn dimension(model: &mut ModelProto, axis: usize, length: i64) {
        let Some(TypeValue::Tensor(tensor)) =
            graph(model).input[0].kind.as_mut().and_then(|kind| kind.value.as_mut())
        else {
            panic!("a tensor");
        };
        tensor.shape.as_mut().expect("a shape").dim[axis].value = Some(DimensionValue::Length(length));
    }
    let cases: [Change; 16] = [
        ("uses operator set 99, and 7 to 23 are read", "}", |m| m.opset_import[0].version = 99),
        ("uses operator set 3", "}", |m| m.opset_import[0].version = 3),
        ("names no operator set", "}", |m| m.opset_import.clear()),
        ("of the domain `com.other`", "}", |m| graph(m).node[0].domain = "com.other".into()),
        ("has 2 inputs", "}", |m| {
            let more = crate::onnx::ValueInfoProto { name: "x".into(), ..graph(m).input[0].clone() };
            graph(m).input.push(more);
        }),
        ("is Nx3x64x32, but its card asks for 1x3x32x32", "}", |m| {
            dimension(m, 2, 64);
            dimension(m, 3, 32);
            let Some(TypeValue::Tensor(tensor)) =
                graph(m).input[0].kind.as_mut().and_then(|kind| kind.value.as_mut())
            else {
                panic!("a tensor");
            };
            tensor.shape.as_mut().expect("a shape").dim[0].value = Some(DimensionValue::Named("N".into()));
        }),
        ("is of type 2 and not of single-precision", "}", |m| {
            let kind = graph(m).input[0].kind.as_mut().and_then(|kind| kind.value.as_mut());
            let Some(TypeValue::Tensor(tensor)) = kind else { panic!("a tensor") };
            tensor.elem_type = 2;
        }),
        ("has 16 values for a picture, but its card names 4 classes", "}", |m| lengthened(m, 16)),
        (
            "has no output `scores`; there are `logits`",
            r#", "outputs": {"scores": {"output": "scores"}}}"#,
            |_| {},
        ),
        ("cannot be 4 from place 2 on", r#", "outputs": {"scores": {"at": 2}}}"#, |_| {}),
        ("one of valence and arousal", r#", "outputs": {"valence": {"at": 1}}}"#, |_| {}),
        ("unknown field `output`", r#", "output": 3}"#, |_| {}),
        ("has no outputs", "}", |m| graph(m).output.clear()),
        ("it holds no graph", "}", |m| m.graph = None),
        ("the library that runs it gave up on it", "}", |m| graph(m).output[0].name = "nowhere".into()),
        ("cannot be compiled for inputs", "}", |m| graph(m).node[0].op_type = "NoSuchOperation".into()),
    ];
    for (words, rest, change) in cases {
        let problem = opened(rest, change).expect_err(words);
        assert!(problem.contains(words), "{words}: {problem}");
        assert!(problem.len() < 600 && !problem.contains(char::is_control), "{problem}");
    }
    for bytes in [&b""[..], b"garbage that is no model", &[0xff; 64]] {
        let problem =
            OnnxFile::parse(bytes).map(|_| ()).or_else(|e| if e.is_empty() { Ok(()) } else { Err(e) });
        assert!(problem.is_err() || bytes.is_empty(), "{bytes:?}");
    }
    let mut model = ModelProto { ir_version: 8, ..ModelProto::default() };
    model.opset_import.push(OperatorSetIdProto { domain: String::new(), version: 17 });
    let file = OnnxFile::parse(&write_model(&model)).expect("a message");
    let card = ModelCard::beside_onnx(&format!("{BESIDE}}}")).expect("a card");
    assert_eq!(OnnxNetwork::new(&file, &card).expect_err("no graph"), "it holds no graph");
}
