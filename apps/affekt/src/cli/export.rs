//! `affekt export`: a model for other programs.

use std::path::{Path, PathBuf};

use affekt_engine::files::write_atomically;
use affekt_engine::net::Storage;
use affekt_engine::world::{Model, TemporalModel};
use anyhow::{Context as _, anyhow};
use clap::{ArgGroup, Args};

use super::stored::StoredAs;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  The built-in model as ONNX:
    affekt export --out faces.onnx
  A model and its encoder, as a.temporal.onnx:
    affekt export --model runs/a --temporal runs/t --out a.onnx
  One that reads pixels from 0 to 255, half the size:
    affekt export --model runs/a --out a.onnx --raw-pixels --f16
  The smallest file for affekt itself:
    affekt export --model runs/a --safetensors a.safetensors --i8
  Plain safetensors, and a folder for a hub:
    affekt export --model runs/a --safetensors a.safetensors --hub a-for-a-hub

docs/onnx.md says what the files read and give, and how Python and others use them.";

/// Write a model for other programs: ONNX, plain safetensors, or a folder for a hub of models.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, group = ArgGroup::new("form").args(["out", "safetensors", "hub"]).required(true).multiple(true))]
pub struct ExportArgs {
    /// Weights file with a card, or the folder of a finished run; without it the built-in model.
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Temporal encoder that reads this model's features; its file is named after the model's: a.temporal.onnx.
    #[arg(long, value_name = "MODEL")]
    temporal: Option<PathBuf>,
    /// ONNX file to write (opset 17; input NCHW).
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Weights file to write, under torchvision's names.
    #[arg(long, value_name = "FILE")]
    safetensors: Option<PathBuf>,
    /// Folder to write: README.md, config.json, model.safetensors.
    #[arg(long, value_name = "DIR")]
    hub: Option<PathBuf>,
    #[command(flatten)]
    stored: StoredAs,
    /// Let the ONNX file read pixels from 0 to 255 and normalise them itself.
    #[arg(long, requires = "out")]
    raw_pixels: bool,
    /// Write over files that are there.
    #[arg(long)]
    force: bool,
}

/// Runs the command.
///
/// # Errors
/// The model cannot be used, a file is there already, or cannot be written.
pub fn run(args: &ExportArgs) -> Result<(), Failure> {
    let storage = args.stored.storage();
    if storage == Storage::I8 && (args.out.is_some() || args.hub.is_some()) {
        let reason =
            "--i8 is for weights files of affekt; other programs read --f16, and --safetensors takes --i8";
        return Err(Failure::usage(anyhow!(reason)));
    }
    let model = Model::open(args.model.as_deref())?;
    let temporal = args.temporal.as_deref().map(|path| TemporalModel::open(path, &model)).transpose()?;
    let hub = |name: &str| args.hub.as_ref().map(|folder| folder.join(name));
    let beside =
        |path: &Option<PathBuf>| path.as_ref().filter(|_| temporal.is_some()).map(|path| temporal_name(path));
    let every = [
        args.out.clone(),
        beside(&args.out),
        args.safetensors.clone(),
        beside(&args.safetensors),
        hub("README.md"),
        hub("config.json"),
        hub("model.safetensors"),
        beside(&hub("model.safetensors")),
    ];
    // Before anything is written.
    every.iter().flatten().try_for_each(|path| is_free(path, args.force))?;
    if let Some(path) = &args.out {
        write(path, &model.to_onnx(storage, args.raw_pixels)?)?;
        if let Some(temporal) = &temporal {
            write(&temporal_name(path), &temporal.to_onnx(storage)?)?;
        }
    }
    if let Some(folder) = &args.hub {
        let texts = model.hub_files()?;
        std::fs::create_dir_all(folder).with_context(|| format!("{} cannot be made", folder.display()))?;
        for (name, text) in texts {
            write(&folder.join(name), text.as_bytes())?;
        }
    }
    for path in [args.safetensors.clone(), hub("model.safetensors")].into_iter().flatten() {
        model.write(&path, storage)?;
        note!("written: {}", path.display());
        if let Some(temporal) = &temporal {
            let path = temporal_name(&path);
            temporal.write(&path, storage)?;
            note!("written: {}", path.display());
        }
    }
    Ok(())
}

/// The encoder's file beside the model's: `a.temporal.onnx` beside `a.onnx`.
fn temporal_name(path: &Path) -> PathBuf {
    let extension = path.extension().unwrap_or_default().to_string_lossy();
    path.with_extension(format!("temporal.{extension}"))
}

fn is_free(path: &Path, force: bool) -> Result<(), Failure> {
    if force || !path.exists() {
        return Ok(());
    }
    let name = path.display();
    Err(Failure::Run(anyhow!("{name} is there already; choose another name, or write over it by --force")))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    write_atomically(path, bytes).with_context(|| path.display().to_string())?;
    note!("written: {}", path.display());
    Ok(())
}
