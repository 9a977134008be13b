//! MP4 files: where each frame lies and when it is shown.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::iter::{repeat, repeat_n};
use std::ops::Range;
use std::path::{Path, PathBuf};

use re_mp4::{Mp4, StsdBoxContent, TrackKind, TrakBox};

use super::h264::H264;
use super::{Frame, FrameSource, Skipped, SourceError, SourceInfo, boxes, ffmpeg, sps};
use crate::media::Picture;
use crate::media::yuv::Colours;

/// Largest access unit that is read, in bytes.
const LARGEST_UNIT: u64 = 64 << 20;
/// H.264 profiles that the built-in decoder knows: baseline, main, extended (as far as it is main), high.
const PROFILES: [u8; 4] = [66, 77, 88, 100];

/// The number of a frame that the file's edit list cuts away: others may need it, but nobody sees it.
const HIDDEN: u32 = u32::MAX;

/// A frame's place in the file, in the order of decoding.
#[derive(Debug, Clone, Copy)]
struct Unit {
    offset: u64,
    size: u32,
    /// Its number in the order of showing.
    rank: u32,
    /// When it is shown, in the track's units of time.
    time: i64,
    key: bool,
}

/// The frames of an MP4's first H.264 track.
pub(super) struct Mp4Source {
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
    /// SPS and PPS in the form of Annex B.
    headers: Vec<u8>,
    length_size: usize,
    /// Quarter turns clockwise that bring the picture upright.
    turns: u8,
    damaged: BTreeSet<u64>,
    /// One past the last frame given, and how many were given.
    shown: u64,
    given: u64,
    /// Whether frames were left out on purpose, so that those given and those there are cannot be compared.
    sought: bool,
    skipped: Skipped,
    bytes: Vec<u8>,
}

/// Opens an MP4 file; hands it on to ffmpeg where its video is not H.264.
///
/// # Errors
/// It is cut off or damaged, holds no video, or its video needs an ffmpeg that is not there.
pub(super) fn open(path: &Path) -> Result<Box<dyn FrameSource>, SourceError> {
    let file = File::open(path).map_err(|e| SourceError::io(path, e))?;
    let length = file.metadata().map_err(|e| SourceError::io(path, e))?.len();
    let mut reader = BufReader::new(file);
    let whole = boxes::check(path, &mut reader, length)?;
    let length = whole.length;
    let in_file = boxes::colours(&mut reader, length);
    reader.seek(SeekFrom::Start(0)).map_err(|e| SourceError::io(path, e))?;
    // The reader trusts the tables of a file more than is good; a damaged one must not end the program.
    let parsed = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| Mp4::read(&mut reader, length)));
    let damaged = |why: &str| {
        SourceError::file(path, format!("its index (`moov`) is damaged: {why}; copy or convert it again"))
    };
    let mp4 = parsed.map_err(|_| damaged("a table is inconsistent"))?.map_err(|e| damaged(&e.to_string()))?;
    let Some(track) = mp4.tracks().values().find(|track| track.kind == Some(TrackKind::Video)) else {
        let audio = mp4.tracks().values().any(|track| track.kind == Some(TrackKind::Audio));
        let found = if audio { "holds sound but no video" } else { "holds no video" };
        if mp4.tracks().values().any(|track| track.kind.is_none()) {
            return ffmpeg::open(path, "its video is of a kind that affekt does not know");
        }
        return Err(SourceError::file(path, format!("{found}; give a file with a picture")));
    };
    let StsdBoxContent::Avc1(avc) = &track.trak(&mp4).mdia.minf.stbl.stsd.contents else {
        let codec = track.codec_string(&mp4).unwrap_or_else(|| "unknown".into());
        return ffmpeg::open(path, &format!("its video is {codec}, not H.264"));
    };
    let avc = &avc.avcc.contents;
    if !PROFILES.contains(&avc.avc_profile_indication) {
        let profile = avc.avc_profile_indication;
        return ffmpeg::open(
            path,
            &format!("its H.264 profile {profile} is not one the built-in decoder knows"),
        );
    }
    let mut headers = vec![];
    for nal in avc.sequence_parameter_sets.iter().chain(&avc.picture_parameter_sets) {
        headers.extend_from_slice(&[0, 0, 0, 1]);
        headers.extend_from_slice(&nal.bytes);
    }
    // The file's own word counts, as that of whoever made it last; then the stream's.
    let in_stream =
        avc.sequence_parameter_sets.first().map(|nal| sps::signal(&nal.bytes)).unwrap_or_default();
    let full = in_file.full.or(in_stream.full).unwrap_or(false);
    let colours = Colours::of_code(in_file.matrix.or(in_stream.matrix), full);
    let matrix = &track.trak(&mp4).tkhd.matrix;
    let mut units: Vec<Unit> = Vec::with_capacity(track.samples.len());
    for sample in &track.samples {
        units.push(Unit {
            offset: sample.offset,
            size: u32::try_from(sample.size).unwrap_or(u32::MAX),
            rank: HIDDEN,
            time: sample.composition_timestamp,
            key: sample.is_sync,
        });
    }
    if units.is_empty() {
        return Err(SourceError::file(path, "its video track holds no frame; record it again"));
    }
    let trak = track.trak(&mp4);
    let shown = edit(trak, &units, u64::from(mp4.moov.mvhd.timescale));
    let times = rank(&mut units, shown);
    let info = SourceInfo {
        name: path.display().to_string(),
        frames: Some(times.len() as u64),
        still: false,
        reader: if whole.cut { "MP4, H.264, its end cut off" } else { "MP4, H.264" }.into(),
    };
    Ok(Box::new(Mp4Source {
        path: path.to_owned(),
        info,
        file: reader.into_inner(),
        units,
        times,
        timescale: track.timescale.max(1) as f64,
        next: 0,
        colours,
        decoder: H264::new(colours)
            .map_err(|e| SourceError::file(path, format!("the H.264 decoder: {e}")))?,
        headers,
        length_size: usize::from(avc.length_size_minus_one & 3) + 1,
        turns: turns(matrix.a, matrix.b, matrix.c, matrix.d),
        damaged: BTreeSet::new(),
        shown: 0,
        given: 0,
        sought: false,
        skipped: Skipped::default(),
        bytes: vec![],
    }))
}

/// Gives every unit that is shown its number in the order of showing; returns the times in that order.
fn rank(units: &mut [Unit], shown: Range<i64>) -> Vec<i64> {
    let mut order: Vec<usize> = (0..units.len()).filter(|&at| shown.contains(&units[at].time)).collect();
    if order.is_empty() {
        order = (0..units.len()).collect();
    }
    order.sort_by_key(|&at| (units[at].time, at));
    for (rank, &at) in order.iter().enumerate() {
        units[at].rank = rank as u32;
    }
    order.into_iter().map(|at| units[at].time).collect()
}

/// The stretch of the track that its edit list shows, in the units' times; everything where there is no plain list of one
/// stretch.
fn edit(trak: &TrakBox, units: &[Unit], movie_timescale: u64) -> Range<i64> {
    let everything = i64::MIN..i64::MAX;
    let list = trak.edts.as_ref().and_then(|edts| edts.elst.as_ref());
    let Some(list) = list else { return everything };
    // A stretch without media, which stands for a wait, has the time -1, in 32 or in 64 bits.
    let is_wait = |time: u64| time == u64::from(u32::MAX) || time == u64::MAX;
    let mut stretches = list.entries.iter().filter(|e| !is_wait(e.media_time));
    let (Some(stretch), None) = (stretches.next(), stretches.next()) else { return everything };
    // The units' times begin with 0 at the first one shown; the list counts from the track's beginning.
    let stbl = &trak.mdia.minf.stbl;
    let decoded = stbl.stts.entries.iter().flat_map(|e| repeat_n(e.sample_delta, e.sample_count as usize));
    let decoded = decoded.scan(0i64, |time, delta| {
        let now = *time;
        *time += i64::from(delta);
        Some(now)
    });
    let offsets = stbl.ctts.iter().flat_map(|ctts| &ctts.entries);
    let offsets = offsets.flat_map(|e| repeat_n(i64::from(e.sample_offset), e.sample_count as usize));
    let times = decoded.zip(offsets.chain(repeat(0))).take(units.len()).map(|(time, offset)| time + offset);
    let first = times.min().unwrap_or(0);
    let Ok(start) = i64::try_from(stretch.media_time) else { return everything };
    let length = u128::from(stretch.segment_duration) * u128::from(trak.mdia.mdhd.timescale)
        / u128::from(movie_timescale.max(1));
    let start = start.saturating_sub(first);
    match i64::try_from(length) {
        Ok(length) if length > 0 => start..start.saturating_add(length),
        _ => start..i64::MAX,
    }
}

/// Quarter turns clockwise of a track's matrix; 0 for any that is not a pure turn.
fn turns(a: i32, b: i32, c: i32, d: i32) -> u8 {
    match (a.signum(), b.signum(), c.signum(), d.signum()) {
        (0, 1, -1, 0) => 1,
        (-1, 0, 0, -1) => 2,
        (0, -1, 1, 0) => 3,
        _ => 0,
    }
}

impl Mp4Source {
    /// The access unit in the form of Annex B, parameter sets before key frames.
    fn read(&mut self, unit: Unit) -> Result<Vec<u8>, String> {
        if u64::from(unit.size) > LARGEST_UNIT {
            return Err(format!("its {} bytes are more than a frame can have", unit.size));
        }
        self.bytes.resize(unit.size as usize, 0);
        self.file.seek(SeekFrom::Start(unit.offset)).map_err(|e| e.to_string())?;
        self.file.read_exact(&mut self.bytes).map_err(|_| "it lies past the end of the file".to_owned())?;
        let mut out = if unit.key { self.headers.clone() } else { vec![] };
        let mut rest = self.bytes.as_slice();
        while rest.len() > self.length_size {
            let (prefix, after) = rest.split_at(self.length_size);
            let length = prefix.iter().fold(0usize, |sum, &byte| sum << 8 | usize::from(byte));
            if length > after.len() {
                return Err("the length of one of its parts is wrong".into());
            }
            out.extend_from_slice(&[0, 0, 0, 1]);
            out.extend_from_slice(&after[..length]);
            rest = &after[length..];
        }
        Ok(out)
    }

    fn place(&self, rank: u64) -> String {
        let seconds = self.times.get(rank as usize).map_or(0.0, |&t| self.seconds(t));
        format!("frame {rank} ({seconds:.3} s)")
    }

    fn seconds(&self, time: i64) -> f64 {
        (time - self.times.first().copied().unwrap_or(0)) as f64 / self.timescale
    }

    /// A picture as a frame, unless its unit was damaged or shown already.
    fn frame(&mut self, (rank, picture): (u64, Picture)) -> Option<Frame> {
        let time = *self.times.get(rank as usize)?;
        if self.damaged.remove(&rank) || rank < self.shown {
            return None;
        }
        self.shown = rank + 1;
        self.given += 1;
        Some(Frame { index: rank, seconds: self.seconds(time), picture: picture.turned(self.turns) })
    }

    fn note(&mut self, rank: u64, why: &str) {
        if rank == u64::from(HIDDEN) {
            return;
        }
        let place = self.place(rank);
        self.skipped.note(|| format!("{place}: {why}"));
    }
}

impl FrameSource for Mp4Source {
    fn info(&self) -> &SourceInfo {
        &self.info
    }

    fn next_frame(&mut self) -> Result<Option<Frame>, SourceError> {
        while let Some(&unit) = self.units.get(self.next) {
            self.next += 1;
            let rank = u64::from(unit.rank);
            let decoded = match self.read(unit) {
                Ok(bytes) => self.decoder.decode(&bytes, rank),
                Err(why) => {
                    self.note(rank, &why);
                    continue;
                }
            };
            if decoded.damaged {
                self.note(rank, "its data are damaged");
                self.damaged.insert(rank);
            }
            if let Some(frame) = decoded.picture.and_then(|picture| self.frame(picture)) {
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
        // Around damage the decoder may also lose a sound picture without a word.
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
            self.decoder = H264::new(self.colours)
                .map_err(|e| SourceError::file(&self.path, format!("the H.264 decoder: {e}")))?;
            self.next = start;
            self.damaged.clear();
        }
        self.shown = frame;
        self.sought = true;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_numbered_in_the_order_of_showing() {
        let unit = |time| Unit { offset: 0, size: 0, rank: HIDDEN, time, key: false };
        let mut units = [unit(0), unit(300), unit(100), unit(200)];
        assert_eq!(rank(&mut units, i64::MIN..i64::MAX), [0, 100, 200, 300]);
        assert_eq!(units.map(|u| u.rank), [0, 3, 1, 2]);
        let mut units = [unit(0), unit(300), unit(100), unit(200)];
        assert_eq!(rank(&mut units, 100..300), [100, 200]);
        assert_eq!(units.map(|u| u.rank), [HIDDEN, HIDDEN, 0, 1]);
    }

    #[test]
    fn a_phones_matrix_is_a_turn() {
        let one = 0x1_0000;
        assert_eq!(turns(one, 0, 0, one), 0);
        assert_eq!(turns(0, one, -one, 0), 1);
        assert_eq!(turns(-one, 0, 0, -one), 2);
        assert_eq!(turns(0, -one, one, 0), 3);
    }
}
