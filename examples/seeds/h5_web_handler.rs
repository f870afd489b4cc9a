//! H5: a web handler that reads a file, a database and an API at the same time.
//!
//! Follows the Flask program whose handler submits three blocking calls of 0.1, 0.2 and 0.3 s to a
//! `ThreadPoolExecutor` and answers with all three results: 0.3 s instead of 0.6 s. For one client,
//! that is. With the default pool of 6 threads (on 2 cores) it measured 0.302, 1.0 and 4.9 s for 1,
//! 10 and 50 clients.
//!
//! # What decides that
//!
//! Each request keeps three threads busy, for 0.6 s of thread time in all. A pool of W threads thus
//! answers at most W / 0.6 requests a second, however fast the server in front of it is; 6 threads
//! answer 10. When more come, they queue in the pool, and the queue is the latency. So either the
//! pool has a thread for every blocking call that may be under way (3 for each client: 150 for 50;
//! threads are started when they are needed, so that a quiet server has few), or the calls do not
//! block: a handler that awaits them needs no pool at all. The handler itself never blocks here: it
//! awaits the tasks, so that the server's one thread serves all clients meanwhile.
//!
//! `h5_web_handler 6` has a pool of 6 threads, to see the queue.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use examples::{Options, serve};
use manyhands::http::{HttpError, Session};
use manyhands::{AsyncPool, TaskError, ThreadPool, as_completed, sleep};

/// For 50 clients with three calls each.
const WORKERS: usize = 150;
const REQUESTS_PER_CLIENT: usize = 5;

struct Backend {
    pool: ThreadPool,
    options: Options,
}

impl Backend {
    async fn answer(&self) -> Result<String, TaskError> {
        let call = |seconds: f64, result: &'static str| {
            let length = self.options.scaled(seconds);
            self.pool.spawn(move || {
                sleep(length); // a call that blocks its thread
                result
            })
        };
        let file = call(0.1, "file_result");
        let database = call(0.2, "read db");
        let api = call(0.3, "read api");
        let answer = serde_json::json!({
            "result_file": file.await?,
            "result_db": database.await?,
            "result_api": api.await?,
        });
        Ok(answer.to_string())
    }
}

async fn index(State(backend): State<Arc<Backend>>) -> Result<String, (StatusCode, String)> {
    let failed = |error: TaskError| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    backend.answer().await.map_err(failed)
}

/// One client: asks again and again, and says how long each answer took.
async fn client(session: Session, url: String) -> Result<Vec<Duration>, HttpError> {
    let mut latencies = Vec::new();
    for _ in 0..REQUESTS_PER_CLIENT {
        let response = session.get(&*url).await?.error_for_status()?;
        latencies.push(response.elapsed());
    }
    Ok(latencies)
}

pub(crate) fn main() -> anyhow::Result<()> {
    let (options, words) = Options::with_words()?;
    let workers = match words.first() {
        Some(word) => word.parse().context("how many threads has the pool?")?,
        None => WORKERS,
    };
    let backend = Arc::new(Backend { pool: ThreadPool::new(workers)?, options });
    let router = Router::new().route("/", get(index)).with_state(Arc::clone(&backend));
    let url = format!("http://{}/", serve(router)?);

    let session = Session::new();
    println!("{}", session.get(&url).send()?.error_for_status()?.text());
    for clients in [1, 10, 50] {
        let pool = AsyncPool::new(clients)?;
        let tasks: Vec<_> =
            (0..clients).map(|_| pool.spawn_async(client(session.clone(), url.clone()))).collect();
        let mut latencies = Vec::new();
        for task in as_completed(tasks) {
            latencies.extend(task.result()??);
        }
        latencies.sort();
        let median = latencies[latencies.len() / 2].as_secs_f64();
        println!("{clients} clients: p50 {median:.3} s");
    }
    println!("threads started: {} of {workers}", backend.pool.statistics().started);
    Ok(())
}
