//! `affekt people`: names, merges and corrections of a finished input.

use std::path::{Path, PathBuf};

use affekt_engine::files::printable;
use affekt_engine::output::{
    Appearance, Edit, MayBeSame, Person, Spans, Summary, TableReader, clock, person_called,
};
use anyhow::anyhow;
use clap::{Args, Subcommand};

use super::people_clips::{self, ClipsArgs};
use super::say;
use crate::analyze::{Corrected, in_words};
use crate::failure::Failure;
use crate::table::Table;

const EXAMPLES: &str = "Examples:
  Who there is, and what was corrected:
    affekt people results/interview
  2 and 5 are one person, 2:
    affekt people results/interview merge 2 5
    affekt people results/interview rename 2 Interviewer
  Everybody whom the list suggests, once you have looked:
    affekt people results/interview merge --suggested
  Nothing of this counts:
    affekt people results/interview exclude 00:10-00:20
    affekt people results/interview label 1 00:03-00:08 neutral
    affekt people results/interview undo
  Each person's faces as a clip, to train on or to look at:
    affekt people results/interview clips -o clips

RESULT is DIR/NAME, or one of its files. Corrections are kept in DIR/NAME.edits.json and applied to every table and to \
the page; what they set is marked as human, and the machine's own columns never change. Times are seconds, MM:SS or \
HH:MM:SS; a stretch ends before its second time.";

/// Most characters of a model's name that are shown.
const LONGEST_NAME: usize = 100;

/// Name, merge and correct the people of a finished input.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct PeopleArgs {
    /// Results of `affekt analyze`: DIR/NAME, or one of its files.
    #[arg(value_name = "RESULT")]
    result: PathBuf,
    #[command(subcommand)]
    action: Option<Action>,
}

/// What is done.
#[derive(Debug, Subcommand)]
enum Action {
    /// Who there is, who may be somebody seen before, and what was corrected.
    List {
        /// Print one JSON object instead of tables.
        #[arg(long)]
        json: bool,
    },
    /// Several people are one; they get the first number.
    Merge {
        /// Their numbers.
        #[arg(value_name = "PERSON", required_unless_present = "suggested", num_args = 2..)]
        people: Vec<u32>,
        /// All whom the list suggests: look at the pictures before, and at the list after.
        #[arg(long, conflicts_with = "people")]
        suggested: bool,
    },
    /// Give a person a name; an empty one takes it away.
    Rename {
        /// Their number.
        #[arg(value_name = "PERSON")]
        person: u32,
        /// The name.
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// A stretch does not count.
    Exclude {
        /// When, as 00:10-00:20.
        #[arg(value_name = "FROM-TO", value_parser = stretch)]
        when: (f64, f64),
        /// Of this person alone.
        #[arg(long, value_name = "PERSON")]
        person: Option<u32>,
    },
    /// Say what a person shows in a stretch.
    Label {
        /// Their number.
        #[arg(value_name = "PERSON")]
        person: u32,
        /// When, as 00:03-00:08.
        #[arg(value_name = "FROM-TO", value_parser = stretch)]
        when: (f64, f64),
        /// The class.
        #[arg(value_name = "LABEL")]
        label: String,
    },
    Clips(ClipsArgs),
    /// Take back the last correction.
    Undo {
        /// Take back all of them.
        #[arg(long)]
        all: bool,
    },
}

/// Reads `00:10-00:20`.
pub fn stretch(text: &str) -> Result<(f64, f64), String> {
    let ends = text.split_once('-').and_then(|(from, to)| Some((clock(from)?, clock(to)?)));
    let ends = ends.ok_or_else(|| format!("`{text}` is no stretch of time such as 00:10-00:20"))?;
    if ends.0 < ends.1 { Ok(ends) } else { Err(format!("`{text}` ends before it begins")) }
}

/// Runs the command.
///
/// # Errors
/// There are no such results, or the correction does not fit them; nothing is changed then.
pub fn run(args: &PeopleArgs) -> Result<(), Failure> {
    let mut corrected = Corrected::open(&args.result).map_err(Failure::usage)?;
    let edit = match &args.action {
        None => return list(&corrected, false),
        Some(Action::List { json }) => return list(&corrected, *json),
        Some(Action::Clips(args)) => return people_clips::run(args, &corrected),
        Some(Action::Merge { suggested: true, .. }) => {
            let merges = chains(&suggestions(&corrected)?);
            if merges.is_empty() {
                let nobody = anyhow!("{}: nobody is suggested", args.result.display());
                return Err(Failure::usage(nobody));
            }
            let merges: Vec<Edit> = merges.into_iter().map(|people| Edit::Merge { people }).collect();
            corrected.save([corrected.edits(), &merges].concat())?;
            return list(&corrected, false);
        }
        Some(Action::Merge { people, .. }) => Edit::Merge { people: people.clone() },
        Some(Action::Rename { person, name }) => Edit::Rename { person: *person, name: name.clone() },
        Some(Action::Exclude { when, person }) => Edit::Exclude { from: when.0, to: when.1, person: *person },
        Some(Action::Label { person, when, label }) => {
            Edit::Label { person: *person, from: when.0, to: when.1, label: label.clone() }
        }
        Some(Action::Undo { all }) => {
            let mut edits = corrected.edits().to_vec();
            if edits.pop().is_none() {
                return Err(Failure::usage(anyhow!(
                    "{}: there is no correction to take back",
                    args.result.display()
                )));
            }
            if *all {
                edits.clear();
            }
            corrected.save(edits)?;
            return list(&corrected, false);
        }
    };
    corrected.save([corrected.edits(), &[edit]].concat())?;
    list(&corrected, false)
}

/// Who may be somebody seen before.
fn suggestions(corrected: &Corrected) -> anyhow::Result<Vec<MayBeSame>> {
    let mut reader = TableReader::open(&corrected.file("csv"))?;
    let mut spans = Spans::default();
    while let Some(row) = reader.next_row()? {
        spans.push(&row);
    }
    Ok(spans.suggestions(corrected.summary()))
}

/// Everybody who is suggested to be one person, in the order in which they were seen.
fn chains(suggestions: &[MayBeSame]) -> Vec<Vec<u32>> {
    let mut chains: Vec<Vec<u32>> = vec![];
    for link in suggestions {
        match chains.iter_mut().find(|chain| chain.last() == Some(&link.before)) {
            Some(chain) => chain.push(link.later),
            None => chains.push(vec![link.before, link.later]),
        }
    }
    chains
}

fn list(corrected: &Corrected, json: bool) -> Result<(), Failure> {
    let (summary, edits) = (corrected.summary(), corrected.edits());
    let suggestions = suggestions(corrected)?;
    if json {
        let people: Vec<_> = summary
            .people
            .iter()
            .map(|p| {
                serde_json::json!({
                    "person": p.face, "name": p.name, "faces": p.faces, "frames": p.frames, "seconds": p.seconds(),
                    "unsure_frames": p.unsure_frames, "frames_by_hand": p.frames_by_hand,
                })
            })
            .collect();
        let maybe: Vec<_> = suggestions
            .iter()
            .map(|m| {
                serde_json::json!({
                    "before": m.before, "later": m.later, "away": m.away, "colours": m.colours, "similarity": m.similarity,
                })
            })
            .collect();
        let whole = serde_json::json!({
            "people": people, "edits": edits, "may_be_same": maybe, "appearance": summary.appearance,
        });
        return say(&whole.to_string());
    }
    let mut people =
        Table::new(["person", "name", "faces", "seconds", "frames", "unsure", "by hand", "mostly"]);
    for person in &summary.people {
        let share = |part: u64| format!("{:.0} %", part as f64 / person.frames.max(1) as f64 * 100.0);
        let most = (0..summary.classes.len()).rev().max_by_key(|&class| person.class_frames.get(class));
        people.row([
            person.face.to_string(),
            person.name.clone(),
            person.faces.iter().map(u32::to_string).collect::<Vec<_>>().join(" "),
            format!("{:.1}", person.seconds()),
            person.frames.to_string(),
            share(person.unsure_frames),
            share(person.frames_by_hand),
            most.filter(|_| person.frames > 0).map_or("-".into(), |class| summary.classes[class].clone()),
        ]);
    }
    say(&people.render())?;
    for (at, edit) in edits.iter().enumerate() {
        say(&format!("{}. {}", at + 1, in_words(edit)))?;
    }
    if let Some(appearance) = &summary.appearance {
        say(&compared(appearance, summary))?;
    }
    for maybe in &suggestions {
        say(&in_doubt(maybe, summary, &corrected.result()))?;
    }
    Ok(())
}

/// By what people were compared, and who was not.
fn compared(appearance: &Appearance, summary: &Summary) -> String {
    let faces = |person: &Person| person.faces.iter().any(|face| appearance.views.contains_key(face));
    let unseen: Vec<String> =
        summary.people.iter().filter(|person| !faces(person)).map(|person| person.face.to_string()).collect();
    let unseen = match unseen.as_slice() {
        [] => String::new(),
        people => format!("; never seen well enough to be compared: {}", people.join(", ")),
    };
    let most = appearance.pairs.first().map_or(String::new(), |pair| {
        format!(
            "; the most similar faces that were not in view together: {} and {}, {:.2}",
            pair.before, pair.later, pair.similarity
        )
    });
    format!(
        "compared by {}, suggested from a cosine similarity of {} on{most}{unseen}",
        printable(&appearance.model, LONGEST_NAME),
        appearance.similarity
    )
}

/// A suggestion, with what speaks for it.
fn in_doubt(maybe: &MayBeSame, summary: &Summary, result: &Path) -> String {
    let name = |number: u32| {
        let person = summary.people.iter().find(|p| p.face == number);
        person_called(number, person.map_or("", |p| p.name.as_str()))
    };
    let like = maybe.colours.map_or("no pictures to compare colours".into(), |shared| {
        format!("{:.0} % of the colours in common", shared * 100.0)
    });
    let like = maybe.similarity.map_or(format!("at the same place and size ({like})"), |cosine| {
        format!("by a cosine similarity of {cosine:.2}")
    });
    format!(
        "perhaps {} is {} again, {:.1} s later {like}; look, and if so: affekt people {} merge {} {}",
        name(maybe.later),
        name(maybe.before),
        maybe.away,
        result.display(),
        maybe.before,
        maybe.later
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions_are_followed_from_the_first_sight_to_the_last() {
        let link = |before, later| MayBeSame {
            before,
            later,
            away: 1.0,
            apart: 0.1,
            colours: None,
            similarity: None,
        };
        assert_eq!(chains(&[link(1, 2), link(2, 3), link(4, 5), link(3, 6)]), [vec![1, 2, 3, 6], vec![4, 5]]);
        assert!(chains(&[]).is_empty());
    }

    #[test]
    fn stretches_are_read_and_said_in_the_same_form() {
        assert_eq!(stretch("00:03-00:08"), Ok((3.0, 8.0)));
        assert_eq!(stretch("63.5-1:02:00"), Ok((63.5, 3720.0)));
        let said = in_words(&Edit::Exclude { from: 63.5, to: 3720.0, person: None });
        assert_eq!(said.strip_prefix("exclude ").map(stretch), Some(Ok((63.5, 3720.0))));
        for text in ["", "3", "8-3", "3-3", "a-b", "3-"] {
            assert!(stretch(text).is_err(), "{text}");
        }
    }
}
