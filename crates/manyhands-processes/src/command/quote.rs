//! Command lines as a shell would take them, for messages.

use std::ffi::OsStr;
use std::fmt::Write;

/// The words with as few quotes as a shell needs. What is not UTF-8 is shown with replacements.
pub(super) fn command_line<'a>(words: impl IntoIterator<Item = &'a OsStr>) -> String {
    let mut line = String::new();
    for word in words {
        if !line.is_empty() {
            line.push(' ');
        }
        push_quoted(&mut line, &word.to_string_lossy());
    }
    line
}

fn push_quoted(line: &mut String, word: &str) {
    let is_plain = |c: char| c.is_alphanumeric() || "_-+=./:,@%^".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        line.push_str(word);
        return;
    }
    line.push('\'');
    for c in word.chars() {
        match c {
            '\'' => line.push_str("'\\''"),
            c if c.is_control() && c != '\n' && c != '\t' => {
                let _infallible = write!(line, "{}", c.escape_default());
            }
            c => line.push(c),
        }
    }
    line.push('\'');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> String {
        command_line(words.iter().map(OsStr::new))
    }

    #[test]
    fn only_what_needs_quotes_has_them() {
        assert_eq!(line(&["ls", "-l", "/tmp"]), "ls -l /tmp");
        assert_eq!(line(&["echo", "a b", "", "it's", "$HOME"]), r"echo 'a b' '' 'it'\''s' '$HOME'");
    }

    #[test]
    fn a_terminal_is_not_taken_over_by_a_message() {
        assert_eq!(line(&["x", "\u{1b}[2J"]), r"x '\u{1b}[2J'");
    }
}
