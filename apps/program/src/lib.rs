//! What `affekt` and `affekt-live` share on the command line: what `--version` says, completions for shells, man pages,
//! and how help is written.

mod help;
mod man;

use std::sync::LazyLock;

use affekt_engine::backend::cpu::Isa;
use clap::Command;

pub use clap_complete::Shell;
pub use help::help_faults;
pub use man::write_pages;

/// The commit that was built, with its date; `unknown` where nobody told.
pub const COMMIT: &str = env!("AFFEKT_COMMIT");

/// Version, commit, features and instruction sets, a line each, as `--version` says them.
pub fn version() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let built_in: Vec<&str> =
            affekt_engine::FEATURES.iter().filter(|(_, there)| *there).map(|(name, _)| *name).collect();
        let left_out: Vec<&str> =
            affekt_engine::FEATURES.iter().filter(|(_, there)| !*there).map(|(name, _)| *name).collect();
        let sets: Vec<&str> = Isa::available().into_iter().map(Isa::name).collect();
        format!(
            "{}\ncommit            {}\nfeatures          {}{}\ninstruction sets  {}",
            env!("CARGO_PKG_VERSION"),
            COMMIT,
            if built_in.is_empty() { "none".to_owned() } else { built_in.join(", ") },
            if left_out.is_empty() { String::new() } else { format!(" (without {})", left_out.join(", ")) },
            sets.join(", ")
        )
    });
    &TEXT
}

/// The script that completes a program's arguments in a shell.
pub fn completions(shell: Shell, mut command: Command) -> String {
    let (name, mut script) = (command.get_name().to_owned(), vec![]);
    clap_complete::generate(shell, &mut command, name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_says_commit_features_and_instruction_sets() {
        let lines: Vec<&str> = version().lines().collect();
        assert_eq!(lines[0], env!("CARGO_PKG_VERSION"));
        let commit = lines[1].strip_prefix("commit            ").expect("a commit");
        assert!(
            commit == "unknown" || commit.split(' ').next().is_some_and(|hash| hash.len() >= 7),
            "{commit}"
        );
        assert!(lines[2].contains("camera"), "there or said to be left out: {}", lines[2]);
        assert!(lines[3].ends_with("portable"), "{}", lines[3]);
    }
}
