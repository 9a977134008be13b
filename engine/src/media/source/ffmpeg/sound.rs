//! The sound of a recording beside pictures that are new.

use std::ffi::OsString;
use std::path::Path;

use super::program::{PATIENCE, Running, ffmpeg_version, reading};

/// What came of the sound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SoundCopy {
    /// The file has pictures and sound.
    Done,
    /// There is no ffmpeg on the path to do it.
    NoFfmpeg,
    /// The recording has no sound, or none that ffmpeg can read; its words.
    NoSound(String),
}

/// Writes to `to` the pictures of the MP4 `pictures` as they are, with the sound of `recording` from `from` seconds on, as AAC;
/// where the sound ends before the pictures, it is silent.
///
/// # Errors
/// The file system refuses.
pub fn with_sound(pictures: &Path, recording: &Path, from: f64, to: &Path) -> std::io::Result<SoundCopy> {
    if ffmpeg_version().is_none_or(|version| !version.will_do()) {
        return Ok(SoundCopy::NoFfmpeg);
    }
    let mut arguments = reading(&pictures.canonicalize()?);
    let mut url = OsString::from("file:");
    url.push(recording.canonicalize()?);
    let mut result = OsString::from("file:");
    result.push(std::path::absolute(to)?);
    arguments.extend(["-ss".into(), format!("{from:.6}").into(), "-i".into(), url]);
    let plain = "-map 0:v:0 -map 1:a:0 -c:v copy -c:a aac -b:a 128k -af apad -shortest -movflags +faststart -f mp4 -n";
    arguments.extend(plain.split(' ').map(OsString::from));
    arguments.push(result);
    // It says nothing while it works, so that the time it may take grows with what there is to do.
    let size = recording.metadata()?.len() + pictures.metadata()?.len();
    let patience = PATIENCE + std::time::Duration::from_secs(size >> 20);
    let (running, mut output) = Running::start("ffmpeg".as_ref(), &arguments, patience)?;
    std::io::copy(&mut output, &mut std::io::sink())?;
    let end = running.finish();
    Ok(if end.success { SoundCopy::Done } else { SoundCopy::NoSound(end.said) })
}
