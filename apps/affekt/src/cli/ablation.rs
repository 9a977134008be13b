//! `affekt eval --ablation`: the paper's five rows for any data.

use std::path::PathBuf;

use affekt_engine::data::DataError;
use affekt_engine::files::write_atomically;
use affekt_engine::synth::{clip_formats, formats};
use affekt_engine::world::config::{Layers, Presets as _};
use anyhow::{Context as _, anyhow};
use clap::Args;

use super::say;
use crate::ablation::{Ablation, AblationConfig, listed};
use crate::cli::compute::Compute;
use crate::failure::Failure;
use crate::interrupt;
use crate::report::write_report;

/// What `--ablation` trains and measures.
#[derive(Debug, Args)]
#[command(next_help_heading = "Ablation")]
pub struct AblationArgs {
    /// Train and measure the paper's five rows: labels alone, with unlabelled faces, with more of them, with the temporal
    /// encoder, with the vote.
    #[arg(long, conflicts_with_all = ["model", "data", "temporal"], requires = "out")]
    pub ablation: bool,
    /// Labelled faces. Repeatable.
    #[arg(long, alias = "labeled", value_name = "SPEC", requires = "ablation")]
    labelled: Vec<String>,
    /// Unlabelled faces of the second row. Repeatable; without any the labels that --labels-per-class leaves over.
    #[arg(long, alias = "unlabeled", value_name = "SPEC", requires = "ablation")]
    unlabelled: Vec<String>,
    /// Unlabelled faces that the third row has besides. Repeatable; without any the row is left out.
    #[arg(long, alias = "more-unlabeled", value_name = "SPEC", requires = "ablation")]
    more_unlabelled: Vec<String>,
    /// Labelled clips for the temporal encoder. Repeatable.
    #[arg(long, value_name = "SPEC", requires = "ablation")]
    clips: Vec<String>,
    /// Labelled validation clips, of other people, for every row. Repeatable.
    // A model is measured on --data: whoever gives --valid instead is told so, not that an ablation is missing.
    #[arg(long, value_name = "SPEC")]
    pub valid: Vec<String>,
    /// Labels kept of each class, from 1 up, or maxN where a class may have fewer; the other labelled faces become
    /// unlabelled.
    #[arg(long, value_name = "N", requires = "ablation")]
    labels_per_class: Option<String>,
    /// Repeat everything with so many seeds, 1, 2, ...; the table then has mean and spread [default: 1].
    #[arg(long, value_name = "N", requires = "ablation", value_parser = clap::value_parser!(u64).range(1..=100))]
    seeds: Option<u64>,
    /// Built-in settings: paper-ablation is the paper's whole table with its data; tiny, ferplus-100, ferplus-full or paper
    /// are the students' [default: paper].
    #[arg(long, value_name = "NAME", requires = "ablation")]
    preset: Option<String>,
    /// TOML file of the whole table's settings, over the preset's; ablation.toml in the folder of a table is one.
    #[arg(long, value_name = "FILE", requires = "ablation")]
    config: Option<PathBuf>,
    /// Built-in settings of the encoder: tiny or paper [default: paper].
    #[arg(long, value_name = "NAME", requires = "ablation")]
    refine_preset: Option<String>,
    /// One setting of the students, as in --set training.steps=2000. Repeatable.
    #[arg(long, value_name = "KEY.PATH=VALUE", requires = "ablation")]
    set: Vec<String>,
    /// One setting of the encoder. Repeatable.
    #[arg(long, value_name = "KEY.PATH=VALUE", requires = "ablation")]
    refine_set: Vec<String>,
    /// Folder of the runs, ablation.json and report.html: new or empty, or of the same comparison, which then goes on where it
    /// was stopped, bit for bit.
    #[arg(short, long, value_name = "FOLDER", requires = "ablation")]
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
        ablation.check_clips()?;
        let _folder = ablation.begin(self.force)?;
        let path = ablation.out.join("ablation.toml");
        let text =
            toml::to_string_pretty(&ablation.config()?).context("settings cannot be written as TOML")?;
        write_atomically(&path, text.as_bytes()).with_context(|| path.display().to_string())?;
        let report = ablation.run()?;
        write_report(&ablation.out, &ablation.out.join("report.html"))?;
        if json {
            return say(&serde_json::to_string(&report)?);
        }
        say(&report.table())?;
        say(&format!("report: {}", ablation.out.join("report.html").display()))
    }

    /// The settings of the whole table: preset, file, flags.
    fn settings(&self) -> Result<AblationConfig, Failure> {
        let mut layers = Layers::<AblationConfig>::default();
        let whole =
            |name: &&String| AblationConfig::PRESETS.iter().any(|preset| preset.name == name.as_str());
        if let Some(name) = self.preset.as_ref().filter(whole) {
            layers.preset(name).map_err(Failure::usage)?;
        }
        if let Some(path) = &self.config {
            layers.file(path).map_err(Failure::usage)?;
        }
        let mut config = layers.resolve().map_err(Failure::usage)?;
        if let Some(name) = self.preset.as_ref().filter(|name| !whole(name)) {
            config.preset.clone_from(name);
        }
        if let Some(name) = &self.refine_preset {
            config.refine_preset.clone_from(name);
        }
        config.seeds = self.seeds.unwrap_or(config.seeds);
        let lists = [
            (&self.labelled, &mut config.labelled),
            (&self.unlabelled, &mut config.unlabelled),
            (&self.more_unlabelled, &mut config.more_unlabelled),
            (&self.clips, &mut config.clips),
            (&self.valid, &mut config.valid),
        ];
        for (texts, list) in lists {
            if !texts.is_empty() {
                let specs: Result<_, DataError> = texts.iter().map(|text| text.parse()).collect();
                *list = specs.map_err(Failure::usage)?;
            }
        }
        // Labelled faces that are named here are those of every row.
        if !self.labelled.is_empty() {
            config.baseline_labelled.clear();
        }
        let needed = [("labelled", &config.labelled), ("clips", &config.clips), ("valid", &config.valid)];
        for (name, list) in needed {
            if list.is_empty() {
                let advice = "give it, or all data by --preset paper-ablation or --config FILE";
                return Err(Failure::usage(anyhow!("--ablation needs --{name} SPEC; {advice}")));
            }
        }
        Ok(config)
    }

    fn plan(&self, compute: &Compute, quiet: bool) -> Result<Ablation, Failure> {
        let mut config = self.settings()?;
        let place = self.config.as_ref().map_or("the preset".to_owned(), |path| path.display().to_string());
        let (mut pretrain, refine) =
            config.layered(&place, &self.set, &self.refine_set).map_err(Failure::usage)?;
        if let Some(labels) = &self.labels_per_class {
            pretrain.data.labels_per_class =
                Some(labels.parse().map_err(|e: String| Failure::usage(anyhow!(e)))?);
        }
        let rows = [&mut config.baseline_labelled, &mut config.labelled, &mut config.unlabelled];
        let rows =
            rows.into_iter().chain([&mut config.more_unlabelled, &mut config.clips, &mut config.valid]);
        for spec in rows.flatten() {
            *spec = spec.with_paths(&pretrain.data.paths).map_err(Failure::usage)?;
        }
        pretrain.data.paths.clear();
        if !config.baseline_labelled.is_empty() && pretrain.data.vocabulary.is_empty() {
            let problem = "baseline_labelled gives the first row other labels, which may have other classes: name those of \
                           all rows by students.data.vocabulary";
            return Err(Failure::usage(anyhow!(problem)));
        }
        let faces =
            [&config.baseline_labelled, &config.labelled, &config.unlabelled, &config.more_unlabelled];
        for spec in faces.into_iter().flatten() {
            formats().check(spec).map_err(Failure::usage)?;
        }
        for spec in config.clips.iter().chain(&config.valid) {
            clip_formats().check(spec).map_err(Failure::usage)?;
        }
        let baseline = if config.baseline_labelled.is_empty() {
            String::new()
        } else {
            format!(" (the first row: {})", listed(&config.baseline_labelled))
        };
        Ok(Ablation {
            out: self.out.clone().ok_or_else(|| Failure::usage(anyhow!("--ablation needs --out FOLDER")))?,
            about: format!(
                "Labelled faces: {}{baseline}. Unlabelled: {}; the third row has also {}. The encoder learns from {}. All \
                 rows are measured frame by frame on {}; frames without a face or a label are left out.",
                listed(&config.labelled),
                listed(&config.unlabelled),
                listed(&config.more_unlabelled),
                listed(&config.clips),
                listed(&config.valid)
            ),
            pretrain,
            refine,
            baseline_labelled: config.baseline_labelled,
            labelled: config.labelled,
            unlabelled: config.unlabelled,
            more_unlabelled: config.more_unlabelled,
            clips: config.clips,
            valid: config.valid,
            seeds: (1..=config.seeds).collect(),
            compute: compute.clone(),
            side_by_side: false,
            quiet,
        })
    }
}
