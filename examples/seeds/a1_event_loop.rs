//! A1: asyncio: an event loop, tasks, and waiting for all of them.
//!
//! Follows the program that gets an event loop, makes a list of tasks with `create_task`, and runs
//! the loop until `asyncio.wait(tasks)` is done.
//!
//! Better here: there is no loop to get and no colour to keep apart. The tasks run on all cores, the
//! plain function `main` waits for them, and they are the same kind of handle as those of a pool of
//! threads. A task that fails says so at its result.
//!
//! URLs may be given as arguments; without any, a local site is fetched.

use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::{spawn_async, wait_all};

async fn get_url(session: Session, url: String) -> Result<usize, HttpError> {
    let response = session.get(url).await?.error_for_status()?;
    Ok(response.bytes().len())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, mut urls) = Options::with_words()?;
    if urls.is_empty() {
        urls = Site::start(options.scale())?.front_pages();
    }
    let session = Session::new();
    let tasks: Vec<_> =
        urls.iter().map(|url| spawn_async(get_url(session.clone(), url.clone()))).collect();
    let waited = wait_all(&tasks);
    println!("done: {}, not done: {}", waited.done.len(), waited.not_done.len());
    for (url, task) in urls.iter().zip(tasks) {
        println!("{url}: {} bytes", task.result()??);
    }
    Ok(())
}
