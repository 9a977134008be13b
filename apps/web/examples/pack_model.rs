//! Writes a model as a page loads it: `cargo run --release -p affekt-web --example pack_model -- model.bin [MODEL.safetensors]`.
//! Without a model it is the built-in one.
#![allow(missing_docs, reason = "an example")]

use std::path::Path;

use affekt_engine::world::Model;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let out = arguments.first().ok_or("name the file to write")?;
    let model = Model::open(arguments.get(1).map(Path::new))?;
    let packed = affekt_web::pack(&model)?;
    std::fs::write(out, &packed)?;
    println!("{out}: {} bytes, {} classes", packed.len(), model.card.classes.len());
    Ok(())
}
