//! TLS with rustls' blocking streams: they ask for `Read` and `Write`, and our sockets are both.
//!
//! A server with a certificate made for the occasion answers in upper case; clients that trust it
//! ask. Nothing here knows whether it runs on threads or in coroutines.
//!
//! Run with `cargo run -p manyhands-coroutines --example tls_echo`.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use manyhands_coroutines::net::{TcpListener, TcpStream};
use manyhands_coroutines::server::StreamServer;
use manyhands_executor::Sequential;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

const CLIENTS: usize = 3;

fn main() -> Result<(), Box<dyn Error>> {
    let (server_side, client_side) = configurations()?;
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let server = StreamServer::new(listener, move |stream, peer| {
        if let Err(error) = answer(stream, Arc::clone(&server_side)) {
            eprintln!("the connection with {peer} ended: {error}");
        }
    });
    let (address, handle) = (server.local_addr()?, server.handle());
    let clients = std::thread::spawn(move || {
        let asked = (0..CLIENTS).try_for_each(|client| {
            let answer = ask(address, &client_side, &format!("client {client} says hello"))?;
            println!("{answer}");
            Ok::<(), io::Error>(())
        });
        handle.stop();
        asked
    });
    let statistics = server.serve(&Sequential::new())?;
    clients.join().map_err(|_| "a client panicked")??;
    println!("{} connections", statistics.accepted);
    Ok(())
}

/// Answers in upper case until the client has no more to say.
fn answer(stream: TcpStream, configuration: Arc<ServerConfig>) -> io::Result<()> {
    let connection = ServerConnection::new(configuration).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, stream);
    let mut buffer = [0; 1024];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            stream.conn.send_close_notify();
            return stream.flush();
        }
        stream.write_all(&buffer[..read].to_ascii_uppercase())?;
    }
}

/// Sends `text` and returns the answer.
fn ask(address: SocketAddr, configuration: &Arc<ClientConfig>, text: &str) -> io::Result<String> {
    let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
    let connection =
        ClientConnection::new(Arc::clone(configuration), name).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, TcpStream::connect(address)?);
    stream.write_all(text.as_bytes())?;
    stream.conn.send_close_notify();
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// A server that calls itself `localhost`, and clients that trust its certificate and no other.
fn configurations() -> Result<(Arc<ServerConfig>, Arc<ClientConfig>), Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)?;
    let mut roots = RootCertStore::empty();
    roots.add(certificate)?;
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok((Arc::new(server), Arc::new(client)))
}
