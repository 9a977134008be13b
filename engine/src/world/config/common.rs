//! What the settings of every run have: its seed, what computes, its data's threads, its files.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::backend::{self, ArithmeticChoice, Backend, BackendSpec, Team, slice_sizes};
use crate::data::Spec;
use crate::net::Storage;
use crate::world::error::WorldError;

/// How values are stored in a model file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// Exact.
    #[default]
    F32,
    /// Half the size; rounded to nearest.
    F16,
    /// A quarter of the size: [`Storage::I8`].
    I8,
}

impl From<Precision> for Storage {
    fn from(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32,
            Precision::F16 => Self::F16,
            Precision::I8 => Self::I8,
        }
    }
}

/// What computes a run: what was asked for, then, in a run's own `config.toml`, what really did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComputeConfig {
    /// As `--backend` takes it.
    pub backend: String,
    /// The GPU's name.
    pub adapter: Option<String>,
    /// What networks infer in.
    pub arithmetic: Option<ArithmeticChoice>,
}

impl ComputeConfig {
    /// How to open it.
    pub fn spec(&self) -> BackendSpec {
        BackendSpec {
            name: self.backend.clone(),
            adapter: self.adapter.clone(),
            arithmetic: self.arithmetic,
            ..BackendSpec::default()
        }
    }

    /// What a backend says of itself.
    pub fn of(backend: &dyn Backend) -> Self {
        Self {
            backend: backend.name().to_owned(),
            adapter: backend.adapter(),
            arithmetic: ArithmeticChoice::named(backend.arithmetic()),
        }
    }
}

/// Declares a run's settings: its own fields, behind those that every run has.
macro_rules! run_settings {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $type:ty = $default:expr,)+ }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(default, deny_unknown_fields)]
        pub struct $name {
            /// Everything random follows from it; 0 to 2^63 - 1.
            pub seed: u64,
            /// What computes: `cpu`, `wgpu` or `auto`; in a run's folder what really did.
            pub backend: String,
            /// The GPU's number or part of its name; in a run's folder its name.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub adapter: Option<String>,
            /// What networks infer in: `single`, `fixed` or `half`. Training is always in single precision.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub arithmetic: Option<$crate::backend::ArithmeticChoice>,
            /// Copies of each network that learn together, each from its part of every batch; 0: one for each process, and in a
            /// run's folder how many there are. Results depend on it in the last digits, and not on the number of processes.
            pub replicas: usize,
            /// Over what replicas' batch normalisation takes its statistics: `sync`, the whole batch, or `local`, their own part.
            pub batch_norm: $crate::backend::BatchNorm,
            /// Threads that load ahead of the networks, 1 to 64. The result does not depend on it.
            pub workers: usize,
            /// Whether the first item that cannot be read ends the run, instead of being skipped and counted.
            pub strict: bool,
            /// Steps between checkpoints; 0 writes one at the end alone.
            pub checkpoint_every: u64,
            /// Steps between checkpoints that are kept for good, beside the last two and the best; 0 keeps none.
            pub keep_every: u64,
            /// Whether the log's figures, and pictures of what is learned from, are also written as events for `TensorBoard`.
            pub tensorboard: bool,
            /// How the finished models store their values: `f32`, `f16` for half the size, `i8` for a quarter.
            pub storage: $crate::world::config::Precision,
            /// What the finished models' cards say of their licence; by default that the training pictures' terms apply.
            #[serde(skip_serializing_if = "Option::is_none")]
            pub licence: Option<String>,
            $($(#[$field_meta])* pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self {
                    seed: 1,
                    backend: "cpu".into(),
                    adapter: None,
                    arithmetic: None,
                    replicas: 0,
                    batch_norm: $crate::backend::BatchNorm::Sync,
                    workers: 1,
                    strict: false,
                    checkpoint_every: 500,
                    keep_every: 0,
                    tensorboard: false,
                    storage: $crate::world::config::Precision::F32,
                    licence: None,
                    $($field: $default,)+
                }
            }
        }

        impl $name {
            /// What computes.
            pub fn compute(&self) -> $crate::world::config::ComputeConfig {
                $crate::world::config::ComputeConfig {
                    backend: self.backend.clone(),
                    adapter: self.adapter.clone(),
                    arithmetic: self.arithmetic,
                }
            }

            /// Says what computes.
            pub fn set_compute(&mut self, compute: $crate::world::config::ComputeConfig) {
                let $crate::world::config::ComputeConfig { backend, adapter, arithmetic } = compute;
                (self.backend, self.adapter, self.arithmetic) = (backend, adapter, arithmetic);
            }

            /// Checks what every run has.
            fn validate_common(&self) -> Result<(), $crate::world::error::WorldError> {
                let replicas = $crate::world::config::common::check(self.replicas <= 4096, "replicas", || {
                    format!("is {}, but must be at most 4096", self.replicas)
                });
                let rest = $crate::world::config::common::validate(&self.backend, self.seed, self.workers);
                $crate::world::error::WorldError::together([rest, replicas])
            }

            /// Takes over how many replicas learn, and refuses batches that cannot be shared out among them.
            pub(in crate::world) fn set_replicas(
                &mut self,
                team: &$crate::backend::Team,
                batches: &[(&'static str, usize)],
            ) -> Result<(), $crate::world::error::WorldError> {
                $crate::world::config::common::check([0, team.replicas()].contains(&self.replicas), "replicas", || {
                    let there = team.replicas();
                    format!("is {}, but what computes has {there}; open it by backend::open_replicated", self.replicas)
                })?;
                self.replicas = team.replicas();
                $crate::world::config::common::divisible(self.replicas, batches)
            }

            /// What of its replicas decides a run's numbers: nothing where there is one.
            pub(in crate::world) fn replication(&self) -> Option<(usize, $crate::backend::BatchNorm)> {
                (self.replicas > 1).then_some((self.replicas, self.batch_norm))
            }
        }
    };
}
pub(super) use run_settings;

/// Refuses common settings that are out of range.
pub(super) fn validate(backend: &str, seed: u64, workers: usize) -> Result<(), WorldError> {
    let names = backend::names();
    let known = names.contains(&backend);
    WorldError::together([
        check(known, "backend", || format!("is `{backend}`, but must be one of {}", names.join(", "))),
        check(i64::try_from(seed).is_ok(), "seed", || format!("is {seed}, but must be below 2^63")),
        between(workers, 1, 64, "workers"),
    ])
}

/// An error about a setting, unless it is good.
pub(super) fn check(
    good: bool,
    name: &'static str,
    problem: impl FnOnce() -> String,
) -> Result<(), WorldError> {
    if good { Ok(()) } else { Err(WorldError::setting(name, problem())) }
}

/// Refuses batches that so many replicas cannot share out evenly.
pub(super) fn divisible(replicas: usize, batches: &[(&'static str, usize)]) -> Result<(), WorldError> {
    let Some((name, batch)) = batches.iter().find(|(_, batch)| !batch.is_multiple_of(replicas)) else {
        return Ok(());
    };
    let problem = format!(
        "is {batch}, which {replicas} replicas cannot share out evenly; make it a multiple of {replicas}, or take fewer processes or replicas"
    );
    Err(WorldError::setting(*name, problem))
}

/// Refuses slices of a pass that the replicas cannot share out evenly; the pass itself is known to be.
pub(super) fn even_slices(
    (items, unit): (usize, &str),
    most: Option<usize>,
    team: &Team,
) -> Result<(), WorldError> {
    let (Some(most), replicas) = (most, team.replicas()) else { return Ok(()) };
    let sizes = slice_sizes(items, most);
    check(sizes.iter().all(|size| size.is_multiple_of(replicas)), "training.micro_batch", || {
        format!(
            "is {most}, which cuts a pass over {items} {unit} into slices of {} and {}; {replicas} replicas cannot share \
             them out evenly, so choose a size that gives slices of a multiple of {replicas}",
            sizes[0], sizes[1]
        )
    })
}

/// Checks a range, ends included.
pub(super) fn between(value: usize, low: usize, high: usize, name: &'static str) -> Result<(), WorldError> {
    let problem = || format!("is {value}, but must be between {low} and {high}");
    check((low..=high).contains(&value), name, problem)
}

/// Paths of the SPECs that name files; those of generated data are counts.
pub(super) fn spec_paths<'a>(
    specs: impl Iterator<Item = &'a mut Spec>,
) -> impl Iterator<Item = &'a mut PathBuf> {
    specs.filter(|spec| !spec.format.starts_with("synth")).map(|spec| &mut spec.path)
}

/// Makes the paths of files that exist absolute, so that a run can be resumed from any folder.
pub(super) fn make_absolute<'a>(paths: impl Iterator<Item = &'a mut PathBuf>) {
    for path in paths {
        if let Ok(absolute) = std::path::absolute(&*path)
            && absolute.exists()
        {
            *path = absolute;
        }
    }
}
