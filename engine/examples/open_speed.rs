//! How long a dataset's lists take to open, without reading its pictures.
//!
//! `cargo run --release -p affekt-engine --example open_speed -- SPEC...`

use std::error::Error;
use std::time::Instant;

use affekt_engine::data::{Formats, SkipLog, Spec};

fn main() -> Result<(), Box<dyn Error>> {
    for text in std::env::args().skip(1) {
        let (spec, skips, start): (Spec, _, _) = (text.parse()?, SkipLog::new(false), Instant::now());
        let opened = Formats::files().open(&spec, &skips);
        let seconds = start.elapsed().as_secs_f64();
        match opened {
            Ok(set) => println!("{text}: {} items and {} skipped, {seconds:.2} s", set.len(), skips.count()),
            Err(error) => println!("{text}: {error}, {seconds:.2} s"),
        }
    }
    Ok(())
}
