//! TLS through rustls' blocking streams: many clients, large data, a peer that is cut off.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::sync::Arc;

use manyhands_coroutines::net::{TcpListener, TcpStream};
use manyhands_coroutines::server::StreamServer;
use manyhands_executor::InProcess;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use crate::net_places::everywhere;

fn configurations() -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], key)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

fn connect(
    address: SocketAddr,
    with: &Arc<ClientConfig>,
) -> StreamOwned<ClientConnection, TcpStream> {
    let name = ServerName::try_from("localhost").unwrap();
    let connection = ClientConnection::new(Arc::clone(with), name).unwrap();
    StreamOwned::new(connection, TcpStream::connect(address).unwrap())
}

fn echo(stream: TcpStream, with: &Arc<ServerConfig>) -> std::io::Result<()> {
    let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(with)).unwrap(), stream);
    let mut buffer = [0; 16 << 10];
    loop {
        let read = stream.read(&mut buffer)?;
        if read == 0 {
            return Ok(());
        }
        stream.write_all(&buffer[..read].to_ascii_uppercase())?;
        stream.flush()?;
    }
}

everywhere! {
    fn clients_are_answered_through_tls(executor) {
        let (server_side, client_side) = configurations();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let server = StreamServer::new(listener, move |stream, _| {
            // A client that goes without a goodbye ends its connection with an error.
            let _ended = echo(stream, &server_side);
        });
        let (address, handle) = (server.local_addr().unwrap(), server.handle());
        let serving = server.start(executor.clone()).unwrap();
        let clients: Vec<_> = (0..10)
            .map(|client| {
                let client_side = Arc::clone(&client_side);
                executor.spawn(move || {
                    let mut stream = connect(address, &client_side);
                    let text = format!("client {client} ").repeat(2_000);
                    stream.write_all(text.as_bytes()).unwrap();
                    let mut answer = vec![0; text.len()];
                    stream.read_exact(&mut answer).unwrap();
                    assert_eq!(answer, text.to_ascii_uppercase().as_bytes());
                })
            })
            .collect();
        for client in clients {
            client.result().unwrap();
        }
        handle.stop();
        assert_eq!(serving.result().unwrap().unwrap().accepted, 10);
    }

    fn a_connection_without_a_goodbye_is_an_error(executor) {
        let (server_side, client_side) = configurations();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let serving = executor.spawn(move || {
            let stream = listener.accept().unwrap().0;
            echo(stream, &server_side).unwrap_err().kind()
        });
        let asking = executor.spawn(move || {
            let mut stream = connect(address, &client_side);
            stream.write_all(b"x").unwrap();
            stream.read_exact(&mut [0]).unwrap();
        });
        asking.result().unwrap();
        assert_eq!(serving.result().unwrap(), ErrorKind::UnexpectedEof);
    }
}
