//! `affekt eval` on clips: every frame through student, encoder and vote.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use affekt_engine::backend::BatchNorm;
use affekt_engine::data::{SkipLog, Spec};
use affekt_engine::learn::EvalReport;
use affekt_engine::synth::clip_formats;
use affekt_engine::world::{
    Audience, ClipScores, Extraction, Model, ScoreSink, TemporalModel, WorldError, evaluate_clips, extract,
    open_clips,
};
use anyhow::{Context as _, anyhow};
use clap::Args;
use serde::Serialize;

use super::classify;
use super::compute::Compute;
use super::eval_frames::{Kept, Wanted, is_table};
use super::eval_scores::{ScoreArgs, Trust};
use super::processes;
use super::reading::VoteArg;
use super::refine::scores;
use super::training::Counting;
use crate::failure::Failure;
use crate::interrupt;
use crate::terminal::say;

/// How clips are measured.
#[derive(Debug, Args)]
#[command(next_help_heading = "Clips")]
pub struct ClipArgs {
    /// Measure clips frame by frame; each of the options below implies it.
    #[arg(long)]
    by_frame: bool,
    /// Temporal encoder trained on this model's features. Its card says how windows overlap and how labels are voted on,
    /// unless these options do.
    #[arg(long, value_name = "MODEL")]
    temporal: Option<PathBuf>,
    /// Which frames vote [default: the encoder's, else centred].
    #[arg(long, value_name = "KIND")]
    vote: Option<VoteArg>,
    /// Frames of the vote's window [default: the encoder's, else 30].
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..=65536))]
    window: Option<u32>,
    /// Frames between two windows of the encoder [default: as it was refined]. A causal encoder needs none.
    #[arg(long, value_name = "FRAMES", value_parser = clap::value_parser!(u32).range(1..=1024))]
    stride: Option<u32>,
    /// Write the answers. Of pictures, and of clips where FILE ends in .csv: a table of item, group, truth, answer and the
    /// probability of each class. Of clips else: the voted labels as an ABAW predictions.txt. Every frame is filled.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["ablation", "from", "compare", "folds"])]
    predictions: Option<PathBuf>,
    /// Score clips of one label each as a whole, by the mean of their frames' probabilities, as DFEW and FERV39k are scored.
    #[arg(long)]
    per_clip: bool,
    /// Keep extracted features here, for the next time.
    #[arg(long, value_name = "FOLDER")]
    features: Option<PathBuf>,
}

/// What is measured, and how it is told.
pub struct Measured<'a> {
    /// The student.
    pub model: &'a Model,
    /// Clips.
    pub specs: &'a [Spec],
    /// Faces a pass.
    pub batch: usize,
    /// End at the first face that cannot be read.
    pub strict: bool,
    /// Print one JSON object.
    pub json: bool,
    /// Show no progress.
    pub quiet: bool,
}

impl ClipArgs {
    /// Whether clips are to be measured.
    pub fn is_asked(&self) -> bool {
        let Self { by_frame, temporal, vote, window, stride, features, per_clip, .. } = self;
        let named = [temporal, features].into_iter().any(Option::is_some);
        let list = self.predictions().is_some_and(|path| !is_table(path));
        *by_frame || *per_clip || list || named || vote.is_some() || window.is_some() || stride.is_some()
    }

    /// Where answers are to be written.
    pub fn predictions(&self) -> Option<&Path> {
        self.predictions.as_deref()
    }

    /// Runs the command.
    ///
    /// # Errors
    /// A model or the clips cannot be used, no frame has a label, or Ctrl-C.
    pub fn run(
        &self,
        measured: &Measured<'_>,
        trusted: &ScoreArgs,
        compute: &Compute,
    ) -> Result<(), Failure> {
        let Measured { model, specs, .. } = *measured;
        let columns = trusted.columns()?;
        let formats = clip_formats();
        specs.iter().try_for_each(|spec| formats.check(spec).map(drop)).map_err(Failure::usage)?;
        let temporal = self.temporal.as_deref().map(|path| TemporalModel::open(path, model));
        let temporal = temporal.transpose().map_err(classify)?;
        if self.stride.is_some() && temporal.is_none() {
            return Err(Failure::usage(anyhow!("--stride is for a temporal encoder; add --temporal MODEL")));
        }
        let mut post = temporal.as_ref().map(TemporalModel::post).unwrap_or_default();
        post.stride = self.stride.map_or(post.stride, |frames| frames as usize);
        post.vote.window = self.window.map_or(post.vote.window, |frames| frames as usize);
        post.vote.kind = self.vote.map_or(post.vote.kind, Into::into);
        let backend = processes::open(&compute.spec(), (0, BatchNorm::Sync))?;
        let team = backend.team();
        let encoder = temporal.as_ref().map(|temporal| temporal.encoder(&*backend, post.stride));
        let encoder = encoder.transpose().map_err(classify)?;
        let skips = Arc::new(SkipLog::new(measured.strict));
        let classes = &model.card.classes;
        let set = Arc::new(open_clips(classes, specs, &formats, &skips).map_err(classify)?);
        let wanted =
            Wanted { predictions: self.predictions(), per_clip: self.per_clip, rows: trusted.is_asked() };
        // Frames one by one are for the process that leads; without anybody who wants them the processes share out the clips.
        let hears = wanted.predictions.is_some() || wanted.per_clip || wanted.rows;
        let kept = team.leads().then(|| Kept::begin(&set, classes, &wanted)).transpose()?;
        let kept = Arc::new(Mutex::new(kept));
        interrupt::watch()?;
        // Features are kept for this one run alone, unless a folder is named.
        let temporary = tempfile::tempdir().context("a temporary folder for features")?;
        let own = self.features.clone().unwrap_or_else(|| temporary.path().to_owned());
        let folder = team.from_lead(|| Ok::<_, Failure>(serde_json::to_vec(&own)?))?;
        let extraction = Extraction {
            folder: serde_json::from_slice(&folder)?,
            batch: measured.batch,
            workers: 1,
            recompute: false,
        };
        let mut counting = Counting::new("frame", measured.quiet || !team.leads());
        let told = |done, total| counting.tell(done, total);
        let features =
            Arc::new(extract(model, &set, &extraction, &skips, &*backend, told).map_err(classify)?);
        counting.finish();
        let keeping = Arc::clone(&kept);
        let sink: ScoreSink = Box::new(move |frame| {
            let mut keeping = keeping.lock().map_err(|_| WorldError::Interrupted)?;
            keeping.as_mut().map_or(Ok(()), |kept| kept.push(frame))
        });
        let audience = if hears { Audience::Sink(sink) } else { Audience::Team(Arc::clone(&team)) };
        let scored = evaluate_clips(&features, classes, encoder, &post, audience, |_, _| !interrupt::asked());
        let scored = scored.map_err(classify)?;
        // The leading process's folder of features goes when all have read it.
        team.highest(0)?;
        if !team.leads() {
            return Ok(());
        }
        let kept = kept.lock().ok().and_then(|mut kept| kept.take());
        let found = kept.map(Kept::finish).transpose()?.unwrap_or_default();
        if skips.count() > 0 {
            note!("{} faces could not be read and count as missing", skips.count());
        }
        if scored.per_frame.n == 0 {
            if self.predictions.is_some() {
                return say("no frame has a label of the model's classes, so nothing was measured");
            }
            return Err(Failure::Run(anyhow!(
                "no frame has a label of the model's classes, so there is no score; a list of predictions needs no \
                 labels: add --predictions FILE"
            )));
        }
        let rows = found.rows.as_ref();
        let trust = rows.map(|rows| trusted.trust(rows, columns.as_ref())).transpose()?.unwrap_or_default();
        if measured.json {
            let per_clip = found.per_clip.as_ref().map(|(report, _)| report);
            return say(&serde_json::to_string(&Output { scores: &scored, per_clip, trust: &trust })?);
        }
        let mut text = scores(&scored);
        if let Some((report, without)) = &found.per_clip {
            let table = report.table();
            let _ =
                writeln!(text, "\nClips as a whole, by the mean of their frames' probabilities:\n{table}");
            if *without > 0 {
                let _ = writeln!(text, "{without} labelled clips without any face were left out");
            }
        } else if trusted.is_asked() {
            text += "\nOf the chosen vote, over all labelled frames:";
        }
        say(&(text + &trust.text()))
    }
}

#[derive(Serialize)]
struct Output<'a> {
    #[serde(flatten)]
    scores: &'a ClipScores,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_clip: Option<&'a EvalReport>,
    #[serde(flatten)]
    trust: &'a Trust,
}
