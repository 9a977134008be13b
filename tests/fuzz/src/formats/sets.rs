//! Datasets, and predictions for one.

use std::fmt::Write as _;
use std::io;
use std::path::Path;

use affekt_engine::data::{
    ClipFormats, Clips, PredictionsWriter, SkipLog, Spec, check_kept_hashes, check_predictions, open,
};
use affekt_engine::synth::{
    SynthFaces, SynthSettings, write_affectnet, write_affectnet_2021, write_expw, write_recordio,
};

use super::pictures::{picture, png};
use super::{Form, Format, message, other};

pub(super) const RECORDIO: Format = Format {
    name: "recordio",
    short: 150,
    own: false,
    files: &[("train.rec", Form::Bytes), ("train.idx", Form::Text), ("property", Form::Text)],
    make: make_recordio,
    read: |folder| read_items("recordio", folder),
};

pub(super) const RECORDIO_LIST: Format = Format {
    name: "recordio-list",
    short: 150,
    own: false,
    files: &[("train.lst", Form::Text), ("train.idx", Form::Text)],
    make: make_recordio_list,
    read: |folder| read_items("recordio", &folder.join("train.lst")),
};

pub(super) const KEPT_HASHES: Format = Format {
    name: "kept-hashes",
    short: 150,
    own: false,
    files: &[("faces.hashes", Form::Bytes)],
    make: make_kept_hashes,
    read: read_kept_hashes,
};

pub(super) const AFFECTNET: Format = Format {
    name: "affectnet",
    short: 150,
    own: false,
    files: &[("training.csv", Form::Text), ("validation.csv", Form::Text)],
    make: |folder| write_affectnet(&faces(9)?, folder, &mut |_| true).map(|_| ()).map_err(other),
    read: |folder| read_items("affectnet", folder),
};

pub(super) const AFFECTNET_2021: Format = Format {
    name: "affectnet-2021",
    short: 150,
    own: false,
    files: &[
        ("train_set/annotations/1_exp.npy", Form::Bytes),
        ("val_set/annotations/7_exp.npy", Form::Bytes),
    ],
    make: |folder| write_affectnet_2021(&faces(8)?, folder, &mut |_| true).map(|_| ()).map_err(other),
    read: |folder| read_items("affectnet", folder),
};

pub(super) const EXPW: Format = Format {
    name: "expw",
    short: 150,
    own: false,
    files: &[("label/label.lst", Form::Text)],
    make: |folder| write_expw(&faces(8)?, folder, &mut |_| true).map(|_| ()).map_err(other),
    read: |folder| read_items("expw", folder),
};

pub(super) const LIST: Format = Format {
    name: "list",
    short: 150,
    own: false,
    files: &[("faces.csv", Form::Text)],
    make: make_list,
    read: |folder| read_items("list", &folder.join("faces.csv")),
};

pub(super) const FERPLUS: Format = Format {
    name: "ferplus",
    short: 200,
    own: false,
    files: &[("FER2013Train/label.csv", Form::Text)],
    make: make_ferplus,
    read: |folder| read_items("ferplus", folder),
};

pub(super) const FERPLUS_TAR: Format = Format {
    name: "ferplus-tar",
    short: 200,
    own: false,
    files: &[("a.tar", Form::Bytes)],
    make: make_ferplus_tar,
    read: |folder| read_items("ferplus", &folder.join("a.tar")),
};

pub(super) const FER2013: Format = Format {
    name: "fer2013",
    short: 200,
    own: false,
    files: &[("f.csv", Form::Text)],
    make: make_fer2013,
    read: |folder| read_items("fer2013", &folder.join("f.csv")),
};

pub(super) const AFF_WILD2: Format = Format {
    name: "affwild2",
    short: 200,
    own: false,
    files: &[("EXPR_Recognition_Challenge/Train_Set/v.txt", Form::Text)],
    make: make_aff_wild2,
    read: read_aff_wild2,
};

pub(super) const PREDICTIONS: Format = Format {
    name: "predictions",
    short: 200,
    own: false,
    files: &[("predictions.txt", Form::Text)],
    make: make_predictions,
    read: read_predictions,
};

const CLASSES: &str = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other";

/// Everything of every item of a set. An item that cannot be read is skipped by whoever reads a set, so it is no refusal.
pub(super) fn read_items(format: &str, path: &Path) -> Result<(), String> {
    let set = open(&Spec::new(format, path), false).map_err(message)?;
    for item in 0..set.len() {
        set.annotation(item);
        set.key(item);
        let _ = set.content_hash(item);
        let _ = set.picture(item);
    }
    Ok(())
}

fn faces(count: usize) -> io::Result<SynthFaces> {
    SynthFaces::new(SynthSettings { count, ..SynthSettings::default() }).map_err(other)
}

fn make_recordio(folder: &Path) -> io::Result<()> {
    write_recordio(&faces(6)?, folder, &mut |_| true).map(|_| ()).map_err(other)
}

fn make_recordio_list(folder: &Path) -> io::Result<()> {
    make_recordio(folder)?;
    let lines: Vec<String> = (1..=6).map(|key| format!("{key}\t{}\tface {key}.jpg\n", key % 2)).collect();
    std::fs::write(folder.join("train.lst"), lines.concat())
}

fn make_list(folder: &Path) -> io::Result<()> {
    let mut csv = String::from("path,label,x,y,w,h\n");
    for (item, (label, face)) in
        [("calm", "2,3,20,20"), ("\"joy, loud\"", ",,,"), ("", "-1,0,9.5,9")].iter().enumerate()
    {
        let _ = writeln!(csv, "faces/{item}.png,{label},{face}");
    }
    std::fs::create_dir_all(folder.join("faces"))?;
    let face = png(&picture(32, 32, 1)).map_err(other)?;
    (0..3).try_for_each(|item| std::fs::write(folder.join(format!("faces/{item}.png")), &face))?;
    std::fs::write(folder.join("faces.csv"), csv)
}

fn make_kept_hashes(folder: &Path) -> io::Result<()> {
    make_recordio(folder)?;
    read_kept_hashes(folder).map_err(other)
}

/// Whatever the file holds, the hashes are those of the faces. Their file has the same time for every reader, so that what was
/// kept of it is believed.
fn read_kept_hashes(folder: &Path) -> Result<(), String> {
    let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1_000_000_000);
    let set = std::fs::File::options().write(true).open(folder.join("train.rec"));
    set.and_then(|file| file.set_modified(long_ago)).map_err(message)?;
    let faces = open(&Spec::new("recordio", folder), true).map_err(message)?;
    let right = check_kept_hashes(&*faces, &folder.join("faces.hashes")).map_err(message)?;
    assert!(right, "kept hashes that are not those of the faces were believed");
    Ok(())
}

fn ferplus_files() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut files = vec![];
    let mut csv = String::new();
    for item in 0..3 {
        let name = format!("fer000000{item}.png");
        let _ = writeln!(csv, "{name},\"(0, 0, 48, 48)\",4,0,0,1,3,2,0,0,0,0");
        files.push((name, png(&picture(48, 48, 1)).map_err(other)?));
    }
    files.push(("label.csv".into(), csv.into_bytes()));
    Ok(files)
}

fn make_ferplus(folder: &Path) -> io::Result<()> {
    let folder = folder.join("FER2013Train");
    std::fs::create_dir_all(&folder)?;
    ferplus_files()?.iter().try_for_each(|(name, content)| std::fs::write(folder.join(name), content))
}

fn make_ferplus_tar(folder: &Path) -> io::Result<()> {
    let mut archive = tar::Builder::new(std::fs::File::create(folder.join("a.tar"))?);
    for (name, content) in ferplus_files()? {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, format!("data/FER2013Train/{name}"), content.as_slice())?;
    }
    archive.into_inner()?.sync_all()
}

fn make_fer2013(folder: &Path) -> io::Result<()> {
    let mut csv = String::from("emotion,pixels,Usage\n");
    for item in 0..3 {
        let pixels: Vec<String> = (0..48 * 48).map(|at| ((at * 7 + item) % 256).to_string()).collect();
        let _ = writeln!(csv, "{item},{},Training", pixels.join(" "));
    }
    std::fs::write(folder.join("f.csv"), csv)
}

fn make_aff_wild2(folder: &Path) -> io::Result<()> {
    let (labels, frames) =
        (folder.join("EXPR_Recognition_Challenge/Train_Set"), folder.join("cropped_aligned/v"));
    std::fs::create_dir_all(&labels)?;
    std::fs::create_dir_all(&frames)?;
    std::fs::write(labels.join("v.txt"), format!("{CLASSES}\n0\n-1\n4\n7\n"))?;
    for frame in [1, 2, 4] {
        std::fs::write(
            frames.join(format!("{frame:05}.jpg")),
            picture(16, 16, 1).to_jpeg(90).map_err(other)?,
        )?;
    }
    Ok(())
}

fn open_aff_wild2(folder: &Path) -> Result<std::sync::Arc<dyn Clips>, String> {
    ClipFormats::files().open(&Spec::new("affwild2", folder), &SkipLog::new(false)).map_err(message)
}

fn read_aff_wild2(folder: &Path) -> Result<(), String> {
    let clips = open_aff_wild2(folder)?;
    for clip in 0..clips.len() {
        for frame in 0..clips.frames(clip).min(100_000) {
            clips.label(clip, frame);
            if clips.has_face(clip, frame) {
                let _ = clips.picture(clip, frame);
            }
        }
    }
    Ok(())
}

fn make_predictions(folder: &Path) -> io::Result<()> {
    make_aff_wild2(folder)?;
    let classes: Vec<String> = CLASSES.split(',').map(String::from).collect();
    let mut writer = PredictionsWriter::create(&folder.join("predictions.txt"), &classes).map_err(other)?;
    writer.begin("v").map_err(other)?;
    for label in [0, 3, 4, 7] {
        writer.push(Some(label)).map_err(other)?;
    }
    writer.finish().map(|_| ()).map_err(other)
}

fn read_predictions(folder: &Path) -> Result<(), String> {
    let clips = open_aff_wild2(folder)?;
    check_predictions(&folder.join("predictions.txt"), &*clips)
        .map(|report| {
            report.is_complete();
        })
        .map_err(message)
}
