//! `NAME.eaf`: annotations for ELAN (`EAFv3.0`, <https://www.mpi.nl/tools/elan/EAF_Annotation_Format_3.0_and_ELAN.pdf>), a tier a
//! person and kind of label, whose values are a controlled vocabulary of the classes.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use super::speakers::Turn;
use super::summary::Summary;
use super::tiers::{TierKind, TierSpan};

/// Name of the vocabulary.
const VOCABULARY: &str = "expressions";

/// The whole file. `media` is the recording; it is named relative to the file in `folder` where it lies below or beside it.
pub fn elan(
    summary: &Summary,
    tiers: &BTreeMap<(u32, TierKind), Vec<TierSpan>>,
    media: &Path,
    folder: &Path,
) -> String {
    let speakers = turns_by_speaker(&summary.speakers);
    let times: BTreeSet<u64> = tiers
        .values()
        .flatten()
        .flat_map(|a| [a.start, a.end])
        .chain(speakers.values().flatten().flat_map(|turn| [turn.start, turn.end]))
        .map(milliseconds)
        .collect();
    let slot: BTreeMap<u64, usize> = times.iter().copied().zip(1..).collect();
    let mut out = String::from(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ANNOTATION_DOCUMENT AUTHOR=\"affekt\" DATE=\"1970-01-01T00:00:00+00:00\" \
         FORMAT=\"3.0\" VERSION=\"3.0\" xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" \
         xsi:noNamespaceSchemaLocation=\"http://www.mpi.nl/tools/elan/EAFv3.0.xsd\">\n",
    );
    let _ = write!(
        out,
        "  <HEADER MEDIA_FILE=\"\" TIME_UNITS=\"milliseconds\">\n    <MEDIA_DESCRIPTOR MEDIA_URL=\"{}\" MIME_TYPE=\"{}\"{}/>\n    \
         <PROPERTY NAME=\"lastUsedAnnotationId\">{}</PROPERTY>\n  </HEADER>\n  <TIME_ORDER>\n",
        xml(&address(media)),
        mime(media),
        relative(media, folder)
            .map_or(String::new(), |path| format!(" RELATIVE_MEDIA_URL=\"./{}\"", xml(&path))),
        tiers.values().map(Vec::len).sum::<usize>() + summary.speakers.len(),
    );
    for (time, slot) in &slot {
        let _ = writeln!(out, "    <TIME_SLOT TIME_SLOT_ID=\"ts{slot}\" TIME_VALUE=\"{time}\"/>");
    }
    out.push_str("  </TIME_ORDER>\n");
    let mut number = 0;
    let mut tier = |id: &str, who: &str, by: &str, kind: &str, annotations: &[(f64, f64, &str)]| {
        let _ = writeln!(
            out,
            "  <TIER TIER_ID=\"{}\" PARTICIPANT=\"{}\" ANNOTATOR=\"{by}\" LINGUISTIC_TYPE_REF=\"{kind}\">",
            xml(id),
            xml(who)
        );
        for (start, end, value) in annotations {
            let (start, end) = (milliseconds(*start), milliseconds(*end));
            // ELAN has no annotation without a length.
            if start == end {
                continue;
            }
            number += 1;
            let _ = writeln!(
                out,
                "    <ANNOTATION><ALIGNABLE_ANNOTATION ANNOTATION_ID=\"a{number}\" TIME_SLOT_REF1=\"ts{}\" \
                 TIME_SLOT_REF2=\"ts{}\"><ANNOTATION_VALUE>{}</ANNOTATION_VALUE></ALIGNABLE_ANNOTATION></ANNOTATION>",
                slot[&start],
                slot[&end],
                xml(value)
            );
        }
        out.push_str("  </TIER>\n");
    };
    let mut ids = BTreeSet::new();
    for person in &summary.people {
        let who = person.called();
        for kind in TierKind::ALL {
            let Some(annotations) = tiers.get(&(person.face, kind)) else { continue };
            let class = |a: &TierSpan| summary.classes.get(a.label).map_or("", String::as_str);
            let annotations: Vec<(f64, f64, &str)> =
                annotations.iter().map(|a| (a.start, a.end, class(a))).collect();
            let mut id = format!("{who}: {}", kind.name());
            // Two people may have one name.
            if !ids.insert(id.clone()) {
                id = format!("{who} ({}): {}", person.face, kind.name());
                ids.insert(id.clone());
            }
            let by = if kind == TierKind::ByHand { "human" } else { "affekt" };
            tier(&id, &who, by, VOCABULARY, &annotations);
        }
    }
    for (speaker, turns) in &speakers {
        let turns: Vec<(f64, f64, &str)> =
            turns.iter().map(|t| (t.start, t.end, t.speaker.as_str())).collect();
        tier(&format!("{speaker}: speaks"), speaker, "", "turns", &turns);
    }
    let _ = write!(
        out,
        "  <LINGUISTIC_TYPE CONTROLLED_VOCABULARY_REF=\"{VOCABULARY}\" GRAPHIC_REFERENCES=\"false\" \
         LINGUISTIC_TYPE_ID=\"{VOCABULARY}\" TIME_ALIGNABLE=\"true\"/>\n  <LINGUISTIC_TYPE GRAPHIC_REFERENCES=\"false\" \
         LINGUISTIC_TYPE_ID=\"turns\" TIME_ALIGNABLE=\"true\"/>\n  <LANGUAGE LANG_DEF=\"http://cdb.iso.org/lg/CDB-00138502-001\" \
         LANG_ID=\"und\" LANG_LABEL=\"undetermined (und)\"/>\n  <CONTROLLED_VOCABULARY CV_ID=\"{VOCABULARY}\">\n    \
         <DESCRIPTION LANG_REF=\"und\"/>\n"
    );
    for (at, class) in summary.classes.iter().enumerate() {
        let _ = writeln!(
            out,
            "    <CV_ENTRY_ML CVE_ID=\"cveid{at}\"><CVE_VALUE DESCRIPTION=\"\" LANG_REF=\"und\">{}</CVE_VALUE></CV_ENTRY_ML>",
            xml(class)
        );
    }
    out.push_str("  </CONTROLLED_VOCABULARY>\n</ANNOTATION_DOCUMENT>\n");
    out
}

fn turns_by_speaker(turns: &[Turn]) -> BTreeMap<&str, Vec<Turn>> {
    let mut by: BTreeMap<&str, Vec<Turn>> = BTreeMap::new();
    for turn in turns {
        let own = by.entry(&turn.speaker).or_default();
        // Annotations of a tier may not overlap.
        let start = own.last().map_or(turn.start, |before| before.end.max(turn.start));
        if turn.end > start {
            own.push(Turn { start, ..turn.clone() });
        }
    }
    by
}

fn milliseconds(seconds: f64) -> u64 {
    (seconds * 1e3).round().max(0.0) as u64
}

/// A path as ELAN writes it: `file:///...`.
fn address(media: &Path) -> String {
    let whole = std::path::absolute(media).unwrap_or_else(|_| media.to_owned());
    let path = whole.display().to_string().replace('\\', "/");
    format!("file:///{}", path.trim_start_matches('/'))
}

/// The way from a folder to the recording, where it lies below or one folder above.
fn relative(media: &Path, folder: &Path) -> Option<String> {
    let (media, folder) = (media.canonicalize().ok()?, folder.canonicalize().ok()?);
    if let Ok(below) = media.strip_prefix(&folder) {
        return Some(below.display().to_string().replace('\\', "/"));
    }
    let beside = media.strip_prefix(folder.parent()?).ok()?;
    Some(format!("../{}", beside.display().to_string().replace('\\', "/")))
}

fn mime(media: &Path) -> &'static str {
    let ending = media.extension().map(|e| e.to_string_lossy().to_lowercase()).unwrap_or_default();
    match ending.as_str() {
        "mp4" | "m4v" => "video/mp4",
        "mov" => "video/quicktime",
        "mpg" | "mpeg" => "video/mpeg",
        _ => "unknown",
    }
}

/// Text in XML, in elements and in quoted attributes.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            // XML 1.0 has no other control characters.
            c if c.is_control() && !matches!(c, '\n' | '\t' | '\r') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::summary::Person;
    use super::*;

    #[test]
    fn tiers_have_their_stretches_and_names_stay_text() {
        let person = |face, name: &str| Person { face, name: name.into(), ..Person::default() };
        let summary = Summary {
            classes: vec!["calm".into(), "a<b".into()],
            people: vec![person(1, "A & \"B\""), person(2, "A & \"B\"")],
            speakers: vec![
                Turn { start: 0.0, end: 2.0, speaker: "S".into() },
                Turn { start: 1.0, end: 3.0, speaker: "S".into() },
            ],
            ..Summary::default()
        };
        let stretch = |label, start, end| TierSpan { label, start, end };
        let tiers = BTreeMap::from([
            ((1, TierKind::Voted), vec![stretch(0, 0.0, 1.2345), stretch(1, 1.2345, 1.2345)]),
            ((2, TierKind::Voted), vec![stretch(1, 0.5, 1.0)]),
        ]);
        let text = elan(&summary, &tiers, Path::new("/v/talk.mp4"), Path::new("/nowhere"));
        assert!(text.contains("TIER_ID=\"A &amp; &quot;B&quot;: voted\""), "{text}");
        assert!(
            text.contains("TIER_ID=\"A &amp; &quot;B&quot; (2): voted\""),
            "no two tiers of one name: {text}"
        );
        assert!(text.contains("<ANNOTATION_VALUE>a&lt;b</ANNOTATION_VALUE>"), "{text}");
        assert_eq!(text.matches("<ANNOTATION>").count(), 4, "two stretches with a length, two turns: {text}");
        assert!(text.contains("TIME_VALUE=\"1235\"") || text.contains("TIME_VALUE=\"1234\""), "{text}");
        assert!(text.contains("MEDIA_URL=\"file:///v/talk.mp4\" MIME_TYPE=\"video/mp4\""), "{text}");
    }
}
