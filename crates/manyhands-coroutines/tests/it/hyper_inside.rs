//! hyper in coroutines: a client and a server, whose connections are background tasks of the hub's
//! own runtime.

use std::convert::Infallible;
use std::net::SocketAddr;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use manyhands_coroutines::{CoroutinePool, join_all, spawn_local};
use tokio::net::{TcpListener, TcpStream};

/// Serves on this thread, in the background, whatever is asked for, in capitals.
fn serve() -> SocketAddr {
    let listener = manyhands_io::wait(TcpListener::bind("127.0.0.1:0")).unwrap();
    let address = listener.local_addr().unwrap();
    let answer = |request: Request<Incoming>| async move {
        let text = request.uri().path().to_uppercase();
        Ok::<_, Infallible>(Response::new(Full::new(Bytes::from(text))))
    };
    let _detached = spawn_local(move || {
        loop {
            let (stream, _) = manyhands_io::wait(listener.accept()).unwrap();
            let service = hyper::service::service_fn(answer);
            let server = hyper::server::conn::http1::Builder::new();
            tokio::spawn(server.serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// Asks for two pages over one connection.
fn fetch(address: SocketAddr, name: &str) -> [String; 2] {
    let stream = manyhands_io::wait(TcpStream::connect(address)).unwrap();
    let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
    let (mut sender, connection) = manyhands_io::wait(handshake).unwrap();
    tokio::spawn(connection);
    ["first", "second"].map(|page| {
        let request = Request::get(format!("/{name}/{page}")).body(Full::<Bytes>::default());
        let response = manyhands_io::wait(sender.send_request(request.unwrap())).unwrap();
        let body = manyhands_io::wait(response.into_body().collect()).unwrap();
        String::from_utf8(body.to_bytes().to_vec()).unwrap()
    })
}

#[test]
fn client_and_server_share_a_thread_with_coroutines() {
    let task = spawn_local(|| {
        let address = serve();
        let clients = (0..20).map(|n| spawn_local(move || fetch(address, &format!("n{n}"))));
        join_all(clients).into_iter().map(Result::unwrap).collect::<Vec<_>>()
    });
    for (n, pages) in task.result().unwrap().into_iter().enumerate() {
        assert_eq!(pages, [format!("/N{n}/FIRST"), format!("/N{n}/SECOND")]);
    }
}

#[test]
fn clients_run_on_the_hubs_of_a_pool() {
    let address = spawn_local(serve).result().unwrap();
    let pool = CoroutinePool::new(2).unwrap();
    let tasks: Vec<_> = (0..20).map(|_| pool.spawn(move || fetch(address, "x"))).collect();
    // While this thread waits, it serves.
    for pages in join_all(tasks) {
        assert_eq!(pages.unwrap(), ["/X/FIRST", "/X/SECOND"]);
    }
}
