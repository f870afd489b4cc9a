//! The URLs to fetch, read on a thread of their own as there is room for them.
//!
//! Reading may block for as long as it likes (somebody types, a pipe is slow): what is under way
//! goes on meanwhile.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::thread;

use anyhow::Context;
use manyhands::http::Url;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::args::{FetchArgs, Source};
use crate::input::{InvalidLine, Origin, urls_of};

/// How many URLs are read ahead.
const AHEAD: usize = 64;
/// Files up to this size are counted beforehand, for the progress bar.
const COUNTED: u64 = 64 << 20;

/// The next thing that was read.
#[derive(Debug)]
pub(crate) enum Item {
    /// A URL.
    Url(Url),
    /// A line that is none.
    Invalid(InvalidLine),
    /// The list that cannot be read any further, and why.
    Broken(String),
}

/// Where the items come from, opened.
enum Opened {
    Url(Url),
    Stdin,
    File(PathBuf, File),
}

/// Opens what the arguments name and begins to read.
///
/// # Errors
/// When a file cannot be opened, or there is no thread to be had.
pub(crate) fn read(args: &FetchArgs) -> anyhow::Result<Receiver<Item>> {
    let mut sources = Vec::new();
    for source in &args.sources {
        sources.push(match source {
            Source::Url(url) => Opened::Url(url.clone()),
            Source::Stdin => Opened::Stdin,
        });
    }
    for path in &args.files {
        sources.push(open(path)?);
    }
    let (sender, items) = channel(AHEAD);
    thread::Builder::new()
        .name("list".to_owned())
        .spawn(move || {
            // It ends early when nobody wants any more.
            sources.into_iter().try_for_each(|source| send_all(source, &sender))
        })
        .context("cannot start the thread that reads the list")?;
    Ok(items)
}

/// How many there will be, where that can be known quickly.
pub(crate) fn length(args: &FetchArgs) -> Option<u64> {
    let mut length = 0;
    for source in &args.sources {
        match source {
            Source::Url(_) => length += 1,
            Source::Stdin => return None,
        }
    }
    for path in &args.files {
        let data = path.metadata().ok()?;
        if !data.is_file() || data.len() > COUNTED {
            return None;
        }
        let lines = BufReader::new(File::open(path).ok()?).split(b'\n');
        let counts = |line: &Vec<u8>| !matches!(line.trim_ascii(), [] | [b'#', ..]);
        length += lines.map_while(Result::ok).filter(counts).count() as u64;
    }
    Some(length)
}

fn open(path: &Path) -> anyhow::Result<Opened> {
    if path == Path::new("-") {
        return Ok(Opened::Stdin);
    }
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Opened::File(path.to_owned(), file))
}

fn send_all(source: Opened, sender: &Sender<Item>) -> Result<(), NobodyListens> {
    match source {
        Opened::Url(url) => send(sender, Item::Url(url)),
        Opened::Stdin => send_lines(io::stdin().lock(), Origin::Stdin, "standard input", sender),
        Opened::File(path, file) => {
            let name = path.display().to_string();
            let origin = |line| Origin::File(path.clone(), line);
            send_lines(BufReader::new(file), origin, &name, sender)
        }
    }
}

fn send_lines(
    reader: impl BufRead,
    origin: impl Fn(usize) -> Origin,
    name: &str,
    sender: &Sender<Item>,
) -> Result<(), NobodyListens> {
    for line in urls_of(reader, origin) {
        match line {
            Ok(Ok(url)) => send(sender, Item::Url(url))?,
            Ok(Err(invalid)) => send(sender, Item::Invalid(invalid))?,
            Err(error) => {
                return send(sender, Item::Broken(format!("cannot read {name}: {error}")));
            }
        }
    }
    Ok(())
}

struct NobodyListens;

fn send(sender: &Sender<Item>, item: Item) -> Result<(), NobodyListens> {
    sender.blocking_send(item).map_err(|_| NobodyListens)
}
