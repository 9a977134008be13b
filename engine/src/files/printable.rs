//! Words of a file, fit to be shown.

use std::fmt::Write as _;

/// Most characters that a message quotes of a file.
pub const QUOTED: usize = 60;

/// The text as one line of at most `most` characters: control characters and those that turn the direction of writing are
/// escaped as Rust writes them (`\n`, `\u{1b}`), so that no file can steer the terminal it is shown on; what is too long ends
/// in `...`.
///
/// ```
/// use affekt_engine::files::printable;
///
/// assert_eq!(printable("plain, also Ünïcödé 語", 60), "plain, also Ünïcödé 語");
/// assert_eq!(printable("\u{1b}[31mred", 60), r"\u{1b}[31mred");
/// assert_eq!(printable("a long text", 8), "a lon...");
/// ```
pub fn printable(text: &str, most: usize) -> String {
    const CUT: &str = "...";
    let (mut shown, mut length) = (String::new(), 0);
    // Where the text is cut if it turns out to be too long.
    let (mut cut_at, room) = (0, most.saturating_sub(CUT.len()));
    for c in text.chars() {
        let start = shown.len();
        if steers(c) {
            let _ = write!(shown, "{}", c.escape_default());
        } else {
            shown.push(c);
        }
        length += shown[start..].chars().count();
        if length <= room {
            cut_at = shown.len();
        }
        if length > most {
            shown.truncate(cut_at);
            shown.extend(CUT.chars().take(most));
            break;
        }
    }
    shown
}

/// The text in backquotes, at most [`QUOTED`] characters of it, as [`printable`] shows it.
pub fn quoted(text: &str) -> String {
    format!("`{}`", printable(text, QUOTED))
}

/// What a library says of a file's content, in one line of some hundred characters: it may quote a word of the file however long that
/// is, and says behind it what was expected and where. So the middle of a long text is left out.
///
/// ```
/// use affekt_engine::files::shortened;
///
/// assert_eq!(shortened("missing field `seed` at line 2 column 1"), "missing field `seed` at line 2 column 1");
/// let long = format!("invalid type: string \"{}\", expected a number at line 7", "x".repeat(9000));
/// assert!(shortened(&long).len() < 350 && shortened(&long).ends_with("expected a number at line 7"));
/// ```
pub fn shortened(error: impl std::fmt::Display) -> String {
    const START: usize = 160;
    const END: usize = 120;
    let text = error.to_string();
    // Any two places that are no longer apart than this hold all of it.
    let short = printable(&text, START + END);
    if !short.ends_with("...") || text.ends_with("...") && text.chars().count() <= START + END {
        return short;
    }
    let end: Vec<char> = text.chars().rev().take(END).collect();
    let end = printable(&end.into_iter().rev().collect::<String>(), usize::MAX);
    // Escaped it may be longer again.
    let end: String = end.chars().skip(end.chars().count().saturating_sub(END)).collect();
    format!("{} {end}", printable(&text, START))
}

/// Control characters, separators of lines and paragraphs, marks and overrides of direction, and the byte order mark.
fn steers(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_steers_a_terminal_is_left() {
        let all: String = (0..=0x10_ffff).filter_map(char::from_u32).filter(|&c| steers(c)).collect();
        assert!(all.chars().count() > 65, "control characters of both ranges, and others");
        let shown = printable(&all, usize::MAX);
        assert!(shown.is_ascii() && !shown.chars().any(char::is_control), "{shown}");
        assert_eq!(printable("a\tb\r\nc\u{7}\u{9b}m", 60), r"a\tb\r\nc\u{7}\u{9b}m");
        assert_eq!(printable(r"C:\Users\ä'ö", 60), r"C:\Users\ä'ö", "what does no harm stays");
    }

    #[test]
    fn a_long_complaint_keeps_its_start_and_its_end() {
        let word = "\u{1b}語x".repeat(300_000);
        let shown = shortened(format!("unknown field `{word}`, expected `a` or `b` at line 1 column 9"));
        assert!(shown.chars().count() <= 281 && !shown.contains('\u{1b}'), "{shown}");
        assert!(
            shown.starts_with("unknown field `") && shown.ends_with("expected `a` or `b` at line 1 column 9"),
            "{shown}"
        );
        for text in ["", "short", "ends in ...", &"y".repeat(280)] {
            assert_eq!(shortened(text), text);
        }
        assert!(shortened("z".repeat(281)).contains("... z"));
    }

    #[test]
    fn no_text_is_longer_than_asked_for() {
        for text in ["", "abc", "äöü語", "\u{1b}\u{1b}\u{1b}", &"x".repeat(1 << 20), &"\n".repeat(100)] {
            for most in [0, 1, 2, 3, 4, 5, 8, 60] {
                let shown = printable(text, most);
                assert!(shown.chars().count() <= most, "{most}: {shown}");
                assert!(
                    most < 8 || shown == text || shown.ends_with("...") || shown.contains('\\'),
                    "{shown}"
                );
            }
        }
        assert_eq!(printable("12345", 5), "12345");
        assert_eq!(printable("123456", 5), "12...");
        assert_eq!(printable("12\u{1b}456", 5), "12...", "an escape is shown whole or not at all");
        assert_eq!(quoted("a\nb"), r"`a\nb`");
    }
}
