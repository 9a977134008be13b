//! Writes networks as ONNX files with what the engine answers to 200 faces, for `tests/onnx/check.py`, and holds the library that
//! affekt itself runs such files by (tract) to the same answers: `cargo run --release --example onnx_cases -- FOLDER`.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use affekt_engine::backend::{Backend as _, cpu::CpuBackend};
use affekt_engine::learn::softmax;
use affekt_engine::net::{
    Architecture, BoxCrop, Depth, Graph, HostTensor, InputContract, ModelCard, OnnxExport, ParamKind,
    ResNetSpec, Stem, Storage, TemporalSpec, Weights, to_onnx,
};
use affekt_engine::random::{Address, Purpose};
use affekt_engine::synth::{Class, Style, sample};
use affekt_engine::world::Model;

/// Faces of each case.
const FACES: usize = 200;
const SIZE: usize = 48;
const CLASSES: usize = 8;

/// Largest difference of a probability that is let through, with weights in single and in half precision.
const NEAR: [f32; 2] = [1e-4, 5e-3];

type Tensors = BTreeMap<String, HostTensor>;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("a folder is needed")?;
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    for depth in [Depth::ResNet18, Depth::ResNet34, Depth::ResNet50] {
        for channels in [1, 3] {
            let spec =
                ResNetSpec { depth, size: SIZE, channels, classes: CLASSES, width: 0.25, stem: Stem::NoPool };
            untrained(folder, &spec)?;
        }
    }
    let builtin = Model::builtin()?;
    picture_cases(folder, "builtin", builtin.own()?, &builtin.card, &Faces::drawn(&builtin.card.input))?;
    for causal in [false, true] {
        let spec = TemporalSpec {
            frames: 24,
            width: 64,
            layers: 2,
            heads: 4,
            feed_forward: 96,
            causal,
            ..TemporalSpec::new(128, CLASSES)
        };
        clip_case(folder, &spec, 24)?;
        clip_case(folder, &spec, 9)?;
    }
    Ok(())
}

/// Faces as a model's card wants them.
struct Faces {
    /// A pixel's channels side by side, as the engine has them: as the network reads them, and from 0 to 255.
    inputs: [Vec<f32>; 2],
    /// The same, a plane a channel, as ONNX files have them.
    planes: [Vec<f32>; 2],
}

impl Faces {
    fn drawn(contract: &InputContract) -> Self {
        let InputContract { size, channels, mean, std, .. } = contract;
        let style = Style { size: *size, channels: *channels, ..Style::default() };
        let (mut inputs, mut planes) = ([vec![], vec![]], [vec![], vec![]]);
        for face in 0..FACES {
            let address = Address { seed: 20, purpose: Purpose::Synthesis, step: 0, item: face as u64 };
            let picture = sample(address, Class::ALL[face % Class::ALL.len()], &style);
            let value = |(at, pixel): (usize, &u8)| {
                let channel = at % channels;
                (f32::from(*pixel) / 255.0 - mean[channel]) / std[channel]
            };
            let read: Vec<f32> = picture.pixels.iter().enumerate().map(value).collect();
            let raw: Vec<f32> = picture.pixels.iter().map(|p| f32::from(*p)).collect();
            for (form, values) in [read, raw].into_iter().enumerate() {
                for channel in 0..*channels {
                    planes[form].extend(values.iter().skip(channel).step_by(*channels));
                }
                inputs[form].extend(values);
            }
        }
        Self { inputs, planes }
    }
}

/// A network that was never trained, with a classifier that tells these faces apart.
fn untrained(folder: &Path, spec: &ResNetSpec) -> Result<(), Box<dyn Error>> {
    let graph = spec.graph()?;
    let mut weights = lively(&graph);
    let card = card(Architecture::Resnet(spec.clone()), spec.channels);
    let faces = Faces::drawn(&card.input);
    let logits = CpuBackend::new()?.inference(&graph, &weights)?.forward(&faces.inputs[0], FACES)?;
    let rows = || logits.chunks_exact(CLASSES);
    let means: Vec<f32> =
        (0..CLASSES).map(|c| rows().map(|row| row[c]).sum::<f32>() / FACES as f32).collect();
    let squares = rows().flat_map(|row| row.iter().zip(&means).map(|(v, mean)| (v - mean).powi(2)));
    let spread = (squares.sum::<f32>() / logits.len() as f32).sqrt();
    for (name, tensor) in &mut weights.tensors {
        match name.as_str() {
            "fc.weight" => tensor.data.iter_mut().for_each(|v| *v /= spread),
            "fc.bias" => tensor.data.iter_mut().zip(&means).for_each(|(v, mean)| *v = (*v - mean) / spread),
            _ => {}
        }
    }
    let name = format!("{:?}-{}", spec.depth, spec.channels).to_lowercase();
    picture_cases(folder, &name, (&graph, &weights), &card, &faces)
}

/// A network over faces: plain, reading pixels, and in half precision.
fn picture_cases(
    folder: &Path,
    name: &str,
    (graph, weights): (&Graph, &Weights),
    card: &ModelCard,
    faces: &Faces,
) -> Result<(), Box<dyn Error>> {
    let InputContract { size, channels, .. } = card.input;
    let mut network = CpuBackend::new()?.inference(graph, weights)?;
    let logits = network.forward(&faces.inputs[0], FACES)?;
    let probabilities = softmax(&logits, CLASSES, card.temperature);
    for (form, storage, raw_pixels) in
        [("", Storage::F32, false), ("-pixels", Storage::F32, true), ("-f16", Storage::F16, false)]
    {
        let export = OnnxExport { graph, weights, card, student: None, storage, raw_pixels };
        let input = if raw_pixels { "pixels" } else { "input" };
        let planes = faces.planes[usize::from(raw_pixels)].clone();
        let tensors = Tensors::from([
            (input.into(), HostTensor { shape: vec![FACES, channels, size, size], data: planes }),
            ("probabilities".into(), HostTensor { shape: vec![FACES, CLASSES], data: probabilities.clone() }),
        ]);
        let name = format!("{name}{form}");
        write(folder, &name, &export, tensors)?;
        let file = folder.join(format!("{name}.onnx"));
        let worst = read_again(&file, &faces.inputs[usize::from(raw_pixels)], &probabilities)?;
        println!("{name}: {FACES} faces by tract, largest difference {worst:.1e}");
        if worst >= NEAR[usize::from(storage == Storage::F16)] {
            return Err(format!("{name}: tract and the engine differ by {worst}").into());
        }
    }
    Ok(())
}

/// The largest difference of a probability between the file, opened like any other program's, and what is wanted.
fn read_again(path: &Path, inputs: &[f32], wanted: &[f32]) -> Result<f32, Box<dyn Error>> {
    let model = Model::open(Some(path))?;
    let mut network = model.inference(&CpuBackend::new()?)?;
    let len = inputs.len() / FACES;
    let mut worst = 0.0f32;
    for batch in [1, 7] {
        let parts = inputs.chunks(batch * len).zip(wanted.chunks(batch * CLASSES));
        for (input, wanted) in parts {
            let logits = network.forward(input, input.len() / len)?;
            let got = softmax(&logits, CLASSES, model.card.temperature);
            let off = got.iter().zip(wanted).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            let same = got.len() == wanted.len() && got.iter().all(|p| p.is_finite());
            worst = worst.max(if same { off } else { f32::INFINITY });
        }
    }
    Ok(worst)
}

/// A temporal encoder over clips of so many frames, some of which have no face.
fn clip_case(folder: &Path, spec: &TemporalSpec, frames: usize) -> Result<(), Box<dyn Error>> {
    let graph = spec.graph()?;
    let weights = lively(&graph);
    let card = card(Architecture::Temporal(spec.clone()), 3);
    let clips = FACES.div_ceil(frames);
    let mut network = CpuBackend::new()?.inference(&graph, &weights)?;
    let (mut features, mut presence, mut probabilities) = (vec![], vec![], vec![]);
    let mut random = Address { seed: 20, purpose: Purpose::Synthesis, step: 1, item: frames as u64 }.rng();
    for _ in 0..clips {
        let mut input = vec![0.0; spec.frames * (spec.features + 1)];
        for row in input.chunks_exact_mut(spec.features + 1).take(frames) {
            let present = random.between(0.0, 1.0) > 0.2;
            if present {
                row.fill_with(|| random.normal().abs());
                row[spec.features] = 1.0;
            }
            features.extend(&row[..spec.features]);
            presence.push(row[spec.features]);
        }
        let logits = network.forward(&input, 1)?;
        probabilities.extend(softmax(&logits[..frames * CLASSES], CLASSES, card.temperature));
    }
    let export = OnnxExport {
        graph: &graph,
        weights: &weights,
        card: &card,
        student: None,
        storage: Storage::F32,
        raw_pixels: false,
    };
    let tensor = |shape: &[usize], data: Vec<f32>| HostTensor { shape: shape.to_vec(), data };
    let tensors = Tensors::from([
        ("features".into(), tensor(&[clips, frames, spec.features], features)),
        ("presence".into(), tensor(&[clips, frames], presence)),
        ("probabilities".into(), tensor(&[clips, frames, CLASSES], probabilities)),
    ]);
    let name = if spec.causal { "causal" } else { "both-ways" };
    write(folder, &format!("encoder-{name}-{frames}"), &export, tensors)
}

fn write(folder: &Path, name: &str, export: &OnnxExport<'_>, tensors: Tensors) -> Result<(), Box<dyn Error>> {
    affekt_engine::files::write_atomically(&folder.join(format!("{name}.onnx")), &to_onnx(export)?)?;
    Weights { tensors }.write(&folder.join(format!("{name}.safetensors")), Storage::F32, None)?;
    Ok(())
}

/// Initial weights with scales, biases and statistics that all differ.
fn lively(graph: &Graph) -> Weights {
    let mut weights = Weights::initial(graph, 20);
    for spec in &graph.params {
        let values = weights.tensors.get_mut(&spec.name).map(|tensor| tensor.data.iter_mut());
        for (at, value) in values.into_iter().flatten().enumerate() {
            let wave = (at as f32 * 0.73).sin();
            match spec.kind {
                ParamKind::Scale | ParamKind::RunningVariance => *value = 1.0 + 0.3 * wave,
                ParamKind::Shift | ParamKind::RunningMean => *value = 0.1 * wave,
                _ => {}
            }
        }
    }
    weights
}

fn card(architecture: Architecture, channels: usize) -> ModelCard {
    let (mean, std) = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]);
    ModelCard {
        version: 1,
        classes: (0..architecture.classes()).map(|class| format!("class {class}")).collect(),
        architecture,
        input: InputContract {
            size: SIZE,
            channels,
            mean: mean[..channels].to_vec(),
            std: std[..channels].to_vec(),
            template: "crop".into(),
        },
        crop: 1.0,
        box_crop: BoxCrop::default(),
        licence: "none: never trained".into(),
        training: "never trained".into(),
        temperature: 1.3,
        metrics: BTreeMap::new(),
        student: None,
        post: None,
    }
}
