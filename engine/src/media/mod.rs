//! Pictures: decoding, resizing, and augmentation as compiled operation lists.

/// A decoded picture, 8 bits a channel, rows from the top, channels interleaved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Picture {
    /// Columns.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// 1 (grey) or 3 (RGB).
    pub channels: usize,
    /// `height x width x channels` values.
    pub pixels: Vec<u8>,
}
