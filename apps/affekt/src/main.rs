//! `affekt`, the headless program: train, evaluate, measure. Arguments become settings, settings go to the engine,
//! what comes back becomes text and an exit code (0 done, 1 failed, 2 not understood,
//! 75 told to stop and ready to go on, 130 interrupted).

#[macro_use]
mod terminal;

mod ablation;
mod cli;
mod failure;
mod interrupt;
mod progress;
mod stream;
mod table;

use std::process::ExitCode;

use affekt_engine::world::Origin;
use affekt_results::{analyze, report};
use clap::Parser as _;

fn main() -> ExitCode {
    // SAFETY: no thread has been started yet.
    unsafe { affekt_engine::backend::quiet_drivers() };
    let cli = cli::Cli::parse_from(cli::without_help_of_help(std::env::args_os().collect()));
    Origin::name_program(concat!("affekt ", env!("CARGO_PKG_VERSION")), affekt_program::COMMIT);
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or(cli.log_level())).init();
    let ended = cli.run();
    let rank = cli::processes::rank();
    let code = match &ended {
        Ok(()) => 0,
        Err(failure) => {
            // What fails in all of them is said by the first, which ends the others.
            if let Some(1..) = rank {
                std::thread::sleep(PATIENCE);
            }
            failure.report(&rank.map(|rank| format!("process {rank}: ")).unwrap_or_default())
        }
    };
    let in_peace = ended.is_ok() || interrupt::is_agreed();
    cli::processes::leave((!in_peace).then_some(code));
    ExitCode::from(code)
}

/// How long a process waits before it says what went wrong, where the first may be saying the same.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);
