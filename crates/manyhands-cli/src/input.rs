//! Lists of URLs, from a file or from standard input.
//!
//! One URL stands on each line. Blank lines and lines that start with `#` are skipped, a byte order
//! mark and carriage returns are ignored. A line that is no URL is kept apart with its number, so
//! that it can be reported while the rest goes on.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use anyhow::Context;
use url::Url;

/// Where a line stands; displays as `list.txt:12` or `stdin:3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A line of standard input, counted from 1.
    Stdin(usize),
    /// A line of a file, counted from 1.
    File(PathBuf, usize),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Stdin(line) => write!(f, "stdin:{line}"),
            Origin::File(path, line) => write!(f, "{}:{line}", path.display()),
        }
    }
}

/// A line that is not a URL that can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InvalidLine {
    /// Where it stands.
    pub origin: Origin,
    /// What stands there, shortened if it is long.
    pub text: String,
    /// What is wrong with it.
    pub reason: String,
}

impl fmt::Display for InvalidLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?} {}", self.origin, self.text, self.reason)
    }
}

/// What a list held, in its order.
#[derive(Debug, Default)]
pub(crate) struct UrlList {
    /// The URLs that can be fetched.
    pub urls: Vec<Url>,
    /// The lines that cannot.
    pub invalid: Vec<InvalidLine>,
}

/// Reads a whole list from a file, or from standard input if the path is `-`.
///
/// # Errors
/// When the file cannot be opened or read. Wrong lines are no error; they are in the result.
pub(crate) fn read_list(path: &Path) -> anyhow::Result<UrlList> {
    if path == Path::new("-") {
        return collect(urls_of(io::stdin().lock(), Origin::Stdin))
            .context("cannot read standard input");
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    let origin = |line| Origin::File(path.to_owned(), line);
    collect(urls_of(BufReader::new(file), origin))
        .with_context(|| format!("cannot read {}", path.display()))
}

/// The URLs of a reader, line by line as they are read, so that an endless list can be worked off.
/// `origin` makes the place of a line out of its number.
pub(crate) fn urls_of<R: BufRead>(
    mut reader: R,
    origin: impl Fn(usize) -> Origin,
) -> impl Iterator<Item = io::Result<Result<Url, InvalidLine>>> {
    let mut number = 0;
    let mut line = Vec::new();
    std::iter::from_fn(move || {
        loop {
            line.clear();
            match reader.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Err(error) => return Some(Err(error)),
                Ok(_) => {}
            }
            number += 1;
            let text = String::from_utf8_lossy(&line);
            let text = text.trim_start_matches('\u{feff}').trim();
            if !text.is_empty() && !text.starts_with('#') {
                return Some(Ok(parse_at(text, origin(number))));
            }
        }
    })
}

/// Parses a URL that can be fetched: absolute, http or https, with a host.
///
/// # Errors
/// Says what is wrong with the text, and for a missing scheme how it should look.
pub(crate) fn parse_url(text: &str) -> Result<Url, String> {
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => {
            return Err("has no scheme; a URL starts with http:// or https://".to_owned());
        }
        Err(error) => return Err(format!("is not a URL: {error}")),
    };
    match url.scheme() {
        "http" | "https" => Ok(url),
        other => Err(format!("has the scheme {other}, but only http and https can be fetched")),
    }
}

fn collect(
    lines: impl Iterator<Item = io::Result<Result<Url, InvalidLine>>>,
) -> io::Result<UrlList> {
    let mut list = UrlList::default();
    for line in lines {
        match line? {
            Ok(url) => list.urls.push(url),
            Err(invalid) => list.invalid.push(invalid),
        }
    }
    Ok(list)
}

fn parse_at(text: &str, origin: Origin) -> Result<Url, InvalidLine> {
    const SHOWN: usize = 80;
    parse_url(text).map_err(|reason| {
        let mut shown: String = text.chars().take(SHOWN).collect();
        if shown.len() < text.len() {
            shown.push('…');
        }
        InvalidLine { origin, text: shown, reason }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> (Vec<String>, Vec<String>) {
        let (mut urls, mut invalid) = (Vec::new(), Vec::new());
        for line in urls_of(text, Origin::Stdin) {
            match line.expect("reading from memory succeeds") {
                Ok(url) => urls.push(url.to_string()),
                Err(line) => invalid.push(line.to_string()),
            }
        }
        (urls, invalid)
    }

    #[test]
    fn blank_lines_and_comments_are_skipped_and_numbers_still_count_them() {
        let (urls, invalid) =
            read(b"\xef\xbb\xbfhttp://a.example/\r\n\n  # note\nb.example\nhttps://c.example/x");
        assert_eq!(urls, ["http://a.example/", "https://c.example/x"]);
        assert_eq!(
            invalid,
            ["stdin:4: \"b.example\" has no scheme; a URL starts with http:// or https://"]
        );
    }

    #[test]
    fn other_schemes_and_bad_bytes_are_invalid_lines() {
        let (urls, invalid) = read(b"ftp://a.example/\nhttp://\n\xff\xfe\nhttp://ok.example\n");
        assert_eq!(urls, ["http://ok.example/"]);
        assert_eq!(invalid.len(), 3);
        assert!(invalid[0].contains("scheme ftp"), "{}", invalid[0]);
        assert!(invalid[1].starts_with("stdin:2: "), "{}", invalid[1]);
        assert!(invalid[2].starts_with("stdin:3: "), "{}", invalid[2]);
    }

    #[test]
    fn a_long_wrong_line_is_shown_shortened() {
        let (_, invalid) = read("ä".repeat(500).as_bytes());
        assert!(invalid[0].chars().count() < 200, "{}", invalid[0]);
        assert!(invalid[0].contains('…'));
    }

    #[test]
    fn origins_name_their_place() {
        assert_eq!(Origin::File("list.txt".into(), 12).to_string(), "list.txt:12");
        assert_eq!(Origin::Stdin(2).to_string(), "stdin:2");
    }
}
