//! Tells which commit is built: the one that `AFFEKT_COMMIT` names (for builds from an archive), the one that `cargo package`
//! has noted, or git's. Without any of them it is unknown, and that is no error.

use std::path::PathBuf;
use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=AFFEKT_COMMIT");
    let named = std::env::var("AFFEKT_COMMIT").ok().filter(|name| !name.trim().is_empty());
    let commit = named.or_else(packaged).or_else(committed).unwrap_or_else(|| "unknown".to_owned());
    println!("cargo:rustc-env=AFFEKT_COMMIT={}", commit.trim());
}

/// The commit in the note that `cargo package` leaves beside the manifest.
fn packaged() -> Option<String> {
    let folder = PathBuf::from(std::env::var_os("CARGO_MANIFEST_DIR")?);
    let note = std::fs::read_to_string(folder.join(".cargo_vcs_info.json")).ok()?;
    let hash = note.split("\"sha1\":").nth(1)?.split('"').nth(1)?;
    hash.get(..10).map(str::to_owned)
}

/// The commit that is checked out, with its date; `None` where the sources are not git's own.
fn committed() -> Option<String> {
    // A folder of sources may lie inside somebody else's repository.
    git(&["ls-files", "--error-unmatch", "Cargo.toml"])?;
    // Grows with every commit, checkout and rebase, so the script runs again then and only then.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if std::path::Path::new(&log).exists() {
        println!("cargo:rerun-if-changed={log}");
    }
    git(&["log", "-1", "--format=%h (%cs)", "--abbrev=10"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?.trim().to_owned();
    (output.status.success() && !text.is_empty()).then_some(text)
}
