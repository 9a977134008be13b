//! Fragmented MP4 (ISO/IEC 14496-12, 14496-15): a head that says what the video is, then fragments that each say what they hold
//! (`moof`) before they hold it (`mdat`), and an index of key frames at the end.

use crate::media::yuv::Colours;

/// Units of time a second.
const TIMESCALE: u32 = 1_000_000;
/// Flags of a frame that others need not precede, and of one that they must.
const KEY: u32 = 0x0200_0000;
const OTHER: u32 = 0x0101_0000;

/// H.264's parameter sets, without start codes.
#[derive(Debug, Clone, Default)]
pub(super) struct Parameters {
    pub sps: Vec<u8>,
    pub pps: Vec<u8>,
}

/// An encoded frame: its parts with their lengths before them.
pub(super) struct Sample {
    /// How long it is shown, in microseconds.
    pub duration: u64,
    pub key: bool,
    pub bytes: Vec<u8>,
}

/// Where the file stands.
pub(super) struct Fragments {
    number: u32,
    /// Time and place of each fragment that begins with a key frame.
    keys: Vec<(u64, u64)>,
    /// Where the place for the whole length is.
    length_at: u64,
}

/// Appends a box: its length, kind and what `body` writes.
fn put(out: &mut Vec<u8>, kind: [u8; 4], body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&kind);
    body(out);
    let size = (out.len() - start) as u32;
    out[start..start + 4].copy_from_slice(&size.to_be_bytes());
}

/// Appends a box with version and flags.
fn full(out: &mut Vec<u8>, kind: [u8; 4], version: u8, flags: u32, body: impl FnOnce(&mut Vec<u8>)) {
    put(out, kind, |out| {
        word(out, u32::from(version) << 24 | flags);
        body(out);
    });
}

fn word(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn half(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

fn long(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// The matrix that leaves a picture as it is.
fn upright(out: &mut Vec<u8>) {
    for value in [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000] {
        word(out, value);
    }
}

impl Fragments {
    /// Everything before the first fragment.
    pub fn begin((width, height): (usize, usize), parameters: &Parameters) -> Vec<u8> {
        let mut out = vec![];
        put(&mut out, *b"ftyp", |out| {
            out.extend_from_slice(b"isom");
            word(out, 512);
            out.extend_from_slice(b"isomiso6avc1mp41");
        });
        put(&mut out, *b"moov", |out| {
            full(out, *b"mvhd", 0, 0, |out| {
                for v in [0, 0, TIMESCALE, 0, 0x1_0000, 0x0100_0000, 0, 0] {
                    word(out, v);
                }
                upright(out);
                for v in [0, 0, 0, 0, 0, 0, 2] {
                    word(out, v);
                }
            });
            put(out, *b"trak", |out| track(out, (width, height), parameters));
            put(out, *b"mvex", |out| {
                // Room for the whole length, `mehd`, which is known at the end only.
                put(out, *b"free", |out| out.extend_from_slice(&[0; 12]));
                full(out, *b"trex", 0, 0, |out| [1, 1, 0, 0, 0].into_iter().for_each(|v| word(out, v)));
            });
        });
        out
    }

    /// After the head that [`Fragments::begin`] gave.
    pub fn new(head: &[u8]) -> Self {
        // `free` of 20 bytes and `trex` of 32 end the head.
        Self { number: 0, keys: vec![], length_at: head.len() as u64 - 52 }
    }

    /// The next fragment, which will stand at byte `at` and begins at `time`.
    pub fn fragment(&mut self, at: u64, time: u64, samples: &[Sample]) -> Vec<u8> {
        self.number += 1;
        if samples.first().is_some_and(|sample| sample.key) {
            self.keys.push((time, at));
        }
        let mut out = vec![];
        let mut offset_at = 0;
        put(&mut out, *b"moof", |out| {
            full(out, *b"mfhd", 0, 0, |out| word(out, self.number));
            put(out, *b"traf", |out| {
                // Places count from the beginning of this fragment.
                full(out, *b"tfhd", 0, 0x2_0000, |out| word(out, 1));
                full(out, *b"tfdt", 1, 0, |out| long(out, time));
                // What follows: place, then duration, size and flags of each frame.
                full(out, *b"trun", 0, 0x701, |out| {
                    word(out, samples.len() as u32);
                    offset_at = out.len();
                    word(out, 0);
                    for sample in samples {
                        word(out, u32::try_from(sample.duration).unwrap_or(u32::MAX));
                        word(out, sample.bytes.len() as u32);
                        word(out, if sample.key { KEY } else { OTHER });
                    }
                });
            });
        });
        let offset = out.len() as u32 + 8;
        out[offset_at..offset_at + 4].copy_from_slice(&offset.to_be_bytes());
        put(&mut out, *b"mdat", |out| samples.iter().for_each(|sample| out.extend_from_slice(&sample.bytes)));
        out
    }

    /// The index of key frames, the last thing in the file.
    pub fn index(&self) -> Vec<u8> {
        let mut out = vec![];
        put(&mut out, *b"mfra", |out| {
            full(out, *b"tfra", 1, 0, |out| {
                for v in [1, 0, self.keys.len() as u32] {
                    word(out, v);
                }
                for &(time, at) in &self.keys {
                    long(out, time);
                    long(out, at);
                    // The first run of the first track's first frame, a byte each.
                    out.extend_from_slice(&[1, 1, 1]);
                }
            });
            full(out, *b"mfro", 0, 0, |out| word(out, 0));
        });
        // The last word is the index's own length, from which players find its beginning.
        let (length, end) = (out.len() as u32, out.len() - 4);
        out[end..].copy_from_slice(&length.to_be_bytes());
        out
    }

    /// Where the whole length belongs, and its box.
    pub fn length(&self, end: u64) -> (u64, Vec<u8>) {
        let mut out = vec![];
        full(&mut out, *b"mehd", 1, 0, |out| long(out, end));
        (self.length_at, out)
    }
}

fn track(out: &mut Vec<u8>, (width, height): (usize, usize), parameters: &Parameters) {
    full(out, *b"tkhd", 0, 3, |out| {
        for v in [0, 0, 1, 0, 0, 0, 0, 0, 0] {
            word(out, v);
        }
        upright(out);
        word(out, (width as u32) << 16);
        word(out, (height as u32) << 16);
    });
    put(out, *b"mdia", |out| {
        // The language is `und`: three letters of five bits.
        full(out, *b"mdhd", 0, 0, |out| {
            for v in [0, 0, TIMESCALE, 0, 0x55c4_0000] {
                word(out, v);
            }
        });
        full(out, *b"hdlr", 0, 0, |out| {
            word(out, 0);
            out.extend_from_slice(b"vide");
            out.extend_from_slice(&[0; 12]);
            out.extend_from_slice(b"video\0");
        });
        put(out, *b"minf", |out| {
            full(out, *b"vmhd", 0, 1, |out| long(out, 0));
            put(out, *b"dinf", |out| {
                full(out, *b"dref", 0, 0, |out| {
                    word(out, 1);
                    full(out, *b"url ", 0, 1, |_| {});
                });
            });
            put(out, *b"stbl", |out| {
                full(out, *b"stsd", 0, 0, |out| {
                    word(out, 1);
                    put(out, *b"avc1", |out| picture_format(out, (width, height), parameters));
                });
                // Fragments hold all frames, so these tables are empty.
                full(out, *b"stts", 0, 0, |out| word(out, 0));
                full(out, *b"stsc", 0, 0, |out| word(out, 0));
                full(out, *b"stsz", 0, 0, |out| long(out, 0));
                full(out, *b"stco", 0, 0, |out| word(out, 0));
            });
        });
    });
}

fn picture_format(out: &mut Vec<u8>, (width, height): (usize, usize), parameters: &Parameters) {
    out.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 1]);
    out.extend_from_slice(&[0; 16]);
    half(out, width as u16);
    half(out, height as u16);
    // 72 dots an inch, one frame a sample, no name, 24 bits, no colour table.
    word(out, 0x48_0000);
    word(out, 0x48_0000);
    word(out, 0);
    half(out, 1);
    out.extend_from_slice(&[0; 32]);
    half(out, 24);
    half(out, 0xffff);
    put(out, *b"avcC", |out| {
        let Parameters { sps, pps } = parameters;
        let level = |place: usize| sps.get(place).copied().unwrap_or(0);
        // Version, profile and level, lengths of 4 bytes, one set of each kind.
        out.extend_from_slice(&[1, level(1), level(2), level(3), 0xff, 0xe1]);
        half(out, sps.len() as u16);
        out.extend_from_slice(sps);
        out.push(1);
        half(out, pps.len() as u16);
        out.extend_from_slice(pps);
    });
    put(out, *b"colr", |out| {
        let (primaries, transfer, matrix) = Colours::of_recording(height).codes();
        out.extend_from_slice(b"nclx");
        for code in [primaries, transfer, matrix] {
            half(out, code);
        }
        out.push(0);
    });
}
