//! `affekt data`: looking at datasets, dividing them, and writing them as other files.

use std::path::PathBuf;
use std::sync::Arc;

use affekt_engine::data::{
    Annotation, Counts, Dataset, Inspection, Selection, SkipLog, Spec, Unfinished, inspect, inspect_with,
    split,
};
use affekt_engine::files::write_atomically;
use affekt_engine::media::Picture;
use affekt_engine::output::{Tile, sheet};
use affekt_engine::synth::{complete_folder, formats};
use anyhow::{Context as _, anyhow};
use clap::{Args, Subcommand};

use super::data_open::opened;
use super::data_tools::{AlignArgs, PackArgs, run_align, run_pack};
use super::say;
use super::training::Counting;
use crate::failure::Failure;
use crate::interrupt;
use crate::report::write_dataset;

const EXAMPLES: &str = "Examples:
  affekt data inspect recordio:faces/unlabelled_faces
  affekt data inspect 'affectnet:AffectNet#train' --sample 1000 --json
  affekt data inspect folder:faces --sheet faces.png --page faces.html
  affekt data formats

JSON keys: items, identities (people or clips; null where the format does not tell), classes (items of each), unlabelled, \
ambiguous (votes without a majority), duplicates, decoded, sizes (pictures of each), unusable, problems (the first ones).";

/// Look at a dataset before training on it, divide it by people, align its faces, pack it into few files.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    Inspect(InspectArgs),
    Split(SplitArgs),
    Align(AlignArgs),
    Pack(PackArgs),
    /// List the formats that a SPEC can name, with their options.
    Formats,
}

/// Read every item of a dataset and say what it holds and what is wrong with it.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
struct InspectArgs {
    /// The dataset.
    #[arg(value_name = "SPEC")]
    data: String,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Decode only so many pictures, evenly spread; all items are read all the same.
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..))]
    sample: Option<u32>,
    /// End at the first item that cannot be used.
    #[arg(long)]
    strict: bool,
    /// Write a PNG of sample pictures with their labels.
    #[arg(long, value_name = "FILE.png")]
    sheet: Option<PathBuf>,
    /// Write all of it as one HTML page, with sample pictures.
    #[arg(long, value_name = "FILE.html")]
    page: Option<PathBuf>,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

/// Pictures of a sheet, tiles a row, and a tile's side in pixels.
const SAMPLES: usize = 60;
const COLUMNS: usize = 10;
const SIDE: usize = 112;

const SPLIT_EXAMPLES: &str = "Examples:
  affekt data split folder:faces --parts train=80,valid=20 --out faces-split
  affekt data split 'clips:clips?every=5' --parts train=8,test=2 --out frames
Then train on folder:faces-split#train.

A person or clip is in one part alone where the format tells who it is; else copies of one picture are. Every part comes as \
near to its share of each class as that allows. After a kill or Ctrl-C the same command goes on. JSON keys: parts, each with items, identities and classes.";

/// Write a dataset's faces as PNGs into image folders, a folder a part, with nobody in two of them.
#[derive(Debug, Args)]
#[command(after_help = SPLIT_EXAMPLES)]
struct SplitArgs {
    /// The dataset.
    #[arg(value_name = "SPEC")]
    data: String,
    /// The parts and their shares.
    #[arg(long, value_name = "NAME=SHARE,...", default_value = "train=80,valid=20")]
    parts: String,
    /// Another seed divides otherwise.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where the parts' folders are made: a new folder, or one of this very command that was ended.
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    /// Print one JSON object instead of text.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// The SPEC is not understood, or the data cannot be read.
pub fn run(args: &DataArgs) -> Result<(), Failure> {
    match &args.command {
        DataCommand::Inspect(args) => run_inspect(args),
        DataCommand::Split(args) => run_split(args),
        DataCommand::Align(args) => run_align(args),
        DataCommand::Pack(args) => run_pack(args),
        DataCommand::Formats => say(&formats_table()),
    }
}

fn run_inspect(args: &InspectArgs) -> Result<(), Failure> {
    let skips = SkipLog::new(args.strict);
    let (spec, dataset) = opened(&args.data, &skips)?;
    interrupt::watch()?;
    let (mut counting, total) = (Counting::new("item", args.quiet), dataset.len());
    let sample = args.sample.map(|sample| sample as usize);
    let found = inspect_with(&*dataset, sample, &skips, &mut |done| counting.tell(done, total))?;
    counting.finish();
    let Some(found) = found else { return Err(Failure::Interrupted) };
    if args.sheet.is_some() || args.page.is_some() {
        let samples = samples(&*dataset)?;
        if let (Some(path), Some(sheet)) = (&args.sheet, &samples) {
            write_atomically(path, &sheet.to_png()?).with_context(|| path.display().to_string())?;
        }
        if let Some(path) = &args.page {
            write_dataset(&spec.to_string(), &found, samples.as_ref(), path)?;
        }
    }
    if args.json { say(&serde_json::to_string(&found)?) } else { say(&described(&spec, &found)) }
}

/// Pictures of evenly spread items with their labels; those that cannot be read are left out.
fn samples(dataset: &dyn Dataset) -> anyhow::Result<Option<Picture>> {
    let every = dataset.len().div_ceil(SAMPLES).max(1);
    let tiles = (0..dataset.len()).step_by(every).filter_map(|item| {
        let name = |class: usize| dataset.classes()[class].clone();
        let label = match dataset.annotation(item) {
            Annotation::Class(class) => name(class),
            Annotation::Votes(votes) => {
                let most = (0..votes.len()).max_by(|a, b| votes[*a].total_cmp(&votes[*b]).then(b.cmp(a)));
                most.map(name).unwrap_or_default()
            }
            Annotation::None => String::new(),
        };
        let picture = dataset.picture(item).ok()?;
        let size = format!("{}x{}", picture.width, picture.height);
        Some(Tile { picture, lines: vec![label, size] })
    });
    let tiles: Vec<Tile> = tiles.collect();
    Ok(if tiles.is_empty() { None } else { Some(sheet(&tiles, COLUMNS, SIDE)?) })
}

fn run_split(args: &SplitArgs) -> Result<(), Failure> {
    let parts = parsed_parts(&args.parts).map_err(Failure::Usage)?;
    // Strict: an item that cannot be read has no place in any part.
    let skips = SkipLog::new(true);
    let (_, dataset) = opened(&args.data, &skips)?;
    let shares: Vec<f64> = parts.iter().map(|(_, share)| *share).collect();
    let asked = format!("{} of {} items, {}, seed {}", dataset.name(), dataset.len(), args.parts, args.seed);
    let (work, _) = Unfinished::begin::<()>(&args.out, "split", &asked).map_err(Failure::usage)?;
    interrupt::watch()?;
    let (mut counting, total, mut before) = (Counting::new("item", args.quiet), dataset.len(), 0);
    let mut report = serde_json::Map::new();
    let mut lines = Vec::new();
    for ((name, _), items) in parts.iter().zip(split(&*dataset, &shares, args.seed)?) {
        let part = Selection::new(Arc::clone(&dataset), items);
        // A kill leaves whole pictures; the same division goes on with those that are missing.
        let told = &mut |done| counting.tell(before + done, total);
        if !complete_folder(&part, &args.out.join(name), told)? {
            counting.finish();
            note!("interrupted; the same command goes on");
            return Err(Failure::Interrupted);
        }
        before += part.len();
        let found = inspect(&part, Some(1), &skips)?;
        let classes = serde_json::to_value(&found.classes)?;
        lines.push(format!("{name}: {} items, {classes}", found.items));
        let told = serde_json::json!({
            "items": found.items, "identities": found.identities, "classes": classes, "unlabelled": found.unlabelled
        });
        report.insert(name.clone(), told);
    }
    counting.finish();
    work.end()?;
    if args.json { say(&serde_json::json!({ "parts": report }).to_string()) } else { say(&lines.join("\n")) }
}

/// Names and shares, `train=80,valid=20`.
fn parsed_parts(text: &str) -> anyhow::Result<Vec<(String, f64)>> {
    let mut parts: Vec<(String, f64)> = Vec::new();
    for part in text.split(',') {
        let (name, share) =
            part.split_once('=').with_context(|| format!("--parts takes NAME=SHARE,..., not `{part}`"))?;
        let plain =
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
        if !plain || parts.iter().any(|(known, _)| known == name) {
            return Err(anyhow!("--parts names `{name}`; names are of letters, digits, - and _, each once"));
        }
        let share: f64 = share
            .parse()
            .ok()
            .filter(|share| *share > 0.0)
            .with_context(|| format!("the share of `{name}` must be a number above 0, not `{share}`"))?;
        parts.push((name.to_owned(), share));
    }
    if parts.len() < 2 {
        return Err(anyhow!("--parts needs two parts or more, e.g. train=80,valid=20"));
    }
    Ok(parts)
}

fn described(spec: &Spec, found: &Inspection) -> String {
    let mut lines = vec![format!("{spec}: {} items", found.items)];
    if let Some(identities) = found.identities {
        lines.push(format!("  people or clips  {identities}"));
    }
    let listed = |counts: &Counts| {
        let each: Vec<String> = counts.0.iter().map(|(name, count)| format!("{name} {count}")).collect();
        each.join(", ")
    };
    if !found.classes.0.is_empty() {
        lines.push(format!("  classes          {}", listed(&found.classes)));
    }
    if found.unlabelled > 0 {
        lines.push(format!("  without a label  {}", found.unlabelled));
    }
    if found.ambiguous > 0 {
        lines.push(format!("  votes tied       {}", found.ambiguous));
    }
    lines.push(format!("  copies           {}", found.duplicates));
    lines.push(format!("  sizes            {} ({} pictures decoded)", listed(&found.sizes), found.decoded));
    lines.push(format!("  unusable         {}", found.unusable));
    lines.extend(found.problems.iter().map(|problem| format!("  ! {problem}")));
    lines.join("\n")
}

fn formats_table() -> String {
    let formats = formats();
    let width = formats.iter().map(|format| format.name().len()).max().unwrap_or_default();
    let common = format!("Every format takes {}.", Spec::COMMON_OPTIONS.join(", "));
    let lines = formats.iter().map(|format| {
        let options: Vec<&str> = format.options().collect();
        let options = if options.is_empty() { String::new() } else { format!(" [{}]", options.join(", ")) };
        format!("{:width$}  {}{options}", format.name(), format.about())
    });
    lines.chain([common]).collect::<Vec<_>>().join("\n")
}
