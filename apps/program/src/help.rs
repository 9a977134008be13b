//! What is wrong with help texts, for the programs' tests.

use clap::Command;

/// Widest line that a terminal of 80 columns shows whole.
const WIDEST: usize = 78;

/// Everything that would be shown raggedly, a line each: the text after a command's help is wrapped to the terminal, so a
/// paragraph must be one line, and an example or a row of a table must fit as it is.
pub fn help_faults(command: &Command) -> Vec<String> {
    let name = command.get_name();
    let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let indented = |line: &str| line.starts_with(' ');
    let mut faults = vec![];
    for (line, next) in lines.iter().zip(lines.iter().skip(1).chain([&""])) {
        if indented(line) && line.chars().count() > WIDEST {
            faults.push(format!("{name}: too wide: {line}"));
        }
        if !line.is_empty() && !indented(line) && !next.is_empty() && !indented(next) {
            faults.push(format!("{name}: wrapped by hand: {line}"));
        }
    }
    faults.extend(command.get_subcommands().flat_map(help_faults));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_examples_and_hand_wrapped_paragraphs_are_found() {
        let good = format!("Examples:\n  a b\n\n{}", "word ".repeat(40));
        assert_eq!(help_faults(&Command::new("a").after_help(good)), Vec::<String>::new());
        let bad = Command::new("b").after_help(format!("One\ntwo.\n  {}", "x".repeat(80)));
        assert_eq!(help_faults(&Command::new("a").subcommand(bad)).len(), 2);
    }
}
