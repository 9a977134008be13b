//! A contact sheet of drawn faces: a row a person, a column a class. Prints how many faces a second are drawn.
//!
//! `cargo run --release -p affekt-engine --example synth_sheet -- SHEET.png [SIZE [CHANNELS [VARIATION]]]`

use std::error::Error;
use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use affekt_engine::media::Picture;
use affekt_engine::random::{Address, Purpose};
use affekt_engine::synth::{Class, Style, sample};

const GAP: usize = 2;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let path = arguments.first().ok_or("usage: synth_sheet SHEET.png [SIZE [CHANNELS [VARIATION]]]")?;
    let size = arguments.get(1).map_or(Ok(96), |text| text.parse())?;
    let channels = arguments.get(2).map_or(Ok(3), |text| text.parse())?;
    let variation = arguments.get(3).map_or(Ok(1.0), |text| text.parse())?;
    let step = size + GAP;
    let mut sheet = Picture::filled(GAP + 8 * step, GAP + 8 * step, channels, 255);
    for person in 0..8 {
        for (column, class) in Class::ALL.into_iter().enumerate() {
            let style =
                Style { size, channels, identities: person..person + 1, variation, ..Style::default() };
            let item = person * 8 + column as u64;
            let face = sample(Address { seed: 0, purpose: Purpose::Synthesis, step: 0, item }, class, &style);
            sheet.paste(&face, GAP + column * step, GAP + person as usize * step);
        }
    }
    sheet.write_png(Path::new(path))?;

    let style = Style { size, channels, variation, ..Style::default() };
    let (start, count) = (Instant::now(), 1_000);
    for item in 0..count {
        let address = Address { seed: 1, purpose: Purpose::Synthesis, step: 0, item };
        black_box(sample(address, Class::ALL[item as usize % 8], &style));
    }
    println!("{:.0} faces/s of {size}x{size}x{channels}", count as f64 / start.elapsed().as_secs_f64());
    Ok(())
}
