//! The settings of a whole table in one file: data of every row, students, encoder, seeds.

use affekt_engine::data::Spec;
use affekt_engine::world::config::{LayerError, Layers, Preset, Presets};
use affekt_engine::world::{RefineConfig, RunConfig};
use serde::{Deserialize, Serialize};
use toml::Table;

/// What a table is made from. Every key has a default; an unknown key is an error. `{name}` in a SPEC's path stands for
/// `students.data.paths.name`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AblationConfig {
    /// Built-in settings of the students.
    pub preset: String,
    /// Built-in settings of the encoder.
    pub refine_preset: String,
    /// How many whole comparisons, with the seeds 1, 2 and so on.
    pub seeds: u64,
    /// Labelled faces of the first row; those of the others where it is empty.
    pub baseline_labelled: Vec<Spec>,
    /// Labelled faces.
    pub labelled: Vec<Spec>,
    /// Unlabelled faces of the second row, beside the labelled ones that a limit leaves over.
    pub unlabelled: Vec<Spec>,
    /// Unlabelled faces that the third row has besides.
    pub more_unlabelled: Vec<Spec>,
    /// Labelled clips for the encoder.
    pub clips: Vec<Spec>,
    /// Labelled validation clips for every row.
    pub valid: Vec<Spec>,
    /// Settings of the students over those of the preset.
    pub students: Table,
    /// Settings of the encoder over those of the preset.
    pub encoder: Table,
}

impl Default for AblationConfig {
    fn default() -> Self {
        Self {
            preset: "paper".to_owned(),
            refine_preset: "paper".to_owned(),
            seeds: 1,
            baseline_labelled: vec![],
            labelled: vec![],
            unlabelled: vec![],
            more_unlabelled: vec![],
            clips: vec![],
            valid: vec![],
            students: Table::new(),
            encoder: Table::new(),
        }
    }
}

impl Presets for AblationConfig {
    const PRESETS: &[Preset] = &[Preset {
        name: "paper-ablation",
        text: include_str!("../../../../assets/presets/paper-ablation.toml"),
    }];
}

impl AblationConfig {
    /// The settings of students and encoder, with `--set` and `--refine-set` over all of them. `place` is what messages call
    /// the file.
    ///
    /// # Errors
    /// A setting does not exist or is out of range; names its layer.
    pub fn layered(
        &self,
        place: &str,
        set: &[String],
        refine_set: &[String],
    ) -> Result<(RunConfig, RefineConfig), LayerError> {
        let mut students = Layers::<RunConfig>::default();
        students.preset(&self.preset)?;
        // A preset's own data make way for those of the table, and with them the classes it has them for.
        students.flag("the table's data", "data", no_data())?;
        students.table(&format!("{place}, students"), &self.students)?;
        set.iter().try_for_each(|assignment| students.assignment(assignment))?;
        let mut encoder = Layers::<RefineConfig>::default();
        encoder.preset(&self.refine_preset)?;
        encoder.table(&format!("{place}, encoder"), &self.encoder)?;
        refine_set.iter().try_for_each(|assignment| encoder.assignment(assignment))?;
        Ok((students.resolve()?, encoder.resolve()?))
    }
}

fn no_data() -> toml::Value {
    let nothing = || toml::Value::Array(vec![]);
    let lists = ["labelled", "unlabelled", "valid"].map(|list| (list.to_owned(), nothing()));
    lists.into_iter().chain([("vocabulary".to_owned(), "".into())]).collect::<Table>().into()
}
