//! The harness as a program.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use affekt_fuzz::formats::{FORMATS, Format};
use affekt_fuzz::{Limits, run_seeds, watch, write_seed};

const USAGE: &str = "affekt-fuzz watch FORMAT SECONDS [FIRST_SEED]   break files and report what went wrong
affekt-fuzz write FORMAT SEED FOLDER            write what a seed stands for; seed 0 is the file as it should be
affekt-fuzz formats                             name them
affekt-fuzz read FORMAT FIRST COUNT SECONDS     read broken files in this process";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match run(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

/// Whether nothing was found.
fn run(words: &[&str]) -> Result<bool, String> {
    let number = |text: &str| text.parse::<u64>().map_err(|e| format!("{text}: {e}"));
    let seconds = |text: &str| {
        let seconds = text.parse::<f64>().map_err(|e| format!("{text}: {e}"))?;
        Duration::try_from_secs_f64(seconds).map_err(|e| format!("{text}: {e}"))
    };
    let io = |e: std::io::Error| e.to_string();
    match *words {
        ["read", format, first, count, time] => {
            run_seeds(find(format)?, number(first)?, number(count)?, seconds(time)?).map_err(io)?;
            Ok(true)
        }
        ["write", format, seed, folder] => {
            write_seed(find(format)?, number(seed)?, Path::new(folder)).map_err(io)?;
            Ok(true)
        }
        ["formats"] => {
            FORMATS.iter().filter(|format| format.short > 0).for_each(|format| println!("{}", format.name));
            Ok(true)
        }
        ["watch", format, time] => long(find(format)?, seconds(time)?, 1_000_000),
        ["watch", format, time, first] => long(find(format)?, seconds(time)?, number(first)?),
        _ => Err(format!("{USAGE}\nThe formats are {}", names())),
    }
}

fn long(format: &Format, time: Duration, first: u64) -> Result<bool, String> {
    let program = std::env::current_exe().map_err(|e| e.to_string())?;
    let (gone, found) = watch(&program, format.name, (first, u64::MAX), time, &Limits::default())
        .map_err(|e| e.to_string())?;
    for finding in &found {
        println!("{finding}");
    }
    println!("{}: {gone} files, {} findings", format.name, found.len());
    Ok(found.is_empty())
}

fn find(name: &str) -> Result<&'static Format, String> {
    FORMATS
        .iter()
        .find(|format| format.name == name)
        .ok_or_else(|| format!("no format {name}; there are {}", names()))
}

fn names() -> String {
    FORMATS.iter().map(|format| format.name).collect::<Vec<_>>().join(", ")
}
