//! `affekt bench --mode loader`: pictures read, decoded and strongly augmented a second, on one core.

use std::time::{Duration, Instant};

use affekt_engine::data::{Pool, SkipLog, Source, Spec, Vocabulary};
use affekt_engine::media::augment::{Policy, View};
use affekt_engine::net::InputContract;
use affekt_engine::random::{Address, Purpose};
use affekt_engine::synth::formats;
use anyhow::anyhow;
use serde::Serialize;

use super::say;
use crate::failure::Failure;

/// Wall time that is measured, after a tenth of it that is not.
const MEASURED: Duration = Duration::from_secs(3);

#[derive(Debug, Serialize)]
struct Measured<'a> {
    mode: &'static str,
    data: &'a str,
    size: usize,
    channels: usize,
    images: usize,
    skipped: usize,
    seconds: f64,
    images_per_second: f64,
}

/// Measures a dataset.
///
/// # Errors
/// It cannot be opened, or nothing in it can be read.
pub fn run(data: &str, size: usize, channels: usize, json: bool) -> Result<(), Failure> {
    if !(1..=1024).contains(&size) || ![1, 3].contains(&channels) {
        return Err(Failure::usage(anyhow!("--size must be 1 to 1024 and --channels 1 or 3")));
    }
    let spec: Spec = data.parse().map_err(Failure::usage)?;
    let skips = SkipLog::new(false);
    let source = Source { unlabelled: true, ..Source::open(&spec, &formats(), &skips)? };
    let pool = Pool::build(&Vocabulary::open("ferplus8")?, &[source], &skips)?;
    let (mean, std) = (vec![0.5; channels], vec![0.25; channels]);
    let contract = InputContract { size, channels, mean, std, template: "crop".into() };
    let _ = measure(&pool, &contract, MEASURED / 10);
    let (images, skipped, seconds) = measure(&pool, &contract, MEASURED);
    let images_per_second = images as f64 / seconds;
    let measured =
        Measured { mode: "loader", data, size, channels, images, skipped, seconds, images_per_second };
    if json {
        return say(&serde_json::to_string(&measured)?);
    }
    say(&format!("{images_per_second:.0} images/s on one core ({images} images in {seconds:.2} s)"))
}

/// Images made, images that could not be read, and seconds.
fn measure(pool: &Pool, contract: &InputContract, duration: Duration) -> (usize, usize, f64) {
    let policy = Policy::for_small_faces();
    let mut out = vec![0.0; contract.size * contract.size * contract.channels];
    let (mut images, mut skipped) = (0, 0);
    let start = Instant::now();
    for index in (0..pool.len()).cycle() {
        if start.elapsed() >= duration {
            break;
        }
        let Ok(picture) = pool.picture(index) else {
            skipped += 1;
            continue;
        };
        let address = Address { seed: 1, purpose: Purpose::AugmentStrong, step: 0, item: images as u64 };
        let dims = (picture.width, picture.height);
        let program = policy.compile(View::Strong, dims, contract, &mut address.rng());
        program.render(&picture, contract, &mut out);
        images += 1;
    }
    (images, skipped, start.elapsed().as_secs_f64())
}
