//! Who speaks when, from subtitles (`SubRip`, `WebVTT`) or a table with the columns `start`, `end` and `speaker`. Words are read past and
//! never kept.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::files::{printable, read_limited};

/// Largest file of speakers.
const LARGEST: u64 = 16 << 20;
/// Most turns of a file.
const MOST_TURNS: usize = 100_000;
/// Longest name of a speaker, in letters.
const LONGEST_NAME: usize = 80;

/// Somebody speaks.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Turn {
    /// From this moment on, in seconds of the recording.
    pub start: f64,
    /// Until before this moment.
    pub end: f64,
    /// Who.
    pub speaker: String,
}

/// Why a file of speakers cannot be used.
#[derive(Debug, Error)]
#[error("{path}: {problem}", path = .path.display())]
pub struct SpeakersError {
    /// The file.
    pub path: PathBuf,
    /// What is wrong, with its line, and what to do.
    pub problem: String,
}

/// Reads a file of speakers, in the order of time. Its ending says what it is: `.srt`, `.vtt`, `.csv` or `.tsv`.
///
/// A cue's speaker is the name in `WebVTT`'s voice tag (`<v Ada>`), else what stands before a colon at the beginning of its text
/// (`Ada: ...`).
///
/// # Errors
/// It cannot be read, is too large, or a line makes no sense.
pub fn read_speakers(path: &Path) -> Result<Vec<Turn>, SpeakersError> {
    let wrong = |problem: String| SpeakersError { path: path.to_owned(), problem };
    let bytes = read_limited(path, LARGEST, "a file of speakers").map_err(|e| wrong(e.to_string()))?;
    let text = String::from_utf8(bytes)
        .map_err(|e| wrong(format!("byte {}: not UTF-8", e.utf8_error().valid_up_to())))?;
    let text = text.trim_start_matches('\u{feff}');
    let ending = path.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    let turns = match ending.as_str() {
        "srt" | "vtt" => cues(text),
        "csv" => table(text, b','),
        "tsv" => table(text, b'\t'),
        _ => Err("a file of speakers ends in .srt, .vtt, .csv or .tsv".into()),
    };
    let mut turns = turns.map_err(wrong)?;
    if turns.is_empty() {
        return Err(wrong("no turn of a speaker was found; a cue begins with `NAME:` or `<v NAME>`".into()));
    }
    turns.sort_by(|a, b| a.start.total_cmp(&b.start));
    Ok(turns)
}

/// Who speaks at a moment: of several the one who began last. `turns` are in the order of time.
pub fn speaker_at(turns: &[Turn], seconds: f64) -> Option<&str> {
    let begun = turns.partition_point(|turn| turn.start <= seconds + 1e-6);
    turns[..begun].iter().rev().find(|turn| turn.end > seconds + 1e-6).map(|turn| turn.speaker.as_str())
}

fn turn(start: f64, end: f64, speaker: &str, line: usize) -> Result<Turn, String> {
    let speaker = speaker.trim();
    let good = start.is_finite() && end.is_finite() && start >= 0.0 && end >= start;
    if !good {
        return Err(format!("line {line}: a turn from {start} to {end} s: it must end after it begins"));
    }
    if speaker.is_empty() || speaker.chars().count() > LONGEST_NAME || speaker.chars().any(char::is_control) {
        let shown = printable(speaker, 40);
        return Err(format!("line {line}: `{shown}` is no name of a speaker (1 to {LONGEST_NAME} letters)"));
    }
    Ok(Turn { start, end, speaker: speaker.to_owned() })
}

fn cues(text: &str) -> Result<Vec<Turn>, String> {
    let mut turns = vec![];
    let mut lines = text.lines().enumerate().peekable();
    while let Some((at, line)) = lines.next() {
        let Some((start, end)) = line.split_once("-->") else { continue };
        let time = |text: &str| {
            let text = text.split_whitespace().next().unwrap_or_default();
            clock(text).ok_or_else(|| format!("line {}: `{}` is no time", at + 1, printable(text, 40)))
        };
        let (start, end) = (time(start)?, time(end)?);
        let Some((place, words)) = lines.peek() else { break };
        if let Some(name) = speaker_of(words) {
            turns.push(turn(start, end, name, place + 1)?);
        }
        if turns.len() > MOST_TURNS {
            return Err(format!("more than {MOST_TURNS} turns"));
        }
    }
    Ok(turns)
}

fn speaker_of(words: &str) -> Option<&str> {
    let words = words.trim();
    if let Some(rest) = words.strip_prefix("<v").filter(|rest| rest.starts_with([' ', '.'])) {
        let (tag, _) = rest.split_once('>')?;
        return tag.split_once(' ').map(|(_, name)| name.trim()).filter(|name| !name.is_empty());
    }
    // Neither a time nor an address has a space behind its colon.
    let (name, _) = words.split_once(": ").or_else(|| Some((words.strip_suffix(':')?, "")))?;
    // A sentence with a colon in it has no speaker, and a time has no letters.
    let is_name = name.split_whitespace().count() <= 4 && name.chars().any(char::is_alphabetic);
    is_name.then_some(name.trim_start_matches(['-', '[', '(', ' ']).trim_end_matches([']', ')', ' ']))
}

fn table(text: &str, delimiter: u8) -> Result<Vec<Turn>, String> {
    let mut rows =
        csv::ReaderBuilder::new().delimiter(delimiter).trim(csv::Trim::All).from_reader(text.as_bytes());
    let header = rows.headers().map_err(|e| e.to_string())?.clone();
    let find = |name: &str| {
        let place = header.iter().position(|column| column.eq_ignore_ascii_case(name));
        place.ok_or_else(|| {
            format!("line 1: no column `{name}`; a table of speakers has start, end and speaker")
        })
    };
    let places = [find("start")?, find("end")?, find("speaker")?];
    let mut turns = vec![];
    for row in rows.records() {
        let row = row.map_err(|e| e.to_string())?;
        let line = row.position().map_or(0, |p| p.line() as usize);
        let cell = |at: usize| row.get(at).unwrap_or_default();
        let time = |at: usize| {
            clock(cell(at)).ok_or_else(|| format!("line {line}: `{}` is no time", printable(cell(at), 40)))
        };
        turns.push(turn(time(places[0])?, time(places[1])?, cell(places[2]), line)?);
        if turns.len() > MOST_TURNS {
            return Err(format!("more than {MOST_TURNS} turns"));
        }
    }
    Ok(turns)
}

/// Seconds (`12.5`), minutes (`1:02.5`) or hours (`1:00:02,500`).
pub fn clock(text: &str) -> Option<f64> {
    let text = text.trim().replace(',', ".");
    let parts: Vec<&str> = text.split(':').collect();
    if parts.len() > 3 {
        return None;
    }
    let mut seconds = 0.0;
    for (at, part) in parts.iter().enumerate() {
        let last = at + 1 == parts.len();
        let plain = !part.is_empty() && part.chars().all(|c| c.is_ascii_digit() || last && c == '.');
        let value: f64 = plain.then(|| part.parse().ok())??;
        if at > 0 && value >= 60.0 {
            return None;
        }
        seconds = seconds * 60.0 + value;
    }
    Some(seconds).filter(|s| s.is_finite())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    fn read(name: &str, text: &str) -> Result<Vec<Turn>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        read_speakers(&path).map_err(|e| e.to_string())
    }

    #[test]
    fn speakers_come_from_subtitles_and_tables() {
        let wanted = vec![
            Turn { start: 1.0, end: 2.5, speaker: "Ada".into() },
            Turn { start: 3661.0, end: 3662.0, speaker: "B. Miller".into() },
        ];
        let srt = "1\n00:00:01,000 --> 00:00:02,500\nAda: hello: you\n\n2\n01:01:01,000 --> 01:01:02,000\nB. Miller: yes\n";
        assert_eq!(read("a.srt", srt).unwrap(), wanted);
        let vtt = "WEBVTT\n\n00:01.000 --> 00:02.500 align:left\n<v Ada>hello</v>\n\n01:01:01.000 --> 01:01:02.000\n<v.loud B. Miller>yes\n";
        assert_eq!(read("a.vtt", vtt).unwrap(), wanted);
        assert_eq!(
            read("a.csv", "\u{feff}speaker,start,end\nAda,1,2.5\nB. Miller,1:01:01,3662\n").unwrap(),
            wanted
        );
        assert_eq!(
            read("a.tsv", "start\tend\tspeaker\n1\t2.5\tAda\n3661\t3662\tB. Miller\n").unwrap(),
            wanted
        );
        assert_eq!(speaker_at(&wanted, 1.0), Some("Ada"));
        assert_eq!(speaker_at(&wanted, 2.5), None, "an end is not part of the turn");
        assert_eq!(speaker_at(&wanted, 3661.5), Some("B. Miller"));
    }

    #[test]
    fn who_began_last_speaks_and_words_without_a_name_are_nobodys() {
        let turns = read("a.csv", "start,end,speaker\n0,10,A\n2,4,B\n").unwrap();
        assert_eq!([1.0, 3.0, 5.0].map(|s| speaker_at(&turns, s)), [Some("A"), Some("B"), Some("A")]);
        let srt = "1\n00:00:01,000 --> 00:00:02,000\nit is now 10:30 in the morning of a day\n\n\
                   2\n00:00:03,000 --> 00:00:04,000\nA: x\n";
        assert_eq!(read("a.srt", srt).unwrap().len(), 1);
    }

    #[test]
    fn what_makes_no_sense_is_told_with_its_line() {
        for (name, text, words) in [
            ("a.csv", "start,end\n1,2\n", "no column `speaker`"),
            ("a.csv", "start,end,speaker\n1,x,A\n", "line 2: `x` is no time"),
            ("a.csv", "start,end,speaker\n3,2,A\n", "line 2: a turn from 3 to 2 s"),
            ("a.csv", "start,end,speaker\n1,2,\n", "is no name"),
            ("a.srt", "1\n00:00:0x --> 2\nA: b\n", "line 2: `00:00:0x` is no time"),
            ("a.srt", "nothing\n", "no turn of a speaker"),
            ("a.txt", "A: b\n", "ends in .srt"),
        ] {
            let error = read(name, text).unwrap_err();
            assert!(error.contains(words) && error.contains(name), "{error}");
        }
    }

    #[test]
    fn times_are_read_in_every_form() {
        let all = ["7", "0:07", "00:00:07", "7.5", "0:07,5", "1:00:00"].map(clock);
        assert_eq!(all, [Some(7.0), Some(7.0), Some(7.0), Some(7.5), Some(7.5), Some(3600.0)]);
        for text in ["", "x", "-1", "1:60", "1:2:3:4", "1.5:2", "nan", "1e3", ":", "1:"] {
            assert_eq!(clock(text), None, "{text}");
        }
    }
}
