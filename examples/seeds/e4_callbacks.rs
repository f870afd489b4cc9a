//! E4: a callback when a call has ended: fetch in workers, parse what they bring in the parent.
//!
//! Follows two programs. The first submits five URLs to a pool of three threads, and to one of three
//! processes, and prints status and URL in `add_done_callback`; the second fetches in worker
//! processes, and has its main process write one line per URL with its size into `db.txt`.
//!
//! Better here: a callback that panics is reported and the others still run; a failed fetch does
//! not vanish; sizes are always in bytes; the connections of a thread or process are kept alive; and a
//! page comes from its worker through shared memory, not through a pipe. `db.txt` is written into the
//! folder for temporary files.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;

use anyhow::Context;
use examples::{Options, Site};
use manyhands::{Bytes, Executor, ExecutorExt, Outcome, ProcessPool, Shutdown, ThreadPool, http};

/// Status, URL and text.
type Page = (u16, String, Bytes);
type Fetched = Outcome<Result<Page, String>>;

fn request(url: String) -> Result<Page, String> {
    let response = http::get(&*url).map_err(|error| error.to_string())?;
    Ok((response.status().as_u16(), url, response.into_bytes().into()))
}

fn read_data(fetched: &Fetched) {
    match fetched {
        Ok(Ok((status, url, _))) => println!("{status} {url}"),
        Ok(Err(error)) => println!("{error}"),
        Err(error) => println!("{error}"),
    }
}

fn request_all(pool: &impl Executor, urls: &[String]) {
    for url in urls {
        let task = pool.submit(request, url.clone());
        task.on_done(read_data);
        drop(task); // detached: it runs, and its callback too
    }
    pool.shutdown(Shutdown::WAIT);
}

fn get_page(url: String) -> Result<Page, String> {
    println!("<进程{}> get {url}", std::process::id());
    match request(url)? {
        page @ (200, ..) => Ok(page),
        (status, url, _) => Err(format!("{url}: {status}")),
    }
}

fn parse_page(fetched: &Fetched, file: &Path) {
    let Ok(Ok((_, url, text))) = fetched else { return read_data(fetched) };
    println!("<进程{}> parse {url}", std::process::id());
    let line = format!("url:<{url}> size:[{}]\n", text.len());
    // One write of one line: lines of others cannot come in between.
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
    println!("threads:");
    request_all(&ThreadPool::new(3)?, &urls);
    println!("processes:");
    request_all(&ProcessPool::new(3)?, &urls);

    let file = std::env::temp_dir().join("db.txt");
    let pool = ProcessPool::new(3)?;
    for url in urls {
        let file = file.clone();
        pool.submit(get_page, url).on_done(move |fetched| parse_page(fetched, &file));
    }
    pool.shutdown(Shutdown::WAIT);
    let written = std::fs::read_to_string(&file)
        .with_context(|| format!("nothing was written to {}", file.display()))?;
    println!("{} lines in {}", written.lines().count(), file.display());
    Ok(())
}
