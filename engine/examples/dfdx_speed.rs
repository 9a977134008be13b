//! How long a ResNet-18 takes on the CPU backend and on dfdx's processor, with dfdx's allocation cache and without it:
//! `cargo run --release --example dfdx_speed --features dfdx -- [SIDE] [BATCH] [REPEATS]`.

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use affekt_engine::backend::dfdx::on_processor;
use affekt_engine::backend::{Backend, BackendSpec, Slot, TrainingPass, UpdateRule, open};
use affekt_engine::net::{Depth, ResNetSpec, Stem, Weights};

/// The middle one of the times of a few calls, in milliseconds; the first call is not counted.
fn median(
    repeats: usize,
    mut call: impl FnMut() -> Result<(), Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    call()?;
    let mut times = vec![];
    for _ in 0..repeats {
        let start = Instant::now();
        call()?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>());
    let mut next = |default| arguments.next().unwrap_or(Ok(default));
    let (size, batch, repeats) = (next(64)?, next(32)?, next(5)?.max(1));
    let spec = ResNetSpec {
        depth: Depth::ResNet18,
        size,
        channels: 3,
        classes: 8,
        width: 1.0,
        stem: Stem::Imagenet,
    };
    let graph = spec.graph()?;
    let weights = Weights::initial(&graph, 1);
    let input: Vec<f32> = (0..batch * graph.input().len()).map(|i| (i as f32 * 0.37).sin()).collect();
    let d_logits = vec![0.01; batch * graph.output().len()];
    let rule = UpdateRule::Sgd { learning_rate: 1e-3, momentum: 0.9, weight_decay: 5e-4, scale: 1.0 };
    let backends: [(&str, Arc<dyn Backend>); 3] = [
        ("cpu", open(&BackendSpec::default())?),
        ("dfdx", on_processor(0, true)?),
        ("dfdx, no cache", on_processor(0, false)?),
    ];
    println!("ResNet-18, {size} px, batch {batch}, median of {repeats}, ms");
    for (name, backend) in backends {
        let mut answering = backend.inference(&graph, &weights)?;
        let forward = median(repeats, || Ok(answering.forward(&input, batch).map(|_| ())?))?;
        let mut learning = backend.training(&graph, &weights)?;
        let step = median(repeats, || {
            learning.forward(&input, batch, TrainingPass::Train)?;
            learning.backward(&d_logits, Slot::First)?;
            Ok(learning.update(Slot::First, &rule)?)
        })?;
        println!("{name:<16} forward {forward:>8.1}   step {step:>8.1}   {}", backend.describe());
    }
    Ok(())
}
