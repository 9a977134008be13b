//! `affekt doctor`: what this machine offers and what would be used.

use std::path::{Path, PathBuf};

use affekt_engine::backend::wgpu::{Adapter, adapters};
use affekt_engine::backend::{Availability, BACKENDS, Backend, BackendEntry, left_out};
use affekt_engine::files::read_of_system;
use affekt_engine::media::camera::{self, CameraName};
use affekt_engine::media::detect;
use affekt_engine::world::RunConfig;
use affekt_engine::world::config::Presets as _;
use clap::Args;
use serde::{Serialize, Serializer};
use serde_json::json;

use super::doctor_card::show_card;
use super::say;
use crate::cli::compute::Compute;
use crate::failure::Failure;

const EXAMPLES: &str = "Examples:
  affekt doctor
  affekt doctor --out runs --json
  affekt doctor --model builtin";

/// Say what this machine offers and what would be used.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct DoctorArgs {
    /// Folder whose writability is checked beside the temporary folder.
    #[arg(short, long, value_name = "FOLDER", default_value = ".")]
    out: PathBuf,
    /// Show a model's card instead: what it is for, what it learned from, how right it is, its limits and licence. A weights
    /// file, the folder of a finished run, or `builtin`.
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// One JSON object instead of text.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    pub compute: Compute,
}

#[derive(Debug, Serialize)]
struct Findings {
    version: &'static str,
    system: String,
    cpu: String,
    instruction_sets: Vec<&'static str>,
    cores: usize,
    threads: usize,
    memory_mib: Option<u64>,
    memory_available_mib: Option<u64>,
    backends: Vec<BackendFinding>,
    #[serde(serialize_with = "adapters_as_json")]
    adapters: Vec<Adapter>,
    used: String,
    detector: String,
    #[serde(serialize_with = "cameras_as_json")]
    cameras: Vec<CameraName>,
    camera_note: String,
    presets: Vec<PresetFinding>,
    folders: Vec<FolderFinding>,
}

#[derive(Debug, Serialize)]
struct BackendFinding {
    name: &'static str,
    available: bool,
    note: String,
}

#[derive(Debug, Serialize)]
struct PresetFinding {
    name: &'static str,
    purpose: &'static str,
}

#[derive(Debug, Serialize)]
struct FolderFinding {
    path: PathBuf,
    writable: bool,
    note: String,
}

fn adapters_as_json<S: Serializer>(adapters: &[Adapter], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(adapters.iter().map(|a| {
        json!({
            "index": a.index, "name": a.name, "kind": a.kind, "interface": a.interface, "driver": a.driver,
            "memory_mib": a.memory_mib, "binding_mib": a.binding_mib, "buffer_mib": a.buffer_mib, "workgroup_kib": a.workgroup_kib,
            "features": a.features,
        })
    }))
}

fn cameras_as_json<S: Serializer>(cameras: &[CameraName], to: S) -> Result<S::Ok, S::Error> {
    to.collect_seq(cameras.iter().map(|c| json!({ "number": c.number, "name": c.name })))
}

/// Runs the command.
///
/// # Errors
/// Standard output cannot be written, or a model has no card.
pub fn run(args: &DoctorArgs, compute: &Compute) -> Result<(), Failure> {
    if let Some(path) = &args.model {
        return show_card(path, args.json);
    }
    let findings = examine(&args.out, &*compute.open()?);
    if args.json {
        return say(&serde_json::to_string(&findings)?);
    }
    say(&described(&findings))
}

fn examine(out: &Path, backend: &dyn Backend) -> Findings {
    let found = |entry: &BackendEntry| {
        let Availability { available, note } = (entry.availability)();
        BackendFinding { name: entry.name, available, note }
    };
    let missing = |(name, note)| BackendFinding { name, available: false, note };
    let adapters = adapters();
    let (cameras, camera_note) = cameras();
    Findings {
        version: env!("CARGO_PKG_VERSION"),
        system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
        cpu: cpu_name(),
        instruction_sets: instruction_sets(),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        threads: rayon::current_num_threads(),
        memory_mib: memory_mib("MemTotal:"),
        memory_available_mib: memory_mib("MemAvailable:"),
        used: backend.describe(),
        detector: detect::open(None).map_or_else(|error| error.to_string(), |found| found.describe()),
        cameras,
        camera_note,
        backends: BACKENDS.iter().map(found).chain(left_out().into_iter().map(missing)).collect(),
        adapters,
        presets: RunConfig::PRESETS
            .iter()
            .map(|preset| PresetFinding { name: preset.name, purpose: preset.purpose() })
            .collect(),
        folders: vec![folder(&std::env::temp_dir()), folder(out)],
    }
}

fn described(f: &Findings) -> String {
    let or_unknown = |value: Option<u64>| value.map_or("unknown".to_owned(), |mib| format!("{mib} MiB"));
    let sets =
        if f.instruction_sets.is_empty() { "none known".into() } else { f.instruction_sets.join(", ") };
    let mut lines = vec![
        format!("affekt {} on {}", f.version, f.system),
        format!("CPU               {}", f.cpu),
        format!("instruction sets  {sets}"),
        format!("cores             {} (threads used: {})", f.cores, f.threads),
        format!(
            "memory            {} (available: {})",
            or_unknown(f.memory_mib),
            or_unknown(f.memory_available_mib)
        ),
    ];
    lines.extend(
        f.backends.iter().map(|b| {
            format!("backend {:<10}{} {}", b.name, if b.available { "yes:" } else { "no: " }, b.note)
        }),
    );
    for a in &f.adapters {
        let features = if a.features.is_empty() { "none".to_owned() } else { a.features.join(", ") };
        lines.push(format!("adapter {:<10}{}: {}, {} ({})", a.index, a.name, a.kind, a.interface, a.driver));
        let own = a.memory_mib.map_or(String::new(), |mib| format!("memory {mib} MiB, "));
        lines.push(format!(
            "                  {own}binding {} MiB, buffer {} MiB, workgroup memory {} KiB; {features}",
            a.binding_mib, a.buffer_mib, a.workgroup_kib
        ));
    }
    lines.push(format!("used              {}", f.used));
    lines.push(format!("face detector     {}", f.detector));
    lines.extend(f.cameras.iter().map(|c| format!("camera {:<11}{}", c.number, c.name)));
    if !f.camera_note.is_empty() {
        lines.push(format!("cameras           {}", f.camera_note));
    }
    lines.extend(f.presets.iter().map(|p| format!("preset            {:<14}{}", p.name, p.purpose)));
    lines.extend(f.folders.iter().map(|d| format!("folder            {}: {}", d.path.display(), d.note)));
    lines.join("\n")
}

fn folder(path: &Path) -> FolderFinding {
    let probe = affekt_engine::world::probe_folder(path);
    let note = probe.as_ref().map_or_else(ToString::to_string, |()| "writable".to_owned());
    FolderFinding { path: path.to_owned(), writable: probe.is_ok(), note }
}

/// The cameras found, and what is to be said where there are none.
fn cameras() -> (Vec<CameraName>, String) {
    if !camera::BUILT_IN {
        return (vec![], "not built in; on macOS and Windows build with --features nokhwa".to_owned());
    }
    match camera::list() {
        Ok(found) => {
            let note = if found.is_empty() { "none found" } else { "" };
            (found, note.to_owned())
        }
        Err(error) => (vec![], error.to_string()),
    }
}

fn cpu_name() -> String {
    let text = read_of_system("/proc/cpuinfo").unwrap_or_default();
    let name = text.lines().find(|l| l.starts_with("model name")).and_then(|l| l.split_once(':'));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

fn memory_mib(field: &str) -> Option<u64> {
    let text = read_of_system("/proc/meminfo")?;
    let line = text.lines().find_map(|l| l.strip_prefix(field))?;
    line.trim().trim_end_matches("kB").trim().parse::<u64>().ok().map(|kib| kib / 1024)
}

#[cfg(target_arch = "x86_64")]
fn instruction_sets() -> Vec<&'static str> {
    let known = [
        ("avx2", std::arch::is_x86_feature_detected!("avx2")),
        ("fma", std::arch::is_x86_feature_detected!("fma")),
        ("f16c", std::arch::is_x86_feature_detected!("f16c")),
        ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ("avx512vnni", std::arch::is_x86_feature_detected!("avx512vnni")),
    ];
    known.into_iter().filter(|(_, here)| *here).map(|(name, _)| name).collect()
}

#[cfg(target_arch = "aarch64")]
fn instruction_sets() -> Vec<&'static str> {
    if std::arch::is_aarch64_feature_detected!("neon") { vec!["neon"] } else { vec![] }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn instruction_sets() -> Vec<&'static str> {
    vec![]
}
