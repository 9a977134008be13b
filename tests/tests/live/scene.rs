//! Two people who cross, a network and an encoder that were never trained.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use affekt_engine::backend::Backend as _;
use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::learn::TemporalEncoder;
use affekt_engine::media::align::Aligner;
use affekt_engine::media::source::FrameSource as _;
use affekt_engine::net::{
    Architecture, BoxCrop, Depth, InputContract, ModelCard, ResNetSpec, Stem, Storage, TemporalSpec, Weights,
};
use affekt_engine::synth::{Actor, Room, Style, SynthCamera, SynthClipSettings, SynthClips, TrueFaces};
use affekt_engine::world::live::{Clock, FrameReading, LiveSettings, Recognizer};
use affekt_engine::world::{Model, ModelNetwork, TemporalModel};

pub const CLASSES: [&str; 4] = ["a", "b", "c", "d"];

pub fn card(architecture: Architecture, template: &str, student: Option<String>) -> ModelCard {
    ModelCard {
        version: 1,
        architecture,
        classes: CLASSES.map(String::from).to_vec(),
        input: InputContract {
            size: 32,
            channels: 1,
            mean: vec![0.5],
            std: vec![0.25],
            template: template.into(),
        },
        crop: 0.9,
        box_crop: BoxCrop::default(),
        licence: String::new(),
        training: String::new(),
        temperature: 0.5,
        metrics: BTreeMap::new(),
        student,
        post: None,
    }
}

/// A network that was never trained: it says different things of different faces, which is all that is asked of it.
pub fn model(template: &str) -> Model {
    let (depth, stem) = (Depth::ResNet18, Stem::NoPool);
    let spec = ResNetSpec { depth, size: 32, channels: 1, classes: 4, width: 0.0625, stem };
    let graph = spec.graph().unwrap();
    let mut weights = Weights::initial(&graph, 5);
    let card = card(Architecture::Resnet(spec), template, None);
    // Without a bias of its own, so that every class is the most probable one for some faces.
    let aligner = Aligner::new(&card.input, card.box_crop, card.crop);
    let mut network = CpuBackend::new().unwrap().inference(&graph, &weights).unwrap();
    let (room, mut mean) = (room(), [0.0; 4]);
    for frame in 0..30 {
        let truth = room.truth(frame)[0];
        let mut input = vec![0.0; aligner.input_len()];
        aligner.align(&room.picture(frame), &truth.face_box, Some(&truth.landmarks), &mut input).unwrap();
        let logits = network.forward(&input, 1).unwrap();
        mean.iter_mut().zip(&logits).for_each(|(sum, logit)| *sum += logit / 30.0);
    }
    let bias = &mut weights.tensors.get_mut("fc.bias").unwrap().data;
    bias.iter_mut().zip(mean).for_each(|(bias, mean)| *bias -= mean);
    let network = ModelNetwork::Own { graph, weights };
    Model { path: PathBuf::from("never trained"), card, network, hash: "h".into() }
}

/// Two people who cross; in the last frames both have left.
pub fn room() -> Arc<Room> {
    let style = Style { size: 72, channels: 3, occlusion: 0.0, ..Style::default() };
    let settings =
        SynthClipSettings { clips: 2, frames: 300, style, missing: 0.0, ..SynthClipSettings::default() };
    let actors = vec![
        Actor { clip: 0, start: (60.0, 90.0), step: (3.0, 0.0) },
        Actor { clip: 1, start: (300.0, 94.0), step: (-3.0, 0.0) },
    ];
    Arc::new(Room::new(SynthClips::new(settings).unwrap(), actors, (360, 180)))
}

pub fn recognizer(
    model: &Model,
    room: &Arc<Room>,
    settings: &LiveSettings,
    encoder: Option<(TemporalEncoder, f32)>,
) -> Recognizer {
    let backend = CpuBackend::new().unwrap();
    let detector = Box::new(TrueFaces(Arc::clone(room)));
    Recognizer::new(model, encoder, detector, &backend, settings, Clock::default()).unwrap()
}

/// Reads so many frames, some at a time.
pub fn read(
    recognizer: &mut Recognizer,
    room: &Arc<Room>,
    frames: u64,
    together: usize,
) -> Vec<FrameReading> {
    let mut camera = SynthCamera::new(Arc::clone(room), frames, 25.0);
    let (mut all, mut batch) = (vec![], vec![]);
    while let Some(frame) = camera.next_frame().unwrap() {
        batch.push(frame);
        if batch.len() == together {
            all.extend(recognizer.read(std::mem::take(&mut batch)).unwrap());
        }
    }
    all.extend(recognizer.read(batch).unwrap());
    all.extend(recognizer.finish().unwrap());
    all
}

/// A small encoder that was never trained, as a file beside its parts. It may read `model`, whose classes it has.
pub struct Encoder {
    folder: tempfile::TempDir,
    pub spec: TemporalSpec,
    pub weights: Weights,
}

impl Encoder {
    pub fn of(model: &Model, causal: bool) -> Self {
        let features = model.head().unwrap().features();
        let small =
            TemporalSpec { frames: 16, width: 16, layers: 1, heads: 2, ..TemporalSpec::new(features, 4) };
        let spec = TemporalSpec { feed_forward: 16, dropout: 0.0, causal, residual: !causal, ..small };
        let weights = Weights::initial(&spec.graph().unwrap(), 9);
        let mut card = card(Architecture::Temporal(spec.clone()), "crop", Some(model.hash.clone()));
        card.classes.clone_from(&model.card.classes);
        let encoder = Self { folder: tempfile::tempdir().unwrap(), spec, weights };
        encoder.weights.write(&encoder.path(), Storage::F32, Some(&card)).unwrap();
        encoder
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("encoder.safetensors")
    }

    pub fn open(&self, model: &Model) -> (TemporalEncoder, f32) {
        TemporalModel::open(&self.path(), model).unwrap().encoder(&CpuBackend::new().unwrap(), 8).unwrap()
    }
}
