//! Frame-by-frame expression labels in the form of Aff-Wild2: a line of class names, then a whole number a frame.

use std::io::BufRead;
use std::path::Path;

use super::DataError;
use super::lines::Lines;
use super::quote::{quoted, quoted_bytes};

/// Longest line read, in bytes; class names fit into far less.
const MAX_LINE: u64 = 4096;
/// Most frames a clip can have: four days at 30 a second.
pub(super) const MAX_FRAMES: usize = 10_000_000;
/// Stands for "no label", as -1 does in the file.
const NONE: i8 = -1;

/// One file's labels.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrameLabels {
    /// The header's names, as they are written.
    pub classes: Vec<String>,
    labels: Vec<i8>,
}

impl FrameLabels {
    /// Number of frames that the file speaks of.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// A frame's label, an index into `classes`; `None` for -1 and past the end.
    pub fn label(&self, frame: usize) -> Option<usize> {
        self.labels.get(frame).and_then(|&label| usize::try_from(label).ok())
    }
}

/// Reads a file line by line.
///
/// # Errors
/// It cannot be read, is for another task, or a line is not what it should be; names the file and line.
pub(super) fn read(path: &Path) -> Result<FrameLabels, DataError> {
    parse(Lines::open(path, MAX_LINE)?)
}

fn parse(mut lines: Lines<impl BufRead>) -> Result<FrameLabels, DataError> {
    let first = lines.first("a line of class names, then a number a frame")?;
    let header = header(first.bytes);
    let classes = header.map_err(|reason| lines.error(1, reason))?;
    let mut labels = Vec::new();
    let each = |text: &[u8]| {
        labels.push(label(text, &classes)?);
        Ok(())
    };
    for_each_frame(&mut lines, each)?;
    Ok(FrameLabels { classes, labels })
}

/// Gives the lines that follow to `each`, one a frame; its error is the reason alone.
///
/// # Errors
/// A line is refused, an empty one stands among the others, or there are more than [`MAX_FRAMES`].
pub(super) fn for_each_frame(
    lines: &mut Lines<impl BufRead>,
    mut each: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<(), DataError> {
    let (mut blank, mut frames) = (None, 0);
    while let Some(line) = lines.next()? {
        let number = line.number;
        let text = line.bytes.trim_ascii();
        if text.is_empty() {
            blank.get_or_insert(number);
            continue;
        }
        // Empty lines may end a file; elsewhere a frame would be without a line, and all after it one off.
        if let Some(number) = blank {
            let reason = "an empty line among the labels; write -1 for a frame without one";
            return Err(lines.error(number, reason));
        }
        if frames == MAX_FRAMES {
            return Err(lines.error(number, format!("more than {MAX_FRAMES} frames")));
        }
        frames += 1;
        let read = each(text);
        read.map_err(|reason| lines.error(number, reason))?;
    }
    Ok(())
}

/// The class names of the first line.
fn header(line: &[u8]) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(line).map_err(|_| "the class names are not UTF-8 text".to_owned())?;
    let names: Vec<String> = text.trim().split(',').map(|name| name.trim().to_owned()).collect();
    let is = |name: &String, word: &str| name.eq_ignore_ascii_case(word);
    let expected = "expected class names such as Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other";
    if names.iter().any(|name| is(name, "valence") || is(name, "arousal")) {
        return Err(format!("this file is for the valence-arousal task, not for expressions; {expected}"));
    }
    let unit = |name: &String| {
        let digits = name.strip_prefix(['A', 'a']).and_then(|rest| rest.strip_prefix(['U', 'u']));
        digits.is_some_and(|digits| !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()))
    };
    if names.iter().any(unit) {
        return Err(format!("this file is for the action unit task, not for expressions; {expected}"));
    }
    if names.iter().any(|name| name.parse::<f64>().is_ok()) {
        return Err(format!("a number where the class names should be; {expected}"));
    }
    if names.len() < 2 || names.len() > i8::MAX as usize || names.iter().any(String::is_empty) {
        return Err(format!("`{}` is no list of class names; {expected}", quoted(text.trim())));
    }
    for (index, name) in names.iter().enumerate() {
        if names[..index].iter().any(|other| other.eq_ignore_ascii_case(name)) {
            return Err(format!("the class `{}` stands there twice", quoted(name)));
        }
    }
    Ok(names)
}

fn label(text: &[u8], classes: &[String]) -> Result<i8, String> {
    let last = classes.len() - 1;
    let number = std::str::from_utf8(text).ok().and_then(|text| text.parse::<i64>().ok());
    let number = number.ok_or_else(|| {
        let shown = quoted_bytes(text);
        format!("`{shown}` is not a whole number from -1 (no label) to {last} ({})", classes[last])
    })?;
    match i8::try_from(number) {
        Ok(NONE) => Ok(NONE),
        Ok(label) if (0..=last as i64).contains(&number) => Ok(label),
        _ => Err(format!("label {number} is outside -1 (no label) to {last} ({})", classes[last])),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const EIGHT: &str = "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other\n";

    fn parsed(text: &str) -> Result<FrameLabels, DataError> {
        parse(Lines::new(text.as_bytes(), "video_1.txt".into(), String::new(), MAX_LINE))
    }

    #[test]
    fn a_line_a_frame_with_minus_one_as_no_label() {
        let read = parsed(&format!("{EIGHT}0\n-1\n7\n")).unwrap();
        let labels: Vec<_> = (0..4).map(|frame| read.label(frame)).collect();
        assert_eq!((read.len(), labels), (3, vec![Some(0), None, Some(7), None]));
    }

    #[test]
    fn windows_line_ends_a_byte_order_mark_and_empty_lines_at_the_end_are_read() {
        let read = parsed(&format!("\u{FEFF}{}\r\n3\r\n4\r\n\r\n\n", EIGHT.trim())).unwrap();
        assert_eq!((read.len(), read.label(1), read.classes[0].as_str()), (2, Some(4), "Neutral"));
    }

    #[test]
    fn what_is_wrong_is_said_with_file_and_line() {
        for (text, parts) in [
            (String::new(), ["video_1.txt", "empty"]),
            ("valence,arousal\n0.1,0.2\n".into(), ["line 1", "valence-arousal task"]),
            ("AU1,AU2,AU4\n0,1,0\n".into(), ["line 1", "action unit task"]),
            ("0\n1\n".into(), ["line 1", "a number where the class names"]),
            ("Neutral\n0\n".into(), ["line 1", "no list of class names"]),
            ("Neutral,neutral\n0\n".into(), ["line 1", "twice"]),
            (format!("{EIGHT}0\n8\n"), ["line 3", "label 8 is outside -1 (no label) to 7 (Other)"]),
            (format!("{EIGHT}-2\n"), ["line 2", "-2"]),
            (format!("{EIGHT}99999999999999\n"), ["line 2", "99999999999999"]),
            (format!("{EIGHT}1.5\n"), ["line 2", "`1.5` is not a whole number"]),
            (format!("{EIGHT}0,1\n"), ["line 2", "`0,1`"]),
            (format!("{EIGHT}0\n\n1\n"), ["line 3", "empty line"]),
            (format!("{EIGHT}{}\n", "1".repeat(5000)), ["line 2", "4096 bytes"]),
        ] {
            let message = parsed(&text).unwrap_err().to_string();
            assert!(parts.iter().all(|part| message.contains(part)), "{text:.60}: {message}");
        }
    }
}
