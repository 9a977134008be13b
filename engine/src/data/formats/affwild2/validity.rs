//! The videos of Aff-Wild2's other two tasks, valence-arousal and action units, as unlabelled clips: how many frames they have
//! and which of those the annotators could judge. Their annotations are checked, and not used.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use super::layout::{annotated_clips, frames_of, no_frames};
use crate::data::bitmap::Bitmap;
use crate::data::clip_files::{ClipFileSet, ClipFiles};
use crate::data::frame_labels::for_each_frame;
use crate::data::lines::Lines;
use crate::data::{DataError, SkipLog, Spec, quoted};

/// Longest line read, in bytes.
const MAX_LINE: u64 = 4096;

/// Whose annotations they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Task {
    /// Lines `0.1,-0.3`; -5 where a frame has none.
    ValenceArousal,
    /// Lines `0,1,0,...`, one number a unit; -1 where a unit has none.
    ActionUnits,
}

/// Opens the clips of a task. A frame that nobody could judge counts as one without a face.
pub(super) fn open(
    spec: &Spec,
    task: Task,
    frames: &[PathBuf],
    skips: &SkipLog,
) -> Result<ClipFileSet, DataError> {
    let folders = match task {
        Task::ValenceArousal => ["VA_Estimation_Challenge", "VA_Set"],
        Task::ActionUnits => ["AU_Detection_Challenge", "AU_Set"],
    };
    let clips = annotated_clips(spec, &folders, skips, |name, path| {
        let (count, valid) = read(path, task)?;
        let Some(folder) = frames_of(frames, name) else {
            return Ok(Err(DataError::format(path, "", no_frames(name))));
        };
        Ok(ClipFiles::list(name, folder, None, skips).map(|clip| {
            clip.note_length(count, skips);
            clip.limited(count, Some(valid))
        }))
    })?;
    ClipFileSet::new(spec.to_string(), Vec::new(), clips, |_, _| Ok(0))
}

/// Number of frames, and which of them are annotated.
fn read(path: &Path, task: Task) -> Result<(usize, Bitmap), DataError> {
    parse(Lines::open(path, MAX_LINE)?, task)
}

fn parse(mut lines: Lines<impl BufRead>, task: Task) -> Result<(usize, Bitmap), DataError> {
    let first = lines.first("a line of names, then a line a frame")?;
    let header = String::from_utf8_lossy(first.bytes.trim_ascii()).into_owned();
    let columns = header_columns(&header, task).map_err(|reason| lines.error(1, reason))?;
    let (mut count, mut valid) = (0, Bitmap::default());
    for_each_frame(&mut lines, |text| {
        if is_annotated(&String::from_utf8_lossy(text), columns, task)? {
            valid.set(count);
        }
        count += 1;
        Ok(())
    })?;
    Ok((count, valid))
}

/// Number of columns of a header that is the task's.
fn header_columns(header: &str, task: Task) -> Result<usize, String> {
    let names: Vec<String> = header.split(',').map(|name| name.trim().to_ascii_lowercase()).collect();
    let unit = |name: &String| name.strip_prefix("au").is_some_and(|digits| digits.parse::<u8>().is_ok());
    let (fits, expected) = match task {
        Task::ValenceArousal => (names == ["valence", "arousal"], "valence,arousal"),
        Task::ActionUnits => (names.iter().all(unit), "AU1,AU2,AU4 and so on"),
    };
    fits.then_some(names.len())
        .ok_or_else(|| format!("the names are `{}`; expected {expected}", quoted(header)))
}

/// Whether a frame's line says anything.
fn is_annotated(line: &str, columns: usize, task: Task) -> Result<bool, String> {
    let numbers: Vec<f64> = line
        .split(',')
        .map(|text| text.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|_| format!("`{}` is not {columns} numbers", quoted(line)))?;
    if numbers.len() != columns {
        return Err(format!("{} numbers instead of {columns}", numbers.len()));
    }
    let (none, fits): (f64, fn(f64) -> bool) = match task {
        Task::ValenceArousal => (-5.0, |number| (-1.0..=1.0).contains(&number)),
        Task::ActionUnits => (-1.0, |number| number == 0.0 || number == 1.0),
    };
    if let Some(number) = numbers.iter().find(|&&number| number != none && !fits(number)) {
        return Err(format!("{number} is neither in its range nor {none} (no annotation)"));
    }
    // One value of a pair says nothing; of action units some are often left out.
    Ok(match task {
        Task::ValenceArousal => numbers.iter().all(|&number| number != none),
        Task::ActionUnits => numbers.iter().any(|&number| number != none),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(text: &str, task: Task) -> Result<(usize, Vec<bool>), String> {
        let lines = Lines::new(text.as_bytes(), "v.txt".into(), String::new(), MAX_LINE);
        let (count, valid) = parse(lines, task).map_err(|error| error.to_string())?;
        Ok((count, (0..count).map(|frame| valid.get(frame)).collect()))
    }

    #[test]
    fn frames_are_counted_and_those_without_an_annotation_are_not_valid() {
        let text = "valence,arousal\n0.5,-1\n-5,-5\n0,0.25\n-5,0.1\n";
        assert_eq!(read(text, Task::ValenceArousal).unwrap(), (4, vec![true, false, true, false]));
        let text = "AU1,AU2,AU26\n0,1,0\n-1,-1,-1\n-1,1,-1\n";
        assert_eq!(read(text, Task::ActionUnits).unwrap(), (3, vec![true, false, true]));
    }

    #[test]
    fn another_tasks_file_or_a_number_out_of_range_is_an_error_with_its_line() {
        for (text, task, parts) in [
            ("Neutral,Anger\n0\n", Task::ValenceArousal, ["line 1", "expected valence,arousal"]),
            ("valence,arousal\n0,0\n", Task::ActionUnits, ["line 1", "expected AU1"]),
            ("valence,arousal\n0,1.5\n", Task::ValenceArousal, ["line 2", "1.5 is neither"]),
            ("valence,arousal\n0,NaN\n", Task::ValenceArousal, ["line 2", "NaN is neither"]),
            ("valence,arousal\n0\n", Task::ValenceArousal, ["line 2", "1 numbers instead of 2"]),
            ("AU1,AU2\n0,2\n", Task::ActionUnits, ["line 2", "2 is neither"]),
            ("AU1,AU2\n0,x\n", Task::ActionUnits, ["line 2", "`0,x`"]),
        ] {
            let message = read(text, task).unwrap_err();
            assert!(parts.iter().all(|part| message.contains(part)), "{text}: {message}");
        }
    }
}
