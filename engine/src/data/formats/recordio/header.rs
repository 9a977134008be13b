//! The label header at the start of a record's payload.

/// Label and place of the picture inside a payload.
#[derive(Debug, PartialEq)]
pub(super) struct Header {
    /// Bytes before the picture.
    pub len: usize,
    /// The first label.
    pub label: f64,
    /// Further labels, where the flag counts some.
    pub extra: Vec<f32>,
}

impl Header {
    /// Reads `flag u32, label f32, id u64, id2 u64` and `flag` further f32 labels. Some writers store the label as f64
    /// (four bytes more); which it is shows in where the picture begins or, without a picture, where the payload ends.
    pub fn parse(payload: &[u8]) -> Result<Self, String> {
        let short = || format!("a payload of {} bytes is shorter than its label header", payload.len());
        let word =
            |at: usize| payload.get(at..at + 4).and_then(|bytes| bytes.try_into().ok()).ok_or_else(short);
        let flag = u32::from_le_bytes(word(0)?) as usize;
        let end = |fixed: usize| flag.checked_mul(4).and_then(|labels| labels.checked_add(fixed));
        let fits = |fixed: usize| {
            let rest = end(fixed).and_then(|end| payload.get(end..));
            rest.is_some_and(|rest| rest.is_empty() || crate::data::decode::check_signature(rest).is_ok())
        };
        let wide = !fits(24) && fits(28);
        let fixed = if wide { 28 } else { 24 };
        let len = end(fixed).filter(|&len| len <= payload.len()).ok_or_else(short)?;
        let extra: Vec<f32> = payload[fixed..len]
            .chunks_exact(4)
            .map(|bytes| f32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
            .collect();
        let label = if flag > 0 {
            f64::from(extra[0])
        } else if wide {
            let [a, b, c, d] = word(4)?;
            let [e, f, g, h] = word(8)?;
            f64::from_le_bytes([a, b, c, d, e, f, g, h])
        } else {
            f64::from(f32::from_le_bytes(word(4)?))
        };
        Ok(Self { len, label, extra })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const JPEG: [u8; 4] = [0xFF, 0xD8, 0xFF, 0xE0];

    #[test]
    fn single_and_double_precision_labels_are_told_apart() {
        let narrow = [&[0; 4][..], &5f32.to_le_bytes(), &[0; 16], &JPEG].concat();
        assert_eq!(Header::parse(&narrow).unwrap(), Header { len: 24, label: 5.0, extra: vec![] });
        let wide = [&[0; 4][..], &5f64.to_le_bytes(), &[0; 16], &JPEG].concat();
        assert_eq!(Header::parse(&wide).unwrap(), Header { len: 28, label: 5.0, extra: vec![] });
    }

    #[test]
    fn a_flag_counts_the_labels_that_follow() {
        let two =
            [&2u32.to_le_bytes()[..], &[0; 20], &7f32.to_le_bytes(), &9f32.to_le_bytes(), &JPEG].concat();
        assert_eq!(Header::parse(&two).unwrap(), Header { len: 32, label: 7.0, extra: vec![7.0, 9.0] });
    }

    #[test]
    fn a_flag_past_the_end_is_an_error_and_allocates_nothing() {
        let liar = [&u32::MAX.to_le_bytes()[..], &[0; 40]].concat();
        assert!(Header::parse(&liar).unwrap_err().contains("shorter"));
        assert!(Header::parse(&[1, 2]).is_err());
    }
}
