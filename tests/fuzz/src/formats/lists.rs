//! Datasets with lists of their own, names of classes, and runs' settings in layers.

use std::io;
use std::path::Path;

use affekt_engine::data::{ClipFormats, SkipLog, Spec, Vocabulary};
use affekt_engine::world::RunConfig;
use affekt_engine::world::config::Layers;

use super::pictures::{picture, png};
use super::sets::read_items;
use super::{Form, Format, message, other};

pub(super) const EXPW: Format = Format {
    name: "expw-names",
    short: 150,
    own: false,
    files: &[("label/label.lst", Form::Text)],
    make: make_expw,
    read: |folder| read_items("expw", folder),
};

pub(super) const AFFECTNET: Format = Format {
    name: "affectnet-boxes",
    short: 150,
    own: false,
    files: &[("lists/training.csv", Form::Text)],
    make: make_affectnet,
    read: |folder| read_items("affectnet", folder),
};

pub(super) const NPY: Format = Format {
    name: "npy",
    short: 200,
    own: false,
    files: &[("train_set/annotations/0_exp.npy", Form::Bytes)],
    make: make_npy,
    read: |folder| read_items("affectnet", folder),
};

pub(super) const RAFDB: Format = Format {
    name: "rafdb",
    short: 150,
    own: false,
    files: &[("basic/EmoLabel/list_patition_label.txt", Form::Text)],
    make: make_rafdb,
    read: |folder| read_items("rafdb", folder),
};

pub(super) const WEBDATASET: Format = Format {
    name: "webdataset",
    short: 150,
    own: false,
    files: &[("faces-000.tar", Form::Bytes)],
    make: make_webdataset,
    read: |folder| read_items("webdataset", folder),
};

pub(super) const CLIPS: Format = Format {
    name: "clips",
    short: 150,
    own: false,
    files: &[("a.txt", Form::Text)],
    make: make_clips,
    read: |folder| read_clips("clips", folder, None),
};

pub(super) const DFEW: Format = Format {
    name: "dfew",
    short: 150,
    own: false,
    files: &[("single_trainset_1.csv", Form::Text)],
    make: make_dfew,
    read: |folder| read_clips("dfew", folder, Some("train1")),
};

pub(super) const VOCABULARY: Format = Format {
    name: "vocabulary",
    short: 200,
    own: false,
    files: &[("classes.txt", Form::Text)],
    make: |folder| std::fs::write(folder.join("classes.txt"), "# mine\ncalm\nglad\nvery sad\n"),
    read: |folder| {
        Vocabulary::open(&folder.join("classes.txt").display().to_string()).map(|_| ()).map_err(message)
    },
};

pub(super) const LAYER: Format = Format {
    name: "layer",
    short: 300,
    own: true,
    files: &[("mine.toml", Form::Text)],
    make: |folder| {
        std::fs::write(
            folder.join("mine.toml"),
            toml::to_string_pretty(&RunConfig::default()).map_err(other)?,
        )
    },
    read: read_layer,
};

fn write(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap_or(folder))?;
    std::fs::write(path, bytes)
}

fn grey(width: usize, height: usize) -> io::Result<Vec<u8>> {
    png(&picture(width, height, 1)).map_err(other)
}

fn make_expw(folder: &Path) -> io::Result<()> {
    let lines = b"b.jpg 0 2 5 35 12 80.5 3\nb.jpg 1 0 0 9 9 40 6\na 1.jpg 0 1 1 9 9 99 0\n";
    write(folder, "label/label.lst", lines)?;
    ["a 1.jpg", "b.jpg"]
        .iter()
        .try_for_each(|name| write(folder, &format!("image/origin/{name}"), &grey(40, 30)?))
}

fn make_affectnet(folder: &Path) -> io::Result<()> {
    let csv = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal\n\
               1/a.png,0,0,10,12,1.5;2.5;3;4,1,-0.1,0.2\n1/a.png,20,5,30,40,1.5;2.5;3;4,6,-0.1,0.2\n\
               1/b.png,-2,-3,8,9,1.5;2.5;3;4,8,-0.1,0.2\n";
    write(folder, "lists/training.csv", csv.as_bytes())?;
    ["1/a.png", "1/b.png"]
        .iter()
        .try_for_each(|name| write(folder, &format!("Manually_Annotated_Images/{name}"), &grey(40, 30)?))
}

fn make_npy(folder: &Path) -> io::Result<()> {
    let mut header = String::from("{'descr': '<U1', 'fortran_order': False, 'shape': (), }");
    while !(header.len() + 11).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    let bytes = [b"\x93NUMPY".as_slice(), &[1, 0], &length, header.as_bytes(), b"3\0\0\0"].concat();
    write(folder, "train_set/annotations/0_exp.npy", &bytes)?;
    write(folder, "train_set/images/0.jpg", &grey(24, 24)?)
}

fn make_rafdb(folder: &Path) -> io::Result<()> {
    let list = b"train_00001.jpg 5\ntest_0001.jpg 1\ntrain_00002.jpg 7\n";
    write(folder, "basic/EmoLabel/list_patition_label.txt", list)?;
    ["train_00001", "test_0001", "train_00002"].iter().try_for_each(|name| {
        write(folder, &format!("basic/Image/aligned/{name}_aligned.jpg"), &grey(10, 10)?)
    })
}

fn make_webdataset(folder: &Path) -> io::Result<()> {
    let face = grey(16, 16)?;
    let mut archive = tar::Builder::new(std::fs::File::create(folder.join("faces-000.tar"))?);
    let long = format!("{}/c", "a-long-name-that-takes-an-entry-of-its-own/".repeat(4));
    for (name, content) in [
        ("d/a.png", face.as_slice()),
        ("d/a.json", br#"{"emotion": "sad", "age": 3}"#),
        ("b.png", &face),
        ("b.cls", b"happy"),
        (&format!("{long}.png"), &face),
        (&format!("{long}.cls"), b"sad"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, content)?;
    }
    archive.into_inner()?.sync_all()
}

fn make_clips(folder: &Path) -> io::Result<()> {
    write(folder, "a.txt", b"calm,glad\n0\n-1\n1\n1\n")?;
    [1, 2, 4].iter().try_for_each(|frame| write(folder, &format!("a/{frame:05}.jpg"), &grey(16, 16)?))
}

fn make_dfew(folder: &Path) -> io::Result<()> {
    write(folder, "single_trainset_1.csv", b"video_name,label\n1,1\n00002,7\n")?;
    ["00001/2", "00001/10", "00002/1"]
        .iter()
        .try_for_each(|frame| write(folder, &format!("Clip/clip_region_224/{frame}.jpg"), &grey(16, 16)?))
}

fn read_clips(format: &str, folder: &Path, split: Option<&str>) -> Result<(), String> {
    let spec = Spec { split: split.map(str::to_owned), ..Spec::new(format, folder) };
    let clips = ClipFormats::files().open(&spec, &SkipLog::new(false)).map_err(message)?;
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

/// What a person's own file of settings says is taken or refused in a message that can be read.
fn read_layer(folder: &Path) -> Result<(), String> {
    let mut layers = Layers::<RunConfig>::default();
    layers.file(&folder.join("mine.toml")).map_err(message)?;
    // What contradicts itself was right alone, so no file is to blame.
    let _ = layers.resolve().map(|config| config.validate());
    Ok(())
}
