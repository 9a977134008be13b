//! What tools leave in a folder to go on with.

use std::io;
use std::path::Path;

use affekt_engine::data::{AlignJob, PackForm, SkipLog, align_faces, pack};
use affekt_engine::media::align::Aligner;
use affekt_engine::media::detect::GuideBox;
use affekt_engine::net::{BoxCrop, InputContract};
use affekt_engine::synth::{SynthFaces, SynthSettings};

use super::{Form, Format, message, other};

pub(super) const PACK: Format = Format {
    name: "unfinished-pack",
    short: 100,
    own: false,
    files: &[("unfinished.json", Form::Json), ("unfinished.rec", Form::Bytes)],
    make: make_pack,
    read: |folder| packed(folder, true).map(drop),
};

pub(super) const ALIGN: Format = Format {
    name: "unfinished-align",
    short: 100,
    own: false,
    files: &[("unfinished.json", Form::Json), ("faces.csv", Form::Text)],
    make: make_align,
    read: |folder| aligned(folder, true).map(drop),
};

fn faces() -> Result<SynthFaces, String> {
    SynthFaces::new(SynthSettings { count: 300, ..SynthSettings::default() }).map_err(message)
}

fn packed(folder: &Path, to_the_end: bool) -> Result<bool, String> {
    let skips = SkipLog::new(false);
    // A chunk is 256 items.
    let done = pack(&faces()?, folder, PackForm::RecordIo, &skips, &mut |done| to_the_end || done < 256);
    done.map(|done| done.is_some()).map_err(message)
}

fn make_pack(folder: &Path) -> io::Result<()> {
    packed(folder, false).map(drop).map_err(other)
}

fn aligned(folder: &Path, to_the_end: bool) -> Result<bool, String> {
    let contract = InputContract {
        size: 16,
        channels: 3,
        mean: vec![0.0; 3],
        std: vec![1.0; 3],
        template: "crop".into(),
    };
    let aligner = Aligner::new(&contract, BoxCrop::default(), 1.0);
    let job = AlignJob { detector: &GuideBox, aligner: &aligner, all: false, about: "fuzzed".into() };
    let done = align_faces(&faces()?, folder, &job, &mut |done| to_the_end || done < 256);
    done.map(|done| done.is_some()).map_err(message)
}

fn make_align(folder: &Path) -> io::Result<()> {
    aligned(folder, false).map(drop).map_err(other)
}
