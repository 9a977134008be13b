//! What ffmpeg's Matroska muxer writes to a pipe (RFC 9559): a track's size, then blocks with their times. Elements that do not
//! matter are passed over; nothing is sought.

use std::io::{self, Read};

const SEGMENT: u32 = 0x1853_8067;
const TRACKS: u32 = 0x1654_ae6b;
const TRACK: u32 = 0xae;
const VIDEO: u32 = 0xe0;
const WIDTH: u32 = 0xb0;
const HEIGHT: u32 = 0xba;
const CLUSTER: u32 = 0x1f43_b675;
const TIMESTAMP: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;

/// Largest element that is passed over, in bytes.
const LARGEST: u64 = 1 << 20;

/// A block of pixels.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// In the stream's units.
    pub time: i64,
    pub bytes: Vec<u8>,
}

/// Reads a stream of one track.
pub(super) struct Matroska<R> {
    input: R,
    /// Width and height, once they have come.
    pub size: Option<(usize, usize)>,
    cluster: i64,
}

fn wrong(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

impl<R: Read> Matroska<R> {
    /// A stream from its beginning.
    pub fn new(input: R) -> Self {
        Self { input, size: None, cluster: 0 }
    }

    /// The next block, which must have `wanted` bytes of pixels for the size that was told; `None` at the end of the stream.
    ///
    /// # Errors
    /// The stream cannot be read on, ends within an element, or is not of the expected form.
    pub fn next(&mut self, wanted: impl Fn((usize, usize)) -> usize) -> io::Result<Option<Block>> {
        while let Some(id) = self.id()? {
            let length = self.length()?;
            match (id, length) {
                // What these hold is read as it comes.
                (SEGMENT | TRACKS | TRACK | VIDEO | CLUSTER | BLOCK_GROUP, _) => {}
                (WIDTH, Some(length)) => self.size.get_or_insert_default().0 = self.number(length)? as usize,
                (HEIGHT, Some(length)) => self.size.get_or_insert_default().1 = self.number(length)? as usize,
                (TIMESTAMP, Some(length)) => self.cluster = self.number(length)?.cast_signed(),
                (SIMPLE_BLOCK | BLOCK, Some(length)) => {
                    let size = self.size.ok_or_else(|| wrong("a frame comes before its size"))?;
                    return self.block(length, wanted(size)).map(Some);
                }
                (_, Some(length)) if length <= LARGEST => {
                    let passed = io::copy(&mut self.input.by_ref().take(length), &mut io::sink())?;
                    if passed < length {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                }
                (id, _) => return Err(wrong(&format!("element {id:#x} is not expected"))),
            }
        }
        Ok(None)
    }

    fn block(&mut self, length: u64, wanted: usize) -> io::Result<Block> {
        // The track's number in one byte, the time from the cluster's, flags.
        let mut head = [0; 4];
        self.input.read_exact(&mut head)?;
        let [track, high, low, _] = head;
        if track & 0x80 == 0 || length != wanted as u64 + head.len() as u64 {
            return Err(wrong(&format!("a frame has {length} bytes, not {wanted}")));
        }
        let mut bytes = vec![0; wanted];
        self.input.read_exact(&mut bytes)?;
        let time = self.cluster.saturating_add(i64::from(i16::from_be_bytes([high, low])));
        Ok(Block { time, bytes })
    }

    /// The next element's number; `None` at the end.
    fn id(&mut self) -> io::Result<Option<u32>> {
        let mut first = [0];
        if self.input.read(&mut first)? == 0 {
            return Ok(None);
        }
        let more = first[0].leading_zeros() as usize;
        let mut rest = [0; 3];
        let rest = rest.get_mut(..more).ok_or_else(|| wrong("an element's number is too long"))?;
        self.input.read_exact(rest)?;
        Ok(Some(rest.iter().fold(u32::from(first[0]), |id, &byte| id << 8 | u32::from(byte))))
    }

    /// An element's length; `None` where it is left open.
    fn length(&mut self) -> io::Result<Option<u64>> {
        let mut first = [0];
        self.input.read_exact(&mut first)?;
        let more = first[0].leading_zeros() as usize;
        let mut rest = [0; 7];
        let rest = rest.get_mut(..more).ok_or_else(|| wrong("an element's length is too long"))?;
        self.input.read_exact(rest)?;
        let value = u64::from(first[0]) & (0x7f >> more);
        let value = rest.iter().fold(value, |sum, &byte| sum << 8 | u64::from(byte));
        let open = (1u64 << (7 * (more + 1))) - 1;
        Ok((value != open).then_some(value))
    }

    fn number(&mut self, length: u64) -> io::Result<u64> {
        let mut bytes = [0; 8];
        let bytes = bytes.get_mut(..length as usize).ok_or_else(|| wrong("a number is too long"))?;
        self.input.read_exact(bytes)?;
        Ok(bytes.iter().fold(0, |sum, &byte| sum << 8 | u64::from(byte)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
        [id, &[0x40 | (body.len() >> 8) as u8, body.len() as u8], body].concat()
    }

    /// A header, a 2x1 track, and two clusters of open length with a frame each.
    fn stream() -> Vec<u8> {
        let video = element(&[0xe0], &[element(&[0xb0], &[2]), element(&[0xba], &[0, 1])].concat());
        let tracks = element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &video));
        let open = [0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
        let cluster = |time: [u8; 2], block: &[u8]| {
            [&[0x1f, 0x43, 0xb6, 0x75], open.as_slice(), &element(&[0xe7], &time), block].concat()
        };
        let block = |value: u8| [[0x81, 0xff, 0xff, 0x80].as_slice(), &[value; 6]].concat();
        [
            element(&[0x1a, 0x45, 0xdf, 0xa3], &[0; 300]),
            [&[0x18, 0x53, 0x80, 0x67], open.as_slice()].concat(),
            tracks,
            cluster([1, 0], &element(&[0xa3], &block(7))),
            cluster([2, 0], &element(&[0xa0], &element(&[0xa1], &block(9)))),
        ]
        .concat()
    }

    const WANTED: fn((usize, usize)) -> usize = |(w, h)| w * h * 3;

    #[test]
    fn blocks_come_with_their_times() {
        let bytes = stream();
        let mut matroska = Matroska::new(bytes.as_slice());
        let mut next = || matroska.next(WANTED).expect("a whole stream");
        assert_eq!(next(), Some(Block { time: 255, bytes: vec![7; 6] }));
        assert_eq!(next(), Some(Block { time: 511, bytes: vec![9; 6] }));
        assert_eq!(next(), None);
        assert_eq!(matroska.size, Some((2, 1)));
    }

    #[test]
    fn a_stream_that_is_cut_within_an_element_or_has_another_size_is_an_error() {
        let whole = stream();
        let read = |bytes: &[u8], wanted: usize| {
            let mut matroska = Matroska::new(bytes);
            let mut blocks = 0;
            while matroska.next(|_| wanted)?.is_some() {
                blocks += 1;
            }
            io::Result::Ok(blocks)
        };
        assert!(read(&whole[..whole.len() - 1], 6).is_err());
        assert!(read(&whole, 5).is_err() && read(&whole, 7).is_err());
        // Wherever it ends, it ends.
        for length in 0..whole.len() {
            assert!(read(&whole[..length], 6).is_err() || read(&whole[..length], 6).is_ok_and(|n| n < 2));
        }
    }
}
