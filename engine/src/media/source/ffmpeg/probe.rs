//! A first look at a file through ffmpeg: which of its streams is the film, and how large its frames are once they are upright and
//! their pixels square. The answer comes in the form `framecrc`, a list of frames that ffmpeg writes to be read by programs.

use std::ffi::OsString;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use super::program::{FfmpegVersion, PATIENCE, Running, reading};
use crate::media::source::SourceError;
use crate::media::{MAX_PIXELS, MAX_SIDE};

/// Most lines of the answer: a few for each stream.
const MOST_LINES: usize = 10_000;
/// Streams of pictures but for covers and previews; where one of them cannot be decoded, the first alone.
const STREAMS: [&str; 2] = ["0:V", "0:V:0"];
/// Pictures in tiles that are tried; beside the photo there may be its brightness and its depth.
const TILED: usize = 4;

/// Some of what a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pick {
    /// Streams, as ffmpeg's option `-map` names them.
    Streams(String),
    /// The picture in tiles of this number, which ffmpeg from 8 on puts together; older ones know no such thing.
    Tiled(usize),
}

impl Pick {
    /// The options that take it through these filters.
    pub fn through(&self, filters: &str) -> Vec<OsString> {
        match self {
            Self::Streams(streams) => ["-map", streams, "-vf", filters].map(OsString::from).into(),
            Self::Tiled(number) => {
                let graph = format!("[0:g:{number}]{filters}[whole]");
                ["-filter_complex", &graph, "-map", "[whole]"].map(OsString::from).into()
            }
        }
    }
}

/// The stream that is the film.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Film {
    /// Where it is.
    pub pick: Pick,
    /// Columns and rows of its first frame, upright, of square pixels.
    pub size: (usize, usize),
    /// Whether it has one frame only.
    pub still: bool,
}

/// What the answer says of a stream.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Stream {
    size: (usize, usize),
    frames: usize,
}

/// Looks for the film of `file`, which messages call `path`.
///
/// # Errors
/// ffmpeg reads no picture from it, or they are too large.
pub(super) fn film(
    path: &Path,
    file: &Path,
    version: &FfmpegVersion,
    why: &str,
) -> Result<Film, SourceError> {
    let mut said = String::new();
    for map in STREAMS {
        let streams = match look(file, version, &Pick::Streams(map.to_owned())) {
            Ok(streams) => streams,
            Err(why) => {
                if said.is_empty() {
                    said = why;
                }
                continue;
            }
        };
        // One frame alone is a cover that is not marked as one, unless there is no other.
        let place =
            streams.iter().position(|s| s.frames > 1).or_else(|| streams.iter().position(|s| s.frames > 0));
        let Some(place) = place else { continue };
        let Stream { size: (w, h), frames } = streams[place];
        check(path, (w, h))?;
        return Ok(Film { pick: Pick::Streams(format!("0:V:{place}")), size: (w, h), still: frames == 1 });
    }
    Err(nothing(path, version, why, &said))
}

/// Refuses what is too large.
fn check(path: &Path, (w, h): (usize, usize)) -> Result<(), SourceError> {
    if w == 0 || h == 0 || w > MAX_SIDE || h > MAX_SIDE || w * h > MAX_PIXELS {
        let problem = format!(
            "its pictures have {w}x{h} pixels, more than the limit of {MAX_SIDE} a side and {} million in all; scale \
             them down",
            MAX_PIXELS / 1_000_000
        );
        return Err(SourceError::file(path, problem));
    }
    Ok(())
}

/// Looks for the picture of a file that says how large it is and whether it is put together from tiles.
///
/// # Errors
/// ffmpeg reads no picture of that size from it.
pub(super) fn still(
    path: &Path,
    file: &Path,
    version: &FfmpegVersion,
    (size, tiled, why): ((usize, usize), bool, &str),
) -> Result<Film, SourceError> {
    check(path, size)?;
    let (mut said, mut seen) = (String::new(), false);
    let tiles = (0..if tiled { TILED } else { 0 }).map(Pick::Tiled);
    for pick in tiles.chain([Pick::Streams(STREAMS[0].to_owned())]) {
        match look(file, version, &pick) {
            Ok(streams) => {
                seen = true;
                if let Some(place) = streams.iter().position(|s| s.frames > 0 && s.size == size) {
                    let pick = match pick {
                        Pick::Streams(_) => Pick::Streams(format!("0:V:{place}")),
                        tiled @ Pick::Tiled(_) => tiled,
                    };
                    return Ok(Film { pick, size, still: true });
                }
            }
            Err(why) if said.is_empty() => said = why,
            Err(_) => {}
        }
    }
    if !seen {
        return Err(nothing(path, version, why, &said));
    }
    let ((w, h), how) = (size, if tiled { ", which is stored in tiles," } else { "" });
    let problem = format!(
        "ffmpeg {} gives parts of its picture of {w}x{h}{how} and not the whole: use a newer ffmpeg, or convert it to JPEG",
        version.text
    );
    Err(SourceError::file(path, problem))
}

fn nothing(path: &Path, version: &FfmpegVersion, why: &str, said: &str) -> SourceError {
    let said = if said.is_empty() { "nothing" } else { said };
    let why = if why.is_empty() { String::new() } else { format!("{why}; ") };
    let problem = format!(
        "{why}ffmpeg {} finds no video in it (it says: {said}); check or convert the file",
        version.text
    );
    SourceError::file(path, problem)
}

/// How long a file is, in seconds, as its container says it to the `ffprobe` beside ffmpeg; `None` where there is none or it does not say.
pub(super) fn seconds(file: &Path) -> Option<f64> {
    let plain =
        ["-v", "error", "-show_entries", "format=duration", "-of", "default=nokey=1:noprint_wrappers=1"];
    let mut arguments: Vec<OsString> = plain.into_iter().map(OsString::from).collect();
    let mut url = OsString::from("file:");
    url.push(file);
    arguments.push(url);
    let (running, output) = Running::start("ffprobe".as_ref(), &arguments, PATIENCE).ok()?;
    let mut said = String::new();
    let read = output.take(1 << 10).read_to_string(&mut said);
    let end = running.finish();
    let seconds = said.trim().parse::<f64>().ok()?;
    (read.is_ok() && end.success && seconds.is_finite() && seconds > 0.0).then_some(seconds)
}

/// Has the first two frames of some streams decoded and listed.
fn look(file: &Path, version: &FfmpegVersion, pick: &Pick) -> Result<Vec<Stream>, String> {
    // Newer ffmpegs end all streams with the shortest one where `-frames:v` counts; a filter counts for its stream alone.
    let filters = "trim=end_frame=2,scale=w='if(gt(sar,1),round(iw*sar),iw)':h='if(lt(sar,1),round(ih/sar),ih)',setsar=1";
    let most = MAX_PIXELS.to_string();
    // What is larger is refused by ffmpeg before it takes memory for it.
    let mut all: Vec<OsString> = ["-max_pixels", &most].map(OsString::from).into();
    all.extend(reading(file));
    all.extend(pick.through(filters));
    let mut more = |words: &[&str]| all.extend(words.iter().map(OsString::from));
    more(&["-pix_fmt", "rgb24"]);
    more(&version.every_frame());
    more(&["-f", "framecrc", "pipe:1"]);
    let (running, output) =
        Running::start("ffmpeg".as_ref(), &all, PATIENCE).map_err(|e| format!("it does not start: {e}"))?;
    let mut streams = vec![];
    let lines = BufReader::new(output.take(1 << 20)).lines().take(MOST_LINES);
    for line in lines.map_while(Result::ok) {
        read(&line, &mut streams);
    }
    let end = running.finish();
    if streams.iter().any(|stream| stream.frames > 0) { Ok(streams) } else { Err(end.said) }
}

/// Reads a line: `#dimensions 0: 320x240`, or a frame's, which begins by its stream's number.
fn read(line: &str, streams: &mut Vec<Stream>) {
    let mut at = |number: &str| {
        let number: usize = number.trim().parse().ok().filter(|&number| number < 1000)?;
        if streams.len() <= number {
            streams.resize(number + 1, Stream::default());
        }
        Some(number)
    };
    if let Some(rest) = line.strip_prefix("#dimensions ") {
        let Some((number, size)) = rest.split_once(':') else { return };
        let Some((w, h)) = size.trim().split_once('x') else { return };
        if let (Some(number), Ok(w), Ok(h)) = (at(number), w.parse(), h.parse()) {
            streams[number].size = (w, h);
        }
    } else if !line.starts_with('#')
        && let Some((number, _)) = line.split_once(',')
        && let Some(number) = at(number)
    {
        streams[number].frames += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_frames_is_read() {
        let text = "#software: Lavf59.27.100\n#tb 0: 1/25\n#media_type 0: video\n#codec_id 0: rawvideo\n#dimensions 0: \
                    600x800\n#sar 0: 1/1\n#dimensions 1: 320x240\n#sar 1: 0/1\n0, 0, 0, 1, 460800, 0x6ff4ec43\n1, 0, 0, 1, \
                    230400, 0x1\n1,          1,          1,        1,   230400, 0xeab36aff\n\nx, 1\n";
        let mut streams = vec![];
        text.lines().for_each(|line| read(line, &mut streams));
        let wanted = [Stream { size: (600, 800), frames: 1 }, Stream { size: (320, 240), frames: 2 }];
        assert_eq!(streams, wanted);
    }
}
