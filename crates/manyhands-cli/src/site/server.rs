//! The HTTP server: every page after its wait, on a loopback address, as fast as asked.
//!
//! Bodies are built once and shared; a connection is one task on the runtime's threads, so the
//! server costs next to nothing while its pages wait.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

use super::pages::{self, Page};

/// How long the server pauses when the system has no more file descriptors for it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// A server bound to its port, not yet answering.
#[derive(Debug)]
pub(crate) struct Server {
    listener: TcpListener,
    pages: Arc<HashMap<String, Page>>,
}

impl Server {
    /// Binds `port` on 127.0.0.1, any free one for 0, and scales every wait by `latency`.
    ///
    /// # Errors
    /// When the port is taken or may not be bound.
    pub(crate) async fn bind(port: u16, latency: f64) -> io::Result<Server> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let pages = pages::all().into_iter().map(|mut page| {
            page.latency = page.latency.mul_f64(latency);
            (page.path.clone(), page)
        });
        Ok(Server { listener, pages: Arc::new(pages.collect()) })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// When the system does not tell it.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Answers requests until the future is dropped.
    pub(crate) async fn run(self) {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => {
                    let pages = Arc::clone(&self.pages);
                    tokio::spawn(serve_connection(stream, pages));
                }
                Err(error) if is_of_the_peer(&error) => {}
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    }
}

/// A connection that broke between its arrival and `accept` says nothing about the listener.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
    )
}

async fn serve_connection(stream: TcpStream, pages: Arc<HashMap<String, Page>>) {
    // Without it a small answer could wait for the peer's delayed acknowledgement.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| answer(request, &pages));
    // A client that goes away in the middle ends its own connection only.
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
}

async fn answer(
    request: Request<Incoming>,
    pages: &HashMap<String, Page>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refusal = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD are served\n");
        refusal.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return Ok(refusal);
    }
    let Some(page) = pages.get(request.uri().path()) else {
        return Ok(text(StatusCode::NOT_FOUND, "no such page; / lists them all\n"));
    };
    if !page.latency.is_zero() {
        tokio::time::sleep(page.latency).await;
    }
    let mut response = Response::new(Full::new(page.body.clone()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    Ok(response)
}

fn text(status: StatusCode, body: &'static str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from_static(body.as_bytes())));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
