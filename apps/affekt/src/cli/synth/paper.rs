//! Stand-ins for the paper's four sets, in the layouts in which those come.

use std::path::Path;

use affekt_engine::data::{Dataset as _, Spec};
use affekt_engine::synth::{
    Progress, synth_clips, synth_faces, write_aff_wild2_as, write_affectnet, write_expw, write_ms1mv2,
};

use crate::failure::Failure;

/// A stand-in: its folder, its share of the count, whom it shows.
struct StandIn {
    folder: &'static str,
    identities: &'static str,
    write: Write,
}

type Write = fn(&Spec, &Path, Progress<'_>) -> Result<bool, Failure>;

/// Nobody is in two of them. Real faces are labelled for some expressions far more often than for others, and so are these.
const STAND_INS: [StandIn; 3] = [
    StandIn {
        folder: "AffectNet",
        identities: "1000..1400",
        write: |spec, out, progress| Ok(write_affectnet(&faces(spec)?, out, progress)?),
    },
    StandIn {
        folder: "ExpW",
        identities: "1400..1800",
        write: |spec, out, progress| Ok(write_expw(&faces(spec)?, out, progress)?),
    },
    StandIn {
        folder: "MS1MV2",
        identities: "2000..2200",
        write: |spec, out, progress| Ok(write_ms1mv2(&faces(spec)?, out, progress)?),
    },
];

/// People of the clips to learn from, and of those to measure on.
const CLIPS: [&str; 2] = ["0..400", "400..800"];

fn faces(spec: &Spec) -> Result<affekt_engine::synth::SynthFaces, Failure> {
    synth_faces(spec).map_err(Failure::usage)
}

/// Writes all four below `out`: `count` faces of each, and `clips` clips of `frames` frames, the last `valid` of them for
/// validation. `base` has the knobs. Returns whether it was finished, with the number of pictures.
///
/// # Errors
/// A knob is out of its range, or the disk.
pub fn write_all(
    base: &Spec,
    (count, clips, valid, frames): (usize, usize, usize, usize),
    out: &Path,
    progress: Progress<'_>,
) -> Result<(bool, usize), Failure> {
    let people = base.options.get("seed").cloned().unwrap_or_default();
    let with = |format: &str, count: usize, options: &[(&str, &str)]| {
        let mut spec = Spec { format: format.to_owned(), path: count.to_string().into(), ..base.clone() };
        for (key, value) in options {
            spec.options.insert((*key).to_owned(), (*value).to_owned());
        }
        spec.options.insert("people".to_owned(), people.clone());
        spec
    };
    let mut before = 0;
    for stand_in in &STAND_INS {
        let spec = with("synth", count, &[("identities", stand_in.identities)]);
        let folder = out.join(stand_in.folder);
        std::fs::create_dir_all(&folder).map_err(|e| anyhow::anyhow!("{}: {e}", folder.display()))?;
        if !(stand_in.write)(&spec, &folder, &mut |done| progress(before + done))? {
            return Ok((false, before));
        }
        before += faces(&spec)?.len();
    }
    let frames = frames.to_string();
    let folder = out.join("Aff-Wild2");
    for (part, identities) in CLIPS.into_iter().enumerate() {
        let clips = if part == 0 { clips - valid } else { valid };
        if clips == 0 {
            continue;
        }
        let spec = with("synth-clips", clips, &[("identities", identities), ("frames", &frames)]);
        let set = synth_clips(&spec).map_err(Failure::usage)?;
        let name = |clip: usize| clip_name(part * 200 + clip);
        let in_valid = if part == 0 { 0 } else { clips };
        if !write_aff_wild2_as(&set, &name, in_valid, &folder, &mut |done| progress(before + done))? {
            return Ok((false, before));
        }
        before += set.settings().clips * set.settings().frames;
    }
    Ok((true, before))
}

/// Names as Aff-Wild2's videos have them: numbers with rate and size, `video` and a number, two people of one video.
fn clip_name(number: usize) -> String {
    match number % 4 {
        0 => format!("{}-30-1280x720", number + 1),
        1 => format!("video{}", number + 1),
        2 => format!("{}-60-1920x1080-1_left", number + 1),
        _ => format!("{number}-60-1920x1080-1_right"),
    }
}
