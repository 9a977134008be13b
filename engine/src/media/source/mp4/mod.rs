//! MP4 files with H.264, decoded by this program: `boxes` walks the file, `index`, `samples` and `fragments` say where each frame
//! lies and when it is shown, `limits` what the decoder does. Anything else goes to ffmpeg, and is known before the first
//! frame is given.

mod boxes;
mod fragments;
pub(super) mod heif;
mod index;
mod limits;
mod samples;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use self::index::{Movie, Track};
use self::samples::{HIDDEN, Unit};
use super::h264::{Decoded, H264};
use super::{Frame, FrameSource, Skipped, SourceError, SourceInfo, ffmpeg};
use crate::files::open_regular;
use crate::media::yuv::Colours;
use crate::media::{MAX_SIDE, Orientation, Picture};

/// Largest access unit that is read, in bytes.
const LARGEST_UNIT: u64 = 64 << 20;
/// Largest index or head of a fragment that is read, in bytes.
const LARGEST_INDEX: u64 = 256 << 20;

/// The frames of an MP4's H.264 track.
struct Mp4Source {
    path: PathBuf,
    info: SourceInfo,
    file: File,
    units: Vec<Unit>,
    /// Times in the order of showing.
    times: Vec<i64>,
    timescale: f64,
    next: usize,
    decoder: H264,
    colours: Colours,
    grey: bool,
    /// SPS and PPS in the form of Annex B.
    headers: Vec<u8>,
    length_size: usize,
    /// What brings the picture upright.
    orientation: Orientation,
    /// Width and height of a pixel, where it is not square.
    aspect: Option<(u32, u32)>,
    /// Frames whose data the decoder found wrong.
    broken: BTreeSet<u64>,
    /// A frame that was decoded and not yet given.
    ready: Option<Frame>,
    /// One past the last frame given, and how many were given.
    shown: u64,
    given: u64,
    /// Whether frames were left out on purpose, so that those given and those there are cannot be compared.
    sought: bool,
    skipped: Skipped,
    bytes: Vec<u8>,
}

/// What a file turned out to be.
enum Found {
    /// One that is decoded here.
    Own(Box<Mp4Source>),
    /// One that is not, because of this.
    Beyond(String),
}

/// Opens an MP4 file; hands it on to ffmpeg where its video is not one that is decoded here.
///
/// # Errors
/// It is cut off, holds no video, or its video needs an ffmpeg that is not there.
pub(super) fn open(path: &Path) -> Result<Box<dyn FrameSource>, SourceError> {
    let mut source = match look(path)? {
        Found::Own(source) => source,
        Found::Beyond(why) => return ffmpeg::open(path, &why),
    };
    // A stream may still hold what its parameters do not tell, and then fails at once.
    let first = source.next_frame();
    // Damage further on is no reason: it costs frames here, which are counted.
    let sound = matches!(&first, Ok(Some(frame)) if frame.index == 0);
    if !sound && let Ok(other) = ffmpeg::open(path, "the built-in decoder cannot read its first frames") {
        return Ok(other);
    }
    source.ready = first?;
    Ok(source)
}

/// When the frames of a file are shown, in seconds from the first, where they are decoded here.
pub(super) fn frame_times(path: &Path) -> Option<Vec<f64>> {
    match look(path).ok()? {
        Found::Own(source) => Some(source.times.iter().map(|&time| source.seconds(time)).collect()),
        Found::Beyond(_) => None,
    }
}

/// Reads what a file says of itself.
fn look(path: &Path) -> Result<Found, SourceError> {
    let io = |e| SourceError::io(path, e);
    let file = open_regular(path, "a video").map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let mut reader = BufReader::new(file);
    let layout = boxes::layout(path, &mut reader, length)?;
    let inconsistent = |why: String| {
        Ok(Found::Beyond(format!("its index (`moov`) does not hold together for the built-in reader: {why}")))
    };
    let mut movie = match contents(&mut reader, &layout.index).and_then(|moov| index::movie(&moov, length)) {
        Ok(movie) => movie,
        Err(why) => return inconsistent(why),
    };
    let Some(place) = film(&movie) else {
        let found = if movie.sound { "holds sound but no video" } else { "holds no video" };
        return Err(SourceError::file(path, format!("{found}; give a file with a picture")));
    };
    for (start, body) in &layout.fragments {
        let added = contents(&mut reader, body)
            .and_then(|moof| fragments::add(&mut movie, place, &moof, *start, length));
        if let Err(why) = added {
            return inconsistent(format!("fragment at byte {start}: {why}"));
        }
    }
    let track = movie.tracks.swap_remove(place);
    if track.avc.is_none() || track.changes {
        let what = if track.changes { "of more than one kind".into() } else { track.codec_name() };
        return Ok(Found::Beyond(format!("its video is {what}, which the built-in decoder does not read")));
    }
    if track.units.list.is_empty() {
        return Err(SourceError::file(path, "its video track holds no frame; record it again"));
    }
    Mp4Source::open(path, reader.into_inner(), track, layout.cut)
}

/// The track that is the film: the one with the most frames, as covers and previews have few.
fn film(movie: &Movie) -> Option<usize> {
    let fragmented = !movie.defaults.is_empty();
    let frames = |place: &usize| {
        let track = &movie.tracks[*place];
        // Before fragments are read, what a track may get counts more than what it has.
        let more = fragmented && movie.defaults.iter().any(|row| row.track == track.id);
        (more, track.units.list.len(), usize::MAX - place)
    };
    (0..movie.tracks.len()).max_by_key(frames)
}

/// A part of the file, read whole.
fn contents(reader: &mut BufReader<File>, part: &Range<u64>) -> Result<Vec<u8>, String> {
    let length = part.end.saturating_sub(part.start);
    if length > LARGEST_INDEX {
        return Err(format!("{length} bytes are more than an index can have"));
    }
    let mut bytes = vec![0; length as usize];
    reader.seek(SeekFrom::Start(part.start)).map_err(|e| e.to_string())?;
    reader.read_exact(&mut bytes).map_err(|e| e.to_string())?;
    Ok(bytes)
}

impl Mp4Source {
    fn open(path: &Path, file: File, track: Track, cut: bool) -> Result<Found, SourceError> {
        let Track { timescale, matrix, avc, colours, aspect, shown, units, .. } = track;
        let avc = avc.unwrap_or_default();
        let sps = match limits::check(&avc) {
            Ok(sps) => sps,
            Err(why) => return Ok(Found::Beyond(format!("{why}, which the built-in decoder does not read"))),
        };
        let mut headers = vec![];
        for set in avc.sps.iter().chain(&avc.pps) {
            headers.extend_from_slice(&[0, 0, 0, 1]);
            headers.extend_from_slice(set);
        }
        // The file's own word counts, as that of whoever made it last; then the stream's.
        let full = colours.full.or(sps.signal.full).unwrap_or(false);
        let colours = Colours::of_code(colours.matrix.or(sps.signal.matrix), full);
        let is_odd = |&(w, h): &(u32, u32)| w != h && w > 0 && h > 0;
        let mut units = units.list;
        let times = samples::rank(&mut units, &shown);
        let grey = sps.chroma == 0;
        let info = SourceInfo {
            name: path.display().to_string(),
            frames: Some(times.len() as u64),
            still: false,
            reader: if cut { "MP4, H.264, its end cut off" } else { "MP4, H.264" }.into(),
        };
        let mut source = Self {
            path: path.to_owned(),
            info,
            file,
            units,
            times,
            timescale: f64::from(timescale),
            next: 0,
            colours,
            grey,
            decoder: decoder(path, colours, grey)?,
            headers,
            length_size: avc.length_size,
            orientation: Orientation::of_matrix(matrix),
            aspect: aspect.or(sps.aspect).filter(is_odd),
            broken: BTreeSet::new(),
            ready: None,
            shown: 0,
            given: 0,
            sought: false,
            skipped: Skipped::default(),
            bytes: vec![],
        };
        let first = source.units[0];
        if source.load(first).is_ok() && !limits::begins(&source.bytes, source.length_size) {
            let why = "its video does not begin with a key picture (IDR), as cutting without encoding again leaves it, \
                       and the built-in decoder needs one";
            return Ok(Found::Beyond(why.into()));
        }
        Ok(Found::Own(Box::new(source)))
    }

    /// Reads an access unit's bytes.
    fn load(&mut self, unit: Unit) -> Result<(), String> {
        if u64::from(unit.size) > LARGEST_UNIT {
            return Err(format!("its {} bytes are more than a frame can have", unit.size));
        }
        self.bytes.resize(unit.size as usize, 0);
        self.file.seek(SeekFrom::Start(unit.offset)).map_err(|e| e.to_string())?;
        self.file.read_exact(&mut self.bytes).map_err(|_| "it lies past the end of the file".to_owned())
    }

    /// The access unit in the form of Annex B, parameter sets before key frames.
    fn read(&mut self, unit: Unit) -> Result<Vec<u8>, String> {
        self.load(unit)?;
        let mut out = if unit.key { self.headers.clone() } else { vec![] };
        for part in limits::parts(&self.bytes, self.length_size) {
            out.extend_from_slice(&[0, 0, 0, 1]);
            out.extend_from_slice(part?);
        }
        Ok(out)
    }

    fn place(&self, rank: u64) -> String {
        let seconds = self.times.get(rank as usize).map_or(0.0, |&t| self.seconds(t));
        format!("frame {rank} ({seconds:.3} s)")
    }

    fn seconds(&self, time: i64) -> f64 {
        time.saturating_sub(self.times.first().copied().unwrap_or(0)) as f64 / self.timescale
    }

    /// A picture as a frame, unless its unit was broken or shown already.
    fn frame(&mut self, (rank, picture): (u64, Picture)) -> Option<Frame> {
        let time = *self.times.get(rank as usize)?;
        if self.broken.remove(&rank) || rank < self.shown {
            return None;
        }
        self.shown = rank + 1;
        self.given += 1;
        let picture = self.square(picture).oriented(self.orientation);
        Some(Frame { index: rank, seconds: self.seconds(time), picture })
    }

    /// The picture with square pixels: made larger along the side on which they are longer.
    fn square(&self, picture: Picture) -> Picture {
        let Some((w, h)) = self.aspect else { return picture };
        let longer = |side: usize, by: u32, to: u32| {
            ((side as f64 * f64::from(by) / f64::from(to)).round() as usize).clamp(side, MAX_SIDE.max(side))
        };
        let size = if w > h {
            (longer(picture.width, w, h), picture.height)
        } else {
            (picture.width, longer(picture.height, h, w))
        };
        picture.resized(size.0, size.1).unwrap_or(picture)
    }

    fn note(&mut self, rank: u64, why: &str) {
        if rank == u64::from(HIDDEN) {
            return;
        }
        let place = self.place(rank);
        self.skipped.note(|| format!("{place}: {why}"));
    }

    /// Decodes the next access unit.
    fn step(&mut self, unit: Unit) -> Option<Frame> {
        let rank = u64::from(unit.rank);
        let Decoded { picture, damaged } = match self.read(unit) {
            Ok(bytes) => self.decoder.decode(&bytes, rank),
            Err(why) => {
                self.note(rank, &why);
                return None;
            }
        };
        if damaged {
            self.note(rank, "the decoder finds its data wrong");
            self.broken.insert(rank);
        }
        picture.and_then(|picture| self.frame(picture))
    }
}

fn decoder(path: &Path, colours: Colours, grey: bool) -> Result<H264, SourceError> {
    H264::new(colours, grey).map_err(|e| SourceError::file(path, format!("the H.264 decoder: {e}")))
}

impl FrameSource for Mp4Source {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        if let Some(frame) = self.ready.take() {
            return Ok(Some(frame));
        }
        while let Some(&unit) = self.units.get(self.next) {
            self.next += 1;
            if let Some(frame) = self.step(unit) {
                return Ok(Some(frame));
            }
        }
        while let Some(picture) = self.decoder.flush() {
            if let Some(frame) = self.frame(picture) {
                return Ok(Some(frame));
            }
        }
        if self.sought {
            return Ok(None);
        }
        // Around wrong data the decoder may also lose a sound picture without a word.
        let lost = (self.times.len() as u64).saturating_sub(self.given);
        if lost > self.skipped.count {
            self.skipped.note(|| "a frame was lost by the decoder".to_owned());
            self.skipped.count = lost;
        }
        if self.given == 0 {
            let first = self.skipped.first.clone().unwrap_or_default();
            let problem = format!(
                "not one of its {} frames can be decoded ({first}); convert it: ffmpeg -i IN -c:v libx264 -pix_fmt \
                 yuv420p OUT.mp4",
                self.units.len()
            );
            return Err(SourceError::file(&self.path, problem));
        }
        Ok(None)
    }

    fn skipped(&self) -> Skipped {
        self.skipped.clone()
    }

    fn seek(&mut self, frame: u64) -> Result<bool, SourceError> {
        // Decoding begins at a key frame, and all that is shown before `frame` is released.
        let is_start = |unit: &Unit| unit.key && unit.rank != HIDDEN && u64::from(unit.rank) <= frame;
        let start = self.units.iter().rposition(is_start).unwrap_or(0);
        let ahead = self.shown <= frame && start <= self.next && self.next < self.units.len();
        if !ahead {
            self.decoder = decoder(&self.path, self.colours, self.grey)?;
            self.next = start;
            self.broken.clear();
        }
        self.ready = None;
        self.shown = frame;
        self.sought = true;
        Ok(true)
    }

    fn seconds(&self) -> Option<f64> {
        self.times.last().map(|&time| Self::seconds(self, time))
    }

    fn frame_at(&self, seconds: f64) -> Option<u64> {
        // Half a tick: a time that was written with a few digits is still its own frame's.
        let reached = |&time: &i64| Self::seconds(self, time) <= seconds + 0.5 / self.timescale;
        Some(self.times.partition_point(reached).saturating_sub(1) as u64)
    }
}
