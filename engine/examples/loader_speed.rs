//! Pictures a second on one core: decoded only, and decoded and augmented, for the files named as arguments.
//!
//! `cargo run --release -p affekt-engine --example loader_speed -- SIZE FILE...`

use std::error::Error;
use std::hint::black_box;
use std::time::{Duration, Instant};

use affekt_engine::media::{Policy, View, decode};
use affekt_engine::net::InputContract;
use affekt_engine::random::{Address, Purpose};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let size = arguments.next().ok_or("usage: loader_speed SIZE FILE...")?.parse()?;
    let files = arguments.map(std::fs::read).collect::<Result<Vec<_>, _>>()?;
    if files.is_empty() {
        return Err("usage: loader_speed SIZE FILE...".into());
    }
    let first = decode(&files[0])?;
    println!(
        "{} files like {}x{}x{}, views of {size}x{size} in the same channels",
        files.len(),
        first.width,
        first.height,
        first.channels
    );
    let channels = first.channels;
    let contract = InputContract {
        size,
        channels,
        mean: vec![0.5; channels],
        std: vec![0.25; channels],
        template: "crop".to_owned(),
    };
    let policy = Policy::default();
    let mut out = vec![0.0; size * size * channels];
    measure("decode", &files, |_, bytes| {
        black_box(decode(bytes)?);
        Ok(())
    })?;
    for view in [View::Plain, View::Weak, View::Strong] {
        measure(&format!("decode + {view:?}"), &files, |item, bytes| {
            let picture = decode(bytes)?;
            let mut rng = Address { seed: 0, purpose: Purpose::AugmentStrong, step: 0, item }.rng();
            let program = policy.compile(view, (picture.width, picture.height), &contract, &mut rng);
            program.render(&picture, &contract, &mut out);
            black_box(&out);
            Ok(())
        })?;
    }
    Ok(())
}

/// The best of several half-second runs: what the code can do when the machine lets it.
fn measure(
    name: &str,
    files: &[Vec<u8>],
    mut work: impl FnMut(u64, &[u8]) -> Result<(), Box<dyn Error>>,
) -> Result<(), Box<dyn Error>> {
    let mut best = 0.0f64;
    for _ in 0..3 {
        let start = Instant::now();
        let mut count = 0;
        while start.elapsed() < Duration::from_millis(500) {
            for bytes in files {
                work(count, bytes)?;
                count += 1;
            }
        }
        best = best.max(count as f64 / start.elapsed().as_secs_f64());
    }
    println!("{name:>16}: {best:8.0} pictures/s");
    Ok(())
}
