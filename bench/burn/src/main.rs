//! Times ResNet-18 (64 pixels, batch 8, 8 classes) in burn's wgpu backend on the software Vulkan adapter (lavapipe):
//! one JSON line for a forward pass in inference mode, one for a forward and backward pass in training mode.
//!
//!     cargo run --release --locked --manifest-path bench/burn/Cargo.toml
//!
//! The first call holds kernel compilation and autotuning. burn keeps what it tuned for later runs, in
//! `target/environment` beside the outermost Cargo.toml or in the user's cache; CUBECL_AUTOTUNE_CACHE=0 makes every
//! run tune.

mod resnet;

use burn::nn::loss::CrossEntropyLossConfig;
use burn::prelude::*;
use burn::tensor::Distribution;
use resnet::ResNet18;
use std::time::Instant;

const BATCH: usize = 8;
const SIZE: usize = 64;
const CLASSES: usize = 8;
const LATER_CALLS: usize = 5;

fn main() {
    let device = Device::wgpu(DeviceKind::Cpu);
    let adapter = device.identity().map_or_else(|| "unknown".to_string(), |found| found.name);
    device.seed(1);
    let training = device.clone().autodiff();
    let net = ResNet18::new(CLASSES, &training);
    let quiet = net.valid(); // draws the weights of both
    let x = Tensor::<4>::random([BATCH, 3, SIZE, SIZE], Distribution::Normal(0.0, 1.0), &device);
    let labels = Tensor::<1, Int>::arange(0..BATCH as i64, &training);
    let loss = CrossEntropyLossConfig::new().init(&training);

    measure("infer", &adapter, &device, || quiet.forward(x.clone()).sum().into_scalar());
    measure("train", &adapter, &device, || {
        let value = loss.forward(net.forward(x.clone().autodiff()), labels.clone());
        let gradients = value.backward();
        // burn runs lazily and in order: reading what comes last, the stem's gradient, waits for everything, and the
        // other gradients are still held then.
        let stem = net.stem_gradient(&gradients).expect("the stem has a gradient");
        (value.without_autodiff() + stem.abs().sum()).into_scalar()
    });
}

/// Runs `work` once and then `LATER_CALLS` times, and prints how long it took as a JSON line.
fn measure(mode: &str, adapter: &str, device: &Device, work: impl Fn() -> f32) {
    device.sync().expect("the device works");
    let timed = || {
        let start = Instant::now();
        let value = work();
        device.sync().expect("the device works");
        assert!(value.is_finite(), "{mode} gave {value}");
        (start.elapsed().as_secs_f64() * 1e3, value)
    };
    let (first, value) = timed();
    let mut later: Vec<f64> = (0..LATER_CALLS).map(|_| timed().0).collect();
    later.sort_by(f64::total_cmp);
    println!(
        "{{\"peer\":\"burn\",\"adapter\":{adapter:?},\"model\":\"resnet18\",\"size\":{SIZE},\"batch\":{BATCH},\
         \"mode\":\"{mode}\",\"first_ms\":{first:.1},\"ms_min\":{:.1},\"ms_median\":{:.1},\"value\":{value:.6}}}",
        later[0],
        later[LATER_CALLS / 2],
    );
}
