//! Trains on a folder of folders of pictures, one a class, and measures on another one:
//! `cargo run --release -p affekt-engine --example train_on_folder -- faces/train faces/valid runs/mine`
#![allow(missing_docs, reason = "an example")]

use std::path::Path;

use affekt_engine::data::Formats;
use affekt_engine::learn::Method;
use affekt_engine::world::config::Layers;
use affekt_engine::world::{RunConfig, RunFolder, train};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [faces, valid, out] = arguments.as_slice() else {
        return Err("give a folder of faces, another one to measure on, and a new folder for the run".into());
    };
    let mut layers = Layers::<RunConfig>::default();
    layers.preset("ferplus-full")?;
    let mut config = layers.resolve()?;
    config.data.labelled = vec![format!("folder:{faces}").parse()?];
    config.data.valid = vec![format!("folder:{valid}").parse()?];
    // The folders' own names; with unlabelled pictures it would be `Ssl`.
    config.data.vocabulary = String::new();
    config.training.method = Method::Supervised;
    config.training.steps = 500;
    let folder = RunFolder::create(Path::new(out), false)?;
    let report = train(config, folder, &Formats::files(), |advance| {
        if advance.record.step.is_multiple_of(50) {
            println!(
                "step {}: loss {:.3}",
                advance.record.step,
                advance.record.loss_teacher.unwrap_or(f64::NAN)
            );
        }
        true // false saves and ends the run
    })?;
    for (network, scores) in &report.scores {
        println!("{network}: accuracy {:.3}, macro F1 {:.3}", scores.accuracy, scores.macro_f1);
    }
    Ok(())
}
