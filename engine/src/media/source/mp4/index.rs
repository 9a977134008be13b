//! What an MP4's index (`moov`) says of its tracks.

use std::ops::Range;

use super::boxes::{Boxes, Fields, Kind, Understood, find, letters, need};
use super::samples::{Units, units};
use crate::media::source::sps::Signal;

/// A file's tracks, as far as they matter here.
#[derive(Debug, Default)]
pub(super) struct Movie {
    pub tracks: Vec<Track>,
    /// Whether there is sound.
    pub sound: bool,
    /// What fragments take for granted, a row a track.
    pub defaults: Vec<Defaults>,
}

/// What a track's fragments need not say.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Defaults {
    pub track: u32,
    pub duration: u32,
    pub size: u32,
    pub flags: u32,
}

/// A track of pictures.
#[derive(Debug)]
pub(super) struct Track {
    pub id: u32,
    /// Units of time a second, at least 1.
    pub timescale: u32,
    /// `a`, `b`, `c` and `d` of the display matrix.
    pub matrix: [i32; 4],
    pub codec: Kind,
    /// Whether the codec or the size may change on the way.
    pub changes: bool,
    /// Present where the codec is `avc1`.
    pub avc: Option<Avc>,
    /// What `colr` says.
    pub colours: Signal,
    /// Width and height of a pixel, as `pasp` says.
    pub aspect: Option<(u32, u32)>,
    /// The stretch that an edit list shows, in the track's units.
    pub shown: Range<i64>,
    pub units: Units,
}

/// An H.264 track's configuration (`avcC`).
#[derive(Debug, Default)]
pub(super) struct Avc {
    pub length_size: usize,
    pub sps: Vec<Vec<u8>>,
    pub pps: Vec<Vec<u8>>,
}

/// Reads the contents of `moov` in a file of so many bytes.
///
/// # Errors
/// A box or a table that matters here does not hold together.
pub(super) fn movie(moov: &[u8], file: u64) -> Understood<Movie> {
    let mut movie = Movie::default();
    // Without its header the file's own clock is not known; edit lists alone need it.
    let clock = find(moov, *b"mvhd")?.map_or(Ok(0), |body| timescale("mvhd", body))?;
    for next in Boxes::of(moov) {
        match next? {
            (kind, trak) if kind == *b"trak" => match handler(trak)? {
                kind if kind == *b"vide" => movie.tracks.push(track(trak, clock, file)?),
                kind => movie.sound |= kind == *b"soun",
            },
            (kind, mvex) if kind == *b"mvex" => {
                for next in Boxes::of(mvex) {
                    let (kind, body) = next?;
                    if kind == *b"trex" {
                        movie.defaults.push(defaults(body)?);
                    }
                }
            }
            _ => {}
        }
    }
    Ok(movie)
}

fn handler(trak: &[u8]) -> Understood<Kind> {
    let mut fields = Fields::of("hdlr", need(need(trak, *b"mdia")?, *b"hdlr")?);
    fields.skip(8)?;
    fields.u32().map(u32::to_be_bytes)
}

/// Units of time a second of `mvhd` or `mdhd`, which begin alike.
fn timescale(kind: &'static str, body: &[u8]) -> Understood<u32> {
    let mut fields = Fields::of(kind, body);
    let (version, _) = fields.version_and_flags()?;
    fields.skip(if version == 1 { 16 } else { 8 })?;
    fields.u32()
}

fn defaults(trex: &[u8]) -> Understood<Defaults> {
    let mut fields = Fields::of("trex", trex);
    fields.version_and_flags()?;
    let track = fields.u32()?;
    fields.skip(4)?;
    Ok(Defaults { track, duration: fields.u32()?, size: fields.u32()?, flags: fields.u32()? })
}

fn track(trak: &[u8], clock: u32, file: u64) -> Understood<Track> {
    let mut header = Fields::of("tkhd", need(trak, *b"tkhd")?);
    let (version, _) = header.version_and_flags()?;
    header.skip(if version == 1 { 16 } else { 8 })?;
    let id = header.u32()?;
    header.skip(if version == 1 { 28 } else { 24 })?;
    let mut row = || -> Understood<[i32; 3]> { Ok([header.i32()?, header.i32()?, header.i32()?]) };
    let ([a, b, _], [c, d, _]) = (row()?, row()?);
    let mdia = need(trak, *b"mdia")?;
    let timescale = timescale("mdhd", need(mdia, *b"mdhd")?)?.max(1);
    let stbl = need(need(mdia, *b"minf")?, *b"stbl")?;
    let mut description = Fields::of("stsd", need(stbl, *b"stsd")?);
    description.version_and_flags()?;
    let descriptions = description.u32()?;
    let (codec, entry) = Boxes::of(description.rest).next().ok_or("`stsd` is empty")??;
    let mut track = Track {
        id,
        timescale,
        matrix: [a, b, c, d],
        codec,
        changes: descriptions > 1,
        avc: None,
        colours: Signal::default(),
        aspect: None,
        shown: shown(trak, clock, timescale).unwrap_or(i64::MIN..i64::MAX),
        units: Units::default(),
    };
    if codec == *b"avc1" {
        // Fields of every picture's description stand before the boxes in it.
        let inside = entry.get(78..).ok_or("`avc1` ends within its fields")?;
        track.avc = Some(avc(need(inside, *b"avcC")?)?);
        track.colours = find(inside, *b"colr").ok().flatten().and_then(colours).unwrap_or_default();
        track.aspect = find(inside, *b"pasp").ok().flatten().and_then(|body| {
            let mut fields = Fields::of("pasp", body);
            Some((fields.u32().ok()?, fields.u32().ok()?))
        });
    }
    track.units = units(stbl, file)?;
    Ok(track)
}

fn avc(body: &[u8]) -> Understood<Avc> {
    let mut fields = Fields::of("avcC", body);
    fields.skip(4)?;
    let length_size = usize::from(fields.u8()? & 3) + 1;
    let mut sets = |mask: u8| -> Understood<Vec<Vec<u8>>> {
        let count = fields.u8()? & mask;
        (0..count)
            .map(|_| {
                let length = usize::from(fields.u16()?);
                fields.bytes(length).map(<[u8]>::to_vec)
            })
            .collect()
    };
    Ok(Avc { length_size, sps: sets(31)?, pps: sets(255)? })
}

/// What a `colr` box says (ISO/IEC 14496-12, 12.1.5, and `QuickTime`'s `nclc`, which knows no range).
fn colours(body: &[u8]) -> Option<Signal> {
    let mut fields = Fields::of("colr", body);
    let kind = fields.u32().ok()?.to_be_bytes();
    if &kind != b"nclx" {
        return None;
    }
    fields.skip(4).ok()?;
    let matrix = u8::try_from(fields.u16().ok()?).ok().filter(|&code| code != 2);
    Some(Signal { matrix, full: Some(fields.u8().ok()? >> 7 == 1) })
}

/// The stretch of the track that its edit list shows; `None` where there is no plain list of one stretch.
fn shown(trak: &[u8], clock: u32, timescale: u32) -> Option<Range<i64>> {
    let list = find(find(trak, *b"edts").ok()??, *b"elst").ok()??;
    let mut fields = Fields::of("elst", list);
    let wide = fields.version_and_flags().ok()?.0 == 1;
    let mut stretch = None;
    for _ in 0..fields.rows(if wide { 20 } else { 12 }).ok()? {
        let duration = fields.u32_or_u64(wide).ok()?;
        let start = if wide { fields.u64().ok()?.cast_signed() } else { i64::from(fields.i32().ok()?) };
        fields.skip(4).ok()?;
        // A stretch without media stands for a wait.
        if start >= 0 && stretch.replace((start, duration)).is_some() {
            return None;
        }
    }
    let (start, duration) = stretch?;
    let length = u128::from(duration) * u128::from(timescale) / u128::from(clock.max(1));
    match i64::try_from(length) {
        Ok(length) if length > 0 && clock > 0 => Some(start..start.saturating_add(length)),
        _ => Some(start..i64::MAX),
    }
}

impl Track {
    /// The codec for people.
    pub fn codec_name(&self) -> String {
        let name = match &self.codec {
            b"hvc1" | b"hev1" => "HEVC (H.265)",
            b"av01" => "AV1",
            b"vp08" => "VP8",
            b"vp09" => "VP9",
            b"mp4v" => "MPEG-4 part 2",
            b"avc3" => "H.264 whose parameters change on the way (`avc3`)",
            b"encv" => "encrypted",
            b"jpeg" | b"mjpa" | b"mjpb" => "Motion JPEG",
            kind => return format!("`{}`", letters(*kind)),
        };
        name.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edit_list_of_one_stretch_is_understood_in_the_tracks_own_units() {
        let list = |fields: &[u32]| {
            let body: Vec<u8> = fields.iter().flat_map(|v| v.to_be_bytes()).collect();
            let elst = [&(body.len() as u32 + 8).to_be_bytes(), b"elst".as_slice(), &body].concat();
            [&(elst.len() as u32 + 8).to_be_bytes(), b"edts".as_slice(), &elst].concat()
        };
        let one = list(&[0, 2, 500, u32::MAX, 0x1_0000, 2000, 1024, 0x1_0000]);
        assert_eq!(shown(&one, 1000, 12_800), Some(1024..1024 + 25_600));
        let open = list(&[0, 1, 0, 1024, 0x1_0000]);
        assert_eq!(shown(&open, 1000, 12_800), Some(1024..i64::MAX), "a fragmented file leaves it open");
        let two = list(&[0, 2, 500, 0, 0x1_0000, 500, 9000, 0x1_0000]);
        assert_eq!(shown(&two, 1000, 12_800), None);
        let lie = list(&[0, u32::MAX, 500, 0, 0x1_0000]);
        assert_eq!(shown(&lie, 1000, 12_800), None);
    }
}
