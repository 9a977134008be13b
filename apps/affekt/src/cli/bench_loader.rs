//! `affekt bench --mode loader`: pictures read, decoded and strongly augmented a second, in batches by loader threads.

use std::sync::Arc;
use std::time::{Duration, Instant};

use affekt_engine::data::{Loader, Pool, SkipLog, Source, Spec, Vocabulary};
use affekt_engine::media::augment::{Policy, View};
use affekt_engine::net::InputContract;
use affekt_engine::random::{Address, Purpose};
use affekt_engine::synth::formats;
use anyhow::anyhow;
use serde::Serialize;

use super::say;
use crate::failure::Failure;

/// Wall time that is measured, after the first batches, that are not.
const MEASURED: Duration = Duration::from_secs(5);
/// Pictures a batch.
const BATCH: usize = 32;
/// Batches a worker may be ahead.
const AHEAD: usize = 2;

/// What is measured.
#[derive(Debug, Clone, Copy)]
pub struct LoaderJob<'a> {
    /// The dataset.
    pub data: &'a str,
    /// Side of the views in pixels.
    pub size: usize,
    /// Channels of the views.
    pub channels: usize,
    /// Loader threads.
    pub workers: usize,
}

#[derive(Debug, Serialize)]
struct Measured<'a> {
    mode: &'static str,
    data: &'a str,
    size: usize,
    channels: usize,
    workers: usize,
    batch: usize,
    /// What batches under way and ready take at most.
    ahead_mib: f64,
    images: usize,
    skipped: usize,
    seconds: f64,
    images_per_second: f64,
}

/// Measures a dataset.
///
/// # Errors
/// It cannot be opened, or nothing in it can be read.
pub fn run(job: LoaderJob<'_>, json: bool) -> Result<(), Failure> {
    let LoaderJob { data, size, channels, workers } = job;
    if !(1..=1024).contains(&size) || ![1, 3].contains(&channels) {
        return Err(Failure::usage(anyhow!("--size must be 1 to 1024 and --channels 1 or 3")));
    }
    let spec: Spec = data.parse().map_err(Failure::usage)?;
    let skips = SkipLog::new(false);
    let source = Source { unlabelled: true, ..Source::open(&spec, &formats(), &skips)? };
    let pool = Arc::new(Pool::build(&Vocabulary::open("ferplus8")?, &[source], &skips)?);
    let (mean, std) = (vec![0.5; channels], vec![0.25; channels]);
    let contract = InputContract { size, channels, mean, std, template: "crop".into() };
    let policy = Policy::for_small_faces();
    let make = move |step: u64| batch(&pool, &policy, &contract, step);
    let mut loader = Loader::spawn(0..u64::MAX, workers, workers * AHEAD, make)?;
    // The first batches are ready before anybody asks.
    for _ in 0..workers * AHEAD {
        loader.next().transpose()?;
    }
    let (mut images, mut skipped, start) = (0, 0, Instant::now());
    while start.elapsed() < MEASURED {
        let Some((_, made)) = loader.next().transpose()? else { break };
        images += made;
        skipped += BATCH - made;
    }
    let seconds = start.elapsed().as_secs_f64();
    if images == 0 {
        return Err(Failure::Run(anyhow!("{data}: nothing in it can be decoded")));
    }
    let images_per_second = images as f64 / seconds;
    let ahead_mib = (workers * AHEAD * BATCH * size * size * channels * 4) as f64 / f64::from(1 << 20);
    let measured = Measured {
        mode: "loader",
        data,
        size,
        channels,
        workers,
        batch: BATCH,
        ahead_mib,
        images,
        skipped,
        seconds,
        images_per_second,
    };
    if json {
        return say(&serde_json::to_string(&measured)?);
    }
    say(&format!(
        "{images_per_second:.0} images/s by {workers} workers ({images} images in {seconds:.2} s; batches ahead take at most \
         {ahead_mib:.0} MiB)"
    ))
}

/// The views of a batch, and how many of its pictures could be read.
fn batch(pool: &Pool, policy: &Policy, contract: &InputContract, step: u64) -> (Vec<f32>, usize) {
    let len = contract.size * contract.size * contract.channels;
    let (mut out, mut made) = (vec![0.0; BATCH * len], 0);
    for place in 0..BATCH {
        let item = step * BATCH as u64 + place as u64;
        let Ok(picture) = pool.picture((item % pool.len() as u64) as usize) else { continue };
        let address = Address { seed: 1, purpose: Purpose::AugmentStrong, step: 0, item };
        let dims = (picture.width, picture.height);
        let program = policy.compile(View::Strong, dims, contract, &mut address.rng());
        program.render(&picture, contract, &mut out[made * len..(made + 1) * len]);
        made += 1;
    }
    (out, made)
}
