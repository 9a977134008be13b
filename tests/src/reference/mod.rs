//! The slow truth: a graph walked node by node in `f64` with the plainest loops, forward and backward.
//!
//! It shares nothing with any backend but the graph. Its own gradients are held against finite differences.

mod encoder;

use affekt_engine::net::{Graph, Node, Op, ParamId, Shape, Weights};

/// Parameters in `f64`, in the graph's order and torchvision's layout.
pub type Params = Vec<Vec<f64>>;

/// A graph's weights as reference parameters.
pub fn params(graph: &Graph, weights: &Weights) -> Params {
    graph.params.iter().map(|p| weights.get(&p.name).iter().map(|v| f64::from(*v)).collect()).collect()
}

/// Every node's output for a batch, and what normalisation saw.
pub struct Pass {
    /// Output of each node, NHWC.
    pub outputs: Vec<Vec<f64>>,
    /// Batch mean and biased variance of each batch normalisation node.
    pub statistics: Vec<Option<(Vec<f64>, Vec<f64>)>>,
    /// Key of the dropouts' masks, where they were at work.
    pub dropout_seed: Option<u64>,
}

/// Walks the graph forward; `training` selects the batch's statistics and dropout under the seed 0.
pub fn forward(graph: &Graph, params: &Params, input: &[f64], items: usize, training: bool) -> Pass {
    forward_with_dropout(graph, params, input, items, training.then_some(0))
}

/// Walks the graph forward: in training with dropout under the seed, else as in inference.
pub fn forward_with_dropout(
    graph: &Graph,
    params: &Params,
    input: &[f64],
    items: usize,
    dropout_seed: Option<u64>,
) -> Pass {
    let training = dropout_seed.is_some();
    let mut pass = Pass { outputs: vec![input.to_vec()], statistics: vec![None], dropout_seed };
    for node in &graph.nodes[1..] {
        let x = &pass.outputs[node.inputs[0]];
        let from = graph.nodes[node.inputs[0]].shape;
        let mut statistics = None;
        let mut out = vec![0.0; items * node.shape.len()];
        match node.op {
            Op::Conv { weight, kernel, stride, padding } => {
                let w = &params[weight];
                each_product(items, from, node.shape, (kernel, stride, padding), |o, i, k| {
                    out[o] += x[i] * w[k];
                });
            }
            Op::BatchNorm { scale, shift, mean, variance, epsilon, .. } => {
                let c = node.shape.c;
                let (m, v) =
                    if training { moments(x, c) } else { (params[mean].clone(), params[variance].clone()) };
                for (i, out) in out.iter_mut().enumerate() {
                    let k = i % c;
                    let inverse = 1.0 / (v[k] + f64::from(epsilon)).sqrt();
                    *out = params[scale][k] * (x[i] - m[k]) * inverse + params[shift][k];
                }
                statistics = Some((m, v));
            }
            Op::Relu => out.iter_mut().zip(x).for_each(|(o, x)| *o = x.max(0.0)),
            Op::Add => {
                let y = &pass.outputs[node.inputs[1]];
                out.iter_mut().zip(x.iter().zip(y)).for_each(|(o, (x, y))| *o = x + y);
            }
            Op::MaxPool { kernel, stride, padding } => {
                out.fill(f64::NEG_INFINITY);
                each_window(items, from, node.shape, (kernel, stride, padding), |o, i| {
                    out[o] = out[o].max(x[i]);
                });
            }
            Op::GlobalAveragePool => {
                for (i, x) in x.iter().enumerate() {
                    out[i / from.len() * from.c + i % from.c] += x / from.pixels() as f64;
                }
            }
            Op::Linear { weight, bias } => {
                let n = params[weight].len() / node.shape.c;
                for (o, out) in out.iter_mut().enumerate() {
                    let (item, k) = (o / node.shape.c, o % node.shape.c);
                    let row = x[item * n..][..n].iter().zip(&params[weight][k * n..]);
                    *out = params[bias][k] + row.map(|(a, b)| a * b).sum::<f64>();
                }
            }
            Op::Positions { table } => {
                let table = params[table].iter().cycle();
                out.iter_mut().zip(x.iter().zip(table)).for_each(|(o, (x, t))| *o = x + t);
            }
            Op::LayerNorm { scale, shift, epsilon } => {
                out = encoder::layer_norm(x, &params[scale], &params[shift], f64::from(epsilon));
            }
            Op::Gelu => out.iter_mut().zip(x).for_each(|(o, x)| *o = encoder::gelu(*x)),
            Op::Dropout { rate, index } => {
                out.clone_from(x);
                if let Some(seed) = dropout_seed {
                    let factors = encoder::dropout(seed, index, rate, x.len());
                    out.iter_mut().zip(factors).for_each(|(o, f)| *o *= f);
                }
            }
            Op::Attention { .. } => out = attention(graph, &pass, node).forward(),
            other => panic!("the reference does not know {other:?}"),
        }
        pass.outputs.push(out);
        pass.statistics.push(statistics);
    }
    pass
}

/// Gradient of every parameter (zero for buffers), given that of the last node's output.
pub fn backward(graph: &Graph, params: &Params, pass: &Pass, items: usize, d_output: &[f64]) -> Params {
    let mut d: Vec<Vec<f64>> = pass.outputs.iter().map(|o| vec![0.0; o.len()]).collect();
    let mut gradients: Params = params.iter().map(|p| vec![0.0; p.len()]).collect();
    let last = d.len() - 1;
    d[last].copy_from_slice(d_output);
    for (id, node) in graph.nodes.iter().enumerate().skip(1).rev() {
        let g = std::mem::take(&mut d[id]);
        let (x, from) = (&pass.outputs[node.inputs[0]], graph.nodes[node.inputs[0]].shape);
        let dx = &mut d[node.inputs[0]];
        match node.op {
            Op::Conv { weight, kernel, stride, padding } => {
                let (w, dw): (&Vec<f64>, &mut Vec<f64>) = (&params[weight], &mut gradients[weight]);
                each_product(items, from, node.shape, (kernel, stride, padding), |o, i, k| {
                    dx[i] += g[o] * w[k];
                    dw[k] += g[o] * x[i];
                });
            }
            Op::BatchNorm { scale, shift, epsilon, .. } => {
                let (mean, variance) = pass.statistics[id].as_ref().expect("normalised in the forward pass");
                let c = node.shape.c;
                let count = (x.len() / c) as f64;
                let inverse: Vec<f64> =
                    variance.iter().map(|v| 1.0 / (v + f64::from(epsilon)).sqrt()).collect();
                for (i, g) in g.iter().enumerate() {
                    let k = i % c;
                    gradients[shift][k] += g;
                    gradients[scale][k] += g * (x[i] - mean[k]) * inverse[k];
                }
                for (i, g) in g.iter().enumerate() {
                    let k = i % c;
                    let normal = (x[i] - mean[k]) * inverse[k];
                    let centred = g - gradients[shift][k] / count - normal * gradients[scale][k] / count;
                    dx[i] += params[scale][k] * inverse[k] * centred;
                }
            }
            Op::Relu => {
                for (i, g) in g.iter().enumerate() {
                    dx[i] += if x[i] > 0.0 { *g } else { 0.0 };
                }
            }
            Op::Add => {
                dx.iter_mut().zip(&g).for_each(|(a, b)| *a += b);
                d[node.inputs[1]].iter_mut().zip(&g).for_each(|(a, b)| *a += b);
            }
            Op::MaxPool { kernel, stride, padding } => {
                let mut best = vec![usize::MAX; g.len()];
                each_window(items, from, node.shape, (kernel, stride, padding), |o, i| {
                    if best[o] == usize::MAX || x[i] > x[best[o]] {
                        best[o] = i;
                    }
                });
                best.iter().zip(&g).for_each(|(i, g)| dx[*i] += g);
            }
            Op::GlobalAveragePool => {
                for (i, dx) in dx.iter_mut().enumerate() {
                    *dx += g[i / from.len() * from.c + i % from.c] / from.pixels() as f64;
                }
            }
            Op::Linear { weight, bias } => {
                let n = params[weight].len() / node.shape.c;
                for (o, g) in g.iter().enumerate() {
                    let (item, k) = (o / node.shape.c, o % node.shape.c);
                    gradients[bias][k] += g;
                    for j in 0..n {
                        gradients[weight][k * n + j] += g * x[item * n + j];
                        dx[item * n + j] += g * params[weight][k * n + j];
                    }
                }
            }
            Op::Positions { table } => {
                let len = params[table].len();
                for (i, g) in g.iter().enumerate() {
                    dx[i] += g;
                    gradients[table][i % len] += g;
                }
            }
            Op::LayerNorm { scale, shift, epsilon } => {
                let (mut by_scale, mut by_shift) = (vec![0.0; node.shape.c], vec![0.0; node.shape.c]);
                let input = (&x[..], &params[scale][..], f64::from(epsilon));
                encoder::layer_norm_backward(input, &g, dx, &mut by_scale, &mut by_shift);
                (gradients[scale], gradients[shift]) = (by_scale, by_shift);
            }
            Op::Gelu => {
                for (i, g) in g.iter().enumerate() {
                    dx[i] += g * encoder::gelu_slope(x[i]);
                }
            }
            Op::Dropout { rate, index } => {
                let factors = pass.dropout_seed.map(|seed| encoder::dropout(seed, index, rate, x.len()));
                for (i, g) in g.iter().enumerate() {
                    dx[i] += g * factors.as_ref().map_or(1.0, |f| f[i]);
                }
            }
            Op::Attention { .. } => attention(graph, pass, node).backward(&g, dx),
            other => panic!("the reference does not know {other:?}"),
        }
    }
    gradients
}

fn attention<'a>(graph: &'a Graph, pass: &'a Pass, node: &Node) -> encoder::Attention<'a> {
    let Op::Attention { heads, causal } = node.op else { panic!("{} is no attention", node.op.name()) };
    let qkv = &pass.outputs[node.inputs[0]];
    let presence = node.inputs.get(1).map(|&p| (pass.outputs[p].as_slice(), graph.nodes[p].shape.c));
    encoder::Attention { shape: node.shape, heads, causal, qkv, presence }
}

/// Gradient of a parameter's value by central differences of `loss = sum(output * d_output)`.
pub fn finite_difference(
    graph: &Graph,
    params: &Params,
    input: &[f64],
    items: usize,
    d_output: &[f64],
    param: ParamId,
    index: usize,
) -> f64 {
    const STEP: f64 = 1e-6;
    let loss = |delta: f64| {
        let mut moved = params.clone();
        moved[param][index] += delta;
        let pass = forward(graph, &moved, input, items, true);
        pass.outputs.last().map_or(0.0, |o| o.iter().zip(d_output).map(|(a, b)| a * b).sum::<f64>())
    };
    (loss(STEP) - loss(-STEP)) / (2.0 * STEP)
}

/// Mean and biased variance per channel.
fn moments(x: &[f64], c: usize) -> (Vec<f64>, Vec<f64>) {
    let count = (x.len() / c) as f64;
    let mut mean = vec![0.0; c];
    let mut variance = vec![0.0; c];
    x.iter().enumerate().for_each(|(i, x)| mean[i % c] += x / count);
    x.iter().enumerate().for_each(|(i, x)| variance[i % c] += (x - mean[i % c]).powi(2) / count);
    (mean, variance)
}

/// Calls `f(output, input, kernel position)` for every window position inside the input, channels apart.
fn each_position(
    items: usize,
    from: Shape,
    to: Shape,
    (kernel, stride, padding): (usize, usize, usize),
    mut f: impl FnMut(usize, usize, usize),
) {
    for item in 0..items {
        for p in 0..to.pixels() {
            for tap in 0..kernel * kernel {
                let y = (p / to.w * stride + tap / kernel).wrapping_sub(padding);
                let x = (p % to.w * stride + tap % kernel).wrapping_sub(padding);
                if y < from.h && x < from.w {
                    f(item * to.pixels() + p, item * from.pixels() + y * from.w + x, tap);
                }
            }
        }
    }
}

fn each_window(
    items: usize,
    from: Shape,
    to: Shape,
    window: (usize, usize, usize),
    mut f: impl FnMut(usize, usize),
) {
    each_position(items, from, to, window, |o, i, _| (0..to.c).for_each(|c| f(o * to.c + c, i * to.c + c)));
}

fn each_product(
    items: usize,
    from: Shape,
    to: Shape,
    window: (usize, usize, usize),
    mut f: impl FnMut(usize, usize, usize),
) {
    let taps = window.0 * window.0;
    each_position(items, from, to, window, |o, i, tap| {
        for co in 0..to.c {
            for ci in 0..from.c {
                f(o * to.c + co, i * from.c + ci, (co * from.c + ci) * taps + tap);
            }
        }
    });
}
