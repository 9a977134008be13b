//! The folder that `affekt synth` writes to.

use std::path::Path;

use affekt_engine::files::{FolderLock, LOCK_FILE, sweep_leftovers, write_atomically};
use affekt_engine::synth::Class;
use affekt_engine::world::probe_folder;
use anyhow::{Context as _, anyhow};

use crate::failure::Failure;

/// Folders that are written below it: `cropped_aligned/clip_0000`.
const DEEPEST: u32 = 2;
/// Written last, so that it marks a whole folder.
const SEAL: &str = "synth.json";

/// Makes the folder and keeps it to this program, or clears an earlier `affekt synth` out of it.
///
/// # Errors
/// It is not empty (unless `force`), cannot be made or written, or another program works in it.
pub fn prepare(out: &Path, force: bool) -> Result<FolderLock, Failure> {
    let name = out.display();
    std::fs::create_dir_all(out).with_context(|| format!("{name} cannot be made"))?;
    let lock = FolderLock::take(out)?;
    sweep_leftovers(out).with_context(|| format!("{name} cannot be read"))?;
    let mut entries = std::fs::read_dir(out).with_context(|| format!("{name} cannot be read"))?;
    let own = |entry: &std::io::Result<std::fs::DirEntry>| {
        entry.as_ref().is_ok_and(|entry| entry.file_name() == LOCK_FILE)
    };
    if entries.any(|entry| !own(&entry)) {
        if !force {
            return Err(Failure::Run(anyhow!(
                "{name} is not empty; choose another --out, or write over an earlier affekt synth by --force"
            )));
        }
        sweep(out, DEEPEST).with_context(|| format!("{name} cannot be read"))?;
        // Only what the seal says we made is removed; a cut-off run's files are written over.
        if out.join(SEAL).is_file() {
            clear(out).with_context(|| format!("{name}: what an earlier run left cannot be removed"))?;
        }
    }
    probe_folder(out)?;
    Ok(lock)
}

/// Removes what killed programs left in a folder and in those below it.
fn sweep(folder: &Path, deeper: u32) -> std::io::Result<()> {
    sweep_leftovers(folder)?;
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        if deeper > 0 && entry.file_type()?.is_dir() {
            sweep(&entry.path(), deeper - 1)?;
        }
    }
    Ok(())
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
