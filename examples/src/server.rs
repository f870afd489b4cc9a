//! A web server on a thread of manyhands: axum on tokio, unchanged. The thread's own reactor serves
//! all connections, because the thread does nothing but wait for the server to end.

use std::net::{SocketAddr, TcpListener};

use anyhow::Context;
use axum::Router;
use manyhands::Thread;

/// Serves `router` on a free port of 127.0.0.1 until the process ends, and returns the address.
///
/// # Errors
/// If the operating system grants no port or no thread.
pub fn serve(router: Router) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no port for the server")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    Thread::builder().name("server").daemon(true).start(move || {
        manyhands::wait(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            axum::serve(listener, router).await
        })
    })?;
    Ok(address)
}
