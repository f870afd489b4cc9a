//! The web handler: for each request three blocking calls at the same time, whose results it awaits.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use manyhands::{AnyExecutor, InProcess};

use super::site::serve;
use crate::ours;
use crate::rivals::reqwest::runtime;

/// The calls' lengths and how they are made; read from the words FIRST_MS SECOND_MS THIRD_MS HOW.
struct Order {
    calls_ms: [u64; 3],
    how: String,
}

impl Order {
    fn read(words: &[String]) -> anyhow::Result<Order> {
        let [first, second, third, how] = words else {
            anyhow::bail!("a handler needs FIRST_MS SECOND_MS THIRD_MS HOW, not {words:?}");
        };
        let number = |word: &String| word.parse().with_context(|| format!("{word} is no number"));
        let calls_ms = [number(first)?, number(second)?, number(third)?];
        Ok(Order { calls_ms, how: how.clone() })
    }
}

/// A call that blocks its thread.
fn blocking_call(milliseconds: u64) -> u64 {
    std::thread::sleep(Duration::from_millis(milliseconds));
    milliseconds
}

type Answer = Result<String, StatusCode>;

/// On an executor of ours; HOW is its name.
pub(super) fn play_ours(words: &[String]) -> anyhow::Result<()> {
    async fn answer(executor: Arc<AnyExecutor>, calls_ms: [u64; 3]) -> Answer {
        let calls = calls_ms.map(|length| executor.spawn(move || blocking_call(length)));
        let mut sum = 0;
        for call in calls {
            sum += call.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        }
        Ok(sum.to_string())
    }
    let Order { calls_ms, how } = Order::read(words)?;
    let executor = Arc::new(ours::by_name(&how)?);
    let handler = move || answer(Arc::clone(&executor), calls_ms);
    runtime(std::thread::available_parallelism().ok())?
        .block_on(serve(Router::new().route("/", get(handler))))
}

/// On tokio's blocking threads; HOW is ignored.
pub(super) fn play_tokio(words: &[String]) -> anyhow::Result<()> {
    async fn answer(calls_ms: [u64; 3]) -> Answer {
        let calls =
            calls_ms.map(|length| tokio::task::spawn_blocking(move || blocking_call(length)));
        let mut sum = 0;
        for call in calls {
            sum += call.await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
        }
        Ok(sum.to_string())
    }
    let Order { calls_ms, .. } = Order::read(words)?;
    let handler = move || answer(calls_ms);
    runtime(std::thread::available_parallelism().ok())?
        .block_on(serve(Router::new().route("/", get(handler))))
}
