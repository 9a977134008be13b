//! Many small pictures on one sheet, each with a line of text under it.

use super::text;
use crate::media::{MediaError, Picture};

/// Pixels between tiles and around them.
const GAP: usize = 4;
/// Height of a line of text.
const LINE: usize = 13;
const GROUND: [u8; 3] = [250, 250, 250];

/// A picture of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct Tile {
    /// What is shown; it is scaled to fit its square and keeps its shape.
    pub picture: Picture,
    /// Lines of text under it, cut where they are too long.
    pub lines: Vec<String>,
}

/// A sheet of `columns` tiles a row, each `side x side` pixels and the text.
///
/// # Errors
/// A picture is none ([`Picture::check`]), or there is no tile, column or side.
pub fn sheet(tiles: &[Tile], columns: usize, side: usize) -> Result<Picture, MediaError> {
    if tiles.is_empty() || columns == 0 || side == 0 {
        return Err(MediaError::Size("a sheet needs a picture, a column and a side above 0".into()));
    }
    let columns = columns.min(tiles.len());
    let lines = tiles.iter().map(|tile| tile.lines.len()).max().unwrap_or(0);
    let (step_x, step_y) = (side + GAP, side + lines * LINE + GAP);
    let rows = tiles.len().div_ceil(columns);
    let (width, height) = (GAP + columns * step_x, GAP + rows * step_y);
    let mut sheet = Picture { width, height, channels: 3, pixels: GROUND.repeat(width * height) };
    for (at, tile) in tiles.iter().enumerate() {
        let (left, top) = (GAP + at % columns * step_x, GAP + at / columns * step_y);
        let picture = &tile.picture;
        picture.check()?;
        let scale = side as f64 / picture.width.max(picture.height) as f64;
        let scaled = |length: usize| ((length as f64 * scale).round() as usize).clamp(1, side);
        let fitted = picture.resized(scaled(picture.width), scaled(picture.height))?.with_channels(3);
        sheet.paste(&fitted, left + (side - fitted.width) / 2, top + (side - fitted.height) / 2);
        for (line, words) in tile.lines.iter().enumerate().filter(|(_, words)| !words.is_empty()) {
            let bar = text::bar(words, LINE, GROUND);
            let cut = bar.cropped(0, 0, side, LINE)?;
            sheet.paste(&cut, left, top + side + line * LINE);
        }
    }
    Ok(sheet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_stand_in_rows_and_keep_their_shape() {
        let tile = |width, height, tone, line: &str| Tile {
            picture: Picture::filled(width, height, 1, tone),
            lines: vec![line.to_owned()],
        };
        let tiles = [tile(40, 20, 10, "wide"), tile(7, 7, 20, ""), tile(10, 30, 30, &"long ".repeat(40))];
        let sheet = sheet(&tiles, 2, 40).expect("a sheet");
        assert_eq!((sheet.width, sheet.height), (GAP + 2 * 44, GAP + 2 * (40 + LINE + GAP)));
        assert_eq!(sheet.pixel(GAP + 20, GAP + 20), [10; 3]);
        assert_eq!(sheet.pixel(GAP + 20, GAP + 5), GROUND, "above the wide one");
        assert_eq!(sheet.pixel(GAP + 44 + 2, GAP + 2), [20; 3]);
        assert!(sheet.pixels.chunks(3).any(|p| p[0] < 9), "there is ink");
        let below = GAP + 40 + LINE + GAP + 20;
        assert_eq!(sheet.pixel(GAP + 20, below), [30; 3]);
        assert_eq!(sheet.pixel(GAP + 41, below + 30), GROUND, "a long line ends with its tile");
    }

    #[test]
    fn no_tile_is_no_sheet() {
        assert!(sheet(&[], 2, 40).is_err());
        let tile = Tile { picture: Picture::filled(0, 1, 1, 0), lines: vec![] };
        assert!(sheet(&[tile], 2, 40).is_err());
    }
}
