//! A few broken files of every format; the long run is `tests/fuzz/run.sh`.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::sync::Mutex;
use std::time::Duration;

use affekt_fuzz::formats::FORMATS;
use affekt_fuzz::{Finding, Kind, Limits, watch};

/// Longest time of one format. The seeds are fixed; a slow machine goes through fewer of them.
const TIME: Duration = Duration::from_secs(20);

fn program() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_affekt-fuzz"))
}

#[test]
fn broken_files_are_refused_or_read_and_nothing_worse() {
    let left = Mutex::new(FORMATS.iter().filter(|format| format.short > 0));
    let found: Mutex<Vec<Finding>> = Mutex::default();
    std::thread::scope(|threads| {
        for _ in 0..2 {
            threads.spawn(|| {
                loop {
                    let Some(format) = left.lock().unwrap().next() else { break };
                    let result = watch(program(), format.name, (1, format.short), TIME, &Limits::default());
                    let (gone, mut new) = result.unwrap_or_else(|e| panic!("{}: {e}", format.name));
                    assert!(gone > 0, "{}: nothing was read", format.name);
                    found.lock().unwrap().append(&mut new);
                }
            });
        }
    });
    let found: Vec<String> = found.into_inner().unwrap().iter().map(ToString::to_string).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_format_is_reached_by_its_name() {
    let names: std::collections::HashSet<&str> = FORMATS.iter().map(|format| format.name).collect();
    assert_eq!(names.len(), FORMATS.len(), "two formats of one name");
}

#[test]
fn a_planted_fault_of_every_kind_is_found() {
    let limits = Limits { time: Duration::from_secs(1), ..Limits::default() };
    let (_, found) = watch(program(), "planted", (1, 60), TIME, &limits).unwrap();
    let has = |wanted: fn(&Kind) -> bool| found.iter().any(|finding| wanted(&finding.kind));
    assert!(has(|kind| matches!(kind, Kind::Panic(place) if place.contains("planted.rs"))), "{found:?}");
    assert!(has(|kind| matches!(kind, Kind::Abort(_))), "{found:?}");
    assert!(has(|kind| matches!(kind, Kind::Hang)), "{found:?}");
    assert!(has(|kind| matches!(kind, Kind::Memory(_))), "{found:?}");
    assert!(has(|kind| matches!(kind, Kind::Message(_))), "{found:?}");
}
