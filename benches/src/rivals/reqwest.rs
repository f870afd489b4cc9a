//! reqwest: one client on a runtime of tokio with many requests at a time, or many threads with one
//! request each.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex};

use anyhow::{Context, bail, ensure};
pub(crate) use reqwest::Client;
use reqwest::Response;
use rustls::{ClientConfig, RootCertStore};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;

/// As reqwest's own examples have it: a runtime with a worker per core.
pub(crate) const NAME: &str = "reqwest";
/// The least that is possible: everything on one thread.
pub(crate) const ONE_THREAD: &str = "reqwest, one thread";

/// As many threads as requests at a time, each with a runtime and a client of its own.
pub(crate) const THREADS: &str = "reqwest, as many threads";

/// A client without a proxy.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn client() -> anyhow::Result<Client> {
    // Fails if it is installed already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder().no_proxy().build().context("cannot make reqwest's client")
}

/// A runtime with as many workers, or one that the caller's thread turns.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn runtime(workers: Option<NonZeroUsize>) -> anyhow::Result<Runtime> {
    let mut builder = match workers {
        None => Builder::new_current_thread(),
        Some(workers) => {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(workers.get());
            builder
        }
    };
    builder.enable_all().build().context("cannot make tokio's runtime")
}

/// Fetches all of them and adds up the lengths of their bodies.
///
/// # Errors
/// When one of them fails or answers anything but 200.
pub(crate) async fn fetch_all(
    client: &Client,
    urls: impl Iterator<Item = String>,
    in_flight: usize,
) -> anyhow::Result<usize> {
    let mut bytes = 0;
    let mut tasks = JoinSet::new();
    for url in urls {
        if tasks.len() == in_flight
            && let Some(ended) = tasks.join_next().await
        {
            bytes += ended.context("a task failed")??;
        }
        tasks.spawn(length_of(client.clone(), url));
    }
    while let Some(ended) = tasks.join_next().await {
        bytes += ended.context("a task failed")??;
    }
    Ok(bytes)
}

/// Like [`fetch_all`], by `threads` threads that each fetch one after the other.
///
/// # Errors
/// When one of them fails or answers anything but 200.
pub(crate) fn fetch_all_by_threads(
    urls: impl Iterator<Item = String> + Send,
    threads: usize,
) -> anyhow::Result<usize> {
    let urls = Mutex::new(urls);
    let next = || urls.lock().ok()?.next();
    // Made once: a client for each thread that looks for the system's certificates would be a
    // measurement of that.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .context("rustls refuses its own versions")?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth();
    let fetch = || {
        let client = Client::builder().no_proxy().tls_backend_preconfigured(tls.clone()).build();
        let client = client.context("cannot make reqwest's client")?;
        let runtime = runtime(None)?;
        let mut bytes = 0;
        while let Some(url) = next() {
            bytes += runtime.block_on(length_of(client.clone(), url))?;
        }
        anyhow::Ok(bytes)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(fetch)).collect();
        let bytes = threads.into_iter().map(|thread| match thread.join() {
            Ok(bytes) => bytes,
            Err(_) => bail!("a thread panicked"),
        });
        bytes.sum()
    })
}

async fn length_of(client: Client, url: String) -> anyhow::Result<usize> {
    let response = answer(&client, &url).await?;
    Ok(response.bytes().await.with_context(|| format!("cannot read {url}"))?.len())
}

/// Fetches it as text.
///
/// # Errors
/// When that fails or the answer is anything but 200.
pub(crate) async fn text_of(client: &Client, url: &str) -> anyhow::Result<String> {
    let response = answer(client, url).await?;
    response.text().await.with_context(|| format!("cannot read {url}"))
}

async fn answer(client: &Client, url: &str) -> anyhow::Result<Response> {
    let response = client.get(url).send().await.with_context(|| format!("cannot fetch {url}"))?;
    let status = response.status();
    ensure!(status.is_success(), "{url} answered {status}");
    Ok(response)
}
