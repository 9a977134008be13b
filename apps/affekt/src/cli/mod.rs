//! The command line: one file a command, each with its arguments, examples and `run`.

mod abaw;
mod ablation;
mod analyze;
mod analyze_told;
mod bench;
mod bench_loader;
mod bench_passes;
mod bench_temporal;
mod calibrate;
pub mod compute;
mod cost;
mod crew;
mod data;
mod data_open;
mod data_tools;
mod demo;
mod doctor;
mod doctor_card;
mod eval;
mod eval_clips;
mod eval_corruptions;
mod eval_errors;
mod eval_frames;
mod eval_scores;
mod eval_tables;
mod export;
mod install;
mod merge;
mod people;
mod people_clips;
mod pretrain;
pub mod processes;
mod reading;
pub mod refine;
mod report;
mod run_args;
mod stored;
mod stream;
mod synth;
pub mod training;
mod values;

use std::ffi::OsString;

use affekt_engine::world::WorldError;
use clap::{CommandFactory as _, Parser, Subcommand};

use crate::failure::Failure;
pub use crate::terminal::say;
use compute::Compute;

const EXAMPLES: &str = "First steps:
  affekt demo                     train and evaluate on generated faces
  affekt analyze VIDEO --out DIR  read the faces in a video or picture
  affekt stream camera --jsonl -  read the faces before a camera, line by line
  affekt doctor                   what this machine offers
  affekt pretrain --help          train on your faces
  affekt refine --help            train the temporal encoder on your clips

A dataset SPEC is FORMAT:PATH[#SPLIT][?key=value&...], for example
  ferplus:faces/ferplus.tar#Train?labels_per_class=25
  recordio:faces/unlabelled_faces
  folder:my_faces?map=joy:happiness

Exit codes: 0 done, 1 failed, 2 request not understood, 75 stopped by SIGTERM or SIGUSR1, 130 interrupted by Ctrl-C (what \
was done is saved).";

/// Where the option that every command has stands among a command's own: before --help.
const LAST: usize = 900;

/// Learns to read facial expressions from a few labelled faces and many unlabelled ones.
#[derive(Debug, Parser)]
#[command(name = "affekt", version, long_version = affekt_program::version(), after_help = EXAMPLES, max_term_width = 110)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    /// Say more: -v what is done, -vv details. The environment variable `RUST_LOG` overrides it.
    #[arg(short, long, global = true, display_order = LAST, action = clap::ArgAction::Count)]
    verbose: u8,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    Pretrain(Box<pretrain::PretrainArgs>),
    Abaw(abaw::AbawArgs),
    Analyze(Box<analyze::AnalyzeArgs>),
    Merge(merge::MergeArgs),
    People(people::PeopleArgs),
    Stream(Box<stream::StreamArgs>),
    Refine(Box<refine::RefineArgs>),
    Eval(Box<eval::EvalArgs>),
    Calibrate(calibrate::CalibrateArgs),
    Export(export::ExportArgs),
    Report(report::ReportArgs),
    Bench(bench::BenchArgs),
    Data(data::DataArgs),
    Synth(synth::SynthArgs),
    Doctor(doctor::DoctorArgs),
    Completions(install::CompletionsArgs),
    Man(install::ManArgs),
}

impl Command {
    /// What the command is to compute with, if it computes.
    fn compute(&self) -> Option<&Compute> {
        match self {
            Self::Demo(args) => Some(&args.compute),
            Self::Pretrain(args) => Some(&args.compute),
            Self::Refine(args) => Some(&args.compute),
            Self::Eval(args) => Some(&args.compute),
            Self::Calibrate(args) => Some(&args.compute),
            Self::Analyze(args) => Some(&args.compute),
            Self::Stream(args) => Some(&args.compute),
            Self::Bench(args) => Some(&args.compute),
            Self::Doctor(args) => Some(&args.compute),
            Self::Abaw(_)
            | Self::Report(_)
            | Self::Data(_)
            | Self::Synth(_)
            | Self::Export(_)
            | Self::Merge(_)
            | Self::People(_)
            | Self::Completions(_)
            | Self::Man(_) => None,
        }
    }
}

impl Cli {
    /// What is logged unless `RUST_LOG` says otherwise.
    pub fn log_level(&self) -> &'static str {
        ["warn", "info", "debug"].get(usize::from(self.verbose)).copied().unwrap_or("trace")
    }

    /// Runs the command.
    ///
    /// # Errors
    /// Whatever the command met.
    pub fn run(&self) -> Result<(), Failure> {
        if let Some(compute) = self.command.compute() {
            compute.set_threads()?;
        }
        match &self.command {
            Command::Demo(args) => demo::run(args, &args.compute),
            Command::Pretrain(args) => pretrain::run(args, &args.compute),
            Command::Refine(args) => refine::run(args, &args.compute),
            Command::Eval(args) => eval::run(args, &args.compute),
            Command::Calibrate(args) => calibrate::run(args, &args.compute),
            Command::Export(args) => export::run(args),
            Command::Abaw(args) => abaw::run(args),
            Command::Analyze(args) => analyze::run(args, &args.compute),
            Command::Merge(args) => merge::run(args),
            Command::People(args) => people::run(args),
            Command::Stream(args) => stream::run(args, &args.compute),
            Command::Report(args) => report::run(args),
            Command::Data(args) => data::run(args),
            Command::Bench(args) => bench::run(args, &args.compute),
            Command::Synth(args) => synth::run(args),
            Command::Doctor(args) => doctor::run(args, &args.compute),
            Command::Completions(args) => install::completions(args),
            Command::Man(args) => install::man(args),
        }
    }
}

/// The arguments without a `--help` behind the command `help`: `affekt help --help` is asking for help, and the parser's own command
/// does not know the flag.
pub fn without_help_of_help(mut args: Vec<OsString>) -> Vec<OsString> {
    let whole = Cli::command();
    let mut command = &whole;
    for at in 1..args.len() {
        if args[at] == "help" && command.has_subcommands() {
            let mut place = 0..;
            args.retain(|arg| place.next() <= Some(at) || arg != "--help" && arg != "-h");
            break;
        }
        match command.find_subcommand(&args[at]) {
            Some(found) => command = found,
            None => break,
        }
    }
    args
}

/// An engine's error as a failure: what was asked is at fault, or what happened.
pub fn classify(error: WorldError) -> Failure {
    match error {
        WorldError::Interrupted => Failure::Interrupted,
        error if error.is_request() => Failure::usage(error),
        error => Failure::Run(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    #[test]
    fn help_is_wrapped_once() {
        assert_eq!(affekt_program::help_faults(&Cli::command()), Vec::<String>::new());
    }

    #[test]
    fn what_computes_is_asked_last_and_only_where_something_computes() {
        let mut whole = Cli::command();
        whole.build();
        let mut computing = vec![];
        for command in whole.get_subcommands().filter(|command| command.get_name() != "help") {
            let headings: Vec<&str> = command.get_arguments().filter_map(Arg::get_help_heading).collect();
            let first = headings.iter().position(|&heading| heading == "Computing");
            if let Some(first) = first {
                assert!(headings[first..].iter().all(|&heading| heading == "Computing"), "{headings:?}");
                computing.push(command.get_name());
            }
            let verbose = command.get_arguments().find(|arg| arg.get_id() == "verbose");
            assert!(verbose.is_some(), "{}", command.get_name());
        }
        let those =
            ["demo", "pretrain", "analyze", "stream", "refine", "eval", "calibrate", "bench", "doctor"];
        assert_eq!(computing, those);
    }
}
