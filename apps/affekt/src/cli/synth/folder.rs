//! The folder that `affekt synth` writes to.

use std::path::Path;

use affekt_engine::files::write_atomically;
use affekt_engine::synth::Class;
use affekt_engine::world::probe_folder;
use anyhow::{Context as _, anyhow};

use crate::failure::Failure;

/// Written last, so that it marks a whole folder.
const SEAL: &str = "synth.json";

/// Makes the folder, or clears an earlier `affekt synth` out of it.
///
/// # Errors
/// It is not empty (unless `force`), or cannot be made or written.
pub fn prepare(out: &Path, force: bool) -> Result<(), Failure> {
    let name = out.display();
    std::fs::create_dir_all(out).with_context(|| format!("{name} cannot be made"))?;
    let mut entries = std::fs::read_dir(out).with_context(|| format!("{name} cannot be read"))?;
    if entries.next().is_some() {
        if !force {
            return Err(Failure::Run(anyhow!(
                "{name} is not empty; choose another --out, or write over an earlier affekt synth by --force"
            )));
        }
        // Only what the seal says we made is removed; a cut-off run's files are written over.
        if out.join(SEAL).is_file() {
            clear(out).with_context(|| format!("{name}: what an earlier run left cannot be removed"))?;
        }
    }
    Ok(probe_folder(out)?)
}

fn clear(out: &Path) -> std::io::Result<()> {
    let missing_is_fine = |result: std::io::Result<()>| match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        result => result,
    };
    // The seal goes first: without it the folder is not whole.
    for file in [SEAL, "train.rec", "train.idx", "property", "training.csv", "validation.csv"] {
        missing_is_fine(std::fs::remove_file(out.join(file)))?;
    }
    let classes = Class::ALL.iter().map(|class| class.name());
    let layouts = [
        "cropped_aligned",
        "EXPR_Recognition_Challenge",
        "Manually_Annotated_Images",
        "train_set",
        "val_set",
    ];
    let sets = ["label", "image", "Aff-Wild2", "AffectNet", "ExpW", "MS1MV2"];
    for folder in classes.chain(layouts).chain(sets) {
        missing_is_fine(std::fs::remove_dir_all(out.join(folder)))?;
    }
    for entry in std::fs::read_dir(out)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let extension = path.extension().unwrap_or_default();
        if name.starts_with("clip_") && ["y4m", "mp4", "csv"].iter().any(|known| extension == *known) {
            std::fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Says how the folder was made, and with that, that it is whole.
///
/// # Errors
/// The file cannot be written.
pub fn seal(out: &Path, made: &serde_json::Value) -> Result<(), Failure> {
    let path = out.join(SEAL);
    let text = format!("{made:#}\n");
    Ok(write_atomically(&path, text.as_bytes()).with_context(|| path.display().to_string())?)
}
