//! The site: answers every request with the same small body, after a while. Part `site` of this
//! program, so that its CPU time is nobody else's.

use std::cell::OnceCell;
use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::serve::ListenerExt;
use tokio::net::TcpListener;

use crate::process::{Running, part, tell};
use crate::rivals::reqwest::runtime;

/// Bytes of every body.
pub(super) const BODY_BYTES: usize = 1024;

/// A site with one latency: started when it is first needed, ended when the last case that uses it
/// is over.
#[derive(Clone)]
pub(in crate::suites) struct Site {
    latency: Duration,
    running: Rc<OnceCell<(Running, String)>>,
}

impl Site {
    pub(in crate::suites) fn new(latency: Duration) -> Site {
        Site { latency, running: Rc::default() }
    }

    pub(in crate::suites) fn latency(&self) -> Duration {
        self.latency
    }

    /// Its address, without a slash at the end.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn address(&self) -> anyhow::Result<String> {
        if let Some((_, address)) = self.running.get() {
            return Ok(address.clone());
        }
        let mut running = Running::start(part("site", &[self.latency.as_micros().to_string()])?)?;
        let address = running.read_line()?;
        let (_, address) = self.running.get_or_init(|| (running, address));
        Ok(address.clone())
    }
}

/// The words are the latency in microseconds.
pub(super) fn play(words: &[String]) -> anyhow::Result<()> {
    let micros = words.first().and_then(|word| word.parse().ok()).context("which latency?")?;
    let latency = Duration::from_micros(micros);
    let answer = move || async move {
        if !latency.is_zero() {
            tokio::time::sleep(latency).await;
        }
        [b'.'; BODY_BYTES]
    };
    runtime(std::thread::available_parallelism().ok())?
        .block_on(serve(Router::new().fallback(answer)))
}

/// Serves on any free port of this machine and prints the address as the first line.
///
/// # Errors
/// When the port cannot be had.
pub(super) async fn serve(router: Router) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("cannot listen")?;
    let address = listener.local_addr().context("cannot tell the address")?;
    tell(format_args!("http://{address}"))?;
    // Without it a small answer could wait for the peer's delayed acknowledgement.
    let listener = listener.tap_io(|stream| {
        let _ = stream.set_nodelay(true);
    });
    axum::serve(listener, router).await.context("the server ended")
}
