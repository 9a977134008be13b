//! What `affekt analyze` says once everything is read, by however many processes.

use std::path::Path;

use affekt_engine::output::Summary;
use affekt_engine::world::live::StageTimes;
use serde::{Deserialize, Serialize};

use super::crew::Crew;
use super::say;
use crate::failure::Failure;
use crate::table::Table;

/// What a process has done.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Share {
    /// Names of results, and whether they were there before.
    pub done: Vec<(String, bool)>,
    /// Inputs that failed, and why.
    pub failed: Vec<String>,
    /// Inputs in all.
    pub inputs: usize,
    /// Frames that were read.
    pub frames: u64,
}

impl Share {
    /// What all have done, for the one that tells it.
    ///
    /// # Errors
    /// A process is gone.
    pub fn together(self, crew: &Crew) -> Result<Option<Self>, Failure> {
        let mut all = Self::default();
        for share in crew.gather(&self)? {
            all.done.extend(share.done);
            all.failed.extend(share.failed);
            all.inputs += share.inputs;
            all.frames += share.frames;
        }
        if crew.shard().is_some() {
            all.done.sort();
        }
        Ok(crew.leads().then_some(all))
    }
}

/// Tells what was done, as one JSON object or as a table.
///
/// # Errors
/// Standard output is closed.
pub fn summarise(
    (json, quiet): (bool, bool),
    out: &Path,
    done: &[(String, Summary, bool)],
    frames: u64,
    seconds: f64,
    times: &StageTimes,
) -> Result<(), Failure> {
    let rate = frames as f64 / seconds.max(1e-9);
    if json {
        let inputs: Vec<_> = done.iter().map(|(name, s, kept)| entry(name, s, *kept)).collect();
        let stages: serde_json::Map<String, serde_json::Value> =
            times.per_frame_ms().map(|(stage, ms)| (stage, serde_json::json!(ms))).collect();
        let whole = serde_json::json!({
            "inputs": inputs, "frames": frames, "seconds": seconds, "frames_per_second": rate,
            "stage_ms_per_frame": stages, "peak_mib": super::bench_passes::peak_mib(),
        });
        return say(&whole.to_string());
    }
    let mut table = Table::new(["input", "frames", "seconds", "people", "no face", "damaged", "mostly"]);
    for (name, s, kept) in done {
        table.row([
            if *kept { format!("{name} (finished before)") } else { name.clone() },
            s.frames.to_string(),
            if s.seconds > 0.0 { format!("{:.2}", s.seconds) } else { "-".into() },
            s.people.len().to_string(),
            s.no_face_frames.to_string(),
            s.skipped.to_string(),
            mostly(s),
        ]);
    }
    say(&table.render())?;
    for (name, s, _) in done.iter().filter(|(_, s, _)| s.skipped > 0) {
        let first = s.first_skipped.as_deref().unwrap_or_default();
        note!("note: {name}: {} frames could not be decoded and have no rows; the first: {first}", s.skipped);
    }
    if frames > 0 && !quiet {
        let stages: Vec<String> =
            times.per_frame_ms().map(|(stage, ms)| format!("{stage} {ms:.1}")).collect();
        note!("{frames} frames in {seconds:.1} s, {rate:.1} a second; ms a frame: {}", stages.join(", "));
    }
    say(&out.join("index.html").display().to_string())
}

fn entry(name: &str, s: &Summary, kept: bool) -> serde_json::Value {
    let people: Vec<_> =
        s.people.iter().map(|p| serde_json::json!({ "face": p.face, "frames": p.frames })).collect();
    serde_json::json!({
        "name": name, "input": s.input, "frames": s.frames, "seconds": s.seconds, "no_face_frames": s.no_face_frames,
        "skipped": s.skipped, "people": people, "finished_before": kept,
    })
}

/// The class that is voted most often over all people.
fn mostly(summary: &Summary) -> String {
    let count = |class: usize| {
        summary.people.iter().map(|p| p.class_frames.get(class).copied().unwrap_or(0)).sum::<u64>()
    };
    let best = (0..summary.classes.len()).max_by_key(|&class| (count(class), std::cmp::Reverse(class)));
    best.filter(|&class| count(class) > 0).map_or_else(|| "-".into(), |class| summary.classes[class].clone())
}
