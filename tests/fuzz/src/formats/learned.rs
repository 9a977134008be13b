//! What training writes: models, their cards, checkpoints, features.

use std::io;
use std::path::Path;

use affekt_engine::Recognizer;
use affekt_engine::backend::NetworkState;
use affekt_engine::backend::cpu::CpuBackend;
use affekt_engine::data::{ClipFormats, Clips, FeatureCache, SkipLog, Spec};
use affekt_engine::learn::{Checkpoints, RunIdentity, TrainingState};
use affekt_engine::media::detect::GuideBox;
use affekt_engine::media::source::Frame;
use affekt_engine::net::{
    Architecture, BoxCrop, Depth, InputContract, ModelCard, ResNetSpec, Stem, Storage, Weights,
};
use affekt_engine::world::Model;
use affekt_engine::world::live::{Clock, LiveSettings};

use super::pictures::picture;
use super::{Form, Format, message, other};

pub(super) const MODEL: Format = Format {
    name: "model",
    short: 60,
    own: true,
    files: &[("m.safetensors", Form::Tensors("affekt.card"))],
    make: make_model,
    read: read_model,
};

pub(super) const CARD: Format = Format {
    name: "card",
    short: 120,
    own: true,
    files: &[("m.safetensors", Form::Metadata("affekt.card"))],
    make: make_model,
    read: read_model,
};

pub(super) const CHECKPOINT: Format = Format {
    name: "checkpoint",
    short: 200,
    own: true,
    files: &[
        ("checkpoint-0000000010.safetensors", Form::Tensors("affekt.checkpoint")),
        ("checkpoint-0000000020.safetensors", Form::Tensors("affekt.checkpoint")),
    ],
    make: make_checkpoints,
    read: read_checkpoints,
};

pub(super) const FEATURES: Format = Format {
    name: "features",
    short: 200,
    own: true,
    files: &[("cache/a.features", Form::Bytes)],
    make: make_features,
    read: read_features,
};

fn spec() -> ResNetSpec {
    ResNetSpec {
        depth: Depth::ResNet18,
        size: 32,
        channels: 1,
        classes: 2,
        width: 0.0625,
        stem: Stem::NoPool,
    }
}

fn make_model(folder: &Path) -> io::Result<()> {
    let card = ModelCard {
        version: 1,
        architecture: Architecture::Resnet(spec()),
        classes: vec!["calm".into(), "glad".into()],
        input: InputContract {
            size: 32,
            channels: 1,
            mean: vec![0.5],
            std: vec![0.25],
            template: "crop".into(),
        },
        crop: 0.9,
        box_crop: BoxCrop::default(),
        licence: "none".into(),
        training: "none".into(),
        temperature: 1.0,
        metrics: [("accuracy".to_owned(), 0.5)].into(),
        student: None,
        post: None,
    };
    let weights = Weights::initial(&spec().graph().map_err(other)?, 1);
    weights.write(&folder.join("m.safetensors"), Storage::F32, Some(&card)).map_err(other)
}

/// A model that can be read is used on a face, and what it says of it are numbers.
fn read_model(folder: &Path) -> Result<(), String> {
    let model = Model::load(&folder.join("m.safetensors")).map_err(message)?;
    let backend = CpuBackend::new().map_err(message)?;
    let detector = Box::new(GuideBox);
    let opened =
        Recognizer::new(&model, None, detector, &backend, &LiveSettings::default(), Clock::default());
    let named = |e: &dyn std::fmt::Display| format!("{}: {e}", folder.display());
    let mut recognizer = opened.map_err(|e| named(&e))?;
    let frame = Frame { index: 0, seconds: 0.0, picture: picture(80, 64, 3) };
    for face in recognizer.push(frame).map_err(|e| named(&e))? {
        assert!(face.voted_label < model.card.classes.len(), "a class that there is");
    }
    Ok(())
}

fn state(step: u64) -> io::Result<TrainingState> {
    let weights = Weights::initial(&spec().graph().map_err(other)?, step);
    let network = NetworkState { average: Some(weights.clone()), weights, ..NetworkState::default() };
    Ok(TrainingState { step, networks: [("student".to_owned(), network)].into(), ..TrainingState::default() })
}

fn checkpoints(folder: &Path) -> Result<Checkpoints, String> {
    let identity = RunIdentity::new(&spec()).map_err(message)?;
    Ok(Checkpoints::open(folder, identity).map_err(message)?.computed_by("cpu portable"))
}

fn make_checkpoints(folder: &Path) -> io::Result<()> {
    let checkpoints = checkpoints(folder).map_err(other)?;
    for step in [10, 20] {
        checkpoints.save(&state(step)?).map_err(other)?;
    }
    Ok(())
}

/// Whatever was broken: a state that is read is one that was written.
fn read_checkpoints(folder: &Path) -> Result<(), String> {
    let read = checkpoints(folder)?.latest().map_err(message)?;
    let written = [10, 20].map(|step| state(step).map_err(message));
    let read = read.ok_or("no checkpoint is left")?;
    assert!(written.into_iter().any(|state| state.as_ref() == Ok(&read)), "a state that was never written");
    Ok(())
}

fn clips(folder: &Path) -> Result<std::sync::Arc<dyn Clips>, String> {
    ClipFormats::files().open(&Spec::new("clips", folder.join("clips")), &SkipLog::new(true)).map_err(message)
}

fn make_features(folder: &Path) -> io::Result<()> {
    let frames = folder.join("clips/a");
    std::fs::create_dir_all(&frames)?;
    for frame in [1, 2, 4, 5] {
        std::fs::write(
            frames.join(format!("{frame:05}.jpg")),
            picture(16, 16, 1).to_jpeg(90).map_err(other)?,
        )?;
    }
    let clips = clips(folder).map_err(other)?;
    let mut writer = cache(folder).writer(&*clips, 0).map_err(other)?;
    for frame in 0..clips.frames(0) {
        writer.push(clips.has_face(0, frame).then_some(&[0.5; 24][..])).map_err(other)?;
    }
    writer.finish().map(|_| ()).map_err(other)
}

fn cache(folder: &Path) -> FeatureCache {
    FeatureCache::new(folder.join("cache"), "0123456789abcdef", 24)
}

/// A file that can be opened holds finite numbers.
fn read_features(folder: &Path) -> Result<(), String> {
    let file = cache(folder).open(&*clips(folder)?, 0).map_err(message)?.ok_or("there is no file")?;
    for frame in 0..file.frames() + 2 {
        assert!(file.row(frame).into_iter().flatten().all(|v| v.is_finite()), "a number that is none");
    }
    let mut window = vec![0.0; 25 * 8];
    file.window(2, &mut window);
    Ok(())
}
