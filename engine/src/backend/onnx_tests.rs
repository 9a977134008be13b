//! Networks written as ONNX and run by the library for such files, against the reference.

use super::cpu::CpuBackend;
use super::{Backend as _, Inference as _, OnnxNetwork};
use crate::net::{
    Architecture, BoxCrop, Depth, Graph, InputContract, ModelCard, OnnxExport, OnnxFile, ParamKind,
    ResNetSpec, Stem, Storage, TemporalSpec, Weights, to_onnx,
};
use crate::onnx::{Library, Limits, read_model};

fn card(architecture: Architecture, size: usize, channels: usize) -> ModelCard {
    let classes = (0..architecture.classes()).map(|class| format!("class {class}")).collect();
    let input = InputContract {
        size,
        channels,
        mean: [0.5, 0.45, 0.4][..channels].to_vec(),
        std: [0.25, 0.2, 0.3][..channels].to_vec(),
        template: "crop".into(),
    };
    ModelCard {
        version: 1,
        architecture,
        classes,
        input,
        crop: 1.0,
        box_crop: BoxCrop::default(),
        licence: String::new(),
        training: String::new(),
        temperature: 1.7,
        metrics: std::collections::BTreeMap::new(),
        student: None,
        post: None,
    }
}

/// Initial weights with biases, scales and statistics that all differ.
fn lively(graph: &Graph) -> Weights {
    let mut weights = Weights::initial(graph, 9);
    for spec in &graph.params {
        let tensor = weights.tensors.get_mut(&spec.name).expect("initial weights");
        for (at, value) in tensor.data.iter_mut().enumerate() {
            let wave = (at as f32 * 0.73).sin();
            match spec.kind {
                ParamKind::Scale | ParamKind::RunningVariance => *value = 1.0 + 0.4 * wave,
                ParamKind::Shift | ParamKind::RunningMean => *value = 0.2 * wave,
                _ => {}
            }
        }
    }
    weights
}

pub(super) fn values(len: usize) -> Vec<f32> {
    (0..len).map(|i| ((i * 7919 % 2003) as f32 / 1001.5 - 1.0) * 1.5).collect()
}

pub(super) fn softmax(logits: &[f32], temperature: f32) -> Vec<f32> {
    let most = logits.iter().fold(f32::MIN, |most, v| most.max(*v));
    let powers: Vec<f32> = logits.iter().map(|v| ((v - most) / temperature).exp()).collect();
    let sum: f32 = powers.iter().sum();
    powers.iter().map(|v| v / sum).collect()
}

/// The largest difference; infinite where the lengths differ or a value is no number.
pub(super) fn off(a: &[f32], b: &[f32]) -> f32 {
    if a.len() != b.len() || a.iter().chain(b).any(|v| !v.is_finite()) {
        return f32::INFINITY;
    }
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
}

/// [`off`] in relation to the largest value, where that is above 1.
fn relative(a: &[f32], b: &[f32]) -> f32 {
    off(a, b) / b.iter().fold(1.0, |most: f32, v| most.max(v.abs()))
}

#[test]
fn the_comparison_sees_a_planted_difference() {
    assert!(off(&[1.0, 2.0], &[1.0, 2.001]) > 1e-4);
    assert!(off(&[1.0], &[1.0, 2.0]).is_infinite() && off(&[f32::NAN], &[f32::NAN]).is_infinite());
}

fn resnet(channels: usize) -> (Graph, Weights, ModelCard) {
    let spec = ResNetSpec {
        depth: Depth::ResNet18,
        size: 32,
        channels,
        classes: 4,
        width: 0.125,
        stem: Stem::NoPool,
    };
    let graph = spec.graph().expect("a graph");
    let weights = lively(&graph);
    (graph, weights, card(Architecture::Resnet(spec), 32, channels))
}

/// A network's file, as affekt writes it.
pub(super) fn written(channels: usize, storage: Storage, raw_pixels: bool) -> Vec<u8> {
    let (graph, weights, card) = resnet(channels);
    let export =
        OnnxExport { graph: &graph, weights: &weights, card: &card, student: None, storage, raw_pixels };
    to_onnx(&export).expect("a file")
}

#[test]
fn a_network_over_pictures_gives_logits_probabilities_and_features_for_any_batch() {
    let limits = Limits { fields: 1 << 20, what: "network" };
    let (graph, weights, card) = resnet(3);
    let model = read_model(&written(3, Storage::F32, false), limits).expect("a model");
    let names = ["logits", "probabilities", "features"].map(String::from);
    let library = Library::new(&model, &names).expect("readable");
    let mut ours = CpuBackend::new().expect("a processor").inference(&graph, &weights).expect("a network");
    for items in [1, 7] {
        let planes = values(items * 3 * 32 * 32);
        let mut pixels = vec![0.0; planes.len()];
        for (at, value) in planes.iter().enumerate() {
            let (item, channel, place) = (at / 3072, at % 3072 / 1024, at % 1024);
            pixels[item * 3072 + place * 3 + channel] = *value;
        }
        let outputs = library.run(&[(&planes, &[items, 3, 32, 32])]).expect("outputs");
        let logits = ours.forward(&pixels, items).expect("logits");
        let wanted: Vec<f32> =
            logits.chunks_exact(4).flat_map(|row| softmax(row, card.temperature)).collect();
        assert!(relative(&outputs[0], &logits) < 1e-4, "{items} items");
        assert!(off(&outputs[1], &wanted) < 1e-4, "{items} items");
        assert!(
            relative(&outputs[2], &ours.features(&pixels, items).expect("features")) < 1e-4,
            "{items} items"
        );
    }
}

#[test]
fn a_file_that_is_read_again_answers_as_the_network_does_in_each_form() {
    for (channels, storage, raw_pixels, most) in
        [(1, Storage::F32, false, 1e-4), (3, Storage::F32, true, 1e-4), (3, Storage::F16, true, 5e-3)]
    {
        let (graph, weights, card) = resnet(channels);
        let file = OnnxFile::parse(&written(channels, storage, raw_pixels)).expect("a file");
        let within = ModelCard::within_onnx(&file).expect("a card").expect("its card");
        let mut theirs = OnnxNetwork::new(&file, &within).expect("a network");
        let mut ours =
            CpuBackend::new().expect("a processor").inference(&graph, &weights).expect("a network");
        let pixels: Vec<f32> = (0..3 * 1024 * channels).map(|i| (i * 31 % 256) as f32).collect();
        let input = |card: &ModelCard| -> Vec<f32> {
            let InputContract { mean, std, .. } = &card.input;
            let value = |(at, p): (usize, &f32)| (p / 255.0 - mean[at % channels]) / std[at % channels];
            pixels.iter().enumerate().map(value).collect()
        };
        let [got, wanted] =
            [theirs.forward(&input(&within), 3), ours.forward(&input(&card), 3)].map(|rows| {
                let rows = rows.expect("logits");
                rows.chunks_exact(4).flat_map(|row| softmax(row, card.temperature)).collect::<Vec<f32>>()
            });
        assert!(off(&got, &wanted) < most, "{channels} channels, {storage:?}: {}", off(&got, &wanted));
    }
}

/// Our logits of clips whose features and presence are given, `clips x frames`, padded by missing frames.
fn by_graph(
    spec: &TemporalSpec,
    graph: &Graph,
    weights: &Weights,
    student: (&[f32], &[f32]),
    (features, presence, frames): (&[f32], &[f32], usize),
) -> Vec<f32> {
    let mut network = CpuBackend::new().expect("a processor").inference(graph, weights).expect("a network");
    let (width, clips) = (spec.features + 1, presence.len() / frames);
    let mut out = vec![];
    for clip in 0..clips {
        let mut input = vec![0.0; spec.frames * width];
        for frame in 0..frames {
            let at = clip * frames + frame;
            if presence[at] > 0.5 {
                let row = &mut input[frame * width..][..width];
                row[..spec.features].copy_from_slice(&features[at * spec.features..][..spec.features]);
                row[spec.features] = 1.0;
            }
        }
        let mut logits = network.forward(&input, 1).expect("logits");
        logits.truncate(frames * spec.classes);
        if spec.residual {
            for (row, logits) in input.chunks_exact(width).zip(logits.chunks_exact_mut(spec.classes)) {
                for (class, logit) in logits.iter_mut().enumerate().filter(|_| row[spec.features] > 0.5) {
                    let own = student.0[class * spec.features..].iter().zip(&row[..spec.features]);
                    *logit += own.map(|(w, x)| w * x).sum::<f32>() + student.1[class];
                }
            }
        }
        out.extend(logits);
    }
    out
}

#[test]
fn a_temporal_encoder_agrees_causal_or_not_with_missing_frames_and_in_short_clips() {
    let limits = Limits { fields: 1 << 20, what: "network" };
    for (causal, residual) in [(false, false), (true, false), (false, true), (true, true)] {
        let spec = TemporalSpec {
            frames: 12,
            width: 32,
            layers: 2,
            heads: 4,
            feed_forward: 48,
            causal,
            residual,
            ..TemporalSpec::new(20, 5)
        };
        let graph = spec.graph().expect("a graph");
        let weights = lively(&graph);
        let (weight, bias) = (values(100), values(5));
        let card = card(Architecture::Temporal(spec.clone()), 48, 3);
        let student = Some((weight.as_slice(), bias.as_slice()));
        let (storage, raw_pixels) = (Storage::F32, false);
        let export =
            OnnxExport { graph: &graph, weights: &weights, card: &card, student, storage, raw_pixels };
        let model = read_model(&to_onnx(&export).expect("a file"), limits).expect("a model");
        let names = ["logits", "probabilities"].map(String::from);
        let library = Library::new(&model, &names).expect("readable");
        for (clips, frames) in [(1, 12), (3, 12), (2, 7), (1, 1)] {
            let mut features = values(clips * frames * 20);
            let presence: Vec<f32> = (0..clips * frames).map(|i| f32::from(i % 5 != 3)).collect();
            // What stands where there is no face must not matter.
            for (row, present) in features.chunks_exact_mut(20).zip(&presence) {
                if *present < 0.5 {
                    row.fill(77.0);
                }
            }
            let inputs: [(&[f32], &[usize]); 2] =
                [(&features, &[clips, frames, 20]), (&presence, &[clips, frames])];
            let outputs = library.run(&inputs).expect("outputs");
            let wanted = by_graph(&spec, &graph, &weights, (&weight, &bias), (&features, &presence, frames));
            let what = format!("causal {causal}, residual {residual}, {clips} clips of {frames} frames");
            let seen = |values: &[f32]| -> Vec<f32> {
                let rows = values.chunks_exact(5).zip(&presence).filter(|(_, present)| **present > 0.5);
                rows.flat_map(|(row, _)| row.to_vec()).collect()
            };
            assert!(outputs[0].iter().all(|v| v.is_finite()), "{what}");
            assert!(relative(&seen(&outputs[0]), &seen(&wanted)) < 1e-4, "{what}");
            let wanted: Vec<f32> =
                wanted.chunks_exact(5).flat_map(|row| softmax(row, card.temperature)).collect();
            assert!(off(&seen(&outputs[1]), &seen(&wanted)) < 1e-4, "{what}");
        }
    }
}

#[test]
fn an_encoder_that_adds_to_the_students_answers_is_not_written_without_it() {
    let spec = TemporalSpec { residual: true, layers: 1, ..TemporalSpec::new(16, 3) };
    let graph = spec.graph().expect("a graph");
    let weights = lively(&graph);
    let card = card(Architecture::Temporal(spec), 48, 3);
    let (storage, raw_pixels) = (Storage::F32, false);
    let export =
        OnnxExport { graph: &graph, weights: &weights, card: &card, student: None, storage, raw_pixels };
    assert!(to_onnx(&export).is_err_and(|e| e.contains("its model is needed")));
}
