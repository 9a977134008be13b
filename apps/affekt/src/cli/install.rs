//! `affekt completions` and `affekt man`: what stands beside the program where it is installed.

use std::path::PathBuf;

use affekt_program::Shell;
use anyhow::Context as _;
use clap::{Args, CommandFactory as _};

use super::{Cli, say};
use crate::failure::Failure;

const COMPLETIONS: &str = "Examples:
  affekt completions bash > ~/.local/share/bash-completion/completions/affekt
  affekt completions zsh > ~/.zfunc/_affekt
  affekt completions fish > ~/.config/fish/completions/affekt.fish";

/// Print the script that completes affekt's commands and options in a shell.
#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS)]
pub struct CompletionsArgs {
    /// The shell.
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

const MAN: &str = "Examples:
  affekt man ~/.local/share/man/man1
  man affekt-analyze";

/// Write the man pages, one of affekt and one of each command.
#[derive(Debug, Args)]
#[command(after_help = MAN)]
pub struct ManArgs {
    /// Folder for the pages; made where it is missing. Pages of their names are written over.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
}

/// Runs `affekt completions`.
///
/// # Errors
/// Standard output cannot be written.
pub fn completions(args: &CompletionsArgs) -> Result<(), Failure> {
    say(&affekt_program::completions(args.shell, Cli::command()))
}

/// Runs `affekt man`.
///
/// # Errors
/// The folder or a page cannot be written.
pub fn man(args: &ManArgs) -> Result<(), Failure> {
    let pages = affekt_program::write_pages(Cli::command(), &args.folder)
        .with_context(|| args.folder.display().to_string())?;
    say(&format!("{} pages in {}", pages.len(), args.folder.display()))
}
