//! Servers for tests: a site that does what its paths say, and peers that break the rules.

use std::collections::HashMap;
use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// A server on a thread of its own, for as long as the process lives.
pub(crate) struct Server {
    address: SocketAddr,
    scheme: &'static str,
    /// Its certificate, in PEM.
    pub(crate) certificate: String,
    counts: Arc<Counts>,
}

/// What a server has seen.
#[derive(Default)]
struct Counts {
    connections: AtomicUsize,
    open: AtomicUsize,
    requests: AtomicUsize,
    under_way: AtomicUsize,
    most_under_way: AtomicUsize,
    by_path: Mutex<HashMap<String, usize>>,
}

impl Server {
    /// A site that speaks plain HTTP, 1.1 or 2.
    pub(crate) fn plain() -> Server {
        Server::start(None, String::new())
    }

    /// The same over TLS, with a certificate that it signed itself.
    pub(crate) fn secure() -> Server {
        let made = rcgen::generate_simple_self_signed(["localhost".into(), "127.0.0.1".into()])
            .expect("a certificate can be made");
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider suits")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .expect("key and certificate belong together");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Server::start(Some(TlsAcceptor::from(Arc::new(config))), made.cert.pem())
    }

    fn start(tls: Option<TlsAcceptor>, certificate: String) -> Server {
        let counts = Arc::new(Counts::default());
        let scheme = if tls.is_some() { "https" } else { "http" };
        let seen = Arc::clone(&counts);
        let address = accept(move |stream| {
            let (seen, tls) = (Arc::clone(&seen), tls.clone());
            seen.connections.fetch_add(1, Ordering::SeqCst);
            seen.open.fetch_add(1, Ordering::SeqCst);
            async move {
                match tls {
                    None => serve(stream, &seen).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, &seen).await;
                        }
                    }
                }
                seen.open.fetch_sub(1, Ordering::SeqCst);
            }
        });
        Server { address, scheme, certificate, counts }
    }

    /// The URL of a path.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}://localhost:{}{path}", self.scheme, self.address.port())
    }

    /// How many connections were made.
    pub(crate) fn connections(&self) -> usize {
        self.counts.connections.load(Ordering::SeqCst)
    }

    /// How many connections are open.
    pub(crate) fn open(&self) -> usize {
        self.counts.open.load(Ordering::SeqCst)
    }

    /// How many requests came.
    pub(crate) fn requests(&self) -> usize {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// How many requests were under way at a time, at most.
    pub(crate) fn most_under_way(&self) -> usize {
        self.counts.most_under_way.load(Ordering::SeqCst)
    }
}

/// A listener whose connections are handled as `handle` says. Returns its address.
pub(crate) fn accept<F>(handle: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let (tell, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime can be made");
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
            tell.send(listener.local_addr().expect("it is bound")).expect("the test listens");
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(handle(stream));
                }
            }
        });
    });
    address.recv().expect("the server starts")
}

async fn serve(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, seen: &Arc<Counts>) {
    let service = service_fn(|request| {
        let seen = Arc::clone(seen);
        async move {
            seen.requests.fetch_add(1, Ordering::SeqCst);
            let now = seen.under_way.fetch_add(1, Ordering::SeqCst) + 1;
            seen.most_under_way.fetch_max(now, Ordering::SeqCst);
            let _leave = Leave(&seen.under_way);
            Ok::<_, hyper::Error>(answer(request, &seen).await)
        }
    });
    // A client may go away at any time.
    let _ =
        Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
}

struct Leave<'a>(&'a AtomicUsize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn answer(request: Request<Incoming>, seen: &Counts) -> Response<Full<Bytes>> {
    let (head, body) = request.into_parts();
    let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let path = head.uri.path().to_owned();
    let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
    let number = |place: usize| parts.get(place).and_then(|text| text.parse::<u64>().ok());
    let header = |name: &str| {
        head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
    };
    match parts[0] {
        "echo" => {
            let headers: HashMap<_, _> = head
                .headers
                .iter()
                .map(|(name, value)| (name.as_str(), value.to_str().unwrap_or_default()))
                .collect();
            let seen = serde_json::json!({
                "method": head.method.as_str(),
                "query": head.uri.query(),
                "headers": headers,
                "body": String::from_utf8_lossy(&body),
            });
            reply(200, seen.to_string())
        }
        "status" => reply(number(1).unwrap_or(200) as u16, "as you wish"),
        "bytes" => reply(200, vec![b'x'; number(1).unwrap_or(0) as usize]),
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(number(1).unwrap_or(0))).await;
            reply(200, path)
        }
        // `/redirect/3` leads to `/redirect/2` and so on, to `/echo`.
        "redirect" => match number(1).unwrap_or(0) {
            0 => redirect("/echo"),
            left => redirect(&format!("/redirect/{}", left - 1)),
        },
        "loop" => redirect("/loop"),
        "cookie" => match parts.get(1) {
            Some(value) => with(reply(200, "set"), "set-cookie", &format!("it={value}; Path=/")),
            None => reply(200, header("cookie")),
        },
        "packed" => packed(parts.get(1).copied().unwrap_or_default()),
        // `/flaky/NAME/N/STATUS/SECONDS`: the first N requests get that status and Retry-After.
        "flaky" => {
            let mut by_path = seen.by_path.lock().expect("nobody panics with it");
            let before = by_path.entry(path.clone()).or_default();
            *before += 1;
            if *before <= number(2).unwrap_or(0) as usize {
                let failed = reply(number(3).unwrap_or(503) as u16, "not yet");
                return match parts.get(4) {
                    Some(after) => with(failed, "retry-after", after),
                    None => failed,
                };
            }
            reply(200, "at last")
        }
        _ => reply(404, "there is no such thing"),
    }
}

fn reply(status: u16, body: impl Into<Bytes>) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status.try_into().expect("a status has three digits");
    response
}

fn with(
    mut response: Response<Full<Bytes>>,
    name: &'static str,
    value: &str,
) -> Response<Full<Bytes>> {
    response.headers_mut().insert(name, value.parse().expect("a header's value"));
    response
}

fn redirect(to: &str) -> Response<Full<Bytes>> {
    with(reply(302, ""), "location", to)
}

/// A text, compressed; `damaged` is called gzip and is none.
fn packed(how: &str) -> Response<Full<Bytes>> {
    let text = "many hands ".repeat(1000);
    let (encoding, body) = match how {
        "gzip" => {
            let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            packer.write_all(text.as_bytes()).expect("memory takes it");
            ("gzip", packer.finish().expect("memory takes it"))
        }
        "br" => {
            let mut body = Vec::new();
            brotli::CompressorWriter::new(&mut body, 4096, 5, 22)
                .write_all(text.as_bytes())
                .expect("memory takes it");
            ("br", body)
        }
        "zstd" => ("zstd", zstd::encode_all(text.as_bytes(), 3).expect("memory takes it")),
        _ => ("gzip", text.into_bytes()),
    };
    with(reply(200, body), "content-encoding", encoding)
}

/// A peer that reads the head of each request and then sends exactly these bytes; after them it
/// closes the connection, or leaves it open.
pub(crate) fn peer(answer: impl Into<Vec<u8>>, then: Then) -> String {
    let answer: Arc<[u8]> = answer.into().into();
    let address = accept(move |mut stream| {
        let answer = Arc::clone(&answer);
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(&answer).await;
            match then {
                Then::Close => {
                    let _ = stream.shutdown().await;
                }
                Then::Reset => {
                    // With no time to linger, closing sends a reset.
                    let _ = stream.set_zero_linger();
                }
                Then::Hold => std::future::pending().await,
            }
        }
    });
    format!("http://{address}/")
}

/// What a [`peer`] does when it has sent its answer.
#[derive(Clone, Copy)]
pub(crate) enum Then {
    /// Closes the connection in order.
    Close,
    /// Resets the connection.
    Reset,
    /// Leaves the connection open, and says nothing more.
    Hold,
}

/// Reads up to the blank line.
pub(crate) async fn read_head(stream: &mut TcpStream) {
    use tokio::io::AsyncReadExt;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
}

/// Waits until `condition` holds, which it is sure to do, and says what is wrong if it does not.
pub(crate) fn until(what: &str, condition: impl Fn() -> bool) {
    let start = std::time::Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(60), "still waiting: {what}");
        manyhands_wait::sleep(Duration::from_millis(2));
    }
}
