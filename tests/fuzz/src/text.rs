//! Breaking text made of lines and of tokens.

use crate::bytes;
use crate::draws::Draws;

/// What is put in a token's place.
const TOKENS: [&str; 24] = [
    "",
    "-1",
    "0",
    "999999999",
    "4294967296",
    "18446744073709551616",
    "1e308",
    "1e-320",
    "-0.0",
    "nan",
    "NaN",
    "inf",
    "-inf",
    "true",
    "\"",
    "\\",
    "../../etc/passwd",
    "\u{1b}[31mred\u{1b}[0m",
    "\u{7}\u{8}\u{0}",
    "\u{202e}txt",
    "é語😀",
    "#",
    "?a=b&a=b",
    "%00%ff%zz",
];

/// Most bytes by which a token grows, where it does not have as many itself.
const MOST_MORE: usize = 4 << 20;

/// Breaks a text in one to three places; now and then as bytes.
pub fn mutate(text: &mut Vec<u8>, draws: &mut Draws) {
    for _ in 0..=draws.below(3) {
        if draws.one_in(5) {
            bytes::mutate(text, draws);
        } else if draws.one_in(3) {
            lines(text, draws);
        } else {
            token(text, draws);
        }
    }
}

/// A line is gone, there twice, elsewhere, very long or cut in two.
fn lines(text: &mut Vec<u8>, draws: &mut Draws) {
    let mut lines: Vec<Vec<u8>> = text.split_inclusive(|&b| b == b'\n').map(<[u8]>::to_vec).collect();
    if lines.is_empty() {
        return;
    }
    let at = draws.below(lines.len());
    match draws.below(5) {
        0 => {
            lines.remove(at);
        }
        1 => lines.insert(at, lines[at].clone()),
        2 => {
            let other = draws.below(lines.len());
            lines.swap(at, other);
        }
        3 => {
            let length = *draws.pick(&[100, 10_000, 1_000_000]);
            let filler = *draws.pick(b"x,;9 \"");
            lines[at] = vec![filler; length];
        }
        _ => {
            let middle = draws.below(lines[at].len());
            lines[at].insert(middle, b'\n');
        }
    }
    *text = lines.concat();
}

/// A run of letters and digits becomes something else, or one more follows it.
fn token(text: &mut Vec<u8>, draws: &mut Draws) {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let start = draws.below(text.len());
    let begin = text[..start].iter().rposition(|&b| !inside(b)).map_or(0, |at| at + 1);
    let end = text[start..].iter().position(|&b| !inside(b)).map_or(text.len(), |length| start + length);
    let begin = begin.min(end);
    if draws.one_in(6) {
        let token = text[begin..end].to_vec();
        let copies = *draws.pick(&[1, 50, 5000]);
        // A token may have a million letters already; what the harness itself cannot hold shows nothing.
        let copies = copies.min(MOST_MORE / token.len().max(1)).max(1);
        text.splice(end..end, token.repeat(copies));
    } else {
        text.splice(begin..end, draws.pick(&TOKENS).bytes());
    }
}
