//! `affekt synth`: writes generated faces and clips to disk.

mod film;
mod folder;
mod paper;

use std::path::PathBuf;

use affekt_engine::data::{Dataset, Spec};
use affekt_engine::synth::{SynthClips, SynthFaces, synth_clips, synth_faces};
use affekt_engine::synth::{
    write_aff_wild2, write_affectnet, write_affectnet_2021, write_expw, write_folder, write_ms1mv2,
    write_recordio,
};
use anyhow::anyhow;
use clap::{Args, ValueEnum};
use serde_json::json;

use super::say;
use super::values::toml_name;
use crate::failure::Failure;
use crate::interrupt;
use crate::progress::Progress;

const EXAMPLES: &str = "Examples:
  800 faces, a folder a class:
    affekt synth --out faces
  Clips as Aff-Wild2 comes, three for validation:
    affekt synth --kind clips --out world --count 12 --valid 3
  RecordIO of other people, happy ones three times as often:
    affekt synth --kind recordio --out unlabelled --count 5000 \\
      --set identities=1000..3000 --set balance=happiness:3
  Video as a camera sees it:
    affekt synth --kind frames --out video --count 1 --frame-size 640x480
  The sets of the paper's table:
    affekt synth --kind paper --out sets --count 400 --clips 12 --valid 4

What each kind writes below --out:
  faces     <class>/<number>.png; read with folder:DIR
  recordio  train.rec, train.idx, property; read with recordio:DIR
            (labels: ?classes=Neutral,Anger,...)
  clips     cropped_aligned/<clip>/00001.jpg ... and
            EXPR_Recognition_Challenge/{Train_Set,Validation_Set}/<clip>.txt,
            counted from 1; frames without a face are absent, frames to be
            ignored have the label -1
  affectnet training.csv, validation.csv,
            Manually_Annotated_Images/<n>/<name>.jpg: whole pictures, some of
            two people
  affectnet-2021  {train,val}_set/images/<id>.jpg and
            annotations/<id>_{exp,val,aro,lnd}.npy
  expw      label/label.lst, image/origin/<name>.jpg: whole pictures with a
            box for each face
  ms1mv2    train.rec, train.idx, property, labelled by person, as
            InsightFace's MS1MV2
  paper     AffectNet, ExpW, MS1MV2 and Aff-Wild2 (--clips of them) as above,
            a folder each and nobody in two of them; for affekt eval
            --ablation --preset paper-ablation
  frames    <clip>.y4m, raw video that players open (0.46 MB a frame at
            640x480), and <clip>.csv: label, expression, face box and five
            landmarks of every frame
  mp4       <clip>.mp4 instead of .y4m; needs ffmpeg on the path

Every kind ends with synth.json, which says how the folder was made; where it is missing, the folder is not whole. \
The same options write the same pixels.

Difficulty, as --set KEY=VALUE (the same keys as in synth: and synth-clips: SPECs):
  intensity=0.4..1      how strong expressions are
  blend=0.25            a second, wrong expression mixed in, up to 0.5
  variation=1           pose and light, 0 to 2
  camera=1              blur, noise, compression, 0 to 2
  occlusion=0.1         share with hand, mask, glasses
  identities=0..1000    which people
  people=SEED           whose population [--seed]
  balance=anger:2,fear:0  how often each class is shown
  channels=3            1 is grey

Clips besides:
  threshold=0.3         intensity from which it is labelled
  speech=0.5            how much people speak
  motion=1              head, light, restless muscles
  jitter=0.02           unrest of the crop
  missing=0.03          share of frames without a face
  ignored=0.03          share of frames without a label";

/// What to write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Faces in a folder for each class.
    Faces,
    /// Clips of cropped faces with a label for each frame, as Aff-Wild2 comes.
    Clips,
    /// Faces as InsightFace's RecordIO.
    Recordio,
    /// Whole pictures with boxes, as AffectNet's first release.
    Affectnet,
    /// Cropped faces with a label file each, as AffectNet's release of 2021.
    #[value(name = "affectnet-2021")]
    Affectnet2021,
    /// Whole pictures with boxes, as `ExpW`.
    Expw,
    /// Faces labelled by person, as MS1MV2.
    Ms1mv2,
    /// Stand-ins for the paper's four sets, as they come.
    Paper,
    /// Whole camera pictures as raw video, with face boxes and landmarks.
    Frames,
    /// The same as MP4, by ffmpeg.
    Mp4,
}

/// Write generated faces, clips or video, with exact labels, boxes and landmarks.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct SynthArgs {
    /// Folder to write to; must be new or empty.
    #[arg(short, long, value_name = "DIR")]
    out: PathBuf,
    /// What to write.
    #[arg(long, value_enum, default_value_t = Kind::Faces)]
    kind: Kind,
    /// Number of faces (of each set for `paper`) or clips [default: 800 faces or 8 clips].
    #[arg(long, value_name = "N")]
    count: Option<usize>,
    /// Frames of each clip, 30 a second.
    #[arg(long, value_name = "N", default_value_t = 300)]
    frames: usize,
    /// Clips beside the faces, for `--kind paper`.
    #[arg(long, value_name = "N", default_value_t = 8)]
    clips: usize,
    /// How many of the clips, the last ones, go to `Validation_Set` [default: a quarter].
    #[arg(long, value_name = "N")]
    valid: Option<usize>,
    /// Side of the face pictures in pixels, 32 to 256.
    #[arg(long, value_name = "PIXELS", default_value_t = 112)]
    size: usize,
    /// Size of whole camera pictures, even numbers from 64x64 to 1920x1080.
    #[arg(long, value_name = "WxH", default_value = "640x480")]
    frame_size: String,
    /// Everything follows from it; another seed gives other people.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// One knob, see below. Repeatable.
    #[arg(long, value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Write over an earlier affekt synth in a folder that is not empty; other files in it stay.
    #[arg(long)]
    force: bool,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

/// What is to be written, before anything is.
enum Source {
    Faces(SynthFaces),
    Clips(SynthClips),
}

/// Runs the command.
///
/// # Errors
/// A knob is unknown or out of its range, the folder is not empty, or the disk; or Ctrl-C.
pub fn run(args: &SynthArgs) -> Result<(), Failure> {
    let spec = args.spec()?;
    if args.kind == Kind::Paper {
        return write_paper(args, &spec);
    }
    let source = match args.kind {
        Kind::Clips | Kind::Frames | Kind::Mp4 => Source::Clips(synth_clips(&spec).map_err(Failure::usage)?),
        _ => Source::Faces(synth_faces(&spec).map_err(Failure::usage)?),
    };
    let (size, valid) = (args.frame_size()?, args.valid(&source)?);
    if args.kind == Kind::Mp4 {
        film::need_ffmpeg()?;
    }
    interrupt::watch()?;
    let _lock = folder::prepare(&args.out, args.force)?;

    let total = source.pictures();
    let mut progress = Progress::start("picture", 0, total as u64, args.quiet);
    let mut last = 0;
    let mut tell = |done: usize| {
        progress.update(done as u64, done - last, "");
        last = done;
        !interrupt::asked()
    };
    let done = match (&source, args.kind) {
        (Source::Faces(faces), Kind::Recordio) => write_recordio(faces, &args.out, &mut tell)?,
        (Source::Faces(faces), Kind::Affectnet) => write_affectnet(faces, &args.out, &mut tell)?,
        (Source::Faces(faces), Kind::Affectnet2021) => write_affectnet_2021(faces, &args.out, &mut tell)?,
        (Source::Faces(faces), Kind::Expw) => write_expw(faces, &args.out, &mut tell)?,
        (Source::Faces(faces), Kind::Ms1mv2) => write_ms1mv2(faces, &args.out, &mut tell)?,
        (Source::Faces(faces), _) => write_folder(faces, &args.out, &mut tell)?,
        (Source::Clips(clips), Kind::Clips) => write_aff_wild2(clips, valid, &args.out, &mut tell)?,
        (Source::Clips(clips), kind) => film::write(clips, &args.out, size, kind == Kind::Mp4, &mut tell)?,
    };
    progress.finish();
    if !done {
        note!("interrupted; {} is not whole. Start over with --force", args.out.display());
        return Err(Failure::Interrupted);
    }
    let made = json!({
        "kind": toml_name(&args.kind),
        "spec": spec.to_string(),
        "valid": valid,
        "frame_size": args.frame_size,
        "pictures": total,
    });
    folder::seal(&args.out, &made)?;
    say(&format!("{} pictures in {} ({spec})", total, args.out.display()))
}

/// Writes the stand-ins for the paper's four sets.
fn write_paper(args: &SynthArgs, spec: &Spec) -> Result<(), Failure> {
    let (count, clips) = (args.count.unwrap_or(800), args.clips);
    let valid = args.valid.unwrap_or(clips / 4);
    if valid > clips {
        return Err(Failure::usage(anyhow!("--valid {valid} is more than the {clips} --clips there are")));
    }
    if clips > 200 {
        return Err(Failure::usage(anyhow!("--clips {clips}: 200 are the most for --kind paper")));
    }
    // A knob out of its range is an error before anything is written.
    synth_faces(spec).map_err(Failure::usage)?;
    interrupt::watch()?;
    folder::prepare(&args.out, args.force)?;
    let total = 3 * count + clips * args.frames;
    let mut progress = Progress::start("picture", 0, total as u64, args.quiet);
    let mut last = 0;
    let mut tell = |done: usize| {
        progress.update(done as u64, done.saturating_sub(last), "");
        last = done;
        !interrupt::asked()
    };
    let sizes = (count, clips, valid, args.frames);
    let (done, pictures) = paper::write_all(spec, sizes, &args.out, &mut tell)?;
    progress.finish();
    if !done {
        note!("interrupted; {} is not whole. Start over with --force", args.out.display());
        return Err(Failure::Interrupted);
    }
    let made = json!({
        "kind": toml_name(&args.kind),
        "spec": spec.to_string(),
        "clips": clips,
        "valid": valid,
        "frames": args.frames,
        "pictures": pictures,
    });
    folder::seal(&args.out, &made)?;
    let out = args.out.display();
    say(&format!(
        "{pictures} faces in {out} ({spec}): AffectNet, ExpW, MS1MV2, and Aff-Wild2 with {clips} clips"
    ))
}

impl Source {
    fn pictures(&self) -> usize {
        match self {
            Self::Faces(faces) => faces.len(),
            Self::Clips(clips) => clips.settings().clips * clips.settings().frames,
        }
    }
}

impl SynthArgs {
    /// The SPEC that names the same faces or clips.
    fn spec(&self) -> Result<Spec, Failure> {
        let (format, count, known) = match self.kind {
            Kind::Clips | Kind::Frames | Kind::Mp4 => {
                ("synth-clips", 8, affekt_engine::synth::SYNTH_CLIP_OPTIONS)
            }
            _ => ("synth", 800, affekt_engine::synth::SYNTH_OPTIONS),
        };
        let mut spec = Spec::new(format, self.count.unwrap_or(count).to_string());
        let mut option = |key: &str, value: &str| spec.options.insert(key.to_owned(), value.to_owned());
        option("seed", &self.seed.to_string());
        option("size", &self.size.to_string());
        option("channels", "3");
        if format == "synth-clips" {
            option("frames", &self.frames.to_string());
        }
        for pair in &self.set {
            let (key, value) = pair
                .split_once('=')
                .ok_or_else(|| Failure::usage(anyhow!("--set takes KEY=VALUE, not `{pair}`")))?;
            if !known.contains(&key) {
                let known = known.join(", ");
                return Err(Failure::usage(anyhow!("--set {pair}: unknown key `{key}`; there are {known}")));
            }
            option(key, value);
        }
        Ok(spec)
    }

    fn frame_size(&self) -> Result<(usize, usize), Failure> {
        let text = &self.frame_size;
        let sides = text.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
        let fits = |&(w, h): &(usize, usize)| {
            (64..=1920).contains(&w) && (64..=1080).contains(&h) && w % 2 == 0 && h % 2 == 0
        };
        sides.filter(fits).ok_or_else(|| {
            Failure::usage(anyhow!(
                "--frame-size takes WIDTHxHEIGHT, even numbers from 64x64 to 1920x1080, not `{text}`"
            ))
        })
    }

    /// How many clips are for validation.
    fn valid(&self, source: &Source) -> Result<usize, Failure> {
        let Source::Clips(clips) = source else { return Ok(0) };
        let clips = clips.settings().clips;
        match self.valid {
            Some(valid) if valid > clips => {
                Err(Failure::usage(anyhow!("--valid {valid} is more than the {clips} clips there are")))
            }
            valid => Ok(valid.unwrap_or(clips / 4)),
        }
    }
}
