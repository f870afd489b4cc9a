//! What a task of a workload does, in both styles: as a plain function, which waits in place, and as
//! a future. Everything but the wait for the response is the same code.

use std::sync::OnceLock;
use std::time::Duration;

use manyhands::http::{HttpError, Response, Session};
use manyhands::{Context, in_worker};
use serde::{Deserialize, Serialize};

use super::compute::{count_primes, mix, output_of};
use super::protocol::{Client, Outcome, Output, Sample, Work};
use super::usage::now_s;

/// One task with all that it needs, so that it can be sent to where it runs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Assignment {
    /// What to do.
    pub work: Work,
    /// How to fetch.
    pub client: Client,
    /// When the run began, on the clock that all processes share.
    pub origin_s: f64,
}

/// Does the task here and now, and says who did it.
pub(crate) fn perform(assignment: Assignment) -> Sample {
    let start_s = now_s();
    let outcome = match assignment.work {
        Work::CountPrimes { from, until } => counted(from, until),
        Work::Fetch { url } => finish(
            session(assignment.client).and_then(|session| session.get(url).send()),
            output_of,
        ),
        Work::FetchAndMix { url, rounds } => {
            finish(session(assignment.client).and_then(|session| session.get(url).send()), |body| {
                mixed(body, rounds)
            })
        }
    };
    sample(Some(worker()), start_s, assignment.origin_s, outcome)
}

/// Does the task as a future. It may move from thread to thread, so nobody in particular did it.
pub(crate) async fn perform_async(assignment: Assignment) -> Sample {
    let start_s = now_s();
    let outcome = match assignment.work {
        Work::CountPrimes { from, until } => counted(from, until),
        Work::Fetch { url } => finish(fetch(assignment.client, url).await, output_of),
        Work::FetchAndMix { url, rounds } => {
            finish(fetch(assignment.client, url).await, |body| mixed(body, rounds))
        }
    };
    sample(None, start_s, assignment.origin_s, outcome)
}

/// Who works here: in a process of a pool that process, else the thread or whatever it is.
fn worker() -> String {
    match in_worker() {
        true => format!("process {}", std::process::id()),
        false => Context::current().name().to_string(),
    }
}

async fn fetch(client: Client, url: String) -> Result<Response, HttpError> {
    session(client)?.get(url).await
}

/// The one session of this process. All assignments of a run have the same client.
fn session(client: Client) -> Result<&'static Session, HttpError> {
    static SESSION: OnceLock<Session> = OnceLock::new();
    if let Some(session) = SESSION.get() {
        return Ok(session);
    }
    let timeout = Duration::from_secs_f64(client.timeout_s);
    let builder =
        Session::builder().timeout(timeout).idle_timeout(timeout).connect_timeout(timeout);
    let builder = if client.direct { builder.no_proxy() } else { builder };
    let session = builder.build()?;
    Ok(SESSION.get_or_init(|| session))
}

fn finish(
    response: Result<Response, HttpError>,
    evaluate: impl FnOnce(&[u8]) -> Output,
) -> Outcome {
    match response.and_then(Response::error_for_status) {
        Ok(response) => Outcome::Done(evaluate(response.bytes())),
        // The URL is the task's label already.
        Err(error) => Outcome::Failed(format!("{}: {}", error.phase(), error.message())),
    }
}

fn counted(from: u64, until: u64) -> Outcome {
    Outcome::Done(output_of(&count_primes(from, until).to_le_bytes()))
}

fn mixed(body: &[u8], rounds: u64) -> Output {
    let seed = u64::from(crc32fast::hash(body));
    output_of(&mix(seed, rounds).to_le_bytes())
}

fn sample(worker: Option<String>, start_s: f64, origin_s: f64, outcome: Outcome) -> Sample {
    let end_s = now_s() - origin_s;
    Sample { worker, start_s: start_s - origin_s, end_s, outcome }
}
