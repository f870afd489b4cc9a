//! File names for bodies: from URLs, safe in any directory, each given once.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::path::Path;

use manyhands::http::Url;

/// The longest name given, in bytes. File systems take 255; a number may be added, and elsewhere
/// each character may take more room.
const LONGEST: usize = 180;
/// The longest ending that is kept whole when a name is cut.
const LONGEST_ENDING: usize = 16;

/// Gives out names, in the order in which they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// By the hash of the name in small letters, how many names like it were given. Hashes take a
    /// fraction of the room, and two names of one hash cost a number that was not needed.
    given: HashMap<u64, u32>,
    hasher: RandomState,
}

impl Names {
    /// A name for what `url` has, that is not given yet, nor taken in `directory`.
    pub(crate) fn give(&mut self, url: &Url, directory: &Path) -> String {
        let name = from_url(url);
        let like = self.hash(&name);
        let mut count = self.given.get(&like).copied().unwrap_or(0);
        let given = loop {
            count = count.saturating_add(1);
            let numbered = with_number(&name, count);
            let is_given = count > 1 && self.given.contains_key(&self.hash(&numbered));
            // A dangling link is taken as well.
            if !is_given && directory.join(&numbered).symlink_metadata().is_err() {
                break numbered;
            }
        };
        self.given.insert(like, count);
        let own = self.hash(&given);
        self.given.entry(own).or_insert(1);
        given
    }

    fn hash(&self, name: &str) -> u64 {
        self.hasher.hash_one(name.to_lowercase())
    }
}

/// `report.pdf`, then `report-2.pdf` and so on.
pub(crate) fn with_number(name: &str, number: u32) -> String {
    if number == 1 {
        return name.to_owned();
    }
    let (stem, ending) = split_ending(name);
    format!("{stem}-{number}{ending}")
}

/// The last part of the path that is not empty, else the host, and the query.
fn from_url(url: &Url) -> String {
    let last = url.path_segments().and_then(|parts| parts.rev().find(|part| !part.is_empty()));
    let mut name = match last {
        Some(part) => decode(part),
        None => url.host_str().unwrap_or_default().to_owned(),
    };
    if let Some(query) = url.query().filter(|query| !query.is_empty()) {
        // Before the ending, so that the file is still known by it.
        let (stem, ending) = split_ending(&name);
        name = format!("{stem}_{}{ending}", decode(query));
    }
    safe(&name)
}

/// The name with everything replaced that means something to a file system or a shell on any of the
/// usual systems, and cut to a length that all of them take.
fn safe(name: &str) -> String {
    let replaced: String = name
        .chars()
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            c if c.is_control() || c.is_whitespace() => '_',
            // They turn the direction of what follows, and so the ending around.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}' => '_',
            c => c,
        })
        .collect();
    // Neither hidden, nor an option, nor `.` and `..`, nor ending in a dot.
    let trimmed = replaced.trim_end_matches('.').trim_start_matches(['.', '-']);
    let cut = cut(trimmed);
    if cut.is_empty() { "index".to_owned() } else { cut }
}

fn cut(name: &str) -> String {
    if name.len() <= LONGEST {
        return name.to_owned();
    }
    let (stem, ending) = split_ending(name);
    let mut end = LONGEST - ending.len();
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}{ending}", &stem[..end])
}

/// The name and its ending with the dot; without one that looks like one, nothing.
fn split_ending(name: &str) -> (&str, &str) {
    match name.rfind('.') {
        Some(dot) if dot > 0 && name.len() - dot <= LONGEST_ENDING => name.split_at(dot),
        _ => (name, ""),
    }
}

/// Turns `%41` into `A`. What is not text then is shown as U+FFFD.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = (*first == b'%').then(|| tail.get(..2)).flatten();
        match code.and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names_of(urls: &[&str]) -> Vec<String> {
        let mut names = Names::default();
        let nowhere = Path::new("/no/such/directory");
        urls.iter()
            .map(|url| names.give(&url.parse().expect("a URL of the test"), nowhere))
            .collect()
    }

    fn name_of(url: &str) -> String {
        names_of(&[url]).remove(0)
    }

    #[test]
    fn names_come_from_the_end_of_the_path() {
        assert_eq!(name_of("http://a.example/x/report.pdf"), "report.pdf");
        assert_eq!(name_of("http://a.example/x/"), "x");
        assert_eq!(name_of("http://a.example/"), "a.example");
        assert_eq!(name_of("http://a.example/get.php?id=1&b=%C3%A4"), "get_id=1&b=ä.php");
        assert_eq!(name_of("http://a.example/?id=1"), "a_id=1.example");
        assert_eq!(name_of("http://a.example/100%"), "100%");
    }

    #[test]
    fn no_name_leads_out_of_the_directory() {
        for url in [
            "http://a.example/..%2f..%2fetc%2fpasswd",
            "http://a.example/%2e%2e",
            "http://a.example/%2e%2e%2f",
            "http://a.example/..%5c..%5cx",
            "http://a.example/%2fetc%2fpasswd",
            "http://a.example/x%00y",
            "http://a.example/.bashrc",
            "http://a.example/-rf",
            "http://a.example/x?../../y",
            "http://a.example/...",
            "http://a.example/%20",
            "http://a.example/gpj.%E2%80%AEexe",
            "http://a.example/%0a%1b[31m",
        ] {
            let name = name_of(url);
            assert!(!name.is_empty() && !name.starts_with(['.', '-']), "{url}: {name:?}");
            assert!(
                !name.contains(['/', '\\', '\0', '\u{1b}', '\n', '\u{202e}']),
                "{url}: {name:?}"
            );
            assert_eq!(Path::new(&name).components().count(), 1, "{url}: {name:?}");
        }
        assert_eq!(name_of("http://a.example/..%2f..%2fetc%2fpasswd"), "_.._etc_passwd");
        assert_eq!(name_of("http://a.example/%2e%2e%2f"), "_");
        assert_eq!(name_of("http://a.example/%2d%2e"), "index");
    }

    #[test]
    fn long_names_are_cut_and_keep_their_ending() {
        let name = name_of(&format!("http://a.example/{}.tar.gz", "ä".repeat(500)));
        assert!(name.len() <= LONGEST && name.ends_with(".gz"), "{name}");
        assert!(name_of(&format!("http://a.example/{}", "x".repeat(9000))).len() <= LONGEST);
        assert!(name_of(&format!("http://a.example/x.{}", "y".repeat(9000))).len() <= LONGEST);
    }

    #[test]
    fn a_taken_name_gets_a_number_also_if_only_capitals_differ() {
        assert_eq!(
            names_of(&[
                "http://a.example/x.txt",
                "http://b.example/X.TXT",
                "http://c.example/x.txt",
                "http://a.example/x-4.txt",
                "http://d.example/x.txt",
            ]),
            ["x.txt", "X-2.TXT", "x-3.txt", "x-4.txt", "x-5.txt"]
        );
    }

    #[test]
    fn a_file_that_is_there_is_not_overwritten() {
        let directory = tempfile::tempdir().expect("there is room");
        std::fs::write(directory.path().join("x"), "before").expect("there is room");
        std::os::unix::fs::symlink("nowhere", directory.path().join("x-2"))
            .expect("it can be made");
        let url = "http://a.example/x".parse().expect("a URL of the test");
        assert_eq!(Names::default().give(&url, directory.path()), "x-3");
    }

    #[test]
    fn many_of_one_name_do_not_take_longer_and_longer() {
        let mut names = Names::default();
        let url = "http://a.example/same".parse().expect("a URL of the test");
        let last = (0..100_000).map(|_| names.give(&url, Path::new("/no/such"))).last();
        assert_eq!(last.as_deref(), Some("same-100000"));
    }
}
