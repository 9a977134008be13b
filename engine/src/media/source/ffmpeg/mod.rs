//! Whatever an `ffmpeg` on the path can decode: a first look says which of a file's streams is the film and how large its frames
//! are, then raw frames come through a pipe, in a Matroska stream that carries their times.
//!
//! `program` runs and watches it, `probe` looks (how long a film is says `ffprobe`, where it is there, too), `matroska` reads the stream, `sound` puts a recording's sound beside other pictures. ffmpeg's messages are shown where it fails, and
//! never read for what they say. Releases from 4.2 on are known to do.

mod matroska;
mod probe;
mod program;
mod sound;

use std::ffi::OsString;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use self::matroska::{Block, Matroska};
use self::probe::Film;
use self::program::{Output, PATIENCE, Running, reading_from};
use super::mp4::heif;
use super::{Frame, FrameSource, Skipped, SourceError, SourceInfo};
use crate::media::Picture;

pub use program::{FfmpegVersion, ffmpeg_version};
pub use sound::{SoundCopy, with_sound};

/// Units of time a second in the stream.
const UNITS: f64 = 1e6;

/// How long ffmpeg may decode in silence what lies before the frame that it is sent to.
const SEEKING: Duration = PATIENCE.saturating_mul(4);
/// How far before the end a film is gone to at the furthest, so that there is something to see, in seconds.
const BEFORE_END: f64 = 0.2;

/// A running ffmpeg.
struct Ffmpeg {
    path: PathBuf,
    /// The file as ffmpeg is given it, and what is read of it.
    file: PathBuf,
    version: FfmpegVersion,
    film: Film,
    info: SourceInfo,
    running: Option<Running>,
    stream: Matroska<BufReader<Output>>,
    /// The stream's time that is 0 here, and whether ffmpeg was sent to a time, so that there may be nothing more.
    first: Option<i64>,
    sought: bool,
    index: u64,
    length: OnceLock<Option<f64>>,
}

/// Whether an ffmpeg can be started.
pub fn ffmpeg_is_there() -> bool {
    ffmpeg_version().is_some()
}

/// Opens a file by ffmpeg, because of `why`.
///
/// # Errors
/// There is no ffmpeg on the path, or it cannot read the file either; the message says why it is needed.
pub(super) fn open(path: &Path, why: &str) -> Result<Box<dyn FrameSource>, SourceError> {
    opened(path, why, None)
}

/// As [`open`], of a HEIF picture, which must come out as large as it says it is: what is of another size is a tile of it, or a
/// thumbnail.
///
/// # Errors
/// As [`open`], and where this ffmpeg gives the tiles one by one.
pub(super) fn open_still(path: &Path, why: &str) -> Result<Box<dyn FrameSource>, SourceError> {
    opened(path, why, heif::shown_size(path))
}

fn opened(path: &Path, why: &str, size: Option<(usize, usize)>) -> Result<Box<dyn FrameSource>, SourceError> {
    let Some(version) = ffmpeg_version() else {
        let problem = format!(
            "{why}; affekt reads MP4 with H.264, JPEG, PNG, WebP, BMP and folders of those, and needs `ffmpeg` on the path \
             for anything else: install it, or convert the file"
        );
        return Err(SourceError::file(path, problem));
    };
    if !version.will_do() {
        let (major, minor) = FfmpegVersion::OLDEST;
        let problem = format!(
            "{why}; the ffmpeg on the path ({}) is too old to read it: install {major}.{minor} or newer, or convert the file",
            version.text
        );
        return Err(SourceError::file(path, problem));
    }
    // A name that begins with a dash or holds a colon must stay a file.
    let file = path.canonicalize().map_err(|e| SourceError::io(path, e))?;
    let film = match size {
        Some(size) => probe::still(path, &file, &version, (size, heif::is_tiled(path), why))?,
        None => probe::film(path, &file, &version, why)?,
    };
    Ok(Box::new(Ffmpeg::start(path, file, version, film)?))
}

/// Starts ffmpeg on a file from a time on.
fn run(
    path: &Path,
    (file, from): (&Path, f64),
    version: &FfmpegVersion,
    film: &Film,
) -> Result<(Running, Matroska<BufReader<Output>>), SourceError> {
    let (w, h) = film.size;
    // Frames of another size, as recordings of calls have them, are fitted into that of the first; times are held in
    // millionths of a second, which Matroska takes for its thousandths.
    let fit = format!("min({w}/(iw*sar),{h}/ih)");
    let filters = format!(
        "scale=w='max(1,round(iw*sar*{fit}))':h='max(1,round(ih*{fit}))',pad={w}:{h}:(ow-iw)/2:(oh-ih)/2,setsar=1,\
         settb=1/1000000,setpts='if(isnan(PTS),if(isnan(PREV_OUTPTS),0,PREV_OUTPTS+40000000),PTS*1000)'"
    );
    let mut arguments = reading_from(file, from);
    arguments.extend(film.pick.through(&filters));
    let mut more = |words: &[&str]| arguments.extend(words.iter().map(OsString::from));
    more(&version.every_frame());
    more(&["-enc_time_base", "1:1000000", "-pix_fmt", "rgb24", "-c:v", "rawvideo"]);
    // Matroska has no name of its own for raw colours, but takes them under an older one.
    more(&["-f", "matroska", "-allow_raw_vfw", "1", "-flush_packets", "1", "pipe:1"]);
    let patience = if from > 0.0 { SEEKING } else { PATIENCE };
    let (running, output) =
        Running::start("ffmpeg".as_ref(), &arguments, patience).map_err(|e| SourceError::io(path, e))?;
    Ok((running, Matroska::new(BufReader::with_capacity(1 << 16, output))))
}

impl Ffmpeg {
    fn start(path: &Path, file: PathBuf, version: FfmpegVersion, film: Film) -> Result<Self, SourceError> {
        let (running, stream) = run(path, (&file, 0.0), &version, &film)?;
        let info = SourceInfo {
            name: path.display().to_string(),
            frames: film.still.then_some(1),
            still: film.still,
            reader: "ffmpeg".into(),
        };
        let (running, length) = (Some(running), OnceLock::new());
        let path = path.to_owned();
        Ok(Self {
            path,
            file,
            version,
            film,
            info,
            running,
            stream,
            first: None,
            sought: false,
            index: 0,
            length,
        })
    }

    /// Ends ffmpeg's run; an error where it gave nothing or failed.
    fn finish(&mut self) -> Result<(), SourceError> {
        let Some(running) = self.running.take() else { return Ok(()) };
        let end = running.finish();
        if (self.index > 0 || self.sought) && end.success {
            return Ok(());
        }
        let said = end.said;
        let got = if self.index == 0 {
            "ffmpeg finds no video in it".into()
        } else {
            format!("ffmpeg failed after frame {}", self.index - 1)
        };
        Err(SourceError::file(&self.path, format!("{got} (it says: {said}); check or convert the file")))
    }
}

impl FrameSource for Ffmpeg {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if self.running.is_none() {
            return Ok(None);
        }
        match self.stream.next(|(width, height)| width * height * 3) {
            Ok(Some(Block { time, bytes: pixels })) => {
                let (width, height) = self.stream.size.unwrap_or_default();
                let first = *self.first.get_or_insert(time);
                let seconds = time.saturating_sub(first) as f64 / UNITS;
                let picture = Picture { width, height, channels: 3, pixels };
                let frame = Frame { index: self.index, seconds, picture };
                self.index += 1;
                Ok(Some(frame))
            }
            Ok(None) => self.finish().map(|()| None),
            Err(error) => {
                self.finish()?;
                let problem = format!("ffmpeg's frame {} cannot be read: {error}", self.index);
                Err(SourceError::file(&self.path, problem))
            }
        }
    }

    fn skipped(&self) -> Skipped {
        Skipped::default()
    }

    fn go_to(&mut self, seconds: f64) -> Result<bool, SourceError> {
        let Some(length) = self.seconds().filter(|_| !self.info.still) else { return Ok(false) };
        let from = seconds.clamp(0.0, (length - BEFORE_END).max(0.0));
        // The one that runs is ended first.
        self.running = None;
        let (running, stream) = run(&self.path, (&self.file, from), &self.version, &self.film)?;
        (self.running, self.stream, self.sought) = (Some(running), stream, true);
        self.first = (from > 0.0).then_some(-(from * UNITS) as i64);
        Ok(true)
    }

    fn seconds(&self) -> Option<f64> {
        *self.length.get_or_init(|| probe::seconds(&self.file))
    }
}
