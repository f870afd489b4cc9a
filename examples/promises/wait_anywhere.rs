//! One way to wait: a blocking operation is written once, as a future, and waited for from wherever
//! the caller stands. Here the same fetch is called from the main thread, from workers of a pool,
//! and from async tasks, and the blocking style works inside an async runtime's thread as well.

use examples::{Options, Site};
use manyhands::http::{HttpError, Session};
use manyhands::{ThreadPool, spawn_async, wait};

/// Async code, as any library brings it.
async fn fetch(session: &Session, url: &str) -> Result<u64, HttpError> {
    Ok(session.get(url).await?.error_for_status()?.body_length())
}

pub(crate) fn main() -> anyhow::Result<()> {
    let options = Options::parse()?;
    let url = Site::start(options.scale())?.hourly_pages().swap_remove(0);
    let session = Session::new();

    println!("from the main thread: {} bytes", wait(fetch(&session, &url))?);

    let pool = ThreadPool::new(2)?;
    let (of_worker, page) = (session.clone(), url.clone());
    let task = pool.spawn(move || wait(fetch(&of_worker, &page)));
    println!("from a worker: {} bytes", task.result()??);

    let (of_task, page) = (session.clone(), url.clone());
    let task = spawn_async(async move { fetch(&of_task, &page).await });
    println!("from async code: {} bytes", task.result()??);

    let task = spawn_async(async move {
        // A call in blocking style, deep inside some library, from a thread of the runtime.
        session.get(&url).send().map(|response| response.body_length())
    });
    println!("from blocking code inside async code: {} bytes", task.result()??);
    Ok(())
}
