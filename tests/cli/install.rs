//! What stands beside the program where it is installed: version, completions, man pages.

use std::process::{Command, Stdio};

use crate::program::{Lab, affekt};

/// The commands that `--help` lists.
fn commands() -> Vec<String> {
    let help = affekt(["--help"]).done().out;
    let listed = help.split("Commands:").nth(1).unwrap().split("\n\n").next().unwrap();
    let names = listed.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty() && *name != "help").map(str::to_owned).collect()
}

#[test]
fn the_version_says_what_was_built_and_the_short_one_is_a_line() {
    let long = affekt(["--version"]).done().out;
    for part in ["affekt 0.", "\ncommit ", "\nfeatures ", "\ninstruction sets "] {
        assert!(long.contains(part), "`{part}` is missing in {long}");
    }
    assert!(long.trim_end().ends_with("portable"), "every processor runs those kernels: {long}");
    assert_eq!(affekt(["-V"]).done().out.lines().count(), 1);
}

#[test]
fn every_shell_gets_a_script_that_knows_every_command() {
    let commands = commands();
    assert!(commands.len() > 10, "{commands:?}");
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = affekt(["completions", shell]).done().out;
        for word in commands.iter().map(String::as_str).chain(["detect-every"]) {
            assert!(script.contains(word), "{shell}: `{word}` is missing");
        }
    }
    affekt(["completions", "tcsh"]).refused(2, &["tcsh"]);
}

#[test]
fn bash_completes_commands_and_options() {
    let script = affekt(["completions", "bash"]).done().out;
    let complete = |words: &str, at: usize| {
        // As bash calls it: the command, the word that is typed, the word before it.
        let (before, word) = words.rsplit_once(' ').unwrap();
        let ask = format!(
            "{script}\nCOMP_WORDS=({words}) COMP_CWORD={at}\n_affekt affekt '{word}' '{before}'\necho \"${{COMPREPLY[@]}}\""
        );
        // Where there is no bash there is nothing to complete in.
        let asked = Command::new("bash").args(["-c", &ask]).stdin(Stdio::null()).output();
        asked.ok().map(|output| String::from_utf8(output.stdout).unwrap())
    };
    let Some(commands) = complete("affekt an", 1) else { return println!("left out: there is no bash") };
    assert_eq!(commands.trim(), "analyze");
    assert_eq!(complete("affekt analyze --annot", 2).unwrap().trim(), "--annotated");
    assert!(complete("affekt report --thre", 2).unwrap().trim().is_empty(), "report computes nothing");
}

#[test]
fn every_command_has_a_man_page_with_its_options_and_examples() {
    let lab = Lab::new();
    let said = affekt(["man", &lab.text("man/man1")]).done().out;
    let page = |name: &str| std::fs::read_to_string(lab.path(&format!("man/man1/{name}.1"))).unwrap();
    for command in commands() {
        let text = page(&format!("affekt-{command}"));
        assert!(
            text.contains(&format!(".TH affekt-{command} 1")) && text.contains("\\-\\-help"),
            "{command}"
        );
    }
    let analyze = page("affekt-analyze");
    for part in [".SH EXAMPLES\n.nf\n  affekt analyze", "\\-\\-annotated", "\\-\\-threads"] {
        assert!(analyze.contains(part), "`{part}` is missing in {analyze}");
    }
    assert!(page("affekt").contains("affekt\\-analyze(1)") && !page("affekt-report").contains("threads"));
    assert!(page("affekt-data-split").contains("NAME=SHARE"), "commands below commands too");
    let count = std::fs::read_dir(lab.path("man/man1")).unwrap().count();
    assert!(said.starts_with(&format!("{count} pages")), "{said}");
    lab.write("file", b"");
    affekt(["man", &lab.text("file")]).refused(1, &["file"]);
}

#[test]
fn options_for_computing_stand_last_and_only_where_something_computes() {
    let help = |command: &str| affekt([command, "--help"]).done().out;
    for command in ["analyze", "pretrain", "eval", "bench"] {
        let text = help(command);
        let at = text.find("\nComputing:").unwrap_or_else(|| panic!("{command}: {text}"));
        let (_, after) = text.split_at(at);
        let after = after.split("\nExamples:").next().unwrap_or_default();
        assert!(after.contains("--threads") && !text[..at].contains("--threads"), "{command}: {text}");
        assert!(!after.contains("\nOptions:") && !after.contains("--out"), "{command}: {text}");
    }
    for command in ["report", "synth", "data", "abaw", "completions", "man"] {
        assert!(!help(command).contains("--threads"), "{command}");
    }
    affekt(["report", "--backend", "cpu", "runs/a"]).refused(2, &["--backend"]);
}

#[test]
fn quiet_and_out_have_a_letter_wherever_they_are() {
    for name in commands() {
        let help = affekt([&name, "--help"]).done().out;
        for (long, short) in [("--quiet", "-q, --quiet"), ("--out ", "-o, --out ")] {
            assert!(!help.contains(&format!(" {long}")) || help.contains(short), "{name}: {help}");
        }
    }
}

#[test]
fn help_about_help_is_help() {
    let whole = affekt(["help"]).done();
    for asked in [&["help", "--help"][..], &["help", "-h"], &["--help"]] {
        let told = affekt(asked).done();
        assert!(told.err.is_empty() && told.out.contains("First steps:"), "{asked:?}: {told:?}");
    }
    assert_eq!(affekt(["help", "--help"]).done().out, whole.out);
    assert_eq!(affekt(["help", "analyze", "--help"]).done().out, affekt(["help", "analyze"]).done().out);
    assert_eq!(affekt(["data", "help", "--help"]).done().out, affekt(["data", "help"]).done().out);
    // Elsewhere the flag is the command's own.
    assert!(affekt(["analyze", "help", "--help"]).done().out.contains("affekt analyze"));
}
