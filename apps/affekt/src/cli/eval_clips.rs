//! `affekt eval --temporal`: clips through student, encoder and vote.

use std::path::Path;
use std::sync::Arc;

use affekt_engine::data::{PredictionsWriter, SkipLog, Spec};
use affekt_engine::net::{Architecture, Weights};
use affekt_engine::synth::clip_formats;
use affekt_engine::world::{
    Encoding, Extraction, Model, PostConfig, WorldError, evaluate_clips, extract, open_clips,
};
use anyhow::{Context as _, anyhow};

use super::eval::EvalArgs;
use super::{classify, say};
use crate::cli::compute::Compute;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Progress;
use crate::table::Table;

/// Runs the command.
///
/// # Errors
/// A model or the clips cannot be used, or Ctrl-C.
pub fn run(args: &EvalArgs, model: &Path, encoder: &Path, compute: &Compute) -> Result<(), Failure> {
    let specs: Vec<Spec> =
        args.data.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(Failure::usage)?;
    let formats = clip_formats();
    specs.iter().try_for_each(|spec| formats.check(spec).map(drop)).map_err(Failure::usage)?;
    let student = Model::load(model)?;
    let backend = compute.open()?;
    let mut post = PostConfig::default();
    post.vote.window = args.window as usize;
    let (network, residual) = open_encoder(encoder, &student, &*backend)?;
    let skips = Arc::new(SkipLog::new(args.strict));
    let set = Arc::new(open_clips(&student, &specs, &formats, &skips).map_err(classify)?);
    interrupt::watch()?;
    // Features are kept for this one run alone, unless a folder is named.
    let temporary = tempfile::tempdir().context("a temporary folder for features")?;
    let extraction = Extraction {
        folder: args.features.clone().unwrap_or_else(|| temporary.path().to_owned()),
        batch: args.batch as usize,
        workers: 1,
        recompute: false,
    };
    let mut progress = Progress::start("frame", 0, set.total_frames() as u64, args.quiet);
    let mut before = 0;
    let features = extract(&student, &set, &extraction, &skips, &*backend, |done, _| {
        progress.update(done as u64, done - before, "");
        before = done;
        !interrupt::asked()
    });
    let features = Arc::new(features.map_err(classify)?);
    progress.finish();
    let classes = &student.card.classes;
    let writer =
        args.predictions.as_ref().map(|path| PredictionsWriter::create(path, classes)).transpose()?;
    let sink = Predictions::new(writer, &set);
    let told = Arc::new(std::sync::Mutex::new(sink));
    let writing = Arc::clone(&told);
    let stage = Encoding { network, stride: post.stride, residual };
    let sink = Box::new(move |reading: &affekt_engine::world::FrameReading| {
        let mut sink = writing.lock().map_err(|_| WorldError::Interrupted)?;
        Ok(sink.push(reading.clip, reading.voted)?)
    });
    let scores = evaluate_clips(&features, classes, Some(stage), &post, sink, |_, _| !interrupt::asked());
    let scores = scores.map_err(classify)?;
    if let Ok(mut sink) = told.lock()
        && let Some(writer) = sink.writer.take()
    {
        writer.finish()?;
    }
    if args.json {
        return say(&serde_json::to_string(&scores)?);
    }
    let mut table = Table::new(["frames answered by", "macro F1", "accuracy", "n"]);
    for (name, report) in scores.rows() {
        let figures = [format!("{:.4}", report.macro_f1), format!("{:.4}", report.accuracy)];
        table.row([vec![name.to_owned()], figures.to_vec(), vec![report.n.to_string()]].concat());
    }
    if skips.count() > 0 {
        eprintln!("{} faces could not be read and count as missing", skips.count());
    }
    say(&table.render())
}

/// The encoder of a file or run, for this student and no other.
fn open_encoder(
    path: &Path,
    student: &Model,
    backend: &dyn affekt_engine::backend::Backend,
) -> Result<(Box<dyn affekt_engine::backend::Inference>, bool), Failure> {
    let file = if path.is_dir() { path.join("model.safetensors") } else { path.to_owned() };
    let (weights, card) = Weights::read(&file)?;
    let card = card.ok_or_else(|| anyhow!("{}: has no affekt card", file.display()))?;
    let Architecture::Temporal(spec) = &card.architecture else {
        return Err(anyhow!("{}: is no temporal encoder; give it to --model", file.display()).into());
    };
    if card.student.as_ref() != Some(&student.hash) {
        return Err(anyhow!(
            "{}: reads the features of another student than {}; give the one it was trained on to --model",
            file.display(),
            student.path.display()
        )
        .into());
    }
    let graph = spec.graph().map_err(|e| anyhow!("{}: its card: {e}", file.display()))?;
    weights.check(&graph).map_err(|e| anyhow!("{}: {e}", file.display()))?;
    Ok((backend.inference(&graph, &weights)?, spec.residual))
}

/// Writes each clip's voted labels, if anybody asked.
struct Predictions {
    writer: Option<PredictionsWriter>,
    names: Vec<String>,
    clip: Option<usize>,
}

impl Predictions {
    fn new(writer: Option<PredictionsWriter>, set: &affekt_engine::data::ClipSet) -> Self {
        let names = (0..set.len()).map(|clip| set.clip_name(clip).to_owned()).collect();
        Self { writer, names, clip: None }
    }

    fn push(&mut self, clip: usize, label: Option<usize>) -> Result<(), affekt_engine::data::DataError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        if self.clip != Some(clip) {
            writer.begin(&self.names[clip])?;
            self.clip = Some(clip);
        }
        writer.push(label)
    }
}
