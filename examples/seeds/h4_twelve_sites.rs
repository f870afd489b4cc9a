//! H4: twelve front pages, one after the other, by five threads, by three threads as they come, and
//! as async tasks.
//!
//! Follows the four programs that download the same twelve sites: 2.80 s in sequence, 1.04 s with
//! five threads, 1.37 s with three threads and `as_completed`, 1.67 s with three threads and the
//! results in order. The one with processes comes with `ProcessPool`. `manyhands compare` has this
//! experiment with medians, a check of the outputs, and a picture.
//!
//! Better here: it is one function and one loop; what changes is the executor. The results of `map`
//! are read, so that an error cannot vanish.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use std::time::Instant;

use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::{AnyExecutor, InProcess, Task, as_completed};

async fn download_one(session: Session, url: String) -> Result<(), HttpError> {
    let response = session.get(&*url).await?.error_for_status()?;
    println!("Read {} from {url}", response.bytes().len());
    Ok(())
}

type Download = Task<Result<(), HttpError>>;
type Reading = fn(Vec<Download>) -> anyhow::Result<()>;

fn in_order(downloads: Vec<Download>) -> anyhow::Result<()> {
    downloads.into_iter().try_for_each(|download| Ok(download.result()??))
}

fn as_they_come(downloads: Vec<Download>) -> anyhow::Result<()> {
    as_completed(downloads).try_for_each(|download| Ok(download.result()??))
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut sites) = Options::with_words()?;
    if sites.is_empty() {
        sites = Site::start(options.scale())?.front_pages();
    }
    let programs: [(&str, &str, Reading); 5] = [
        ("sequential", "in order", in_order),
        ("threads:5", "in order", in_order),
        ("threads:3", "as completed", as_they_come),
        ("threads:3", "in order", in_order),
        ("async:12", "as completed", as_they_come),
    ];
    for (model, how, read) in programs {
        let executor: AnyExecutor = model.parse()?;
        let session = Session::new();
        println!("{model}, {how}:");
        let start = Instant::now();
        let downloads = sites
            .iter()
            .map(|url| executor.spawn_async(download_one(session.clone(), url.clone())))
            .collect();
        read(downloads)?;
        let took = start.elapsed().as_secs_f64();
        println!("Download {} sites in {took} seconds", sites.len());
    }
    Ok(())
}
