//! `affekt-live`: arguments become settings, then the window opens.

use std::io::{ErrorKind, Write as _};
use std::path::{PathBuf, absolute};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use affekt_engine::backend;
use affekt_engine::world::live::SourceSpec;
use affekt_live::app::{self, Start};
use affekt_live::dialog;
use affekt_live::pipeline::{Setup, Slow, Time};
use affekt_live::recognize::RecognizerChoice;
use affekt_live::snapshot;
use affekt_live::state::{self, State};
use clap::builder::PossibleValuesParser;
use clap::{CommandFactory as _, Parser};

const HELP: &str = "Examples:
  What was open last, else the first camera, else a synthetic one:
    affekt-live
  A video at its own rate, every frame read:
    affekt-live talk.mp4
  The video with the table that `affekt analyze` made:
    affekt-live talk.mp4 --results results/talk.csv
  Another model, on a GPU where there is one:
    affekt-live --model runs/student --backend auto

In the window: Space pauses, S takes a snapshot, F changes between faces and settings, T changes the theme, H lists all \
keys. Settings are remembered; arguments change them.

Faces are found by a YuNet model, a file named *yunet*.onnx in $AFFEKT_MODELS, assets/models, or beside the program (there \
also in the folder models); without one by the built-in model.";

/// See and read facial expressions live: a camera or a video, with every face's probabilities over time.
#[derive(Debug, Parser)]
#[command(name = "affekt-live", version, long_version = affekt_program::version(), after_help = HELP, max_term_width = 110)]
struct Arguments {
    /// Video, picture or folder of pictures.
    #[arg(value_name = "INPUT", conflicts_with = "source")]
    input: Option<PathBuf>,
    /// `camera:N`, `synth` for the synthetic camera, `auto` for the first camera there is or else the synthetic one, or a
    /// file [default: what was open last, else `auto`].
    #[arg(long, value_name = "SOURCE")]
    source: Option<SourceSpec>,
    /// Table of `affekt analyze` to view the INPUT with [default: none, the video is read live].
    #[arg(long, value_name = "CSV")]
    results: Option<PathBuf>,
    /// Weights file or finished run; `builtin` for the built-in FER+ model.
    #[arg(long, value_name = "MODEL")]
    model: Option<PathBuf>,
    /// Temporal encoder that reads this model's features, a file or a run of `affekt refine`; `none` for none. A causal one
    /// answers at every frame.
    #[arg(long, value_name = "MODEL")]
    temporal: Option<PathBuf>,
    /// What computes networks: the processor, a GPU through wgpu, or a GPU where there is one that is not a processor.
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(backend::names()))]
    backend: Option<String>,
    /// GPU to use, by its number in `affekt doctor` or part of its name.
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// `YuNet` face detector (ONNX), `builtin`, `guide` for a fixed box in the middle, or `auto`.
    #[arg(long, value_name = "FILE")]
    detector: Option<PathBuf>,
    /// Folder of snapshots [default: affekt in your folder of pictures].
    #[arg(long, value_name = "DIR")]
    snapshots: Option<PathBuf>,
    /// Also tell other programs what is read: JSON lines by TCP or WebSocket, at a PORT of this computer or HOST:PORT.
    #[arg(long, value_name = "ADDRESS")]
    serve: Option<String>,
    /// Neither read nor write remembered settings.
    #[arg(long)]
    forget: bool,
    /// Print the script that completes these arguments in a shell.
    #[arg(long, value_name = "SHELL", help_heading = "Installing")]
    completions: Option<affekt_program::Shell>,
    /// Write the man page into a folder.
    #[arg(long, value_name = "DIR", help_heading = "Installing")]
    man: Option<PathBuf>,
    /// For testing: makes a stage take longer for every frame, `capture=MS` or `inference=MS`.
    #[arg(long, value_name = "STAGE=MS", hide = true, value_parser = slowed)]
    slow: Vec<(Stage, Duration)>,
}

/// A stage that can be slowed.
#[derive(Debug, Clone, Copy)]
enum Stage {
    Capture,
    Inference,
}

fn slowed(text: &str) -> Result<(Stage, Duration), String> {
    let (stage, ms) = text.split_once('=').ok_or("write STAGE=MS, such as inference=1000")?;
    let stage = match stage {
        "capture" => Stage::Capture,
        "inference" => Stage::Inference,
        other => return Err(format!("`{other}` is no stage; there are capture and inference")),
    };
    let ms: u64 = ms.parse().map_err(|_| format!("`{ms}` is no number of milliseconds"))?;
    Ok((stage, Duration::from_millis(ms.min(60_000))))
}

/// Changes what is remembered as arguments ask for.
fn apply(arguments: &Arguments, choice: &mut RecognizerChoice) {
    let unless = |path: &PathBuf, word: &str| (path.as_os_str() != word).then(|| path.clone());
    if let Some(model) = &arguments.model {
        choice.model = unless(model, "builtin");
    }
    if let Some(temporal) = &arguments.temporal {
        choice.temporal = unless(temporal, "none");
    }
    if let Some(detector) = &arguments.detector {
        choice.detector = unless(detector, "auto");
    }
    if let Some(backend) = &arguments.backend {
        choice.backend.clone_from(backend);
    }
    if let Some(adapter) = &arguments.adapter {
        choice.adapter = Some(adapter.clone());
        if arguments.backend.is_none() {
            choice.backend = "wgpu".into();
        }
    }
}

/// The source to begin with, and what people should know about the choice.
fn source(arguments: &Arguments, state: &State) -> (SourceSpec, Option<String>) {
    if let Some(source) = arguments.input.clone().map(SourceSpec::File).or_else(|| arguments.source.clone()) {
        return (source, None);
    }
    match state.source.parse::<SourceSpec>() {
        Ok(SourceSpec::File(file)) if !file.exists() => {
            let note = format!("{} is not there now; this is another source", file.display());
            (SourceSpec::Auto, Some(note))
        }
        Ok(source) => (source, None),
        Err(_) => (SourceSpec::Auto, None),
    }
}

/// Text on standard output; a reader that has gone is no error.
fn said(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => ExitCode::FAILURE,
        _ => ExitCode::SUCCESS,
    }
}

fn main() -> ExitCode {
    // SAFETY: no thread has been started yet.
    unsafe { backend::quiet_drivers() };
    let arguments = Arguments::parse();
    if let Some(shell) = arguments.completions {
        return said(&affekt_program::completions(shell, Arguments::command()));
    }
    if let Some(folder) = &arguments.man {
        return match affekt_program::write_pages(Arguments::command(), folder) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => {
                eprintln!("error: {}: {error}", folder.display());
                ExitCode::FAILURE
            }
        };
    }
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("warn")).init();
    let file = state::file().filter(|_| !arguments.forget);
    let (mut state, line) = file.as_deref().map_or_else(|| (State::default(), None), State::read);
    if let Some(line) = &line {
        log::warn!("{line}");
    }
    apply(&arguments, &mut state.recognizer);
    // What is given by a path is remembered, so it must be found from anywhere.
    state.recognizer = state.recognizer.anchored();
    let source = source(&arguments, &state);
    let table = arguments.results.clone();
    if table.is_some() && source.0.file().is_none() {
        eprintln!(
            "error: --results needs the INPUT that was analysed: affekt-live talk.mp4 --results talk.csv"
        );
        return ExitCode::from(2);
    }
    let mut slow = Slow::default();
    for (stage, time) in &arguments.slow {
        match stage {
            Stage::Capture => slow.capture = *time,
            Stage::Inference => slow.inference = *time,
        }
    }
    let snapshots = arguments.snapshots.clone().unwrap_or_else(snapshot::default_folder);
    let snapshots = absolute(&snapshots).unwrap_or(snapshots);
    let ask = Arc::new(dialog::ask);
    let start = Start { state, file, source, table, snapshots, serve: arguments.serve.clone(), line, ask };
    let setup = move |context: eframe::egui::Context| Setup {
        time: Time::default(),
        slow,
        make: Arc::new(RecognizerChoice::open),
        wake: Box::new(move || context.request_repaint()),
    };
    match app::show(start, setup) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn help_is_wrapped_once() {
        assert_eq!(affekt_program::help_faults(&Arguments::command()), Vec::<String>::new());
    }
}
