//! `affekt eval --ablation`: the paper's five rows for any data.

use std::path::PathBuf;

use affekt_engine::data::Spec;
use affekt_engine::synth::{clip_formats, formats};
use affekt_engine::world::{RefineConfig, RunConfig};
use anyhow::anyhow;
use clap::Args;

use super::say;
use crate::ablation::Ablation;
use crate::cli::compute::Compute;
use crate::failure::Failure;
use crate::interrupt;
use crate::report::write_report;
use affekt_engine::world::config::Layers;

/// What `--ablation` trains and measures.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ablation")]
pub struct AblationArgs {
    /// Train and measure the paper's five rows: labels alone, with unlabelled faces, with more of them, with the temporal
    /// encoder, with the vote.
    #[arg(long, conflicts_with_all = ["model", "data", "temporal"], requires_all = ["labelled", "clips", "valid", "out"])]
    pub ablation: bool,
    /// Labelled faces. Repeatable.
    #[arg(long, value_name = "SPEC", requires = "ablation")]
    labelled: Vec<String>,
    /// Unlabelled faces of the second row. Repeatable; without any the labels that --labels-per-class leaves over.
    #[arg(long, value_name = "SPEC", requires = "ablation")]
    unlabelled: Vec<String>,
    /// Unlabelled faces that the third row has besides. Repeatable; without any the row is left out.
    #[arg(long, value_name = "SPEC", requires = "ablation")]
    more_unlabelled: Vec<String>,
    /// Labelled clips for the temporal encoder. Repeatable.
    #[arg(long, value_name = "SPEC", requires = "ablation")]
    clips: Vec<String>,
    /// Labelled validation clips, of other people, for every row. Repeatable.
    #[arg(long, value_name = "SPEC", requires = "ablation")]
    valid: Vec<String>,
    /// Labels kept of each class; the other labelled faces become unlabelled.
    #[arg(long, value_name = "N", requires = "ablation")]
    labels_per_class: Option<String>,
    /// Repeat everything with so many seeds, 1, 2, ...; the table then has mean and spread.
    #[arg(long, value_name = "N", default_value_t = 1, requires = "ablation",
        value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: u64,
    /// Built-in settings of the students: tiny, ferplus-100, ferplus-full or paper.
    #[arg(long, value_name = "NAME", default_value = "paper", requires = "ablation")]
    preset: String,
    /// Built-in settings of the encoder: tiny or paper.
    #[arg(long, value_name = "NAME", default_value = "paper", requires = "ablation")]
    refine_preset: String,
    /// One setting of the students, as in --set training.steps=2000. Repeatable.
    #[arg(long, value_name = "KEY.PATH=VALUE", requires = "ablation")]
    set: Vec<String>,
    /// One setting of the encoder. Repeatable.
    #[arg(long, value_name = "KEY.PATH=VALUE", requires = "ablation")]
    refine_set: Vec<String>,
    /// Folder of the runs, ablation.json and report.html: new or empty, or of the same comparison, which then goes on where it
    /// was stopped, bit for bit.
    #[arg(long, value_name = "FOLDER", requires = "ablation")]
    out: Option<PathBuf>,
    /// Start over in a folder that is not empty.
    #[arg(long, requires = "ablation")]
    force: bool,
}

impl AblationArgs {
    /// Runs the comparison.
    ///
    /// # Errors
    /// Settings, data, networks or the disk; or Ctrl-C.
    pub fn run(&self, compute: &Compute, json: bool, quiet: bool) -> Result<(), Failure> {
        let ablation = self.plan(compute, quiet)?;
        interrupt::watch()?;
        let _folder = ablation.begin(self.force)?;
        let report = ablation.run()?;
        write_report(&ablation.out, &ablation.out.join("report.html"))?;
        if json {
            return say(&serde_json::to_string(&report)?);
        }
        say(&report.table())?;
        say(&format!("report: {}", ablation.out.join("report.html").display()))
    }

    fn plan(&self, compute: &Compute, quiet: bool) -> Result<Ablation, Failure> {
        let parse = |specs: &[String]| -> Result<Vec<Spec>, Failure> {
            specs.iter().map(|text| text.parse()).collect::<Result<_, _>>().map_err(Failure::usage)
        };
        let mut students = Layers::<RunConfig>::default();
        students.preset(&self.preset).map_err(Failure::usage)?;
        self.set.iter().try_for_each(|s| students.assignment(s)).map_err(Failure::usage)?;
        let mut encoder = Layers::<RefineConfig>::default();
        encoder.preset(&self.refine_preset).map_err(Failure::usage)?;
        self.refine_set.iter().try_for_each(|s| encoder.assignment(s)).map_err(Failure::usage)?;
        let mut pretrain = students.resolve().map_err(Failure::usage)?;
        if let Some(labels) = &self.labels_per_class {
            pretrain.data.labels_per_class =
                Some(labels.parse().map_err(|e: String| Failure::usage(anyhow!(e)))?);
        }
        let ablation = Ablation {
            out: self.out.clone().ok_or_else(|| Failure::usage(anyhow!("--ablation needs --out FOLDER")))?,
            pretrain,
            refine: encoder.resolve().map_err(Failure::usage)?,
            labelled: parse(&self.labelled)?,
            unlabelled: parse(&self.unlabelled)?,
            more_unlabelled: parse(&self.more_unlabelled)?,
            clips: parse(&self.clips)?,
            valid: parse(&self.valid)?,
            seeds: (1..=self.seeds).collect(),
            about: format!(
                "Labelled faces: {}. Unlabelled: {}; the third row has also {}. The encoder learns from {}. All rows are \
                 measured frame by frame on {}; frames without a face or a label are left out.",
                self.labelled.join(", "),
                none_or(&self.unlabelled),
                none_or(&self.more_unlabelled),
                self.clips.join(", "),
                self.valid.join(", ")
            ),
            compute: compute.clone(),
            side_by_side: false,
            quiet,
        };
        let faces = [&ablation.labelled, &ablation.unlabelled, &ablation.more_unlabelled];
        for spec in faces.into_iter().flatten() {
            formats().check(spec).map_err(Failure::usage)?;
        }
        for spec in ablation.clips.iter().chain(&ablation.valid) {
            clip_formats().check(spec).map_err(Failure::usage)?;
        }
        Ok(ablation)
    }
}

fn none_or(specs: &[String]) -> String {
    if specs.is_empty() { "none".to_owned() } else { specs.join(", ") }
}
