//! What people and runs say in words: SPECs, configurations, results.

use std::io;
use std::path::Path;

use affekt_engine::data::{ClipFormats, Formats, Spec};
use affekt_engine::output::{Form as Subtitles, LabelRun, Summary, Thumbnail, subtitles};
use affekt_engine::world::RunConfig;

use super::{Form, Format, message, other};

pub(super) const SPEC: Format = Format {
    name: "spec",
    short: 400,
    own: false,
    files: &[("spec.txt", Form::Text)],
    make: make_spec,
    read: read_spec,
};

pub(super) const CONFIG: Format = Format {
    name: "config",
    short: 300,
    own: false,
    files: &[("config.toml", Form::Text)],
    make: make_config,
    read: read_config,
};

pub(super) const RESULTS: Format = Format {
    name: "results",
    short: 200,
    own: false,
    files: &[("v.json", Form::Json)],
    make: make_results,
    read: read_results,
};

fn make_spec(folder: &Path) -> io::Result<()> {
    let lines = "ferplus:faces/a.tar#Train?labels_per_class=3&seed=1\nsynth:40?seed=3&size=64\nfolder:a%20b\n\
                 recordio:a/train?classes=x,y\nclips:a#b\naffwild2:a#Train_Set\n";
    std::fs::write(folder.join("spec.txt"), lines)
}

fn read_spec(folder: &Path) -> Result<(), String> {
    let text = std::fs::read(folder.join("spec.txt")).map_err(message)?;
    for line in String::from_utf8_lossy(&text).lines() {
        if let Ok(spec) = line.parse::<Spec>() {
            // What it says of itself is read as the same.
            let again: Spec = spec.to_string().parse().map_err(message)?;
            assert_eq!(again, spec, "a SPEC survives its text");
            let _ = Formats::files().check(&spec);
            let _ = ClipFormats::files().check(&spec);
        }
    }
    Ok(())
}

fn make_config(folder: &Path) -> io::Result<()> {
    std::fs::write(folder.join("config.toml"), toml::to_string_pretty(&RunConfig::default()).map_err(other)?)
}

fn read_config(folder: &Path) -> Result<(), String> {
    let text = std::fs::read(folder.join("config.toml")).map_err(message)?;
    let mut config: RunConfig = toml::from_str(&String::from_utf8_lossy(&text)).map_err(message)?;
    config.make_paths_absolute();
    // The default names no data, so that even the honest one is refused, but with all its settings looked at.
    let _ = config.validate();
    let _ = config.contract();
    let _ = config.model.architecture(8).graph();
    Ok(())
}

fn make_results(folder: &Path) -> io::Result<()> {
    let run = |label, first| LabelRun {
        label,
        first,
        frames: 5,
        start: first as f64 / 25.0,
        end: (first + 5) as f64 / 25.0,
        ..LabelRun::default()
    };
    let person = affekt_engine::output::Person {
        face: 1,
        frames: 10,
        unsure_frames: 2,
        class_frames: vec![5, 5],
        class_sums: vec![6.5, 3.5],
        runs: vec![run(0, 0), run(1, 5)],
        thumbnails: vec![Thumbnail { seconds: 0.2, label: 1, jpeg: "/9j/".into(), ..Thumbnail::default() }],
        ..affekt_engine::output::Person::default()
    };
    let summary = Summary {
        version: 1,
        input: "v.mp4".into(),
        classes: vec!["calm".into(), "glad".into()],
        frames: 10,
        seconds: 0.4,
        people: vec![person],
        ..Summary::default()
    };
    std::fs::write(folder.join("v.json"), serde_json::to_vec(&summary).map_err(other)?)
}

fn read_results(folder: &Path) -> Result<(), String> {
    let text = std::fs::read(folder.join("v.json")).map_err(message)?;
    let summary: Summary = serde_json::from_slice(&text).map_err(message)?;
    for form in [Subtitles::Srt, Subtitles::Vtt] {
        subtitles(&summary, form);
    }
    Ok(())
}
