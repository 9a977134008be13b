//! `affekt`, the headless program: train, evaluate, measure. Arguments become settings, settings go to the engine,
//! what comes back becomes text and an exit code (0 done, 1 failed, 2 not understood,
//! 75 told to stop and ready to go on, 130 interrupted).

#[macro_use]
mod terminal;

mod ablation;
mod analyze;
mod cli;
mod failure;
mod interrupt;
mod progress;
mod report;
mod stream;
mod table;

use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    // SAFETY: no thread has been started yet.
    unsafe { affekt_engine::backend::quiet_drivers() };
    let cli = cli::Cli::parse();
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(cli.log_level())).init();
    match cli.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
