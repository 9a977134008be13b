//! Numbers from a `NumPy` file: labels that are kept in a file each, and landmarks.
//!
//! Layout: the magic, a version, the header's length, a Python dictionary with `descr`, `fortran_order` and `shape`, and the
//! values (`NumPy`'s `lib/format.py`).

use super::quoted;

const MAGIC: &[u8] = b"\x93NUMPY";

/// Most values of a file that are read.
const MOST: usize = 4096;

/// The values of an `.npy` file in the order of their indices, the last index running fastest, whatever their type.
///
/// # Errors
/// It is no such file, holds a pickled object, a value that is no finite number, or more than some thousand of them.
pub(super) fn numbers(bytes: &[u8]) -> Result<Vec<f64>, String> {
    let Array { kind, sides, by_columns, data } = Array::of(bytes)?;
    let count = sides.iter().try_fold(1usize, |count, side| count.checked_mul(*side)).filter(|n| *n <= MOST);
    let count = count.ok_or_else(|| format!("the NumPy file holds more than {MOST} numbers"))?;
    let width = width(kind)?;
    let at = |index: usize| {
        let start = index.checked_mul(width).filter(|start| *start <= data.len());
        number(kind, &data[start.ok_or_else(|| ends_within(kind))?..])
    };
    let (rows, columns) = match sides.as_slice() {
        [rows, rest @ ..] if by_columns => (*rows, rest.iter().product()),
        _ => (1, count),
    };
    if by_columns && sides.len() > 2 {
        return Err("a NumPy array of more than two sides that is stored by columns is not read".to_owned());
    }
    let place = |index: usize| if rows == 1 { index } else { index % columns * rows + index / columns };
    (0..count).map(|index| at(place(index))).collect()
}

/// The one value of an `.npy` file, whatever its type: integer, float, boolean, bytes or Unicode text that is a number.
///
/// # Errors
/// It is no such file, holds more than one value, or a pickled object.
pub(super) fn scalar(bytes: &[u8]) -> Result<f64, String> {
    let array = Array::of(bytes)?;
    if array.sides.iter().any(|side| *side != 1) {
        let sides: Vec<String> = array.sides.iter().map(ToString::to_string).collect();
        let shape = quoted(&sides.join(", "));
        return Err(format!("the NumPy file holds an array of shape ({shape}), not one number"));
    }
    number(array.kind, array.data)
}

/// A file's array, not looked at yet.
struct Array<'a> {
    /// Type of its values, e.g. `<f8`.
    kind: &'a str,
    sides: Vec<usize>,
    /// Whether the first index runs fastest.
    by_columns: bool,
    data: &'a [u8],
}

impl<'a> Array<'a> {
    fn of(bytes: &'a [u8]) -> Result<Self, String> {
        let cut_off = || "the NumPy file is cut off".to_owned();
        let rest = bytes.strip_prefix(MAGIC).ok_or("no NumPy file: it does not begin with its magic")?;
        let (&major, rest) = rest.split_first().ok_or_else(cut_off)?;
        let rest = rest.get(1..).ok_or_else(cut_off)?;
        let (length, rest) = match major {
            1 => {
                let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(cut_off)?;
                (usize::from(u16::from_le_bytes(*length)), rest)
            }
            2 | 3 => {
                let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(cut_off)?;
                (u32::from_le_bytes(*length) as usize, rest)
            }
            _ => return Err(format!("NumPy file version {major}; 1 to 3 are known")),
        };
        let (header, data) = rest.split_at_checked(length).ok_or_else(cut_off)?;
        let header = str::from_utf8(header).map_err(|_| "the NumPy header is no text")?;
        let shape = value_of(header, "shape", ('(', ')')).ok_or("the NumPy header has no shape")?;
        let sides = shape.split(',').map(str::trim).filter(|side| !side.is_empty());
        let sides = sides.map(|side| side.parse().ok()).collect::<Option<Vec<usize>>>();
        let sides = sides.ok_or_else(|| format!("the NumPy header has the shape ({})", quoted(shape)))?;
        let kind = value_of(header, "descr", ('\'', '\'')).ok_or("the NumPy header has no plain type")?;
        let by_columns = value_of(header, "fortran_order", ('T', 'e')).is_some();
        Ok(Self { kind, sides, by_columns, data })
    }
}

/// What stands between `open` and `close` after a key of the header's dictionary.
fn value_of<'a>(header: &'a str, key: &str, (open, close): (char, char)) -> Option<&'a str> {
    let (_, after) = header.split_once(&format!("'{key}'"))?;
    let after = after.trim_start().strip_prefix(':')?.trim_start().strip_prefix(open)?;
    after.split_once(close).map(|(value, _)| value)
}

/// Sign of the byte order, letter and number of a type such as `<i8`, `|u1`, `>f4`, `<U1`.
fn parts(kind: &str) -> Option<(bool, char, usize)> {
    let mut rest = kind.chars();
    let big = match rest.next()? {
        '>' => true,
        '<' | '|' | '=' => false,
        _ => return None,
    };
    Some((big, rest.next()?, rest.as_str().parse().ok()?))
}

fn unknown(kind: &str) -> String {
    format!("NumPy type `{}` is no number or text", quoted(kind))
}

fn ends_within(kind: &str) -> String {
    format!("the NumPy file ends within its value of type `{}`", quoted(kind))
}

/// Bytes of a value of a type.
fn width(kind: &str) -> Result<usize, String> {
    let (_, letter, size) = parts(kind).ok_or_else(|| unknown(kind))?;
    if letter == 'U' { size.checked_mul(4).ok_or_else(|| unknown(kind)) } else { Ok(size) }
}

/// The value of a type at the start of some bytes.
fn number(kind: &str, data: &[u8]) -> Result<f64, String> {
    let (big, letter, size) = parts(kind).ok_or_else(|| unknown(kind))?;
    let data = data.get(..width(kind)?).ok_or_else(|| ends_within(kind))?;
    let word = || {
        let mut word = [0; 8];
        word.get_mut(..size)?.copy_from_slice(data);
        if big {
            word[..size].reverse();
        }
        Some(u64::from_le_bytes(word))
    };
    let word = || word().ok_or_else(|| unknown(kind));
    let text = |text: String| {
        let text = text.trim_end_matches('\0').trim().to_owned();
        text.parse().map_err(|_| format!("the NumPy file holds the text `{}`, no number", quoted(&text)))
    };
    let number: f64 = match (letter, size) {
        ('i', 1 | 2 | 4 | 8) => {
            let above = 64 - 8 * size as u32;
            ((word()? << above) as i64 >> above) as f64
        }
        ('u', 1 | 2 | 4 | 8) | ('b', 1) => word()? as f64,
        ('f', 2) => half::f16::from_bits(word()? as u16).to_f64(),
        ('f', 4) => f64::from(f32::from_bits(word()? as u32)),
        ('f', 8) => f64::from_bits(word()?),
        ('S', _) => text(String::from_utf8_lossy(data).into_owned())?,
        ('U', _) => {
            let characters = data.chunks_exact(4).map(|c| {
                let code = [c[0], c[1], c[2], c[3]];
                let code = if big { u32::from_be_bytes(code) } else { u32::from_le_bytes(code) };
                char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER)
            });
            text(characters.collect())?
        }
        _ => return Err(unknown(kind)),
    };
    let known = number.is_finite().then_some(number);
    known.ok_or_else(|| format!("the NumPy file holds {number}, no number"))
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    /// An `.npy` file of version 1.
    pub(in crate::data) fn npy(kind: &str, shape: &str, data: &[u8]) -> Vec<u8> {
        let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}");
        while (header.len() + 11) % 64 != 0 {
            header.push(' ');
        }
        header.push('\n');
        [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), data].concat()
    }

    #[test]
    fn a_scalar_of_any_type_is_its_number() {
        let unicode: Vec<u8> = "10".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        let backwards: Vec<u8> = "7\0".chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
        for (kind, data, expected) in [
            ("<U2", unicode, 10.0),
            (">U2", backwards, 7.0),
            ("|S3", b"6\0\0".to_vec(), 6.0),
            ("<i8", (-1i64).to_le_bytes().to_vec(), -1.0),
            (">i2", 5i16.to_be_bytes().to_vec(), 5.0),
            ("|u1", vec![255], 255.0),
            ("|b1", vec![1], 1.0),
            ("<f8", 3f64.to_le_bytes().to_vec(), 3.0),
            ("<f4", 2f32.to_le_bytes().to_vec(), 2.0),
            ("<f2", half::f16::from_f32(4.0).to_le_bytes().to_vec(), 4.0),
        ] {
            assert_eq!(scalar(&npy(kind, "()", &data)), Ok(expected), "{kind}");
            assert_eq!(scalar(&npy(kind, "(1,)", &data)), Ok(expected), "{kind}");
        }
        let mut two = npy("|u1", "()", &[9]);
        let header = two.split_off(10);
        let two = [MAGIC, &[2, 0], &(header.len() as u32 - 1).to_le_bytes(), &header].concat();
        assert_eq!(scalar(&two), Ok(9.0), "version 2");
    }

    #[test]
    fn several_numbers_come_in_the_order_of_their_indices_however_they_are_stored() {
        let floats = |values: &[f64]| values.iter().flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
        let rows = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        for shape in ["(6,)", "(3, 2)", "(1, 3, 2)"] {
            assert_eq!(numbers(&npy("<f8", shape, &rows)), Ok(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), "{shape}");
        }
        // As `numpy.asfortranarray` stores three rows of two.
        let mut columns = npy("<f8", "(3, 2)", &floats(&[1.0, 3.0, 5.0, 2.0, 4.0, 6.0]));
        let at = columns.windows(5).position(|five| five == b"False").unwrap();
        columns.splice(at..at + 5, *b"True ");
        assert_eq!(numbers(&columns), Ok(vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]));
        let text: Vec<u8> = "1.5\0-2.0".chars().flat_map(|c| u32::from(c).to_le_bytes()).collect();
        assert_eq!(numbers(&npy("<U4", "(2,)", &text)), Ok(vec![1.5, -2.0]));
        assert_eq!(numbers(&npy("|u1", "(0,)", &[])), Ok(vec![]));
        for (bytes, part) in [
            (npy("<f8", "(7,)", &rows), "ends within"),
            (npy("<f8", "(5000,)", &rows), "more than 4096"),
            (npy("<f8", "(18446744073709551615, 9)", &rows), "more than 4096"),
            (npy("<f8", "(-1,)", &rows), "shape (-1,)"),
            (npy("|O", "(2,)", &rows), "`|O`"),
            (npy("<f8", "(1,)", &floats(&[f64::INFINITY])), "inf"),
        ] {
            let reason = numbers(&bytes).unwrap_err();
            assert!(reason.contains(part), "{part}: {reason}");
        }
    }

    #[test]
    fn what_is_no_single_number_is_refused_without_a_panic() {
        for (bytes, part) in [
            (b"PK".to_vec(), "no NumPy file"),
            (npy("<f8", "(3,)", &[0; 24]), "shape (3)"),
            (npy("|O", "()", b"pickle"), "`|O`"),
            (npy("<i3", "()", &[0; 8]), "`<i3`"),
            (npy("<U9999999999999999999", "()", &[0; 8]), "no number or text"),
            (npy("<U4611686018427387904", "()", &[0; 8]), "no number or text"),
            (npy("<f8", "()", &[0; 4]), "ends within"),
            (npy("<f8", "()", &f64::NAN.to_le_bytes()), "NaN"),
            (npy("|S2", "()", b"no"), "`no`"),
        ] {
            let reason = scalar(&bytes).unwrap_err();
            assert!(reason.contains(part), "{part}: {reason}");
        }
        let whole = npy("<i8", "()", &[1; 8]);
        for end in 0..whole.len() {
            assert!(scalar(&whole[..end]).is_err(), "{end}");
        }
    }
}
