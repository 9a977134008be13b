//! Trains on pictures that a program holds, without a disk or a SPEC: here bright and dark ones.
//! `cargo run --release -p affekt-engine --example own_dataset -- runs/own`
#![allow(missing_docs, reason = "an example")]

use std::path::Path;
use std::sync::Arc;

use affekt_engine::backend::{self, BackendSpec};
use affekt_engine::data::{Annotation, MemoryFaces, SkipLog, Source};
use affekt_engine::learn::Method;
use affekt_engine::media::Picture;
use affekt_engine::net::{Depth, Stem};
use affekt_engine::world::{ModelConfig, Pretraining, Run as _, RunConfig, RunFolder, Start, TrainingData};

/// Anything that implements `Dataset` will do; pictures in memory are one that is ready.
fn pictures(name: &str, tones: impl Iterator<Item = u8>) -> Result<Vec<Source>, Box<dyn std::error::Error>> {
    let item = |tone: u8| (Picture::filled(32, 32, 1, tone), Annotation::Class(usize::from(tone >= 128)));
    let faces = MemoryFaces::new(name, ["dark", "bright"], tones.map(item))?;
    Ok(vec![Source::new(Arc::new(faces))])
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let out = std::env::args().nth(1).ok_or("give a new folder for the run")?;
    let mut config = RunConfig {
        model: ModelConfig {
            depth: Depth::ResNet18,
            size: 32,
            channels: 1,
            width: 0.0625,
            stem: Stem::NoPool,
            init: None,
        },
        ..RunConfig::default()
    };
    config.training.method = Method::Supervised;
    (config.training.steps, config.training.batch) = (60, 16);
    let data = TrainingData {
        labelled: pictures("mine", (0..=255).step_by(2))?,
        valid: pictures("held out", (1..=255).step_by(8))?,
        ..TrainingData::default()
    };
    let folder = RunFolder::create(Path::new(&out), false)?;
    let skips = Arc::new(SkipLog::new(config.strict));
    let backend = backend::open(&BackendSpec::default())?;
    let mut run = Pretraining::begin_with(config, folder, backend, (data, skips), Start::New)?;
    let report = run.run_to_end(|_| true)?;
    for (network, scores) in &report.scores {
        println!("{network}: accuracy {:.3} of {}", scores.accuracy, scores.n);
    }
    Ok(())
}
