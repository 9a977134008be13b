//! `affekt data`: looking at datasets.

use affekt_engine::data::{Counts, Inspection, SkipLog, Spec, inspect};
use affekt_engine::synth::formats;
use clap::{Args, Subcommand};

use super::say;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  affekt data inspect recordio:faces/unlabelled_faces
  affekt data inspect 'affectnet:AffectNet#train' --sample 1000 --json
  affekt data formats

JSON keys: items, identities (people or clips; null where the format does not tell), classes (items of each), unlabelled,
ambiguous (votes without a majority), duplicates, decoded, sizes (pictures of each), unusable, problems (the first ones).";

/// Look at a dataset before training on it.
#[derive(Debug, Args)]
pub struct DataArgs {
    #[command(subcommand)]
    command: DataCommand,
}

#[derive(Debug, Subcommand)]
enum DataCommand {
    Inspect(InspectArgs),
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
}

/// Runs the command.
///
/// # Errors
/// The SPEC is not understood, or the data cannot be read.
pub fn run(args: &DataArgs) -> Result<(), Failure> {
    match &args.command {
        DataCommand::Inspect(args) => run_inspect(args),
        DataCommand::Formats => say(&formats_table()),
    }
}

fn run_inspect(args: &InspectArgs) -> Result<(), Failure> {
    let spec: Spec = args.data.parse().map_err(Failure::usage)?;
    let formats = formats();
    formats.check(&spec).map_err(Failure::usage)?;
    let skips = SkipLog::new(args.strict);
    let dataset = formats.open(&spec, &skips)?;
    let found = inspect(&*dataset, args.sample.map(|sample| sample as usize), &skips)?;
    if args.json { say(&serde_json::to_string(&found)?) } else { say(&described(&spec, &found)) }
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
