//! UDP: datagrams, limits, what comes back.

use std::io::ErrorKind;
use std::time::Duration;

use manyhands_coroutines::net::UdpSocket;
use manyhands_executor::InProcess;

use crate::net_places::everywhere;

const SHORT: Duration = Duration::from_millis(20);

everywhere! {
    fn datagrams_come_with_their_senders(executor) {
        let server = UdpSocket::bind("127.0.0.1:0").unwrap();
        let here = server.local_addr().unwrap();
        let echo = executor.spawn(move || {
            let mut buffer = [0; 64];
            loop {
                let (length, from) = server.recv_from(&mut buffer).unwrap();
                if length == 0 {
                    return;
                }
                server.send_to(&buffer[..length].to_ascii_uppercase(), from).unwrap();
            }
        });
        let clients: Vec<_> = (0..10)
            .map(|client| {
                executor.spawn(move || {
                    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
                    socket.connect(here).unwrap();
                    for round in 0..20 {
                        let text = format!("client {client} round {round}");
                        socket.send(text.as_bytes()).unwrap();
                        let mut buffer = [0; 64];
                        let peeked = socket.peek(&mut buffer).unwrap();
                        let length = socket.recv(&mut buffer).unwrap();
                        assert_eq!(peeked, length);
                        assert_eq!(&buffer[..length], text.to_ascii_uppercase().as_bytes());
                    }
                })
            })
            .collect();
        for client in clients {
            client.result().unwrap();
        }
        UdpSocket::bind("127.0.0.1:0").unwrap().send_to(&[], here).unwrap();
        echo.result().unwrap();
    }

    fn receiving_gives_up_at_its_limit(executor) {
        let receiving = executor.spawn(|| {
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.set_read_timeout(Some(SHORT)).unwrap();
            let first = socket.recv_from(&mut [0; 8]).unwrap_err().kind();
            socket.send_to(b"me", socket.local_addr().unwrap()).unwrap();
            socket.set_read_timeout(None).unwrap();
            (first, socket.recv_from(&mut [0; 8]).unwrap().0)
        });
        assert_eq!(receiving.result().unwrap(), (ErrorKind::TimedOut, 2));
    }

    fn a_datagram_that_comes_back_ends_the_wait_for_an_answer(executor) {
        let receiving = executor.spawn(|| {
            let gone = UdpSocket::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
            let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
            socket.connect(gone).unwrap();
            let clone = socket.try_clone().unwrap();
            // Registered with the reactor before anything comes back.
            socket.set_read_timeout(Some(SHORT)).unwrap();
            assert_eq!(socket.recv(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
            socket.set_read_timeout(None).unwrap();
            clone.send(b"anybody there?").unwrap();
            socket.recv(&mut [0]).unwrap_err().kind()
        });
        assert_eq!(receiving.result().unwrap(), ErrorKind::ConnectionRefused);
    }
}

#[test]
fn sockets_of_std_come_and_go_with_their_limits() {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(SHORT)).unwrap();
    let clone = socket.try_clone().unwrap();
    assert_eq!(socket.into_std().unwrap_err().kind(), ErrorKind::ResourceBusy);
    let std = clone.into_std().unwrap();
    assert_eq!(std.recv(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    let back = UdpSocket::try_from(std).unwrap();
    assert_eq!(back.recv(&mut [0]).unwrap_err().kind(), ErrorKind::TimedOut);
}
