//! Letters of 3x5 dots, enough for a class's name over a face.

use crate::media::Picture;

/// Rows of a letter from the top, three bits each, the left dot first.
fn dots(letter: char) -> [u8; 5] {
    match letter.to_ascii_uppercase() {
        'A' => [2, 5, 7, 5, 5],
        'B' => [6, 5, 6, 5, 6],
        'C' => [3, 4, 4, 4, 3],
        'D' => [6, 5, 5, 5, 6],
        'E' => [7, 4, 6, 4, 7],
        'F' => [7, 4, 6, 4, 4],
        'G' => [3, 4, 5, 5, 3],
        'H' => [5, 5, 7, 5, 5],
        'I' => [7, 2, 2, 2, 7],
        'J' => [1, 1, 1, 5, 2],
        'K' => [5, 5, 6, 5, 5],
        'L' => [4, 4, 4, 4, 7],
        'M' => [5, 7, 7, 5, 5],
        'N' => [6, 5, 5, 5, 5],
        'O' => [2, 5, 5, 5, 2],
        'P' => [6, 5, 6, 4, 4],
        'Q' => [2, 5, 5, 6, 3],
        'R' => [6, 5, 6, 5, 5],
        'S' => [3, 4, 2, 1, 6],
        'T' => [7, 2, 2, 2, 2],
        'U' => [5, 5, 5, 5, 7],
        'V' => [5, 5, 5, 5, 2],
        'W' => [5, 5, 7, 7, 5],
        'X' => [5, 5, 2, 5, 5],
        'Y' => [5, 5, 2, 2, 2],
        'Z' => [7, 1, 2, 4, 7],
        '0' => [7, 5, 5, 5, 7],
        '1' => [2, 6, 2, 2, 7],
        '2' => [6, 1, 2, 4, 7],
        '3' => [6, 1, 2, 1, 6],
        '4' => [5, 5, 7, 1, 1],
        '5' => [7, 4, 6, 1, 6],
        '6' => [3, 4, 6, 5, 2],
        '7' => [7, 1, 2, 2, 2],
        '8' => [2, 5, 2, 5, 2],
        '9' => [2, 5, 3, 1, 6],
        '.' => [0, 0, 0, 0, 2],
        '-' | '_' => [0, 0, 7, 0, 0],
        '%' => [5, 1, 2, 4, 5],
        _ => [0; 5],
    }
}

/// Width in pixels of a text whose dots are `dot` pixels wide.
pub fn width(text: &str, dot: usize) -> usize {
    text.chars().count() * 4 * dot
}

/// Writes a text on a bar of the colour `back`, its top left corner at column `left`, row `top`; what does not fit is cut.
pub fn write(picture: &mut Picture, left: usize, top: usize, text: &str, dot: usize, back: [u8; 3]) {
    let bar = Picture {
        width: width(text, dot) + dot,
        height: 7 * dot,
        channels: 3,
        pixels: back.repeat((width(text, dot) + dot) * 7 * dot),
    };
    let mut bar = bar;
    // Rec. 601 luma decides whether black or white can be read.
    let luma = (u32::from(back[0]) * 299 + u32::from(back[1]) * 587 + u32::from(back[2]) * 114) / 1000;
    let ink = Picture::filled(dot, dot, 3, if luma > 140 { 0 } else { 255 });
    for (place, letter) in text.chars().enumerate() {
        for (row, bits) in dots(letter).into_iter().enumerate() {
            for column in (0..3).filter(|c| bits >> (2 - c) & 1 == 1) {
                bar.paste(&ink, (1 + place * 4 + column) * dot, (1 + row) * dot);
            }
        }
    }
    picture.paste(&bar, left, top);
}
