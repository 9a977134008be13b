//! `affekt analyze`: videos, pictures and folders of pictures, face by face.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use affekt_engine::media::Hiding;
use affekt_engine::media::source::{FolderKind, FrameSpan, OpenOptions, count_frames_in};
use affekt_engine::output::{Bins, Summary, clock, read_speakers, table_schema};
use affekt_engine::world::WorldError;
use affekt_engine::world::live::{Clock, LiveSettings, RecognizerOpener, RecognizerSpec, StageTimes};
use anyhow::anyhow;
use clap::{Args, ValueEnum};

use super::analyze_told::{Share, summarise};
use super::crew::Crew;
use super::reading::{ReadingArgs, VoteArg};
use super::{classify, say};
use crate::analyze::{
    Analysis, Expanded, Named, Outcome, Outputs, RestArg, Rests, Results, Shard, THUMBNAIL, claim, expand,
    fingerprint, name, read_by,
};
use crate::cli::compute::Compute;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Progress;
use crate::report::write_people;

const EXAMPLES: &str = "Examples:
  affekt analyze interview.mp4 --out results
  affekt analyze recordings/*.mp4 photo.jpg frames/ --out results --srt
  affekt analyze recordings --shard 3/16 --out parts/3
  affekt analyze talk.mp4 --out results --annotated \\
    --model runs/student --temporal runs/temporal

Of each INPUT: DIR/NAME.csv with a row a face and frame, DIR/NAME.segments.csv and NAME.people.csv with what they come \
to, DIR/NAME.json with all of it, and what the options ask for; of everything that is finished in DIR together \
DIR/index.html. NAME is the input's file name without its ending; where that is taken, with the ending or the folder \
that tells it apart. An input is known by its place, size and time: what was finished with the same settings is \
skipped, and nothing of another input is overwritten.

Of a folder every video and picture in it and below is read; pictures that follow each other are one film.

MP4 with H.264, JPEG, PNG and folders of those are read as they are; anything else needs ffmpeg on the path. Faces are \
found by a YuNet model, a file named *yunet*.onnx in $AFFEKT_MODELS, assets/models, or beside the program (there also in \
the folder models); without one by the built-in model.";

/// Read the faces in videos, pictures and folders of pictures.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
#[expect(clippy::struct_excessive_bools, reason = "each flag stands by itself")]
pub struct AnalyzeArgs {
    /// Video, picture, or a folder of those or of a film's frames.
    #[arg(value_name = "INPUT", required_unless_present = "schema")]
    inputs: Vec<PathBuf>,
    /// Folder of the results; made where it is missing.
    #[arg(short, long, value_name = "DIR", required_unless_present = "schema")]
    out: Option<PathBuf>,
    #[command(flatten)]
    reading: ReadingArgs,
    /// Which frames vote: those around, those before, or blocks [default: the encoder's, else centred].
    #[arg(long, value_name = "KIND")]
    vote: Option<VoteArg>,
    /// What the pictures of a folder are [default: guessed, and said].
    #[arg(long = "as", value_name = "KIND")]
    kind: Option<KindArg>,
    /// Frames a second of folders of pictures.
    #[arg(long, value_name = "RATE", default_value_t = 30.0)]
    fps: f64,
    /// Also DIR/NAME.bins.csv: what each person showed in every so many seconds.
    #[arg(long, value_name = "SECONDS")]
    bins: Option<f64>,
    /// Also DIR/NAME.eaf for ELAN, a tier a person and kind of label.
    #[arg(long)]
    elan: bool,
    /// Also DIR/NAME.boris, a project for BORIS.
    #[arg(long)]
    boris: bool,
    /// Also DIR/NAME.parquet, the table in a form that large ones are read from (a build with --features parquet).
    #[arg(long)]
    parquet: bool,
    /// Who speaks when: subtitles (.srt, .vtt) whose cues begin with a name, or a table (.csv, .tsv) with start, end and
    /// speaker. For one INPUT.
    #[arg(long, value_name = "FILE")]
    speakers: Option<PathBuf>,
    /// Print the tables' schema (JSON Schema) and do nothing else.
    #[arg(long)]
    schema: bool,
    /// Also DIR/NAME.jsonl, an object a frame.
    #[arg(long)]
    jsonl: bool,
    /// Also subtitles, DIR/NAME.srt.
    #[arg(long)]
    srt: bool,
    /// Also subtitles, DIR/NAME.vtt.
    #[arg(long)]
    vtt: bool,
    /// Also the input with boxes and labels: an MP4, of a picture a JPEG.
    #[arg(long)]
    annotated: bool,
    /// Hide faces in the copy with boxes, which is then written (implies --annotated and --no-pictures); it has no sound.
    #[arg(long, value_name = "HOW", value_parser = ["blur", "mosaic", "solid"])]
    anonymise: Option<String>,
    /// Write no picture of a face anywhere, not in the page either.
    #[arg(long)]
    no_pictures: bool,
    /// Embedding model (ONNX), by which `affekt people` suggests who may be somebody seen before.
    #[arg(long, value_name = "FILE")]
    embedding: Option<PathBuf>,
    /// Cosine similarity from which it suggests two people to be one [default: its card's, else 0.4].
    #[arg(long, value_name = "COSINE", requires = "embedding", value_parser = similarity)]
    similarity: Option<f64>,
    /// Take off resting faces, in a reading of their own before: `calm` for everybody's calmest 3 seconds, or a face and when it
    /// rests, as 1=00:03-00:08. May be given several times.
    #[arg(long, value_name = "WHO")]
    neutral: Vec<RestArg>,
    /// Read from this moment on: seconds, MM:SS or HH:MM:SS.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<f64>,
    /// Read until before this moment.
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<f64>,
    /// Read every N-th frame alone.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u64).range(1..=100_000))]
    every: u64,
    /// Also DIR/NAME.predictions.txt as the ABAW challenges take it, of the person seen most.
    #[arg(long)]
    abaw: bool,
    /// Analyse again what is finished.
    #[arg(long)]
    force: bool,
    /// Read every N-th input alone, from the I-th on, in a job array's task I of N; `affekt merge` puts results together.
    #[arg(long, value_name = "I/N")]
    shard: Option<Shard>,
    /// Print one JSON object instead of a table.
    #[arg(long)]
    json: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
    #[command(flatten)]
    pub compute: Compute,
}

/// Reads a moment.
fn moment(text: &str) -> Result<f64, String> {
    clock(text).ok_or_else(|| format!("`{text}` is no time such as 75, 01:15 or 00:01:15"))
}

/// Reads a similarity.
fn similarity(text: &str) -> Result<f64, String> {
    let read = text.parse().ok().filter(|value| *value > 0.0 && *value <= 1.0);
    read.ok_or_else(|| format!("`{text}` is no cosine above 0 and at most 1"))
}

/// What the pictures of a folder are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum KindArg {
    /// One input: frames in the order of their names.
    Film,
    /// An input each.
    Photos,
}

impl From<KindArg> for FolderKind {
    fn from(arg: KindArg) -> Self {
        match arg {
            KindArg::Film => Self::Film,
            KindArg::Photos => Self::Photos,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// The model, the detector or the folder cannot be used, an input failed (the others are done all the same), or Ctrl-C.
#[expect(clippy::too_many_lines, reason = "what is asked is looked at in one place, before anything is read")]
pub fn run(args: &AnalyzeArgs, compute: &Compute) -> Result<(), Failure> {
    if args.schema {
        return say(&format!("{:#}", table_schema()));
    }
    let crew = if args.shard.is_some() { Crew::alone() } else { Crew::launched()? };
    let (shard, leads) = (args.shard.or_else(|| crew.shard()), crew.leads());
    let quiet = args.quiet || !leads;
    if let Some(seconds) = args.bins {
        Bins::new(seconds).map_err(|e| Failure::usage(anyhow!("--bins: {e}")))?;
    }
    if args.parquet && cfg!(not(feature = "parquet")) {
        let problem = "--parquet: this build has no Parquet; build it with --features parquet";
        return Err(Failure::usage(anyhow!(problem)));
    }
    let anonymise = args.anonymise.as_deref().map(str::parse::<Hiding>).transpose();
    let anonymise = anonymise.map_err(|e| Failure::usage(anyhow!(e)))?;
    let no_pictures = args.no_pictures || anonymise.is_some();
    let annotated = args.annotated || anonymise.is_some();
    if args.no_pictures && args.annotated && anonymise.is_none() {
        let problem =
            "--annotated shows faces, which --no-pictures forbids; add --anonymise, or leave one of them out";
        return Err(Failure::usage(anyhow!(problem)));
    }
    let span =
        FrameSpan { from: args.from.unwrap_or(0.0), to: args.to.unwrap_or(f64::INFINITY), every: args.every };
    if span.from >= span.to {
        return Err(Failure::usage(anyhow!("--from {} is not before --to {}", span.from, span.to)));
    }
    if args.abaw && span != FrameSpan::default() {
        let problem = "--abaw needs a label for every frame; leave out --from, --to and --every";
        return Err(Failure::usage(anyhow!(problem)));
    }
    let rests = Rests::of(&args.neutral);
    let speakers = args.speakers.as_deref().map(read_speakers).transpose().map_err(Failure::usage)?;
    if !(args.fps.is_finite() && args.fps > 0.0 && args.fps <= 1000.0) {
        return Err(Failure::usage(anyhow!("--fps is {}, but must be above 0 and at most 1000", args.fps)));
    }
    let out = args.out.clone().unwrap_or_default();
    let page = out.join("index.html");
    let settings = LiveSettings {
        keep_frames: annotated && anonymise.is_none(),
        thumbnails: (!no_pictures).then_some((1.0, THUMBNAIL)),
        ..LiveSettings::default()
    };
    let spec = RecognizerSpec {
        embedding: args.embedding.clone(),
        ..args.reading.spec(args.vote, false, &settings, compute)
    };
    let mut opener = RecognizerOpener::new(spec).map_err(classify)?;
    let (mut recognizer, about) = opener.open(Clock::default()).map_err(classify)?;
    let claimed = leads.then(|| claim(&out)).transpose();
    let _lock = claimed.map_err(|error| match error.downcast::<WorldError>() {
        Ok(error) => classify(error),
        Err(error) => Failure::Run(error),
    })?;
    crew.meet()?;
    // Folders of photos are taken apart before.
    let options = OpenOptions { folder_rate: args.fps, folder: Some(FolderKind::Film), span };
    let fingerprint = fingerprint(&opener, recognizer.detector(), &options, &rests, no_pictures);
    if !rests.is_empty() && !recognizer.classes().iter().any(|class| class.eq_ignore_ascii_case("neutral")) {
        return Err(Failure::usage(anyhow!("--neutral needs a model with a class of that name")));
    }
    if !quiet {
        note!("detector: {}", recognizer.detector());
    }
    let appearance =
        opener.embedding().map(|model| (model.name(), args.similarity.unwrap_or(model.card.similarity)));
    if let Some((model, similarity)) = appearance.as_ref().filter(|_| !quiet) {
        note!(
            "embedding: {model}; people are suggested to be one from a cosine similarity of {similarity} on"
        );
    }
    interrupt::watch()?;

    let outputs = Outputs {
        json_lines: args.jsonl,
        srt: args.srt,
        vtt: args.vtt,
        annotated,
        anonymise,
        abaw: args.abaw,
        bins: args.bins,
        elan: args.elan,
        boris: args.boris,
        parquet: args.parquet,
    };
    let read_by = read_by(about, &opener);
    let analysis = Analysis {
        out: &out,
        settings: &fingerprint,
        outputs,
        read_by: &read_by,
        speakers: speakers.as_deref(),
        no_pictures,
        appearance: appearance.as_ref().map(|(model, similarity)| (model.as_str(), *similarity)),
        rests: &rests,
        options,
        force: args.force,
    };
    let Expanded { inputs, notes, problems: mut failed } = expand(&args.inputs, args.kind.map(Into::into));
    for text in notes.iter().filter(|_| leads) {
        note!("note: {text}");
    }
    // Names are given among all inputs, so that shards do not give two of them the same.
    let mut inputs = name(&inputs, &Results::read(&out)?);
    if args.neutral.iter().any(|arg| matches!(arg, RestArg::Face(..))) && inputs.len() != 1 {
        let problem = format!(
            "--neutral FACE=FROM-TO is about one input, and there are {}; give one INPUT",
            inputs.len()
        );
        return Err(Failure::usage(anyhow!(problem)));
    }
    if speakers.is_some() && inputs.len() != 1 {
        let problem =
            format!("--speakers is about one input, and there are {}; give one INPUT", inputs.len());
        return Err(Failure::usage(anyhow!(problem)));
    }
    // All have given them before the first results change what is free.
    crew.meet()?;
    if let Some(shard) = shard {
        let mut place = 0..;
        inputs.retain(|_| place.next().is_some_and(|place| shard.holds(place)));
        if !shard.is_first() {
            // Each is named once, by the first.
            failed.clear();
        }
    }
    for named in &inputs {
        analysis.check(named, recognizer.classes()).map_err(Failure::usage)?;
    }
    let all = inputs.len() + failed.len();
    let counts: Vec<_> = inputs.iter().map(|named| count_frames_in(&named.input, options)).collect();
    let total: Option<u64> = counts.iter().copied().sum();
    let mut progress = Progress::start("frame", 0, total, quiet);
    let (mut before, mut read) = (0, 0);
    let mut done: Vec<(String, bool)> = vec![];
    let mut times = StageTimes::default();
    let start = Instant::now();
    for (named, count) in inputs.iter().zip(counts) {
        let Named { input, name, .. } = named;
        let mut here = 0;
        let mut tell = |frames: usize| {
            here += frames as u64;
            progress.update(before + here, frames, name);
            !interrupt::asked()
        };
        let outcome = analysis.run(named, &mut recognizer, &mut tell);
        before += count.unwrap_or(here);
        read += here;
        match outcome {
            Ok(Outcome::Done(_)) => done.push((name.clone(), false)),
            Ok(Outcome::Kept(_)) => done.push((name.clone(), true)),
            Ok(Outcome::Stopped) => {
                progress.finish();
                note!("stopped; what is finished is kept, and the same command goes on with the rest");
                return Err(Failure::Interrupted);
            }
            Err(error) => {
                let problem = crate::failure::joined(&error);
                let told = problem.contains(&*input.display().to_string());
                failed.push(if told { problem } else { format!("{}: {problem}", input.display()) });
                times.add(&recognizer.times());
                recognizer = opener.open(Clock::default()).map_err(classify)?.0;
            }
        }
    }
    progress.finish();
    times.add(&recognizer.times());
    let own = Share { done, failed, inputs: all, frames: read };
    let Some(Share { done, failed, inputs: all, frames: read }) = own.together(&crew)? else {
        return Ok(());
    };
    if !done.is_empty() {
        let finished = Results::read(&out)?.finished(&out);
        write_people(&finished, &page)?;
        let mut summaries: BTreeMap<String, Summary> = finished.into_iter().collect();
        let with_summary =
            |(name, kept): (String, bool)| summaries.remove(&name).map(|summary| (name, summary, kept));
        let done: Vec<_> = done.into_iter().filter_map(with_summary).collect();
        summarise((args.json, args.quiet), &out, &done, read, start.elapsed().as_secs_f64(), &times)?;
    }
    match failed.as_slice() {
        [] => Ok(()),
        [one] if all == 1 => Err(Failure::Run(anyhow!("{one}"))),
        [one] => Err(Failure::Run(anyhow!("1 of {all} inputs failed: {one}"))),
        several => {
            let list = several.join("; ");
            Err(Failure::Run(anyhow!("{} of {all} inputs failed: {list}", several.len())))
        }
    }
}
