//! A contact sheet: the plain view of one face, 16 weak views and 16 strong ones.
//!
//! `cargo run --release -p affekt-engine --example augment_sheet -- SHEET.png [FACE.png|FACE.jpg [SIZE [default|small]]]`;
//! without a face, one is generated.

use std::error::Error;
use std::path::Path;

use affekt_engine::media::{Picture, Policy, View, decode};
use affekt_engine::net::InputContract;
use affekt_engine::random::{Address, Purpose};
use affekt_engine::synth;

const COLUMNS: usize = 8;
/// Side of a view on the sheet, whatever the network's is.
const SHOWN: usize = 112;
const GAP: usize = 4;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let sheet_path =
        arguments.first().ok_or("usage: augment_sheet SHEET.png [FACE [SIZE [default|small]]]")?;
    let face = match arguments.get(1) {
        Some(path) => decode(&std::fs::read(path)?)?,
        None => synth::sample(
            Address { seed: 0, purpose: Purpose::Synthesis, step: 0, item: 4 },
            synth::Class::Happiness,
            &synth::Style { size: 128, channels: 3, ..synth::Style::default() },
        ),
    };
    let size = arguments.get(2).map_or(Ok(96), |text| text.parse())?;
    let policy = match arguments.get(3).map(String::as_str) {
        None | Some("default") => Policy::default(),
        Some("small") => Policy::for_small_faces(),
        Some(other) => return Err(format!("{other}: the policies are `default` and `small`").into()),
    };
    let contract = InputContract {
        size,
        channels: face.channels,
        mean: vec![0.5; face.channels],
        std: vec![0.25; face.channels],
        template: "crop".to_owned(),
    };
    let view = |view: View, purpose: Purpose, item: usize| -> Result<Picture, Box<dyn Error>> {
        let mut rng = Address { seed: 0, purpose, step: 0, item: item as u64 }.rng();
        let program = policy.compile(view, (face.width, face.height), &contract, &mut rng);
        Ok(program.render_picture(&face, 3).resized(SHOWN, SHOWN)?)
    };
    let mut views = vec![view(View::Plain, Purpose::AugmentWeak, 0)?];
    for item in 0..16 {
        views.push(view(View::Weak, Purpose::AugmentWeak, item)?);
    }
    for item in 0..16 {
        views.push(view(View::Strong, Purpose::AugmentStrong, item)?);
    }
    let step = SHOWN + GAP;
    let mut sheet = Picture::filled(GAP + COLUMNS * step, GAP + 5 * step + 2 * GAP, 3, 255);
    for (i, picture) in views.iter().enumerate() {
        // The plain view has the first row for itself; weak and strong views have two rows each.
        let (row, column) = if i == 0 { (0, 0) } else { (1 + (i - 1) / COLUMNS, (i - 1) % COLUMNS) };
        let group_gap = if row == 0 { 0 } else { 1 + (row - 1) / 2 };
        sheet.paste(picture, GAP + column * step, GAP + row * step + group_gap * GAP);
    }
    sheet.write_png(Path::new(sheet_path))?;
    Ok(())
}
