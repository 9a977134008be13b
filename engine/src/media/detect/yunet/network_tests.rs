//! Our steps against tract, on a small graph with every operation of a `YuNet` and on the built-in ones.

use super::LIMITS;
use super::check::check;
use super::grids::outputs;
use super::input::planes;
use super::small::{described, ints, small};
use crate::media::Picture;
use crate::media::detect::builtin::MODEL as BUILT_IN;
use crate::media::detect::network::{Network, frame};
use crate::media::detect::refine;
use crate::onnx::{GraphProto, Library, ModelProto, NodeProto, OperatorSetIdProto, read_model};

fn picture(width: usize, height: usize) -> Picture {
    let pixels = (0..width * height * 3).map(|i| (i * 31 % 253) as u8).collect();
    Picture { width, height, channels: 3, pixels }
}

fn model(graph: &GraphProto) -> ModelProto {
    ModelProto {
        ir_version: 6,
        opset_import: vec![OperatorSetIdProto { version: 11, ..OperatorSetIdProto::default() }],
        graph: Some(graph.clone()),
        ..ModelProto::default()
    }
}

fn by_tract(
    graph: &GraphProto,
    names: &[String],
    picture: &Picture,
    (w, h): (usize, usize),
) -> Vec<Vec<f32>> {
    let library = Library::new(&model(graph), names);
    library.and_then(|l| l.run(&[(&planes(picture, w, h), &[1, 3, h, w])])).expect("outputs")
}

#[test]
fn every_output_is_tracts() {
    let (graph, names) = small();
    outputs_are_tracts(&graph, &names);
}

#[test]
fn every_output_of_the_built_in_model_is_tracts() {
    let proto = read_model(BUILT_IN, LIMITS).expect("an ONNX model");
    let names: Vec<String> = outputs(32, 32).map(|o| o.0).collect();
    outputs_are_tracts(&proto.graph.expect("a graph"), &names);
}

#[test]
fn every_output_of_the_second_look_is_tracts() {
    outputs_are_tracts(&refine::graph().expect("a graph"), &refine::outputs());
}

fn outputs_are_tracts(graph: &GraphProto, names: &[String]) {
    let network = Network::of(graph, names).expect("the expected operations");
    for (w, h) in [(96, 64), (32, 32)] {
        let picture = picture(w - 5, h - 9);
        let wanted = by_tract(graph, names, &picture, (w, h));
        // Twice, the second time in memory that has been used.
        for _ in 0..2 {
            let got = network.run(&frame(&picture, w, h), h, w);
            for ((name, got), wanted) in names.iter().zip(&got).zip(&wanted) {
                assert_eq!(got.len(), wanted.len(), "{name} at {w}x{h}");
                let largest = wanted.iter().fold(1.0, |most: f32, v| most.max(v.abs()));
                let off = got.iter().zip(wanted).map(|(g, w)| (g - w).abs()).fold(0.0, f32::max);
                assert!(off < 1e-4 * largest, "{name} at {w}x{h} is off by {off} of {largest}");
            }
        }
    }
}

#[test]
fn another_graph_is_left_to_the_library() {
    type Change = (&'static str, fn(&mut GraphProto));
    let changes: [Change; 11] = [
        ("another operation", |g| g.node[1].op_type = "LeakyRelu".into()),
        ("another stride", |g| g.node[0].attribute[4] = ints("strides", &[1, 1])),
        ("other padding", |g| g.node[2].attribute[3] = ints("pads", &[1; 4])),
        ("a value read before its rectifier", |g| {
            let read = g.node[0].output.clone();
            g.node.push(NodeProto {
                op_type: "Sigmoid".into(),
                input: read,
                output: vec!["x".into()],
                ..NodeProto::default()
            });
        }),
        ("a list that is not of cells", |g| {
            let node = g.node.iter_mut().find(|n| n.op_type == "Transpose").expect("one");
            node.attribute[0] = ints("perm", &[0, 1, 2, 3]);
        }),
        ("a map that is listed as it lies", |g| {
            let at = g.node.iter().position(|n| n.op_type == "Transpose").expect("one");
            let (from, to) = (g.node[at].input[0].clone(), g.node[at].output[0].clone());
            for name in g.node.iter_mut().flat_map(|n| &mut n.input).filter(|name| **name == to) {
                name.clone_from(&from);
            }
        }),
        ("maps of one size where one should have half of the other's", |g| {
            let at = g.node.iter().position(|n| n.op_type == "Resize").expect("one");
            let whole = g.node[at + 1].input[0].clone();
            g.node[at].input[0] = whole;
        }),
        ("a sixth halving", |g| {
            let at = g.node.iter().position(|n| n.op_type == "Resize").expect("one");
            let last = g.node[at].input[0].clone();
            let attribute = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[2, 2])];
            g.node.push(NodeProto {
                op_type: "MaxPool".into(),
                input: vec![last],
                output: vec!["x".into()],
                attribute,
                ..NodeProto::default()
            });
        }),
        ("a convolution without outputs", |g| {
            (g.initializer[0].dims[0], g.initializer[1].dims[0]) = (0, 0);
            g.initializer[0].raw_data.clear();
            g.initializer[1].raw_data.clear();
        }),
        ("weights elsewhere", |g| g.initializer[0].raw_data.truncate(8)),
        ("two inputs", |g| g.input.push(described("other", None))),
    ];
    let (graph, names) = small();
    for (what, change) in changes {
        let mut graph = graph.clone();
        change(&mut graph);
        assert!(Network::of(&graph, &names).is_none(), "{what}");
    }
    assert!(Network::of(&graph, &["no_such_output".to_owned()]).is_none());
}

#[test]
fn what_the_steps_do_not_know_is_run_by_the_library() {
    let (mut graph, names) = small();
    graph.node[1].op_type = "LeakyRelu".into();
    assert!(Network::of(&graph, &names).is_none());
    assert_eq!(check(&graph), Ok(None), "still a YuNet");
    let (picture, (w, h)) = (picture(60, 30), (64, 32));
    let got = by_tract(&graph, &names, &picture, (w, h));
    assert!(got.iter().flatten().all(|v| v.is_finite()));
    assert_ne!(got, by_tract(&small().0, &names, &picture, (w, h)), "the other operation is computed");
    assert_eq!(got.iter().map(Vec::len).collect::<Vec<_>>(), outputs(w, h).map(|o| o.1).collect::<Vec<_>>());
}

#[test]
fn what_the_library_panics_on_is_an_error_of_one_line() {
    let (mut graph, names) = small();
    // The library follows names without looking; `check` refuses such a graph before.
    graph.output[0].name = "nowhere".into();
    let problem = Library::new(&model(&graph), &names).map(|_| ()).expect_err("a missing name");
    assert_eq!(problem, "the library that runs it gave up on it");
}
