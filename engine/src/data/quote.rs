//! Text of a file in messages: never long, and never able to steer a terminal.

/// Most characters of a file's content that a message shows.
const SHOWN: usize = 60;

/// Text of a file for a message: at most 60 characters, control characters escaped, `...` where it was cut.
pub fn quoted(text: &str) -> String {
    let mut shown = String::new();
    for (count, character) in text.chars().flat_map(escaped).enumerate() {
        if count == SHOWN {
            shown.push_str("...");
            break;
        }
        shown.push(character);
    }
    shown
}

/// As [`quoted`], for bytes that may be no text.
pub(super) fn quoted_bytes(bytes: &[u8]) -> String {
    // Four bytes a character at most; one more character tells that something was cut.
    quoted(&String::from_utf8_lossy(&bytes[..bytes.len().min(4 * (SHOWN + 1))]))
}

/// The character itself, or its escape where it is a control character or reorders text.
fn escaped(character: char) -> impl Iterator<Item = char> {
    let invisible = matches!(character, '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    let escape = (character.is_control() || invisible).then(|| character.escape_default());
    let plain = escape.is_none().then_some(character);
    plain.into_iter().chain(escape.into_iter().flatten())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_quoted_is_short_and_harmless() {
        assert_eq!(quoted("happy"), "happy");
        assert_eq!(quoted("a\u{1b}[2Jb\n"), "a\\u{1b}[2Jb\\n");
        assert_eq!(quoted("a\u{202e}b"), "a\\u{202e}b");
        let long = quoted(&"x".repeat(9_000_000));
        assert_eq!((long.len(), long.ends_with("x...")), (63, true));
        assert_eq!(quoted_bytes(b"\xffok"), "\u{fffd}ok");
        assert_eq!(quoted(&"y".repeat(60)), "y".repeat(60));
    }
}
