//! Graphs that claim to be a `YuNet`'s.

use super::check;
use crate::media::detect::yunet::small::{attribute, described, ints, small};
use crate::onnx::{GraphProto, NodeProto, TensorProto};

type Change = (&'static str, fn(&mut GraphProto));

fn node<'a>(graph: &'a mut GraphProto, op: &str) -> &'a mut NodeProto {
    graph.node.iter_mut().find(|node| node.op_type == op).expect("one")
}

fn sized(graph: &mut GraphProto, w: usize, h: usize) {
    graph.input[0] = described("input", Some([Some(1), Some(3), Some(h), Some(w)]));
}

#[test]
fn a_yunet_passes_and_says_its_size() {
    let (mut graph, _) = small();
    assert_eq!(check(&graph), Ok(None));
    sized(&mut graph, 96, 64);
    assert_eq!(check(&graph), Ok(Some((96, 64))));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_computed_with_it() {
    let changes: [Change; 26] = [
        ("`cls_8` is missing", |g| g.output[0].name = "y".into()),
        ("`cls_8` is missing", |g| g.output.push(g.output[0].clone())),
        ("2 inputs", |g| g.input.push(described("other", None))),
        ("its input has 0 axes", |g| g.input[0] = described("input", None)),
        ("three colours", |g| g.input[0] = described("input", Some([Some(1), Some(4), None, None]))),
        ("multiples of 32", |g| sized(g, 100, 64)),
        ("multiples of 32", |g| sized(g, 1 << 40, 32)),
        ("multiples of 32", |g| sized(g, 2048, 2048)),
        ("reads `no such`, which nothing", |g| g.node[0].input[1] = "no such".into()),
        ("reads `v0`, which nothing", |g| g.node.swap(0, 1)),
        ("there already", |g| g.node[1].output = g.node[0].output.clone()),
        ("(Loop) is none that a YuNet has", |g| g.node[1].op_type = "Loop".into()),
        ("of another domain", |g| g.node[1].domain = "com.evil".into()),
        (r"(\u{1b}[31m", |g| g.node[1].op_type = "\u{1b}[31m".into()),
        ("has pads that cannot be", |g| g.node[0].attribute[3] = ints("pads", &[1 << 40; 4])),
        ("has pads that cannot be", |g| g.node[0].attribute[3] = ints("pads", &[1; 6])),
        ("has strides that cannot be", |g| g.node[0].attribute[4] = ints("strides", &[0, 0])),
        ("weights of another kernel", |g| g.node[0].attribute[2] = ints("kernel_shape", &[5, 5])),
        ("weights that do not fit", |g| g.node[0].attribute[1].i = 7),
        ("has axes that cannot be", |g| node(g, "Transpose").attribute[0] = ints("perm", &[0, 2, 3, 128])),
        ("does not double", |g| {
            let scales = node(g, "Resize").input[2].clone();
            let scales = g.initializer.iter_mut().find(|t| t.name == scales).expect("scales");
            scales.raw_data = [1.0, 1.0, 1e6, 1e6].iter().flat_map(|v: &f32| v.to_le_bytes()).collect();
        }),
        ("other values than fill it", |g| g.initializer[0].dims = vec![1 << 15; 4]),
        ("a shape that cannot be", |g| g.initializer[0].dims[0] = -1),
        ("infinite or not a number", |g| {
            g.initializer[0].raw_data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
        }),
        ("lies in another file", |g| g.initializer[0].data_location = Some(1)),
        ("operations, more than any YuNet", |g| g.node = vec![g.node[0].clone(); 2000]),
    ];
    for (words, change) in changes {
        let (mut graph, _) = small();
        change(&mut graph);
        let problem = check(&graph).expect_err(words);
        assert!(problem.contains(words), "{words}: {problem}");
        assert!(problem.len() < 500 && !problem.contains(char::is_control), "{problem}");
    }
}

#[test]
fn outputs_of_another_size_are_refused_unseen() {
    let (mut graph, _) = small();
    let pool = node(&mut graph, "MaxPool");
    pool.attribute = vec![ints("kernel_shape", &[2, 2]), ints("strides", &[1, 1])];
    let problem = check(&graph).expect_err("larger maps");
    assert!(problem.contains("joins maps") || problem.contains("output cls_8 has"), "{problem}");
}

#[test]
fn the_arithmetic_of_shapes_that_files_for_any_size_have_is_followed() {
    let (mut graph, _) = small();
    let at = graph.node.iter().position(|node| node.op_type == "Reshape").expect("one");
    let from = graph.node[at].input[0].clone();
    let whole = |name: &str, dims: &[i64], values: &[i64]| TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: 7,
        int64_data: values.to_vec(),
        ..TensorProto::default()
    };
    graph.initializer.extend([
        whole("nought", &[], &[0]),
        whole("all", &[1], &[-1]),
        whole("one", &[1], &[1]),
    ]);
    let axis = |name: &str| vec![attribute(name, 2)];
    let step = |op: &str, input: &[&str], output: &str, attribute| NodeProto {
        op_type: op.into(),
        input: input.iter().map(|&name| name.to_owned()).collect(),
        output: vec![output.into()],
        attribute,
        ..NodeProto::default()
    };
    let chain = [
        step("Shape", &[&from], "sides", vec![]),
        step("Gather", &["sides", "nought"], "items", axis("axis")),
        step("Unsqueeze", &["items"], "listed", vec![ints("axes", &[0])]),
        step("Concat", &["listed", "all", "one"], "wanted", axis("axis")),
    ];
    graph.node[at].input[1] = "wanted".into();
    graph.node.splice(at..at, chain);
    assert_eq!(check(&graph), Ok(None));
    graph.initializer.iter_mut().for_each(|t| {
        if t.name == "nought" {
            t.int64_data = vec![99];
        }
    });
    let problem = check(&graph).expect_err("no hundredth side");
    assert!(problem.contains("takes what is not there"), "{problem}");
}
