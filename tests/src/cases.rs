//! Graphs that between them meet every operation at odd sizes, with weights, inputs and gradients, for every backend's tests.

use affekt_engine::net::{Depth, Graph, GraphBuilder, ResNetSpec, Shape, Stem, TemporalSpec, Weights};
use affekt_engine::random::{Address, Purpose, Random};

/// A graph, its name in messages, and how many items to run it on.
pub type Case = (&'static str, Graph, usize);

/// Random numbers for an item.
pub fn rng(item: u64) -> Random {
    Address { seed: 11, purpose: Purpose::InitialWeights, step: 99, item }.rng()
}

/// Values in `-1..1`.
pub fn noise(len: usize, item: u64) -> Vec<f32> {
    let mut rng = rng(item);
    (0..len).map(|_| rng.between(-1.0, 1.0)).collect()
}

/// In `f64`.
pub fn wide(values: &[f32]) -> Vec<f64> {
    values.iter().map(|v| f64::from(*v)).collect()
}

/// Weights with running statistics and scales that are neither zero nor one.
pub fn lively_weights(graph: &Graph) -> Weights {
    let mut weights = Weights::initial(graph, 5);
    for (i, spec) in graph.params.iter().enumerate() {
        let mut rng = rng(1000 + i as u64);
        let tensor = weights.tensors.get_mut(&spec.name).expect("an initial tensor");
        // Learned tables keep their small initial values.
        if spec.shape.len() == 1 {
            let positive = spec.name.ends_with("var") || spec.name.ends_with("weight");
            let (low, high) = if positive { (0.5, 1.5) } else { (-0.3, 0.3) };
            tensor.data.iter_mut().for_each(|v| *v = rng.between(low, high));
        }
    }
    weights
}

/// Small graphs that between them meet every operation, odd sizes and every kind of panel edge.
pub fn convolutions() -> Vec<Case> {
    let resnet = |depth, size, channels, width, stem| {
        ResNetSpec { depth, size, channels, classes: 5, width, stem }.graph().expect("a valid specification")
    };
    let single = |size: usize, c: usize, out: usize, kernel, stride, padding| {
        let mut g = GraphBuilder::new(Shape { h: size, w: size + 2, c });
        let a = g.conv("a", 0, out, kernel, stride, padding).expect("it fits");
        let a = g.batch_norm("an", a);
        let a = g.relu(a);
        let b = g.conv("b", a, out, 3, 1, 1).expect("it fits");
        let b = g.batch_norm("bn", b);
        let sum = g.add("sum", b, a).expect("one shape");
        let sum = g.relu(sum);
        let pool = g.global_average_pool(sum);
        g.linear("fc", pool, 3);
        g.finish(pool)
    };
    vec![
        ("3x3 over grey, framed", single(9, 1, 24, 3, 1, 1), 2),
        ("3x3 stride 2, 17 to 33 channels", single(11, 17, 33, 3, 2, 1), 3),
        ("1x1 stride 2, 40 to 16 channels", single(7, 40, 16, 1, 2, 0), 2),
        ("5x5 stride 3 unpadded", single(12, 9, 8, 5, 3, 0), 1),
        ("3x3 over 32 channels and many tiles, by Winograd", single(13, 32, 40, 3, 1, 1), 5),
        ("1x1 over 300 channels", single(3, 300, 20, 1, 1, 0), 4),
        ("resnet18 at 33, imagenet stem", resnet(Depth::ResNet18, 33, 3, 0.125, Stem::Imagenet), 3),
        ("resnet18 at 32, small stem, grey", resnet(Depth::ResNet18, 32, 1, 0.125, Stem::Small), 2),
        ("resnet50 at 48, no pool", resnet(Depth::ResNet50, 48, 3, 0.125, Stem::NoPool), 2),
    ]
}

/// A convolution before a maximum pool.
pub fn pooled() -> Case {
    let mut g = GraphBuilder::new(Shape { h: 9, w: 9, c: 2 });
    let x = g.conv("stem", 0, 6, 3, 1, 1).expect("it fits");
    let x = g.batch_norm("n", x);
    let x = g.relu(x);
    let x = g.max_pool("pool", x, 3, 2, 1).expect("it fits");
    let pool = g.global_average_pool(x);
    g.linear("fc", pool, 3);
    ("pool", g.finish(pool), 2)
}

/// Clips whose last channel is presence; the first clip has no present frame at all.
pub fn clips(graph: &Graph, items: usize, item: u64) -> Vec<f32> {
    let shape = graph.input();
    let mut input = noise(items * shape.len(), item);
    let mut rng = rng(item + 500);
    for (i, frame) in input.chunks_exact_mut(shape.c).enumerate() {
        let there = if i >= shape.pixels() && rng.chance(0.7) { 1.0 } else { 0.0 };
        for value in frame.iter_mut() {
            *value *= there;
        }
        frame[shape.c - 1] = there;
    }
    input
}

/// A small temporal encoder.
pub fn encoder(causal: bool, dropout: f32) -> Graph {
    let spec = TemporalSpec {
        frames: 13,
        width: 30,
        layers: 2,
        heads: 3,
        feed_forward: 17,
        dropout,
        causal,
        ..TemporalSpec::new(21, 5)
    };
    spec.graph().expect("a valid specification")
}

/// Every operation by itself and where no product can take it in, and whole encoders.
pub fn encoders() -> Vec<Case> {
    let start = |h, w, c| GraphBuilder::new(Shape { h, w, c });
    let lone = |op: fn(&mut GraphBuilder) -> usize| {
        let mut g = start(5, 1, 19);
        let x = op(&mut g);
        g.linear("fc", x, 4);
        g.finish(x)
    };
    let attention = |positions: usize, width: usize, heads: usize, causal: bool, masked: bool| {
        let mut g = start(positions, 1, width);
        let x = g.position_linear("in", 0, width);
        let x = g.self_attention("attention", x, heads, causal, masked.then_some(0)).expect("heads");
        g.finish(x)
    };
    let tangled = {
        let mut g = start(3, 2, 20);
        let a = g.positions("positions", 0);
        let b = g.gelu(a);
        let c = g.add("sum", a, b).expect("one shape");
        let d = g.layer_norm("norm", c);
        let d = g.dropout(d, 0.5).expect("a rate");
        let e = g.position_linear("e", d, 20);
        let f = g.positions("before", e);
        let f = g.gelu(f);
        let f = g.positions("late", f);
        let f = g.add("input", f, 0).expect("one shape");
        let f = g.add("both", f, c).expect("one shape");
        g.linear("fc", f, 2);
        g.finish(f)
    };
    let large = TemporalSpec {
        frames: 40,
        width: 64,
        layers: 1,
        heads: 2,
        feed_forward: 96,
        dropout: 0.2,
        ..TemporalSpec::new(300, 8)
    };
    vec![
        ("layer norm", lone(|g| g.layer_norm("norm", 0)), 3),
        ("gelu", lone(|g| g.gelu(0)), 3),
        ("dropout", lone(|g| g.dropout(0, 0.4).expect("a rate")), 3),
        ("positions", lone(|g| g.positions("positions", 0)), 3),
        (
            "position linear and gelu",
            lone(|g| {
                let x = g.position_linear("a", 0, 33);
                g.gelu(x)
            }),
            3,
        ),
        ("attention, 7 positions, 3 heads of 5", attention(7, 15, 3, false, false), 2),
        ("masked attention, 9 positions, 2 heads of 17", attention(9, 34, 2, false, true), 3),
        ("causal attention, 11 positions, 1 head of 8", attention(11, 8, 1, true, false), 2),
        ("masked causal attention, 33 positions, 2 heads of 16", attention(33, 32, 2, true, true), 2),
        ("tangled", tangled, 3),
        ("encoder", encoder(false, 0.3), 3),
        ("causal encoder", encoder(true, 0.3), 3),
        ("encoder of 40 frames and 300 features", large.graph().expect("a graph"), 2),
    ]
}
