//! H4: twelve front pages, one after the other, by five threads, by three threads as they come, by
//! processes, and as async tasks.
//!
//! Follows the five programs that download the same twelve sites: 2.80 s in sequence, 1.04 s with
//! five threads, 1.65 s with as many processes as there are processors, 1.37 s with three threads and
//! `as_completed`, 1.67 s with three threads and the results in order. `manyhands compare` has this
//! experiment with medians, a check of the outputs, and a picture.
//!
//! Better here: it is one function and one loop; what changes is the executor. A future runs where its
//! memory is, so what processes get is a call that waits for it. The results of `map` are read, so
//! that an error cannot vanish.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use std::sync::LazyLock;
use std::time::Instant;

use anyhow::Error;
use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::{AnyExecutor, ExecutorExt, InProcess, Model, Task, as_completed, wait};

async fn download_one(session: Session, url: String) -> Result<(), HttpError> {
    let response = session.get(&*url).await?.error_for_status()?;
    println!("Read {} from {url}", response.bytes().len());
    Ok(())
}

/// In another process: with the session of that process, and an error that can be sent.
fn download_there(url: String) -> Result<(), String> {
    static SESSION: LazyLock<Session> = LazyLock::new(Session::new);
    wait(download_one(SESSION.clone(), url)).map_err(|error| error.to_string())
}

type Download = Task<Result<(), String>>;
type Reading = fn(Vec<Download>) -> anyhow::Result<()>;

fn in_order(downloads: Vec<Download>) -> anyhow::Result<()> {
    downloads.into_iter().try_for_each(|download| download.result()?.map_err(Error::msg))
}

fn as_they_come(downloads: Vec<Download>) -> anyhow::Result<()> {
    as_completed(downloads).try_for_each(|download| download.result()?.map_err(Error::msg))
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut sites) = Options::with_words()?;
    if sites.is_empty() {
        sites = Site::start(options.scale())?.front_pages();
    }
    let programs: [(&str, &str, Reading); 6] = [
        ("sequential", "in order", in_order),
        ("threads:5", "in order", in_order),
        ("processes", "in order", in_order),
        ("threads:3", "as completed", as_they_come),
        ("threads:3", "in order", in_order),
        ("async:12", "as completed", as_they_come),
    ];
    for (model, how, read) in programs {
        let executor: AnyExecutor = model.parse()?;
        let session = Session::new();
        println!("{model}, {how}:");
        let start = Instant::now();
        let download = |url: &String| {
            let (session, url) = (session.clone(), url.clone());
            if matches!(executor.model(), Model::Processes(_)) {
                return executor.submit(download_there, url);
            }
            executor.spawn_async(async {
                download_one(session, url).await.map_err(|error| error.to_string())
            })
        };
        read(sites.iter().map(download).collect())?;
        let took = start.elapsed().as_secs_f64();
        println!("Download {} sites in {took} seconds", sites.len());
    }
    Ok(())
}
