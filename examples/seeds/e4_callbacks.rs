//! E4: a callback when a call has ended: fetch in workers, parse what they bring.
//!
//! Follows two programs. The first submits five URLs to a pool of three threads and prints status
//! and URL in `add_done_callback`; the second writes one line per URL with its size into `db.txt`.
//! Its fetching in worker processes comes with `ProcessPool`.
//!
//! Better here: a callback that panics is reported and the others still run; a failed fetch does
//! not vanish; sizes are always in bytes; the connections of a thread are kept alive. `db.txt` is
//! written into the folder for temporary files.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use examples::{Options, Site};
use manyhands::http::{HttpError, Response, Session};
use manyhands::{Executor, Outcome, Shutdown, ThreadPool};

type Fetched = Outcome<Result<Response, HttpError>>;

fn get_page(session: &Session, url: &str) -> Result<Response, HttpError> {
    println!("<进程{}> get {url}", std::process::id());
    session.get(url).send()?.error_for_status()
}

fn read_data(fetched: &Fetched) {
    match fetched {
        Ok(Ok(response)) => println!("{} {}", response.status().as_u16(), response.url()),
        Ok(Err(error)) => println!("{error}"),
        Err(error) => println!("{error}"),
    }
}

fn parse_page(fetched: &Fetched, file: &Path) {
    let Ok(Ok(response)) = fetched else { return read_data(fetched) };
    println!("<进程{}> parse {}", std::process::id(), response.url());
    let line = format!("url:<{}> size:[{}]\n", response.url(), response.bytes().len());
    // One write of one line: lines of other threads cannot come in between.
    let appended = OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = appended {
        println!("{}: {error}", file.display());
    }
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    if urls.is_empty() {
        urls = Site::start(options.scale())?.front_pages().into_iter().take(5).collect();
    }
    let session = Session::new();

    let pool = ThreadPool::new(3)?;
    for url in urls.clone() {
        let session = session.clone();
        let task = pool.spawn(move || session.get(url).send());
        task.on_done(read_data);
        drop(task); // detached: it runs, and its callback too
    }
    pool.shutdown(Shutdown::WAIT);

    let file = std::env::temp_dir().join("db.txt");
    let pool = ThreadPool::new(3)?;
    for url in urls {
        let (session, file) = (session.clone(), file.clone());
        pool.spawn(move || get_page(&session, &url))
            .on_done(move |fetched| parse_page(fetched, &file));
    }
    pool.shutdown(Shutdown::WAIT);
    let written = std::fs::read_to_string(&file)
        .with_context(|| format!("nothing was written to {}", file.display()))?;
    println!("{} lines in {}", written.lines().count(), file.display());
    Ok(())
}
