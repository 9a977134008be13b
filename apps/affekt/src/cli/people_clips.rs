//! `affekt people RESULT clips`: each person's faces, aligned, as clips to train on or to look at.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use affekt_engine::data::Unfinished;
use affekt_engine::files::write_atomically;
use affekt_engine::media::align::Aligner;
use affekt_engine::media::source::{FolderKind, FrameSource as _, OpenOptions, ReadAhead, open};
use affekt_engine::media::{FaceBox, Picture};
use affekt_engine::net::InputContract;
use affekt_engine::output::{FaceRow, TableReader, TableRow};
use affekt_engine::world::Model;
use anyhow::{Context as _, anyhow};
use clap::Args;

use super::say;
use super::training::Counting;
use crate::analyze::Corrected;
use crate::failure::Failure;
use crate::interrupt;

/// Frames that are decoded ahead.
const AHEAD: usize = 8;
/// Quality of the pictures.
const QUALITY: u8 = 95;

/// Write each person's faces, aligned, as a clip: a folder of numbered pictures that `clips:FOLDER` reads. Labels that people have set
/// stand beside it, those of the machine do not.
#[derive(Debug, Args)]
pub struct ClipsArgs {
    /// Where the clips are written; a new folder, or one of this very command that was ended.
    #[arg(short, long, value_name = "FOLDER")]
    out: PathBuf,
    /// Side of the pictures in pixels, 16 to 1024.
    #[arg(long, value_name = "PIXELS", default_value_t = 112, value_parser = clap::value_parser!(u32).range(16..=1024))]
    size: u32,
    /// Show no progress.
    #[arg(short, long)]
    quiet: bool,
}

/// Clips that are being written.
struct Clips<'a> {
    out: &'a Path,
    name: &'a str,
    aligner: Aligner,
    /// Of each person the frames with a picture, each with the label that people have set.
    people: BTreeMap<u32, BTreeMap<u64, Option<usize>>>,
}

impl Clips<'_> {
    /// The folder of a person.
    fn folder(&self, person: u32) -> PathBuf {
        self.out.join(format!("{}-{person}", self.name))
    }

    /// Writes a face of a frame.
    fn push(&mut self, frame: u64, picture: &Picture, face: &FaceRow) -> anyhow::Result<()> {
        let folder = self.folder(face.person);
        std::fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
        let [x, y, w, h] = face.face_box.map(|side| side as f32);
        let landmarks = face.landmarks.map(|points| points.map(|point| point.map(|side| side as f32)));
        let aligned = self.aligner.picture(picture, &FaceBox { x, y, w, h }, landmarks.as_ref());
        let path = folder.join(format!("{:05}.jpg", frame + 1));
        write_atomically(&path, &aligned.to_jpeg(QUALITY)?).with_context(|| path.display().to_string())?;
        let label = face.by_hand.then_some(face.label);
        self.people.entry(face.person).or_default().insert(frame, label);
        Ok(())
    }

    /// Writes the labels of everybody who has some: a line a frame, -1 where people have set none.
    fn label(&self, classes: &[String]) -> anyhow::Result<()> {
        for (person, frames) in self.people.iter().filter(|(_, frames)| frames.values().any(Option::is_some))
        {
            let mut text = format!("{}\n", classes.join(","));
            for frame in 0..=frames.keys().next_back().copied().unwrap_or(0) {
                let label = frames.get(&frame).copied().flatten();
                let _ = writeln!(text, "{}", label.map_or(-1, |label| label as i64));
            }
            let path = self.folder(*person).with_extension("txt");
            write_atomically(&path, text.as_bytes()).with_context(|| path.display().to_string())?;
        }
        Ok(())
    }
}

/// Runs the action.
///
/// # Errors
/// The input is not where it was, or cannot be read; or a file cannot be written; or Ctrl-C.
pub fn run(args: &ClipsArgs, corrected: &Corrected) -> Result<(), Failure> {
    let summary = corrected.summary();
    let input = Path::new(&summary.state.path);
    if !input.exists() {
        return Err(Failure::usage(anyhow!("{}: the recording is no longer there", input.display())));
    }
    let result = corrected.result();
    let name = result.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let model = Model::builtin()?;
    let contract = InputContract {
        size: args.size as usize,
        channels: 3,
        mean: vec![0.0; 3],
        std: vec![1.0; 3],
        template: model.card.input.template.clone(),
    };
    let asked = format!("{} at {} pixels", result.display(), args.size);
    let (work, _) = Unfinished::begin::<()>(&args.out, "clips", &asked)?;
    let aligner = Aligner::new(&contract, model.card.box_crop, 1.0);
    let mut clips = Clips { out: &args.out, name: &name, aligner, people: BTreeMap::new() };
    interrupt::watch()?;
    let options = OpenOptions { folder: Some(FolderKind::Film), ..OpenOptions::default() };
    let mut source = ReadAhead::spawn(open(input, options)?, AHEAD)?;
    let mut reader = TableReader::open(&corrected.file("csv"))?;
    let mut counting = Counting::new("frame", args.quiet);
    let (mut ahead, mut rows, mut done): (_, Vec<TableRow>, _) = (None, vec![], 0);
    while let Some(frame) = source.next_frame()? {
        while rows.first().is_none_or(|row| row.frame < frame.index) {
            match reader.next_frame(&mut ahead)? {
                Some(next) => rows = next,
                None => break,
            }
        }
        let own = rows.iter().filter(|row| row.frame == frame.index && !row.excluded);
        let mut faces = own.filter_map(|row| row.face.as_ref()).peekable();
        if faces.peek().is_some() {
            let picture = frame.picture.with_channels(3);
            faces.try_for_each(|face| clips.push(frame.index, &picture, face))?;
        }
        done += 1;
        if !counting.tell(done, (summary.end_frame as usize).max(done)) {
            counting.finish();
            note!("interrupted; the same command goes on");
            return Err(Failure::Interrupted);
        }
    }
    counting.finish();
    clips.label(&summary.classes)?;
    work.end()?;
    for (person, frames) in &clips.people {
        let by_hand = frames.values().flatten().count();
        let folder = clips.folder(*person);
        say(&format!("{}: {} faces, {by_hand} labelled by hand", folder.display(), frames.len()))?;
    }
    say(&format!("train on or look at clips:{}", args.out.display()))
}
