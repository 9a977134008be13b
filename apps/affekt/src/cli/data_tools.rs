//! `affekt data align` and `affekt data pack`: a dataset as other files. Both go on where they were killed.

use std::path::PathBuf;

use affekt_engine::data::{AlignJob, Aligned, PackForm, SkipLog, align_faces, pack};
use affekt_engine::media::align::Aligner;
use affekt_engine::media::detect::DetectorChoice;
use affekt_engine::net::InputContract;
use affekt_engine::world::Model;
use clap::{Args, ValueEnum};

use super::data_open::opened;
use super::say;
use super::training::Counting;
use crate::failure::Failure;
use crate::interrupt;

const ALIGN_EXAMPLES: &str = "Examples:
  affekt data align folder:photos --out aligned
  affekt data align 'expw:ExpW' --model runs/a --size 256 --out expw-aligned
Then train on folder:aligned.

The folder gets a picture a face, CLASS/NUMBER.png (unlabelled/ without a label), and faces.csv with a row an item: number, item, \
found (face, no face, or why it cannot be read), faces, file, x, y, width, height of the largest one in the item's own pixels. After \
a kill or Ctrl-C the same command goes on. JSON keys: items, faces, not_found, unreadable, resumed_from.";

/// Find every face of a dataset, align it to a model's template and write it as a picture.
#[derive(Debug, Args)]
#[command(after_help = ALIGN_EXAMPLES)]
pub struct AlignArgs {
    /// The dataset.
    #[arg(value_name = "SPEC")]
    data: String,
    /// Where the pictures are written; a new folder, or one of this very command that was ended.
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    /// Side of the pictures in pixels, 16 to 2048.
    #[arg(long, value_name = "PIXELS", default_value_t = 256, value_parser = clap::value_parser!(u32).range(16..=2048))]
    size: u32,
    /// The model whose template faces are aligned to [default: the built-in one].
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// `YuNet` face detector (ONNX), or `builtin` [default: the one that is found].
    #[arg(long, value_name = "FILE")]
    detector: Option<DetectorChoice>,
    /// Write every face of a picture, not the largest alone.
    #[arg(long)]
    all: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

const PACK_EXAMPLES: &str = "Examples:
  affekt data pack folder:faces --to webdataset --shard-items 5000 -o shards
  affekt data pack 'affectnet:AffectNet#training' --to recordio -o rec

Pictures are copied as they are stored; what is cut out of a larger picture is stored as PNG. The SPEC that reads it all back is \
printed. RecordIO's labels are class numbers, or people's numbers where the data have no classes; WebDataset's .json has label, group \
and item. After a kill or Ctrl-C the same command goes on. JSON keys: items, left_out, spec, resumed_from.";

/// Write a dataset as few large files: RecordIO, or WebDataset shards.
#[derive(Debug, Args)]
#[command(after_help = PACK_EXAMPLES)]
pub struct PackArgs {
    /// The dataset.
    #[arg(value_name = "SPEC")]
    data: String,
    /// What it becomes.
    #[arg(long, value_name = "FORM")]
    to: FormArg,
    /// Where the files are written; a new folder, or one of this very command that was ended.
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    /// Items of a `WebDataset` shard.
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..))]
    shard_items: u32,
    /// End at the first item that cannot be read, instead of leaving it out and counting it.
    #[arg(long)]
    strict: bool,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormArg {
    /// train.rec, train.idx and property.
    Recordio,
    /// Tar shards.
    Webdataset,
}

/// Runs `affekt data align`.
///
/// # Errors
/// The SPEC, the model or the detector cannot be used, or a file not be written; or Ctrl-C.
pub fn run_align(args: &AlignArgs) -> Result<(), Failure> {
    let skips = SkipLog::new(false);
    let (_, dataset) = opened(&args.data, &skips)?;
    let model = match &args.model {
        Some(path) => Model::load(path)?,
        None => Model::builtin()?,
    };
    let card = &model.card;
    let contract = InputContract {
        size: args.size as usize,
        channels: 3,
        mean: vec![0.0; 3],
        std: vec![1.0; 3],
        template: card.input.template.clone(),
    };
    let aligner = Aligner::new(&contract, card.box_crop, 1.0);
    let choice = args.detector.clone().unwrap_or_default();
    let detector = choice.open()?;
    let about = format!(
        "{} pixels, template {} {:?}, {}, {}",
        args.size,
        card.input.template,
        card.box_crop,
        detector.describe(),
        if args.all { "all faces" } else { "the largest face" }
    );
    interrupt::watch()?;
    let job = AlignJob { detector: &*detector, aligner: &aligner, all: args.all, about };
    let (mut counting, total) = (Counting::new("item", args.quiet), dataset.len());
    let found = align_faces(&*dataset, &args.out, &job, &mut |done| counting.tell(done, total))?;
    counting.finish();
    let Some(found) = found else { return Err(goes_on()) };
    if args.json {
        return say(&serde_json::to_string(&found)?);
    }
    let Aligned { items, faces, not_found, unreadable, .. } = found;
    say(&format!(
        "{items} items: {faces} faces written, {not_found} items without a face, {unreadable} that cannot be read\n{}",
        args.out.join(affekt_engine::data::FACES_TABLE).display()
    ))
}

/// Runs `affekt data pack`.
///
/// # Errors
/// The SPEC cannot be read, the form not hold it, or a file not be written; or Ctrl-C.
pub fn run_pack(args: &PackArgs) -> Result<(), Failure> {
    let skips = SkipLog::new(args.strict);
    let (_, dataset) = opened(&args.data, &skips)?;
    let form = match args.to {
        FormArg::Recordio => PackForm::RecordIo,
        FormArg::Webdataset => PackForm::WebDataset(args.shard_items as usize),
    };
    interrupt::watch()?;
    let (mut counting, total) = (Counting::new("item", args.quiet), dataset.len());
    let packed = pack(&*dataset, &args.out, form, &skips, &mut |done| counting.tell(done, total))?;
    counting.finish();
    let Some(packed) = packed else { return Err(goes_on()) };
    if args.json {
        return say(&serde_json::to_string(&packed)?);
    }
    let left_out = match packed.left_out {
        0 => String::new(),
        n => format!(", {n} that cannot be read left out"),
    };
    say(&format!("{} items written{left_out}\n{}", packed.items, packed.spec))
}

fn goes_on() -> Failure {
    note!("interrupted; the same command goes on");
    Failure::Interrupted
}
