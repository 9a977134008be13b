//! What is settled before the first input is read: the folder of results, and everything beside an input that decides its result.

use std::path::Path;

use affekt_engine::files::{FolderLock, sweep_leftovers};
use affekt_engine::media::source::{FrameSpan, OpenOptions};
use affekt_engine::output::ReadBy;
use affekt_engine::world::live::{About, RecognizerOpener};
use affekt_engine::world::probe_folder;
use anyhow::Context as _;

use super::rests::Rests;
use crate::report::check_page;

/// Side of the page's pictures of people, in pixels.
pub const THUMBNAIL: usize = 96;

/// Takes a folder for results, which is made where it is missing, and clears it of what killed programs have left. Two programs
/// would take the same free names, and each other's unfinished files.
///
/// # Errors
/// It cannot be made or written, another program has it, or its `index.html` is a person's own.
pub fn claim(out: &Path) -> anyhow::Result<FolderLock> {
    std::fs::create_dir_all(out).with_context(|| format!("cannot make the folder {}", out.display()))?;
    let lock = FolderLock::take(out)?;
    check_page(&out.join("index.html"))?;
    probe_folder(out)?;
    sweep_leftovers(out).with_context(|| out.display().to_string())?;
    Ok(lock)
}

/// Everything beside an input that decides what is read of it, in one line; `detector` is the recognizer's.
pub fn fingerprint(
    opener: &RecognizerOpener,
    detector: &str,
    options: &OpenOptions,
    rests: &Rests,
    no_pictures: bool,
) -> String {
    let part = match options.span {
        span if span == FrameSpan::default() => String::new(),
        FrameSpan { from, to, every } => format!(" from {from} to {to} every {every}"),
    };
    format!(
        "{} fps {}{part}{}{}",
        opener.fingerprint(detector),
        options.folder_rate,
        rests.in_words(),
        if no_pictures { " no pictures" } else { "" }
    )
}

/// What reads, in words for people.
pub fn read_by(about: About, opener: &RecognizerOpener) -> ReadBy {
    ReadBy {
        model: about.model,
        accuracy: about.accuracy,
        detector: about.detector,
        settings: opener.in_words(),
        unsure_below: opener.settings().unsure_below,
    }
}
