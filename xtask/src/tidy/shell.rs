//! Reads the simple commands out of the fenced shell blocks of a Markdown file.

/// The words of one simple command and the line on which it starts (from 1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Simple {
    pub(crate) line: usize,
    pub(crate) words: Vec<String>,
}

/// Every simple command in the blocks fenced as sh, bash, shell or console.
///
/// Pipelines and lists are taken apart; assignments and words like `sudo`, `time` and `do` in front
/// are dropped; quotes are taken off; comments, redirections and here-documents are left out. In a
/// console block only the lines with a `$` prompt are commands.
pub(crate) fn commands(markdown: &str) -> Vec<Simple> {
    let mut found = Vec::new();
    let mut block: Option<Block> = None;
    for (index, line) in markdown.lines().enumerate() {
        let text = line.trim();
        match (&mut block, text.strip_prefix("```")) {
            (None, Some(info)) => block = Some(Block::open(info, index + 2)),
            (Some(open), Some(_)) => {
                found.extend(open.commands());
                block = None;
            }
            (Some(open), None) => open.push(text),
            (None, None) => {}
        }
    }
    found
}

struct Block {
    first_line: usize,
    kind: Kind,
    lines: Vec<String>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Script,
    Console,
    Other,
}

impl Block {
    fn open(info: &str, first_line: usize) -> Block {
        let language = info.split(|c: char| !c.is_alphanumeric()).next().unwrap_or_default();
        let kind = match language {
            "sh" | "bash" | "shell" => Kind::Script,
            "console" => Kind::Console,
            _ => Kind::Other,
        };
        Block { first_line, kind, lines: Vec::new() }
    }

    fn push(&mut self, text: &str) {
        let goes_on = self.lines.last().is_some_and(|line| line.ends_with('\\'));
        let kept = match self.kind {
            Kind::Script => text,
            Kind::Console if goes_on => text,
            Kind::Console => text.strip_prefix("$ ").unwrap_or_default(),
            Kind::Other => "",
        };
        self.lines.push(kept.to_owned());
    }

    fn commands(&self) -> Vec<Simple> {
        let mut found = Vec::new();
        let mut lines = self.lines.iter().enumerate();
        while let Some((index, line)) = lines.next() {
            let mut whole = line.clone();
            while whole.ends_with('\\') {
                whole.pop();
                let Some((_, next)) = lines.next() else { break };
                whole.push_str(next);
            }
            let (simple, here_document) = split(&whole);
            let line = self.first_line + index;
            found.extend(simple.into_iter().map(|words| Simple { line, words }));
            if let Some(end) = here_document {
                lines.find(|(_, line)| **line == end);
            }
        }
        found
    }
}

/// Splits one logical line into simple commands; also the end mark of a here-document, if one opens.
fn split(line: &str) -> (Vec<Vec<String>>, Option<String>) {
    let mut splitter = Splitter::default();
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\'' => splitter.quoted(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => {
                let mut escaped = false;
                splitter.quoted(chars.by_ref().take_while(|c| {
                    let closes = *c == '"' && !escaped;
                    escaped = *c == '\\' && !escaped;
                    !closes
                }));
            }
            '\\' => splitter.quoted(chars.next().into_iter()),
            '#' if splitter.word.is_none() => break,
            c if c.is_whitespace() => splitter.end_word(),
            '<' | '>' => {
                splitter.redirect();
                while let Some(more) = chars.next_if(|c| "<>&-".contains(*c)) {
                    splitter.here_document |= more == '<';
                }
            }
            '|' | '&' | ';' | '(' | ')' => splitter.end_command(),
            c => splitter.word.get_or_insert_default().push(c),
        }
    }
    splitter.end_command();
    (splitter.commands, splitter.end_mark)
}

#[derive(Default)]
struct Splitter {
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    word: Option<String>,
    redirecting: bool,
    here_document: bool,
    end_mark: Option<String>,
}

impl Splitter {
    fn quoted(&mut self, text: impl Iterator<Item = char>) {
        self.word.get_or_insert_default().extend(text);
    }

    fn redirect(&mut self) {
        // The number of a file descriptor stands right before the sign.
        if self.word.as_ref().is_some_and(|word| word.chars().all(|c| c.is_ascii_digit())) {
            self.word = None;
        }
        self.end_word();
        self.redirecting = true;
        self.here_document = false;
    }

    fn end_word(&mut self) {
        let Some(word) = self.word.take() else { return };
        if !self.redirecting {
            self.words.push(word);
        } else if self.here_document {
            self.end_mark = Some(word);
        }
        self.redirecting = false;
    }

    fn end_command(&mut self) {
        self.end_word();
        self.redirecting = false;
        let words = std::mem::take(&mut self.words);
        let command: Vec<String> = words.into_iter().skip_while(|word| is_in_front(word)).collect();
        if !command.is_empty() {
            self.commands.push(command);
        }
    }
}

/// Words that stand in front of a command and are not the command.
fn is_in_front(word: &str) -> bool {
    const PREFIXES: &[&str] =
        &["sudo", "time", "exec", "do", "then", "else", "if", "while", "until", "!", "{", "env"];
    let is_assignment = word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    });
    is_assignment || PREFIXES.contains(&word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split_words(line: &str) -> Vec<String> {
        split(line).0.iter().map(|words| words.join("␣")).collect()
    }

    #[test]
    fn commands_come_with_their_lines() {
        let markdown = "# Title\n\n```sh\n# first\ncargo test\n\ncargo doc # all\n```\n\n```rust\ncargo no\n```\n";
        let found = commands(markdown);
        let shown: Vec<(usize, String)> =
            found.iter().map(|simple| (simple.line, simple.words.join(" "))).collect();
        assert_eq!(shown, [(5, "cargo test".to_owned()), (7, "cargo doc".to_owned())]);
    }

    #[test]
    fn lists_and_pipelines_are_taken_apart() {
        assert_eq!(split_words("a 1 && b 2 || c; d | e & f"), ["a␣1", "b␣2", "c", "d", "e", "f"]);
        assert_eq!(split_words("for x in 1 2; do sudo A=1 go; done")[1], "go");
    }

    #[test]
    fn quotes_comments_and_redirections_are_understood() {
        assert_eq!(split_words("a 'b | c' \"d \\\" ; e\" f\\ g # h"), ["a␣b | c␣d \\\" ; e␣f g"]);
        assert_eq!(split_words("a 2>&1 >out <in b#c"), ["a␣b#c"]);
        assert_eq!(split_words("a 2>/dev/null b"), ["a␣b"]);
    }

    #[test]
    fn continued_lines_are_one_command() {
        let found = commands("```bash\na \\\n  b \\\n  c\nd\n```\n");
        assert_eq!(found[0], Simple { line: 2, words: vec!["a".into(), "b".into(), "c".into()] });
        assert_eq!(found[1].line, 5);
    }

    #[test]
    fn a_here_document_is_no_command() {
        let found = commands("```sh\ncat <<'EOF' > out\nnot this\nEOF\nthis\n```\n");
        let words: Vec<&str> = found.iter().map(|simple| simple.words[0].as_str()).collect();
        assert_eq!(words, ["cat", "this"]);
    }

    #[test]
    fn a_console_block_mixes_commands_and_their_output() {
        let found = commands("1. so\n   ```console\n   $ go now\n   gone\n   ```\n");
        assert_eq!(found, [Simple { line: 3, words: vec!["go".into(), "now".into()] }]);
    }
}
