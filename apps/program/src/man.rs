//! Man pages: one of the program and one of each command. Options come from their definitions, the text after a command's help
//! becomes sections of its own, whose indented lines (examples, tables) keep their shape.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use affekt_engine::files::write_atomically;
use clap::Command;
use clap_mangen::Man;

/// Writes the program's page and one of each command below it into `folder`, which is made where it is missing. Gives the files.
///
/// # Errors
/// The folder cannot be made or a file not be written.
pub fn write_pages(command: Command, folder: &Path) -> io::Result<Vec<PathBuf>> {
    std::fs::create_dir_all(folder)?;
    let mut command = command.disable_help_subcommand(true);
    // Gives each command its whole name and the options that all have.
    command.build();
    let mut written = vec![];
    write_page(&command, folder, &mut written)?;
    Ok(written)
}

fn write_page(command: &Command, folder: &Path, written: &mut Vec<PathBuf>) -> io::Result<()> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let path = folder.join(format!("{name}.1"));
    write_atomically(&path, &page(command)?)?;
    written.push(path);
    command.get_subcommands().filter(|c| !c.is_hide_set()).try_for_each(|c| write_page(c, folder, written))
}

/// A command's page.
fn page(command: &Command) -> io::Result<Vec<u8>> {
    let source = format!("affekt {}", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command.clone()).source(source).manual("affekt");
    let mut page = vec![];
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.get_subcommands().any(|c| !c.is_hide_set()) {
        man.render_subcommands_section(&mut page)?;
    }
    if let Some(text) = command.get_after_help() {
        page.extend(sections(&text.to_string()).bytes());
    }
    Ok(page)
}

/// A text as roff. Its first line, where it is a heading, names the section; indented lines keep their shape.
fn sections(text: &str) -> String {
    let (mut roff, mut shaped) = (String::new(), false);
    let heading =
        |line: &str| line.strip_suffix(':').filter(|_| !line.starts_with(' ')).map(str::to_uppercase);
    let mut lines = text.lines().peekable();
    if lines.peek().is_none_or(|line| heading(line).is_none()) {
        roff.push_str(".SH NOTES\n");
    } else if let Some(title) = lines.next().and_then(heading) {
        let _ = writeln!(roff, ".SH {title}");
    }
    for line in lines {
        let indented = line.starts_with("  ");
        // Writing to a string cannot fail.
        let _ = match (indented, shaped) {
            (true, false) => writeln!(roff, ".nf\n{}", escaped(line)),
            (false, true) => writeln!(roff, ".fi\n{}", filled(line)),
            (true, true) => writeln!(roff, "{}", escaped(line)),
            (false, false) => writeln!(roff, "{}", filled(line)),
        };
        shaped = indented;
    }
    if shaped {
        roff.push_str(".fi\n");
    }
    roff
}

/// A line of a paragraph; an empty one begins the next.
fn filled(line: &str) -> String {
    if line.is_empty() { ".PP".to_owned() } else { escaped(line) }
}

/// Text in which roff finds no commands.
fn escaped(line: &str) -> String {
    let text = line.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_keep_their_shape_and_prose_is_filled() {
        let text = "Examples:\n  affekt a --b \\\n    --c\n\nOne sentence.\n.dotted";
        let roff =
            ".SH EXAMPLES\n.nf\n  affekt a \\-\\-b \\e\n    \\-\\-c\n.fi\n.PP\nOne sentence.\n\\&.dotted\n";
        assert_eq!(sections(text), roff);
        assert_eq!(sections("Only words."), ".SH NOTES\nOnly words.\n");
    }

    #[test]
    fn every_command_has_a_page_with_its_options() {
        let folder = std::env::temp_dir().join(format!("affekt-man-{}", std::process::id()));
        let below = Command::new("look")
            .about("Looks.")
            .arg(clap::arg!(--far "How far"))
            .after_help("Examples:\n  p look");
        let hidden = Command::new("secret").hide(true);
        let pages =
            write_pages(Command::new("p").subcommand(below).subcommand(hidden), &folder).expect("written");
        let names: Vec<_> = pages.iter().filter_map(|p| p.file_name()?.to_str()).collect();
        assert_eq!(names, ["p.1", "p-look.1"]);
        let text = std::fs::read_to_string(&pages[1]).expect("a page");
        std::fs::remove_dir_all(&folder).expect("removed");
        for part in [".TH p-look 1", "Looks.", "\\fB\\-\\-far\\fR", ".SH EXAMPLES"] {
            assert!(text.contains(part), "`{part}` in {text}");
        }
    }
}
